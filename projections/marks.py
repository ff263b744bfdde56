"""What is remembered of each loan's lateness for ever, close by close: columns, vectorised.

`late_day`: the first close with more than 30 days past due, `late_minor` the outstanding principal
at it; `default_day`: the first close with more than 90; NEVER and 0 when there was none. A loan
written off before it was late counts as late and as defaulted on the close that ended it, with what
was written off. `firsts`: for the first and the second instalment and each k of FIRST_DAYS, whether
k days after the due day have passed, and whether it was unpaid at the first close by then.

A late fact changes the past: `correct` derives a loan's marks anew. A row of the history that was
written before stays as it was known then.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ledger.events import LoanClosed, LoanReopened, WriteOffAdjusted, WriteOffCancelled
from projections.book import LoanBook, Standing
from projections.facts import Facts
from warning.history import Stretch
from warning.windows import NEVER, DayArray, Growing, IntArray

FIRST_DAYS = (1, 7, 30)
"""Days after which a first or second instalment is looked at."""
LATE, DEFAULT = 30, 90
"""More days past due than this make a loan late, or defaulted."""


def passed_bit(payment: int, place: int) -> int:
    """The bit that says that FIRST_DAYS[place] days after due day `payment` (0, 1) have passed."""
    return 1 << (payment * len(FIRST_DAYS) + place)


def unpaid_bit(payment: int, place: int) -> int:
    """The bit that says that it was unpaid then."""
    return passed_bit(payment, place) << (2 * len(FIRST_DAYS))


class Marks(Growing):
    """One row a loan."""

    late_day: DayArray
    late_minor: IntArray
    default_day: DayArray
    firsts: NDArray[np.int16]

    def __init__(self) -> None:
        super().__init__()
        self.add_column("late_day", np.int32, fill=NEVER)
        self.add_column("late_minor", np.int64)
        self.add_column("default_day", np.int32, fill=NEVER)
        self.add_column("firsts", np.int16)
        self._left: dict[int, int] = {}
        self._lost: dict[int, int] = {}

    def fold(self, facts: Facts, book: LoanBook) -> None:
        """Take in what was written off, and what of that did not stand."""
        for item in facts.among(LoanClosed, WriteOffAdjusted, LoanReopened, WriteOffCancelled):
            fact, row = item.fact, book.arrears.row_of(item.fact.loan_id)
            if isinstance(fact, WriteOffAdjusted):
                self._left[row] += fact.change.principal_minor
                continue
            self._left.pop(row, None)
            self._lost.pop(row, None)
            if isinstance(fact, LoanClosed) and fact.reason == "written_off":
                self._left[row] = fact.remaining.principal_minor

    def close(self, book: LoanBook) -> None:
        """Take in the standing of a close."""
        standing, rows = book.standing, book.rows
        self.grow(rows)
        ended = book.arrears.closed_day
        lost = [r for r in self._left if r not in self._lost and ended[r] <= standing.day]
        self._lost |= dict.fromkeys(lost, standing.day)
        for row in book.corrected:
            self.correct(book, row)
        late = standing.counted & (standing.dpd > LATE) & (self.late_day[:rows] == NEVER)
        self.late_day[:rows][late] = standing.day
        self.late_minor[:rows][late] = standing.outstanding[late]
        bad = standing.counted & (standing.dpd > DEFAULT) & (self.default_day[:rows] == NEVER)
        self.default_day[:rows][bad] = standing.day
        for row in lost:
            self._lose(row)
        self._first_payments(book, standing)

    def correct(self, book: LoanBook, row: int) -> None:
        """Derive a loan's marks anew, by what is known now, up to the close before this one."""
        opened, ended = (int(d[row]) for d in (book.arrears.opened_day, book.arrears.closed_day))
        known = len(book.closes) - 1
        first, last = (bisect_left(book.closes, day, hi=known) for day in (opened, ended))
        closes = book.closes[first:last]
        past = book.stretches(row)
        late = _first_over(past, closes, LATE)
        if late == NEVER:
            self.late_minor[row] = 0
        elif self.late_day[row] == NEVER:
            self.late_minor[row] = book.standing.outstanding[row]
        self.late_day[row] = late
        self.default_day[row] = _first_over(past, closes, DEFAULT)
        self.firsts[row] = _firsts(past, closes, book.arrears.dues.of(row)[0][:2])
        if row in self._lost:
            self._lose(row)

    def _lose(self, row: int) -> None:
        """A loan written off is late and defaulted, on the close that ended it if not before."""
        day, left = self._lost[row], self._left[row]
        if self.late_day[row] == NEVER:
            self.late_day[row], self.late_minor[row] = day, left
        self.default_day[row] = min(int(self.default_day[row]), day)

    def _first_payments(self, book: LoanBook, standing: Standing) -> None:
        rows, dues = book.rows, book.arrears.dues
        for payment in (0, 1):
            has = (dues.length[:rows] > payment) & standing.counted
            due = dues.day_at(dues.start[:rows] + payment)
            for place, days in enumerate(FIRST_DAYS):
                passed, unpaid = passed_bit(payment, place), unpaid_bit(payment, place)
                now = has & (due + days <= standing.day) & (self.firsts[:rows] & passed == 0)
                self.firsts[:rows][now] |= passed
                self.firsts[:rows][now & (standing.unmet <= due)] |= unpaid


def _first_over(past: Sequence[Stretch], closes: Sequence[int], limit: int) -> int:
    """The first close with more than `limit` days past due."""
    for start, end, unmet in past:
        first = max(start, unmet + limit + 1)
        at = bisect_left(closes, first)
        if first < end and at < len(closes) and closes[at] < end:
            return closes[at]
    return NEVER


def _firsts(past: Sequence[Stretch], closes: Sequence[int], dues: Sequence[int]) -> int:
    bits = 0
    for payment, due in enumerate(dues):
        for place, days in enumerate(FIRST_DAYS):
            at = bisect_left(closes, due + days)
            if at < len(closes):
                bits |= passed_bit(payment, place)
                if _unmet_at(past, closes[at]) <= due:
                    bits |= unpaid_bit(payment, place)
    return bits


def _unmet_at(past: Sequence[Stretch], day: int) -> int:
    for start, end, unmet in past:
        if start <= day < end:
            return unmet
    return NEVER
