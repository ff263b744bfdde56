"""Day counts from unmet due days, how many days' worth of payments is unpaid, and due days."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from projections.book import LoanBook
from warning.history import paid_of, schedules_of
from warning.windows import NEVER, BoolArray, IntArray


class DaysLate(NamedTuple):
    """Day counts that rules go by, each under the name of its counter.

    `days`: since the oldest unmet due. `material`: on end above the limits of materiality, 0
    without any. `payments`: days past due, as far as that many days' worth of payments is unpaid.
    """

    days: IntArray
    material: IntArray
    payments: IntArray


def days_late(days: IntArray, part_paid: BoolArray, material: IntArray | None) -> DaysLate:
    """All counters from days past due. `part_paid`: some of the oldest unmet due is paid.

    N days' worth is what fell due in the last N days. Payments meet the oldest due first, so all
    that is younger than the oldest unmet due is unpaid: only a part of that one can be missing,
    and then the latest days that hold no more than the arrears begin on the day after it.
    """
    none = np.zeros_like(days) if material is None else material
    return DaysLate(days, none, np.maximum(days - part_paid, 0))


def part_paid_at(book: LoanBook, row: int, closes: Sequence[int]) -> BoolArray:
    """`part_paid` of one loan at past closes, by what is known now."""
    schedules, paid = schedules_of(book.arrears, row), paid_of(book.arrears, row)
    reports = book.arrears.reports.get(row, ())
    own = schedules[1][0] if len(schedules) > 1 else NEVER
    starts = [start for start, _, _ in schedules]
    paid_days = [day for day, _ in paid]
    sums = list(accumulate((amount for _, amount in paid), initial=0))
    found = np.zeros(len(closes), np.bool_)
    for at, day in enumerate(closes):
        if reports and reports[0].day <= day < own:
            continue
        _, _, cums = schedules[bisect_right(starts, day) - 1]
        total = sums[bisect_right(paid_days, day)]
        met = bisect_right(cums, total)
        found[at] = met < len(cums) and total > (cums[met - 1] if met else 0)
    return found


def arrears_repaid(book: LoanBook, row: int, day: int, since: int) -> bool:
    """Whether from the day after `since` up to `day` as much was paid as was past due on the day
    before `since`, by the schedule of that day. What was capitalised on `since` is no payment."""
    before, paid = since - 1, paid_of(book.arrears, row)
    schedules = schedules_of(book.arrears, row)
    _, days, cums = schedules[bisect_right([start for start, _, _ in schedules], before) - 1]
    due = bisect_left(days, before)
    met = sum(amount for on, amount in paid if on <= before)
    arrears = (cums[due - 1] if due else 0) - met
    return sum(amount for on, amount in paid if since < on <= day) >= arrears


def overdue_days(unmet: NDArray[Any], day: int | IntArray, first_count: int) -> IntArray:
    """Days past due at `day` from the oldest unmet due day; 0 while that is still to come.

    `first_count` 1: the due date itself is day 1, so a due of today counts; 0: the day after; less
    than 0: as many days of grace do not count.
    """
    days: IntArray = np.where(unmet <= day, day - unmet.astype(np.int64) + first_count, 0)
    return np.maximum(days, 0)


def due_days(book: LoanBook, row: int) -> list[int]:
    """A loan's due days in order."""
    return book.arrears.dues.of(row)[0]
