"""The only door to SQL: the file of the views, its tables, bulk upserts and consistent reads.

SQLAlchemy Core on a SQLite file (write-ahead log) today, PostgreSQL later: whatever only one of
them understands stays in the helpers of this module. Knows no view by name and no fact.

A view names its tables as `TableSpec`s. The catalog table `views` holds, for each view, the
positions of both logs that its rows stand for; rows and positions always commit together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    and_,
    create_engine,
    event,
    func,
    inspect,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from ledger.errors import StoreBlocked, StoreUnavailable

__all__ = [
    "CATALOG",
    "CatalogRow",
    "Connection",
    "Database",
    "Row",
    "Table",
    "TableSpec",
    "and_",
    "func",
    "integer",
    "or_",
    "packed",
    "select",
    "tuple_",
    "words",
]

Row = tuple[Any, ...]
"""One row, in the order of its table's columns."""


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """A column: a whole number, words or packed bytes, never a float."""

    name: str
    kind: type[int] | type[str] | type[bytes]
    nullable: bool


def integer(name: str, *, nullable: bool = False) -> ColumnSpec:
    """A column of 64-bit whole numbers: minor units, day numbers, counts, 0/1."""
    return ColumnSpec(name, int, nullable)


def words(name: str, *, nullable: bool = False) -> ColumnSpec:
    """A column of text."""
    return ColumnSpec(name, str, nullable)


