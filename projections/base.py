"""What a view is: a fold of facts in memory, and the rows that changed since the last commit.

A view keeps its own state, learns of facts grouped by kind, and hands out rows to write. It does
no SQL and knows no position: `projector` reads the logs and commits. Its state may depend on the
facts alone, never on how they were batched.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from ledger.store import LEDGER_LOG, WARNINGS_LOG
from projections.book import LoanBook
from projections.facts import Close, Facts
from projections.tables import Row, TableSpec

__all__ = ["LEDGER_LOG", "WARNINGS_LOG", "Change", "Close", "Facts", "View"]

Change = tuple[TableSpec, list[Row]]
"""Rows to insert or replace in one table."""


class View:
    """Base of all views. Subclasses name their tables and fold.

    `schema_version` counts up with every change of the tables or of the fold; `rules_version` names
    the data it judged by. A stored view that says otherwise is rebuilt at the next start.
    """

    name: ClassVar[str]
    schema_version: ClassVar[int]
    tables: ClassVar[tuple[TableSpec, ...]]
    needs: ClassVar[frozenset[str]] = frozenset({LEDGER_LOG})
    """The logs it reads."""

    @property
    def rules_version(self) -> str:
        """What data (regime, rates) the rows were judged by; empty when by none."""
        return ""

    def fold(self, facts: Facts, book: LoanBook) -> None:
        """Take in a run of facts, which `book` has taken in already."""

    def closed(self, close: Close, book: LoanBook) -> None:
        """A business day was closed; `book` stands at its end."""

    def changes(self, book: LoanBook) -> Iterator[Change]:
        """Rows that differ from the last commit. Asking changes nothing."""
        raise NotImplementedError

    def committed(self) -> None:
        """The rows of `changes` are in the tables."""
        raise NotImplementedError
