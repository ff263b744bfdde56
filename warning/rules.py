"""Rule packs: what rings, how gravely, for how long, and in which words.

`load_pack(path)` reads a TOML pack and checks all of it: every key, indicator, placeholder, fact
name and severity. An error names the file, the line and the word that is wrong. A pack may include
others that lie beside it; its text then holds theirs too, so that the recorded text alone gives the
same rules again. A pack is data; how a rule lives from day to day is the business of `lifecycle`,
and `watch` feeds it.

A condition that is unknown neither rings nor ends a warning (see `expressions`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from ledger.codec import codecs
from warning import packhead
from warning.derived import indicators_of
from warning.indicators import CATALOGUE
from warning.pack import SEVERITIES, Pack, Rule, Step, Words, rank
from warning.packfile import PackFile, RuleError
from warning.packtable import NAME, Table

__all__ = ["DEFAULT_PACK", "Pack", "Rule", "RuleError", "Step", "Words", "load_pack", "parse_pack"]

DEFAULT_PACK = Path(__file__).with_name("packs") / "sme-early.toml"
"""The pack that is used unless another one is named."""
_KEYS = (
    *("name", "title", "source", "mark", "when", "unless", "until", "for", "keep_for", "severity"),
    *("on", "inhibits", "expires_after", "cooldown", "recheck", "reason"),
)
_NEEDED = ("name", "title", "source", "when", "severity", "reason")
_PACK_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}", re.ASCII)
_MARKS = ("verified", "unverified")
_PIECE = "#: included pack "
"""In a pack's text, the line before that of a pack it includes."""


def load_pack(path: Path | str, *, catalogue: Collection[str] | None = None) -> Pack:
    """Read and check a pack and those it includes. `catalogue`: the indicators (default: all).

    Errors: RuleError with file, line and word.
    """
    file = PackFile.read(Path(path))
    head = Table(file, file.document, None)
    included = head.texts("include")
    files = [file]
    for name in included:
        if not _PACK_NAME.fullmatch(name):
            raise head.wrong("include", "the name of a pack that lies beside this one", word=name)
        beside = Path(path).with_name(f"{name}.toml")
        if beside == Path(path) or not beside.is_file():
            raise head.wrong("include", f"no other pack {beside.name} lies beside it", word=name)
        files.append(PackFile.read(beside))
    return _pack(files, catalogue)


def parse_pack(text: str, *, path: str, catalogue: Collection[str] | None = None) -> Pack:
    """As `load_pack`, from the text of a pack; `path` names it in errors."""
    first, *pieces = re.split(rf"^{_PIECE}(.*)\n", text, flags=re.MULTILINE)
    files = [PackFile(first, path=path)]
    for name, piece in zip(pieces[::2], pieces[1::2], strict=True):
        files.append(PackFile(piece, path=f"{path}, {name}"))
    head = Table(files[0], files[0].document, None)
    if list(head.texts("include")) != pieces[::2]:
        raise head.wrong("include", "a pack that includes others is read from its file")
    return _pack(files, catalogue)


def _pack(files: Sequence[PackFile], catalogue: Collection[str] | None) -> Pack:
    names = frozenset(CATALOGUE if catalogue is None else catalogue)
    heads = [Table(file, file.document, None) for file in files]
    rules: list[Rule] = []
    for head in heads:
        _rules_of(head, names, rules)
    if not rules:
        raise heads[0].wrong("rule", "the pack has no [[rule]]")
    known = [rule.name for rule in rules]
    muted: dict[str, tuple[str, ...]] = {}
    inhibition: dict[int, frozenset[int]] = {}
    for head in heads:
        packhead.read_inhibition(head, known, muted, inhibition)
    rules = [replace(r, inhibits=(*r.inhibits, *muted.get(r.name, ()))) for r in rules]
    head, text = heads[0], _text_of(files)
    columns = sorted({name for rule in rules for name in rule.names})
    return Pack(
        name=head.name("name", _PACK_NAME),
        version=head.days("version", 1, least=1),
        title=head.words("title"),
        language=head.one_of("language", ("en", "zh"), "en"),
        rules=tuple(rules),
        inhibition=inhibition,
        escalation=packhead.escalation(head),
        budget=packhead.budget(head),
        text=text,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        names=tuple(columns),
        indicators=tuple(indicators_of(columns)),
    )


