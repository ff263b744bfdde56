"""The watch: facts of the ledger in, facts about warnings out.

Pure and deterministic: what it says depends on the facts and the pack alone, never on how the facts
were cut into batches and never on a clock. Rules are looked at when a business day closes, for all
loans in one numpy pass a rule, and at once for facts that a rule lists under `on`. A fact about the
past makes it look back at the open warnings of the loan: one whose cause is gone, then and now, is
withdrawn. Records nothing itself: the caller commits what comes out before it feeds more in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import numpy as np

from ledger.codec import codecs
from ledger.dates import Calendar, date_of, day_number
from ledger.errors import InvariantBroken, LoanError, UnknownEntity
from ledger.events import BusinessDayClosed, WarningAcknowledged, WarningSuppressed
from ledger.ids import stable_id
from ledger.store import NewFact, Recorded
from warning.actions import (
    AcknowledgeWarning,
    SuppressWarning,
    WarningAction,
    action_of,
    check_action,
)
from warning.bulletin import Bulletin, Sight
from warning.causes import MOVERS, RecentFacts
from warning.columns import Moment
from warning.engine import Engine, FactsOf
from warning.lifecycle import Episode, Lifecycle
from warning.pack import Pack
from warning.recollection import Recollection, batches, upto
from warning.register import Register

__all__ = ["AcknowledgeWarning", "SuppressWarning", "WarningAction", "Watch"]

_FIRST_DAY = date(1970, 1, 1)
_REPLAY_FACTS = 20_000


class Watch:
    """One partition's watch. Feed it with `observe`, tell it what people did with `act`."""

    def __init__(self, *, pack: Pack, calendar: Calendar, facts_of: FactsOf | None = None) -> None:
        """`facts_of` lets it look back; without it a late fact resolves instead of withdrawing."""
        self.pack, self.position = pack, 0
        self.engine = Engine(calendar=calendar, facts_of=facts_of)
        self._calendar = calendar
        self._register, self._recent = Register(self.engine), RecentFacts()
        self._bulletin = Bulletin(pack, self._register, self._recent)
        self._life = Lifecycle(pack, name=self._warning_id, borrower_of=self._register.borrower)
        self._closes: dict[int, int] = {}
        classes = {codec.name: codec.cls for codec in codecs()}
        self._listening: dict[type, list[int]] = {}
        for number, rule in enumerate(pack.rules):
            for name in rule.on:
                self._listening.setdefault(classes[name], []).append(number)

    # -- facts in --------------------------------------------------------------------------------

    def observe(self, recorded: Sequence[Recorded]) -> list[NewFact]:
        """Ledger facts in the order of their positions -> facts for the warnings log.

        Facts up to `position` are known and passed over. Errors: InvariantBroken at a gap.
        """
        recorded = self._unseen(recorded)
        produced: list[NewFact] = []
        listening, today = self._listening, date_of(self.engine.day)
        start = 0
        for at, record in enumerate(recorded):
            fact = record.fact
            kind = type(fact)
            if kind is BusinessDayClosed:
                self._take_in(recorded[start:at])
                produced += self._close(record)
                start, today = at + 1, date_of(self.engine.day)
            elif kind in listening or (fact.value_date < today and self._concerns(fact)):
                self._take_in(recorded[start : at + 1])
                produced += self._at_fact(record)
                start = at + 1
        self._take_in(recorded[start:])
        return produced

    def _unseen(self, recorded: Sequence[Recorded]) -> Sequence[Recorded]:
        if not recorded:
            return recorded
        first, last = recorded[0].position, recorded[-1].position
        if last - first + 1 != len(recorded) or first > self.position + 1:
            raise InvariantBroken(
                f"The watch stands at position {self.position} of the ledger log and was given "
                f"{len(recorded)} facts from {first} to {last}."
            )
        return recorded[self.position + 1 - first :]

    def _take_in(self, recorded: Sequence[Recorded]) -> None:
        if recorded:
            self.engine.apply(recorded)
            self._register.note(recorded)
            self._recent.note(recorded)
            self.position = recorded[-1].position

    def _close(self, record: Recorded) -> list[NewFact]:
        """Look at every rule for every loan, at the end of the day that closed."""
        day = record.fact.value_date
        engine, number = self.engine, day_number(day)
        engine.advance(max(number, engine.day))
        moment = self._moment(number)
        self._closes[moment.ordinal] = number
        values = engine.values(self.pack.names)
        changes = self._life.close(moment, values, engine.open())
        produced = self._bulletin.changes(changes, Sight(values, int, record, day))
        self.position = record.position
        following = day_number(self._calendar.next_business_day(day))
        engine.advance(max(following, engine.day))
        return produced

    def _at_fact(self, record: Recorded) -> list[NewFact]:
        """Rules that listen to this fact, then open warnings that it may have taken away."""
        rows = np.array(self._register.rows_of(record.fact), np.int64)
        rows = rows[self.engine.book.open(rows)]
        if not rows.size or not self._closes:
            return []
        listening = self._listening.get(type(record.fact), ())
        doubted = [episode for row in rows.tolist() for episode in self._doubted(row, record.fact)]
        rules = {*listening, *(episode.rule for episode in doubted)}
        if not rules:
            return []
        moment = self._moment(self.engine.day)
        names = sorted({name for number in rules for name in self.pack.rules[number].names})
        place = {row: at for at, row in enumerate(rows.tolist())}
        values = self.engine.values(names, rows)
        sight = Sight(values, place.__getitem__, record, date_of(moment.day))
        produced: list[NewFact] = []
        for number in listening:
            changes = self._life.at_fact(moment, number, rows, values)
            produced += self._bulletin.changes(changes, sight)
        for episode in doubted:
            produced += self._look_back(episode, sight, moment)
        return produced

    def _moment(self, day: int) -> Moment:
        return Moment(day, self._calendar.business_days(_FIRST_DAY, date_of(day + 1)))

    # -- looking back ----------------------------------------------------------------------------

    def _concerns(self, fact: Any) -> bool:
        """Whether a late fact can have taken away the cause of an open warning."""
        rows = self._register.rows_of(fact) if type(fact) in MOVERS else ()
        return any(self._doubted(row, fact) for row in rows)

    def _doubted(self, row: int, fact: Any) -> list[Episode]:
        """Open warnings of a loan that rang before the open day, on the fact's day or later."""
        if type(fact) not in MOVERS or not self._life.has_open(row):
            return []
        day = day_number(fact.value_date)
        if day >= self.engine.day:
            return []
        return [episode for episode in self._life.of_row(row) if episode.raised_day >= day]

    def _look_back(self, episode: Episode, sight: Sight, moment: Moment) -> list[NewFact]:
        """Withdraw a warning that does not hold now and, by what is known now, had no cause."""
        rule = self.pack.rules[episode.rule]
        stands = rule.when.holds_in(sight.of(rule.when.names, episode.row))
        if stands or self._held_then(episode, sight.record.position):
            return []
        self._life.withdraw(episode, moment)
        return [self._bulletin.withdrawn(episode, sight)]

    def _held_then(self, episode: Episode, position: int) -> bool:
        """Whether the rule held, by all facts to `position`, on each day that led to the warning.

        Where the loan's facts cannot be had the warning stands.
        """
        rule, loan_id = self.pack.rules[episode.rule], self._register.loan_id(episode.row)
        waiting = range(episode.pending_since_ordinal, episode.raised_ordinal)
        days = [self._closes[ordinal] for ordinal in waiting if ordinal in self._closes]
        for day in [*days, episode.raised_day]:
            then = self.engine.values_as_of(rule.when.names, loan_id, day, position)
            if then is not None and not rule.when.holds_in(then):
                return False
        return True

    # -- people ----------------------------------------------------------------------------------

    def act(self, action: WarningAction, *, recorded_at_us: int) -> list[NewFact]:
        """What a person did -> facts for the warnings log.

        Errors: UnknownEntity when no open warning has the id; RuleRefused when it is answered
        already, a name or reason is missing, or the silence would be over already or too long.
        """
        episode = self._life.find(action.warning_id)
        if episode is None:
            raise UnknownEntity(
                f"No open warning has the id {action.warning_id[:64]!r}.",
                way_out="It may be over: look it up among the warnings.",
            )
        today = date_of(self.engine.day)
        check_action(action, episode, today=today)
        if isinstance(action, AcknowledgeWarning):
            self._life.acknowledge(episode)
        else:
            self._life.suppress(episode, day_number(action.until))
        return [
            self._bulletin.action(
                action, episode, today, position=self.position, recorded_at_us=recorded_at_us
            )
        ]

    # -- restart ---------------------------------------------------------------------------------

    def replay(self, ledger: Iterable[Recorded], warnings: Sequence[Recorded]) -> list[NewFact]:
        """Restart: come to where the logs end; facts that the warnings log still lacks come out.

        Everything is concluded anew from the first fact; recorded actions are taken in at their
        `ledger_position`. Errors: InvariantBroken where that differs from what is recorded.
        """
        known = Recollection(warnings)
        actions = known.actions()
        action = next(actions, None)
        for facts in batches(ledger, _REPLAY_FACTS):
            while action is not None and action.fact.ledger_position <= facts[-1].position:
                known.compare(self.observe(upto(facts, action.fact.ledger_position)))
                known.compare(self._act_again(action.fact))
                action = next(actions, None)
            known.compare(self.observe(facts))
        if action is not None:
            raise InvariantBroken(
                f"{action.event_id} in the warnings log was recorded at position "
                f"{action.fact.ledger_position} of the ledger log, which ends at {self.position}."
            )
        return known.missing()

    def _act_again(self, fact: WarningAcknowledged | WarningSuppressed) -> list[NewFact]:
        action = action_of(fact)
        try:
            return self.act(action, recorded_at_us=fact.recorded_at_us)
        except LoanError as error:
            raise InvariantBroken(f"A recorded action is refused now: {fact}: {error}") from error

    # -- names -----------------------------------------------------------------------------------

    def _warning_id(self, row: int, rule: int, episode: int) -> str:
        loan_id, name = self._register.loan_id(row), self.pack.rules[rule].name
        return stable_id("warning", loan_id, name, episode)
