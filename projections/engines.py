"""Where views may be, how each database is opened and kept consistent, and what its errors mean."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from ledger.errors import StoreBlocked, StoreLost, StoreUnavailable

CONNECT_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema of a PostgreSQL database that holds views, as a file does for SQLite."""

    url: str
    name: str

    def __str__(self) -> str:
        parts = conninfo_to_dict(self.url)
        return f"{self.name} of {parts.get('dbname', '')} at {parts.get('host', 'localhost')}"


@dataclass(frozen=True, slots=True)
class Schemas:
    """The schemas of all partitions of a database, to be read as one."""

    url: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        return str(Schema(self.url, f"{self.names[0]} and the others"))


Place = Path | str | Schema | Schemas
"""A SQLite file, a schema, or the schemas of all partitions."""


def engine_of(place: Place, *, read_only: bool, durable: bool = False) -> Engine:
    """An engine over the tables at `place`. Errors: StoreUnavailable.

    `durable`: a commit survives a power cut, and several processes may write. Views want neither:
    they have one writer, and the ledger has all that they hold.
    """
    if isinstance(place, Schemas):
        return _postgres(Schema(place.url, place.names[0]), read_only=True, durable=False)
    if isinstance(place, Schema):
        return _postgres(place, read_only=read_only, durable=durable)
    return _sqlite(Path(place), read_only=read_only, durable=durable)


def _sqlite(path: Path, *, read_only: bool, durable: bool) -> Engine:
    if read_only and not path.exists():
        raise StoreUnavailable(
            f"{path} does not exist.",
            way_out="Run `loanbell serve`, `import` or `demo` on this folder first.",
        )
    mode = "ro" if read_only else "rwc"
    uri = f"file:{quote(str(path.absolute()))}"  # `#`, `?` and `%` mean something in a URI
    engine = create_engine(URL.create("sqlite", database=uri, query={"mode": mode, "uri": "true"}))
    _prepare_sqlite(engine, read_only=read_only, durable=durable)
    return engine


def _prepare_sqlite(engine: Engine, *, read_only: bool, durable: bool) -> None:
    """Real transactions from the first statement on, and a write-ahead log."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin or commit on its own
        if not read_only:
            connection.execute("PRAGMA journal_mode = WAL")
            # A power cut may lose the last commits but never half of one; the ledger has them all.
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            connection.execute("PRAGMA wal_autocheckpoint = 8000")
        connection.execute("PRAGMA busy_timeout = 10000")
        connection.execute("PRAGMA cache_size = -65536")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _postgres(schema: Schema, *, read_only: bool, durable: bool) -> Engine:
    """Every block of reads sees one snapshot; commits need not wait for the disk, as above."""
    settings = {
        "search_path": schema.name,
        "synchronous_commit": "on" if durable else "off",
        "default_transaction_read_only": "on" if read_only else "off",
    }
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())

    def connect() -> psycopg.Connection[Any]:
        return psycopg.connect(schema.url, options=options, connect_timeout=CONNECT_SECONDS)

    engine = create_engine(
        "postgresql+psycopg://",
        creator=connect,
        paramstyle="format",
        isolation_level="READ COMMITTED" if durable else "REPEATABLE READ",
        pool_size=2,
        max_overflow=4,
    )
    try:
        if not read_only:
            with engine.begin() as connection:
                connection.exec_driver_sql(f'CREATE SCHEMA IF NOT EXISTS "{schema.name}"')
    except DBAPIError as error:
        raise explain(error, str(schema)) from error
    return engine


def explain(error: DBAPIError, place: str) -> StoreUnavailable:
    """What a database refused, with a way out."""
    words = str(error.orig).lower()
    kind = StoreUnavailable
    if isinstance(error.orig, psycopg.OperationalError | psycopg.InterfaceError):
        kind = StoreLost
    elif "locked" in words or "full" in words:
        kind = StoreBlocked
    return kind(
        f"The tables in {place} cannot be used: {error.orig}.",
        way_out=_way_out(words, kind, place),
    )


def _way_out(words: str, kind: type[StoreUnavailable], place: str) -> str:
    if kind is StoreLost:
        return "It goes on when the database is back; the ledger has all the facts."
    if "locked" in words:
        return "Another process writes to it: stop that process, or wait for it to end."
    if "full" in words:
        return "The disk is full: free some space and start again; nothing is lost."
    if "no such table" in words or "does not exist" in words:
        return "It is of another version: start `loanbell serve` once, which rebuilds the views."
    return _anew(words, place)


def _anew(words: str, place: str) -> str:
    """What to do about tables that cannot be read."""
    if "unable to open" in words or "readonly" in words:
        return "Name a folder with --data that this user may write."
    if "views" not in Path(place).name:
        return "Bring back its last copy: no facts are there to make it anew from."
    return "Move it away and start again: the views are rebuilt from the ledger's facts."
