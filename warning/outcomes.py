"""What became of loans, from the ledger's own later history: whom to ask about, and the answers.

Default, unless the caller says otherwise: the first day more than 90 days past due, a finding
`default_observed`, or a write-off that stands, by all facts known now and on the day on which it
happened. The answers never enter an indicator: `samples` reads these as they stood at the moment
asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from ledger.dates import date_of, day_number
from ledger.events import (
    BusinessDayClosed,
    LoanClosed,
    LoanReopened,
    LoanStatusChanged,
    Recovered,
    RepaymentReceived,
    WriteOffCancelled,
)
from warning.arrears import ArrearsBook
from warning.evaluate import Outcome
from warning.intake import RecordedFact
from warning.windows import NEVER, IntArray, month_of, month_start

DEFAULT_DAYS = 90
LEAST_AGE_DAYS = 30
"""A loan is judged for the first time at the first month end after so many days."""
MISSED_DAYS = 3
"""A due not met within these days counts as missed; less is a technical delay."""
_US_A_DAY = 86_400_000_000


class Ask(NamedTuple):
    """A loan and the moment at which it is to be judged: the end of a day."""

    loan_id: str
    at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The loans of a book by row: day numbers, NEVER where it did not happen by `until`."""

    loan_ids: tuple[str, ...]
    opened: IntArray
    closed: IntArray
    missed_due: IntArray
    default: IntArray
    until: int

    def outcomes(self) -> dict[str, Outcome]:
        """By loan, as `evaluate.measure` wants them."""
        return {
            loan_id: Outcome(
                default_date=_date(int(self.default[row])),
                first_missed_due=_date(int(self.missed_due[row])),
                observed_until=date_of(self.until),  # Of an ended loan nothing more can come.
            )
            for row, loan_id in enumerate(self.loan_ids)
        }

    def loan_months(self) -> float:
        """Months that loans spent on the book."""
        ends = np.minimum(self.closed, self.until)
        return float(np.maximum(ends - self.opened, 0).sum() / 30.4375)

    def asks(self, *, horizon_days: int, least_age_days: int) -> tuple[list[Ask], list[bool]]:
        """Each loan at each month end at which it ran, was old enough and not in default.

        Bad: default within the horizon. Left out: where the whole horizon was not observed, also
        with a default in what was, since without the good ones beside it that default misleads.
        """
        asks: list[Ask] = []
        bad: list[bool] = []
        first = int(self.opened.min(initial=self.until)) if len(self.opened) else self.until
        for month in range(month_of(first) + 1, month_of(self.until) + 2):
            day = month_start(month) - 1
            if day + horizon_days > self.until:
                break
            running = (self.opened + least_age_days <= day) & (self.closed > day)
            soon = (self.default > day) & (self.default <= day + horizon_days)
            judged = running & (self.default > day)
            for row in np.flatnonzero(judged).tolist():
                asks.append(Ask(self.loan_ids[row], (day + 1) * _US_A_DAY - 1))
                bad.append(bool(soon[row]))
        return asks, bad


def past_of(recorded: Iterable[RecordedFact], *, default_days: int = DEFAULT_DAYS) -> Past:
    """What became of every loan, by all facts, up to the last day closed."""
    facts = list(_as_it_stands(recorded))
    book = ArrearsBook()
    book.apply(facts)
    days = [day_number(item.fact.value_date) for item in facts]
    closes = [day_number(i.fact.value_date) for i in facts if type(i.fact) is BusinessDayClosed]
    until = max(closes, default=max(days, default=0))
    missed = np.full(book.rows, NEVER, np.int64)
    default = np.full(book.rows, NEVER, np.int64)
    for day in range(min(days, default=until), until + 1):
        book.advance(day)
        late = book.dpd()
        default[(late > default_days) & (default == NEVER)] = day
        fresh = (late > MISSED_DAYS) & (missed == NEVER)
        missed[fresh] = day - late[fresh]
    _stated(facts, book, default)
    return Past(
        loan_ids=tuple(book.loan_ids),
        opened=book.opened_day[: book.rows].astype(np.int64),
        closed=book.closed_day[: book.rows].astype(np.int64),
        missed_due=missed,
        default=default,
        until=until,
    )


class _Stood(NamedTuple):
    """A fact in the place of the one that told of it later."""

    position: int
    fact: Any


def _as_it_stands(recorded: Iterable[RecordedFact]) -> Iterator[RecordedFact]:
    """The facts without closings that did not stand; what was recovered meanwhile is repayment."""
    facts = list(recorded)
    closings: dict[str, int] = {}
    gone: set[int] = set()
    for item in facts:
        if isinstance(item.fact, LoanClosed):
            closings[item.fact.loan_id] = item.position
        elif isinstance(item.fact, LoanReopened | WriteOffCancelled):
            gone |= {item.position, closings.pop(item.fact.loan_id, item.position)}
    for item in facts:
        if item.position not in gone:
            yield item
        elif isinstance(item.fact, WriteOffCancelled):
            for recovered in item.fact.recovered:
                yield _Stood(item.position, _repayment(item.fact, recovered))


def _repayment(fact: WriteOffCancelled, recovered: Recovered) -> RepaymentReceived:
    return RepaymentReceived(
        loan_id=fact.loan_id,
        amount_minor=recovered.amount_minor,
        split=recovered.split,
        transaction_id=recovered.transaction_id,
        value_date=recovered.value_date,
        recorded_at_us=fact.recorded_at_us,
    )


def _stated(facts: Sequence[RecordedFact], book: ArrearsBook, default: IntArray) -> None:
    """Findings of default, and write-offs, where they came before the days past due."""
    for item in facts:
        fact = item.fact
        found = type(fact) is LoanStatusChanged and fact.finding == "default_observed"
        if (found and fact.active) or (type(fact) is LoanClosed and fact.reason == "written_off"):
            row = book.row_of(fact.loan_id)
            default[row] = min(int(default[row]), day_number(fact.value_date))


def _date(day: int) -> date | None:
    return None if day == NEVER else date_of(day)
