"""Reading a regime file, and saying what is wrong with it: file, line, key, word, and a way out.

`load` gives a regime or raises the first fault; `faults` lists one fault of every table, for
whoever writes a file. What tables must be together, `regime_dates` checks.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from ledger.errors import LoanError
from ledger.money import parse_minor
from projections.regime import (
    COUNTERS,
    FINDINGS,
    OTHER,
    WHOLE_PPM,
    CauseFloor,
    Contagion,
    Cure,
    Grade,
    Materiality,
    Observation,
    Origin,
    Overrides,
    PastDueFloor,
    Pauses,
    ProductClass,
    Regime,
    RegimeError,
    Signals,
    Transition,
)
from projections.regime_dates import KINDS, SPARED, check_rules, editions_of
from projections.regime_words import Table

FOLDER = Path(__file__).parent / "regimes"
DEFAULT = "cn-2023"
_MOST_RULES = 32


def shipped() -> list[str]:
    """Names of the regimes that come with LoanBell."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def load(name_or_path: str | Path = DEFAULT) -> Regime:
    """A shipped regime by name, or any regime file by path. Errors: RegimeError."""
    content, path = _content(name_or_path)
    return parse(content, path=path)


def faults(name_or_path: str | Path) -> list[RegimeError]:
    """What is wrong with a file, one fault a table; empty when it can be used."""
    try:
        content, path = _content(name_or_path)
        reader = _Reader(path, _text(content, path))
    except RegimeError as error:
        return [error]
    try:
        reader.regime(_document(content, path), version="")
    except RegimeError:
        return reader.faults
    return []


def parse(content: bytes, *, path: str) -> Regime:
    """The bytes of a regime file -> the regime. Errors: RegimeError naming file, line and key."""
    document = _document(content, path)
    digest = hashlib.sha256(content).hexdigest()[:12]
    return _Reader(path, _text(content, path)).regime(document, version=digest)


def _content(name_or_path: str | Path) -> tuple[bytes, str]:
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = FOLDER / f"{name_or_path}.toml"
    try:
        return path.read_bytes(), str(path)
    except (OSError, ValueError):
        raise RegimeError(
            f"There is no regime {str(name_or_path)!r}.",
            way_out=f"Shipped regimes: {', '.join(shipped())}; or pass the path of a .toml file.",
        ) from None


