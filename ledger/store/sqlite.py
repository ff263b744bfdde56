"""The store on SQLite: one file, three logs, one writing process.

Write-ahead log with synchronous=FULL: a batch that `record` returned from survives power loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
from eventsourcing.sqlite import SQLiteProcessRecorder

from ledger.errors import StoreUnavailable
from ledger.store import statements
from ledger.store.connections import READING, WRITING, Datastore
from ledger.store.faults import explained
from ledger.store.lock import WriterLock
from ledger.store.log import Log
from ledger.store.memory import MemoryLog
from ledger.store.recorder import BatchRecorder, Framed
from ledger.store.records import AUDIT_LOG, LEDGER_LOG, WARNINGS_LOG, FactLog
from ledger.store.snapshots import Snapshots
from ledger.store.snapshots import create as create_snapshots
from ledger.store.tail import Slice

SCHEMA_VERSION = 1
_APPLICATION_ID = 0x4C424C4C  # "LBLL" in the file's header: a ledger of LoanBell.


class SqliteRecorder(BatchRecorder, SQLiteProcessRecorder):
    """One log's tables in a SQLite file.

    Rows go in by statements of many rows, because SQLite gives up Python's global lock with every
    step: with a statement for each row, any busy thread beside it starves the writer.
    """

    def __init__(
        self, datastore: Datastore, log: str, *, reading: Datastore, writes: bool = True
    ) -> None:
        SQLiteProcessRecorder.__init__(self, datastore, events_table_name=f"{log}_facts")
        self._reading = reading
        self.follow(log, statements.of_log(log), writes=writes)

    def construct_create_table_statements(self) -> list[str]:
        """The library's tracking table, and ours in the place of its table of events."""
        ours = statements.create(self.events_table_name.removesuffix("_facts"), statements.SQLITE)
        theirs = super().construct_create_table_statements()[1:]
        return [*ours, create_snapshots(statements.SQLITE), *theirs]

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """See `BatchRecorder.rows`."""
        with self._reading.transaction(commit=False) as cursor:
            cursor.execute(query, parameters)
            return list(cursor.fetchall())

    def keys(self, part: Sequence[str] | Sequence[int]) -> Any:
        """See `BatchRecorder.keys`."""
        return orjson.dumps(part).decode()

    def write(self, cursor: Any, framed: Framed, moved: Slice, last: tuple[int, bytes]) -> None:
        """See `BatchRecorder.write`; another writer is kept out by the lock on the folder."""
        sql = self.sql
        statements.insert(cursor, sql.insert_facts, framed.values)
        statements.insert(cursor, sql.insert_heads, moved.heads)
        statements.insert(cursor, sql.insert_commands, moved.commands)
        if framed.values or moved.indexed is not None:
            cursor.execute(sql.update_log, (*framed.last, moved.indexed))


class Store:
    """One SQLite file with the ledger log, the warnings log and the audit log."""

    ledger: Log
    warnings: Log
    snapshots: Snapshots
    audit: FactLog

    def __init__(self, path: Path, lock: WriterLock | None) -> None:
        self.path, self._lock = path, lock
        self._datastores: list[Datastore] = []

    @classmethod
    def open(cls, path: Path | str, *, read_only: bool = False) -> Store:
        """Open or create the store at `path`; `read_only` beside another process that writes.

        Errors: StoreUnavailable, with a way out, when another process writes there, the file is
        damaged or newer than this code, the disk is full or the folder cannot be written.
        """
        path = Path(path)
        if read_only and not path.exists():
            raise StoreUnavailable(
                f"There is no ledger at {path}.",
                way_out="Name the folder that holds ledger.db, or record something first.",
            )
        lock = None
        if not read_only:
            with explained(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                lock = WriterLock(path.parent / "lock")
        store = cls(path, lock)
        try:
            with explained(path):
                store._connect()
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Give back the file and the right to write. Safe to call twice."""
        for datastore in self._datastores:
            datastore.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _connect(self) -> None:
        uri = f"file:{quote(str(self.path.absolute()))}"
        writes = self._lock is not None
        reading = Datastore(f"{uri}?mode={'rw' if writes else 'ro'}", pragmas=READING)
        self._datastores.append(reading)
        known = self.path.exists() and _is_ledger(reading, self.path)
        writing = reading
        if writes:
            writing = Datastore(f"{uri}?mode=rwc", pragmas=WRITING, size=1)
            self._datastores.append(writing)
            if not known:
                _claim(writing)
        logs = []
        self.audit = MemoryLog(AUDIT_LOG)  # of a file from before there was one, opened to read
        names = [LEDGER_LOG, WARNINGS_LOG]
        if writes or _has_audit(reading):
            names.append(AUDIT_LOG)
        for name in names:
            recorder = SqliteRecorder(writing, name, reading=reading, writes=writes)
            if writes:
                recorder.create_table()
            recorder.last()
            told = partial(explained, self.path)
            logs.append(Log(name, str(self.path), recorder, told, writes=writes))
        self.snapshots = Snapshots(recorder, told)
        self.ledger, self.warnings = logs[:2]
        self.audit = logs[2] if logs[2:] else self.audit


def _has_audit(datastore: Datastore) -> bool:
    with datastore.transaction(commit=False) as cursor:
        cursor.execute(f"SELECT 1 FROM sqlite_master WHERE name = '{AUDIT_LOG}_facts'")
        return cursor.fetchone() is not None


def _is_ledger(datastore: Datastore, path: Path) -> bool:
    """Whether the file is a ledger; False when it is empty. Errors: StoreUnavailable."""
    with datastore.transaction(commit=False) as cursor:
        found = []
        for query in (
            "PRAGMA application_id",
            "PRAGMA user_version",
            "SELECT count(*) FROM sqlite_master",
        ):
            cursor.execute(query)
            found.append(cursor.fetchone()[0])
    application, version, tables = found
    if application != _APPLICATION_ID and (tables or application):
        raise StoreUnavailable(
            f"{path} is a database, but not a ledger of LoanBell.",
            way_out="Choose another data folder.",
        )
    if version > SCHEMA_VERSION:
        raise StoreUnavailable(
            f"{path} was written by a newer LoanBell (schema {version}; this one knows "
            f"{SCHEMA_VERSION}).",
            way_out="Upgrade LoanBell; the ledger needs no repair.",
        )
    _refuse_triggers(datastore, path)
    return bool(tables)


def _refuse_triggers(datastore: Datastore, path: Path) -> None:
    """Errors: StoreUnavailable when somebody's triggers would act on what is recorded."""
    with datastore.transaction(commit=False) as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY name")
        names = ", ".join(row[0] for row in cursor.fetchall())
    if names:
        raise StoreUnavailable(
            f"{path} has triggers that LoanBell did not make: {names}.",
            way_out="Find out who made them. Drop them (DROP TRIGGER in sqlite3), run `loanbell "
            "check`, or restore ledger.db from a backup.",
        )


def _claim(datastore: Datastore) -> None:
    """Mark a new file as ours."""
    with datastore.transaction(commit=True) as cursor:
        cursor.execute(f"PRAGMA application_id={_APPLICATION_ID}")
        cursor.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
