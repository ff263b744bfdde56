"""The words and clauses of one diary line, each taken once, so that nothing is overlooked."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, get_args, get_type_hints

from ledger.money import parse_minor

_RATE = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4})?", re.ASCII)


class Unclear(Exception):
    """What is wrong with a line; whoever reads the file adds its name and the line's number."""


class Words:
    """One line: words before the first comma, then clauses `key value`.

    `currencies` maps loans and accounts to their currency, for the amounts that name none.
    """

    def __init__(self, text: str, rows: list[str], currencies: dict[str, str]) -> None:
        first, *clauses = [part.strip() for part in text.split(",")]
        self._words = first.split()
        self.rows, self.currencies, self.currency = rows, currencies, ""
        self._clauses: dict[str, str] = {}
        for clause in clauses:
            key, _, value = clause.partition(" ")
            if key in self._clauses or not value:
                raise Unclear(f"The clause {clause!r} is given twice or has no value")
            self._clauses[key] = value.strip()

    def word(self, what: str) -> str:
        """The next word. Errors: Unclear when it is missing; `what` says what it would be."""
        if not self._words:
            raise Unclear(f"{what} is missing")
        return self._words.pop(0)

    def entity(self) -> str:
        """The next word as the id of a loan or account; its currency becomes the line's."""
        name = self.word("The loan or account")
        self.currency = self.currencies.get(name, "")
        return name

    def amount(self) -> int:
        """The next word as minor units; a currency may follow it."""
        text = self.word("The amount")
        if self._words:
            self.currency = self.word("The currency")
        return self.minor(text)

    def minor(self, text: str) -> int:
        """Decimal text -> minor units of the line's currency."""
        if not self.currency:
            raise Unclear("The loan or account was not opened before, so its currency is unknown")
        return parse_minor(text, self.currency)

    def take(self, key: str, read: Callable[[str], Any] = str, default: Any = None) -> Any:
        """The value of a clause, read; `default` without it."""
        text = self._clauses.pop(key, None)
        try:
            return default if text is None else read(text)
        except ValueError:
            raise Unclear(f"{text!r} is no value for {key!r}") from None

    def finish(self) -> None:
        """Errors: Unclear when a word or clause is left that nobody asked for."""
        left = [*self._words, *self._clauses]
        if left:
            raise Unclear(f"{left[0]!r} is not understood here")


def one_of(kind: Any) -> Callable[[str], Any]:
    """A reader that accepts the values of a Literal type."""
    allowed = get_args(kind)

    def read(text: str) -> str:
        if text not in allowed:
            raise Unclear(f"{text!r} is not one of {', '.join(allowed)}")
        return text

    return read


def literal(owner: type, field: str) -> Callable[[str], Any]:
    """A reader that accepts what `field` of a dataclass accepts."""
    return one_of(get_type_hints(owner)[field])


def on_or_off(text: str) -> bool:
    """`on` or `off`."""
    if text not in ("on", "off"):
        raise Unclear(f"{text!r} is neither on nor off")
    return text == "on"


def ppm(text: str) -> int:
    """A rate in percent -> parts per million."""
    if not _RATE.fullmatch(text):
        raise Unclear(f"{text!r} is not a rate in percent with up to four digits")
    whole, _, digits = text.partition(".")
    return int(whole + digits.ljust(4, "0"))
