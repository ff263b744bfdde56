"""Strategies: decision tables of treatments as data. Reads and checks one; `treatment` decides.

`load_strategy(path)` reads a TOML file in the manner of rule packs: conditions are those of
`expressions`, and an error names the file, the line and the word that is wrong. Besides each row by
itself, the table is checked as a whole, exactly (`coverage`): a row that no case can reach because
others stand before it, and a case that no row takes, are errors; rows that overlap are told.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warning.coverage import Box, Space, TooMany
from warning.derived import indicators_of
from warning.expressions import Condition
from warning.indicators import CATALOGUE
from warning.pack import SEVERITIES
from warning.packfile import PackFile
from warning.packtable import NAME, Table
from warning.treatment import (
    AUTOMATIC,
    CHANNELS,
    COLUMNS,
    NAMES,
    NO_ARM,
    STEPS,
    SUPERVISION,
    TONES,
    VALUES,
    Experiment,
    Opening,
    Row,
    Strategy,
    Treatment,
)

STRATEGIES = Path(__file__).with_name("strategies")
_HEAD = ("name", "version", "title", "opening", "value", "experiment", "rule")
_TREATMENT = (
    *("channels", "automatic", "tone", "first_after", "every", "most_in_30_days", "next_step"),
    *("supervision", "check_every"),
)
_KEYS = ("name", "title", "source", "mark", "when", *COLUMNS, *_TREATMENT)
_NEEDED = ("name", "title", "source", "tone", "next_step", "supervision", "check_every")
_STRATEGY_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}", re.ASCII)
_TRIAL_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)
_ARM = re.compile(r"[a-z][a-z0-9_-]{0,19}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two rows that hold for some same case; the first one takes it. `example` is such a case."""

    first: str
    second: str


def load_strategy(path: Path | str) -> Strategy:
    """Read and check a strategy. Errors: RuleError with file, line and word."""
    return _strategy(PackFile.read(Path(path)))


def parse_strategy(text: str, *, path: str) -> Strategy:
    """As `load_strategy`, from its text; `path` names it in errors."""
    return _strategy(PackFile(text, path=path))


def overlaps(strategy: Strategy) -> list[Overlap]:
    """Pairs of rows that some case meets both of, in order: where the order of rows decides."""
    space, boxes = _boxes(strategy)
    return [
        Overlap(one.name, other.name)
        for at, one in enumerate(strategy.rows)
        for to, other in enumerate(strategy.rows[at + 1 :], at + 1)
        if space.meets(boxes[at], boxes[to])
    ]


def _strategy(file: PackFile) -> Strategy:
    head = Table(file, file.document, None)
    head.only(_HEAD)
    documents = file.document.get("rule")
    if not isinstance(documents, list) or not all(isinstance(each, dict) for each in documents):
        raise head.wrong("rule", "a strategy has rows, each under a [[rule]] line")
    experiment = _experiment(head)
    tables = [Table(file, document, at) for at, document in enumerate(documents)]
    rows: list[Row] = []
    for table in tables:
        row = _row(table, experiment)
        if any(row.name == other.name for other in rows):
            raise table.wrong("name", "two rows have this name", word=row.name)
        rows.append(row)
    values = _values(head)
    used = [*values.values(), *(row.when for row in rows if row.when)]
    numbers = indicators_of({name for condition in used for name in condition.names})
    strategy = Strategy(
        name=head.name("name", _STRATEGY_NAME),
        version=head.days("version", 1, least=1),
        title=head.words("title"),
        values=values,
        opening=_opening(head),
        experiment=experiment,
        rows=tuple(rows),
        text=file.text,
        digest=hashlib.sha256(file.text.encode()).hexdigest(),
        indicators=tuple(name for name in numbers if name in CATALOGUE),
    )
    _check_whole(strategy, head, tables)
    return strategy


def _opening(head: Table) -> Opening:
    inner, usual = Table(head.file, head.table("opening"), None), Opening()
    inner.only(("warning", "missed_days", "calm_days", "mid_days", "late_days"))
    warning = inner.one_of("warning", (*SEVERITIES, "never"), usual.warning or "never")
    mid = inner.days("mid_days", usual.mid_days, least=1)
    late = inner.days("late_days", usual.late_days, least=1)
    if late <= mid:
        raise inner.wrong("late_days", "the late stage begins after the middle one", word=str(late))
    return Opening(
        warning=None if warning == "never" else warning,
        missed_days=inner.days("missed_days", usual.missed_days),
        calm_days=inner.days("calm_days", usual.calm_days),
        mid_days=mid,
        late_days=late,
    )


def _values(head: Table) -> dict[str, Condition]:
    """What a customer is worth: a condition for "high", one for "low", or none."""
    inner = Table(head.file, head.table("value"), None)
    inner.only([word for word in VALUES if word != "normal"])
    return {word: _condition(inner, word) for word in inner.document}


def _condition(table: Table, key: str) -> Condition:
    condition = table.condition(key, NAMES)
    for name in condition.names:
        if "(" in name:
            raise table.wrong(key, "a case is judged by itself: change, percentile and others are "
                              "for rules that ring", word=name.partition("(")[0])  # fmt: skip
    return condition


