"""Rule packs: what rings, how gravely, for how long, and in which words.

`load_pack(path)` reads a TOML pack and checks all of it: every key, indicator, placeholder, fact
name and severity. An error names the file, the line and the word that is wrong. A pack is data; how
a rule lives from day to day is the business of `lifecycle`, and `watch` feeds it.

A condition that is unknown neither rings nor ends a warning (see `expressions`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import ledger.events  # noqa: F401 (registers the facts that `on` may name)
from ledger.codec import codecs
from warning.expressions import Condition, ExpressionError, compile_condition, nearest_word
from warning.indicators import CATALOGUE
from warning.pack import SEVERITIES, Pack, Rule, Step, Words, rank
from warning.packfile import PackFile, RuleError
from warning.reasons import Template, TemplateError, parse_template

__all__ = ["DEFAULT_PACK", "Pack", "Rule", "RuleError", "Step", "Words", "load_pack", "parse_pack"]

DEFAULT_PACK = Path(__file__).with_name("packs") / "sme-early.toml"
"""The pack that is used unless another one is named."""
_HEAD = ("name", "version", "title", "language", "inhibition", "rule")
_KEYS = (
    *("name", "title", "source", "mark", "when", "until", "for", "keep_for", "severity", "on"),
    *("inhibits", "expires_after", "cooldown", "reason"),
)
_NEEDED = ("name", "title", "source", "when", "severity", "reason")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_PACK_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}", re.ASCII)
_MARKS = ("verified", "unverified")
_LONGEST_DAYS = 2_000


def load_pack(path: Path | str, *, catalogue: Collection[str] | None = None) -> Pack:
    """Read and check a pack. `catalogue`: the indicators there are (default: all).

    Errors: RuleError with file, line and word.
    """
    return _pack(PackFile.read(Path(path)), catalogue)


def parse_pack(text: str, *, path: str, catalogue: Collection[str] | None = None) -> Pack:
    """As `load_pack`, from text; `path` names it in errors."""
    return _pack(PackFile(text, path=path), catalogue)


def _pack(file: PackFile, catalogue: Collection[str] | None) -> Pack:
    head = _Table(file, file.document, None)
    head.only(_HEAD)
    tables = head.document.get("rule", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise head.wrong("rule", "rules are tables, each under a [[rule]] line")
    if not tables:
        raise head.wrong("rule", "the pack has no [[rule]]")
    names = frozenset(CATALOGUE if catalogue is None else catalogue)
    rules: list[Rule] = []
    for number, document in enumerate(tables):
        table = _Table(file, document, number)
        rule = _rule(table, names)
        if any(rule.name == other.name for other in rules):
            raise table.wrong("name", "two rules have this name", word=rule.name)
        rules.append(rule)
    for number in range(len(rules)):
        _check_inhibits(_Table(file, tables[number], number), rules)
    return Pack(
        name=head.name("name", _PACK_NAME),
        version=head.days("version", 1, least=1),
        title=head.words("title"),
        language=head.one_of("language", ("en", "zh"), "en"),
        rules=tuple(rules),
        inhibition=_inhibition(head),
        text=file.text,
        digest=hashlib.sha256(file.text.encode()).hexdigest(),
        names=tuple(sorted({name for rule in rules for name in rule.names})),
    )


def _rule(table: _Table, names: frozenset[str]) -> Rule:
    table.only(_KEYS)
    for key in _NEEDED:
        if key not in table.document:
            raise table.wrong(key, f"the rule has no {key!r}", word=_header_word(table))
    when = table.condition("when", names)
    until = table.condition("until", names) if "until" in table.document else when.opposite()
    steps = _steps(table, names)
    reason = table.reason(names)
    conditions = (when, until, *(step.when for step in steps if step.when))
    used = dict.fromkeys(name for part in conditions for name in part.names)
    used |= dict.fromkeys(name for part in reason for name in part.names)
    rule = Rule(
        name=table.name("name", _NAME),
        title=table.words("title"),
        source=table.text("source"),
        mark=table.one_of("mark", _MARKS, "unverified"),
        when=when,
        until=until,
        for_days=table.days("for", 0),
        keep_for_days=table.days("keep_for", 0),
        steps=steps,
        on=table.facts("on"),
        inhibits=table.texts("inhibits"),
        expires_after_days=table.days("expires_after", 0, least=1) or None,
        cooldown_days=table.days("cooldown", 0),
        reason=reason,
        names=tuple(used),
    )
    if rule.on and rule.for_days:
        raise table.wrong("on", "a rule that waits (`for`) cannot ring at a fact", word="on")
    return rule


def _header_word(table: _Table) -> str:
    name = table.document.get("name")
    return name if isinstance(name, str) else "rule"


def _check_inhibits(table: _Table, rules: Sequence[Rule]) -> None:
    known = [rule.name for rule in rules]
    for word in table.texts("inhibits"):
        if word not in known or word == table.document["name"]:
            close = nearest_word(word, known)
            hint = f"; did you mean {close}?" if close and close != word else ""
            raise table.wrong("inhibits", f"no other rule has this name{hint}", word=word)


def _steps(table: _Table, names: frozenset[str]) -> tuple[Step, ...]:
    value = table.document["severity"]
    if isinstance(value, str):
        return (Step(rank(table.one_of("severity", SEVERITIES, "watch")), None),)
    if not isinstance(value, dict) or not value:
        raise table.wrong("severity", "a severity, or a table of severity = condition")
    steps = []
    for word, text in value.items():
        if word not in SEVERITIES:
            raise table.wrong("severity", f"severities are {', '.join(SEVERITIES)}", word=word)
        condition = table.compile("severity", text, names) if text != "always" else None
        steps.append(Step(SEVERITIES.index(word) + 1, condition))
    steps.sort(key=lambda step: step.rank)
    if steps[0].when is not None or any(step.when is None for step in steps[1:]):
        word = SEVERITIES[steps[0].rank - 1]
        raise table.wrong(
            "severity",
            'the mildest step, and only it, is "always": a warning starts there',
            word=word,
        )
    return tuple(steps)


def _inhibition(head: _Table) -> dict[int, frozenset[int]]:
    value = head.document.get("inhibition", {})
    if not isinstance(value, dict):
        raise head.wrong("inhibition", 'a table: red = ["watch", "yellow"]')
    found: dict[int, frozenset[int]] = {}
    for grave, milds in value.items():
        if grave not in SEVERITIES:
            raise head.wrong("inhibition", f"severities are {', '.join(SEVERITIES)}", word=grave)
        if not isinstance(milds, list):
            raise head.wrong(grave, "a list of the severities it mutes", word=grave)
        for mild in milds:
            if mild not in SEVERITIES[: SEVERITIES.index(grave)]:
                raise head.wrong(grave, f"{grave} can only mute milder ones", word=str(mild))
        found[rank(grave)] = frozenset(map(rank, milds))
    return found


class _Table:
    """One table of the file, read key by key with the place of what is wrong."""

    def __init__(self, file: PackFile, document: dict[str, Any], number: int | None) -> None:
        self.file, self.document, self.number = file, document, number

    def wrong(self, key: str, message: str, *, word: str = "", skip: int = 0) -> RuleError:
        """The error about `word` (default: the key) in the value of `key`."""
        return self.file.error(message, word=word or key, key=key, rule=self.number, skip=skip)

    def only(self, keys: Sequence[str]) -> None:
        """Refuse a key that the language does not have."""
        for key in self.document:
            if key not in keys:
                close = nearest_word(key, keys)
                hint = f"; did you mean {close}?" if close else ""
                raise self.wrong(key, f"there is no such key{hint}")

    def text(self, key: str) -> str:
        """Text that is not empty."""
        value = self.document.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(key, "text is expected here")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, or none."""
        value = self.document.get(key, [])
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise self.wrong(key, "a list of names is expected here")
        return tuple(value)

    def name(self, key: str, pattern: re.Pattern[str]) -> str:
        """A name in lower case."""
        value = self.text(key)
        if not pattern.fullmatch(value):
            raise self.wrong(key, f"a name looks like {pattern.pattern}", word=value)
        return value

    def one_of(self, key: str, words: Sequence[str], default: str) -> Any:
        """One of `words`."""
        value = self.document.get(key, default)
        if value not in words:
            raise self.wrong(key, f"one of {', '.join(words)} is expected", word=str(value))
        return value

    def days(self, key: str, default: int, *, least: int = 0) -> int:
        """A whole number of business days."""
        value = self.document.get(key, default)
        ok = type(value) is int and (least <= value <= _LONGEST_DAYS or key not in self.document)
        if not ok:
            raise self.wrong(
                key, f"a whole number from {least} to {_LONGEST_DAYS} is expected", word=str(value)
            )
        return int(value)

    def words(self, key: str) -> Words:
        """Text, or { en = …, zh = … }."""
        value = self.document.get(key)
        if isinstance(value, str) and value.strip():
            return Words(value, value)
        if isinstance(value, dict) and set(value) == {"en", "zh"}:
            texts = [text for text in (value["en"], value["zh"]) if isinstance(text, str) and text]
            if len(texts) == 2:
                return Words(*texts)
        raise self.wrong(key, 'text, or { en = "…", zh = "…" }, is expected here')

    def condition(self, key: str, names: frozenset[str]) -> Condition:
        """The compiled condition under `key`."""
        return self.compile(key, self.document[key], names)

    def compile(self, key: str, text: Any, names: frozenset[str]) -> Condition:
        """`text`, found under `key`, as a condition."""
        if not isinstance(text, str):
            raise self.wrong(key, "a condition is text, in quotes", word=str(text))
        try:
            return compile_condition(text, names)
        except ExpressionError as error:
            raise self.wrong(key, error.message, word=error.word, skip=error.line) from None

    def reason(self, names: frozenset[str]) -> tuple[Template, Template]:
        """The reason in English and Chinese."""
        words = self.words("reason")
        try:
            return parse_template(words.en, names), parse_template(words.zh, names)
        except TemplateError as error:
            raise self.wrong("reason", error.message, word=error.word) from None

    def facts(self, key: str) -> tuple[str, ...]:
        """Stored names of loan and account facts."""
        known = [c.name for c in codecs() if c.name.startswith(("loan.", "account."))]
        for word in self.texts(key):
            if word not in known:
                close = nearest_word(word, known)
                hint = f"; did you mean {close}?" if close else ""
                raise self.wrong(key, f"no fact is stored under this name{hint}", word=word)
        return self.texts(key)
