"""What was owed on past days: arrears and exposure of one loan, by what is known now.

Made for the few loans whose arrears stand above a limit, or did. Arrears keep the schedule that was
in force on each day; money goes by value dates, a reallocation by that of the fact behind it. The
exposure is principal, and interest and charges due and unpaid, as in the ledger.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate

from projections.book import LoanBook
from projections.unpaid import UnpaidPast
from warning.history import paid_of, schedules_of


class Owed:
    """One loan's past. `days` are those on which anything may change, in order."""

    def __init__(
        self, book: LoanBook, row: int, principal: Iterable[tuple[int, int]], unpaid: UnpaidPast
    ) -> None:
        arrears = book.arrears
        self._unpaid = unpaid
        self._closed = int(arrears.closed_day[row])
        self._schedules = schedules_of(arrears, row)
        self._from = [start for start, _, _ in self._schedules]
        self._until = self._from[1] if len(self._from) > 1 else self._closed
        self._reports = arrears.reports.get(row, [])
        self._paid_days, self._paid = _running(paid_of(arrears, row))
        self._moved_days, self._moved = _running(sorted(principal))
        days = {*self._paid_days, *self._moved_days, *self._from[1:], self._closed, *unpaid.days}
        days.update(report.day for report in self._reports)
        for _, due_days, _ in self._schedules:
            days.update(due + 1 for due in due_days)
        self.days = sorted(days)

    def at(self, day: int) -> tuple[int, int]:
        """(arrears, exposure) at the end of `day`, minor units."""
        if day >= self._closed:
            return 0, 0
        unpaid = self._unpaid.at(day)
        if self._reports and self._reports[0].day <= day < self._until:
            known = bisect_right(self._reports, day, key=lambda report: report.day)
            report = self._reports[known - 1]
            arrears = (report.due_minor or 0) if report.months else 0
            return arrears, report.outstanding_minor + unpaid
        _, due_days, cums = self._schedules[bisect_right(self._from, day) - 1]
        due = bisect_left(due_days, day)
        paid = self._paid[bisect_right(self._paid_days, day)]
        principal = self._moved[bisect_right(self._moved_days, day)]
        return max((cums[due - 1] if due else 0) - paid, 0), principal + unpaid


def _running(moves: Iterable[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Days, and running totals that begin with 0 before the first."""
    known = list(moves)
    return [day for day, _ in known], list(accumulate((m for _, m in known), initial=0))
