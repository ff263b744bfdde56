"""Days past due that do not count as delinquent: the grace that was agreed, and pauses.

A pause takes the days out that it covers from the oldest unmet due day on; the ledger's own
definition (`ledger.pauses`) says which these are. Most loans have neither: those that do are kept
by row. Days past due themselves go on.
"""

from __future__ import annotations

import numpy as np

from ledger.dates import day_number
from ledger.events import DelinquencyPaused, DelinquencyResumed
from ledger.pauses import Pauses
from warning.arrears import ArrearsBook
from warning.intake import Handler
from warning.windows import IntArray


class PauseBook:
    """Grace and pauses of the loans that have any; a row is the loan's in the arrears book."""

    def __init__(self, book: ArrearsBook) -> None:
        self._book = book
        self._grace: dict[int, int] = {}
        self._pauses: dict[int, Pauses] = {}
        self.handlers: dict[type, Handler] = {
            DelinquencyPaused: self._pause,
            DelinquencyResumed: self._resume,
        }

    def opened(self, row: int, grace_days: int) -> None:
        """What the terms of a loan spare."""
        if grace_days:
            self._grace[row] = grace_days

    def _pause(self, fact: DelinquencyPaused, day: int) -> None:
        self._of(fact.loan_id).pause(day, day_number(fact.until))

    def _resume(self, fact: DelinquencyResumed, day: int) -> None:
        self._of(fact.loan_id).resume(day)

    def _of(self, loan_id: str) -> Pauses:
        return self._pauses.setdefault(self._book.row(loan_id), Pauses())

    def read(self, rows: IntArray | slice) -> IntArray:
        """The days of each of `rows` that do not count."""
        chosen = np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows
        found = np.zeros(len(chosen), np.int64)
        if self._grace or self._pauses:
            late = self._book.dpd(rows)
            known = np.array([*self._grace.keys() | self._pauses.keys()], np.int64)
            for at in np.flatnonzero(np.isin(chosen, known) & (late > 0)).tolist():
                found[at] = self._spared(int(chosen[at]), int(late[at]))
        return found

    def _spared(self, row: int, late: int) -> int:
        today, pauses = self._book.day, self._pauses.get(row)
        paused = pauses.days_between(today - late, today) if pauses else 0
        return min(late, self._grace.get(row, 0) + paused)
