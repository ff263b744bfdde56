"""Signs that a borrower evades the debt, as people note them in cases; kept by borrower.

Most borrowers have none: those that do are in a dictionary. Nothing is taken back: a sign was seen
on its day.
"""

from __future__ import annotations

import numpy as np

from ledger.events import EvasionSignalNoted
from warning.arrears import ArrearsBook
from warning.intake import Handler
from warning.windows import UNKNOWN, IntArray

WINDOW = 365


class SignalBook:
    """The signs of all borrowers; rows are loans of the arrears book."""

    def __init__(self, book: ArrearsBook) -> None:
        self._book = book
        self._noted: dict[str, list[tuple[int, str]]] = {}
        self.handlers: dict[type, Handler] = {EvasionSignalNoted: self._note}

    def _note(self, fact: EvasionSignalNoted, day: int) -> None:
        self._noted.setdefault(fact.borrower_id, []).append((day, fact.signal))

    def read(self, rows: IntArray | slice) -> IntArray:
        """How many kinds of signs were seen of each loan's borrower; UNKNOWN if none ever was."""
        borrowers = self._book.borrower[rows]
        found = np.full(len(borrowers), UNKNOWN, np.int64)
        since = self._book.day - WINDOW
        kinds: dict[int, int] = {}
        for borrower_id, noted in self._noted.items():
            number = self._book.borrower_number(borrower_id)
            if number >= 0:
                kinds[number] = len({sign for day, sign in noted if day > since})
        for at in np.flatnonzero(np.isin(borrowers, list(kinds))).tolist():
            found[at] = kinds[int(borrowers[at])]
        return found
