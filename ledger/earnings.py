"""Contract interest by day: what of a period's interest has been earned by a day.

Exact until it is rounded: pieces of constant balance and rate, over the units of the day count. By
the end of a period exactly the interest of its row is earned. Knows no payments; interest on what
is overdue is `overdue`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from ledger.interest import rounded_ratio, units_between
from ledger.money import Rounding
from ledger.periods import Period
from ledger.terms import DayCount, Instalment

Piece = tuple[int, int]
"""Units of time from the start of the period, and interest times the scale for each unit after."""


class Earning(NamedTuple):
    """The interest of one period. `scale` turns the pieces into minor units."""

    span: Period
    interest_minor: int
    pieces: tuple[Piece, ...]
    scale: int

    def before(self, day: date, *, day_count: DayCount, rounding: Rounding) -> int:
        """Interest for the days before `day`, minor units; all of it from the period's end on."""
        span = self.span
        if day >= span.end:
            return self.interest_minor
        if day <= span.start:
            return 0
        exact = exact_until(self.pieces, span.elapsed(day, day_count))
        return min(rounded_ratio(exact, self.scale, rounding=rounding), self.interest_minor)


def exact_until(pieces: Iterable[Piece], units: int) -> int:
    """Interest times the scale of the first `units` of a period."""
    total = since = weight = 0
    for begin, following in pieces:
        if begin >= units:
            break
        total += weight * (begin - since)
        since, weight = begin, following
    return total + weight * (units - since)


def of_given(rows: Iterable[Instalment], *, start: date, day_count: DayCount) -> list[Earning]:
    """Earnings of a given schedule: each row's interest evenly over the time since the row before.

    `start` is when the first one begins: the first day on which money was out.
    """
    earnings = []
    for row in rows:
        end = max(start, row.due_date)
        units = units_between(start, end, day_count)
        span = Period(start, end, row.due_date, units, 0)
        pieces = ((0, row.interest_minor),)
        earnings.append(Earning(span, row.interest_minor, pieces, max(units, 1)))
        start = end
    return earnings
