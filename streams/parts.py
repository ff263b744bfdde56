"""What the settings name, opened: rules with their score, views, regimes, and where facts live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from ledger import decide as book
from ledger.collection.common import NO_LOANS
from ledger.collection.contacts import usual_rules
from ledger.collection.decide import deciding_by
from ledger.collection.rulefile import FOLDER, load_rules
from ledger.collection.rules import ContactRules
from ledger.collection_commands import CollectionCommand
from ledger.commands import Command, EndGradeOverride, OverrideGrade
from ledger.errors import RuleRefused, StoreUnavailable
from ledger.ids import CALENDAR_STREAM
from ledger.store import FactLog, PostgresAudit, PostgresStore, Store, partitions_of
from projections.rebuild import Factory
from projections.regime import Regime
from projections.regime_file import load
from projections.tables import Place, Schema
from projections.views import all_views
from streams.identity.vault import Vault, VaultClosed, master_key
from streams.settings import NO_SCORE, PACKS, Settings, SettingsError, packaged
from warning.pack import Pack
from warning.rules import load_pack
from warning.scorecard import Model, ModelError, read_model
from warning.scored_pack import with_score

AnyStore = Store | PostgresStore
"""The two logs of a data folder, or of a partition in PostgreSQL."""


def pack_of(settings: Settings) -> Pack:
    """The rule pack that `settings` name, with their score.

    Errors: SettingsError when there is no such pack; RuleError, ModelError.
    """
    path = packaged(PACKS, settings.pack, ".toml")
    if not path.is_file():
        raise SettingsError(
            f"There is no rule pack {settings.pack!r}.",
            way_out=f"Known: {', '.join(sorted(each.stem for each in PACKS.glob('*.toml')))}, or "
            "the path of a TOML file.",
        )
    pack = load_pack(path)
    if settings.score == NO_SCORE:
        return pack
    return with_score(pack, model_at(Path(settings.score)), path=settings.pack)


def model_at(path: Path) -> Model:
    """The score in a file. Errors: ModelError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} cannot be read: {error}.", way_out="Name a model file.") from None
    return read_model(text, path=str(path))


def views_of(settings: Settings) -> Sequence[Factory]:
    """One factory a view; grades follow the regimes that `settings` name. Errors: RegimeError."""
    return all_views(*settings.regimes)


def core_of(settings: Settings) -> RegimeCore:
    """The ledger's decisions by what `settings` name. Errors: RegimeError, SettingsError,
    ContactRulesUnreadable."""
    return RegimeCore([load(name) for name in settings.regimes], contact_rules_of(settings))


def contact_rules_of(settings: Settings) -> list[ContactRules]:
    """The contact rules that `settings` name, the book's own first.

    Errors: ContactRulesUnreadable; SettingsError where two have one name, or there are none.
    """
    rules = [load_rules(packaged(FOLDER, name, ".toml")) for name in settings.contact_rule_sets]
    if not rules or len({each.name for each in rules}) < len(rules):
        raise SettingsError(
            f"contact_rules is {settings.contact_rules!r}: none, or two of one name.",
            way_out="Name rule sets such as cn,us; the first is the book's own.",
        )
    return rules


class RegimeCore:
    """The pure decisions of the ledger, by what is in force here.

    It asks here whether a grade exists before it is set, and judges contacts by `contact_rules`,
    the first of which is the book's own; without any, by those that come along.
    """

    def __init__(
        self, regimes: Sequence[Regime], contact_rules: Sequence[ContactRules] = ()
    ) -> None:
        self._regimes = {regime.name: regime for regime in regimes}
        self._contacts = deciding_by(
            {rules.name: rules for rules in contact_rules or usual_rules().values()}
        )
        self.check, self.evolve = book.check, book.evolve

    def decide(
        self, state: Any, command: Command, loans: Mapping[str, Any] = NO_LOANS
    ) -> Sequence[Any]:
        """As `ledger.decide`. Errors: also RuleRefused "unknown_regime", "unknown_grade",
        "override_not_allowed"."""
        if isinstance(command, CollectionCommand):
            asking_rules = self._contacts.get(type(command))
            if asking_rules is not None:
                facts: Sequence[Any] = asking_rules(state, command, loans)
                return facts
        elif isinstance(command, OverrideGrade | EndGradeOverride):
            self._check(command)
        return book.decide(state, command, loans)

    def _check(self, command: OverrideGrade | EndGradeOverride) -> None:
        regime = self._regimes.get(command.regime)
        if regime is None:
            known = ", ".join(self._regimes)
            raise _refused(command, "unknown_regime", f"Loans are graded here by {known}.")
        if regime.latest.overrides is None:
            raise _refused(command, "override_not_allowed", "Its rules alone decide.")
        if isinstance(command, OverrideGrade) and command.grade not in regime.ranks:
            raise _refused(command, "unknown_grade", f"Its grades are {', '.join(regime.ranks)}.")