def packed(name: str) -> ColumnSpec:
    """A column of bytes that `packing` made."""
    return ColumnSpec(name, bytes, False)


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A table of a view. The first `key` columns are its primary key.

    Columns named in `fixed` never change once a row is there: an upsert leaves them alone, and
    their indexes with them.
    """

    name: str
    columns: tuple[ColumnSpec, ...]
    key: int = 1
    indexes: tuple[tuple[str, ...], ...] = ()
    fixed: tuple[str, ...] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(column.name for column in self.columns)

    @property
    def key_names(self) -> tuple[str, ...]:
        """Names of the primary key, in order."""
        return self.column_names[: self.key]


CATALOG = TableSpec(
    "views",
    (
        words("view"),
        integer("schema_version"),
        words("rules_version"),
        integer("generation"),
        integer("ledger_position"),
        integer("warnings_position"),
        integer("closed_day", nullable=True),
    ),
)


@dataclass(frozen=True, slots=True)
class CatalogRow:
    """What the file says of one view: its versions, and how far it has read both logs."""

    view: str
    schema_version: int
    rules_version: str
    generation: int
    ledger_position: int
    warnings_position: int
    closed_day: int | None


class Database:
    """The file of the views. Errors: StoreUnavailable, with the way out, from every method."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._name = name
        self._tables: dict[tuple[str, str, int], Table] = {}
        self._upserts: dict[str, str] = {}
        self.catalog = self.table(CATALOG)

    @classmethod
    def open(cls, path: Path | str, *, read_only: bool = False) -> Database:
        """Open the SQLite file at `path`, made if missing unless `read_only`."""
        path = Path(path)
        if read_only and not path.exists():
            raise StoreUnavailable(
                f"{path} does not exist.",
                way_out="Run `loanbell serve`, `import` or `demo` on this folder first.",
            )
        mode = "ro" if read_only else "rwc"
        engine = create_engine(f"sqlite:///file:{path}?mode={mode}&uri=true")
        _prepare_sqlite(engine, read_only=read_only)
        database = cls(engine, str(path))
        if not read_only:
            with database.writing() as connection:
                database.catalog.create(connection, checkfirst=True)
        return database

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection on which all reads see one committed state."""
        with self._translated(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: all of it is kept, or, on any error, nothing."""
        with self._translated(), self._engine.begin() as connection:
            yield connection

    def table(self, spec: TableSpec, *, suffix: str = "", generation: int = 1) -> Table:
        """The table of `spec`. `suffix` names one built beside it, `generation` its indexes."""
        known = self._tables.get((spec.name, suffix, generation))
        if known is not None:
            return known
        name = spec.name + suffix
        types = {int: BigInteger, str: Text, bytes: LargeBinary}
        columns: list[Column[Any]] = [
            Column(
                column.name,
                types[column.kind](),
                primary_key=position < spec.key,
                nullable=column.nullable,
                autoincrement=False,
            )
            for position, column in enumerate(spec.columns)
        ]
        indexes = [
            Index(f"ix_{spec.name}_{'_'.join(names)}_g{generation}", *names)
            for names in spec.indexes
        ]
        made = Table(
            name,
            MetaData(),
            *columns,
            *indexes,
            info={"fixed": spec.fixed},
            sqlite_with_rowid=False,
        )
        self._tables[spec.name, suffix, generation] = made
        return made

    def create(self, connection: Connection, table: Table) -> None:
        """Make `table` anew, empty; whatever had its name is dropped."""
        table.drop(connection, checkfirst=True)
        table.create(connection)

    def replace(self, connection: Connection, spec: TableSpec, built: Table) -> None:
        """Put `built` in the place of the table of `spec`, in this transaction."""
        self.table(spec).drop(connection, checkfirst=True)
        quote = self._engine.dialect.identifier_preparer.quote
        connection.execute(text(f"ALTER TABLE {quote(built.name)} RENAME TO {quote(spec.name)}"))

    def exists(self, connection: Connection, table: Table) -> bool:
        """Whether `table` is in the file."""
        return inspect(connection).has_table(table.name)

    def upsert(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Insert `rows`, each in the order of the columns; a row with the same key is replaced."""
        if rows:
            connection.exec_driver_sql(self._upsert(table), list(rows))

    def catalog_rows(self, connection: Connection) -> dict[str, CatalogRow]:
        """What the catalog says, by view."""
        found = connection.execute(select(self.catalog))
        return {row.view: CatalogRow(*row) for row in found}

    def _upsert(self, table: Table) -> str:
        statement = self._upserts.get(table.name)
        if statement is None:
            insert = sqlite.insert if self._engine.dialect.name == "sqlite" else postgresql.insert
            made = insert(table)
            keys = [column.name for column in table.primary_key]
            kept = {*keys, *table.info["fixed"]}
            others = {c.name: made.excluded[c.name] for c in table.columns if c.name not in kept}
            made = (
                made.on_conflict_do_update(index_elements=keys, set_=others)
                if others
                else made.on_conflict_do_nothing(index_elements=keys)
            )
            statement = str(made.compile(self._engine))
            self._upserts[table.name] = statement
        return statement

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            kind = StoreBlocked if _passes(error) else StoreUnavailable
            raise kind(
                f"The views in {self._name} cannot be used: {error.orig}.", way_out=_way_out(error)
            ) from error


def as_dicts(rows: Iterator[Any]) -> list[dict[str, Any]]:
    """Rows as plain dictionaries by column name."""
    return [dict(row._mapping) for row in rows]


def like_row(spec: TableSpec, values: Mapping[str, Any]) -> Row:
    """`values` in the order of the columns of `spec`."""
    return tuple(values[name] for name in spec.column_names)


def _prepare_sqlite(engine: Engine, *, read_only: bool) -> None:
    """Real transactions from the first statement on, and a write-ahead log."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin or commit on its own
        if not read_only:
            connection.execute("PRAGMA journal_mode = WAL")
            # A power cut may lose the last commits but never half of one; the ledger has them all.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA wal_autocheckpoint = 8000")
        connection.execute("PRAGMA busy_timeout = 10000")
        connection.execute("PRAGMA cache_size = -65536")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _passes(error: DBAPIError) -> bool:
    """Whether the same statement may succeed later: a full disk, a lock."""
    words_of = str(error.orig).lower()
    return "locked" in words_of or "full" in words_of


def _way_out(error: DBAPIError) -> str:
    words_of = str(error.orig).lower()
    if "locked" in words_of:
        return "Another process writes to it: stop that process, or wait for it to end."
    if "full" in words_of:
        return "The disk is full: free some space and start again; nothing is lost."
    if "no such table" in words_of:
        return "It is of another version: start `loanbell serve` once, which rebuilds the views."
    return "Move the file away and start again: the views are rebuilt from the ledger's facts."
