"""A warnings log as it was found: compared with what is concluded anew, and what it left standing.

What is on record stands. As long as the watch concludes the same it goes on from its own
conclusions; where it does not, because its code, its calendar or its rules are others now, it goes
on from the warnings that are on record as open (`recall`). Concludes nothing itself.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ledger.dates import day_number
from ledger.errors import InvariantBroken
from ledger.events import (
    RulesAdopted,
    WarningAcknowledged,
    WarningEscalated,
    WarningExpired,
    WarningRaised,
    WarningResolved,
    WarningSuppressed,
    WarningWithdrawn,
)
from ledger.store import NewFact, Recorded
from warning.columns import Moment
from warning.lifecycle import Episode, Lifecycle
from warning.pack import Pack, rank

_INPUTS = (WarningAcknowledged, WarningSuppressed, RulesAdopted)
_ENDS = (WarningResolved, WarningWithdrawn)


@dataclass(frozen=True, slots=True)
class Stop:
    """A place in the ledger log where a restart takes in an input, or the record ends (None)."""

    position: int
    fact: Any


class Recollection:
    """The record since the rules in force were adopted, compared with new conclusions in order.

    `before` is what was on record when they were. `difference` says where the first difference
    lies; from there on nothing is compared until `settle`. `missing` are facts beyond the record.
    """

    def __init__(self, recorded: Sequence[Recorded]) -> None:
        adopted = (at for at, item in enumerate(recorded) if type(item.fact) is RulesAdopted)
        self._recorded = recorded
        self._at = max(adopted, default=0)
        self.before = recorded[: self._at]
        self.judged = not recorded
        self.difference = ""
        self.missing: list[NewFact] = []

    def stops(self) -> Iterator[Stop]:
        """Where the record has the rules in force, what people did since, and its end."""
        for item in self._recorded[self._at :]:
            if isinstance(item.fact, _INPUTS):
                yield Stop(item.fact.ledger_position, item.fact)
        if self._recorded:
            yield Stop(self._recorded[-1].fact.ledger_position, None)

    def compare(self, produced: Sequence[NewFact]) -> None:
        """The next facts, concluded anew."""
        for new in produced:
            if self._at == len(self._recorded):
                self.missing.append(new)
                continue
            old = self._recorded[self._at]
            if (old.stream, old.version, old.fact) != (new.stream, new.version, new.fact):
                return self.differ(f"concluded is {new.stream}@{new.version}: {_kind(new)}")
            self._at += 1
        return None

    def differ(self, instead: str) -> None:
        """What is next on record is not concluded any more. The first difference counts."""
        if self.judged:
            old = self._recorded[self._at]
            self.difference = (
                f"at position {old.position} {old.event_id}: {_kind(old)} is on record, {instead}"
            )
            self.judged = False

    def end(self) -> None:
        """The record ends here: all of it must have been concluded."""
        if self._at < len(self._recorded):
            self.differ("nothing is concluded")

    def settle(self) -> None:
        """The record was taken as it stands; what comes from here on is missing in it."""
        self.missing.clear()
        self._at, self.judged = len(self._recorded), True


def recall(
    pack: Pack,
    recorded: Iterable[Recorded | NewFact],
    life: Lifecycle,
    *,
    row_of: Callable[[str], int],
    moment_of: Callable[[int], Moment],
) -> list[WarningRaised]:
    """Bring the warnings that are on record as open into an empty `life`, under `pack`'s rules.

    Waiting and leaving times start anew. Returns those whose rule the pack does not have, in the
    order in which they began: they are over. Errors: InvariantBroken when the record speaks of a
    loan or a warning that does not exist.
    """
    rules = {rule.name: rule for rule in pack.rules}
    gone: dict[str, WarningRaised] = {}
    for item in recorded:
        fact: Any = item.fact
        if type(fact) is RulesAdopted:
            continue
        moment = moment_of(day_number(fact.value_date))
        if type(fact) is WarningRaised:
            row, rule = row_of(fact.loan_id), rules.get(fact.rule)
            if row < 0:
                raise InvariantBroken(f"The warnings log speaks of {fact.loan_id}, no such loan.")
            if rule is None:
                gone.setdefault(fact.warning_id, fact)
            else:
                place, grave = (row, fact.episode), rank(fact.severity)
                life.restore(rule, place, grave, moment, inhibited_by=fact.inhibited_by)
        elif fact.warning_id not in gone:
            episode = life.find(fact.warning_id)
            if episode is None:
                raise InvariantBroken(
                    f"The warnings log speaks of {fact.warning_id}, never raised."
                )
            _take_up(life, episode, fact, moment)
        elif isinstance(fact, _ENDS):
            del gone[fact.warning_id]
    life.restored()
    return list(gone.values())


def _take_up(life: Lifecycle, episode: Episode, fact: Any, moment: Moment) -> None:
    match fact:
        case WarningEscalated():
            life.restore_graver(episode, rank(fact.severity), moment)
        case WarningAcknowledged():
            life.acknowledge(episode)
        case WarningSuppressed():
            life.suppress(episode, day_number(fact.until))
        case WarningExpired():
            episode.expired = True
        case WarningResolved():
            life.end(episode, moment)
        case WarningWithdrawn():
            life.withdraw(episode, moment)


def _kind(item: Recorded | NewFact) -> str:
    """What a fact is, without what it says."""
    fact: Any = item.fact
    return f"{type(fact).__name__} {getattr(fact, 'rule', '')}".strip()


def batches(records: Iterable[Recorded], size: int) -> Iterator[list[Recorded]]:
    """`records` in lists of at most `size`."""
    iterator = iter(records)
    while batch := list(islice(iterator, size)):
        yield batch


def upto(records: Sequence[Recorded], position: int) -> Sequence[Recorded]:
    """Those up to `position`."""
    return records[: bisect_right(records, position, key=lambda record: record.position)]
