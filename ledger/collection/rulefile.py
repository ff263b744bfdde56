"""Contact rules from a TOML file, strictly: an unknown word or a wrong value is named and refused.

Every part says where it is from (`source`) and whether somebody read it there (`verified`), so that
a value nobody checked cannot look like law. A bank edits a copy of the files in `rules/`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, get_args

from ledger.collection.rules import CHANNELS, Cap, ContactRules, Mark, Quiet, Rest, Wait
from ledger.collection.wallclock import is_zone
from ledger.errors import LoanError
from ledger.events import Addressee

FOLDER = Path(__file__).parent / "rules"
"""The rule sets that come along."""
MOST = 10_000
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_RULE = re.compile(r"[a-z]+(_[a-z0-9]+)+")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_MASK = re.compile(r"[01]{7}")
_ABSENT = object()


class ContactRulesUnreadable(LoanError):
    """A file of contact rules is wrong; the message names the file, the part and the word."""

    code = "contact_rules_unreadable"


def packaged(name: str) -> ContactRules:
    """A rule set that comes along, by its name. Errors: ContactRulesUnreadable."""
    return load_rules(FOLDER / f"{name}.toml")


def load_rules(path: Path) -> ContactRules:
    """The rule set in a file. Errors: ContactRulesUnreadable naming file, part and word."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ContactRulesUnreadable(
            f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.",
            way_out="Name a TOML file of contact rules, or one that comes along (cn, us).",
        ) from None
    return read_rules(text, name=str(path))


