"""Schedules that the book generates: annuity, equal principal, interest only, bullet.

Pure arithmetic over the terms and the dated facts that bear on them (disbursements and changes of
rate); when instalments fall due is `periods`. Early repayment does not shorten a schedule here; the
core system sends the one that holds after it. Interest is rounded to the minor unit, instalments to
the product's unit, both as the terms say, and the last row carries the residue.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from ledger.earnings import Earning, Piece, exact_until
from ledger.errors import RuleRefused
from ledger.interest import PPM, rounded_ratio, units_a_year
from ledger.money import Rounding
from ledger.periods import Period, periods
from ledger.terms import Instalment, Terms

Dated = tuple[date, int]
"""A day and what changes on it: an amount in minor units, or a rate in parts per million."""


Early = tuple[date, int, bool]
"""An early repayment: its day and amount, and whether instalments stay and the loan ends sooner."""


def generate(
    terms: Terms,
    *,
    disbursements: Sequence[Dated],
    rates: Sequence[Dated] = (),
    early: Sequence[Early] = (),
) -> tuple[Instalment, ...]:
    """The schedule of a loan from its disbursements and changes of rate, each in date order.

    A later disbursement or rate is in force from its own day: interest of that period is counted
    piece by piece, and the instalments from there on are set anew. A down payment is a row of its
    own, due on the day of its disbursement. An early repayment bears no interest from its day on,
    and lowers the instalments or the number of them; it is no row here (see `plan`).
    Errors: RuleRefused "no_period_left" when a disbursement does not come before the last due date.
    """
    rows = [row for row, _ in _walked(terms, disbursements, rates, early)]
    while early and rows and not rows[-1].principal_minor + rows[-1].interest_minor:
        rows.pop()
    if not terms.down_payment_ppm:
        return tuple(rows)
    down = ((day, _down_minor(terms, amount)) for day, amount in disbursements)
    rows += [_down_row(day, part) for day, part in down if part]
    rows.sort(key=lambda row: row.due_date)
    return tuple(replace(row, number=number) for number, row in enumerate(rows, start=1))


def earned(
    terms: Terms,
    *,
    disbursements: Sequence[Dated],
    rates: Sequence[Dated] = (),
    early: Sequence[Early] = (),
) -> Iterator[Earning]:
    """How the interest of that schedule is earned, period by period; errors as `generate`."""
    return (earning for _, earning in _walked(terms, disbursements, rates, early))


def _walked(
    terms: Terms,
    disbursements: Sequence[Dated],
    rates: Sequence[Dated],
    early: Sequence[Early],
) -> Iterator[tuple[Instalment, Earning]]:
    """The regular instalments, each with how its period's interest is earned, as asked for."""
    start = disbursements[0][0]
    spans = periods(terms, start)
    first, last = spans[0].due, min(spans[-1].due, spans[-1].end)
    if first <= start or spans[0].end <= start or disbursements[-1][0] >= last:
        raise RuleRefused(
            f"A disbursement on {disbursements[-1][0]} leaves no instalment to repay it: the last "
            f"of the schedule is due on {spans[-1].due}, the first on {first}.",
            rule="no_period_left",
            way_out="Disburse before the due dates, or send the loan's own schedule first.",
        )
    lent = [(day, amount - _down_minor(terms, amount)) for day, amount in disbursements]
    walk = _Walk(terms=terms, spans=spans)
    changes = _changes(terms, start, lent, rates)
    if early:
        changes = _with_early(changes, early, last=spans[-1].end)
    for number in range(len(spans)):
        yield walk.row(number, changes)


def _down_minor(terms: Terms, amount_minor: int) -> int:
    """The down payment on a disbursement, never more than it."""
    part = rounded_ratio(
        amount_minor * terms.down_payment_ppm,
        PPM,
        rounding=Rounding(terms.rounding),
        unit_minor=terms.instalment_unit_minor,
    )
    return min(part, amount_minor)


