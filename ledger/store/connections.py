"""Connections to the SQLite file with our durability and cache settings.

One connection writes and keeps its page cache warm; others read. The library's pool and
transactions do the rest.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from eventsourcing.persistence import InterfaceError
from eventsourcing.sqlite import SQLiteConnection, SQLiteConnectionPool, SQLiteDatastore

LOCK_TIMEOUT_SECONDS = 5
_STATEMENTS = 128
_READERS = 4

WRITING = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA cache_size=-65536",
    "PRAGMA temp_store=MEMORY",
)
READING = ("PRAGMA query_only=1", "PRAGMA cache_size=-16384", "PRAGMA temp_store=MEMORY")


class Pool(SQLiteConnectionPool):
    """The library's pool, with connections that keep prepared statements and our settings."""

    def __init__(self, uri: str, *, size: int, pragmas: Sequence[str]) -> None:
        self._pragmas = pragmas
        super().__init__(db_name=uri, pool_size=size, max_overflow=0, pool_timeout=60.0)

    def _create_connection(self) -> SQLiteConnection:
        try:
            connection = sqlite3.connect(
                self.db_name,
                uri=True,
                check_same_thread=False,
                isolation_level=None,
                timeout=LOCK_TIMEOUT_SECONDS,
                cached_statements=_STATEMENTS,
            )
        except sqlite3.Error as error:
            raise InterfaceError(error) from error
        try:
            for pragma in self._pragmas:
                connection.execute(pragma).fetchall()
        except sqlite3.Error as error:
            connection.close()
            raise InterfaceError(error) from error
        return SQLiteConnection(sqlite_conn=connection, max_age=None)


class Datastore(SQLiteDatastore):
    """The library's datastore over our pool; stream names are text."""

    def __init__(self, uri: str, *, pragmas: Sequence[str], size: int = _READERS) -> None:
        super().__init__(db_name=uri, originator_id_type="text")
        self.pool.close()
        self.pool = Pool(uri, size=size, pragmas=pragmas)
