"""Tests of strategies: a case in words and numbers, and the row and treatment that it must get.

A test file is TOML: the strategy it is about, and cases each with what is expected. Words are those
of the columns, numbers those that conditions may use; what is not given is unknown. Why a row takes
a case, or does not, is told by `explain`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path

from warning.expressions import Condition
from warning.packfile import PackFile
from warning.packtable import Table
from warning.strategy import load_strategy
from warning.treatment import CHANNELS, COLUMNS, NAMES, Row, Situation, Strategy

_EXPECTED = ("row", "channels", "tone", "next_step", "supervision", "every", "check_every")


@dataclass(frozen=True, slots=True)
class Case:
    """One test: a situation and what is expected of it, by name."""

    name: str
    situation: Situation
    expected: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Failure:
    """An expectation that was not met."""

    case: str
    what: str
    expected: object
    found: object


@dataclass(frozen=True, slots=True)
class RowSeen:
    """A row about a case: whether it holds, column by column; None is unknown."""

    row: Row
    columns: Mapping[str, bool]
    condition: bool | None
    decides: bool


def load_tests(path: Path) -> tuple[Strategy, list[Case]]:
    """Read a file of tests and the strategy that it names. Errors: RuleError with its place."""
    file = PackFile.read(path)
    head = Table(file, file.document, None)
    head.only(("strategy", "test"))
    strategy = load_strategy(path.parent / head.text("strategy"))
    tests = head.document.get("test")
    if not isinstance(tests, list) or not tests:
        raise head.wrong("test", "there is no [[test]]")
    return strategy, [_case(Table(file, test, None), strategy) for test in tests]


def _case(table: Table, strategy: Strategy) -> Case:
    table.only(("name", "case", "numbers", "expect"))
    words = Table(table.file, table.table("case"), None)
    words.only(tuple(COLUMNS))
    said = {}
    for name, known in COLUMNS.items():
        if name in words.document:
            said[name] = words.one_of(name, known, "") if known else words.text(name)
    numbers = Table(table.file, table.table("numbers"), None)
    numbers.only(tuple(sorted(NAMES)))
    for name, value in numbers.document.items():
        if type(value) not in (int, float):
            raise numbers.wrong(name, "a number is expected here", word=str(value))
    expected = Table(table.file, table.table("expect"), None)
    expected.only(_EXPECTED)
    if not expected.document:
        raise table.wrong("expect", "the test expects nothing", word=table.text("name"))
    if "row" in expected.document:
        expected.one_of("row", [row.name for row in strategy.rows], "")
    expected.known("channels", CHANNELS, f"channels are {', '.join(CHANNELS)}")
    read = {name: float(value) for name, value in numbers.document.items()}
    return Case(table.text("name"), situation(strategy, said, read), expected.document)


def situation(
    strategy: Strategy, words: Mapping[str, str], numbers: Mapping[str, float]
) -> Situation:
    """A case as told: numbers that nobody gave are unknown, and so is what the customer is worth
    unless the numbers, or a word, say it."""
    known = {name: numbers.get(name, nan) for name in {*strategy.numbers, *numbers}}
    usual = {"tier": "none", "cause": "unknown", "value": strategy.value_of(known)}
    return Situation({**usual, **words}, known)


def run_tests(strategy: Strategy, cases: Sequence[Case]) -> list[Failure]:
    """What was not as expected."""
    rows = strategy.decide([case.situation for case in cases])
    return [
        Failure(case.name, what, wanted, found)
        for case, row in zip(cases, rows, strict=True)
        for what, wanted in case.expected.items()
        if (found := _found(row, what)) != wanted
    ]


def _found(row: Row, what: str) -> object:
    treatment = row.treatment
    of: dict[str, object] = {
        "row": row.name,
        "channels": list(treatment.channels),
        "tone": treatment.tone,
        "next_step": treatment.next_step,
        "supervision": treatment.supervision,
        "every": treatment.every_days,
        "check_every": treatment.check_every_days,
    }
    return of[what]


def explain(strategy: Strategy, seen: Situation) -> list[RowSeen]:
    """Every row about a case, in the order of the table; the first that holds decides."""
    told, decided = [], False
    for row in strategy.rows:
        columns = {
            name: seen.words.get(name, "") in allowed for name, allowed in row.columns.items()
        }
        condition = True if row.when is None else _truth(row.when, seen.numbers)
        holds = all(columns.values()) and condition is True
        told.append(RowSeen(row, columns, condition, holds and not decided))
        decided = decided or holds
    return told


def _truth(condition: Condition, numbers: Mapping[str, float]) -> bool | None:
    if condition.holds_in(numbers):
        return True
    return False if condition.opposite().holds_in(numbers) else None
