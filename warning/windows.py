"""Day windows over many rows: columns that grow in place, and exact rolling sums.

A window of w days at day t is (t-w, t]: the day t counts, the day t-w does not. Windows in months
("12m", "3m") are calendar months: the month of t and those before it. All sums are int64, so the
order in which amounts arrive cannot matter. Knows nothing of loans or accounts.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ledger.dates import date_of, day_number

IntArray = NDArray[np.int64]
DayArray = NDArray[np.int32]
BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]

NEVER = 2**31 - 1
"""The day that never comes, in a column of day numbers."""
UNKNOWN = -(2**63)
"""An integer measure that is not known; formulas turn it into NaN."""


@lru_cache(maxsize=65_536)
def month_of(day: int) -> int:
    """Months since year 0 of a day number: consecutive months have consecutive numbers."""
    date = date_of(day)
    return date.year * 12 + date.month - 1


@lru_cache(maxsize=4_096)
def month_start(month: int) -> int:
    """The day number of a month's first day."""
    year, index = divmod(month, 12)
    return day_number(date_of(0).replace(year=year, month=index + 1, day=1))


class Growing:
    """Numpy columns of one length that grow in place, as attributes of the subclass.

    `rows` is how many are in use; a column is longer, and never empty. Its last axis is the row.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._capacity = 8
        self._fills: dict[str, int] = {}

    def add_column(
        self, name: str, dtype: DTypeLike, *, fill: int = 0, width: int | None = None
    ) -> None:
        """Make the attribute `name` a column of `fill`; `width` gives it a first axis."""
        self._fills[name] = fill
        shape = self._capacity if width is None else (width, self._capacity)
        setattr(self, name, np.full(shape, fill, dtype=dtype))

    def grow(self, rows: int) -> None:
        """Have at least `rows` rows; new ones hold the fill."""
        if rows > self._capacity:
            self._capacity = max(rows, self._capacity + self._capacity // 2, 64)
            for name, fill in self._fills.items():
                old = getattr(self, name)
                shape = (*old.shape[:-1], self._capacity)
                new = np.full(shape, fill, old.dtype) if fill else np.zeros(shape, old.dtype)
                new[..., : self.rows] = old[..., : self.rows]
                setattr(self, name, new)
        self.rows = max(self.rows, rows)

    def nbytes(self) -> int:
        """Bytes held by the columns."""
        return sum(getattr(self, name).nbytes for name in self._fills)


def coalesce(rows: IntArray, amounts: IntArray) -> tuple[IntArray, IntArray]:
    """Amounts added up by row: distinct rows in ascending order, and their sums."""
    if len(rows) == 1:
        return rows, amounts
    order = np.argsort(rows, kind="stable")
    rows = rows[order]
    first = np.flatnonzero(np.concatenate(([True], rows[1:] != rows[:-1])))
    return rows[first], np.add.reduceat(amounts[order], first)


class RollingSums(Growing):
    """For each row and each window, the exact sum of amounts with days in (day-w, day].

    `today` collects the open day; `sums[i]` holds the closed days of window i. A sparse log of
    amounts per day tells what leaves a window as the day moves on. A late amount enters every
    window that holds its day. The log reaches back over the longest window, or `kept` days.
    """

    today: IntArray
    sums: IntArray

    def __init__(self, windows: tuple[int, ...], *, kept: int = 0) -> None:
        super().__init__()
        self.windows = windows
        self._kept = max(kept, *windows, 1)
        self.day = 0
        self._log: dict[int, list[tuple[DayArray, IntArray]]] = {}
        self.add_column("today", np.int64)
        self.add_column("sums", np.int64, width=len(windows))

    def add(self, rows: IntArray, days: IntArray, amounts: IntArray) -> None:
        """Add amounts; no day may lie after `day`."""
        now = days == self.day
        if now.all():
            np.add.at(self.today, rows, amounts)
            return
        np.add.at(self.today, rows[now], amounts[now])
        self._add_late(rows[~now], days[~now], amounts[~now])

    def _add_late(self, rows: IntArray, days: IntArray, amounts: IntArray) -> None:
        for window, sums in zip(self.windows, self.sums, strict=True):
            inside = days > self.day - window
            np.add.at(sums, rows[inside], amounts[inside])
        kept = days > self.day - self._kept
        for day in np.unique(days[kept]).tolist():
            of_day = days == day
            self._keep(day, *coalesce(rows[of_day], amounts[of_day]))

    def _keep(self, day: int, rows: IntArray, amounts: IntArray) -> None:
        pieces = self._log.setdefault(day, [])
        pieces.append((rows.astype(np.int32), amounts))
        if len(pieces) > 4:
            both = coalesce(
                np.concatenate([piece[0] for piece in pieces]).astype(np.int64),
                np.concatenate([piece[1] for piece in pieces]),
            )
            pieces[:] = [(both[0].astype(np.int32), both[1])]

    def start(self, day: int) -> None:
        """Open the first day."""
        self.day = day

    def advance(self) -> None:
        """Close the open day and open the next calendar day."""
        if not self.rows:
            self.day += 1
            return
        today = self.today[: self.rows]
        rows = today.nonzero()[0]
        if rows.size:
            amounts = today[rows]
            self._keep(self.day, rows, amounts)
            for sums in self.sums:
                sums[rows] += amounts
            today[rows] = 0
        self.day += 1
        for window, sums in zip(self.windows, self.sums, strict=True):
            for old_rows, amounts in self._log.get(self.day - window, ()):
                sums[old_rows] -= amounts
        self._log.pop(self.day - self._kept, None)

    def total(self, window: int, rows: IntArray | slice) -> IntArray:
        """The sums over (day-window, day] of `rows`."""
        total: IntArray = self.sums[self.windows.index(window)][rows] + self.today[rows]
        return total

    def by_day(self, first: int, rows: IntArray) -> IntArray:
        """What was added to `rows` (ascending) on each closed day from `first`: (days, rows).

        The days must lie within those that the log reaches back.
        """
        found = np.zeros((self.day - first, len(rows)), np.int64)
        if not rows.size:
            return found
        least, span = int(rows[0]), int(rows[-1] - rows[0]) + 1
        # Rows close together are looked up in a table, those far apart are searched for.
        places = np.full(span if span <= 4 * len(rows) else 0, -1)
        if places.size:
            places[rows - least] = np.arange(len(rows))
        for at, day in enumerate(range(first, self.day)):
            for known, amounts in self._log.get(day, ()):
                near = slice(*known.searchsorted((least, least + span)))
                if places.size:
                    place = places[known[near] - least]
                    hit = place >= 0
                    found[at, place[hit]] += amounts[near][hit]
                elif near.start < near.stop:
                    place = np.minimum(known[near].searchsorted(rows), near.stop - near.start - 1)
                    hit = known[near][place] == rows
                    found[at, hit] += amounts[near][place[hit]]
        return found

    def nbytes(self) -> int:
        """Bytes held by the columns and the log."""
        pieces = (piece for day in self._log.values() for piece in day)
        return super().nbytes() + sum(rows.nbytes + amounts.nbytes for rows, amounts in pieces)
