"""Schedules that the book generates: annuity, equal principal, interest only, bullet.

Pure arithmetic over the terms and the dated facts that bear on them (disbursements and changes of
rate). Early repayment does not shorten a schedule here; the core system sends the one that holds
after it. Rounding: interest half up to the minor unit, instalments half up to the product's unit,
and the last row carries the residue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Literal

from ledger.dates import add_months
from ledger.errors import RuleRefused
from ledger.interest import PPM, rounded_ratio, units_a_year, units_between
from ledger.money import Rounding
from ledger.terms import DayCount, Instalment, Terms

Dated = tuple[date, int]
"""A day and what changes on it: an amount in minor units, or a rate in parts per million."""
Level = Literal["exact", "equal_periods"]


def due_dates(terms: Terms, start: date) -> tuple[date, ...]:
    """The due dates of a loan paid out on `start`; a day that a month lacks is its last day.

    A bullet has one, at the end of the last period.
    """
    first = terms.first_due_date or add_months(start, terms.period_months)
    anchor = first.day if terms.first_due_date else start.day
    dates = tuple(
        add_months(first, terms.period_months * number, anchor_day=anchor)
        for number in range(terms.instalments)
    )
    return dates[-1:] if terms.method == "bullet" else dates


def generate(
    terms: Terms,
    *,
    disbursements: Sequence[Dated],
    rates: Sequence[Dated] = (),
    level: Level = "exact",
) -> tuple[Instalment, ...]:
    """The schedule of a loan from its disbursements and changes of rate, each in date order.

    A later disbursement or rate is in force from its own day: interest of that period is counted
    piece by piece, and the instalments from there on are set anew. `level` says how an annuity's
    instalment is found: from each period's own length, or as if all periods were equal (30/360)
    while interest follows the day count.
    Errors: RuleRefused "no_period_left" when a disbursement does not come before the last due date.
    """
    start = disbursements[0][0]
    dates = due_dates(terms, start)
    if dates[0] <= start or disbursements[-1][0] >= dates[-1]:
        raise RuleRefused(
            f"A disbursement on {disbursements[-1][0]} leaves no instalment to repay it: the last "
            f"of the schedule is due on {dates[-1]}, the first on {dates[0]}.",
            rule="no_period_left",
            way_out="Disburse before the due dates, or send the loan's own schedule first.",
        )
    periods = _periods(terms, (start, *dates))
    walk = _Walk(terms=terms, level=level, periods=periods)
    changes = _changes(terms, start, disbursements, rates)
    return tuple(walk.row(number, changes) for number in range(len(periods)))


@dataclass(frozen=True, slots=True)
class _Period:
    start: date
    end: date
    units: int
    months: int

    def elapsed(self, day: date, day_count: DayCount) -> int:
        """Units from the start to `day`; the whole period at its end, never more before it."""
        if day >= self.end:
            return self.units
        return min(units_between(self.start, day, day_count), self.units)


@dataclass(frozen=True, slots=True)
class _Change:
    day: date
    drawn_minor: int
    rate_ppm: int


def _periods(terms: Terms, edges: tuple[date, ...]) -> list[_Period]:
    """Consecutive periods. Under 30/360 a period of whole months has 30 days a month."""
    months = terms.period_months * (terms.instalments if terms.method == "bullet" else 1)
    periods = []
    for start, end in pairwise(edges):
        units = units_between(start, end, terms.day_count)
        whole = start is not edges[0] or add_months(start, months) == end
        if terms.day_count == "30/360" and whole:
            units = 30 * months
        periods.append(_Period(start, end, units, months))
    return periods


def _changes(
    terms: Terms, start: date, disbursements: Sequence[Dated], rates: Sequence[Dated]
) -> list[_Change]:
    """What changes on which day, from `start` on, each with the rate in force from then."""
    known = {day: rate for day, rate in rates if day > start}
    before = [rate for day, rate in rates if day <= start]
    rate = before[-1] if before else terms.rate_ppm
    changes = []
    for day in sorted({day for day, _ in disbursements} | known.keys()):
        rate = known.get(day, rate)
        drawn = sum(amount for when, amount in disbursements if when == day)
        changes.append(_Change(day, drawn, rate))
    return changes


class _Walk:
    """Goes through the periods in order, keeping the balance."""

    def __init__(self, *, terms: Terms, level: Level, periods: list[_Period]) -> None:
        self._terms, self._level, self._periods = terms, level, periods
        self._scale = PPM * units_a_year(terms.day_count)
        self._balance = self._rate = self._instalment = 0

    def row(self, number: int, changes: list[_Change]) -> Instalment:
        period = self._periods[number]
        inside = [change for change in changes if period.start <= change.day < period.end]
        exact = self._interest(period, inside)
        interest = rounded_ratio(exact, self._scale, rounding=Rounding.HALF_UP)
        if inside:
            self._instalment = self._level_minor(number, exact)
        principal = self._principal_minor(number, interest)
        self._balance -= principal
        return Instalment(
            number=number + 1,
            due_date=period.end,
            principal_minor=principal,
            interest_minor=interest,
        )

    def _interest(self, period: _Period, inside: list[_Change]) -> int:
        """Exact interest of the period times the scale; takes the changes into the balance."""
        day_count = self._terms.day_count
        total, since = 0, 0
        for change in inside:
            until = period.elapsed(change.day, day_count)
            total += self._balance * self._rate * (until - since)
            since = until
            self._balance += change.drawn_minor
            self._rate = change.rate_ppm
        return total + self._balance * self._rate * (period.units - since)

    def _level_minor(self, number: int, exact: int) -> int:
        """What is repaid each period from here on: instalment (annuity) or principal (equal)."""
        left = len(self._periods) - number
        unit = self._terms.instalment_unit_minor
        if self._terms.method == "equal_principal":
            return rounded_ratio(self._balance, left, rounding=Rounding.HALF_UP, unit_minor=unit)
        if self._terms.method != "annuity":
            return 0
        scale, factors = self._scale, self._factors(number)
        if self._level == "equal_periods":
            scale = PPM * 12
            exact = self._balance * factors[0]
        # The balance with this period's interest equals the instalments, each discounted by the
        # periods between: X * (1 + sum of D^i / prod(D + a)) in whole numbers over one scale D.
        grown, paid, power = 1, 0, 1
        for factor in factors[1:]:
            power *= scale
            grown *= scale + factor
            paid = paid * (scale + factor) + power
        return rounded_ratio(
            (self._balance * scale + exact) * grown,
            scale * (grown + paid),
            rounding=Rounding.HALF_UP,
            unit_minor=unit,
        )

    def _factors(self, number: int) -> list[int]:
        """Interest on 1 in each period from `number` on, times the scale of the level."""
        periods = self._periods[number:]
        if self._level == "equal_periods":
            return [self._rate * period.months for period in periods]
        return [self._rate * period.units for period in periods]

    def _principal_minor(self, number: int, interest: int) -> int:
        if number == len(self._periods) - 1:
            return self._balance
        if self._terms.method == "annuity":
            return min(max(self._instalment - interest, 0), self._balance)
        return min(self._instalment, self._balance)