def read_rules(text: str, *, name: str) -> ContactRules:
    """The rule set in `text`; `name` is told in errors. Errors: ContactRulesUnreadable."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ContactRulesUnreadable(f"{name}: {error}.", way_out="Mend the TOML.") from None
    return _Reader(name, text, document).rules()


class _Part:
    """One table of the file: takes its words once, so that what is left is unknown."""

    def __init__(self, place: str, table: Any) -> None:
        self.place = place
        if not isinstance(table, dict):
            raise self.wrong("is not a table")
        self._table: dict[str, Any] = dict(table)

    def wrong(self, what: str) -> ContactRulesUnreadable:
        return ContactRulesUnreadable(
            f"{self.place} {what}.", way_out="Compare with ledger/collection/rules/cn.toml."
        )

    def take(self, word: str, kind: type, default: Any = _ABSENT) -> Any:
        value = self._table.pop(word, default)
        if value is _ABSENT:
            raise self.wrong(f"lacks {word}")
        if value is not default and type(value) is not kind:
            raise self.wrong(f"has {word} = {value!r}, which is no {kind.__name__}")
        return value

    def matching(self, word: str, pattern: re.Pattern[str]) -> str:
        text: str = self.take(word, str)
        if pattern.fullmatch(text) is None:
            raise self.wrong(f"has {word} = {text!r}, which is not written as it must be")
        return text

    def whole(self, word: str, least: int, default: Any = _ABSENT) -> int:
        number: int = self.take(word, int, default)
        if not least <= number <= MOST:
            raise self.wrong(f"has {word} = {number}, not {least} to {MOST}")
        return number

    def words(self, word: str, allowed: tuple[str, ...], default: Any = _ABSENT) -> frozenset[str]:
        found = self.take(word, list, default)
        for one in found:
            if one not in allowed:
                raise self.wrong(f"has {one!r} in {word}, which is not one of {', '.join(allowed)}")
        return frozenset(found)

    def days(self, word: str) -> frozenset[date]:
        found = self.take(word, list, [])
        for one in found:
            if type(one) is not date:
                raise self.wrong(f"has {one!r} in {word}, which is no date")
        return frozenset(found)

    def minute(self, word: str) -> int:
        hours, _, minutes = self.matching(word, _TIME).partition(":")
        return int(hours) * 60 + int(minutes)

    def per_debt(self) -> bool:
        per = self.take("per", str)
        if per not in ("borrower", "debt"):
            raise self.wrong(f"has per = {per!r}, which is neither borrower nor debt")
        return bool(per == "debt")

    def finish(self) -> None:
        if self._table:
            raise self.wrong(f"has {next(iter(self._table))!r}, which nobody knows")


class _Reader:
    def __init__(self, name: str, text: str, document: Mapping[str, Any]) -> None:
        self._name, self._text = name, text
        self._top = _Part(name, document)
        self._marks: list[Mark] = []
        self._rule_names: set[str] = set()

    def rules(self) -> ContactRules:
        top = self._top
        name, title = top.matching("name", _NAME), top.take("title", str)
        zone = top.take("zone", str, None)
        if zone is not None and not is_zone(zone):
            raise top.wrong(f"has zone = {zone!r}, which is no IANA time zone")
        addressees = self._one("addressees", lambda part: part.words("may_be", _ADDRESSEES))
        needed = self._one("consent", lambda part: part.words("needed_for", CHANNELS))
        binds, spares = self._one(
            "preference",
            lambda part: (part.take("binds", bool), part.words("spares", CHANNELS, [])),
        )
        rules = ContactRules(
            name=name,
            title=title,
            digest=sha256(self._text.encode()).hexdigest(),
            zone=zone,
            permit_minutes=top.whole("permit_minutes", 1),
            addressees=addressees,
            consent_needed=needed,
            preference_binds=binds,
            preference_spares=spares,
            promise_pauses=self._one("promise", lambda part: part.take("pauses", bool)),
            quiet=self._many("quiet_hours", self._quiet),
            rests=self._many("rest_days", _rest),
            caps=self._many("cap", _cap),
            waits=self._many("after_conversation", _wait),
            marks=tuple(self._marks),
        )
        top.finish()
        return rules

    def _one(self, word: str, read: Callable[[_Part], Any]) -> Any:
        part = _Part(f"{self._name}: [{word}]", self._top.take(word, dict))
        return self._read(part, word, read)

    def _many(self, word: str, read: Callable[[str, _Part], Any]) -> tuple[Any, ...]:
        found = []
        for number, table in enumerate(self._top.take(word, list, []), start=1):
            part = _Part(f"{self._name}: [[{word}]] {number}", table)
            name = part.matching("name", _RULE)
            if name in self._rule_names:
                raise part.wrong(f"is called {name!r}, as another one is")
            self._rule_names.add(name)
            found.append(self._read(part, name, partial(read, name)))
        return tuple(found)

    def _read(self, part: _Part, called: str, read: Callable[[_Part], Any]) -> Any:
        value = read(part)
        mark = Mark(
            part=called, verified=part.take("verified", bool), source=part.take("source", str)
        )
        if not mark.source.strip():
            raise part.wrong("has no source")
        part.finish()
        self._marks.append(mark)
        return value

    def _quiet(self, name: str, part: _Part) -> Quiet:
        quiet = Quiet(
            name=name,
            from_minute=part.minute("from"),
            to_minute=part.minute("to"),
            channels=_channels(part),
            unless_agreed=part.take("unless_agreed", bool),
        )
        if quiet.from_minute == quiet.to_minute:
            raise part.wrong("begins when it ends: that is no hour, or every one")
        return quiet


_ADDRESSEES: tuple[str, ...] = get_args(Addressee)


def _channels(part: _Part) -> frozenset[str]:
    """The channels that a part is about; all of them where it names none."""
    return part.words("channels", CHANNELS, list(CHANNELS))


def _rest(name: str, part: _Part) -> Rest:
    rest = Rest(
        name=name,
        weekmask=part.matching("weekmask", _MASK),
        holidays=part.days("holidays"),
        worked=part.days("worked"),
        channels=_channels(part),
    )
    if "1" not in rest.weekmask:
        raise part.wrong("rests on all days of the week")
    return rest


def _cap(name: str, part: _Part) -> Cap:
    return Cap(
        name=name,
        channels=_channels(part),
        most=part.whole("most", 1),
        days=part.whole("days", 1),
        per_debt=part.per_debt(),
    )


def _wait(name: str, part: _Part) -> Wait:
    return Wait(
        name=name, channels=_channels(part), days=part.whole("days", 1), per_debt=part.per_debt()
    )
