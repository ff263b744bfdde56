"""What was: worst days past due and delinquency episodes by calendar month, for every loan.

An episode at level L (1, 30 or 60) is a run of days with L or more days past due. The twelve months
of a window are the month of the open day and the eleven before, and so with 24; an episode counts
when any of its days lies in them. Days before the open one are closed and kept by month; the open
day is added when asked. `close_day` goes forward, vectorised; `rederive` replaces one loan's past,
from the stretches of days between which nothing changed, after a late fact. Day counts of the past
keep the schedule that was in force on each day.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from warning.arrears import ArrearsBook
from warning.dues import UNMET
from warning.intake import NOT_STARTED
from warning.windows import NEVER, DayArray, Growing, IntArray, month_of, month_start

LEVELS = (1, 30, 60)
MONTHS = 12
"""Months of which the worst days past due are kept."""
KEPT = 24
"""Months of which episodes are kept."""
Stretch = tuple[int, int, int]
"""Days [start, end) on which the oldest unmet due day was the third number."""
Paid = list[tuple[int, int]]
"""A loan's payments, (day, amount) in order of days, as `paid_of` gives them."""


class History(Growing):
    """Rings of months, kept up to the day before the open one: of 12 the worst, of 24 the rest.

    `worst`: most days past due. `began`: episodes begun, by level. `carried`: bit i set when an
    episode of LEVELS[i] ran on from the month before. `level`: bits of the last closed day.
    `last_30`: last closed day with 30 or more days past due, NEVER when there was none.
    """

    worst: DayArray
    began: NDArray[np.uint8]
    carried: NDArray[np.uint8]
    level: NDArray[np.uint8]
    last_30: DayArray

    def __init__(self) -> None:
        super().__init__()
        self.add_column("worst", np.int32, width=MONTHS)
        self.add_column("began", np.uint8, width=KEPT * len(LEVELS))
        self.add_column("carried", np.uint8, width=KEPT)
        self.add_column("level", np.uint8)
        self.add_column("last_30", np.int32, fill=NEVER)

    def close_day(self, day: int, dpd: IntArray) -> None:
        """Take in the final day counts of `day`, for all rows; days must follow one another."""
        month = month_of(day)
        worst, ring = self.worst[month % MONTHS], month % KEPT
        rows = np.flatnonzero(dpd)
        late = dpd[rows]
        level = level_of(late)
        before = self.level[rows]
        worst[rows] = np.maximum(worst[rows], late)
        for bit in range(len(LEVELS)):
            began = self.began[ring * len(LEVELS) + bit]
            began[rows] += (level & ~before) >> bit & 1
        if day == month_start(month):
            self.carried[ring][rows] = level & before
        self.level[: self.rows] = 0
        self.level[rows] = level
        self.last_30[rows[late >= 30]] = day
        if month_of(day + 1) != month:
            self._new_month(month + 1)

    def _new_month(self, month: int) -> None:
        ring = month % KEPT
        self.worst[month % MONTHS] = 0
        self.carried[ring] = 0
        self.began[ring * len(LEVELS) : (ring + 1) * len(LEVELS)] = 0

    def worst_dpd(self, dpd: IntArray, rows: IntArray | slice) -> IntArray:
        """Most days past due in the twelve months, the open day's `dpd` included."""
        worst: IntArray = np.maximum(self.worst[:, rows].max(axis=0), dpd)
        return worst

    def months_late(self, level: int, day: int, dpd: IntArray, rows: IntArray | slice) -> IntArray:
        """Months of the twelve up to the open `day` with a day of `level` or more days past due."""
        late = self.worst[:, rows] >= level
        late[month_of(day) % MONTHS] |= dpd >= level
        months: IntArray = late.sum(axis=0, dtype=np.int64)
        return months

    def times(
        self, level: int, months: int, day: int, dpd: IntArray, rows: IntArray | slice
    ) -> IntArray:
        """Episodes of `level` days or more that touch the `months` up to that of the open `day`."""
        bit, first = LEVELS.index(level), month_of(day) - months + 1
        began: IntArray = (self.carried[first % KEPT][rows] >> bit & 1).astype(np.int64)
        for month in range(first, first + months):
            began += self.began[month % KEPT * len(LEVELS) + bit][rows]
        began += (dpd >= level) & ((self.level[rows] >> bit & 1) == 0)
        return began

    def last_day_30(self, day: int, dpd: IntArray, rows: IntArray | slice) -> IntArray:
        """The last day with 30 or more days past due, NEVER when there was none."""
        last: IntArray = np.where(dpd >= 30, day, self.last_30[rows])
        return last

    def rederive(self, row: int, day: int, stretches: Iterable[Stretch]) -> None:
        """Replace a row's months by what `stretches` (ascending, up to `day`) say."""
        month = month_of(day)
        past = _Past(month - KEPT + 1)
        for start, end, unmet in stretches:
            past.add(start, end, unmet)
        for each in range(month - MONTHS + 1, month + 1):
            self.worst[each % MONTHS, row] = past.worst[each % KEPT]
        self.began[:, row] = past.began
        self.carried[:, row] = past.carried
        self.last_30[row] = past.last_30
        self.level[row] = past.running if past.end == day else 0


