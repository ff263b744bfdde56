"""One frozen object with everything a process must be told, and clear errors when it is told wrong.

Order of precedence: arguments, `LOANBELL_*` variables, a TOML file, the defaults below. Opens no
file but the TOML one; `calendar_of` reads the calendar that the settings name.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import Any, Literal, get_args

from ledger.dates import Calendar
from ledger.errors import LoanError
from streams.setting_values import (
    address as _address,
)
from streams.setting_values import (
    clock_time as _clock_time,
)
from streams.setting_values import (
    one_of as _one_of,
)
from streams.setting_values import (
    path as _path,
)
from streams.setting_values import (
    seconds as _seconds,
)
from streams.setting_values import (
    text as _text,
)
from streams.setting_values import (
    weekmask as _weekmask,
)
from streams.setting_values import (
    whole as _whole,
)
from streams.setting_values import (
    zone as _zone,
)

PREFIX = "LOANBELL_"
CALENDARS = Path(__file__).parent / "calendars"
PACKS = Path(__file__).parents[1] / "warning" / "packs"
WEEKENDS = "weekends"
"""The calendar that knows no holidays."""

NO_SCORE = NO_STRATEGY = "none"
"""The score that is none."""

ClosedBy = Literal["timer", "driver"]
LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning"]
SignIn = Literal["auto", "required", "open"]
KafkaSecurity = Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]
KafkaMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


class SettingsError(LoanError):
    """A setting is unknown or has a value that cannot be used; the message says where it stands."""

    code = "invalid_setting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting of a process. Build it with `load`; a field's name is its name everywhere.

    data: folder of ledger.db, views.db, users.db, keys.db and the lock.
    calendar: a calendar of `streams/calendars` by name, "weekends", or the path of a holidays file.
    weekmask: Monday to Sunday, "1" for a business day.
    pack: a rule pack of `warning/packs` by name, or the path of a TOML file.
    score: the path of a score made by `loanbell fit`, "none" for no score.
    regime: grading regimes of `projections/regimes` by name, or paths of TOML files, with commas
        between them; the first is the main one.
    outbound: a TOML file of the ways on which contacts go out; see `streams.outbound.ways`.
    strategy: what treats cases: a table of `warning/strategies`, a TOML file, or "none" (people).
    contact_rules: rule sets of `ledger/collection/rules` by name, or paths of TOML files, with
        commas between them; the first is the book's own, a borrower may be placed under another.
    host, port: where the HTTP API listens; port 0 takes a free one.
    closed_by: "timer" closes business days by the clock, "driver" only by messages.
    close_time, time_zone: when the timer closes a business day.
    most_missed_days: business days that the timer makes up; a book further behind it leaves alone.
    batch_messages: most messages of one commit. waiting_batches: bound of each channel.
    project_facts: most facts of one commit of the views.
    cached_entities: loans and accounts whose state the record agent keeps in memory.
    stop_seconds: how long a stop may take before what is left waits for the next start.
    webhooks: a TOML file of the receivers that are told of warnings; see `streams.receivers`.
    log_format, log_level: text or json; debug tells of every transaction.

    sign_in: "auto" wants sign-in once there is a user, "required" always, "open" never.
    public_url: how browsers reach this server through its proxy, https://…; cookies and OIDC.
    master_key (base64) or master_key_file: wraps the keys of borrowers; 64 bytes.
    oidc_issuer, oidc_client_id, oidc_client_secret_file: sign-in by an OpenID Connect provider;
        oidc_roles_claim, oidc_branches_claim: where its tokens name roles and branches.

    Scaled out only:
    database: PostgreSQL, postgresql://user@host:port/name?sslmode=…; empty for the data folder.
    database_password_file: a file with its password; else libpq's ways (PGPASSWORD, ~/.pgpass).
    broker: Kafka, kafka://host:port,host:port. group: the consumer group of the workers.
    session_seconds: a worker that the broker does not hear of for so long loses its partitions.
    topic_prefix: stands before the names of all topics, for several books on one broker.
    kafka_security: plaintext, ssl, sasl_plaintext or sasl_ssl; kafka_ca_file for those with ssl.
    kafka_mechanism, kafka_user, kafka_password_file: for the two with sasl.
    """

    data: Path = Path("loanbell-data")
    calendar: str = "cn"
    weekmask: str = "1111100"
    pack: str = "sme-early"
    score: str = NO_SCORE
    regime: str = "cn-2023"
    strategy: str = NO_STRATEGY
    outbound: Path | None = None
    contact_rules: str = "cn,us"
    host: str = "127.0.0.1"
    port: int = 8321
    closed_by: ClosedBy = "timer"
    close_time: time = time(23, 59)
    time_zone: str = "UTC"
    most_missed_days: int = 10
    batch_messages: int = 2_000
    waiting_batches: int = 32
    project_facts: int = 20_000
    cached_entities: int = 200_000
    stop_seconds: float = 10.0
    webhooks: Path | None = None
    log_format: LogFormat = "text"
    log_level: LogLevel = "info"
    sign_in: SignIn = "auto"
    public_url: str = ""
    master_key: str = field(default="", repr=False)
    master_key_file: Path | None = None
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret_file: Path | None = None
    oidc_roles_claim: str = "roles"
    oidc_branches_claim: str = "branches"
    database: str = field(default="", repr=False)  # It may hold a password.
    database_password_file: Path | None = None
    broker: str = ""
    group: str = "loanbell"
    session_seconds: float = 10.0
    topic_prefix: str = ""
    kafka_security: KafkaSecurity = "plaintext"
    kafka_mechanism: KafkaMechanism = "SCRAM-SHA-512"
    kafka_user: str = ""
    kafka_password_file: Path | None = None
    kafka_ca_file: Path | None = None

    @property
    def ledger_db(self) -> Path:
        """The facts."""
        return self.data / "ledger.db"

    @property
    def views_db(self) -> Path:
        """What is read; can be rebuilt from the facts."""
        return self.data / "views.db"

    @property
    def users_db(self) -> Path:
        """Users, sessions, tokens; no fact is in it."""
        return self.data / "users.db"

    @property
    def keys_db(self) -> Path:
        """The keys of borrowers, without which what was sealed cannot be read."""
        return self.data / "keys.db"

    @property
    def regimes(self) -> tuple[str, ...]:
        """The grading regimes, the main one first."""
        return _listed(self.regime)

    @property
    def contact_rule_sets(self) -> tuple[str, ...]:
        """The contact rules, the book's own first."""
        return _listed(self.contact_rules)

    def topic(self, name: str) -> str:
        """The full name of a topic."""
        return self.topic_prefix + name

    @classmethod
    def load(
        cls,
        arguments: Mapping[str, Any] | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        file: Path | None = None,
    ) -> Settings:
        """Settings from `arguments` (None values are not given), `environ` and a TOML `file`.

        `LOANBELL_CONFIG` names the file when `file` does not. Errors: SettingsError naming the
        argument, variable, or file and key that is wrong.
        """
        env = os.environ if environ is None else environ
        named = env.get(PREFIX + "CONFIG")
        path = file if file is not None else Path(named) if named else None
        given: dict[str, Any] = {}
        if path is not None:
            given |= _checked(_from_file(path), lambda name: f"{path}: {name}")
        given |= _checked(_from_variables(env), lambda name: PREFIX + name.upper())
        spoken = {name: value for name, value in (arguments or {}).items() if value is not None}
        given |= _checked(spoken.items(), lambda name: "--" + name.replace("_", "-"))
        return cls(**given)


