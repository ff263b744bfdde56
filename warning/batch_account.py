"""The batch fold's view of one settlement account, and its small tables of days and amounts.

As `batch`: from the definitions alone, day by day, nothing kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from functools import cached_property
from operator import itemgetter
from typing import Any

import numpy as np

from ledger.dates import date_of, day_number
from ledger.events import AccountCredited, AccountDebited, AccountDebitReturned, AccountOpened
from warning.windows import UNKNOWN, BoolArray, IntArray

_NOT_TURNOVER = ("own_transfer", "loan_proceeds", "loan_repayment")


def only(facts: Iterable[Any], *kinds: type) -> list[Any]:
    """The facts of `kinds`."""
    return [fact for fact in facts if type(fact) in kinds]


def month_number(day: int) -> int:
    """Consecutive numbers for consecutive calendar months."""
    known = date_of(day)
    return known.year * 12 + known.month


def table(pairs: list[tuple[date, int]]) -> IntArray:
    """(day number, amount) rows."""
    return np.array([(day_number(day), amount) for day, amount in pairs], np.int64).reshape(-1, 2)


def by_day(known: IntArray) -> IntArray:
    """One row a day, ascending, amounts added up; days that add up to nothing are left out."""
    days, at = np.unique(known[:, 0], return_inverse=True)
    sums = np.zeros(len(days), np.int64)
    np.add.at(sums, at, known[:, 1])
    added: IntArray = np.stack([days, sums], axis=1)[sums != 0]
    return added


def total(known: IntArray, chosen: BoolArray) -> int:
    """The amounts of the chosen rows, added up."""
    return int(known[chosen, 1].sum())


def inside(days: Any, day: int, window: int) -> BoolArray:
    """Whether each of `days` lies in (day-window, day]."""
    known = np.array(days, np.int64)
    return np.asarray((known > day - window) & (known <= day), np.bool_)


class Account:
    """One account's facts that count by `day`; nothing is known before it was opened."""

    def __init__(self, facts: list[Any], day: int) -> None:
        self.day, self.facts = day, facts
        self.opened = next(iter(only(facts, AccountOpened)), None)
        self.first = day_number(self.opened.value_date) if self.opened else day + 1
        self.moves = table(
            [(fact.value_date, fact.amount_minor) for fact in only(facts, AccountCredited)]
            + [(fact.value_date, -fact.amount_minor) for fact in only(facts, AccountDebited)]
        )

    @cached_property
    def _closing(self) -> IntArray:
        """The closing balance of each day from the opening to `day`."""
        opening = self.opened.opening_balance_minor if self.opened else 0
        days = np.arange(self.first, self.day + 1)
        return np.array([opening + total(self.moves, self.moves[:, 0] <= one) for one in days])

    def at_end(self, measure: Callable[[IntArray], Any], *, days: int = 1) -> int:
        """A measure of the closing balances; UNKNOWN unless there are `days` of them."""
        known = self.day - self.first + 1 >= days
        return int(measure(self._closing)) if known else UNKNOWN

    @cached_property
    def came_in(self) -> IntArray:
        """(day, amount) of what counts as turnover."""
        return table(
            [
                (fact.value_date, fact.amount_minor)
                for fact in only(self.facts, AccountCredited)
                if fact.flow not in _NOT_TURNOVER
            ]
        )

    def turnover(self, days: int) -> int:
        inflow = total(self.came_in, inside(self.came_in[:, 0], self.day, days))
        return self.at_end(lambda _: inflow, days=120)

    def lowest(self) -> int:
        first = month_number(self.day) - 2
        months = [month_number(day) >= first for day in range(self.first, self.day + 1)]
        return self.at_end(lambda closing: closing[months].min())

    def returns(self, days: int) -> int:
        returned = [
            day_number(fact.value_date)
            for fact in only(self.facts, AccountDebitReturned)
            if fact.flow == "loan_repayment"
        ]
        return int(inside(returned, self.day, days).sum())


class OfAccount:
    """The measures of a loan that are made of its account."""

    day: int
    account: Account
    opened: Any

    def balance(self) -> int:
        return self.account.at_end(lambda closing: closing[-1])

    def balance_same_currency(self) -> int:
        opened = self.account.opened
        same = opened and self.opened and opened.currency == self.opened.currency
        return self.balance() if same else UNKNOWN

    def inflow_recent(self) -> int:
        return self.account.turnover(30)

    def inflow_before(self) -> int:
        longer = self.account.turnover(120)
        return longer if longer == UNKNOWN else longer - self.account.turnover(30)

    def held_recent(self) -> int:
        return self.account.at_end(lambda closing: closing[-30:].sum(), days=120)

    def held_before(self) -> int:
        return self.account.at_end(lambda closing: closing[-120:-30].sum(), days=120)

    def lowest_balance(self) -> int:
        return self.account.lowest()

    def overdraft_days(self) -> int:
        return self.account.at_end(lambda closing: (closing[-90:] < 0).sum())

    def over_limit_days(self) -> int:
        limit = self.account.opened.overdraft_limit_minor if self.account.opened else 0
        return self.account.at_end(lambda closing: (closing[-90:] < -limit).sum())

    def quiet(self) -> int:
        moved = [*self.account.moves[:, 0], self.account.first]
        return self.account.at_end(lambda _: self.day - max(moved))

    def closings(self) -> list[int]:
        return [self.account.at_end(itemgetter(-1 - back), days=90) for back in range(90)]

    def turned(self, months: int) -> int:
        this = month_number(self.day)
        if month_number(self.account.first - 1) >= this - 12:
            return UNKNOWN
        in_month = [this - months <= month_number(day) < this for day in self.account.came_in[:, 0]]
        return total(self.account.came_in, np.array(in_month, np.bool_))

    def returned(self, days: int) -> int:
        return self.account.at_end(lambda _: self.account.returns(days))

    def collected(self, days: int) -> int:
        debits = [
            day_number(fact.value_date)
            for fact in only(self.account.facts, AccountDebited)
            if fact.flow == "loan_repayment"
        ]
        return self.account.at_end(lambda _: inside(debits, self.day, days).sum())
