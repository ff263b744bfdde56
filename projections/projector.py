"""The projector: reads facts, keeps the views, commits rows and positions together.

Every commit holds the rows of all views and, in the catalog, how far they have read both logs; a
process that dies between two commits loses nothing, since the facts are still there. Single writer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from hashlib import sha256

from ledger.errors import InvariantBroken, StoreUnavailable
from ledger.snapshot import Frozen, SnapshotUnusable, code_digest, freeze, thaw
from ledger.store import LEDGER_LOG, WARNINGS_LOG, Recorded
from projections.base import View
from projections.book import LoanBook
from projections.rebuild import (
    LOGS,
    READ,
    START,
    Difference,
    Factory,
    Fold,
    Logs,
    Positions,
    Progress,
    RebuildReport,
    SideTables,
    catalog_row,
    control_totals,
    differences,
    fill,
)
from projections.reconcile import Agreement, reconcile
from projections.tables import CatalogRow, Connection, Database, Place
from projections.views import all_views

Report = Callable[[Progress], None]


class Projector:
    """All views of one folder. Not for several threads at once."""

    def __init__(self, database: Database, store: Logs, factories: Sequence[Factory]) -> None:
        self._database = database
        self._store = store
        self._factories = {factory().name: factory for factory in factories}
        self._fold = Fold([factory() for factory in factories])
        self._generations: dict[str, int] = {}
        self._outdated: list[str] = []
        self._positions = self._read_catalog()
        self._folded = dict(self._positions)
        self._since = START
        self._warm = False
        self.closed_day: int | None = None
        """The day last closed in what this process committed; what closes judge is of it."""

    @classmethod
    def open(
        cls, place: Place, store: Logs, *, views: Sequence[Factory] | None = None
    ) -> Projector:
        """Open the views at `place` over the facts of `store`.

        `views` defaults to `all_views()`, which grades by the default regime.
        Cheap: the fold in memory is restored by `catch_up`, or by the first use that needs it.
        Errors: StoreUnavailable, also when the views have read facts that `store` does not hold.
        """
        database = Database.open(place)
        try:
            return cls(database, store, all_views() if views is None else views)
        except BaseException:
            database.close()
            raise

    def close(self) -> None:
        """Let go of the file. Everything projected is committed already."""
        self._database.close()

    @property
    def views(self) -> tuple[str, ...]:
        """Names of the views, in the order they are folded."""
        return tuple(view.name for view in self._fold.views)

    def position(self, log: str) -> int:
        """How far the committed rows have read `log`."""
        return self._positions[log]

    def project(self, log: str, recorded: Sequence[Recorded]) -> None:
        """Fold a batch of `log` and commit rows and positions at once.

        What was projected before is skipped. Errors: InvariantBroken for a gap in the positions;
        StoreUnavailable when the commit fails: then nothing is written, and the next call, or the
        next start, writes it all.
        """
        self._make_warm()
        if recorded and recorded[0].position <= self._folded[log]:
            recorded = [item for item in recorded if item.position > self._folded[log]]
        if recorded and recorded[0].position != self._folded[log] + 1:
            raise InvariantBroken(
                f"The views have read {log} up to {self._folded[log]}, "
                f"the batch starts at {recorded[0].position}."
            )
        if recorded:
            self._take(log, recorded)
        if self._folded != self._positions:
            self._commit()

    def catch_up(
        self,
        progress: Report | None = None,
        *,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Restore the fold, rebuild outdated views, and project what the logs have beyond it.

        `cancelled` is asked between chunks: then it is False, and the next call makes up the rest.
        """
        if not self._make_warm(progress, cancelled):
            return False
        for log in LOGS:
            source = self._store.ledger if log == LEDGER_LOG else self._store.warnings
            while recorded := source.read(after=self._positions[log], limit=READ):
                if cancelled():
                    return False
                self.project(log, recorded)
        return True

    @property
    def key(self) -> str:
        """What a snapshot depends on besides the facts: this code, and what views judge by."""
        rules = [(view.name, view.rules_version) for view in self._fold.views]
        code = code_digest("ledger", "warning", "projections")
        return sha256(repr((code, rules)).encode()).hexdigest()

    def frozen(self) -> Frozen:
        """The fold in memory, as far as the logs are projected."""
        self._make_warm()
        return freeze(self._fold, {})

    def bring_back(self, state: bytes, positions: Positions) -> None:
        """Before `catch_up`: let it begin with a fold that was `frozen` at `positions`.

        Errors: SnapshotUnusable; then it begins with the first facts, as ever.
        """
        if self._outdated or any(self._positions[log] < positions[log] for log in LOGS):
            raise SnapshotUnusable("The views are written anew.")
        try:
            thaw(self._fold, {}, state)
        except SnapshotUnusable:
            self._forget()
            raise
        self._since = dict(positions)

    def rebuild(
        self,
        view: str,
        *,
        progress: Report | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        swap: bool = True,
    ) -> RebuildReport:
        """Build `view` (or "all") anew beside the live one, compare totals, and put it in place.

        `cancelled` is asked between chunks; a cancelled rebuild, or one without `swap`, leaves the
        live view as it was. What it built must agree with the books, else nothing is put in place.
        Errors: KeyError for an unknown view; InvariantBroken when it does not agree.
        """
        names = list(self._factories) if view == "all" else [view]
        if view != "all" and self._outdated:  # it is held against the others
            self._make_warm()
        fold = Fold([self._factories[name]() for name in names])
        side = self._side_tables(fold.views)
        last = Progress(0, sum(self._positions.values()), 0.0, None)
        try:
            for last in fill(side, self._store, fold, self._positions):
                if progress is not None:
                    progress(last)
                if cancelled():
                    side.drop()
                    return RebuildReport(tuple(names), last.done, _seconds(last), "cancelled")
        except BaseException:  # also Ctrl-C: leave nothing half built
            side.drop()
            raise
        with self._database.reading() as connection:
            totals = control_totals(self._database, connection, fold.views, side)
            books = reconcile(self._database, connection, side.tables)
        try:
            _refuse_disagreement(books, side.tables)
        except InvariantBroken:
            side.drop()
            raise
        if swap:
            self._swap(fold, side)
            self._adopt(fold)
        else:
            side.drop()
        outcome = "swapped" if swap else "built"
        seconds = _seconds(last)
        return RebuildReport(tuple(names), last.done, seconds, outcome, totals, tuple(books))

    def check(self) -> list[Difference]:
        """Rows that are not what the facts give; empty when every view equals its rebuild."""
        return list(differences(self._database, self._store, list(self._factories.values())))

    def _take(self, log: str, recorded: Sequence[Recorded]) -> None:
        try:
            self._fold.take(log, recorded)
        except BaseException:  # half a batch is folded: forget it all, and restore at the next use
            self._forget()
            raise
        self._folded[log] = recorded[-1].position

    def _commit(self) -> None:
        views = self._fold.views
        with self._database.writing() as connection:
            for view in views:
                for spec, rows in view.changes(self._fold.book):
                    self._database.upsert(connection, self._database.table(spec), rows)
            self._write_catalog(connection, views, self._fold.book)
        for view in views:
            view.committed()
        self._positions = dict(self._folded)
        self.closed_day = self._fold.book.closed_day

    def _write_catalog(self, connection: Connection, views: Sequence[View], book: LoanBook) -> None:
        rows = [
            catalog_row(view, self._generations[view.name], self._folded, book.closed_day)
            for view in views
        ]
        self._database.upsert(connection, self._database.catalog, rows)

    def _read_catalog(self) -> dict[str, int]:
        """Positions of the views; those that are not current are noted as outdated."""
        with self._database.reading() as connection:
            catalog = self._database.catalog_rows(connection)
            known = [catalog[view.name] for view in self._fold.views if view.name in catalog]
            here = {
                LEDGER_LOG: max((row.ledger_position for row in known), default=0),
                WARNINGS_LOG: max((row.warnings_position for row in known), default=0),
            }
            _refuse_lost_facts(here, self._store)
            for view in self._fold.views:
                row = catalog.get(view.name)
                self._generations[view.name] = row.generation if row is not None else 0
                made = all(
                    self._database.exists(connection, self._database.table(spec))
                    for spec in view.tables
                )
                if row is None or not made or not _current(row, view, here):
                    self._outdated.append(view.name)
        return here

    def _make_warm(
        self, progress: Report | None = None, cancelled: Callable[[], bool] = lambda: False
    ) -> bool:
        """Fold the facts up to the stored positions again; outdated views are written anew.

        False when it was cancelled: what is half built is built anew by the next call.
        """
        if self._warm:
            return True
        views = self._fold.views
        outdated = [view for view in views if view.name in self._outdated]
        current = [view for view in views if view.name not in self._outdated]
        side = self._side_tables(outdated)
        steps = fill(
            side, self._store, self._fold, self._positions, since=self._since, discard=current
        )
        for step in steps:
            if progress is not None:
                progress(step)
            if cancelled():
                self._forget()
                return False
        if outdated:
            self._swap(self._fold, side, only=outdated)
            self._outdated.clear()
        self._warm = True
        return True

    def _side_tables(self, views: Sequence[View]) -> SideTables:
        generation = 1 + max((self._generations[view.name] for view in views), default=0)
        return SideTables(self._database, views, suffix="__next", generation=generation)

    def _swap(self, fold: Fold, side: SideTables, *, only: Sequence[View] | None = None) -> None:
        """Put the side tables and their positions in place, in one transaction."""
        views = fold.views if only is None else only
        with self._database.writing() as connection:
            for view in views:
                for spec in view.tables:
                    self._database.replace(connection, spec, side.tables[spec.name])
                self._generations[view.name] = side.generation
            self._write_catalog(connection, views, fold.book)

    def _adopt(self, rebuilt: Fold) -> None:
        """Go on folding with the rebuilt views; if nothing was folded yet, with all of them."""
        by_name = {view.name: view for view in rebuilt.views}
        self._outdated = [name for name in self._outdated if name not in by_name]
        if self._warm:
            self._fold.views = [by_name.get(view.name, view) for view in self._fold.views]
        elif len(by_name) == len(self._factories):
            self._fold, self._warm = rebuilt, True

    def _forget(self) -> None:
        self._fold = Fold([factory() for factory in self._factories.values()])
        self._folded = dict(self._positions)
        self._since = START
        self._warm = False


