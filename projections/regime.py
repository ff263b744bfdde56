"""Regimes of risk grades, read from TOML and checked: grades, floors, contagion, cure.

A regime is data: a new one needs no code. Every rule carries its article, where its value was read
and a mark: "verified" at the source, or "unverified". Judges no loan; `grading` does.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_type_hints

from ledger.errors import LoanError
from ledger.events import LoanStatusChanged

FOLDER = Path(__file__).parent / "regimes"
DEFAULT = "cn-2023"
MARKS = ("verified", "unverified")
FINDINGS: tuple[str, ...] = get_args(get_type_hints(LoanStatusChanged)["finding"])


class RegimeError(LoanError):
    """A regime file is wrong; the message names the file, the key and what is accepted."""

    code = "regime_invalid"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a rule comes from."""

    article: str
    source: str
    mark: str


@dataclass(frozen=True, slots=True)
class Grade:
    """One grade. Its rank is its place in the regime, 0 the best."""

    name: str
    local: str
    performing: bool


@dataclass(frozen=True, slots=True)
class PastDueFloor:
    """More than `over_days` past due: at least `rank`, unless the finding excuses a short delay."""

    over_days: int
    rank: int
    unless_finding: str | None
    unless_up_to_days: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class CauseFloor:
    """The finding is set: at least `rank`."""

    finding: str
    rank: int
    label: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Contagion:
    """More than `over_percent` of a borrower's claims non-performing: all at least `rank`."""

    over_percent: int
    rank: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class Observation:
    """A restructured loan: at least `rank` for `periods` due dates and `months`, whichever is
    longer; restructured again meanwhile: at least `again_rank`, and from the start."""

    finding: str
    rank: int
    periods: int
    months: int
    again_rank: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class Cure:
    """A non-performing loan is upgraded after `periods` due dates and `months` without arrears."""

    periods: int
    months: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class Regime:
    """A whole regime. `version` is the name and a digest of the file."""

    name: str
    title: str
    title_en: str
    effective_from: date
    due_date_counts: int
    grades: tuple[Grade, ...]
    past_due: tuple[PastDueFloor, ...]
    causes: tuple[CauseFloor, ...]
    contagion: Contagion | None
    observation: Observation | None
    cure: Cure | None
    version: str

    @property
    def nonperforming_rank(self) -> int:
        """The rank of the first grade that is not performing."""
        return next(i for i, grade in enumerate(self.grades) if not grade.performing)


def load(name_or_path: str | Path = DEFAULT) -> Regime:
    """A shipped regime by name, or any regime file by path. Errors: RegimeError."""
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = FOLDER / f"{name_or_path}.toml"
    try:
        content = path.read_bytes()
    except OSError:
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.toml")))
        raise RegimeError(
            f"There is no regime {str(name_or_path)!r}.",
            way_out=f"Shipped regimes: {known}; or pass the path of a .toml file.",
        ) from None
    return parse(content, path=str(path))


def parse(content: bytes, *, path: str) -> Regime:
    """The bytes of a regime file -> the regime. Errors: RegimeError naming `path` and the key."""
    try:
        document = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RegimeError(f"{path}: not TOML: {error}.") from None
    return _Reader(path).regime(document, digest=hashlib.sha256(content).hexdigest()[:12])


class _Table:
    """One table of the file: takes keys out, and refuses what is left."""

    def __init__(self, path: str, where: str, values: Any) -> None:
        self.path, self.where = path, where
        if not isinstance(values, dict):
            raise self.wrong("", f"is {values!r}", "A table of keys and values.")
        self.values: dict[str, Any] = dict(values)

    def wrong(self, key: str, what: str, accepted: str) -> RegimeError:
        """The error for one key."""
        where = ".".join(part for part in (self.where, key) if part)
        return RegimeError(f"{self.path}: {where} {what}.", way_out=accepted)

    def take(self, key: str, kind: type, accepted: str, *, default: Any = None) -> Any:
        """The value of a key of the given type."""
        if key not in self.values:
            if default is not None:
                return default
            raise self.wrong(key, "is missing", accepted)
        value = self.values.pop(key)
        if type(value) is not kind:
            raise self.wrong(key, f"is {value!r}", accepted)
        return value

    def words(self, key: str) -> str:
        """Text that is not empty."""
        accepted = "Text that is not empty."
        value: str = self.take(key, str, accepted)
        if not value.strip():
            raise self.wrong(key, "is empty", accepted)
        return value

    def number(self, key: str, *, low: int, high: int, default: int | None = None) -> int:
        """A whole number in a range."""
        accepted = f"A whole number from {low} to {high}."
        value: int = self.take(key, int, accepted, default=default)
        if not low <= value <= high:
            raise self.wrong(key, f"is {value}", accepted)
        return value

    def one_of(self, key: str, choices: Iterable[str], *, default: str | None = None) -> str:
        """One of several words."""
        choices = list(choices)
        accepted = f"One of {', '.join(choices)}."
        value: str = self.take(key, str, accepted, default=default)
        if value not in choices and value != default:
            raise self.wrong(key, f"is {value!r}", accepted)
        return value

    def origin(self) -> Origin:
        """Article, source and mark, which every rule carries."""
        return Origin(self.words("article"), self.words("source"), self.one_of("mark", MARKS))

    def finish(self) -> None:
        """Refuse keys that nobody asked for."""
        for key in self.values:
            raise self.wrong(key, "is not a key here", "Remove it, or correct its spelling.")


