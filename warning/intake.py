"""Facts on their way into a book: from which day each counts, and those that must wait for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Protocol

from ledger.dates import day_number
from ledger.events import InvoiceVoided, RepaymentReversed

NOT_STARTED = 0
"""The open day of a book that no day was opened in: 1970-01-01, before every date of the book."""
_NOTICED = (RepaymentReversed, InvoiceVoided)
_EPOCH = date(1970, 1, 1).toordinal()


class RecordedFact(Protocol):
    """A fact at its place in the log, as `ledger.store` gives it."""

    @property
    def position(self) -> int:
        """Its place in the log."""

    @property
    def fact(self) -> Any:
        """The fact."""


Handler = Callable[[Any, int], None]
"""Takes in one fact and the day from which it counts."""


def effective_day(fact: Any) -> int:
    """The day number from which a fact counts; a reversal or voiding, once it was noticed."""
    day: int = fact.value_date.toordinal() - _EPOCH
    if type(fact) in _NOTICED:
        return max(day, day_number(fact.noticed_date))
    return day


class Intake:
    """Hands facts to their handlers, each not before its day.

    `day` is the open day; before the first `open_day` every fact waits. `announce` is told of each
    fact that waits, so that rows follow the order of arrival.
    """

    def __init__(
        self, handlers: Mapping[type, Handler], *, announce: Callable[[Any], None]
    ) -> None:
        self.day = NOT_STARTED
        self._handlers = dict(handlers)
        self._announce = announce
        self._waiting: dict[int, list[RecordedFact]] = {}

    def take(self, recorded: Sequence[RecordedFact]) -> None:
        """Handle facts that count by now, keep later ones; those without a handler pass by."""
        handlers, today = self._handlers, self.day
        for item in recorded:
            fact = item.fact
            handler = handlers.get(type(fact))
            if handler is None:
                continue
            day = effective_day(fact)
            if day > today:
                self._waiting.setdefault(day, []).append(item)
                self._announce(fact)
            else:
                handler(fact, day)

    def open_day(self, day: int) -> None:
        """Make `day` the open one and hand out what waited for it."""
        self.day = day
        if self._waiting:
            for known in sorted(known for known in self._waiting if known <= day):
                self.take(self._waiting.pop(known))