def _text_of(files: Sequence[PackFile]) -> str:
    names = Table(files[0], files[0].document, None).texts("include")
    pieces = [f"{_PIECE}{name}\n{file.text}" for name, file in zip(names, files[1:], strict=True)]
    return "".join([files[0].text if not pieces else _ended(files[0].text), *map(_ended, pieces)])


def _ended(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"


def _rules_of(head: Table, names: frozenset[str], rules: list[Rule]) -> None:
    """Check the head of one file and add its rules."""
    head.only(packhead.KEYS)
    documents = head.document.get("rule", [])
    if not isinstance(documents, list) or not all(isinstance(each, dict) for each in documents):
        raise head.wrong("rule", "rules are tables, each under a [[rule]] line")
    if not documents and "include" not in head.document:
        raise head.wrong("rule", "the pack has no [[rule]]")
    tables = [Table(head.file, document, at) for at, document in enumerate(documents)]
    own = []
    for table in tables:
        rule = _rule(table, names, head)
        if any(rule.name == other.name for other in rules):
            raise table.wrong("name", "two rules have this name", word=rule.name)
        rules.append(rule)
        own.append(rule)
    for table in tables:
        others = [rule.name for rule in own if rule.name != table.document["name"]]
        table.known("inhibits", others, "no other rule has this name")


def _rule(table: Table, names: frozenset[str], head: Table) -> Rule:
    table.only(_KEYS)
    for key in _NEEDED:
        if key not in table.document:
            raise table.wrong(key, f"the rule has no {key!r}", word=_header_word(table))
    when = table.condition("when", names)
    until = table.condition("until", names) if "until" in table.document else when.opposite()
    place = table if "unless" in table.document else head
    unless = None
    if place.document.get("unless", "never") != "never":
        unless = place.condition("unless", names)
    steps = _steps(table, names)
    reason = table.reason(names)
    conditions = [when, until, *(step.when for step in steps if step.when)]
    used = dict.fromkeys(name for part in conditions for name in part.names)
    used |= dict.fromkeys(name for part in reason for name in part.names)
    used |= dict.fromkeys(unless.names if unless else ())
    rule = Rule(
        name=table.name("name", NAME),
        title=table.words("title"),
        source=table.text("source"),
        mark=table.one_of("mark", _MARKS, "unverified"),
        when=when,
        unless=unless,
        until=until,
        for_days=table.days("for", 0),
        keep_for_days=table.days("keep_for", 0),
        steps=steps,
        on=table.facts("on"),
        inhibits=table.texts("inhibits"),
        expires_after_days=table.days("expires_after", 0, least=1) or None,
        cooldown_days=table.days("cooldown", 0),
        recheck_days=table.days("recheck", 0),
        reason=reason,
        names=tuple(used),
    )
    if rule.on and rule.for_days:
        raise table.wrong("on", "a rule that waits (`for`) cannot ring at a fact", word="on")
    if rule.on and any(name.startswith("percentile(") for name in when.names):
        raise table.wrong("on", "peers are compared at the close only, not at a fact", word="on")
    return rule


def _header_word(table: Table) -> str:
    name = table.document.get("name")
    return name if isinstance(name, str) else "rule"


def _steps(table: Table, names: frozenset[str]) -> tuple[Step, ...]:
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


def listening(pack: Pack) -> dict[type, list[Rule]]:
    """Facts at which rules are looked at besides the close."""
    classes = {codec.name: codec.cls for codec in codecs()}
    found: dict[type, list[Rule]] = {}
    for rule in pack.rules:
        for name in rule.on:
            found.setdefault(classes[name], []).append(rule)
    return found
