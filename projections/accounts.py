"""Settlement accounts as rows, and the money that moved on them, as columns.

Movements are nine tenths of all facts and views only ever sum them, so they are taken in as columns
and nothing is done for each of them but one look for its account's row.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import numpy as np

from ledger.events import AccountOpened
from projections.facts import MOVEMENTS, Facts
from projections.words import Codes
from warning.windows import DayArray, Growing, IntArray

_EPOCH = date(1970, 1, 1).toordinal()


class Moves(NamedTuple):
    """Money that came in (amount above zero) or went out: accounts' rows, day numbers, amounts.

    In no particular order.
    """

    rows: IntArray
    days: IntArray
    amounts: IntArray


class AccountRows(Growing):
    """The row of each account in order of opening, and what moved in the last run.

    `currency` holds numbers of `currencies`, by row.
    """

    currency: DayArray

    def __init__(self, currencies: Codes) -> None:
        super().__init__()
        self.add_column("currency", np.int32)
        self.currencies = currencies
        self.moves = _moves([], [], [])
        self._rows: dict[str, int] = {}

    def row_of(self, account_id: str) -> int:
        """The row of an account. Errors: KeyError for one that was not opened."""
        return self._rows[account_id]

    def apply(self, facts: Facts) -> None:
        """Take in a run of facts; `moves` are the movements among them."""
        for item in facts.of(AccountOpened):
            row = self._rows[item.fact.account_id] = self.rows
            self.grow(row + 1)
            self.currency[row] = self.currencies.of(item.fact.currency)
        credited, debited = (facts.columns(kind) for kind in MOVEMENTS)
        rows = [*map(self._rows.__getitem__, credited[0] + debited[0])]
        days = [day.toordinal() for day in credited[1] + debited[1]]
        amounts = credited[2] + [-amount for amount in debited[2]]
        self.moves = _moves(rows, days, amounts)


def _moves(rows: list[int], days: list[int], amounts: list[int]) -> Moves:
    numbers = (np.array(values, np.int64) for values in (rows, days, amounts))
    moves = Moves(*numbers)
    return moves._replace(days=moves.days - _EPOCH)
