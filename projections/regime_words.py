"""One table of a regime file: takes keys out by type, says what is wrong with line and word.

Knows no rule; `regime_file` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any

from projections.regime import FINDINGS, MARKS, Origin, RegimeError

WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")
"""A measure, a class or a grade is written like this."""
_HEADER = re.compile(r"\s*\[{1,2}\s*([A-Za-z0-9_.-]+)\s*\]{1,2}\s*(#.*)?")
_KEY = re.compile(r"\s*\"?([A-Za-z0-9_-]+)\"?\s*=")


def line_of(text: str, where: str) -> int:
    """The line of a key such as "past_due[2].over_days": of its table when it is not there."""
    table, _, key = where.rpartition(".") if "." in where else ("", "", where)
    name, _, number = table.partition("[")
    wanted = int(number.rstrip("]")) if number else 1
    current, seen, best = "", 0, 1
    for at, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.fullmatch(line)
        if header is not None:
            current = header[1]
            seen += current == name
            if (current == name and seen == wanted) or (not table and _same(current, where)):
                best = at
                if not table:
                    return at
        else:
            found = _KEY.match(line)
            here = current == name and (seen == wanted or not name)
            if found is not None and here and found[1] == key:
                return at
    return best


def _same(header: str, where: str) -> bool:
    return bool(where) and header == where.partition("[")[0]


class Table:
    """One table of the file: takes keys out, and refuses what is left."""

    def __init__(self, path: str, text: str, where: str, values: Any) -> None:
        self.path, self.text, self.where = path, text, where
        self._asked: list[str] = []
        if not isinstance(values, dict):
            raise self.wrong("", f"is {values!r}", "A table of keys and values.")
        self.values: dict[str, Any] = dict(values)

    def wrong(self, key: str, what: str, accepted: str) -> RegimeError:
        """The error for one key."""
        where = ".".join(part for part in (self.where, key) if part)
        place = f"{self.path}:{line_of(self.text, where)}"
        return RegimeError(f"{place}: {where} {what}.", way_out=accepted)

    def take(self, key: str, kind: type, accepted: str, *, default: Any = None) -> Any:
        """The value of a key of the given type."""
        self._asked.append(key)
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

    def word(self, key: str) -> str:
        """A small name."""
        accepted = "A word of a-z, 0-9 and _, such as ecl_ratio."
        value: str = self.take(key, str, accepted)
        if WORD.fullmatch(value) is None:
            raise self.wrong(key, f"is {value!r}", accepted)
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
            raise self.wrong(key, f"is {value!r}", accepted + _guess(value, choices))
        return value

    def list_of_words(self, key: str, accepted: str) -> list[str]:
        """A list of texts that is not empty."""
        value: list[str] = self.take(key, list, accepted)
        if not value or not all(isinstance(word, str) and word.strip() for word in value):
            raise self.wrong(key, f"is {value!r}", accepted)
        return value

    def has(self, key: str) -> bool:
        """Whether the table has the key."""
        self._asked.append(key)
        return key in self.values

    def day(self, key: str, *, default: date | None = None) -> date:
        """A date; never a moment in the middle of one."""
        accepted = "A date such as 2023-07-01: rules change between two days."
        if isinstance(self.values.get(key), datetime):
            moment = self.values[key]
            raise self.wrong(key, f"is {moment}, in the middle of a day", accepted)
        value: date = self.take(key, date, accepted, default=default)
        return value

    def origin(self) -> Origin:
        """Article, source and mark, which every rule carries."""
        return Origin(self.words("article"), self.words("source"), self.one_of("mark", MARKS))

    def evidence(self, prefix: str = "") -> tuple[str, bool]:
        """`finding` or `measure`, and whether it is a measure."""
        finding, measure = f"{prefix}finding", f"{prefix}measure"
        if self.has(finding) == self.has(measure):
            raise self.wrong(
                finding, "or measure must be said, and not both", f"{finding} = or {measure} ="
            )
        if finding in self.values:
            return self.one_of(finding, FINDINGS), False
        word = self.word(measure)
        if word in FINDINGS:
            raise self.wrong(measure, f"is {word!r}, which is a finding", f"{finding} = {word!r}")
        return word, True

    def unless(self) -> str | None:
        """The evidence that excuses, if the table names any."""
        if self.has("unless_finding") or self.has("unless_measure"):
            return self.evidence("unless_")[0]
        return None

    def finish(self) -> None:
        """Refuse keys that nobody asked for."""
        for key in self.values:
            guess = _guess(key, self._asked)
            raise self.wrong(
                key, "is not a key here", f"Remove it, or correct its spelling.{guess}"
            )


def _guess(word: str, choices: Iterable[str]) -> str:
    close = get_close_matches(word, list(choices), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
