"""Interest and charges that fell due and are unpaid: with the principal, what a borrower owes.

The ledger's exposure, kept for all loans from the facts: whoever looks at many days of one loan
makes an `UnpaidPast`. Compared in total, not by component.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np

from ledger.dates import day_number
from ledger.events import (
    ArrearsCapitalised,
    ChargeApplied,
    InstalmentsScheduled,
    InterestAccrued,
    RepaymentReceived,
    RepaymentReversed,
    RepaymentsReallocated,
    WriteOffCancelled,
)
from ledger.terms import Split
from projections.book import LoanBook
from projections.facts import Facts
from warning.owed import charges_of
from warning.payments import PaymentLog
from warning.windows import DayArray, Growing, IntArray


class _Interest(NamedTuple):
    """The interest of a schedule: in force from a day, and running totals by due day."""

    day: int
    version: int
    due_days: list[int]
    running: list[int]


class Unpaid(Growing):
    """By row. `paid`: what was paid of interest and charges up to the last day taken in."""

    paid: IntArray
    latest: DayArray

    def __init__(self) -> None:
        super().__init__()
        self.add_column("paid", np.int64)
        self.add_column("latest", np.int32, fill=-1)
        self._payments = PaymentLog()
        self._held = (array("q"), array("q"), array("q"))
        self._later = (array("q"), array("q"), array("q"))
        self._interest: dict[int, list[_Interest]] = {}
        self._charges: dict[int, dict[int, int]] = {}

    def fold(self, facts: Facts, book: LoanBook) -> None:
        """Take in a run of facts, which `book` has taken in already."""
        for item in facts.of(InstalmentsScheduled):
            self._scheduled(book.arrears.row_of(item.fact.loan_id), item.fact)
        for item in (*facts.of(ChargeApplied), *facts.of(InterestAccrued)):
            for day, amount in charges_of(item.fact):
                charges = self._charges.setdefault(book.arrears.row_of(item.fact.loan_id), {})
                charges[day] = charges.get(day, 0) + amount
        for kind, paid_of in _PAYING.items():
            for item in facts.of(kind):
                row = book.arrears.row_of(item.fact.loan_id)
                for day, amount in paid_of(item.fact):
                    self._hold(row, day, amount)

    def _hold(self, row: int, day: int, amount: int) -> None:
        if amount:
            for column, value in zip(self._held, (row, day, amount), strict=True):
                column.append(value)

    def _scheduled(self, row: int, fact: InstalmentsScheduled) -> None:
        due: dict[int, int] = {}
        for instalment in fact.instalments:
            if instalment.interest_minor:
                day = day_number(instalment.due_date)
                due[day] = due.get(day, 0) + instalment.interest_minor
        days = sorted(due)
        running = list(accumulate(due[day] for day in days))
        found = _Interest(day_number(fact.value_date), fact.schedule_version, days, running)
        self._interest.setdefault(row, []).append(found)

    def close(self, day: int, rows: int) -> None:
        """Take in what was paid up to `day`, of so many rows."""
        self.grow(rows)
        new = [np.array(held, np.int64) for held in self._held]
        waiting = [np.array(held, np.int64) for held in self._later]
        if new[0].size:
            self._payments.append(self.latest, *new)
        at, days, amounts = (np.concatenate(both) for both in zip(waiting, new, strict=True))
        now = days <= day
        np.add.at(self.paid, at[now], amounts[now])
        left = (array("q", column[~now].tolist()) for column in (at, days, amounts))
        self._later = (next(left), next(left), next(left))
        self._held = (array("q"), array("q"), array("q"))

    def due(self, row: int, day: int) -> int:
        """What of interest and charges fell due up to and including `day`, minor units."""
        charges = self._charges.get(row, {})
        charged = sum(amount for due_day, amount in charges.items() if due_day <= day)
        known = [one for one in self._interest.get(row, ()) if one.day <= day]
        if not known:
            return charged
        force = max(known, key=lambda one: one.version)
        count = bisect_right(force.due_days, day)
        return charged + (force.running[count - 1] if count else 0)

    def at(self, rows: Sequence[int], day: int) -> IntArray:
        """What is unpaid on `day` by what was paid up to the last day taken in, by `rows`."""
        due = np.array([self.due(row, day) for row in rows], np.int64)
        unpaid: IntArray = np.maximum(due - self.paid[np.array(rows, np.int64)], 0)
        return unpaid

    def past(self, row: int) -> UnpaidPast:
        """A loan's past, by what is known now."""
        return UnpaidPast(self, row, sorted(self._payments.by_day(int(self.latest[row])).items()))

    def turns(self, row: int) -> Iterator[int]:
        """Days on which something falls due, or another schedule comes into force."""
        yield from self._charges.get(row, ())
        for known in self._interest.get(row, ()):
            yield known.day
            yield from known.due_days


class UnpaidPast:
    """One loan's unpaid interest and charges. `days` are those on which they may change."""

    def __init__(self, unpaid: Unpaid, row: int, paid: Sequence[tuple[int, int]]) -> None:
        self._unpaid, self._row = unpaid, row
        self._paid_days = [day for day, _ in paid]
        self._paid = list(accumulate((amount for _, amount in paid), initial=0))
        self.days = {*self._paid_days, *unpaid.turns(row)}

    def at(self, day: int) -> int:
        """What is unpaid at the end of `day`, minor units."""
        paid = max(self._paid[bisect_right(self._paid_days, day)], 0)
        return max(self._unpaid.due(self._row, day) - paid, 0)


Paid = list[tuple[int, int]]
"""What a fact pays of interest and charges, and on which days."""


def _besides_principal(split: Split) -> int:
    return split.costs_minor + split.fees_minor + split.penalty_minor + split.interest_minor


def _of_split(fact: Any) -> Paid:
    return [(day_number(fact.value_date), _besides_principal(fact.split))]


def _taken_back(fact: RepaymentReversed) -> Paid:
    return [(day, -amount) for day, amount in _of_split(fact)]


def _reallocated(fact: RepaymentsReallocated) -> Paid:
    more = sum(
        _besides_principal(one.split) - _besides_principal(one.before) for one in fact.changes
    )
    return [(day_number(fact.value_date), more)]


def _write_off_cancelled(fact: WriteOffCancelled) -> Paid:
    return [paid for recovered in fact.recovered for paid in _of_split(recovered)]


_PAYING: dict[type, Callable[[Any], Paid]] = {
    RepaymentReceived: _of_split,
    RepaymentReversed: _taken_back,
    RepaymentsReallocated: _reallocated,
    ArrearsCapitalised: _of_split,
    WriteOffCancelled: _write_off_cancelled,
}
