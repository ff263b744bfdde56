"""The book that a command reads: a data folder, or all partitions of a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.errors import LoanError, StoreUnavailable
from ledger.store import FactLog, PostgresAudit, PostgresStore, Store
from projections.projector import check as check_views
from projections.queries import Queries
from projections.rebuild import Difference
from projections.tables import Place
from streams.parts import AnyStore, database_of, stores_to_read, views_of, views_place
from streams.settings import Settings


class Book:
    """The stores of a book. Make it with `open`, and close it as a context."""

    def __init__(self, settings: Settings, stores: Sequence[AnyStore], audit: FactLog) -> None:
        self.stores = stores
        self._settings, self._audit = settings, audit
        self._closing = ExitStack()

    @classmethod
    def open(cls, settings: Settings, *, folder: bool = False) -> Book:
        """That of the database that `settings` name, unless `folder`; else that of the folder.

        Errors: StoreUnavailable, SettingsError.
        """
        if folder or not settings.database:
            if not settings.ledger_db.exists():
                raise StoreUnavailable(
                    f"There is no ledger in {settings.data}.",
                    way_out="Name the folder that holds ledger.db with --data, or a database.",
                )
            store = Store.open(settings.ledger_db, read_only=True)
            book = cls(settings, [store], store.audit)
            book._closing.enter_context(store)
            return book
        with ExitStack() as opened:
            stores = stores_to_read(settings)
            for one in stores:
                opened.enter_context(one)
            audit = PostgresAudit.open(database_of(settings))
            opened.callback(audit.close)
            book = cls(settings, stores, audit.audit)
            book._closing = opened.pop_all()
        return book

    def __enter__(self) -> Book:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def logs(self) -> dict[str, FactLog]:
        """Every log by its name; those of a partition end in its number: "ledger/0"."""
        found: dict[str, FactLog] = {}
        for store in self.stores:
            number = f"/{store.partition}" if isinstance(store, PostgresStore) else ""
            found |= {f"{log.name}{number}": log for log in (store.ledger, store.warnings)}
        if self._audit.last_position():
            found[self._audit.name] = self._audit
        return found

    def views(self) -> ViewsFound:
        """How the views of all stores stand."""
        found = ViewsFound()
        for store in self.stores:
            partition = store.partition if isinstance(store, PostgresStore) else None
            place = views_place(self._settings, partition)
            found = found.beside(_checked_views(self._settings, place, store))
        return found


def book_of(data: Path | None, database: str | None, config: Path | None) -> Book:
    """The book that a command names, to read only: a database goes before a folder.

    Errors: StoreUnavailable, SettingsError.
    """
    settings = Settings.load({"data": data, "database": database}, file=config)
    return Book.open(settings, folder=data is not None and database is None)


def logs_of(store: Store) -> list[FactLog]:
    """The logs of a folder, that of the audit where anybody ever signed in."""
    audit = [store.audit] if store.audit.last_position() else []
    return [store.ledger, store.warnings, *audit]


class OtherRules(LoanError):
    """The views were judged by other rules than the settings name."""

    code = "other_rules"


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewsFound:
    """How the views stand: accounts that were added up, currencies that do not balance, rows that
    are not what the facts give, facts that no view has read yet, and why the rest is unknown."""

    accounts: int | None = None
    off: Sequence[tuple[str, int]] = ()
    differences: Sequence[Difference] = ()
    behind: int = 0
    fault: LoanError | None = None

    @property
    def wrong(self) -> bool:
        """Whether something is not as it must be; to be behind is not wrong."""
        return bool(self.off or self.differences or self.fault)

    def beside(self, other: ViewsFound) -> ViewsFound:
        """What was found of two partitions; of two faults the first."""
        known = [each.accounts for each in (self, other) if each.accounts is not None]
        return ViewsFound(
            accounts=sum(known) if known else None,
            off=[*self.off, *other.off],
            differences=[*self.differences, *other.differences],
            behind=self.behind + other.behind,
            fault=self.fault or other.fault,
        )


def _checked_views(settings: Settings, place: Place, store: AnyStore) -> ViewsFound:
    """Reads only; what keeps the views from being read is part of the answer."""
    try:
        reads = Queries.open(place, store)
        try:
            standing = reads.status()["views"]
            _same_rules(settings, {view["view"]: view["rules_version"] for view in standing})
            balances = reads.trial_balance()
        finally:
            reads.close()
        return ViewsFound(
            accounts=len(balances),
            off=[row for row in _totals(balances) if row[1]],
            differences=check_views(place, store, views=views_of(settings)),
            behind=max((view["lag_facts"] for view in standing), default=0),
        )
    except LoanError as fault:
        return ViewsFound(fault=fault)


def _same_rules(settings: Settings, stored: Mapping[str, str]) -> None:
    """Errors: OtherRules, before anything is compared by rules that the views do not follow."""
    for view in (factory() for factory in views_of(settings)):
        if stored.get(view.name, view.rules_version) != view.rules_version:
            raise OtherRules(
                f"The view {view.name} follows {stored[view.name]}; the settings name "
                f"{view.rules_version}.",
                way_out="Check under the settings that wrote it (LOANBELL_REGIME, --config), or "
                "start `loanbell serve`, which grades all of history by the new rules.",
            )


def _totals(balances: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Debits less credits by currency: 0 when the books balance."""
    totals: dict[str, int] = {}
    for row in balances:
        totals[row["currency"]] = totals.get(row["currency"], 0) + row["balance_minor"]
    return sorted(totals.items())
