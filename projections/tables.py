"""The only door to SQL: the place of the views, its tables, bulk upserts and consistent reads.

SQLAlchemy Core on a SQLite file (write-ahead log) or in a schema of PostgreSQL: whatever only one
of them understands stays in `engines` and here. Knows no view by name and no fact.

A view names its tables as `TableSpec`s. The catalog table `views` holds, for each view, the
positions of both logs that its rows stand for; rows and positions always commit together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
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
    func,
    inspect,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from projections.engines import Place, Schema, Schemas, engine_of, explain
from projections.union import union

__all__ = [
    "CATALOG",
    "CatalogRow",
    "Connection",
    "Database",
    "Place",
    "Row",
    "Schema",
    "Schemas",
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

COLUMN_ROWS = 5_000
"""Rows that go into one statement as columns."""


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
    their indexes with them. A row of a table that `closes` days counts, where partitions are read
    as one, when every partition has it.
    """

    name: str
    columns: tuple[ColumnSpec, ...]
    key: int = 1
    indexes: tuple[tuple[str, ...], ...] = ()
    fixed: tuple[str, ...] = ()
    closes: bool = False

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

    def __init__(self, engine: Engine, name: str, schemas: Sequence[str] = ()) -> None:
        self._engine = engine
        self._name = name
        self._schemas = schemas
        self._tables: dict[tuple[str, str, int], Table] = {}
        self._upserts: dict[tuple[str, bool], str] = {}
        self.catalog = self.table(CATALOG)

    @classmethod
    def open(
        cls,
        place: Place,
        *,
        read_only: bool = False,
        durable: bool = False,
        tables: Sequence[TableSpec] = (CATALOG,),
    ) -> Database:
        """Open the tables at `place`; `tables` are made if missing, unless `read_only`.

        `durable` as in `engine_of`: for what the ledger's facts cannot give again.
        """
        schemas = place.names if isinstance(place, Schemas) else ()
        engine = engine_of(place, read_only=read_only, durable=durable)
        database = cls(engine, str(place), schemas)
        if not read_only:
            with database.writing() as connection:
                for spec in tables:
                    database.table(spec).create(connection, checkfirst=True)
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
        if known is None:
            made = [_table(spec, suffix, generation, schema) for schema in self._schemas]
            known = (
                union(made, closes=spec.closes) if made else _table(spec, suffix, generation, None)
            )
            self._tables[spec.name, suffix, generation] = known
        return known

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
        keys = len(table.primary_key)
        if self._engine.dialect.name == "sqlite" or len({row[:keys] for row in rows}) < len(rows):
            if rows:
                connection.exec_driver_sql(self._upsert(table), list(rows))
            return
        # Whole columns at once cost half of what row after row does, here and in the database.
        for start in range(0, len(rows), COLUMN_ROWS):
            columns = zip(*rows[start : start + COLUMN_ROWS], strict=True)
            lists = [
                _list(c.type, column) for c, column in zip(table.columns, columns, strict=True)
            ]
            connection.exec_driver_sql(self._upsert(table, columns=True), tuple(lists))

    def upsert_new(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Insert those of `rows` whose keys are not there yet, whoever else does so meanwhile."""
        insert = sqlite.insert if self._engine.dialect.name == "sqlite" else postgresql.insert
        names = [column.name for column in table.columns]
        values = [dict(zip(names, row, strict=True)) for row in rows]
        connection.execute(insert(table).values(values).on_conflict_do_nothing())

    def catalog_rows(self, connection: Connection) -> dict[str, CatalogRow]:
        """What the catalog says, by view."""
        rows: dict[str, list[CatalogRow]] = {}
        for found in connection.execute(select(self.catalog)):
            rows.setdefault(found.view, []).append(CatalogRow(*found))
        wanted = max(1, len(self._schemas))
        return {view: _merged(of) for view, of in rows.items() if len(of) == wanted}

    def _upsert(self, table: Table, *, columns: bool = False) -> str:
        """The statement that takes one row, or with `columns` a list for each column."""
        statement = self._upserts.get((table.name, columns))
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
            if columns:
                kinds = (c.type.compile(self._engine.dialect) for c in table.columns)
                lists = ", ".join(f"%s::{kind.partition(' ')[0]}[]" for kind in kinds)
                head, _, rest = statement.partition(" VALUES (")
                statement = f"{head} SELECT * FROM unnest({lists}){rest[rest.index(')') :][1:]}"
            self._upserts[table.name, columns] = statement
        return statement

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise explain(error, self._name) from error


def _list(kind: Any, column: Sequence[Any]) -> Any:
    """A column as a parameter; of whole numbers as text, which is fivefold as fast."""
    if isinstance(kind, BigInteger):
        return "{" + ",".join(map(str, column)).replace("None", "NULL") + "}"
    return list(column)


def _merged(rows: Sequence[CatalogRow]) -> CatalogRow:
    """What partitions say of a view together: facts read by all, days closed by each."""
    if len(rows) == 1:
        return rows[0]
    closed = [row.closed_day for row in rows if row.closed_day is not None]
    return replace(
        rows[0],
        ledger_position=sum(row.ledger_position for row in rows),
        warnings_position=sum(row.warnings_position for row in rows),
        closed_day=min(closed) if len(closed) == len(rows) else None,
    )


def _table(spec: TableSpec, suffix: str, generation: int, schema: str | None) -> Table:
    name = spec.name + suffix
    # In the order of bytes everywhere, as SQLite and Python sort.
    text_type = Text().with_variant(Text(collation="C"), "postgresql")
    types: dict[type, Any] = {int: BigInteger(), str: text_type, bytes: LargeBinary()}
    columns: list[Column[Any]] = [
        Column(
            column.name,
            types[column.kind],
            primary_key=position < spec.key,
            nullable=column.nullable,
            autoincrement=False,
        )
        for position, column in enumerate(spec.columns)
    ]
    indexes = [
        Index(f"ix_{spec.name}_{'_'.join(names)}_g{generation}", *names) for names in spec.indexes
    ]
    return Table(
        name,
        MetaData(schema=schema),
        *columns,
        *indexes,
        info={"fixed": spec.fixed},
        sqlite_with_rowid=False,
    )
