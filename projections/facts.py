"""Recorded facts as views take them in: runs without a close, grouped by kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from ledger.dates import day_number
from ledger.errors import InvariantBroken
from ledger.events import AccountCredited, AccountDebited, BusinessDayClosed
from ledger.store import Recorded

_FIELDS = ("account_id", "value_date", "amount_minor")
MOVEMENTS: Mapping[type, Sequence[str]] = {AccountCredited: _FIELDS, AccountDebited: _FIELDS}
"""Kinds that views take in as columns, and which ones: account ids, value dates, amounts."""

Columns = Mapping[type, list[list[Any]]]


class Facts:
    """A run of recorded facts of one log with no business-day close inside.

    `columns` holds those movements that were read as columns and are not among `recorded`.
    """

    __slots__ = ("_columns", "_kinds", "log", "recorded")

    def __init__(
        self, log: str, recorded: Sequence[Recorded], columns: Columns | None = None
    ) -> None:
        self.log = log
        self.recorded = recorded
        self._columns = columns or {}
        kinds: defaultdict[type, list[Recorded]] = defaultdict(list)
        for item in recorded:
            kinds[type(item.fact)].append(item)
        self._kinds = kinds

    def of(self, kind: type) -> Sequence[Recorded]:
        """The facts of one kind, in the order of the log. Errors: InvariantBroken for movements."""
        if kind in MOVEMENTS:
            raise InvariantBroken(f"{kind.__name__} comes as columns.")
        return self._kinds.get(kind, ())

    def among(self, *kinds: type) -> list[Recorded]:
        """The facts of several kinds, in the order of the log. Errors: as `of`."""
        found = [item for kind in kinds for item in self.of(kind)]
        return sorted(found, key=lambda item: item.position)

    def columns(self, kind: type) -> list[list[Any]]:
        """The columns of one kind of movements, in no particular order."""
        made = [item.fact for item in self._kinds.get(kind, ())]
        read = self._columns.get(kind)
        columns = [[getattr(fact, name) for fact in made] for name in MOVEMENTS[kind]]
        if read is None:
            return columns
        return [early + late for early, late in zip(read, columns, strict=True)]


@dataclass(frozen=True, slots=True)
class Close:
    """The close of a business day, with its place in the ledger log."""

    day: int
    position: int
    recorded_at_us: int


@runtime_checkable
class ColumnLog(Protocol):
    """A log that gives movements as columns; others are read fact by fact."""

    def read_without(self, kinds: Collection[type], *, after: int, upto: int) -> list[Recorded]:
        """The facts with positions in (after, upto] but those of `kinds`."""

    def columns(
        self, fields: Mapping[type, Sequence[str]], *, after: int, upto: int
    ) -> dict[type, list[list[Any]]]:
        """Some fields of those left out, by kind."""


def runs_between(log: str, source: ColumnLog, after: int, upto: int) -> Iterator[Facts | Close]:
    """What `runs` gives for the facts with positions in (after, upto], movements as columns."""
    recorded = source.read_without(MOVEMENTS, after=after, upto=upto)
    start = 0
    for index, item in enumerate(recorded):
        if type(item.fact) is BusinessDayClosed:
            moved = source.columns(MOVEMENTS, after=after, upto=item.position)
            yield Facts(log, recorded[start:index], moved)
            yield _close(item)
            start, after = index + 1, item.position
    moved = source.columns(MOVEMENTS, after=after, upto=upto)
    yield Facts(log, recorded[start:], moved)


def runs(log: str, recorded: Sequence[Recorded]) -> Iterator[Facts | Close]:
    """A batch as runs of facts, cut at each business-day close."""
    start = 0
    for index, item in enumerate(recorded):
        if type(item.fact) is BusinessDayClosed:
            if index > start:
                yield Facts(log, recorded[start:index])
            yield _close(item)
            start = index + 1
    if start < len(recorded):
        yield Facts(log, recorded[start:] if start else recorded)


def _close(item: Recorded) -> Close:
    fact: BusinessDayClosed = item.fact
    return Close(day_number(fact.value_date), item.position, fact.recorded_at_us)
