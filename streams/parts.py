"""What the settings name, opened: rule pack, views, and the place of facts and views."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from ledger.errors import StoreUnavailable
from ledger.ids import CALENDAR_STREAM
from ledger.store import FactLog, PostgresStore, Store
from projections.rebuild import Factory
from projections.tables import Place, Schema
from projections.views import all_views
from streams.settings import PACKS, Settings, SettingsError, packaged
from warning.pack import Pack
from warning.rules import load_pack

AnyStore = Store | PostgresStore
"""The two logs of a data folder, or of a partition in PostgreSQL."""


def pack_of(settings: Settings) -> Pack:
    """The rule pack that `settings` name. Errors: RuleError."""
    return load_pack(packaged(PACKS, settings.pack, ".toml"))


def views_of(settings: Settings) -> Sequence[Factory]:
    """One factory a view; grades follow the regime that `settings` name. Errors: RegimeError."""
    return all_views(settings.regime)


def open_store(settings: Settings, partition: int | None, *, evict: bool = False) -> AnyStore:
    """The facts, to write: of the data folder, or of `partition` in PostgreSQL.

    `evict` as in `PostgresStore.open`. Errors: StoreUnavailable.
    """
    if partition is not None:
        return PostgresStore.open(database_of(settings), partition, evict=evict)
    _make_folder(settings.data)
    return Store.open(settings.ledger_db)


def views_place(settings: Settings, partition: int | None) -> Place:
    """Where the views over those facts are."""
    if partition is None:
        return settings.views_db
    return Schema(database_of(settings), views_schema(partition))


def views_schema(partition: int) -> str:
    """The schema that holds the views of a partition; its facts are in one of their own."""
    return f"loanbell_p{partition}_views"


def database_of(settings: Settings) -> str:
    """The address of PostgreSQL, with the password of its file. Errors: SettingsError."""
    if not settings.database:
        raise SettingsError(
            "No database is named.", way_out="Give --database or LOANBELL_DATABASE."
        )
    if settings.database_password_file is None:
        return settings.database
    parts = urlsplit(settings.database)
    password = quote(secret_in(settings.database_password_file), safe="")
    user, at, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{name}:{password}{at or '@'}{host}"))


def secret_in(path: Path) -> str:
    """The first line of a file with a secret. Errors: SettingsError, which does not show it."""
    try:
        return path.read_text(encoding="utf-8").splitlines()[0]
    except (OSError, UnicodeDecodeError, IndexError):
        raise SettingsError(
            f"The secret in {path} cannot be read.",
            way_out="Put it into the first line of a file that this user may read.",
        ) from None


def last_closed(ledger: FactLog) -> date | None:
    """The last closed business day of a ledger."""
    closes = ledger.stream(CALENDAR_STREAM)
    return closes[-1].fact.value_date if closes else None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(
            f"The data folder {folder} cannot be made: {error.strerror}.",
            way_out="Choose a folder that this user may write (--data, LOANBELL_DATA).",
        ) from None