def calendar_of(settings: Settings) -> Calendar:
    """The calendar that `settings` name. Errors: SettingsError when there is no such calendar."""
    if settings.calendar == WEEKENDS:
        return Calendar(weekmask=settings.weekmask)
    path = packaged(CALENDARS, settings.calendar, ".txt")
    if not path.is_file():
        raise SettingsError(
            f"There is no calendar {settings.calendar!r}.",
            way_out=f"Known: {', '.join([*_names(CALENDARS, '.txt'), WEEKENDS])}, or the path of "
            "a file with one ISO date a line.",
        )
    return Calendar.read(path, weekmask=settings.weekmask)


def packaged(folder: Path, name: str, suffix: str) -> Path:
    """A bare word names a file of the package's `folder`; everything else is a path."""
    bare = "/" not in name and "\\" not in name and not name.endswith(suffix)
    return folder / (name + suffix) if bare else Path(name)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _names(folder: Path, suffix: str) -> list[str]:
    return sorted(path.stem for path in folder.glob("*" + suffix))


_NOT_SETTINGS = ("CONFIG", "DATASETS")
"""Variables of other uses: the file of settings, and where the bench finds data sets."""
_SECRET = {"database", "broker", "master_key"}
"""Settings whose value may hold a password: never shown."""
_PATHS = {
    "data": "",
    "calendar": ".txt",
    "pack": ".toml",
    "score": ".json",
    "regime": ".toml",
    "webhooks": "",
    "strategy": ".toml",
    "contact_rules": ".toml",
    "master_key_file": "",
    "oidc_client_secret_file": "",
    "database_password_file": "",
    "kafka_password_file": "",
    "kafka_ca_file": "",
    "outbound": "",
}
"""Settings that may hold a path: in a file they are relative to the file's folder."""
_LISTS = {"regime", "contact_rules"}
"""Those of them that may hold several, with commas between."""


