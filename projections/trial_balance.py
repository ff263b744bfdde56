"""The trial balance: what was posted to each account of the books, by currency and value date.

A balance as of a day is the sum of its days up to it. Every day of every currency must add up to
zero; one that does not stops the projector before anything is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np

from ledger.dates import date_of, day_number
from ledger.errors import InvariantBroken
from ledger.events import AccountOpened, LoanOpened
from ledger.postings import MONEY_FACTS, movement_lines, postings_of
from projections.accounts import AccountRows
from projections.base import Change, Facts, View
from projections.book import LoanBook
from projections.sums import Codes, by_group
from projections.tables import TableSpec, integer, words

POSTED = TableSpec(
    "trial_balance",
    (
        words("currency"),
        integer("value_day"),
        words("account"),
        integer("debit_minor"),
        integer("credit_minor"),
    ),
    key=3,
)

LOAN_KINDS = tuple(kind for kind in MONEY_FACTS if hasattr(kind, "loan_id"))

Key = tuple[str, date, str]


class TrialBalance(View):
    """The view `trial_balance`: one row a currency, value date and account."""

    name = "trial_balance"
    schema_version = 1
    tables = (POSTED,)

    def __init__(self) -> None:
        self._loans: dict[str, str] = {}
        self._debits: defaultdict[Key, int] = defaultdict(int)
        self._credits: defaultdict[Key, int] = defaultdict(int)
        self._sums: defaultdict[tuple[str, date], int] = defaultdict(int)
        self._dirty: set[Key] = set()

    def fold(self, facts: Facts, book: LoanBook) -> None:
        for item in facts.of(LoanOpened):
            self._loans[item.fact.loan_id] = item.fact.currency
        for item in facts.of(AccountOpened):
            self._post(item.fact, item.fact.currency)
        for kind in LOAN_KINDS:
            for item in facts.of(kind):
                self._post(item.fact, self._loans[item.fact.loan_id])
        self._fold_movements(book.accounts)

    def changes(self, book: LoanBook) -> Iterator[Change]:
        if self._dirty:
            self._check_balanced()
            yield (
                POSTED,
                [
                    (key[0], day_number(key[1]), key[2], self._debits[key], self._credits[key])
                    for key in self._dirty
                ],
            )

    def committed(self) -> None:
        self._dirty.clear()

    def _fold_movements(self, accounts: AccountRows) -> None:
        """Movements of one kind on one day go to the same accounts: their sum is posted once."""
        rows, days, amounts = accounts.moves
        for sign in (1, -1):
            chosen = amounts * sign > 0
            on, groups = np.unique(days[chosen], return_inverse=True)
            of: list[Codes] = [groups, accounts.currency[rows[chosen]]]
            for (at, currency), (_, amount) in by_group(of, [amounts[chosen]]):
                self._move(accounts.currencies.names[currency], date_of(int(on[at])), amount)

    def _move(self, currency: str, day: date, amount_minor: int) -> None:
        """Post what came in (above zero) or went out on a day."""
        for account, posted in movement_lines(amount_minor):
            self._add((currency, day, account), posted)

    def _post(self, fact: Any, currency: str) -> None:
        for account, amount_minor, of_currency in postings_of(fact, currency=currency):
            self._add((of_currency, fact.value_date, account), amount_minor)

    def _add(self, key: Key, amount_minor: int) -> None:
        if amount_minor > 0:
            self._debits[key] += amount_minor
        else:
            self._credits[key] -= amount_minor
        self._sums[key[0], key[1]] += amount_minor
        self._dirty.add(key)

    def _check_balanced(self) -> None:
        """Errors: InvariantBroken when a day of a currency does not add up to zero."""
        for currency, day, _ in self._dirty:
            if self._sums[currency, day]:
                raise InvariantBroken(
                    f"The postings of {day} in {currency} add up to "
                    f"{self._sums[currency, day]}, not to zero."
                )