def _experiment(head: Table) -> Experiment | None:
    if "experiment" not in head.document:
        return None
    inner = Table(head.file, head.table("experiment"), None)
    inner.only(("name", "arms"))
    arms = inner.table("arms")
    for arm, share in arms.items():
        if not _ARM.fullmatch(arm) or arm == NO_ARM:
            raise inner.wrong("arms", f"an arm's name looks like {_ARM.pattern}", word=arm)
        if type(share) is not int or not 1 <= share <= 99:
            raise inner.wrong("arms", "a share is a whole percentage, 1 to 99", word=str(share))
    if sum(arms.values()) != 100:
        total = sum(arms.values())
        raise inner.wrong("arms", f"the shares of the arms sum to 100, these to {total}")
    return Experiment(inner.name("name", _TRIAL_NAME), arms)


def _row(table: Table, experiment: Experiment | None) -> Row:
    table.only(_KEYS)
    for key in _NEEDED:
        if key not in table.document:
            word = table.document.get("name")
            word = word if isinstance(word, str) else "rule"
            raise table.wrong(key, f"the row has no {key!r}", word=word)
    return Row(
        name=table.name("name", NAME),
        title=table.words("title"),
        source=table.text("source"),
        mark=table.one_of("mark", ("verified", "unverified"), "unverified"),
        columns=_columns(table, experiment),
        when=_condition(table, "when") if "when" in table.document else None,
        treatment=_treatment(table),
    )


def _columns(table: Table, experiment: Experiment | None) -> dict[str, tuple[str, ...]]:
    arms = tuple(experiment.arms) if experiment else (NO_ARM,)
    columns = {}
    for column in COLUMNS:
        if column not in table.document:
            continue
        known = arms if column == "arm" else COLUMNS[column]
        words = (
            table.known(column, known, f"{column} is one of {', '.join(known)}")
            if known
            else table.texts(column)
        )
        if not words or "" in words:
            raise table.wrong(column, "name at least one word, or leave the column out")
        columns[column] = words
    return columns


def _treatment(table: Table) -> Treatment:
    channels = table.known("channels", CHANNELS, f"channels are {', '.join(CHANNELS)}")
    own = [channel for channel in channels if channel in AUTOMATIC]
    automatic = table.known(
        "automatic", own, "only the row's own channels that need nobody can be automatic"
    )
    timed = [key for key in ("first_after", "every", "most_in_30_days") if key in table.document]
    if channels and len(timed) < 3:
        raise table.wrong("channels", "with channels go first_after, every and most_in_30_days")
    if not channels and timed:
        raise table.wrong(timed[0], "a row without channels has no contacts to time")
    return Treatment(
        channels=channels,
        automatic=automatic,
        tone=table.one_of("tone", TONES, ""),
        first_after_days=table.days("first_after", 0),
        every_days=table.days("every", 0, least=1),
        most_contacts_30d=table.days("most_in_30_days", 0, least=1),
        next_step=table.one_of("next_step", STEPS, ""),
        supervision=table.one_of("supervision", SUPERVISION, ""),
        check_every_days=table.days("check_every", 0, least=1),
    )


def _boxes(strategy: Strategy) -> tuple[Space, list[list[Box]]]:
    arms = list(strategy.experiment.arms) if strategy.experiment else [NO_ARM]
    words: dict[str, list[str]] = {}
    for column, known in COLUMNS.items():
        named = {word for row in strategy.rows for word in row.columns.get(column, ())}
        words[column] = arms if column == "arm" else list(known) or [*sorted(named), ""]
    space = Space(words, [row.when for row in strategy.rows])
    return space, [space.row(row.columns, row.when) for row in strategy.rows]


def _check_whole(strategy: Strategy, head: Table, tables: list[Table]) -> None:
    """Errors: RuleError for a row that no case reaches, and for a case that no row takes."""
    try:
        space, boxes = _boxes(strategy)
        for at, (row, table) in enumerate(zip(strategy.rows, tables, strict=True)):
            if not boxes[at]:
                raise table.wrong("when", "no case can meet this condition", word=row.name)
            if not space.left(boxes[at], boxes[:at]):
                names = _takers(strategy, space, boxes, at)
                raise table.wrong(
                    "name", f"no case reaches this row: {names} take all before it", word=row.name
                )
        left = space.left([{}], boxes)
    except TooMany:
        raise head.wrong(
            "rule", "the rows are too entangled to be checked: use fewer conditions with or"
        ) from None
    if left:
        example: Any = space.example(left[0])
        raise head.wrong(
            "rule", f"no row takes a case with {example}; end with a row without conditions"
        )


def _takers(strategy: Strategy, space: Space, boxes: list[list[Box]], at: int) -> str:
    """The rows before it that share cases with a row."""
    shared = [to for to in range(at) if space.meets(boxes[to], boxes[at])]
    return ", ".join(strategy.rows[to].name for to in shared)