def _from_file(path: Path) -> Iterable[tuple[str, Any]]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        way_out = "Name a readable TOML file."
        raise SettingsError(f"{path} cannot be read: {error.strerror}.", way_out=way_out) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path} is not TOML: {error}.",
            way_out='Write lines such as port = 8321 or pack = "x".',
        ) from None
    for name, value in document.items():
        suffix = _PATHS.get(name)
        if suffix is None or not isinstance(value, str):
            yield name, value
            continue
        parts = value.split(",") if name in _LISTS else [value]
        yield name, ",".join(_beside(path.parent, part.strip(), suffix) for part in parts)


def _beside(folder: Path, value: str, suffix: str) -> str:
    """A path relative to `folder`; a bare name stays as it is."""
    return str(folder / value) if not suffix or "/" in value or value.endswith(suffix) else value


def _from_variables(environ: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    for variable, value in sorted(environ.items()):
        name = variable.removeprefix(PREFIX)
        if (
            variable.startswith(PREFIX)
            and name not in _NOT_SETTINGS
            and not name.startswith("TEST_")
        ):
            yield name.lower(), value


def _checked(given: Iterable[tuple[str, Any]], place: Callable[[str], str]) -> dict[str, Any]:
    """Values in their types. `place` turns a setting's name into where it was said."""
    values: dict[str, Any] = {}
    for name, value in given:
        if name not in _READERS:
            raise SettingsError(
                f"{place(name)} is not a setting.", way_out=f"Settings: {', '.join(_READERS)}."
            )
        try:
            values[name] = _READERS[name](value)
        except (ValueError, TypeError, OSError) as error:
            shown = "not usable" if name in _SECRET else f"{value!r}, which cannot be used"
            raise SettingsError(f"{place(name)} is {shown}.", way_out=f"{error}.") from None
    return values


_READERS: dict[str, Callable[[Any], Any]] = {
    "data": _path,
    "calendar": _text,
    "weekmask": _weekmask,
    "pack": _text,
    "score": _text,
    "regime": _text,
    "strategy": _text,
    "contact_rules": _text,
    "host": _text,
    "port": _whole(0, 65_535),
    "closed_by": _one_of(*get_args(ClosedBy)),
    "close_time": _clock_time,
    "time_zone": _zone,
    "most_missed_days": _whole(0, 10_000),
    "batch_messages": _whole(1, 100_000),
    "waiting_batches": _whole(1, 10_000),
    "project_facts": _whole(1, 1_000_000),
    "cached_entities": _whole(1, 100_000_000),
    "stop_seconds": _seconds,
    "webhooks": _path,
    "log_format": _one_of(*get_args(LogFormat)),
    "log_level": _one_of(*get_args(LogLevel)),
    "sign_in": _one_of(*get_args(SignIn)),
    "public_url": _address("https://", "http://127.0.0.1", "http://localhost"),
    "master_key": _text,
    "master_key_file": _path,
    "oidc_issuer": _address("https://", "http://127.0.0.1", "http://localhost"),
    "oidc_client_id": _text,
    "oidc_client_secret_file": _path,
    "oidc_roles_claim": _text,
    "oidc_branches_claim": _text,
    "database": _address("postgresql://", "postgres://"),
    "database_password_file": _path,
    "broker": _address("kafka://"),
    "group": _text,
    "session_seconds": _seconds,
    "topic_prefix": _text,
    "kafka_security": _one_of(*get_args(KafkaSecurity)),
    "kafka_mechanism": _one_of(*get_args(KafkaMechanism)),
    "kafka_user": _text,
    "kafka_password_file": _path,
    "kafka_ca_file": _path,
    "outbound": _path,
}
