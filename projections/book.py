"""What several views need to know of each loan, one row a loan, kept once.

Names and attributes that portfolios are cut by, as codes in numpy arrays. Rows are in the order in
which loans were opened and never move.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger.store import Recorded


class LoanBook:
    """Rows of loans. `day` is the last closed business day, or the first day known of."""

    def __init__(self) -> None:
        self.day: int | None = None

    def apply(self, recorded: Sequence[Recorded]) -> None:
        """Take in facts of the ledger log; none of them is a close."""

    def close(self, day: int) -> None:
        """Stand at the end of `day`."""
        self.day = day
