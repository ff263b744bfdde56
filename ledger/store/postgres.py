"""The store on PostgreSQL: one schema for each partition, one writer for each schema.

Each partition has its own logs, positions, tracking and hash chain, so that partitions commit side
by side and no reader of a log can pass a gap: the end of a log is a row that a commit moves from
the position it was decided on, or not at all. A writer that was overtaken is refused. A reader of
all partitions keeps one position for each.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import psycopg
from eventsourcing.persistence import IntegrityError
from eventsourcing.postgres import PostgresDatastore, PostgresProcessRecorder
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row

from ledger.errors import StoreUnavailable
from ledger.store import migrations, statements
from ledger.store.copying import copy_rows
from ledger.store.log import Log
from ledger.store.pgfaults import place_of, told_of
from ledger.store.recorder import BatchRecorder, Framed
from ledger.store.records import AUDIT_LOG, LEDGER_LOG, WARNINGS_LOG
from ledger.store.snapshots import Snapshots
from ledger.store.statements import POSTGRES
from ledger.store.tail import Slice

CONNECT_SECONDS = 5.0
_READERS = 3
_WRITER = 0x4C42_0000
"""Advisory locks: this plus the partition is held by the partition's writer."""
_HOMED = ("loan:", "account:")


class Datastore(PostgresDatastore):
    """The library's datastore over the address of a database and one of its schemas."""

    def __init__(self, url: str, schema: str, *, size: int, read_only: bool = False) -> None:
        super().__init__(
            "", "", "", "", "", schema=schema, pool_size=1, max_overflow=size - 1,
            originator_id_type="text", connect_timeout=CONNECT_SECONDS,
        )  # fmt: skip
        options = f"-c search_path={schema} -c default_transaction_read_only={read_only}".lower()
        self.pool.kwargs = {
            **conninfo_to_dict(url),
            "connect_timeout": int(CONNECT_SECONDS),
            "options": options,
            "row_factory": psycopg.rows.dict_row,
        }


class PostgresRecorder(BatchRecorder, PostgresProcessRecorder):
    """One log's tables in a partition's schema, which `migrations` makes."""

    def __init__(
        self,
        datastore: Datastore,
        log: str,
        *,
        partition: int = 0,
        reading: Datastore,
        writes: bool = True,
    ) -> None:
        PostgresProcessRecorder.__init__(self, datastore, events_table_name=f"{log}_facts")
        self._reading, self._partition = reading, partition
        self._homes = log == LEDGER_LOG
        self.follow(log, statements.of_log(log, POSTGRES), writes=writes)

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """See `BatchRecorder.rows`."""
        with (
            self._reading.get_connection() as connection,
            connection.cursor(row_factory=tuple_row, binary=True) as cursor,
        ):
            cursor.execute(query.encode(), parameters)
            return cursor.fetchall()

    def keys(self, part: Sequence[str] | Sequence[int]) -> Any:
        """See `BatchRecorder.keys`."""
        return part

    def write(self, cursor: Any, framed: Framed, moved: Slice, last: tuple[int, bytes]) -> None:
        """See `BatchRecorder.write`. The end is moved first: it keeps other writers waiting."""
        cursor.execute(_MOVE_END, (*framed.last, moved.indexed, self.log, *last))
        if cursor.rowcount != 1:
            raise IntegrityError(f"{self.log} has moved on from position {last[0]}")
        copy_rows(cursor, f"{self.log}_facts", framed.values)
        if moved.heads:
            heads = [moved.heads[start::3] for start in range(3)]
            cursor.execute(f"INSERT INTO {self.log}_heads {_HEADS}", heads)
        if moved.commands:
            commands = [moved.commands[start::2] for start in range(2)]
            cursor.execute(f"INSERT INTO {self.log}_commands {_COMMANDS}", commands)
        if self._homes:
            self._settle(cursor, framed)

    def _settle(self, cursor: Any, framed: Framed) -> None:
        """Note where new loans and accounts live. Errors: IntegrityError if that is elsewhere."""
        new = [
            fact.stream
            for fact in framed.recorded
            if fact.version == 1 and fact.stream.startswith(_HOMED)
        ]
        if new:
            cursor.execute(_HOMES, (self._partition, sorted(new)))
            cursor.execute(_ELSEWHERE, (sorted(new), self._partition))
            found = cursor.fetchone()
            if found is not None:
                raise IntegrityError(f"{found['stream']} is in another partition")

    def subscribe(self, *_: Any, **__: Any) -> Any:
        """Notifications would make all partitions commit one after the other."""
        raise NotImplementedError

    def max_notification_id(self) -> int | None:
        """The position of the last fact."""
        return self.last()[0] or None


