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
    ScoreCalibrationRestored,
    ScoreDrifted,
    ScoreMiscalibrated,
    ScoreSettled,
    WarningAcknowledged,
    WarningActionStarted,
    WarningDeferred,
    WarningEscalated,
    WarningExpired,
    WarningFoundFalse,
    WarningLapsed,
    WarningPending,
    WarningRaised,
    WarningReferred,
    WarningReopened,
    WarningResolved,
    WarningSuppressed,
    WarningWithdrawn,
)
from ledger.snapshot import SnapshotUnusable
from ledger.store import NewFact, Recorded
from warning.columns import Moment
from warning.episodes import Episode
from warning.lifecycle import Lifecycle
from warning.pack import Pack, rank
from warning.rules import RuleError, parse_pack
from warning.scorecard import Model, ModelError
from warning.scored_pack import score_in_text

ACTIONS = (WarningAcknowledged, WarningActionStarted, WarningFoundFalse, WarningSuppressed)
_INPUTS = (*ACTIONS, RulesAdopted)
_OF_NO_LOAN = frozenset(
    (RulesAdopted, ScoreDrifted, ScoreSettled, ScoreMiscalibrated, ScoreCalibrationRestored)
)
_ENDS = (WarningResolved, WarningWithdrawn, WarningFoundFalse)


@dataclass(frozen=True, slots=True)
class Stop:
    """A place in the ledger log where a restart takes in an input, or the record ends (None).

    `gone`: rules that were adopted there and that others followed; only their score still counts.
    """

    position: int
    fact: Any
    gone: bool = False


class Recollection:
    """The record since the rules in force were adopted, compared with new conclusions in order.

    `before` is what was on record when they were. `difference` says where the first difference
    lies; from there on nothing is compared until `settle`. `missing` are facts beyond the record.
    With `follows` the record is only what came since a snapshot, under the rules that it knows.
    """

    def __init__(self, recorded: Sequence[Recorded], *, follows: bool = False) -> None:
        adopted = [at for at, item in enumerate(recorded) if type(item.fact) is RulesAdopted]
        if follows and adopted:
            raise SnapshotUnusable("Rules were adopted since.")
        self._recorded, self._follows = recorded, follows
        self._at = max(adopted, default=0)
        self.before = recorded[: self._at]
        self.judged = follows or not recorded
        self.difference = ""
        self.missing: list[NewFact] = []

    def names(self) -> tuple[str, ...]:
        """The columns of the rules that were adopted last, as far as this version reads them."""
        fact = self._recorded[self._at].fact if self._recorded else None
        try:
            return parse_pack(fact.text, path=fact.pack).names if fact is not None else ()
        except RuleError:
            return ()

    def stops(self) -> Iterator[Stop]:
        """Where the record has rules adopted, what people did under the last ones, and its end."""
        for item in self.before:
            if isinstance(item.fact, RulesAdopted):
                yield Stop(item.fact.ledger_position, item.fact, gone=True)
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

    def refuse_if_it_follows(self) -> None:
        """Errors: SnapshotUnusable for a record that does not follow from its snapshot."""
        if self._follows:
            raise SnapshotUnusable(f"Something else follows from it: {self.difference}")

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
) -> tuple[list[WarningRaised], list[WarningPending]]:
    """Bring the warnings that are on record as open into an empty `life`, under `pack`'s rules.

    Waiting and leaving times start anew; budgets, answers, roles and rests are as they stood.
    Returns those whose rule the pack does not have, in the order in which they began: they are
    over; and what was pending. Errors: InvariantBroken when the record speaks of a loan or a
    warning that does not exist.
    """
    known = _Recall(pack, life, row_of)
    for item in recorded:
        fact: Any = item.fact
        if type(fact) not in _OF_NO_LOAN:
            known.take(fact, moment_of(day_number(fact.value_date)))
    life.restored()
    gone = [raised for raised in known.strangers.values() if raised.warning_id in known.open]
    return gone, list(known.waits.values())


