"""What each settlement account holds: the accounts' part of the view `balances`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ledger.events import AccountDebitReturned, AccountOpened
from projections.accounts import AccountRows
from projections.facts import Facts
from projections.tables import Row, TableSpec, integer, words
from warning.windows import BoolArray, DayArray, Growing, IntArray

ACCOUNT_BALANCES = TableSpec(
    "account_balances",
    (
        words("account_id"),
        words("borrower_id"),
        words("currency"),
        integer("balance_minor"),
        integer("overdraft_limit_minor"),
        integer("movements"),
        integer("returned_debits"),
        integer("last_movement_day", nullable=True),
    ),
    indexes=(("borrower_id",),),
    fixed=("borrower_id", "currency", "overdraft_limit_minor"),
)
_NEVER_MOVED = -1


@dataclass(frozen=True, slots=True)
class _Account:
    """What does not change."""

    account_id: str
    borrower_id: str
    currency: str
    overdraft_limit_minor: int


class AccountBalances(Growing):
    """One row an account, as `AccountRows` numbers them; amounts in minor units."""

    balance: IntArray
    movements: IntArray
    returned: IntArray
    last_day: DayArray
    changed: BoolArray

    def __init__(self) -> None:
        super().__init__()
        self._accounts: list[_Account] = []
        for name in ("balance", "movements", "returned"):
            self.add_column(name, np.int64)
        self.add_column("last_day", np.int32, fill=_NEVER_MOVED)
        self.add_column("changed", np.bool_)

    def fold(self, facts: Facts, accounts: AccountRows) -> None:
        """Take in a run of facts, which `accounts` has taken in already."""
        for item in facts.of(AccountOpened):
            self._opened(item.fact)
        rows, days, amounts = accounts.moves
        np.add.at(self.balance, rows, amounts)
        np.add.at(self.movements, rows, 1)
        np.maximum.at(self.last_day, rows, days)
        self.changed[rows] = True
        for item in facts.of(AccountDebitReturned):
            row = accounts.row_of(item.fact.account_id)
            self.returned[row] += 1
            self.changed[row] = True

    def lines(self) -> list[Row]:
        """Rows of the table that changed since the last `committed`."""
        return [self._line(row) for row in np.flatnonzero(self.changed[: self.rows]).tolist()]

    def committed(self) -> None:
        """What `lines` gave is in the table."""
        self.changed[:] = False

    def _opened(self, fact: AccountOpened) -> None:
        row = self.rows
        self.grow(row + 1)
        self._accounts.append(
            _Account(fact.account_id, fact.borrower_id, fact.currency, fact.overdraft_limit_minor)
        )
        self.balance[row] = fact.opening_balance_minor
        self.changed[row] = True

    def _line(self, row: int) -> Row:
        account, last = self._accounts[row], int(self.last_day[row])
        return (
            account.account_id,
            account.borrower_id,
            account.currency,
            int(self.balance[row]),
            account.overdraft_limit_minor,
            int(self.movements[row]),
            int(self.returned[row]),
            None if last == _NEVER_MOVED else last,
        )
