"""Recorded facts as views take them in: runs without a close, grouped by kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ledger.dates import day_number
from ledger.events import BusinessDayClosed
from ledger.store import Recorded


class Facts:
    """A run of recorded facts of one log with no business-day close inside."""

    __slots__ = ("_kinds", "log", "recorded")

    def __init__(self, log: str, recorded: Sequence[Recorded]) -> None:
        self.log = log
        self.recorded = recorded
        kinds: defaultdict[type, list[Recorded]] = defaultdict(list)
        for item in recorded:
            kinds[type(item.fact)].append(item)
        self._kinds = kinds

    def of(self, kind: type) -> Sequence[Recorded]:
        """The facts of one kind, in the order of the log."""
        return self._kinds.get(kind, ())

    def among(self, *kinds: type) -> list[Recorded]:
        """The facts of several kinds, in the order of the log."""
        found = [item for kind in kinds for item in self.of(kind)]
        return sorted(found, key=lambda item: item.position)


@dataclass(frozen=True, slots=True)
class Close:
    """The close of a business day, with its place in the ledger log."""

    day: int
    position: int
    recorded_at_us: int


def runs(log: str, recorded: Sequence[Recorded]) -> Iterator[Facts | Close]:
    """A batch as runs of facts, cut at each business-day close."""
    start = 0
    for index, item in enumerate(recorded):
        if type(item.fact) is BusinessDayClosed:
            if index > start:
                yield Facts(log, recorded[start:index])
            fact: BusinessDayClosed = item.fact
            yield Close(day_number(fact.value_date), item.position, fact.recorded_at_us)
            start = index + 1
    if start < len(recorded):
        yield Facts(log, recorded[start:] if start else recorded)