_MOVE_END = (
    "UPDATE logs SET position = %s, chain = %s, indexed = coalesce(%s, indexed) "
    "WHERE name = %s AND position = %s AND chain = %s"
)
_HEADS = (
    "SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bigint[]) AS new(originator_id, "
    "originator_version, position) ON CONFLICT (originator_id) DO UPDATE SET "
    "originator_version = excluded.originator_version, position = excluded.position"
)
_COMMANDS = "SELECT * FROM unnest(%s::text[], %s::bigint[]) ON CONFLICT DO NOTHING"
_HOMES = (
    "INSERT INTO loanbell.homes SELECT stream, %s FROM unnest(%s::text[]) new(stream) "
    "ON CONFLICT DO NOTHING"
)
_ELSEWHERE = "SELECT stream FROM loanbell.homes WHERE stream = ANY(%s) AND partition <> %s LIMIT 1"
_RESERVE = (
    "INSERT INTO loanbell.homes SELECT * FROM unnest(%s::text[], %s::integer[]) "
    "ON CONFLICT DO NOTHING"
)


class PostgresStore:
    """One partition: its ledger log and its warnings log. Make it with `open`."""

    ledger: Log
    warnings: Log
    snapshots: Snapshots

    def __init__(self, url: str, partition: int) -> None:
        self.partition = partition
        self.place = place_of(url, partition)
        self._url = url
        self._told = told_of(self.place)
        self._datastores: list[Datastore] = []
        self._lock: psycopg.Connection[Any] | None = None

    @classmethod
    def open(
        cls, url: str, partition: int = 0, *, read_only: bool = False, evict: bool = False
    ) -> PostgresStore:
        """Open a partition, as its one writer unless `read_only`.

        `evict` cuts the connection of a writer that holds on to the partition although it is not
        its any more; whatever that one still tries to commit is refused.
        Errors: StoreUnavailable when the database cannot be reached, has another schema than this
        code, or another process writes to the partition.
        """
        store = cls(url, partition)
        try:
            with store._told():
                store._check()
                if not read_only:
                    store._claim(evict=evict)
                store._connect(writes=not read_only)
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Give back the connections and the right to write. Safe to call twice."""
        for datastore in self._datastores:
            datastore.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> PostgresStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def homes(self, streams: Collection[str]) -> dict[str, int]:
        """The partitions of those of `streams` (loans, accounts) that any partition knows."""
        with self._told():
            return dict(self.ledger.rows(_WHERE, (sorted(streams),)))

    def reserve(self, wanted: Mapping[str, int]) -> dict[str, int]:
        """Settle where streams will live that nobody knows yet; returns where they do live."""
        ordered = sorted(wanted)
        with self._told():
            if self._lock is None:
                raise StoreUnavailable(f"{self.place} was opened to read.")
            self._lock.execute(_RESERVE, (ordered, [wanted[stream] for stream in ordered]))
        return self.homes(ordered)

    def _check(self) -> None:
        partitions = _checked_partitions(self._url, self.place)
        if not 0 <= self.partition < partitions:
            raise StoreUnavailable(
                f"{self.place} is none of {partitions} partitions.", way_out="Count from 0."
            )

    def _claim(self, *, evict: bool) -> None:
        """Hold the partition's lock for as long as this connection lives."""
        self._lock = _connection(self._url)
        key = _WRITER + self.partition
        if evict:
            self._lock.execute(_EVICT, (key,))
        for wait in (0.0, 0.5):
            time.sleep(wait if evict else 0.0)
            row = self._lock.execute("SELECT pg_try_advisory_lock(%s)", (key,)).fetchone()
            if row is not None and row[0]:
                return
        raise StoreUnavailable(
            f"Another process writes to {self.place} already.",
            way_out="Stop it, or wait until it lets go of the partition.",
        )

    def _connect(self, *, writes: bool) -> None:
        schema = migrations.schema_of(self.partition)
        reading = Datastore(self._url, schema, size=_READERS, read_only=True)
        self._datastores.append(reading)
        writing = reading
        if writes:
            writing = Datastore(self._url, schema, size=1)
            self._datastores.append(writing)
        logs = []
        for name in (LEDGER_LOG, WARNINGS_LOG):
            recorder = PostgresRecorder(
                writing, name, partition=self.partition, reading=reading, writes=writes
            )
            recorder.last()
            logs.append(Log(name, self.place, recorder, self._told, writes=writes))
        self.snapshots = Snapshots(recorder, self._told)
        self.ledger, self.warnings = logs


