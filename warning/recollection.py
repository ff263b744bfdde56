"""Comparing what the watch concludes anew with what it recorded before. Concludes nothing."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from ledger.errors import InvariantBroken
from ledger.events import RulesAdopted, WarningAcknowledged, WarningSuppressed
from ledger.store import NewFact, Recorded

WAY_OUT = (
    "Check the ledger's chain first; then start with the calendar and the version of LoanBell that "
    "wrote this log."
)
"""What to do when history, concluded anew, is not what was recorded."""
_INPUTS = (WarningAcknowledged, WarningSuppressed, RulesAdopted)


class Recollection:
    """A warnings log as it was found, against which facts are compared in their order."""

    def __init__(self, recorded: Sequence[Recorded]) -> None:
        self._recorded = recorded
        self._at = 0
        self._missing: list[NewFact] = []

    def inputs(self) -> Iterator[Recorded]:
        """What people did and the rules they gave, in the order of the log."""
        return (record for record in self._recorded if isinstance(record.fact, _INPUTS))

    def compare(self, produced: Sequence[NewFact]) -> None:
        """The next facts, concluded anew. Errors: InvariantBroken at the first difference."""
        for new in produced:
            if self._at == len(self._recorded):
                self._missing.append(new)
                continue
            old = self._recorded[self._at]
            if (old.stream, old.version, old.fact) != (new.stream, new.version, new.fact):
                raise InvariantBroken(
                    f"The warnings log says at position {old.position}: {old.event_id} {old.fact}; "
                    f"the ledger and the rules say: {new.stream}@{new.version} {new.fact}. "
                    f"{WAY_OUT}"
                )
            self._at += 1

    def missing(self) -> list[NewFact]:
        """What the log does not have yet. Errors: InvariantBroken when the log has more."""
        if self._at < len(self._recorded):
            old = self._recorded[self._at]
            raise InvariantBroken(
                f"The warnings log has {old.event_id} at position {old.position}, which the ledger "
                f"and the rules do not give: {old.fact}. {WAY_OUT}"
            )
        return self._missing


def batches(records: Iterable[Recorded], size: int) -> Iterator[list[Recorded]]:
    """`records` in lists of at most `size`."""
    iterator = iter(records)
    while batch := list(islice(iterator, size)):
        yield batch


def upto(records: Sequence[Recorded], position: int) -> Sequence[Recorded]:
    """Those up to `position`."""
    return records[: bisect_right(records, position, key=lambda record: record.position)]
