"""Who is behind each of the engine's rows: borrower, officer, currency, account, end of the loan.

Words come from the engine's coded columns; kept here is only what it has no use for. Holds no
money and no days.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ledger.events import LoanClosed, LoanOpened, LoanReopened, WriteOffCancelled
from ledger.store import Recorded
from warning.engine import Engine


class Register:
    """The loans by row, and the rows that an account stands behind."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._accounts: list[str | None] = []
        self._behind: dict[str, list[int]] = {}
        self._closed_for: dict[int, str] = {}
        self._words: dict[str, list[str]] = {}
        self._folds: dict[type, Callable[[Any], None]] = {
            LoanOpened: self._opened,
            LoanClosed: self._closed,
            LoanReopened: self._reopened,
            WriteOffCancelled: self._reopened,
        }

    def note(self, recorded: Sequence[Recorded]) -> None:
        """Take in facts that the engine has seen, in their order."""
        folds = self._folds
        for record in recorded:
            fold = folds.get(type(record.fact))
            if fold is not None:
                fold(record.fact)

    def rows_of(self, fact: Any) -> Sequence[int]:
        """The rows that a loan's or account's fact speaks of, in order."""
        loan_id = getattr(fact, "loan_id", None)
        if loan_id is None:
            return self._behind.get(getattr(fact, "account_id", ""), ())
        row = self._engine.row_of(loan_id)
        return () if row < 0 else (row,)

    def loan_id(self, row: int) -> str:
        """The loan of a row."""
        return self._engine.loan_ids[row]

    def borrower(self, row: int) -> int:
        """The number of the borrower, the same for all of its loans."""
        return int(self._engine.book.borrower[row])

    def borrower_id(self, row: int) -> str:
        """The borrower of a loan."""
        return self._engine.borrower_ids[self.borrower(row)]

    def officer_id(self, row: int) -> str:
        """Who answers for a loan now."""
        return self._word("officers", int(self._engine.columns.officer[row]))

    def currency(self, row: int) -> str:
        """The currency of a loan."""
        return self._word("currencies", int(self._engine.columns.currency[row]))

    def score_lost(self, rows: Sequence[int]) -> dict[int, str]:
        """What costs loans most points of the score in force, worst first; "" where nothing does.

        By what the engine knows now.
        """
        model = self._engine.score
        if model is None or not rows:
            return {}
        there = list(dict.fromkeys(rows))
        reasons = model.reasons(self._engine.values(model.names, np.array(there)))
        told = (", ".join(f"{one.indicator} {one.points}" for one in each) for each in reasons)
        return dict(zip(there, told, strict=True))

    def account_id(self, row: int) -> str | None:
        """The settlement account of a loan, if one is known."""
        return self._accounts[row] if row < len(self._accounts) else None

    def closed_reason(self, row: int) -> str:
        """Why a loan was closed; "" while it is open."""
        return self._closed_for.get(row, "")

    def _word(self, kind: str, code: int) -> str:
        words, codes = self._words.get(kind, []), getattr(self._engine, kind)
        if len(words) < len(codes):
            words = self._words[kind] = list(codes)
        return words[code]

    def _opened(self, fact: LoanOpened) -> None:
        row = self._engine.row_of(fact.loan_id)
        self._accounts += [None] * (row + 1 - len(self._accounts))
        self._accounts[row] = fact.account_id
        if fact.account_id is not None:
            self._behind.setdefault(fact.account_id, []).append(row)

    def _closed(self, fact: LoanClosed) -> None:
        self._closed_for[self._engine.row_of(fact.loan_id)] = fact.reason

    def _reopened(self, fact: LoanReopened | WriteOffCancelled) -> None:
        self._closed_for.pop(self._engine.row_of(fact.loan_id), None)
