"""Where things belong: the branch and borrower of a loan or a warning. Reads, and remembers.

A loan may move to another branch, so what was looked up counts for two seconds. The views may not
have a loan yet that a warning is about; its facts then say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from ledger.dates import now_us
from ledger.ids import loan_stream
from ledger.loan import Loan
from ledger.loan_facts import evolve
from projections.queries import Queries

_REMEMBERED = 100_000
_COUNTS_US = 2_000_000


@dataclass(frozen=True, slots=True)
class Belonging:
    """Whose something is."""

    branch: str
    borrower_id: str


class Book(Protocol):
    """A node, or all partitions together."""

    queries: Queries


class Places:
    """Looks things up for one book. Any thread may call."""

    def __init__(self, book: Book, ledger: Any) -> None:
        self._book, self._ledger = book, ledger
        self._loans: dict[str, tuple[int, Belonging]] = {}

    def loan(self, loan_id: str) -> Belonging | None:
        """Whose a loan is; None when the book has no such loan."""
        now = now_us()
        since, known = self._loans.get(loan_id, (0, None))
        if known is None or now - since > _COUNTS_US:
            known = self._viewed(loan_id) or self._recorded(loan_id)
            if len(self._loans) >= _REMEMBERED:
                self._loans.clear()
            if known is not None:
                self._loans[loan_id] = now, known
        return known

    def warning(self, warning_id: str) -> Belonging | None:
        """Whose the loan of a warning is; None when there is no such warning."""
        row = self._book.queries.warning(warning_id)
        return None if row is None else self.loan(row["loan_id"])

    def case(self, case_id: str) -> Belonging | None:
        """Whose a case is; None when there is no such case."""
        row = self._book.queries.case_entry(case_id)
        return None if row is None else Belonging(row["branch"], row["borrower_id"])

    def borrowers_of(self, loan_ids: set[str]) -> set[str]:
        """Who borrowed any of these loans."""
        return self._book.queries.borrowers_of(loan_ids) if loan_ids else set()

    def branches_of(self, borrower_id: str) -> frozenset[str]:
        """The branches where a borrower has or had loans."""
        branches: set[str] = set()
        after: str | None = None
        while True:
            page = self._book.queries.loans(borrower_id=borrower_id, after=after, limit=1_000)
            branches.update(row["branch"] for row in page.rows)
            after = page.next_cursor
            if after is None:
                return frozenset(branches)

    def _viewed(self, loan_id: str) -> Belonging | None:
        rows = self._book.queries.loans(loan_id=loan_id).rows
        return Belonging(rows[0]["branch"], rows[0]["borrower_id"]) if rows else None

    def _recorded(self, loan_id: str) -> Belonging | None:
        loan: Loan | None = None
        for item in self._ledger.stream(loan_stream(loan_id)):
            loan = evolve(loan, item.fact)
        return None if loan is None else Belonging(loan.branch, loan.borrower_id)
