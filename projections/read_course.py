"""Reading a loan's course: what fell due and what was paid, day by day, and its indicators.

Both are derived from the loan's own facts, on both time axes: by what was known at the end of
`known_on`, up to the end of `as_of`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import isfinite
from threading import Lock
from typing import Any

from ledger.dates import date_of, day_number
from ledger.ids import CALENDAR_STREAM, account_stream, loan_stream
from ledger.store import Recorded
from projections.read_grades import GradeReads
from projections.read_loan import evolved
from projections.register import LOANS
from warning.engine import Engine

SAMPLE_DAYS = 7
MOST_SAMPLES = 110
KEPT = 128
"""Loans whose indicators are kept, some 10 kB each."""
_TRACED_LOCK = Lock()


@dataclass(frozen=True, slots=True)
class Course:
    """A loan's money over time; running totals in minor units, by day, ascending.

    `due` also has the days that are still to come. `paid` has standing payments alone.
    """

    currency: str
    first: date
    until: date
    due: list[tuple[date, int]]
    paid: list[tuple[date, int]]


@dataclass(frozen=True, slots=True)
class Traces:
    """Indicators of one loan over time: a value for each of `days`, None where it is unknown."""

    days: list[date]
    values: dict[str, list[float | None]]


class CourseReads(GradeReads):
    """What happened to one loan, for pictures."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._traced: OrderedDict[Any, Traces] = OrderedDict()

    def course(
        self, loan_id: str, *, as_of: date | None = None, known_on: date | None = None
    ) -> Course | None:
        """Dues against payments. None when the book has no such loan, or had none then.

        Errors: StoreUnavailable when no store was passed.
        """
        known = self._known_facts(loan_stream(loan_id), None, known_on)
        if not self._known_facts(loan_stream(loan_id), as_of, known_on):
            return None
        loan = evolved(known)
        until = as_of or self._last_close(known_on) or date_of(loan.opened_day)
        position = loan.book.at(day_number(until))
        total, paid = 0, []
        for entry in loan.book.entries:
            if entry.paid_minor and entry.day <= day_number(until):
                total += entry.paid_minor
                paid.append((date_of(entry.day), total))
        due = [
            (date_of(day), owed)
            for day, owed in zip(position.dues.days, position.dues.totals, strict=True)
        ]
        return Course(loan.currency, date_of(loan.opened_day), until, due, paid)

    def traces(
        self,
        loan_id: str,
        names: Sequence[str],
        *,
        as_of: date | None = None,
        known_on: date | None = None,
    ) -> Traces | None:
        """Indicators at the last close and every seven days before it, by all that was known.

        `as_of` cuts them off: an earlier day's value does not depend on what came after it. The
        last few loans are kept, so that moving along that axis costs nothing.

        The borrower's other loans are taken in; those of other borrowers are not, so a column that
        compares with them is no indicator here. None when the book has no such loan, or had none
        then. Errors: KeyError for a name that is no indicator; StoreUnavailable without a store.
        """
        facts = self._of_borrower(loan_id, known_on)
        own = self._known_facts(loan_stream(loan_id), as_of, known_on)
        if not own or not facts:
            return None
        last = self._last_close(known_on) or own[-1].fact.value_date
        key = (loan_id, tuple(names), known_on, len(facts), last)
        with _TRACED_LOCK:
            whole = self._traced.get(key)
        if whole is None:
            whole = _traced(loan_id, names, facts, first=own[0].fact.value_date, last=last)
            with _TRACED_LOCK:
                self._traced[key] = whole
                while len(self._traced) > KEPT:
                    self._traced.popitem(last=False)
        until = bisect_right(whole.days, as_of or last)
        cut = {name: values[:until] for name, values in whole.values.items()}
        return Traces(whole.days[:until], cut) if until else None

    def _of_borrower(self, loan_id: str, known_on: date | None) -> list[Recorded]:
        """Facts of all of a borrower's loans and of the accounts behind them."""
        with self._database.reading() as connection:
            row = self._one(connection, LOANS, loan_id)
            if row is None:
                return []
            same = self._where(connection, LOANS, {"borrower_id": row["borrower_id"]})
        accounts = {loan["account_id"] for loan in same} - {None}
        streams = [loan_stream(loan["loan_id"]) for loan in same]
        streams += [account_stream(account_id) for account_id in sorted(accounts)]
        return [item for stream in streams for item in self._known_facts(stream, None, known_on)]

    def _last_close(self, known_on: date | None) -> date | None:
        """The last business day whose close was known by then."""
        closes = self._known_facts(CALENDAR_STREAM, None, known_on)
        return max((item.fact.value_date for item in closes), default=None)


def _traced(
    loan_id: str, names: Sequence[str], facts: Sequence[Recorded], *, first: date, last: date
) -> Traces:
    """Indicators of a loan from its borrower's facts, from its first day to the last close."""
    begin, end = day_number(first), max(day_number(first), day_number(last))
    earliest = max(begin, end - SAMPLE_DAYS * MOST_SAMPLES)
    days = sorted(range(end, earliest - 1, -SAMPLE_DAYS))
    engine = Engine()
    engine.apply(facts)
    values: dict[str, list[float | None]] = {name: [] for name in names}
    for day in days:
        engine.advance(day)
        row = engine.row_of(loan_id)
        for name, column in engine.values(list(names)).items():
            told = float(column[row]) if row >= 0 else float("nan")
            values[name].append(told if isfinite(told) else None)
    return Traces([date_of(day) for day in days], values)