class _Past:
    """One loan's months while its stretches are gone through; lists by their ring of 24."""

    def __init__(self, first_month: int) -> None:
        self.starts = [month_start(first_month + month) for month in range(KEPT + 1)]
        self.rings = [(first_month + month) % KEPT for month in range(KEPT)]
        self.worst, self.carried = [0] * KEPT, [0] * KEPT
        self.began = [0] * (KEPT * len(LEVELS))
        self.last_30 = NEVER
        self.end, self.running = -1, 0

    def add(self, start: int, end: int, unmet: int) -> None:
        """The next stretch: days [start, end) on which the oldest unmet due day was `unmet`."""
        before = self.running if self.end == start else 0
        self.end, self.running = end, 0
        for bit, level in enumerate(LEVELS):
            if unmet + level >= end:
                break
            self.running |= 1 << bit
            entered = max(start, unmet + level)
            on = entered == start and bool(before >> bit & 1)
            self._episode(bit, entered, end, on=on)
        if self.running & 1:
            self._worst(max(start, unmet + 1), end, unmet)
        if self.running & 2:
            self.last_30 = end - 1

    def _episode(self, bit: int, entered: int, end: int, *, on: bool) -> None:
        """Days [entered, end) of an episode; `on` when it already ran the day before."""
        starts = self.starts
        at = bisect_right(starts, entered)
        if on and at and starts[at - 1] == entered:
            at -= 1
        elif not on and at:
            self.began[self.rings[at - 1] * len(LEVELS) + bit] += 1
        while at < KEPT and starts[at] < end:
            self.carried[self.rings[at]] |= 1 << bit
            at += 1

    def _worst(self, first: int, end: int, unmet: int) -> None:
        starts, worst = self.starts, self.worst
        at = max(bisect_right(starts, first) - 1, 0)
        while at < KEPT and starts[at] < end:
            most = min(end, starts[at + 1]) - 1 - unmet
            ring = self.rings[at]
            worst[ring] = max(worst[ring], most)
            at += 1


def level_of(dpd: IntArray) -> NDArray[np.uint8]:
    """Bits of the levels that `dpd` reaches."""
    bits = np.zeros(len(dpd), np.uint8)
    for bit, level in enumerate(LEVELS):
        bits |= (dpd >= level).astype(np.uint8) << bit
    return bits


def paid_of(book: ArrearsBook, row: int) -> Paid:
    """What a loan paid on each day, reversals taken off, in order of days."""
    return sorted(book.payments.by_day(int(book.latest_payment[row])).items())


def stretches_of(book: ArrearsBook, row: int, paid: Paid | None = None) -> Iterator[Stretch]:
    """A loan's past up to the day before the open one, as stretches of days.

    On each day the schedule in force is the highest version valued by then; before the first one,
    reported positions speak, else charges alone. `paid` spares gathering the payments again.
    """
    paid = paid_of(book, row) if paid is None else paid
    schedules = schedules_of(book, row)
    from_days = [day for day, _, _ in schedules]
    changes = {day for day, _ in paid}
    changes.update(from_days)
    reports = book.reports.get(row, ())
    reported_until = from_days[1] if len(schedules) > 1 else NEVER
    changes.update(report.day for report in reports if report.day < reported_until)
    days = sorted(day for day in changes if day < book.day)
    paid_days = [day for day, _ in paid]
    sums = list(accumulate((amount for _, amount in paid), initial=0))
    for start, end in zip(days, [*days[1:], book.day], strict=True):
        if reports and reports[0].day <= start < reported_until:
            known = bisect_right(reports, start, key=lambda report: report.day)
            months = reports[known - 1].months
            unmet = reports[known - 1].day - 30 * months if months else NEVER
        else:
            _, due_days, cums = schedules[bisect_right(from_days, start) - 1]
            met = bisect_right(cums, sums[bisect_right(paid_days, start)])
            unmet = due_days[met] if met < len(due_days) else NEVER
        yield start, end, unmet


def schedules_of(book: ArrearsBook, row: int) -> list[tuple[int, list[int], list[int]]]:
    """A loan's schedules one after another: (in force from, due days, running totals of dues).

    The first holds charges alone; days are ascending.
    """
    charges = book.charges.get(row, {})
    found = [(NOT_STARTED, *_running(charges))]
    known = sorted(book.epochs.get(row, ()), key=lambda epoch: epoch.version)
    for epoch in known:
        due = dict(epoch.due)
        for day, amount in charges.items():
            due[day] = due.get(day, 0) + amount
        _put(found, (epoch.day, *_running(due)))
    if book.version[row]:
        _put(found, (int(book.schedule_day[row]), *book.dues.of(row)))
    return found


def _put(
    found: list[tuple[int, list[int], list[int]]], schedule: tuple[int, list[int], list[int]]
) -> None:
    """A higher version takes the place of every schedule valued on its day or later."""
    while len(found) > 1 and found[-1][0] >= schedule[0]:
        found.pop()
    found.append(schedule)


def _running(due: dict[int, int]) -> tuple[list[int], list[int]]:
    days = sorted(day for day, amount in due.items() if amount)
    return days, list(accumulate(due[day] for day in days))


def rederive_dues(book: ArrearsBook, row: int, paid: Paid) -> None:
    """Say anew how late each of a row's dues was met, and which were part-paid on their day."""
    days, cums = book.dues.of(row)
    late, part = [UNMET] * len(days), [0] * len(days)
    sums = list(accumulate((amount for _, amount in paid), initial=0))
    met = 0
    for (paid_day, _), total in zip(paid, sums[1:], strict=True):
        while met < len(cums) and cums[met] <= total:
            late[met] = max(paid_day - days[met], 0)
            met += 1
    unmet = int(book.unmet_at[row])
    late[unmet:] = [UNMET] * (len(days) - unmet)
    paid_days = [day for day, _ in paid]
    before = 0
    for at, (day, cum) in enumerate(zip(days, cums, strict=True)):
        if day >= book.day:
            break
        part[at] = before < sums[bisect_right(paid_days, day)] < cum
        before = cum
    place = book.dues.place(row)
    book.dues.arena.late[place] = late
    book.dues.arena.part[place] = part
