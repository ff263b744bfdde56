"""The ways on which contacts go out, from a TOML file: who sends what, in which words, where to.

    bank = "Example Bank"            # how borrowers read our name
    language = "zh"                  # or "en"
    addresses = "addresses.csv"      # borrower_id,channel,address; personal, so not in the ledger

    [[way]]
    kind = "smtp"                    # smtp, webhook, file or simulator
    channels = ["email"]
    host = "mail.example.org"
    port = 587
    sender = "service@example.org"
    security = "starttls"            # starttls, tls, none
    user = "loanbell"
    password_file = "mail.secret"

    [[way]]
    kind = "webhook"
    channels = ["sms", "app_push"]
    url = "https://gateway.example.org/contacts"
    secret_file = "gateway.secret"   # whsec_ and base64, as for receivers (deploy/README.md)
    delivers = true                  # a 2xx answer means that the borrower has it

    [[way]]
    kind = "file"
    channels = ["voice_bot", "letter"]
    folder = "outbox"

Paths are relative to the file. A channel without a way is left to people.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from streams.outbound.borrowers import SimulatedBorrowers
from streams.outbound.filedrop import FileDrop
from streams.outbound.letter import Adapter
from streams.outbound.mail import Mail, Mailbox
from streams.outbound.templates import FOLDER, LANGUAGES, Templates, load_templates
from streams.outbound.webhook import Gateway, Webhook
from streams.receivers import is_forbidden, is_here
from streams.signing import key_of
from warning.packfile import PackFile, RuleError
from warning.packtable import Table
from warning.treatment import CHANNELS

_KINDS: Mapping[str, tuple[str, ...]] = {
    "smtp": ("host", "port", "sender", "security", "user", "password_file"),
    "webhook": ("url", "secret_file", "delivers"),
    "file": ("folder",),
    "simulator": ("seed",),
}


@dataclass(frozen=True, slots=True)
class Ways:
    """By channel, who sends; and what letters are made of."""

    bank: str
    language: str
    templates: Templates
    addresses: Mapping[tuple[str, str], str]
    by_channel: Mapping[str, Adapter]


def load_ways(path: Path) -> Ways:
    """Read and check the file. Errors: RuleError with file, line and word."""
    file = PackFile.read(path)
    head = Table(file, file.document, None)
    head.only(("bank", "language", "addresses", "templates", "way"))
    ways = head.document.get("way")
    if not isinstance(ways, list) or not ways or not all(isinstance(w, dict) for w in ways):
        raise head.wrong("way", "there is no [[way]]")
    folder = path.parent
    by_channel: dict[str, Adapter] = {}
    for document in ways:
        table = Table(file, document, None)
        adapter = _adapter(table, folder)
        channels = table.known("channels", CHANNELS, f"channels are {', '.join(CHANNELS)}")
        for channel in channels:
            if channel in by_channel:
                raise table.wrong("channels", "two ways have this channel", word=channel)
            by_channel[channel] = adapter
    templates = folder / head.text("templates") if "templates" in head.document else FOLDER
    addresses = folder / head.text("addresses") if "addresses" in head.document else None
    return Ways(
        bank=head.text("bank"),
        language=head.one_of("language", LANGUAGES, LANGUAGES[0]),
        templates=load_templates(templates),
        addresses={} if addresses is None else _addresses(addresses),
        by_channel=by_channel,
    )


def _adapter(table: Table, folder: Path) -> Adapter:
    kind = table.one_of("kind", tuple(_KINDS), "")
    table.only(("kind", "channels", *_KINDS[kind]))
    if kind == "simulator":
        return SimulatedBorrowers(table.days("seed", 0))
    if kind == "file":
        return FileDrop(folder / table.text("folder"))
    if kind == "smtp":
        return Mail(_mailbox(table, folder))
    return Webhook(_gateway(table, folder))


def _mailbox(table: Table, folder: Path) -> Mailbox:
    port = table.document.get("port", 587)
    if type(port) is not int or not 1 <= port <= 65_535:
        raise table.wrong("port", "a port, 1 to 65535", word=str(port))
    security = table.one_of("security", ("starttls", "tls", "none"), "starttls")
    named = "password_file" in table.document
    if named and security == "none":
        raise table.wrong("security", "a password is sent over starttls or tls alone")
    return Mailbox(
        host=table.text("host"),
        port=port,
        sender=table.text("sender"),
        security=security,
        user=table.text("user") if "user" in table.document else "",
        password=_secret(table, "password_file", folder) if named else "",
    )


def _gateway(table: Table, folder: Path) -> Gateway:
    url = table.text("url")
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https" and not (parts.scheme == "http" and is_here(host)):
        raise table.wrong("url", "an https address, or http on this machine")
    if is_forbidden(host):
        raise table.wrong("url", "an address that machines use for themselves")
    try:
        key = key_of(_secret(table, "secret_file", folder))
    except ValueError as error:
        raise table.wrong("secret_file", str(error)) from None
    delivers = table.document.get("delivers", False)
    if type(delivers) is not bool:
        raise table.wrong("delivers", "true or false", word=str(delivers))
    return Gateway(url=url, keys=(key,), delivers=delivers)


def _secret(table: Table, key: str, folder: Path) -> str:
    """The first line of a file; errors do not show it."""
    try:
        return (folder / table.text(key)).read_text(encoding="utf-8").splitlines()[0].strip()
    except (OSError, UnicodeDecodeError, IndexError):
        raise table.wrong(key, "the secret in this file cannot be read") from None


def _addresses(path: Path) -> dict[tuple[str, str], str]:
    """(borrower, channel) -> address. Errors: RuleError."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
            return {(row["borrower_id"], row["channel"]): row["address"] for row in rows}
    except (OSError, UnicodeDecodeError, KeyError, csv.Error):
        message = "cannot be read as CSV with borrower_id, channel, address"
        raise RuleError(message, path=str(path), line=1, word=path.name) from None
