"""Messages that the book refused: what came, why it was refused, and where it came from.

The original bytes stay in the ledger's fact; this view keeps the first characters for a list.
"""

from __future__ import annotations

from collections.abc import Iterator

from ledger.dates import day_number
from ledger.events import MessageRefused
from projections.base import Change, Facts, View
from projections.book import LoanBook
from projections.tables import Row, TableSpec, integer, words

EXCERPT = 500
"""Characters of the original that a list shows."""

REFUSALS = TableSpec(
    "refusals",
    (
        integer("position"),
        words("event_id"),
        words("source"),
        integer("source_offset"),
        words("code"),
        words("reason"),
        words("transaction_id", nullable=True),
        words("excerpt"),
        words("encoding"),
        integer("original_bytes"),
        words("original_sha256"),
        integer("value_day"),
        integer("recorded_at_us"),
    ),
    indexes=(("code",), ("source",)),
)


class Refusals(View):
    """The view `refusals`: one row a refused message, never changed."""

    name = "refusals"
    schema_version = 3
    tables = (REFUSALS,)

    def __init__(self) -> None:
        self._new: list[Row] = []

    def fold(self, facts: Facts, book: LoanBook) -> None:
        for item in facts.of(MessageRefused):
            fact: MessageRefused = item.fact
            self._new.append(
                (
                    item.position,
                    item.event_id,
                    fact.source,
                    fact.offset,
                    fact.code,
                    fact.reason,
                    fact.transaction_id,
                    fact.original[:EXCERPT].replace(
                        "\0", "\N{SYMBOL FOR NULL}"
                    ),  # no text in PostgreSQL
                    fact.encoding,
                    fact.original_bytes,
                    fact.original_sha256,
                    day_number(fact.value_date),
                    fact.recorded_at_us,
                )
            )

    def changes(self, book: LoanBook) -> Iterator[Change]:
        if self._new:
            yield REFUSALS, self._new

    def committed(self) -> None:
        self._new = []