class _Recall:
    """Facts of the log, taken into a lifecycle one by one.

    `strangers` are warnings of rules that the pack does not have; `open` those of them not ended.
    `waits` is what is pending, by the id that it has if it rings.
    """

    def __init__(self, pack: Pack, life: Lifecycle, row_of: Callable[[str], int]) -> None:
        self._rules = {rule.name: rule for rule in pack.rules}
        steps = (step for steps in pack.escalation.values() for step in steps)
        self._roles = {step.role: step for step in steps}
        self._life, self._row_of = life, row_of
        self._known: dict[str, Episode] = {}
        self.strangers: dict[str, WarningRaised] = {}
        self.open: set[str] = set()
        self.waits: dict[str, WarningPending] = {}

    def take(self, fact: Any, moment: Moment) -> None:
        """The next fact."""
        if type(fact) is WarningPending:
            self.waits[fact.warning_id] = fact
        elif type(fact) is WarningLapsed:
            if self.waits.pop(fact.warning_id, None) is None:
                raise InvariantBroken(f"{fact.warning_id} lapsed and was not pending.")
        elif type(fact) is WarningRaised:
            self.waits.pop(fact.warning_id, None)
            self._raised(fact, moment)
        elif fact.warning_id in self.strangers:
            if isinstance(fact, _ENDS):
                self.open.discard(fact.warning_id)
            elif type(fact) is WarningReopened:
                self.open.add(fact.warning_id)
        elif fact.warning_id in self._known:
            self._change(self._known[fact.warning_id], fact, moment)
        else:
            raise InvariantBroken(f"The warnings log speaks of {fact.warning_id}, never raised.")

    def _raised(self, fact: WarningRaised, moment: Moment) -> None:
        row, rule = self._row_of(fact.loan_id), self._rules.get(fact.rule)
        if row < 0:
            raise InvariantBroken(f"The warnings log speaks of {fact.loan_id}, no such loan.")
        if rule is None:
            self.strangers.setdefault(fact.warning_id, fact)
            self.open.add(fact.warning_id)
            return
        place, grave = (row, fact.episode), rank(fact.severity)
        self._life.restore(rule, place, grave, moment, inhibited_by=fact.inhibited_by)
        episode = self._life.episodes.find(fact.warning_id)
        if episode is None:
            raise InvariantBroken(f"The warnings log gives {fact.warning_id} another id.")
        self._known[fact.warning_id] = episode

    def _change(self, episode: Episode, fact: Any, moment: Moment) -> None:
        life = self._life
        match fact:
            case WarningEscalated():
                life.restore_graver(episode, rank(fact.severity), moment)
            case WarningReopened():
                grave, muter = rank(fact.severity), fact.inhibited_by
                life.restore_again(episode, grave, moment, inhibited_by=muter)
            case WarningDeferred():
                life.ration.defer(episode, moment.ordinal, rang=True)
            case WarningReferred():
                step = self._roles.get(fact.role)
                life.answers.refer(episode, step, step.role_rank if step else episode.role_rank)
            case WarningExpired():
                episode.expired = True
            case WarningResolved():
                life.end(episode, moment, rests=True)
            case WarningWithdrawn():
                life.withdraw(episode, moment)
            case _:
                take_action(life, episode, fact, moment)


def score_of(fact: RulesAdopted) -> Model | None:
    """The score that was adopted; None without one, or where this version cannot read it."""
    try:
        return score_in_text(fact.text, path=fact.pack)
    except ModelError:
        return None


def take_action(life: Lifecycle, episode: Episode, fact: Any, moment: Moment) -> None:
    """What a person did, by its fact."""
    match fact:
        case WarningAcknowledged():
            life.answers.acknowledge(episode)
        case WarningActionStarted():
            life.answers.start_action(episode)
        case WarningSuppressed():
            life.answers.suppress(episode, day_number(fact.until))
        case WarningFoundFalse():
            life.dismiss(episode, moment)


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
