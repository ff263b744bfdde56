"""Interest on what is overdue: penalty interest on principal, compound interest on interest.

Counted day by day from the due date up to the payment, at the contract rate with the agreed markup
and spread; exact until it is charged. Within the grace of the terms overdue principal bears the
contract rate alone and overdue interest nothing. While funds are misused the higher markup counts,
and principal that is not overdue bears it on top of its own interest. Penalties bear no interest.
Source: 银发〔2003〕251号 (markups, compound interest at the penalty rate, the heavier of two).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import pairwise

from ledger.dates import date_of
from ledger.delinquency import INTEREST, PRINCIPAL, Dues
from ledger.interest import PPM, rounded_ratio, units_a_year, units_between
from ledger.money import Rounding
from ledger.position import Position
from ledger.terms import Penalty, Terms

Penalties = tuple[int, int]
"""Penalty interest and compound interest, minor units."""


class Meter:
    """What one loan's overdue dues have cost so far. Goes through its days in order."""

    __slots__ = ("_charged", "_day", "_exact", "_penalty", "_terms", "misused", "rate_ppm")

    def __init__(self, terms: Terms, penalty: Penalty) -> None:
        self._terms, self._penalty = terms, penalty
        self._day: int | None = None
        self._exact, self._charged = [0, 0], [0, 0]
        self.rate_ppm, self.misused = terms.rate_ppm, False

    def advance(self, position: Position, day: int) -> None:
        """Count the days up to `day`, on which `position` did not change but by dues."""
        if self._day is None or day <= self._day:
            self._day = day if self._day is None else self._day
            return
        edges = [self._day, *self._cuts(position.dues, day), day]
        for start, end in pairwise(edges):
            self._count(position, start, end)
        self._day = day

    def charge(self) -> Penalties:
        """What was counted and not charged yet, rounded as agreed; it is charged now."""
        scale = PPM * PPM * units_a_year(self._terms.day_count)
        rounding = Rounding(self._terms.rounding)
        total = [rounded_ratio(exact, scale, rounding=rounding) for exact in self._exact]
        new = total[0] - self._charged[0], total[1] - self._charged[1]
        self._charged = total
        return new

    def _cuts(self, dues: Dues, day: int) -> Iterable[int]:
        """Days before `day` on which something becomes overdue, or its grace ends."""
        found: set[int] = set()
        since = self._day or 0
        for shift in {0, self._terms.grace.arrears_days}:
            first = bisect_right(dues.days, since - shift)
            last = bisect_right(dues.days, day - shift - 1)
            found.update(due + shift for due in dues.days[first:last])
        return sorted(found)

    def _count(self, position: Position, start: int, end: int) -> None:
        due = position.dues.due_by(start)
        beyond = position.dues.due_by(start - self._terms.grace.arrears_days)
        most, paid = position.principal_minor, position.paid
        overdue = max(0, min(due[PRINCIPAL] - paid[PRINCIPAL], most))
        late = max(0, min(beyond[PRINCIPAL] - paid[PRINCIPAL], overdue))
        interest = max(0, beyond[INTEREST] - paid[INTEREST])
        units = units_between(date_of(start), date_of(end), self._terms.day_count)
        penal, plain = self._rate(), self.rate_ppm * PPM
        exact = late * penal + (overdue - late) * plain
        if self.misused:
            exact += (most - overdue) * self.rate_ppm * self._penalty.misuse_markup_ppm
        self._exact[0] += exact * units
        if self._penalty.compound:
            self._exact[1] += interest * penal * units

    def _rate(self) -> int:
        """The penalty rate in parts per million, times a million."""
        penalty, markup = self._penalty, self._penalty.markup_ppm
        if self.misused:
            markup = max(markup, penalty.misuse_markup_ppm)
        return self.rate_ppm * (PPM + markup) + penalty.spread_ppm * PPM
