"""Building views from the facts alone: beside the live ones, or in a scratch file to check them.

A rebuild reads facts and writes its own tables; it publishes nothing and touches no live row
before its last step, which puts all tables and positions in place in one transaction.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from ledger.process import no_cycle_hunting
from ledger.store import LEDGER_LOG, WARNINGS_LOG, FactLog
from projections.base import View
from projections.book import LoanBook
from projections.facts import Close, ColumnLog, Facts, runs, runs_between
from projections.reconcile import Agreement
from projections.tables import Connection, Database, Row, Table, TableSpec, func, select

LOGS = (LEDGER_LOG, WARNINGS_LOG)
READ = 10_000
"""Facts read and folded at once; it bounds memory and never changes a result."""
FLUSH = 1_000_000
"""Facts between two writes of a rebuild: a row that changes often is written seldom."""
_HALF = 2**32


class Logs(Protocol):
    """What the views read: the two logs of a store."""

    @property
    def ledger(self) -> FactLog:
        """The ledger log."""

    @property
    def warnings(self) -> FactLog:
        """The warnings log."""


Factory = Callable[[], View]
Positions = Mapping[str, int]
START: Positions = {LEDGER_LOG: 0, WARNINGS_LOG: 0}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a fold of the logs has come."""

    done: int
    total: int
    facts_per_second: float
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class Total:
    """One control total: a count of rows or the sum of a column, before and after."""

    table: str
    measure: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """What a rebuild did. `differing` names the control totals that the rebuild changed.

    `books` are totals that the views share with the trial balance and each other; all hold.
    """

    views: tuple[str, ...]
    facts: int
    seconds: float
    outcome: str
    totals: tuple[Total, ...] = ()
    books: tuple[Agreement, ...] = ()

    @property
    def differing(self) -> tuple[Total, ...]:
        """Control totals that are not what they were."""
        return tuple(total for total in self.totals if total.before != total.after)


@dataclass(frozen=True, slots=True)
class Difference:
    """A stored row that is not what the facts give; None for a row that only one side has."""

    view: str
    table: str
    key: Row
    stored: Mapping[str, Any] | None
    rebuilt: Mapping[str, Any] | None

    def __str__(self) -> str:
        where = f"{self.table}{list(self.key)}"
        if self.stored is None:
            return f"{where} is missing"
        if self.rebuilt is None:
            return f"{where} should not exist"
        changed = (
            f"{name} is {value!r}, the facts give {self.rebuilt[name]!r}"
            for name, value in self.stored.items()
            if value != self.rebuilt[name]
        )
        return f"{where}: {'; '.join(changed)}"


class Fold:
    """Views and the book they share, taking in both logs."""

    def __init__(self, views: Sequence[View]) -> None:
        self.views = list(views)
        self.book = LoanBook()

    def take(self, log: str, recorded: Sequence[Any]) -> None:
        """Fold a batch. The result does not depend on where batches are cut."""
        self.take_runs(log, runs(log, recorded))

    def take_runs(self, log: str, taken: Iterable[Facts | Close]) -> None:
        """Fold runs of facts and closes, in the order of the log."""
        for run in taken:
            if isinstance(run, Close):
                self.book.close(run.day)
                for view in self.views:
                    view.closed(run, self.book)
            else:
                if log == LEDGER_LOG:
                    self.book.apply(run)
                for view in self.views:
                    if log in view.needs:
                        view.fold(run, self.book)


def read_up_to(store: Logs, fold: Fold, upto: Positions, since: Positions = START) -> Iterator[int]:
    """Fold both logs behind `since` up to the given positions; yields facts folded so far."""
    done = 0
    for log in LOGS:
        source = store.ledger if log == LEDGER_LOG else store.warnings
        for after in range(since[log], upto[log], READ):
            last = min(after + READ, upto[log])
            if isinstance(source, ColumnLog):
                fold.take_runs(log, runs_between(log, source, after, last))
            else:
                fold.take(log, source.read(after=after, limit=last - after))
            done += last - after
            yield done


def measured(steps: Iterator[int], total: int) -> Iterator[Progress]:
    """Counts as progress with rate and time left, by a clock that no result depends on."""
    start = time.perf_counter()
    for done in steps:
        rate = done / max(time.perf_counter() - start, 1e-9)
        yield Progress(done, total, rate, (total - done) / rate if rate else None)


class SideTables:
    """Fresh tables of some views, in `database`, under a suffix."""

    def __init__(
        self, database: Database, views: Sequence[View], *, suffix: str, generation: int
    ) -> None:
        self.generation = generation
        self._database = database
        self._views = views
        self.tables: dict[str, Table] = {
            spec.name: database.table(spec, suffix=suffix, generation=generation)
            for view in views
            for spec in view.tables
        }
        with database.writing() as connection:
            for table in self.tables.values():
                database.create(connection, table)

    def write(self, book: LoanBook) -> None:
        """Put the views' changed rows into the side tables."""
        with self._database.writing() as connection:
            for view in self._views:
                for spec, rows in view.changes(book):
                    self._database.upsert(connection, self.tables[spec.name], rows)
        for view in self._views:
            view.committed()

    def drop(self) -> None:
        """Forget the side tables."""
        with self._database.writing() as connection:
            for table in self.tables.values():
                table.drop(connection, checkfirst=True)


