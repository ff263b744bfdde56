"""The measures that are read from a loan's settlement account; part of `measures`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from warning.books import Books, places
from warning.once import once
from warning.windows import UNKNOWN, IntArray

CLOSINGS = 90
"""Closing balances are looked at one by one over so many days."""


class AccountMeasures:
    """Reads measures of some rows from their accounts."""

    def __init__(self, books: Books, rows: IntArray | slice) -> None:
        self.rows = rows
        self._books = books

    @once
    def _account(self) -> IntArray:
        """Account rows, 0 where there is none."""
        return np.maximum(self._books.columns.account[self.rows], 0).astype(np.int64)

    @once
    def _no_account(self) -> IntArray:
        """Places at which no open account is known."""
        accounts = self._books.accounts
        none = self._books.columns.account[self.rows] < 0
        return places(none | (accounts.opened_day[self._account] > accounts.day))

    @once
    def _account_young(self) -> IntArray:
        """Places whose account was not open for 120 days."""
        return places(~self._books.accounts.known_for(120, self._account))

    def _if_account(self, measure: IntArray) -> IntArray:
        measure[self._no_account] = UNKNOWN
        return measure

    @once
    def _closing(self) -> IntArray:
        return self._if_account(self._books.accounts.closing(self._account))

    def balance(self) -> IntArray:
        """As the indicator balance_minor."""
        return self._closing

    def balance_same_currency(self) -> IntArray:
        """The balance where it is in the loan's currency."""
        books = self._books
        same = books.accounts.currency[self._account] == books.columns.currency[self.rows]
        return np.where(same, self._closing, UNKNOWN)

    @once
    def _turnover_30(self) -> IntArray:
        return self._books.accounts.turnover.total(30, self._account)

    def inflow_recent(self) -> IntArray:
        """Turnover of (t-30, t]."""
        return self._if_old(self._turnover_30.copy())

    def inflow_before(self) -> IntArray:
        """Turnover of (t-120, t-30]."""
        total = self._books.accounts.turnover.total(120, self._account) - self._turnover_30
        return self._if_old(total)

    @once
    def _held(self) -> tuple[IntArray, IntArray]:
        return self._books.accounts.held_sums(self._account)

    def held(self, part: int) -> IntArray:
        """Closing balances added up: of the last 30 days (0), of the 90 before (1)."""
        return self._if_old(self._held[part])

    def _if_old(self, measure: IntArray) -> IntArray:
        measure[self._account_young] = UNKNOWN
        return self._if_account(measure)

    def lowest(self) -> IntArray:
        """As the indicator lowest_balance_3m_minor."""
        return self._if_account(self._books.accounts.lowest(self._account))

    def days_below(self, *, limit: bool) -> IntArray:
        """As the indicators overdraft_days_90d and over_limit_days_90d."""
        return self._if_account(self._books.accounts.days_below(90, self._account, limit=limit))

    def quiet(self) -> IntArray:
        """As the indicator quiet_days."""
        accounts, at = self._books.accounts, self._account
        since = np.maximum(accounts.last_move[at], accounts.opened_day[at])
        return self._if_account(accounts.day - since.astype(np.int64))

    def closings(self) -> IntArray:
        """(CLOSINGS, rows): closing balances, t first; unknown unless all of them are known."""
        accounts = self._books.accounts
        found = accounts.closings(CLOSINGS, self._account)
        found[:, places(~accounts.known_for(CLOSINGS, self._account))] = UNKNOWN
        found[:, self._no_account] = UNKNOWN
        return found

    def turned(self, months: int) -> IntArray:
        """Turnover of the last so many whole months; unknown unless twelve of them are."""
        accounts = self._books.accounts
        found = accounts.turned_in(months, self._account)
        found[places(~accounts.known_for_year(self._account))] = UNKNOWN
        return self._if_account(found)

    def debits(self, *, returned: bool) -> IntArray:
        """Debits for loans in (t-90, t]: those returned, or those that went through."""
        accounts = self._books.accounts
        sums = accounts.returned if returned else accounts.collected
        return self._if_account(sums.total(90, self._account))


ACCOUNT: dict[str, Callable[[Any], IntArray]] = {
    "balance": AccountMeasures.balance,
    "balance_same_currency": AccountMeasures.balance_same_currency,
    "inflow_recent": AccountMeasures.inflow_recent,
    "inflow_before": AccountMeasures.inflow_before,
    "held_recent": lambda of: of.held(0),
    "held_before": lambda of: of.held(1),
    "lowest_balance": AccountMeasures.lowest,
    "overdraft_days": lambda of: of.days_below(limit=False),
    "over_limit_days": lambda of: of.days_below(limit=True),
    "quiet": AccountMeasures.quiet,
    "returned_90d": lambda of: of.debits(returned=True),
    "collected_90d": lambda of: of.debits(returned=False),
    "turned_3": lambda of: of.turned(3),
    "turned_12": lambda of: of.turned(12),
    "closings": AccountMeasures.closings,
}
"""How each measure of an account is read."""
