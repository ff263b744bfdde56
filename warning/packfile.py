"""A rule pack's file as text: reading TOML, and saying where in it a word is wrong.

The standard TOML reader keeps no positions, so a place is found by looking: the n-th `[[rule]]`
table, in it the line that sets the key, from there the word. Knows nothing of what rules mean.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from ledger.errors import LoanError

_HEADER = re.compile(r"\s*\[{1,2}\s*([A-Za-z0-9_.\-]+)\s*\]{1,2}")
_SYNTAX = re.compile(r"(.*) \(at line (\d+), column (\d+)\)", re.DOTALL)


class RuleError(LoanError):
    """A rule pack that cannot be used: file, line (from 1), the word that is wrong, and why."""

    code = "rules_unusable"

    def __init__(self, why: str, *, path: str, line: int, word: str) -> None:
        super().__init__(f"{path}:{line}: {word!r}: {why}")
        self.why, self.path, self.line, self.word = why, path, line, word


class PackFile:
    """The text of one pack, its TOML document, and places within it."""

    def __init__(self, text: str, *, path: str) -> None:
        if text.startswith("\ufeff"):
            why = "it begins with a byte order mark: save it as UTF-8 without one"
            raise RuleError(why, path=path, line=1, word=Path(path).name)
        self.text, self.path = text, path
        self.lines = text.splitlines() or [""]
        try:
            self.document: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise self._not_toml(str(error)) from None
        self._tables = self._find_tables()

    @classmethod
    def read(cls, path: Path) -> PackFile:
        """Errors: RuleError when the file is missing, not UTF-8 or not TOML."""
        try:
            return cls(path.read_text(encoding="utf-8"), path=str(path))
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror or "" if isinstance(error, OSError) else "not UTF-8 text"
            raise RuleError(f"cannot read it: {why}", path=str(path), line=1, word=path.name) from (
                None
            )

    def error(
        self, message: str, *, word: str, key: str = "", rule: int | None = None, skip: int = 0
    ) -> RuleError:
        """The error about `word`, in the value of `key` of the `rule`-th rule (from 0).

        Without `rule` the head of the file is meant. `skip` lines of the value lie before the word.
        """
        first, last = self._span(rule)
        line = next((n for n in range(first, last) if key and _sets(self.lines[n], key)), first)
        line = min(line + skip, last - 1)
        whole = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
        line = next((n for n in range(line, last) if word and whole.search(self.lines[n])), line)
        return RuleError(message, path=self.path, line=line + 1, word=word)

    def _span(self, rule: int | None) -> tuple[int, int]:
        starts = [start for start, name in self._tables if name == "rule"]
        if rule is None or rule >= len(starts):
            return 0, len(self.lines)
        first = starts[rule]
        after = [
            start for start, name in self._tables if start > first and not name.startswith("rule.")
        ]
        return first, min(after, default=len(self.lines))

    def _find_tables(self) -> list[tuple[int, str]]:
        found = ((number, _HEADER.match(line)) for number, line in enumerate(self.lines))
        return [(number, match[1]) for number, match in found if match]

    def _not_toml(self, message: str) -> RuleError:
        match = _SYNTAX.fullmatch(message)
        if match is None:  # "(at end of document)"
            last = self.lines[-1].strip()
            return RuleError(message, path=self.path, line=len(self.lines), word=last)
        line, column = int(match[2]), int(match[3])
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        word = (text[column - 1 :].split() or text.split() or [""])[0]
        return RuleError(f"not TOML: {match[1]}", path=self.path, line=line, word=word)


def _sets(line: str, key: str) -> bool:
    """Whether the line gives `key` a value, as a pair, inside an inline table, or as a table."""
    word = re.escape(key)
    return bool(
        re.search(rf"(?:^|[\s{{,]){word}\s*=", line) or re.match(rf"\s*\[+rule\.{word}\]", line)
    )
