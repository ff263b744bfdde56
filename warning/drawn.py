"""Principal outstanding and the agreed line of a loan on each of the last 90 days.

Held are movements of principal by day, for as long as the days are looked at, and of lines only
those that changed. Everything else is worked out when someone asks. A reversed repayment was none
on its own day. Where the core system reports positions, the last one by a day is that of the day.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right, insort

import numpy as np

from warning.arrears import OWN, ArrearsBook
from warning.windows import UNKNOWN, IntArray, RollingSums

DAYS = 90
_MOST_HELD = 65_536
Line = tuple[int, str, int]
"""From which day, by which transaction, how much. What was agreed at the opening comes first."""


class DrawnBook:
    """A row is the loan's in the arrears book."""

    def __init__(self, book: ArrearsBook) -> None:
        self._book = book
        self._moves = RollingSums((), kept=DAYS)
        self._held = array("q")
        self._lines: dict[int, list[Line]] = {}

    def grow(self, rows: int) -> None:
        """Have at least `rows` loans."""
        self._moves.grow(rows)

    def drawn(self, row: int, day: int, amount: int) -> None:
        """Principal went up on a day not after the open one; repaid is negative."""
        self._held.extend((row, day, amount))
        if len(self._held) >= 3 * _MOST_HELD:
            self.flush()

    def agreed(self, row: int, amount: int) -> int:
        """What was agreed at the opening; gives the line now in force."""
        lines = self._lines.get(row)
        if lines is None:
            return amount
        lines[0] = (-1, "", amount)
        return lines[-1][2]

    def changed(self, row: int, line: Line, before: int) -> int:
        """The line is another one from a day on; gives the one now in force, `before` was."""
        lines = self._lines.setdefault(row, [(-1, "", before)])
        insort(lines, line)
        return lines[-1][2]

    def start(self, day: int) -> None:
        """Open the first day."""
        self._moves.start(day)

    def next_day(self) -> None:
        """Close the open day and open the next calendar day."""
        self.flush()
        self._moves.advance()

    def flush(self) -> None:
        """Count the movements held back."""
        if self._held:
            rows, days, amounts = np.array(self._held, np.int64).reshape(-1, 3).T
            self._held = array("q")
            self._moves.add(rows, days, amounts)

    def days(self, rows: IntArray, limits: IntArray) -> tuple[IntArray, IntArray]:
        """(DAYS, rows): principal outstanding and line at the close of each day, t first.

        `limits` are the lines now in force. UNKNOWN before the opening, and before a first report.
        """
        drawn, lines = self._outstanding(rows), np.tile(limits, (DAYS, 1))
        self._report(rows, drawn)
        for at in np.flatnonzero(np.isin(rows, list(self._lines))).tolist():
            for day, _, amount in self._lines[int(rows[at])]:
                lines[: self._book.day - day + 1, at] = amount
        days = self._book.day - np.arange(DAYS)
        early = days[:, None] < self._book.opened_day[rows]
        drawn[early] = lines[early] = UNKNOWN
        return drawn, lines

    def _outstanding(self, rows: IntArray) -> IntArray:
        """By the loan's own movements; those of a day are in its close."""
        self.flush()
        known, at = np.unique(rows, return_inverse=True)
        found = np.empty((DAYS, len(known)), np.int64)
        found[:] = self._book.principal[known]
        found[1:] -= self._moves.today[known]
        before = self._moves.by_day(self._book.day - DAYS + 2, known)[::-1]
        found[2:] -= before.cumsum(axis=0)
        return found[:, at]

    def _report(self, rows: IntArray, drawn: IntArray) -> None:
        """Put in what was reported of loans that go by it."""
        today = self._book.day
        for at in np.flatnonzero(self._book.source[rows] != OWN).tolist():
            reports = self._book.reports[int(rows[at])]
            first = bisect_right(reports, today - DAYS, key=lambda report: report.day) - 1
            drawn[:, at] = UNKNOWN
            for report in reports[max(first, 0) :]:
                drawn[: today - report.day + 1, at] = report.outstanding_minor

    def nbytes(self) -> int:
        """Bytes held in columns and logs."""
        return self._moves.nbytes()
