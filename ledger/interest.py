"""Interest as exact fractions: day counts, and the one place where a fraction becomes money.

Time is counted in whole *units* of a convention (`units_a_year` of them make a year), so that
interest is a ratio of integers until it is rounded, and any split of a period adds up to the whole
period. Does not know schedules, and does not decide when interest is booked.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Callable
from datetime import date

from ledger.money import Rounding, round_ratio
from ledger.terms import DayCount

PPM = 1_000_000
"""Rates are parts per million a year."""

_UNITS_A_YEAR: dict[DayCount, int] = {
    "30/360": 360,
    "act/360": 360,
    "act/365": 365,
    "act/act": 365 * 366,
}


def units_a_year(day_count: DayCount) -> int:
    """How many units of the convention make one year."""
    return _UNITS_A_YEAR[day_count]


def units_between(start: date, end: date, day_count: DayCount) -> int:
    """Time from `start` (included) to `end` (excluded) in units of the convention.

    30/360 is 30E/360 (a 31st counts as the 30th); ACT/ACT is ISDA's: days of a leap year count
    1/366, others 1/365. All four are additive: units(a, b) + units(b, c) == units(a, c).
    Source: ISDA 2006 Definitions, section 4.16 (b), (d), (e), (g).
    """
    return _COUNT[day_count](start, end)


def rounded_ratio(
    numerator: int, denominator: int, *, rounding: Rounding, unit_minor: int = 1
) -> int:
    """numerator/denominator minor units -> whole minor units, a multiple of `unit_minor`."""
    return round_ratio(numerator, denominator * unit_minor, rounding=rounding) * unit_minor


def interest_minor(
    balance_minor: int, *, rate_ppm: int, units: int, day_count: DayCount, rounding: Rounding
) -> int:
    """Interest on an unchanged balance over `units` of time, rounded as named."""
    scale = PPM * units_a_year(day_count)
    return rounded_ratio(balance_minor * rate_ppm * units, scale, rounding=rounding)


def _days(start: date, end: date) -> int:
    return end.toordinal() - start.toordinal()


def _thirty(start: date, end: date) -> int:
    return _thirty_number(end) - _thirty_number(start)


def _thirty_number(day: date) -> int:
    return day.year * 360 + day.month * 30 + min(day.day, 30)


def _actual(start: date, end: date) -> int:
    return _actual_number(end) - _actual_number(start)


def _actual_number(day: date) -> int:
    """Units since year 0 began; each year holds exactly 365 × 366 of them."""
    weight = 365 if isleap(day.year) else 366
    return day.year * 365 * 366 + (day.timetuple().tm_yday - 1) * weight


_COUNT: dict[DayCount, Callable[[date, date], int]] = {
    "30/360": _thirty,
    "act/360": _days,
    "act/365": _days,
    "act/act": _actual,
}
