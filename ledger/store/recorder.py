"""The eventsourcing library's SQLite recorder, made to append whole batches.

Keeps the library's transactions, connection pool, StoredEvent and Tracking; replaces its table, so
that a fact carries its place in the hash chain, and its row-by-row insert. Knows nothing of facts:
rows are already framed and encoded.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from eventsourcing.persistence import StoredEvent, Tracking
from eventsourcing.sqlite import (
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteDatastore,
    SQLiteProcessRecorder,
)

from ledger.store.chain import Row

_LOCK_TIMEOUT_SECONDS = 5
_READERS = 4


class Pool(SQLiteConnectionPool):
    """Connections with our durability and cache settings."""

    def __init__(self, uri: str, *, size: int, pragmas: Sequence[str]) -> None:
        self._pragmas = pragmas
        super().__init__(
            db_name=uri, lock_timeout=_LOCK_TIMEOUT_SECONDS, pool_size=size, max_overflow=0
        )

    def _create_connection(self) -> SQLiteConnection:
        connection = super()._create_connection()
        cursor = connection.cursor()
        for pragma in self._pragmas:
            cursor.execute(pragma)
        return connection


class Datastore(SQLiteDatastore):
    """The library's datastore over our pool; stream names are text."""

    def __init__(self, uri: str, *, size: int = _READERS, pragmas: Sequence[str]) -> None:
        super().__init__(db_name=uri, originator_id_type="text")
        self.pool.close()
        self.pool = Pool(uri, size=size, pragmas=pragmas)


class BatchRecorder(SQLiteProcessRecorder):
    """Appends rows and tracking in one commit. One table of facts for each log."""

    def __init__(self, datastore: Datastore, log: str) -> None:
        self.heads_table = f"{log}_heads"
        super().__init__(datastore, events_table_name=f"{log}_facts")
        facts, heads = self.events_table_name, self.heads_table
        self.insert_row_statement = f"INSERT INTO {facts} VALUES (?,?,?,?,?,?,?,?)"
        self.upsert_head_statement = (
            f"INSERT INTO {heads} VALUES (?,?) ON CONFLICT DO UPDATE SET version = excluded.version"
        )

    def construct_create_table_statements(self) -> list[str]:
        """The library's tracking table, and ours in the place of its table of events."""
        facts, heads = self.events_table_name, self.heads_table
        tracking = super().construct_create_table_statements()[1:]
        return [
            f"CREATE TABLE IF NOT EXISTS {facts} (position INTEGER PRIMARY KEY, "
            "originator_id TEXT NOT NULL, originator_version INTEGER NOT NULL, "
            "topic TEXT NOT NULL, state BLOB NOT NULL, command_id TEXT, command_digest BLOB, "
            "chain BLOB NOT NULL, UNIQUE (originator_id, originator_version))",
            f"CREATE UNIQUE INDEX IF NOT EXISTS {facts}_commands ON {facts} (command_id) "
            "WHERE command_id IS NOT NULL",
            f"CREATE TABLE IF NOT EXISTS {heads} (originator_id TEXT PRIMARY KEY, "
            "version INTEGER NOT NULL) WITHOUT ROWID",
            *tracking,
        ]

    def append(
        self,
        rows: Sequence[Row],
        heads: Sequence[tuple[str, int]],
        tracking: Sequence[Tracking],
    ) -> None:
        """Rows, heads and tracking in one commit; the library's errors when it fails."""
        with self.datastore.transaction(commit=True) as cursor:
            for moved in tracking:
                self._insert_tracking(cursor, moved)
            cursor.executemany(self.insert_row_statement, rows)
            cursor.executemany(self.upsert_head_statement, heads)

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Plain tuples of a query over one consistent snapshot."""
        with self.datastore.transaction(commit=False) as wrapped:
            cursor = wrapped.sqlite_cursor
            cursor.row_factory = None
            return list(cursor.execute(query, parameters))

    def _insert_events(
        self, c: Any, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        raise NotImplementedError("Facts enter a log through append, with their chain.")


def is_conflict(error: BaseException) -> bool:
    """Whether a constraint of the database refused the batch."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, sqlite3.IntegrityError):
            return True
        cause = cause.__cause__
    return False
