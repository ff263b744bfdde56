"""How much money the book can hold: every amount on one loan, account or borrower, and on all.

What comes after the ledger counts in 64-bit whole numbers, so the ledger refuses what could leave
them. `total_minor` of a state is all amounts ever recorded on it, in whichever direction; it only
grows, and no sum of some of them is beyond it. Knows no commands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import lru_cache
from typing import Any, Protocol, get_args, get_type_hints

from ledger.errors import BookFull, RuleRefused
from ledger.money import MAX_BOOK_MINOR, MAX_TOTAL_MINOR, grouped


class Tracked(Protocol):
    """What `BookTotals` needs of a log."""

    def tracked(self, source: str) -> int:
        """The last number recorded for `source`, 0 when none."""


def check_total(what: str, total_minor: int, currency: str, **ids: str) -> None:
    """Errors: RuleRefused "total_too_large" when all amounts on one entity are too much."""
    if total_minor > MAX_TOTAL_MINOR:
        raise RuleRefused(
            f"All amounts on {what} together would be {grouped(total_minor, currency)} {currency}, "
            "more than can be counted on one.",
            rule="total_too_large",
            way_out=f"At most {grouped(MAX_TOTAL_MINOR, currency)} {currency} ever moves on one; "
            "go on under another id.",
            **ids,
        )


def amounts_minor(record: Any) -> int:
    """All amounts that a fact holds, each without its sign, added up in minor units."""
    cls: type = type(record)
    plain, nested = _amounts_of(cls)
    total = 0
    for name in plain:
        total += abs(getattr(record, name) or 0)
    for name in nested:
        found = getattr(record, name)
        for part in found if isinstance(found, tuple) else (found,):
            total += amounts_minor(part)
    return total


@lru_cache(maxsize=256)
def _amounts_of(cls: type) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The fields of a record that are amounts, and those that hold records with amounts."""
    plain, nested = [], []
    for name, hint in get_type_hints(cls).items():
        inner = next(iter(get_args(hint)), hint)  # of tuple[X, ...] and of X
        if name.endswith("_minor"):
            plain.append(name)
        elif isinstance(inner, type) and is_dataclass(inner) and any(_amounts_of(inner)):
            nested.append(name)
    return tuple(plain), tuple(nested)


class BookTotals:
    """What all entities of a book add up to, by currency, so that no sum over them is too large.

    Kept as tracking, in the commit of the facts that were counted: no start has to read the log.
    A book from before this was counted begins at zero; `MAX_BOOK_MINOR` leaves room for it.
    """

    def __init__(self, log: Tracked) -> None:
        self._log = log
        self._sums: dict[str, int] = {}
        self._moved: dict[str, int] = {}

    def check(self, state: Any, command: Any) -> None:
        """Errors: BookFull when the currency of `command` takes nothing more.

        One message adds little over `MAX_TOTAL_MINOR` at most, so what is there already decides.
        """
        currency = getattr(state, "currency", None) or getattr(command, "currency", None)
        if currency is not None and self._sum(currency) > MAX_BOOK_MINOR:
            raise BookFull(
                f"All amounts in {currency} together are {grouped(self._sum(currency), currency)}, "
                "more than one book can count.",
                way_out=f"Begin another book: one takes {grouped(MAX_BOOK_MINOR, currency)}.",
            )

    def grew(self, state: Any, before_minor: int) -> None:
        """Count what an entity's total has grown by since it was `before_minor`."""
        more = total_of(state) - before_minor
        if more > 0:
            currency = state.currency
            self._sums[currency] = self._moved[_source(currency)] = self._sum(currency) + more

    def moved(self) -> Mapping[str, int]:
        """What to track with the facts counted since the last call."""
        moved, self._moved = self._moved, {}
        return moved

    def forget(self) -> None:
        """The commit failed, or another writer was first: count from what is recorded."""
        self._sums.clear()
        self._moved.clear()

    def _sum(self, currency: str) -> int:
        known = self._sums.get(currency)
        if known is None:
            known = self._sums[currency] = self._log.tracked(_source(currency))
        return known


def total_of(state: Any) -> int:
    """All amounts on an entity; 0 before its first fact, and for one without money."""
    total: int = getattr(state, "total_minor", 0)
    return total


def _source(currency: str) -> str:
    return f"total:{currency}"
