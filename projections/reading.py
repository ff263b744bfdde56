"""How views are read: consistent reads, rows for the outside, pages. No view in particular."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import orjson

from ledger.dates import date_of
from ledger.errors import MalformedMessage
from ledger.store import Recorded
from projections.tables import Connection, Database, Place, Table, TableSpec, and_, func, select

Answer = dict[str, Any]
"""A row for the outside: stable names, dates as dates, lists as lists, money as whole minor units
beside its currency."""


class StreamLog(Protocol):
    """What reads want of a log: single streams, and how long it is."""

    def stream(self, stream: str) -> list[Recorded]:
        """All facts of one stream, in order."""

    def last_position(self) -> int:
        """How many facts it holds."""


class StreamLogs(Protocol):
    """Where reads find single facts: a store, or all partitions of a database."""

    @property
    def ledger(self) -> StreamLog:
        """The ledger log."""

    @property
    def warnings(self) -> StreamLog:
        """The warnings log."""


MAX_PAGE = 1_000
LISTS = frozenset({"readings", "cause_event_ids", "causes", "loan_ids", "parts"})
OBJECTS = frozenset({"details"})
FLAGS = frozenset({"performing", "corrected", "open", "breach"})


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and the cursor that fetches the next ones; None when there are no more."""

    rows: list[Answer]
    next_cursor: str | None


class Reader:
    """Reads one views file; any thread may. `logs` (a store) gives single facts where needed."""

    def __init__(self, database: Database, logs: StreamLogs | None = None) -> None:
        self._database = database
        self._logs = logs

    @classmethod
    def open(cls, place: Place, logs: StreamLogs | None = None) -> Self:
        """Read the views at `place`. Errors: StoreUnavailable when there are none."""
        return cls(Database.open(place, read_only=True), logs)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def _page(
        self, spec: TableSpec, clauses: Sequence[Any], *, order: Any, cursor: str, limit: int
    ) -> Page:
        """One page of a table; `cursor` is the column that the next page goes on from."""
        table = self._database.table(spec)
        limit = max(1, min(limit, MAX_PAGE))
        statement = select(table).where(and_(True, *clauses)).order_by(order).limit(limit + 1)
        with self._database.reading() as connection:
            rows = answers(spec, connection.execute(statement))
        more = len(rows) > limit
        rows = rows[:limit]
        return Page(rows, str(rows[-1][cursor]) if more else None)

    def _one(self, connection: Connection, spec: TableSpec, *key: Any) -> Answer | None:
        rows = self._where(connection, spec, dict(zip(spec.key_names, key, strict=True)))
        return rows[0] if rows else None

    def _where(
        self,
        connection: Connection,
        spec: TableSpec,
        equal: Mapping[str, Any],
        *,
        order: Sequence[str] | None = None,
    ) -> list[Answer]:
        table = self._database.table(spec)
        by = [table.c[name] for name in (order or spec.key_names)]
        clauses = equals(table, equal)
        found = connection.execute(select(table).where(and_(True, *clauses)).order_by(*by))
        return answers(spec, found)

    def _counts(self, connection: Connection, column: Any, *clauses: Any) -> dict[str, int]:
        statement = select(column, func.count()).where(and_(True, *clauses))
        found = connection.execute(statement.group_by(column).order_by(column))
        return {row[0]: row[1] for row in found}


def equals(table: Table, wanted: Mapping[str, Any]) -> list[Any]:
    """Conditions that columns have the values given; None leaves a column out, a tuple is any of.

    No value is in an empty tuple.
    """
    return [is_one_of(table.c[name], value) for name, value in wanted.items() if value is not None]


def is_one_of(column: Any, value: Any) -> Any:
    """The condition that a column has a value, or one of a tuple of values."""
    return column.in_(value) if isinstance(value, tuple) else column == value


def answers(spec: TableSpec, rows: Iterable[Any]) -> list[Answer]:
    """Rows for the outside: `x_day` numbers become `x_date` dates, JSON becomes lists."""
    columns = [(name, _outside(name)) for name in spec.column_names]
    return [
        {outside: _value(name, value) for (name, outside), value in zip(columns, row, strict=True)}
        for row in rows
    ]


def position_cursor(text: str) -> int:
    """The position in a page's cursor. Errors: MalformedMessage."""
    if not text.isdecimal() or len(text) > 18:
        raise MalformedMessage(
            f"{text[:40]!r} is not a cursor.", way_out="Pass the next_cursor of the last page."
        )
    return int(text)


def _outside(column: str) -> str:
    return column.removesuffix("_day") + "_date" if column.endswith("_day") else column


def _value(column: str, value: Any) -> Any:
    if value is None:
        return None
    if column.endswith("_day"):
        return date_of(value)
    if column in LISTS or column in OBJECTS:
        return orjson.loads(value)
    if column in FLAGS:
        return bool(value)
    if column == "findings":
        return value.split()
    return value
