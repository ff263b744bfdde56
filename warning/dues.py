"""What falls due, loan by loan, in one arena of contiguous columns.

Each row has a segment: its distinct due days in order and the running total of what has fallen due.
How late each due was met, and whether it was part-paid on its day, stand beside it. `Cursor` walks
all segments as days pass. Knows nothing of facts; who pays what is the business of `arrears`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from warning.windows import NEVER, DayArray, Growing, IntArray

UNMET = -1
"""In the column `late`: the due is not met yet."""


class Dues(Growing):
    """Segments of dues. `start` and `length` place a row's segment in the arena's columns.

    `day`: due day. `cum`: what fell due up to and including it, minor units. `late`: days from the
    due day to the day it was met in full (0 if by then, UNMET if not yet). `part`: 1 if some of it
    but not all was paid by the end of its day.
    """

    start: IntArray
    length: DayArray

    def __init__(self) -> None:
        super().__init__()
        self.add_column("start", np.int64)
        self.add_column("length", np.int32)
        self.arena = _Arena()

    def replace(self, row: int, days: Sequence[int], amounts: Sequence[int]) -> None:
        """Put other dues in a row: ascending distinct days, amounts above zero; all unmet."""
        arena, count = self.arena, len(days)
        if self.length[row] < count:
            arena.wasted += int(self.length[row])
            self.length[row] = 0
            if arena.wasted > max(arena.rows // 2, 4_096):
                self._compact()
            self.start[row] = arena.rows
            arena.grow(arena.rows + count)
        else:
            arena.wasted += int(self.length[row]) - count
        self.length[row] = count
        place = self.place(row)
        arena.day[place] = days
        arena.cum[place] = amounts
        arena.cum[place] = np.cumsum(arena.cum[place])
        arena.late[place] = UNMET
        arena.part[place] = 0

    def place(self, row: int) -> slice:
        """The row's segment of the arena."""
        start = int(self.start[row])
        return slice(start, start + int(self.length[row]))

    def of(self, row: int) -> tuple[list[int], list[int]]:
        """A row's due days and running totals."""
        place = self.place(row)
        return self.arena.day[place].tolist(), self.arena.cum[place].tolist()

    def cum_at(self, at: IntArray) -> IntArray:
        """Running totals at arena places; any place may be asked, also behind the end."""
        return self.arena.cum.take(at, mode="clip")

    def day_at(self, at: IntArray) -> DayArray:
        """Due days at arena places; any place may be asked, also behind the end."""
        return self.arena.day.take(at, mode="clip")

    def _compact(self) -> None:
        """Close the gaps that replaced segments left."""
        rows = np.flatnonzero(self.length[: self.rows])
        lengths = self.length[rows].astype(np.int64)
        starts = np.cumsum(lengths) - lengths
        total = int(lengths.sum())
        source = np.arange(total) + np.repeat(self.start[rows] - starts, lengths)
        self.arena.gather(source)
        self.start[rows] = starts

    def nbytes(self) -> int:
        """Bytes held by the segments and their places."""
        return super().nbytes() + self.arena.nbytes()


class _Arena(Growing):
    day: DayArray
    cum: IntArray
    late: DayArray
    part: NDArray[np.uint8]

    def __init__(self) -> None:
        super().__init__()
        self.wasted = 0
        self.add_column("day", np.int32)
        self.add_column("cum", np.int64)
        self.add_column("late", np.int32)
        self.add_column("part", np.uint8)

    def gather(self, source: IntArray) -> None:
        """Keep the places `source`, in that order."""
        for name in ("day", "cum", "late", "part"):
            column = getattr(self, name)
            column[: len(source)] = column[source]
        self.rows, self.wasted = len(source), 0


class Cursor(Growing):
    """For each row, how many of its dues have days up to a threshold, as the threshold moves on.

    `passed`: their number. `before`: their running total. `day`: the first due day behind the
    threshold, NEVER when there is none. The threshold is the open day minus `lag`.
    """

    passed: DayArray
    before: IntArray
    day: DayArray

    def __init__(self, *, lag: int) -> None:
        super().__init__()
        self.lag = lag
        self.add_column("passed", np.int32)
        self.add_column("before", np.int64)
        self.add_column("day", np.int32, fill=NEVER)

    def place(self, row: int, today: int, days: list[int], cums: list[int]) -> None:
        """Stand anew in a row whose dues were replaced."""
        passed = bisect_right(days, today - self.lag)
        self.passed[row] = passed
        self.before[row] = cums[passed - 1] if passed else 0
        self.day[row] = days[passed] if passed < len(days) else NEVER

    def advance(self, dues: Dues, today: int) -> tuple[IntArray, IntArray]:
        """Move the threshold to `today` minus lag, one day on: rows and arena places passed."""
        rows = np.flatnonzero(self.day[: self.rows] <= today - self.lag)
        if not rows.size:
            return rows, rows
        passed = self.passed[rows]
        at = dues.start[rows] + passed
        self.before[rows] = dues.cum_at(at)
        self.passed[rows] = passed + 1
        more = passed + 1 < dues.length[rows]
        self.day[rows] = np.where(more, dues.day_at(at + 1), NEVER)
        return rows, at