def fill(
    side: SideTables,
    store: Logs,
    fold: Fold,
    upto: Positions,
    *,
    since: Positions = START,
    discard: Sequence[View] = (),
) -> Iterator[Progress]:
    """Fold the logs and write the side tables as it goes; the rows of `discard` are kept already.

    `since`: how far `fold` has read. The last step comes after the last row is written.
    """
    facts = read_up_to(store, fold, upto, since)
    total = sum(upto.values()) - sum(since.values())
    with no_cycle_hunting():
        yield from measured(_filling(facts, side, fold, discard), total)


def _filling(
    facts: Iterator[int], side: SideTables, fold: Fold, discard: Sequence[View]
) -> Iterator[int]:
    """Facts folded so far; the last number comes after the last row is written."""
    done = written = 0
    for count in facts:
        if done:
            yield done
        done = count
        if done - written >= FLUSH:
            _flush(side, fold.book, discard)
            written = done
    _flush(side, fold.book, discard)
    if done:
        yield done


def _flush(side: SideTables, book: LoanBook, discard: Sequence[View]) -> None:
    side.write(book)
    for view in discard:
        view.committed()


def control_totals(
    database: Database, connection: Connection, views: Sequence[View], side: SideTables
) -> tuple[Total, ...]:
    """Rows and sums of money of the live tables against those built beside them."""
    totals: list[Total] = []
    for view in views:
        for spec in view.tables:
            live = database.table(spec)
            if not database.exists(connection, live):
                continue
            before = _sums(connection, live)
            after = _sums(connection, side.tables[spec.name])
            if before.keys() == after.keys():
                totals += [Total(spec.name, name, before[name], after[name]) for name in before]
    return tuple(totals)


def _sums(connection: Connection, table: Table) -> dict[str, int]:
    """Exact sums, in two halves: one over a large book may exceed what a column can hold."""
    names = [column.name for column in table.columns if column.name.endswith("_minor")]
    halves = [
        func.sum(half)
        for column in (table.c[name] for name in names)
        for half in (column // _HALF, column % _HALF)
    ]
    counted = select(func.count(), *halves).select_from(table)
    rows, *sums = connection.execute(counted).one()
    upper, lower = ([int(total or 0) for total in sums[at::2]] for at in (0, 1))
    totals = [high * _HALF + low for high, low in zip(upper, lower, strict=True)]
    return {"rows": rows, **dict(zip(names, totals, strict=True))}


def differences(
    live: Database, store: Logs, factories: Sequence[Factory], *, limit: int = 100
) -> Iterator[Difference]:
    """Compare every stored row with a rebuild in a scratch file; at most `limit` a table."""
    views = [factory() for factory in factories]
    with tempfile.TemporaryDirectory(prefix="loanbell-check-") as folder:
        scratch = Database.open(Path(folder) / "views.db")
        try:
            with live.reading() as connection:
                catalog = live.catalog_rows(connection)
                rows = [catalog[view.name] for view in views if view.name in catalog]
                upto = {
                    LEDGER_LOG: max((row.ledger_position for row in rows), default=0),
                    WARNINGS_LOG: max((row.warnings_position for row in rows), default=0),
                }
                fold = Fold(views)
                side = SideTables(scratch, views, suffix="", generation=1)
                for _ in fill(side, store, fold, upto):
                    pass
                with scratch.reading() as other:
                    for view in views:
                        for spec in view.tables:
                            stored = _rows(live, connection, spec)
                            rebuilt = _rows(scratch, other, spec)
                            found = _compare(view.name, spec, stored, rebuilt)
                            yield from islice(found, limit)
        finally:
            scratch.close()


def _compare(
    view: str, spec: TableSpec, stored: Iterator[Row], rebuilt: Iterator[Row]
) -> Iterator[Difference]:
    """Walk two tables in the order of their key and name the rows that differ."""
    left, right = next(stored, None), next(rebuilt, None)
    while left is not None or right is not None:
        key = min(row[: spec.key] for row in (left, right) if row is not None)
        here = left if left is not None and left[: spec.key] == key else None
        there = right if right is not None and right[: spec.key] == key else None
        if here != there:
            yield Difference(view, spec.name, key, _named(spec, here), _named(spec, there))
        left = left if here is None else next(stored, None)
        right = right if there is None else next(rebuilt, None)


def _rows(database: Database, connection: Connection, spec: TableSpec) -> Iterator[Row]:
    table = database.table(spec)
    ordered = select(table).order_by(*(table.c[name] for name in spec.key_names))
    for row in connection.execute(ordered):
        yield tuple(row)


def _named(spec: TableSpec, row: Row | None) -> dict[str, Any] | None:
    return None if row is None else dict(zip(spec.column_names, row, strict=True))


def catalog_row(view: View, generation: int, positions: Positions, closed_day: int | None) -> Row:
    """The catalog's row for a view at the given positions; the last business day closed by then."""
    row: Row = (
        view.name,
        view.schema_version,
        view.rules_version,
        generation,
        positions[LEDGER_LOG],
        positions[WARNINGS_LOG],
        closed_day,
    )
    return row