def _refused(command: OverrideGrade | EndGradeOverride, rule: str, way_out: str) -> RuleRefused:
    return RuleRefused(
        f"People cannot set this grade of loan {command.loan_id} by {command.regime}.",
        rule=rule,
        way_out=way_out,
        loan_id=command.loan_id,
    )


def open_store(settings: Settings, partition: int | None, *, evict: bool = False) -> AnyStore:
    """The facts, to write: of the data folder, or of `partition` in PostgreSQL.

    `evict` as in `PostgresStore.open`. Errors: StoreUnavailable.
    """
    if partition is not None:
        return PostgresStore.open(database_of(settings), partition, evict=evict)
    _make_folder(settings.data)
    return Store.open(settings.ledger_db)


def stores_to_read(settings: Settings) -> list[AnyStore]:
    """The facts, to read only: of every partition where a database is named, else of the folder.

    Close each of them. Errors: StoreUnavailable.
    """
    if not settings.database:
        if not settings.ledger_db.exists():
            raise StoreUnavailable(
                f"There is no ledger in {settings.data}.",
                way_out="Name the folder that holds ledger.db with --data.",
            )
        return [Store.open(settings.ledger_db, read_only=True)]
    url = database_of(settings)
    count = partitions_of(url)
    if not count:
        raise StoreUnavailable(
            "The database has no tables of LoanBell.", way_out="Run `loanbell migrate`."
        )
    with ExitStack() as opened:
        stores: list[AnyStore] = [
            opened.enter_context(PostgresStore.open(url, partition, read_only=True))
            for partition in range(count)
        ]
        opened.pop_all()
    return stores


def views_place(settings: Settings, partition: int | None) -> Place:
    """Where the views over those facts are."""
    if partition is None:
        return settings.views_db
    return Schema(database_of(settings), views_schema(partition))


def audit_of(store: AnyStore, settings: Settings) -> FactLog:
    """The audit log beside a store: the store's own, or the one that all partitions share."""
    if isinstance(store, Store):
        return store.audit
    return PostgresAudit.open(database_of(settings)).audit


def people_place(settings: Settings) -> Place:
    """Where users, sessions and tokens are."""
    return (
        Schema(database_of(settings), "loanbell_people")
        if settings.database
        else (settings.users_db)
    )


def keys_place(settings: Settings) -> Place:
    """Where the keys of borrowers are, apart from everything that they open."""
    return Schema(database_of(settings), "loanbell_keys") if settings.database else settings.keys_db


def open_vault(settings: Settings) -> Vault:
    """The keys of borrowers. Beside a data folder its master key is made where none is named.

    Errors: VaultClosed, StoreUnavailable.
    """
    made = None if settings.database else settings.data / "master.key"
    named = settings.master_key or settings.master_key_file
    if made is not None and not named and not made.exists() and settings.keys_db.exists():
        # Another one would open none of the keys, and what it sealed the lost one could not.
        raise VaultClosed(
            f"{made} is gone, and the keys in {settings.keys_db} were wrapped with it.",
            way_out="Bring it back from its copy, or name it with LOANBELL_MASTER_KEY_FILE.",
        )
    master = master_key(settings.master_key, settings.master_key_file, made)
    return Vault.open(keys_place(settings), master)


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
