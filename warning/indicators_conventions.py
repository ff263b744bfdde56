"""Months late by the two ways in which mortgage markets count. Part of the catalogue.

Both count from the oldest due day not met in full, in calendar months, a due day of the 31st on the
last day of a shorter month. MBA: late unless paid by the end of the day before the next due day.
OTS: late unless paid by the close of that day: one day later, which is a whole cycle to whoever
looks at month ends on loans due on the first.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from warning.formulas import Get, indicator
from warning.windows import UNKNOWN, FloatArray, IntArray

_UNKNOWN = "no due days are known (no schedule or charge)"


def _months(days: IntArray) -> tuple[IntArray, IntArray]:
    """Month of each day, and its day of the month from 0."""
    dates: NDArray[np.datetime64] = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    return months.astype(np.int64), (dates - months.astype("datetime64[D]")).astype(np.int64)


def _late(notice: int) -> Callable[[Get], FloatArray]:
    """Whole months from the oldest unmet due day to `notice` days after t."""

    def formula(get: Get) -> FloatArray:
        since, until = get("unmet_day"), get("today") + notice
        unknown = since == UNKNOWN
        month, in_month = _months(until)
        from_month, from_day = _months(np.where(unknown, until, since))
        ends = _months(until + 1)[1] == 0
        late: FloatArray = (month - from_month - ((in_month < from_day) & ~ends)).astype(np.float64)
        late[unknown] = np.nan
        return late

    return formula


CONVENTIONS = tuple(
    indicator(
        f"{name.lower()}_late_months",
        "at t",
        f"Months late as {name} counts: 1 is its class of 30 days, 2 that of 60 and so on. {how}",
        unknown=_UNKNOWN,
        source=f"{name} method of mortgage servicing",
        formula=_late(notice),
    )
    for name, notice, how in (
        ("MBA", 1, "A due is late that was not met by the end of the day before the next due day."),
        ("OTS", 0, "A due is late that was not met by the close of the next month's due day."),
    )
)
"""Lateness by the conventions of mortgage markets."""
