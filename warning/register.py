"""Who is behind each row: borrower, officer, currency, settlement account, and whether it is open.

Rows count from 0 in the order in which loans were opened, as the engine's do. Holds no money and
no days.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ledger.events import LoanClosed, LoanOfficerChanged, LoanOpened
from ledger.store import Recorded
from warning.expressions import BoolArray


class Register:
    """The loans by row, and the rows that an account stands behind."""

    def __init__(self) -> None:
        self.loan_ids: list[str] = []
        self.borrower_ids: list[str] = []
        self.officers: list[str] = []
        self.currencies: list[str] = []
        self.accounts: list[str | None] = []
        self.borrowers: list[int] = []
        self._open: BoolArray = np.zeros(0, np.bool_)
        self._rows: dict[str, int] = {}
        self._closed_for: dict[int, str] = {}
        self._groups: dict[str, int] = {}
        self._behind: dict[str, list[int]] = {}
        self._folds: dict[type, Callable[[Any], None]] = {
            LoanOpened: self._opened,
            LoanOfficerChanged: self._officer_changed,
            LoanClosed: self._closed,
        }

    def note(self, recorded: Sequence[Recorded]) -> None:
        """Take facts in, in their order."""
        folds = self._folds
        for record in recorded:
            fold = folds.get(type(record.fact))
            if fold is not None:
                fold(record.fact)

    def is_open(self, rows: int) -> BoolArray:
        """Which of the first `rows` loans are open."""
        return self._open[:rows]

    def closed_reason(self, row: int) -> str:
        """Why a loan was closed; "" while it is open."""
        return self._closed_for.get(row, "")

    def row_of(self, loan_id: str) -> int | None:
        """The row of a loan, or None if it was never opened."""
        return self._rows.get(loan_id)

    def rows_of(self, fact: Any) -> list[int]:
        """The rows that a loan's or account's fact speaks of, in order."""
        loan_id = getattr(fact, "loan_id", None)
        if loan_id is None:
            return self._behind.get(getattr(fact, "account_id", ""), [])
        row = self._rows.get(loan_id)
        return [] if row is None else [row]

    def _opened(self, fact: LoanOpened) -> None:
        row = len(self.loan_ids)
        self._rows[fact.loan_id] = row
        self.loan_ids.append(fact.loan_id)
        self.borrower_ids.append(fact.borrower_id)
        self.officers.append(fact.officer_id)
        self.currencies.append(fact.currency)
        self.accounts.append(fact.account_id)
        self.borrowers.append(self._groups.setdefault(fact.borrower_id, len(self._groups)))
        if fact.account_id is not None:
            self._behind.setdefault(fact.account_id, []).append(row)
        if row >= len(self._open):
            more = np.zeros(max(64, len(self._open) // 2), np.bool_)
            self._open = np.concatenate([self._open, more])
        self._open[row] = True

    def _officer_changed(self, fact: LoanOfficerChanged) -> None:
        row = self._rows.get(fact.loan_id)
        if row is not None:
            self.officers[row] = fact.officer_id

    def _closed(self, fact: LoanClosed) -> None:
        row = self._rows.get(fact.loan_id)
        if row is not None:
            self._open[row] = False
            self._closed_for[row] = fact.reason
