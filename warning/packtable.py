"""One table of a rule pack's file, read key by key; what is wrong is told with its place.

Knows what words, days and conditions look like, not what a rule is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import ledger.events  # noqa: F401 (registers the facts that `on` may name)
from ledger.codec import codecs
from warning.expressions import Condition, ExpressionError, compile_condition, nearest_word
from warning.pack import Words
from warning.packfile import PackFile, RuleError
from warning.reasons import Template, TemplateError, parse_template

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
LONGEST_DAYS = 2_000


class Table:
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
        ok = type(value) is int and (least <= value <= LONGEST_DAYS or key not in self.document)
        if not ok:
            raise self.wrong(
                key, f"a whole number from {least} to {LONGEST_DAYS} is expected", word=str(value)
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
        return self.known(key, known, "no fact is stored under this name")

    def known(self, key: str, known: Sequence[str], message: str) -> tuple[str, ...]:
        """A list of words, each one of `known`; `message` tells of one that is not."""
        for word in self.texts(key):
            if word not in known:
                close = nearest_word(word, known)
                hint = f"; did you mean {close}?" if close else ""
                raise self.wrong(key, message + hint, word=word)
        return self.texts(key)

    def table(self, key: str) -> dict[str, Any]:
        """A table of its own, or an empty one."""
        value = self.document.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong(key, f"a table, under a [{key}] line, is expected here")
        return value
