"""Tests of rule packs: series of indicators, and what must be open on which day.

A test file is TOML. Series are written in the shorthand of `promtool test rules`: values apart by
blanks, `_` for unknown, `1+2x3` for 1 3 5 7, `4x2` for 4 4 4, `_x3` for three unknowns. One value a
business day from `start` on; after its end an indicator is unknown. The rules live by the same
lifecycle as in the watch; the engine and its facts are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import nan
from pathlib import Path

import numpy as np

from ledger.dates import Calendar, day_number
from warning.columns import Moment
from warning.derived import SEGMENTS, Deriver
from warning.expressions import FloatArray
from warning.lifecycle import Lifecycle
from warning.pack import SEVERITIES, Pack, Rule
from warning.packfile import PackFile
from warning.packtable import Table
from warning.rules import load_pack
from warning.waiting import state_of
from warning.windows import IntArray

STATES = ("quiet", "pending", *SEVERITIES)
MOST_DAYS = 5_000
MOST_LOANS = 10_000
_NUMBER = r"\d+(?:\.\d+)?(?:e[-+]?\d+)?"
_SAMPLE = re.compile(
    rf"(?:(?P<gap>_)|(?P<first>[-+]?{_NUMBER})(?P<step>[-+]{_NUMBER})?)(?:x(?P<times>\d{{1,4}}))?"
)


@dataclass(frozen=True, slots=True)
class Expectation:
    """On `day`, the warning of `rule` about `loan` is `state`; `reason` and `muted` where given."""

    day: date
    loan: str
    rule: str
    state: str
    muted: bool | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Loan:
    """A loan of a test, or `copies` of it; `words` are its segments by name."""

    name: str
    borrower: str
    copies: int
    words: Mapping[str, str]
    series: Mapping[str, list[float]]


@dataclass(frozen=True, slots=True)
class Case:
    """One test."""

    name: str
    loans: Sequence[Loan]
    expectations: Sequence[Expectation]


@dataclass(frozen=True, slots=True)
class TestFile:
    """A checked file of tests."""

    __test__ = False
    pack: Pack
    start: date
    cases: Sequence[Case]


@dataclass(frozen=True, slots=True)
class Failure:
    """An expectation that was not met: what was found instead."""

    case: str
    expected: Expectation
    found: str


def parse_series(text: str) -> list[float]:
    """The values of a series. Errors: ValueError naming the sample that is none."""
    values: list[float] = []
    for word in text.split():
        match = _SAMPLE.fullmatch(word)
        if match is None:
            raise ValueError(word)
        times = int(match["times"] or 0)
        if match["gap"]:
            values += [nan] * max(times, 1)
            continue
        if match["step"] and not match["times"]:
            raise ValueError(word)
        first, step = float(match["first"]), float(match["step"] or 0)
        values += [first + step * n for n in range(times + 1)]
    return values


def load_tests(path: Path) -> TestFile:
    """Read a file of tests and the pack that it names. Errors: RuleError with its place."""
    file = PackFile.read(path)
    head = Table(file, file.document, None)
    head.only(("pack", "start", "test"))
    pack = load_pack(path.parent / head.text("pack"))
    start = head.document.get("start")
    if type(start) is not date or not Calendar().is_business_day(start):
        raise head.wrong("start", "a business day, such as 2024-01-01, is expected here")
    tests = _tables(head, "test", "there is no [[test]]")
    return TestFile(pack, start, [_case(test, pack, start) for test in tests])


def _tables(table: Table, key: str, missing: str) -> list[Table]:
    """The tables under `key`, at least one; `missing` tells that there is none."""
    rows = table.document.get(key)
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise table.wrong(key, missing)
    return [Table(table.file, row, None) for row in rows]


def _case(table: Table, pack: Pack, start: date) -> Case:
    table.only(("name", "series", "loan", "expect"))
    name = table.text("name")
    rows = [Table(table.file, {"series": table.table("series")}, None)]
    if "loan" in table.document:
        if "series" in table.document:
            raise table.wrong("series", "a test has series of its own, or of its loans")
        missing = "loans are tables, each under a [[test.loan]] line"
        rows = _tables(table, "loan", missing)
    loans = [_loan(row, pack) for row in rows]
    if sum(loan.copies for loan in loans) > MOST_LOANS:
        raise table.wrong("copies", f"a test has at most {MOST_LOANS:,} loans")
    known = [loan.name for loan in loans]
    for twice in known:
        if known.count(twice) > 1:
            raise table.wrong("loan", "two loans of a test have this name", word=twice)
    expected = _tables(table, "expect", f"the test {name!r} expects nothing")
    cases = [_expectation(row, pack, known, start) for row in expected]
    return Case(name, loans, sorted(cases, key=lambda each: each.day))


def _loan(table: Table, pack: Pack) -> Loan:
    segments = [word for word in SEGMENTS if word != "all"]
    table.only(("name", "borrower", "copies", "series", *segments))
    name = table.text("name") if "name" in table.document else "L1"
    series = {}
    for indicator, text in table.table("series").items():
        if indicator not in pack.indicators:
            message = "no rule of the pack reads this indicator"
            raise table.wrong("series", message, word=indicator)
        message = "a sample looks like 1, _, 1x3, 1+2x3 or _x3"
        if not isinstance(text, str):
            raise table.wrong(indicator, f"a series is text, in quotes: {message}")
        try:
            series[indicator] = parse_series(text)
        except ValueError as error:
            raise table.wrong("series", message, word=str(error)) from None
    words = {word: table.text(word) for word in segments if word in table.document}
    borrower = table.text("borrower") if "borrower" in table.document else ""
    return Loan(name, borrower, table.days("copies", 1, least=1), words, series)


def _expectation(table: Table, pack: Pack, loans: Sequence[str], start: date) -> Expectation:
    table.only(("date", "loan", "rule", "is", "muted", "reason"))
    day, rule, loan = table.document.get("date"), table.text("rule"), table.document.get("loan")
    if type(day) is not date or not Calendar().is_business_day(day):
        raise table.wrong("date", "a business day is expected here", word=str(day))
    if day < start:
        raise table.wrong("date", f"the series begin later, on {start}", word=str(day))
    table.one_of("rule", [known.name for known in pack.rules], "")
    muted = table.document.get("muted")
    if muted is not None and not isinstance(muted, bool):
        raise table.wrong("muted", "true or false is expected here")
    return Expectation(
        day=day,
        loan=loans[0] if loan is None else table.one_of("loan", loans, ""),
        rule=rule,
        state=table.one_of("is", STATES, ""),
        muted=muted,
        reason=table.text("reason") if "reason" in table.document else None,
    )


def run_tests(file: TestFile) -> list[Failure]:
    """Let the pack live through each test; what was not as expected."""
    return [failure for case in file.cases for failure in _run(case, file.pack, file.start)]


class _Rows:
    """The loans of a test as rows: borrowers, segments, values of a day."""

    def __init__(self, loans: Sequence[Loan], pack: Pack) -> None:
        copies = [loan for loan in loans for _ in range(loan.copies)]
        self._loans, self._names = copies, pack.indicators
        codes: dict[str, int] = {}
        own = enumerate(copies)
        self.borrower = [
            codes.setdefault(loan.borrower or f"\x00{row}", len(codes)) for row, loan in own
        ]
        self.first = {loan.name: row for row, loan in reversed(list(enumerate(copies)))}

    def values(self, at: int) -> dict[str, FloatArray]:
        """Indicators on the day of that number, from 0."""
        return {
            name: np.array([_sample(loan.series.get(name, ()), at) for loan in self._loans])
            for name in self._names
        }

    def segment(self, name: str) -> IntArray:
        """Codes of a segment; below 0 where a loan has none."""
        if name == "all":
            return np.zeros(len(self._loans), np.int64)
        codes: dict[str, int] = {}
        words = [loan.words.get(name, "") for loan in self._loans]
        return np.array([codes.setdefault(w, len(codes)) if w else -1 for w in words], np.int64)

    def others(self, life: Lifecycle) -> Callable[[str], FloatArray]:
        """Other open warnings by loan or by borrower."""

        def count(scope: str) -> FloatArray:
            counted = life.others(len(self._loans))
            if scope == "loan":
                return counted
            totals = np.zeros(max(self.borrower) + 1)
            np.add.at(totals, self.borrower, counted)
            return totals[self.borrower]

        return count


def _sample(series: Sequence[float], at: int) -> float:
    return series[at] if at < len(series) else nan


def _run(case: Case, pack: Pack, start: date) -> list[Failure]:
    calendar, rows, deriver = Calendar(), _Rows(case.loans, pack), Deriver(pack.names)
    life = Lifecycle(
        pack,
        name=lambda row, rule, number: f"{row}/{rule}/{number}",
        borrower_of=rows.borrower.__getitem__,
    )
    everybody = np.ones(len(rows.borrower), np.bool_)
    failures: list[Failure] = []
    waiting, day = list(case.expectations), start
    for at in range(MOST_DAYS):
        if not waiting:
            break
        number, base = day_number(day), rows.values(at)
        deriver.remember(number, base)
        others = rows.others(life)
        values = deriver.derive(number, base, pack.names, others=others, segment=rows.segment)
        life.close(Moment(number, at + 1), values, everybody)
        while waiting and waiting[0].day <= day:
            expected = waiting.pop(0)
            row = rows.first[expected.loan]
            rule, here = pack.rule(expected.rule), {n: float(values[n][row]) for n in values}
            found = _found(expected, life, rule, row, here, pack)
            if found:
                failures.append(Failure(case.name, expected, found))
        day = calendar.next_business_day(day)
    return failures + [Failure(case.name, each, "the test ends before") for each in waiting]


def _found(
    expected: Expectation,
    life: Lifecycle,
    rule: Rule,
    row: int,
    values: Mapping[str, float],
    pack: Pack,
) -> str:
    """What was found instead of what is expected; "" if nothing else."""
    episode, state = life.episodes.at(rule.name, row), state_of(life, rule.name, row)
    muted = bool(episode and episode.inhibited_by)
    if state != expected.state:
        return state
    if expected.muted is not None and muted != expected.muted:
        return f"{state}, {'muted' if muted else 'not muted'}"
    reason = rule.explain(values, currency="CNY", language=pack.language)
    return reason if expected.reason not in (None, reason) else ""