def _text(content: bytes, path: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise RegimeError(f"{path}: not TOML: {error}.", way_out="Save it as UTF-8.") from None


def _document(content: bytes, path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(content, path))
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = f":{found[1]}" if found else ""
        raise RegimeError(
            f"{path}{line}: not TOML: {error}.", way_out="Correct the line; texts need quotes."
        ) from None


class _Reader:
    """Reads the tables of one file. `faults` collects what is wrong."""

    def __init__(self, path: str, text: str) -> None:
        self.path, self.text = path, text
        self.faults: list[RegimeError] = []
        self.ranks: dict[str, int] = {}
        self.bad = 0
        self.classes: list[str] = []
        self.start = date.min

    def regime(self, document: Mapping[str, Any], *, version: str) -> Regime:
        """The whole. Errors: the first fault, with all of them in `faults`."""
        top = Table(self.path, self.text, "", document)
        name, title, title_en = top.words("regime"), top.words("title"), top.words("title_en")
        self.start = self.noted(lambda: top.day("effective_from")) or date.min
        counting = self.tables(top, "counting", self.counting, required=True)
        grades = self.tables(top, "grades", self.grade, required=True)
        self.noted(lambda: self.check_grades(top, grades))
        classes = self.tables(top, "classes", self.product_class)
        self.classes = [known.name for known in classes]
        rules: dict[str, list[Any]] = {
            kind: self.tables(top, kind, getattr(self, kind), required=kind == "past_due")
            for kind in KINDS
        }
        self.noted(top.finish)
        if not self.faults:
            self.faults += check_rules(rules, self.start, wrong=top.wrong)
        if self.faults:
            raise self.faults[0]
        return Regime(
            name=name,
            title=title,
            title_en=title_en,
            effective_from=self.start,
            due_date_counts=counting[0][0],
            grace_days=counting[0][1],
            counting=counting[0][2],
            grades=tuple(grades),
            classes=tuple(classes),
            editions=editions_of(rules, self.start),
            version=f"{name}@{version}",
            text=self.text,
        )

    def noted(self, step: Callable[[], Any]) -> Any:
        """What `step` gives; None when it found a fault, which is noted."""
        try:
            return step()
        except RegimeError as error:
            self.faults.append(error)
            return None

    def tables(
        self, top: Table, key: str, read: Callable[[Table], Any], *, required: bool = False
    ) -> list[Any]:
        """All tables of one name that are right, in order: `[key]` once or `[[key]]` often."""
        rows = top.values.pop(key, [])
        if isinstance(rows, dict):
            named = [(key, rows)]
        elif isinstance(rows, list):
            named = [(f"{key}[{number}]", row) for number, row in enumerate(rows, start=1)]
        else:
            self.faults.append(top.wrong(key, f"is {rows!r}", f"[{key}] or [[{key}]]."))
            return []
        if required and not named:
            self.faults.append(top.wrong(key, "is missing", f"At least one [{key}]."))
        if len(named) > _MOST_RULES:
            self.faults.append(top.wrong(key, "is too long", f"At most {_MOST_RULES} tables."))
        found = [self.noted(partial(self.whole, where, row, read)) for where, row in named]
        return [rule for rule in found if rule is not None]

    def whole(self, where: str, row: Any, read: Callable[[Table], Any]) -> Any:
        """Read a table and refuse what is left in it."""
        table = Table(self.path, self.text, where, row)
        value = read(table)
        table.finish()
        return value

    # The kinds of tables

    def counting(self, table: Table) -> tuple[int, int, Origin]:
        counts = table.number("due_date_counts", low=0, high=1)
        return counts, table.number("grace_days", low=0, high=90, default=0), table.origin()

    def grade(self, table: Table) -> Grade:
        performing = table.take("performing", bool, "true or false.")
        grade = Grade(table.word("name"), table.words("local"), performing)
        if grade.name in self.ranks:
            raise table.wrong("name", f"is {grade.name!r} once more", "Each name once.")
        self.ranks[grade.name] = len(self.ranks)
        self.bad += performing
        return grade

    def check_grades(self, top: Table, grades: list[Grade]) -> None:
        performing = [grade.performing for grade in grades]
        if performing != sorted(performing, reverse=True) or all(performing) or not any(performing):
            raise top.wrong(
                "grades", "is out of order", "Performing grades first, then non-performing ones."
            )

    def product_class(self, table: Table) -> ProductClass:
        name = table.word("name")
        if name == OTHER:
            raise table.wrong("name", f"is {OTHER!r}", "Another word: other is all the rest.")
        products = frozenset(table.list_of_words("products", 'Products such as ["credit-card"].'))
        return ProductClass(name, products, table.origin())

    def past_due(self, table: Table) -> PastDueFloor:
        inclusive = table.has("from_days")
        if inclusive == table.has("over_days"):
            raise table.wrong(
                "over_days", "or from_days must be said, and not both", "over_days = 90"
            )
        key = "from_days" if inclusive else "over_days"
        days = table.number(key, low=int(inclusive), high=3650)
        excused = table.unless()
        short = excused is not None and table.has("unless_up_to_days")
        return PastDueFloor(
            from_days=days + (not inclusive),
            inclusive=inclusive,
            rank=self.rank(table),
            counter=table.one_of("counter", COUNTERS, default="days"),
            unless=excused,
            unless_up_to_days=table.number("unless_up_to_days", low=1, high=3650)
            if short
            else None,
            **self.common(table),
        )

    def causes(self, table: Table) -> CauseFloor:
        word, measured = table.evidence()
        from_ppm = 1
        if measured and table.has("from_percent"):
            from_ppm = table.number("from_percent", low=1, high=100) * WHOLE_PPM // 100
        elif measured and table.has("over_percent"):
            from_ppm = table.number("over_percent", low=0, high=99) * WHOLE_PPM // 100 + 1
        return CauseFloor(
            word=word,
            from_ppm=from_ppm,
            rank=self.rank(table),
            label=table.words("label"),
            unless=table.unless(),
            **self.common(table),
        )

    def materiality(self, table: Table) -> Materiality:
        ends = ("below_limits", "no_arrears")
        return Materiality(
            absolute=self.amounts(table, "absolute"),
            over_percent=table.number("over_percent", low=0, high=99),
            per=table.one_of("per", ("borrower", "loan")),
            until_paid=table.one_of("resets_at", ends, default=ends[0]) == "no_arrears",
            **self.common(table),
        )

    def amounts(self, table: Table, key: str) -> dict[str, int]:
        accepted = 'Amounts by currency such as { EUR = "500.00" }.'
        given, amounts = table.take(key, dict, accepted), {}
        for currency, text in given.items():
            try:
                amounts[currency] = parse_minor(text, currency)
            except (LoanError, TypeError, AttributeError):
                raise table.wrong(key, f"has {currency} = {text!r}", accepted) from None
            if amounts[currency] < 0:
                raise table.wrong(key, f"has {currency} = {text!r}", accepted)
        return amounts

    def contagion(self, table: Table) -> Contagion:
        percent = table.number("over_percent", low=0, high=99)
        rank = self.rank(table)
        return Contagion(
            over_percent=percent, rank=rank, unless=table.unless(), **self.common(table)
        )

    def observation(self, table: Table) -> Observation:
        return Observation(
            finding=table.one_of("finding", FINDINGS),
            rank=self.rank(table),
            periods=table.number("periods", low=0, high=120),
            months=table.number("months", low=0, high=120),
            again_rank=self.rank(table, "again_grade"),
            **self.common(table, by_class=False),
        )

    def cure(self, table: Table) -> Cure:
        named = table.has("finding") or table.has("measure")
        rank = self.rank(table) if table.has("grade") else self.bad
        to_rank = self.rank(table, "to") if table.has("to") else 0
        if to_rank >= rank:
            raise table.wrong("to", "is no upgrade", "A better grade than the one cured.")
        periods, months = (table.number(key, low=0, high=120) for key in ("periods", "months"))
        lengths = ("longer", "shorter")
        shorter = table.one_of("whichever_is", lengths, default="longer") == "shorter"
        if shorter and not (periods and months):
            accepted = "periods and months of 1 or more, or longer."
            raise table.wrong("whichever_is", "is 'shorter', and one of the two is 0", accepted)
        return Cure(
            rank=rank,
            to_rank=to_rank,
            periods=periods,
            months=months,
            shorter=shorter,
            clean=table.one_of("clean", ("no_arrears", "no_trigger"), default="no_arrears"),
            word=table.evidence()[0] if named else None,
            arrears_paid=named
            and table.take("arrears_paid", bool, "true or false.", default=False),
            **self.common(table),
        )

    def warnings(self, table: Table) -> Signals:
        rules = table.list_of_words("rules", 'Rules of the pack in force, such as ["inflow-drop"].')
        return Signals(
            enabled=table.take("enabled", bool, "true or false."),
            rules=tuple(rules),
            notches=table.number("notches", low=1, high=4),
            lowest_rank=self.rank(table, "lowest_grade"),
            **self.common(table, by_class=False),
        )

    def overrides(self, table: Table) -> Overrides:
        allowed = table.one_of("allowed", ("worse", "either_way"))
        return Overrides(worse_only=allowed == "worse", **self.common(table, by_class=False))

    def pauses(self, table: Table) -> Pauses:
        count = table.one_of("count", ("go_on", "stand_still"))
        return Pauses(
            stands_still=count == "stand_still",
            review=table.words("review"),
            **self.common(table, by_class=False),
        )

    def transition(self, table: Table) -> Transition:
        accepted = f"A list of {', '.join(SPARED)}."
        spares = table.list_of_words("spares", accepted)
        if not set(spares) <= set(SPARED):
            raise table.wrong("spares", f"is {spares!r}", accepted)
        return Transition(
            enabled=table.take("enabled", bool, "true or false."),
            opened_before=table.day("opened_before"),
            spares=frozenset(spares),
            **self.common(table, by_class=False),
        )

    # What tables share

    def rank(self, table: Table, key: str = "grade") -> int:
        return self.ranks[table.one_of(key, self.ranks)]

    def common(self, table: Table, *, by_class: bool = True) -> dict[str, Any]:
        """Origin, dates and, where the kind may differ by it, classes of a rule."""
        since = table.day("since", default=self.start)
        until = table.day("until") if table.has("until") else None
        if since < self.start:
            raise table.wrong("since", f"is {since}, before the regime", f"{self.start} or later.")
        if until is not None and until < since:
            raise table.wrong("until", f"is {until}, before {since}", f"{since} or later.")
        classes: list[str] = []
        if by_class and table.has("applies_to"):
            known = [*self.classes, OTHER]
            accepted = f"A list of {', '.join(known)}."
            classes = table.list_of_words("applies_to", accepted)
            for name in classes:
                if name not in known:
                    raise table.wrong("applies_to", f"names {name!r}", accepted)
        return {
            "origin": table.origin(), "since": since, "until": until, "classes": frozenset(classes),
        }  # fmt: skip
