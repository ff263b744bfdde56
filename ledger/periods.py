"""When instalments fall due, and how long the interest period of each is.

Dates and units of time only: no money. Due dates follow from the terms and the day of the first
disbursement; where the terms roll them, the holidays stand in the terms.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise

from ledger.dates import LAST_DATE, Calendar, add_months, day_number
from ledger.errors import DateOutOfRange
from ledger.interest import units_between
from ledger.terms import DayCount, Roll, Terms

_LAST_OF_MONTH = 31


@dataclass(frozen=True, slots=True)
class Period:
    """Interest is earned from `start` up to `end` and falls due on `due`.

    `units` are its length by the day count, `months` its agreed length (0: it is counted in days).
    """

    start: date
    end: date
    due: date
    units: int
    months: int

    def elapsed(self, day: date, day_count: DayCount) -> int:
        """Units from the start to `day`; the whole period at its end, never more before it."""
        if day >= self.end:
            return self.units
        return min(units_between(self.start, day, day_count), self.units)


def moved(day: date, roll: Roll | None) -> date:
    """`day`, or where it goes when it is no business day."""
    return day if roll is None else _calendar(roll).roll(day, roll.convention)


def periods(terms: Terms, start: date) -> list[Period]:
    """Consecutive periods. Under 30/360 a period of whole months has 30 days a month."""
    check_in_calendar(terms, start)
    agreed = _agreed_dates(terms, start)
    dues = agreed if terms.roll is None else tuple(moved(day, terms.roll) for day in agreed)
    ends = dues if terms.roll is not None and terms.roll.moves_interest else agreed
    months = terms.period_months * (terms.instalments if terms.method == "bullet" else 1)
    months = 0 if terms.period_days else months
    begins = _agreed_begin(terms, start, months, agreed[0])
    found = []
    for number, (since, until) in enumerate(pairwise((start, *ends))):
        whole = (since, until) == (agreed[number - 1] if number else begins, agreed[number])
        if terms.day_count == "30/360" and months and whole:
            units = 30 * months
        else:
            units = units_between(since, until, terms.day_count)
        found.append(Period(since, until, dues[number], units, months))
    return found


def check_in_calendar(terms: Terms, start: date) -> None:
    """Errors: DateOutOfRange when the last instalment would fall due beyond the calendar.

    A roll goes no further than all its holidays and a week.
    """
    first = terms.first_due_date or start
    days = terms.period_days or 31 * terms.period_months
    rolled = 0 if terms.roll is None else len(terms.roll.holidays) + 7
    if day_number(first) + terms.instalments * days + rolled > day_number(LAST_DATE):
        raise DateOutOfRange(
            f"{terms.instalments} instalments from {first} on reach beyond {LAST_DATE}.",
            way_out="Agree fewer instalments or shorter periods.",
        )


def _agreed_begin(terms: Terms, start: date, months: int, first: date) -> date | None:
    """`start` when the first period is a whole one, else no day at all."""
    anchor = _LAST_OF_MONTH if terms.month_end and _is_month_end(start) else None
    return start if add_months(start, months, anchor_day=anchor) == first else None


def _is_month_end(day: date) -> bool:
    return (day + timedelta(days=1)).day == 1


def _agreed_dates(terms: Terms, start: date) -> tuple[date, ...]:
    """The due dates before any of them is moved."""
    if terms.period_days:
        step = timedelta(days=terms.period_days)
        first = terms.first_due_date or start + step
        dates = tuple(first + number * step for number in range(terms.instalments))
    else:
        months = terms.period_months
        anchor = terms.first_due_date.day if terms.first_due_date else start.day
        anchor = _LAST_OF_MONTH if terms.month_end else anchor
        first = terms.first_due_date or add_months(start, months, anchor_day=anchor)
        dates = tuple(
            first if number == 0 else add_months(first, months * number, anchor_day=anchor)
            for number in range(terms.instalments)
        )
    return dates[-1:] if terms.method == "bullet" else dates


@lru_cache(maxsize=256)
def _calendar(roll: Roll) -> Calendar:
    """The business days that a contract names; many contracts name the same ones."""
    return Calendar(weekmask=roll.weekmask, holidays=roll.holidays, working=roll.worked)
