"""Who is told of what happens here over HTTP: the file of receivers that the operator writes.

    [[webhook]]
    name = "cases"
    url = "https://cases.bank.example/loanbell"
    secret_file = "cases.secret"

    [[alertmanager]]
    name = "oncall"
    url = "http://127.0.0.1:9093"

Receivers come from this file alone, never over HTTP: nobody can make LoanBell call an address that
its operator did not choose. Opens no connection.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from ledger.events import Severity
from streams.settings import SettingsError
from streams.signing import key_of

CALL_NOBODY = ("warning.pending", "warning.lapsed")
"""How the types of events begin that tell of waits: whoever pages people by events wants none."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")]
Seconds = Annotated[float, Field(ge=0.05, le=3_600)]
Kind = Literal["webhook", "alertmanager"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """One receiver. `url` and `secrets` are never shown: a URL may hold a token.

    feed: warnings, grades or ledger. types: only events whose type begins so; empty for all. What
    is pending calls nobody: it is told where a type names it (`CALL_NOBODY`).
    start: where a receiver begins that is new: behind what is recorded now, or at the beginning.
    attempts: failures in a row until it is parked; the pause between them doubles each time.
    secrets: keys that sign, the newest first; several while one is being replaced.
    severities, page: of an Alertmanager: which warnings it gets, and where people look at one.
    """

    name: str
    kind: Kind
    url: str = field(repr=False)
    feed: str = "warnings"
    types: tuple[str, ...] = ()
    start: Literal["now", "beginning"] = "now"
    timeout_seconds: float = 10.0
    attempts: int = 30
    first_pause_seconds: float = 1.0
    longest_pause_seconds: float = 300.0
    ca_file: Path | None = None
    secrets: tuple[bytes, ...] = field(default=(), repr=False)
    severities: tuple[Severity, ...] = ()
    page: str = ""

    @property
    def place(self) -> str:
        """Where it is, without what a URL may hide."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def wants(self, event_type: str) -> bool:
        """Whether it is told of events of that type."""
        silent = event_type.startswith(CALL_NOBODY)
        named = (word for word in self.types or ("",) if event_type.startswith(word))
        return any(not silent or word.startswith(CALL_NOBODY) for word in named)


class _Common(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    name: Name
    url: str
    plain: bool = False
    start: Literal["now", "beginning"] = "now"
    timeout_seconds: Seconds = 10.0
    attempts: Annotated[int, Field(ge=1, le=1_000)] = 30
    first_pause_seconds: Seconds = 1.0
    longest_pause_seconds: Seconds = 300.0
    ca_file: str | None = None


class _Webhook(_Common):
    feed: Literal["warnings", "grades", "ledger"] = "warnings"
    types: list[str] = []
    secret_file: str | None = None
    secret_variable: str | None = None


class _Alertmanager(_Common):
    severities: list[Severity] = ["orange", "red"]
    page: str = ""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    webhook: list[_Webhook] = []
    alertmanager: list[_Alertmanager] = []


def receivers_in(path: Path, environ: Mapping[str, str] | None = None) -> list[Receiver]:
    """The receivers of a TOML file. Errors: SettingsError, which shows no URL and no secret."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        read = _File.model_validate(document)
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be read: {error.strerror}.", way_out="Name a readable TOML file."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path} is not TOML: {error}.", way_out="See deploy/README.md."
        ) from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise SettingsError(
            f"{path}: {where}: {first['msg']}.", way_out="See deploy/README.md, Receivers."
        ) from None
    env = os.environ if environ is None else environ
    found = [_webhook(path, each, env) for each in read.webhook]
    found += [_alertmanager(path, each) for each in read.alertmanager]
    names = [receiver.name for receiver in found]
    if len(set(names)) < len(names):
        raise SettingsError(f"{path} has two receivers of one name.", way_out="Name each its own.")
    return found


def _webhook(path: Path, read: _Webhook, env: Mapping[str, str]) -> Receiver:
    return Receiver(
        name=read.name,
        kind="webhook",
        url=_checked_url(path, read),
        feed=read.feed,
        types=tuple(read.types),
        secrets=_secrets(path, read, env),
        **_common(path, read),
    )


def _alertmanager(path: Path, read: _Alertmanager) -> Receiver:
    return Receiver(
        name=read.name,
        kind="alertmanager",
        url=_checked_url(path, read).rstrip("/"),
        severities=tuple(read.severities),
        page=read.page.rstrip("/"),
        **_common(path, read),
    )


def _common(path: Path, read: _Common) -> Mapping[str, Any]:
    names = ("start", "timeout_seconds", "attempts", "first_pause_seconds", "longest_pause_seconds")
    beside = None if read.ca_file is None else path.parent / read.ca_file
    return {**{name: getattr(read, name) for name in names}, "ca_file": beside}


def _checked_url(path: Path, read: _Common) -> str:
    """Errors: SettingsError for what is no plain web address, or one that nobody should call."""
    place = f"{path}: {read.name}: url"
    try:
        parts = urlsplit(read.url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise SettingsError(f"{place} is no address.", way_out="Write https://host/path.") from None
    if parts.scheme not in ("http", "https") or not host or parts.fragment:
        raise SettingsError(f"{place} is no web address.", way_out="Write https://host/path.")
    if parts.username is not None:
        raise SettingsError(
            f"{place} holds a user or password.", way_out="Sign with a secret instead."
        )
    if is_forbidden(host):
        raise SettingsError(
            f"{place} is an address that machines use for themselves.",
            way_out="Name the receiver's own host.",
        )
    if parts.scheme == "http" and not (read.plain or is_here(host)):
        raise SettingsError(
            f"{place} is not encrypted.", way_out="Use https, or say plain = true if it must be."
        )
    return read.url


def is_forbidden(host: str) -> bool:
    """Whether a host is an address that is no receiver: link-local (where clouds keep their
    credentials), unspecified, multicast."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_link_local or mapped.is_unspecified or mapped.is_multicast)


def is_here(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _secrets(path: Path, read: _Webhook, env: Mapping[str, str]) -> tuple[bytes, ...]:
    """The keys of a webhook, one a line. Errors: SettingsError, which does not show them."""
    place = f"{path}: {read.name}"
    if (read.secret_file is None) == (read.secret_variable is None):
        raise SettingsError(
            f"{place} needs a secret.", way_out="Give secret_file or secret_variable, not both."
        )
    if read.secret_variable is not None:
        lines: Sequence[str] = env.get(read.secret_variable, "").split()
    else:
        try:
            lines = (path.parent / str(read.secret_file)).read_text(encoding="utf-8").split()
        except (OSError, UnicodeDecodeError):
            raise SettingsError(
                f"{place}: the secret's file cannot be read.",
                way_out="Let this user, and nobody else, read it.",
            ) from None
    if not lines:
        raise SettingsError(f"{place}: the secret is empty.", way_out="See deploy/README.md.")
    return tuple(_key(place, line) for line in lines)


def _key(place: str, line: str) -> bytes:
    try:
        return key_of(line)
    except ValueError as error:
        raise SettingsError(
            f"{place}: {error}.", way_out='Make one: echo "whsec_$(openssl rand -base64 32)".'
        ) from None
