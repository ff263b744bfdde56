"""What the warnings log says of borrowers: the gravest open warning, new trouble, since when calm.

Facts of that log name the place in the ledger log up to which the watch had read. They are taken in
up to a place, so that whoever follows the ledger log sees at each place what was known there,
however late it reads. What a person did at a place counts behind it: nobody knows whether they
came before or after whoever reads.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from typing import Any

from ledger.dates import day_number
from ledger.events import (
    RulesAdopted,
    WarningEscalated,
    WarningFoundFalse,
    WarningRaised,
    WarningReopened,
    WarningResolved,
    WarningWithdrawn,
)
from ledger.store import Recorded
from warning.pack import rank
from warning.recollection import ACTIONS

ENDS = (WarningResolved, WarningFoundFalse, WarningWithdrawn)


class Tiers:
    """Open warnings by borrower, as known at a place in the ledger log.

    `heard`: the place in the warnings log up to which its facts were heard.
    """

    def __init__(self) -> None:
        self.heard = 0
        self._waiting: deque[Any] = deque()
        self._raised: dict[str, WarningRaised] = {}
        self._open: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self._ended: dict[str, int] = {}
        self._graver: list[tuple[int, str]] = []

    def hear(self, warnings: Iterable[Recorded]) -> None:
        """Facts of the warnings log, in its order."""
        for item in warnings:
            self._waiting.append(item.fact)
            self.heard = item.position

    def take_until(self, position: int) -> None:
        """Take in what was known at `position`."""
        while self._waiting and _place(self._waiting[0]) <= position:
            fact = self._waiting.popleft()
            if type(fact) is not RulesAdopted and self._take(fact):
                self._graver.append((fact.ledger_position, fact.warning_id))

    def graver_since(self, position: int) -> list[tuple[WarningRaised, int]]:
        """Warnings that began or became graver behind `position`, each once, with its rank.

        Those that ended meanwhile are left out. Asked again it tells only of what came since.
        """
        names = dict.fromkeys(name for place, name in self._graver if place > position)
        self._graver.clear()
        raised = [self._raised[name] for name in names]
        of = [(each, self._open[each.borrower_id].get(each.warning_id)) for each in raised]
        return [(each, rank) for each, rank in of if rank is not None]

    def rank_of(self, borrower_id: str) -> int:
        """0 without an open warning, else 1 (watch) to 4 (red)."""
        return max(self._open.get(borrower_id, {}).values(), default=0)

    def ended_on(self, borrower_id: str) -> int | None:
        """The last day on which one of the borrower's warnings ended."""
        return self._ended.get(borrower_id)

    def _take(self, fact: Any) -> bool:
        """Whether it made a warning begin or graver."""
        if isinstance(fact, WarningRaised):
            self._raised[fact.warning_id] = fact
        raised = self._raised.get(fact.warning_id)
        if raised is None:
            return False
        of_borrower = self._open[raised.borrower_id]
        if isinstance(fact, ENDS):
            of_borrower.pop(fact.warning_id, None)
            self._ended[raised.borrower_id] = day_number(fact.value_date)
        elif isinstance(fact, WarningRaised | WarningReopened | WarningEscalated):
            of_borrower[fact.warning_id] = rank(fact.severity)
            return True
        return False


def _place(fact: Any) -> int:
    """The place in the ledger log from which on a fact counts."""
    position: int = fact.ledger_position
    return position + 1 if isinstance(fact, ACTIONS) else position
