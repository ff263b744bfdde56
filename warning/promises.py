"""Promises to pay and what became of them, by loan, as facts bring them.

A promise fails on the day after the first of its days on which too little was paid, because a day
is not over while it lasts; it is kept on the first day from which on all was paid. Outcomes are
worked out when they are asked for, and again once a payment or a promise touched the loan.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import partial
from itertools import accumulate

import numpy as np

from ledger.collection.standing import standing_by
from ledger.collection.state import Promise, promise_of
from ledger.dates import day_number
from ledger.events import PromiseCancelled, PromiseMade
from warning.arrears import ArrearsBook
from warning.intake import Handler
from warning.windows import NEVER, UNKNOWN, BoolArray, Growing, IntArray

READ = ("promises", "promise_failed_90d", "promise_failed_365d", "promise_kept_365d")
"""The measures there are: promises known, and how many failed or were kept in a window."""
Outcome = tuple[bool, int]
"""Whether a promise was kept, and from which day on that counts."""


class PromiseBook(Growing):
    """The promises of all loans; a row is the loan's in the arrears book."""

    promised: BoolArray

    def __init__(self, book: ArrearsBook) -> None:
        super().__init__()
        self.add_column("promised", np.bool_)
        self._book = book
        self._made: dict[int, dict[str, Promise]] = {}
        self._cancelled: dict[tuple[int, str], int] = {}
        self._outcomes: dict[int, list[Outcome]] = {}
        self.handlers: dict[type, Handler] = {
            PromiseMade: self._make,
            PromiseCancelled: self._cancel,
        }

    def _make(self, fact: PromiseMade, _: int) -> None:
        row = self._book.row(fact.loan_id)
        promise = promise_of(fact)
        promise.cancelled = self._cancelled.get((row, fact.promise_id))
        self._made.setdefault(row, {})[fact.promise_id] = promise
        self.promised[row] = True
        self._outcomes.pop(row, None)

    def _cancel(self, fact: PromiseCancelled, _: int) -> None:
        row, day = self._book.row(fact.loan_id), day_number(fact.value_date)
        self._cancelled[row, fact.promise_id] = day
        promise = self._made.get(row, {}).get(fact.promise_id)
        if promise is not None:
            promise.cancelled = day
            self._outcomes.pop(row, None)

    def paid(self, rows: IntArray) -> None:
        """Payments of `rows` were taken: what became of their promises may be otherwise."""
        if self._outcomes:
            for row in rows[self.promised[rows]].tolist():
                self._outcomes.pop(row, None)

    def read(self, name: str, rows: IntArray | slice) -> IntArray:
        """The measure `name` of each of `rows`; UNKNOWN without any promise."""
        chosen = np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows
        found = np.full(len(chosen), UNKNOWN, np.int64)
        for at in np.flatnonzero(self.promised[chosen]).tolist():
            found[at] = self._measure(name, int(chosen[at]))
        return found

    def _measure(self, name: str, row: int) -> int:
        if name == "promises":
            return len(self._made[row])
        what, _, window = name.rpartition("_")
        today, days = self._book.day, int(window.removesuffix("d"))
        wanted = what == "promise_kept"
        outcomes = self._outcomes.get(row)
        if outcomes is None:
            outcomes = self._outcomes[row] = self._decided(row)
        return sum(kept == wanted and today - days < day <= today for kept, day in outcomes)

    def _decided(self, row: int) -> list[Outcome]:
        """What becomes of each promise if nothing more is paid."""
        by_day = self._book.payments.by_day(int(self._book.latest_payment[row]))
        days = sorted(by_day)
        sums = [0, *accumulate(by_day[day] for day in days)]

        def paid_in(first: int, last: int) -> int:
            return sums[bisect_right(days, last)] - sums[bisect_left(days, first)]

        outcomes = []
        for promise in self._made[row].values():
            found = standing_by(promise, partial(paid_in, promise.made_day), NEVER)
            if found.decided_day is not None and found.standing != "cancelled":
                kept = found.standing == "kept"
                outcomes.append((kept, found.decided_day + (not kept)))
        return outcomes