class _Reader:
    """Reads the tables of one file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.ranks: dict[str, int] = {}

    def regime(self, document: Mapping[str, Any], *, digest: str) -> Regime:
        top = _Table(self.path, "", document)
        name = top.words("regime")
        grades = self.list_of(top, "grades", self.grade)
        self.ranks = {grade.name: rank for rank, grade in enumerate(grades)}
        self.check_grades(top, grades)
        past_due = self.list_of(top, "past_due", self.past_due)
        for before, after in pairwise(past_due):
            if before.over_days >= after.over_days or before.rank >= after.rank:
                raise top.wrong(
                    "past_due", "is out of order", "Days and grades must both grow from row to row."
                )
        regime = Regime(
            name=name,
            title=top.words("title"),
            title_en=top.words("title_en"),
            effective_from=top.take("effective_from", date, "A date such as 2023-07-01."),
            due_date_counts=top.number("due_date_counts", low=0, high=1),
            grades=grades,
            past_due=past_due,
            causes=self.list_of(top, "causes", self.cause, required=False),
            contagion=self.optional(top, "contagion", self.contagion),
            observation=self.optional(top, "observation", self.observation),
            cure=self.optional(top, "cure", self.cure),
            version=f"{name}@{digest}",
        )
        top.finish()
        return regime

    def list_of(
        self, top: _Table, key: str, read: Callable[[_Table], Any], *, required: bool = True
    ) -> tuple[Any, ...]:
        """All tables of one name, in order."""
        accepted = f"At least one [[{key}]]."
        rows = top.take(key, list, accepted, default=None if required else [])
        if required and not rows:
            raise top.wrong(key, "is empty", accepted)
        return tuple(
            self.whole(_Table(self.path, f"{key}[{number}]", row), read)
            for number, row in enumerate(rows, start=1)
        )

    def optional(self, top: _Table, key: str, read: Callable[[_Table], Any]) -> Any:
        """One table that may be left out."""
        if key not in top.values:
            return None
        return self.whole(_Table(self.path, key, top.values.pop(key)), read)

    def whole(self, table: _Table, read: Callable[[_Table], Any]) -> Any:
        """Read a table and refuse what is left in it."""
        value = read(table)
        table.finish()
        return value

    def check_grades(self, top: _Table, grades: tuple[Grade, ...]) -> None:
        if len(self.ranks) != len(grades):
            raise top.wrong("grades", "names a grade twice", "Each name once.")
        performing = [grade.performing for grade in grades]
        if performing != sorted(performing, reverse=True) or all(performing) or not any(performing):
            raise top.wrong(
                "grades", "is out of order", "Performing grades first, then non-performing ones."
            )

    def rank(self, table: _Table, key: str = "grade") -> int:
        return self.ranks[table.one_of(key, self.ranks)]

    def grade(self, table: _Table) -> Grade:
        performing = table.take("performing", bool, "true or false.")
        return Grade(table.words("name"), table.words("local"), performing)

    def past_due(self, table: _Table) -> PastDueFloor:
        excused = table.one_of("unless_finding", FINDINGS, default="")
        days = table.number("unless_up_to_days", low=1, high=3650) if excused else 0
        return PastDueFloor(
            table.number("over_days", low=0, high=3650),
            self.rank(table),
            excused or None,
            days,
            table.origin(),
        )

    def cause(self, table: _Table) -> CauseFloor:
        return CauseFloor(
            table.one_of("finding", FINDINGS),
            self.rank(table),
            table.words("label"),
            table.origin(),
        )

    def contagion(self, table: _Table) -> Contagion:
        percent = table.number("over_percent", low=0, high=99)
        return Contagion(percent, self.rank(table), table.origin())

    def observation(self, table: _Table) -> Observation:
        return Observation(
            finding=table.one_of("finding", FINDINGS),
            rank=self.rank(table),
            periods=table.number("periods", low=0, high=120),
            months=table.number("months", low=0, high=120),
            again_rank=self.rank(table, "again_grade"),
            origin=table.origin(),
        )

    def cure(self, table: _Table) -> Cure:
        return Cure(
            table.number("periods", low=0, high=120),
            table.number("months", low=0, high=120),
            table.origin(),
        )
