"""The store on SQLite: one file, two logs, one writing process.

Write-ahead log with synchronous=FULL: a batch that `record` returned from survives power loss.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from eventsourcing.persistence import IntegrityError, Tracking

from ledger.codec import decode, encode
from ledger.errors import StaleVersion, StoreUnavailable
from ledger.store import chain
from ledger.store.faults import explained
from ledger.store.lock import WriterLock
from ledger.store.recorder import BatchRecorder, Datastore
from ledger.store.records import (
    LEDGER_LOG,
    WARNINGS_LOG,
    AlreadyTracked,
    ChainFault,
    ChainReport,
    Checkpoint,
    KnownCommand,
    NewFact,
    Recorded,
)

SCHEMA_VERSION = 1
_APPLICATION_ID = 0x4C424C4C  # "LBLL" in the file's header: a ledger of LoanBell.
_PRAGMAS = ("PRAGMA synchronous=FULL", "PRAGMA cache_size=-262144")
_READ_PRAGMAS = ("PRAGMA query_only=1",)
_VERIFY_ROWS = 5_000


class SqliteLog:
    """One log in the file. See `FactLog` for the contract."""

    def __init__(self, name: str, path: Path, readers: Datastore, writer: Datastore | None) -> None:
        self.name = name
        self._path = path
        self._reader = BatchRecorder(readers, name)
        self._writer = BatchRecorder(writer, name) if writer is not None else None
        self._recording = threading.Lock()
        self._heads: dict[str, int] = {}
        if self._writer is not None:
            with explained(path):
                self._writer.create_table()
        self._last: tuple[int, bytes] = self._load_last()

    def record(
        self, facts: Sequence[NewFact], *, tracking: Mapping[str, int] | None = None
    ) -> list[Recorded]:
        """See `FactLog.record`."""
        if self._writer is None:
            raise StoreUnavailable(
                f"{self._path} was opened to read.", way_out="Open it without read_only to record."
            )
        moved = [Tracking(f"{self.name}/{s}", offset) for s, offset in (tracking or {}).items()]
        with self._recording:
            self._check_tracking(tracking or {})
            heads = self._next_heads(facts)
            rows, recorded = self._framed(facts)
            try:
                with explained(self._path):
                    try:
                        self._writer.append(rows, sorted(heads.items()), moved)
                    except IntegrityError as error:
                        raise StaleVersion(
                            f"Another writer recorded first in the {self.name} log ({error}).",
                            way_out="Load the streams again and decide again.",
                        ) from error
            except Exception:
                self._heads.clear()
                self._last = self._load_last()
                raise
            self._heads.update(heads)
            if rows:
                self._last = rows[-1][0], rows[-1][7]
            return recorded

    def read(self, *, after: int = 0, limit: int = 10_000) -> list[Recorded]:
        """See `FactLog.read`."""
        return self._facts("position > ? ORDER BY position LIMIT ?", (after, limit))

    def stream(self, stream: str) -> list[Recorded]:
        """See `FactLog.stream`."""
        return self._facts("originator_id = ? ORDER BY position", (stream,))

    def streams(self, names: Collection[str]) -> dict[str, list[Recorded]]:
        """See `FactLog.streams`."""
        found: dict[str, list[Recorded]] = {}
        where = "originator_id IN (SELECT value FROM json_each(?)) ORDER BY position"
        for fact in self._facts(where, (json.dumps(list(names)),)):
            found.setdefault(fact.stream, []).append(fact)
        return found

    def versions(self, names: Collection[str]) -> dict[str, int]:
        """See `FactLog.versions`."""
        return dict(
            self._rows(
                f"SELECT originator_id, version FROM {self.name}_heads "
                "WHERE originator_id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(names)),),
            )
        )

    def known_commands(self, ids: Collection[str]) -> dict[str, KnownCommand]:
        """See `FactLog.known_commands`."""
        rows = self._rows(
            "SELECT command_id, command_digest, originator_id, originator_version "
            f"FROM {self.name}_facts WHERE command_id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ids)),),
        )
        return {row[0]: KnownCommand(*row[1:]) for row in rows}

    def tracked(self, source: str) -> int:
        """See `FactLog.tracked`."""
        query = "SELECT notification_id FROM tracking WHERE application_name = ?"
        rows = self._rows(query, (f"{self.name}/{source}",))
        return int(rows[0][0]) if rows else 0

    def last_position(self) -> int:
        """See `FactLog.last_position`."""
        return (self._last if self._writer is not None else self._load_last())[0]

    def head(self) -> bytes:
        """See `FactLog.head`."""
        return (self._last if self._writer is not None else self._load_last())[1]

    def verify(
        self,
        *,
        progress: Callable[[int], None] | None = None,
        since: Checkpoint | None = None,
    ) -> ChainReport:
        """See `FactLog.verify`."""
        start = since or Checkpoint()
        position, previous = start.position, start.chain
        while True:
            rows = self._rows(
                f"SELECT * FROM {self.name}_facts WHERE position > ? ORDER BY position LIMIT ?",
                (position, _VERIFY_ROWS),
            )
            for row in rows:
                what = chain.fault_of(row, previous, position + 1)
                if what is not None:
                    stream = row[1] if isinstance(row[1], str) else ""
                    fault = ChainFault(position + 1, stream, what)
                    here = Checkpoint(position, previous)
                    return ChainReport(self.name, position - start.position, here, fault)
                position, previous = row[0], row[7]
            if progress is not None:
                progress(position)
            if len(rows) < _VERIFY_ROWS:
                here = Checkpoint(position, previous)
                return ChainReport(self.name, position - start.position, here)

    def _check_tracking(self, tracking: Mapping[str, int]) -> None:
        for source, offset in tracking.items():
            before = self.tracked(source)
            if offset <= before:
                raise AlreadyTracked(
                    f"{source} was recorded up to {before}; a batch up to {offset} is not ahead.",
                    way_out=f"Go on after {before}.",
                    source=source,
                    offset=offset,
                )

    def _next_heads(self, facts: Sequence[NewFact]) -> dict[str, int]:
        """The last version of every stream after `facts`. Errors: StaleVersion."""
        missing = {fact.stream for fact in facts} - self._heads.keys()
        if missing:
            self._heads.update(dict.fromkeys(missing, 0) | self.versions(missing))
        heads: dict[str, int] = {}
        for fact in facts:
            stream = fact.stream
            wanted = (heads.get(stream) or self._heads[stream]) + 1
            if fact.version != wanted:
                raise StaleVersion(
                    f"{stream}: version {fact.version} was decided, but {wanted} is next.",
                    way_out="Load the stream again and decide again.",
                    stream=stream,
                    version=fact.version,
                )
            heads[stream] = wanted
        return heads

    def _framed(self, facts: Sequence[NewFact]) -> tuple[list[chain.Row], list[Recorded]]:
        position, previous = self._last
        rows: list[chain.Row] = []
        recorded: list[Recorded] = []
        link = chain.link
        for new in facts:
            position += 1
            topic, state = encode(new.fact)
            columns = (
                position,
                new.stream,
                new.version,
                topic,
                state,
                new.command_id,
                new.command_digest,
            )
            previous = link(previous, columns)
            rows.append((*columns, previous))
            recorded.append(Recorded(position, new.stream, new.version, new.fact))
        return rows, recorded

    def _load_last(self) -> tuple[int, bytes]:
        rows = self._rows(
            f"SELECT position, chain FROM {self.name}_facts ORDER BY position DESC LIMIT 1"
        )
        return rows[0] if rows else (0, chain.START)

    def _facts(self, where: str, parameters: Sequence[Any]) -> list[Recorded]:
        rows = self._rows(
            "SELECT position, originator_id, originator_version, topic, state "
            f"FROM {self.name}_facts WHERE {where}",
            parameters,
        )
        return [Recorded(p, s, v, decode(topic, state)) for p, s, v, topic, state in rows]

    def _rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with explained(self._path):
            return self._reader.rows(query, parameters)


class Store:
    """One SQLite file with the ledger log and the warnings log."""

    def __init__(
        self, path: Path, readers: Datastore, writer: Datastore | None, lock: WriterLock | None
    ) -> None:
        self.path = path
        self._readers, self._writer, self._lock = readers, writer, lock
        self.ledger = SqliteLog(LEDGER_LOG, path, readers, writer)
        self.warnings = SqliteLog(WARNINGS_LOG, path, readers, writer)

    @classmethod
    def open(cls, path: Path | str, *, read_only: bool = False) -> Store:
        """Open or create the store at `path`; `read_only` beside another process that writes.

        Errors: StoreUnavailable, with a way out, when another process writes there, the file is
        damaged or newer than this code, the disk is full or the folder cannot be written.
        """
        path = Path(path)
        if read_only and not path.exists():
            raise StoreUnavailable(
                f"There is no ledger at {path}.", way_out="Record something there first."
            )
        lock = None
        with explained(path):
            if not read_only:
                lock = WriterLock(path.parent / "lock")
        try:
            return cls._opened(path, lock)
        except BaseException:
            if lock is not None:
                lock.release()
            raise

    @classmethod
    def _opened(cls, path: Path, lock: WriterLock | None) -> Store:
        uri = f"file:{quote(str(path.absolute()))}"
        writer = None
        with explained(path):
            if lock is not None:
                writer = Datastore(f"{uri}?mode=rwc", size=1, pragmas=_PRAGMAS)
                _claim(writer, path)
            readers = Datastore(f"{uri}?mode={'rw' if lock else 'ro'}", pragmas=_READ_PRAGMAS)
            return cls(path, readers, writer, lock)

    def close(self) -> None:
        """Give back the file and the right to write. Safe to call twice."""
        self._readers.close()
        if self._writer is not None:
            self._writer.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _claim(writer: Datastore, path: Path) -> None:
    """Mark a new file as ours; refuse a file that is not, or that newer code wrote."""
    with writer.transaction(commit=True) as wrapped:
        cursor = wrapped.sqlite_cursor
        application = cursor.execute("PRAGMA application_id").fetchone()[0]
        version = cursor.execute("PRAGMA user_version").fetchone()[0]
        tables = cursor.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if application != _APPLICATION_ID and tables:
            raise StoreUnavailable(
                f"{path} is a database, but not a ledger of LoanBell.",
                way_out="Choose another data folder.",
            )
        if version > SCHEMA_VERSION:
            raise StoreUnavailable(
                f"{path} was written by a newer LoanBell (schema {version}; "
                f"this one knows {SCHEMA_VERSION}).",
                way_out="Upgrade LoanBell; the ledger needs no repair.",
            )
        cursor.execute(f"PRAGMA application_id={_APPLICATION_ID}")
        cursor.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