def _down_row(day: date, part_minor: int) -> Instalment:
    return Instalment(number=0, due_date=day, principal_minor=part_minor, interest_minor=0)


@dataclass(frozen=True, slots=True)
class _Change:
    day: date
    drawn_minor: int
    rate_ppm: int
    levels: bool = True


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


def _with_early(changes: list[_Change], early: Sequence[Early], *, last: date) -> list[_Change]:
    """The changes with early repayments among them; one after the `last` day counts before it."""
    found = list(changes)
    for day, amount, shortens in early:
        when = min(day, last - timedelta(days=1))
        rate = [change.rate_ppm for change in changes if change.day <= when][-1]
        found.append(_Change(when, -amount, rate, levels=not shortens))
    return sorted(found, key=lambda change: change.day)


class _Walk:
    """Goes through the periods in order, keeping the balance."""

    def __init__(self, *, terms: Terms, spans: list[Period]) -> None:
        self._terms, self._spans, self._grace = terms, spans, terms.grace
        self._rounding = Rounding(terms.rounding)
        self._scale = PPM * units_a_year(terms.day_count)
        self._balance = self._rate = self._instalment = self._deferred = 0

    def row(self, number: int, changes: list[_Change]) -> tuple[Instalment, Earning]:
        span = self._spans[number]
        inside = [change for change in changes if span.start <= change.day < span.end]
        pieces = self._pieces(number, inside)
        exact = exact_until(pieces, span.units)
        interest = rounded_ratio(exact, self._scale, rounding=self._rounding)
        if any(change.levels for change in inside) or number == self._grace.principal_instalments:
            self._instalment = self._level_minor(number, exact)
        principal = self._principal_minor(number, interest)
        self._balance -= principal
        row = Instalment(
            number=number + 1,
            due_date=span.due,
            principal_minor=principal,
            interest_minor=self._due_interest(number, interest),
        )
        return row, Earning(span, interest, pieces, self._scale)

    def _due_interest(self, number: int, interest: int) -> int:
        """Interest of the grace period falls due with the first instalment after it."""
        if number < self._grace.interest_instalments:
            self._deferred += interest
            return 0
        deferred, self._deferred = self._deferred, 0
        return interest + deferred

    def _pieces(self, number: int, inside: list[_Change]) -> tuple[Piece, ...]:
        """How the period's interest is earned; takes the changes into the balance."""
        day_count, span = self._terms.day_count, self._spans[number]
        pieces = [(0, self._balance * self._rate)]
        for change in inside:
            self._balance += change.drawn_minor
            self._rate = change.rate_ppm
            pieces.append((span.elapsed(change.day, day_count), self._balance * self._rate))
        return () if number < self._grace.interest_free_instalments else tuple(pieces)

    def _level_minor(self, number: int, exact: int) -> int:
        """What is repaid each period from here on: instalment (annuity) or principal (equal)."""
        if number < self._grace.principal_instalments:
            return 0
        left = len(self._spans) - number
        unit = self._terms.instalment_unit_minor
        if self._terms.method == "equal_principal":
            return rounded_ratio(self._balance, left, rounding=self._rounding, unit_minor=unit)
        if self._terms.method != "annuity":
            return 0
        scale, factors = self._scale, self._factors(number)
        if self._terms.level == "equal_periods":
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
            rounding=self._rounding,
            unit_minor=unit,
        )

    def _factors(self, number: int) -> list[int]:
        """Interest on 1 in each period from `number` on, times the scale of the level."""
        equal = self._terms.level == "equal_periods"
        spans = self._spans[number:]
        free = max(0, self._grace.interest_free_instalments - number)
        counted = [self._rate * (span.months if equal else span.units) for span in spans]
        return [0] * free + counted[free:]

    def _principal_minor(self, number: int, interest: int) -> int:
        if number == len(self._spans) - 1:
            return self._balance
        if number < self._grace.principal_instalments:
            return 0
        if self._terms.method == "annuity":
            return min(max(self._instalment - interest, 0), self._balance)
        return min(self._instalment, self._balance)