_EVICT = (
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 "
    "AND objid = %s AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_WHERE = "SELECT stream, partition FROM loanbell.homes WHERE stream = ANY(%s)"


class PostgresAudit:
    """The audit log of a database. Make it with `open`.

    Any number of processes may record: one that was overtaken gets StaleVersion and tries again.
    """

    def __init__(self, url: str) -> None:
        self.place = place_of(url, None)
        self._datastores = [
            Datastore(url, migrations.AUDIT_SCHEMA, size=_READERS, read_only=True),
            Datastore(url, migrations.AUDIT_SCHEMA, size=1),
        ]
        reading, writing = self._datastores
        recorder = PostgresRecorder(writing, AUDIT_LOG, reading=reading)
        recorder.shared = True
        told = told_of(self.place)
        with told():
            recorder.last()
        self.audit = Log(AUDIT_LOG, self.place, recorder, told, writes=True)

    @classmethod
    def open(cls, url: str) -> PostgresAudit:
        """Open it. Errors: StoreUnavailable, also for another schema than this code's."""
        place = place_of(url, None)
        with told_of(place)():
            _checked_partitions(url, place)
        return cls(url)

    def close(self) -> None:
        """Give back the connections."""
        for datastore in self._datastores:
            datastore.close()


def _checked_partitions(url: str, place: str) -> int:
    """How many partitions there are. Errors: StoreUnavailable for another schema."""
    with _connection(url) as connection:
        version, partitions = migrations.state_of(connection.cursor())
    if version != migrations.LATEST:
        raise StoreUnavailable(
            f"{place} has schema {version}, this LoanBell needs {migrations.LATEST}.",
            way_out="Run `loanbell migrate` with the version that is to run.",
        )
    return partitions


def _connection(url: str) -> psycopg.Connection[Any]:
    name = f"loanbell {socket.gethostname()}/{os.getpid()}"
    return psycopg.connect(
        url,
        autocommit=True,
        connect_timeout=int(CONNECT_SECONDS),
        fallback_application_name=name,
    )


def migrate(url: str, *, partitions: int | None = None, to: int = migrations.LATEST) -> list[str]:
    """Bring the database at `url` to schema `to`, in one transaction; says what was done.

    Errors: StoreUnavailable. See `migrations.migrate`.
    """
    with told_of(place_of(url, None))(), _connection(url) as connection, connection.transaction():
        return migrations.migrate(connection.cursor(), partitions=partitions, to=to)


def partitions_of(url: str) -> int:
    """How many partitions the database has; 0 before it was migrated. Errors: StoreUnavailable."""
    with told_of(place_of(url, None))(), _connection(url) as connection:
        return migrations.state_of(connection.cursor())[1]


def unowned(url: str) -> list[int]:
    """The partitions that nobody writes to. Errors: StoreUnavailable."""
    with told_of(place_of(url, None))(), _connection(url) as connection:
        _, partitions = migrations.state_of(connection.cursor())
        held = {row[0] - _WRITER for row in connection.execute(_HELD)}
    return [partition for partition in range(partitions) if partition not in held]


def owners(url: str) -> dict[int, tuple[str, int]]:
    """partition -> who writes to it and since when (microseconds); unowned ones are left out.

    Errors: StoreUnavailable.
    """
    with told_of(place_of(url, None))(), _connection(url) as connection:
        rows = connection.execute(_OWNERS).fetchall()
    return {key - _WRITER: (name, since_us) for key, name, since_us in rows}


_OWNERS = (
    "SELECT l.objid::bigint, coalesce(a.application_name, ''), "
    "(extract(epoch FROM a.backend_start) * 1000000)::bigint "
    "FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    "WHERE l.locktype = 'advisory' AND l.classid = 0 AND l.granted "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_HELD = (
    "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
