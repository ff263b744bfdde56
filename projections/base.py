"""What a view is: a fold of facts in memory, and the rows that changed since the last commit.

A view keeps its own state, learns of facts grouped by kind, and hands out rows to write. It does
no SQL and knows no position: `projector` reads the logs and commits. Its state may depend on the
facts alone, never on how they were batched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ledger.dates import day_number
from ledger.events import BusinessDayClosed
from ledger.store import LEDGER_LOG, WARNINGS_LOG, Recorded
from projections.book import LoanBook
from projections.tables import Row, TableSpec

__all__ = ["LEDGER_LOG", "WARNINGS_LOG", "Change", "Close", "Facts", "View", "runs"]

Change = tuple[TableSpec, list[Row]]
"""Rows to insert or replace in one table."""


class Facts:
    """A run of recorded facts of one log with no business-day close inside."""

    __slots__ = ("_kinds", "log", "recorded")

    def __init__(self, log: str, recorded: Sequence[Recorded]) -> None:
        self.log = log
        self.recorded = recorded
        kinds: defaultdict[type, list[Recorded]] = defaultdict(list)
        for item in recorded:
            kinds[type(item.fact)].append(item)
        self._kinds = kinds

    def of(self, kind: type) -> Sequence[Recorded]:
        """The facts of one kind, in the order of the log."""
        return self._kinds.get(kind, ())


@dataclass(frozen=True, slots=True)
class Close:
    """The close of a business day, with its place in the ledger log."""

    day: int
    position: int


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

    def changes(self) -> Iterator[Change]:
        """Rows that differ from the last commit. Asking changes nothing."""
        raise NotImplementedError

    def committed(self) -> None:
        """The rows of `changes` are in the tables."""
        raise NotImplementedError


def runs(log: str, recorded: Sequence[Recorded]) -> Iterator[Facts | Close]:
    """A batch as runs of facts, cut at each business-day close."""
    start = 0
    for index, item in enumerate(recorded):
        if type(item.fact) is BusinessDayClosed:
            if index > start:
                yield Facts(log, recorded[start:index])
            yield Close(day_number(item.fact.value_date), item.position)
            start = index + 1
    if start < len(recorded):
        yield Facts(log, recorded[start:] if start else recorded)