def check(place: Place, store: Logs, *, views: Sequence[Factory] | None = None) -> list[Difference]:
    """Compare the views at `place` with a rebuild from the facts, reading only.

    Empty when every stored row is what the facts give; a scratch file is made and removed. May run
    beside the process that writes the views. Errors: StoreUnavailable.
    """
    database = Database.open(place, read_only=True)
    try:
        return list(differences(database, store, all_views() if views is None else views))
    finally:
        database.close()


def _refuse_lost_facts(read: Positions, store: Logs) -> None:
    """Errors: StoreUnavailable when the views have read further than a log goes.

    A ledger that was lost must not pass for a new book, nor its views be emptied with it.
    """
    for name, log in zip(LOGS, (store.ledger, store.warnings), strict=True):
        last = log.last_position()
        if read[name] > last:
            raise StoreUnavailable(
                f"The views have read {read[name]:,} facts of the {name} log, which holds "
                f"{last:,}: this is not the ledger.db that they were made of, or it lost facts.",
                way_out="Restore ledger.db from a backup. If this ledger is the one to go on with, "
                "move views.db away: it is built again from the facts.",
            )


def _refuse_disagreement(books: Sequence[Agreement], built: Collection[str]) -> None:
    """Errors: InvariantBroken when a total that something built takes part in does not hold."""
    for total in books:
        if not total.holds and not set(total.tables).isdisjoint(built):
            raise InvariantBroken(
                f"What was built does not agree: {total}. The live views are as they were; if only "
                "one of the two was built, rebuild all."
            )


def _current(row: CatalogRow, view: View, here: Positions) -> bool:
    """Whether the stored rows of `view` are of this code, these rules and these logs."""
    return (
        row.schema_version == view.schema_version
        and row.rules_version == view.rules_version
        and row.ledger_position == here[LEDGER_LOG]
        and row.warnings_position == here[WARNINGS_LOG]
    )


def _seconds(progress: Progress) -> float:
    return progress.done / progress.facts_per_second if progress.facts_per_second else 0.0
