"""The watch: facts of the ledger in, facts about warnings out.

Pure and deterministic: what it says depends on the facts and the pack alone, never on how the facts
were cut into batches and never on a clock. Rules are looked at when a business day closes, for all
loans in one numpy pass a rule, and at once for facts that a rule lists under `on`. A fact about the
past makes it look back at the open warnings of the loan: one whose cause is gone, then and now, is
withdrawn. Records nothing itself: the caller commits what comes out before it feeds more in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

import numpy as np

from ledger.dates import Calendar, date_of, day_number
from ledger.errors import InvariantBroken, LoanError, UnknownEntity
from ledger.events import BusinessDayClosed, LoanOpened, RulesAdopted
from ledger.ids import stable_id
from ledger.store import NewFact, Recorded
from warning.actions import (
    AcknowledgeWarning,
    FindFalse,
    StartAction,
    SuppressWarning,
    WarningAction,
    action_of,
    check_action,
)
from warning.backtest import Backtest
from warning.bulletin import Bulletin, Sight
from warning.causes import MOVERS, RecentFacts
from warning.columns import Moment
from warning.drifting import Drifting
from warning.engine import Engine, FactsOf
from warning.expressions import Values
from warning.lifecycle import Lifecycle
from warning.lookback import Doubted, Hindsight, doubted
from warning.pack import Pack, Rule
from warning.readings import Readings
from warning.recollection import Recollection, Stop, batches, recall, score_of, take_action, upto
from warning.register import Register
from warning.rules import listening, parse_pack
from warning.scored_pack import score_in
from warning.waiting import Pending, pending, state_of

__all__ = [
    "AcknowledgeWarning",
    "FindFalse",
    "StartAction",
    "SuppressWarning",
    "WarningAction",
    "Watch",
]

_FIRST_DAY = date(1970, 1, 1)
_REPLAY_FACTS = 20_000


class Watch:
    """One partition's watch. Feed it with `observe`, tell it what people did with `act`."""

    def __init__(self, *, pack: Pack, calendar: Calendar, facts_of: FactsOf | None = None) -> None:
        """`facts_of` lets it look back; without it a late fact resolves instead of withdrawing.

        `at_close`, where it is set, is shown the columns of all loans at each close.
        """
        self._wanted, self.calendar, self._facts_of = pack, calendar, facts_of
        self.at_close: Callable[[Values], None] | None = None
        self.begin()

    def begin(self) -> None:
        """Know nothing, as in the beginning."""
        pack = self.pack = self._wanted
        self.position, self._adopted, self.difference = 0, False, ""
        self.engine = Engine(facts_of=self._facts_of)
        self._register, self._recent = Register(self.engine), RecentFacts()
        self._bulletin = Bulletin(pack, self._register, self._recent)
        self._life = self._new_life(pack)
        self._readings = Readings(self.engine, pack.names)
        self._drifting, self.backtest = Drifting(pack.language), Backtest()
        self._closes: dict[int, int] = {}
        self._now = Moment(0, 0)
        self._listening = listening(pack)
        self._last: Any = None

    @property
    def open_warnings(self) -> frozenset[str]:
        """The ids of the warnings that are open."""
        return self._life.episodes.ids()

    def state_of(self, rule: str, row: int) -> str:
        """The severity of a rule's open warning about a loan; else "pending" or "quiet"."""
        return state_of(self._life, rule, row)

    def pending(self) -> list[Pending]:
        """What waits to ring at the last close, longest first."""
        return pending(self._life, self.pack.rules, self._closes, self.engine.loan_ids)

    def nbytes(self) -> dict[str, int]:
        """Bytes held in columns besides the engine's, by part."""
        rules = sum(self._life.columns_of(rule.name).nbytes() for rule in self.pack.rules)
        return {"rules": rules, "changes": self._readings.nbytes()}

    def currency_of(self, row: int) -> str:
        """The currency of a loan."""
        return self._register.currency(row)

    # -- facts in --------------------------------------------------------------------------------

    def observe(self, recorded: Sequence[Recorded]) -> list[NewFact]:
        """Ledger facts in the order of their positions -> facts for the warnings log.

        Facts up to `position` are known and passed over. Errors: InvariantBroken at a gap.
        """
        recorded = self._unseen(recorded)
        produced: list[NewFact] = []
        if recorded and not self._adopted:
            first = recorded[0].fact
            produced += self._adopt(self._wanted, first.value_date, first.recorded_at_us, ())
        heard, today = self._listening, date_of(self.engine.day)
        start, opened = 0, False
        for at, record in enumerate(recorded):
            fact = record.fact
            kind = type(fact)
            if kind is BusinessDayClosed:
                self._take_in(recorded[start:at])
                produced += self._close(record)
                start, opened, today = at + 1, False, date_of(self.engine.day)
            elif kind is LoanOpened:
                opened = True  # Until it is taken in, nobody knows what stands behind an account.
            elif (kind in heard or fact.value_date < today) and (opened or self._stirs(fact)):
                self._take_in(recorded[start : at + 1])
                produced += self._at_fact(record)
                start, opened = at + 1, False
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
            for book in (self._register, self._recent, self.backtest):
                book.note(recorded)
            self.position = recorded[-1].position
            self._last = recorded[-1].fact

    def _close(self, record: Recorded, *, judging: bool = True) -> list[NewFact]:
        """The day closes; `judging` looks at every rule for every loan at the end of it."""
        day = record.fact.value_date
        engine, number = self.engine, day_number(day)
        engine.advance(max(number, engine.day))
        moment = self._moment(number)
        self._closes[moment.ordinal] = number
        values = self._readings.at_close(self.pack if judging else None, self._life)
        self.backtest.at_close(engine)
        produced = self._judge(record, moment, values) if judging else []
        self.position, self._last = record.position, record.fact
        engine.advance(max(day_number(self.calendar.next_business_day(day)), engine.day))
        self._now = self._moment(engine.day)
        return produced

    def _judge(self, record: Recorded, moment: Moment, values: Values) -> list[NewFact]:
        if self.at_close is not None:
            self.at_close(values)
        changes = self._life.close(moment, values, self.engine.open())
        sight = Sight(values, int, record, record.fact.value_date)
        said = [*self._bulletin.changes(changes, sight)]
        said += self._bulletin.waits(self._life.waits(), sight)
        found = self._drifting.at_close(self.engine, self.backtest.fresh, record)
        return [*said, *map(self._bulletin.about_score, found)]

    def _at_fact(self, record: Recorded) -> list[NewFact]:
        """Rules that listen to this fact, then open warnings that it may have taken away."""
        rows = np.array(self._register.rows_of(record.fact), np.int64)
        rows = rows[self.engine.book.open(rows)]
        moment, heard = self._now, self._heard(record.fact, rows.tolist())
        doubted = self._doubted(rows.tolist(), record.fact)
        rules = [*heard, *doubted.rules()]
        if not rules:
            return []
        names = sorted({name for rule in rules for name in rule.names})
        place = {row: at for at, row in enumerate(rows.tolist())}
        values = self._readings.at_fact(names, rows, self._life)
        sight = Sight(values, place.__getitem__, record, date_of(moment.day))
        produced: list[NewFact] = []
        for rule in heard:
            changes = self._life.at_fact(moment, rule, rows, values)
            produced += self._bulletin.changes(changes, sight)
        return produced + self._look_back(doubted, sight, moment)

    def _moment(self, day: int) -> Moment:
        return Moment(day, self.calendar.business_days(_FIRST_DAY, date_of(day + 1)))

    # -- looking back ----------------------------------------------------------------------------

    def _stirs(self, fact: Any) -> bool:
        """Whether anything can follow at once from a fact: cheap, and never wrongly no."""
        rows = self._register.rows_of(fact)
        return bool(self._doubted(rows, fact).rules() or self._heard(fact, rows))

    def _heard(self, fact: Any, rows: Sequence[int]) -> list[Rule]:
        """Rules that listen to a fact and whose warnings about `rows` it can change."""
        rules = self._listening.get(type(fact), ())
        if not rules or not rows or not self._closes:
            return []
        there = np.array(rows, np.int64)
        return [rule for rule in rules if self._life.can_change(self._now, rule, there)]

    def _doubted(self, rows: Sequence[int], fact: Any) -> Doubted:
        """What a fact of an earlier day may take away."""
        day = day_number(fact.value_date)
        if type(fact) not in MOVERS or day >= self.engine.day:
            return Doubted([], [])
        closed = next(reversed(self._closes.values()), 0)
        return doubted(self._life, rows, day=day, ordinal=self._now.ordinal, closed=closed)

    def _look_back(self, doubted: Doubted, sight: Sight, moment: Moment) -> list[NewFact]:
        """Withdraw warnings that had no cause by what is known now, and take waits back."""
        told, life = [], self._life
        hindsight = Hindsight(self._readings, self._register.loan_id, self._closes, sight)
        for each in doubted.episodes:
            first, end = each.pending_since_ordinal, each.raised_ordinal
            if hindsight.baseless(each.rule, each.row, first, end, each.raised_day):
                life.withdraw(each, moment)
                told.append(self._bulletin.withdrawn(each, sight))
        for rule, row in doubted.waits:
            since = int(life.columns_of(rule.name).since[row])
            if hindsight.baseless(rule, row, since, moment.ordinal + 1):
                told.append(self._bulletin.taken_back(life.end_wait(rule, row), sight))
        return told

    # -- people ----------------------------------------------------------------------------------

    def act(self, action: WarningAction, *, recorded_at_us: int) -> list[NewFact]:
        """What a person did -> facts for the warnings log.

        Errors: UnknownEntity when no open warning has the id; RuleRefused when it is answered or in
        action already, a name or reason is missing, or the silence would be over or too long.
        """
        episode = self._life.episodes.find(action.warning_id)
        if episode is None:
            raise UnknownEntity(
                f"No open warning has the id {action.warning_id[:64]!r}.",
                way_out="It may be over: look it up among the warnings.",
            )
        today = date_of(self.engine.day)
        check_action(action, episode, today=today)
        new = self._bulletin.action(
            action, episode, today, position=self.position, recorded_at_us=recorded_at_us
        )
        take_action(self._life, episode, new.fact, self._now)
        return [new]

    # -- rules and restart -----------------------------------------------------------------------

    def _adopt(
        self,
        pack: Pack,
        day: date,
        recorded_at_us: int,
        recorded: Iterable[Recorded | NewFact],
    ) -> list[NewFact]:
        """Judge by `pack` from here on, from what stands on record; what is written about that."""
        fact = RulesAdopted(
            pack=pack.label,
            digest=pack.digest,
            text=pack.text,
            ledger_position=self.position,
            value_date=day,
            recorded_at_us=recorded_at_us,
        )
        self._life = self._new_life(pack)
        row_of, moment_of = self.engine.row_of, self._moment
        gone, waits = recall(pack, recorded, self._life, row_of=row_of, moment_of=moment_of)
        self.pack, self._adopted = pack, True
        self.engine.score = self.backtest.judge_by(score_in(pack))
        self._drifting = Drifting(pack.language)
        if self.engine.score is not None:
            self._drifting.recall(recorded, self.engine.score.label)
        self._readings.new_score()
        self._listening = listening(pack)
        return self._bulletin.adopted(pack, fact, gone, waits, recorded)

    def replay(self, ledger: Iterable[Recorded], warnings: Sequence[Recorded]) -> list[NewFact]:
        """Restart: come to where the logs end; facts that the warnings log still lacks come out.

        What is on record stands. Everything since the rules in force were adopted is concluded
        anew and compared; what people did is taken in at its `ledger_position`. If the conclusions
        differ, `difference` says where, and the rules are adopted again at the end of the record,
        from what stands there. If other rules are wanted now, they are adopted at the end.

        A watch that was brought back from a snapshot is given what came since, of both logs.
        Errors: InvariantBroken where the record is ahead of the ledger; SnapshotUnusable where what
        came since is not what follows from the snapshot.
        """
        self.difference = ""  # of this restart, not of one before the snapshot
        known = Recollection(warnings, follows=self._adopted)
        if not self._adopted:
            self._readings = Readings(self.engine, (*self._wanted.names, *known.names()))
        stops = deque(known.stops())
        for facts in batches(ledger, _REPLAY_FACTS):
            while stops and stops[0].position <= facts[-1].position:
                self._go_on(upto(facts, stops[0].position), known)
                self._stop_at(stops.popleft(), known, warnings)
            self._go_on(facts, known)
        while stops and stops[0].position <= self.position:  # since a snapshot, and no fact since
            self._stop_at(stops.popleft(), known, warnings)
        if stops:
            raise InvariantBroken(
                f"The warnings log was recorded up to position {stops[-1].position} of the ledger "
                f"log, which ends at {self.position}."
            )
        if self._adopted and self.pack.digest != self._wanted.digest:
            known.compare(self._adopt_now([*warnings, *known.missing]))
        return known.missing

    def _go_on(self, facts: Sequence[Recorded], known: Recollection) -> None:
        """Conclude and compare, or where the record is not compared only keep up."""
        if known.judged:
            return known.compare(self.observe(facts))
        facts, start = self._unseen(facts), 0
        for at, record in enumerate(facts):
            if type(record.fact) is BusinessDayClosed:
                self._take_in(facts[start:at])
                self._close(record, judging=False)
                start = at + 1
        return self._take_in(facts[start:])

    def _stop_at(self, stop: Stop, known: Recollection, warnings: Sequence[Recorded]) -> None:
        fact = stop.fact
        try:
            if stop.gone:
                self.backtest.judge_by(score_of(fact))
            elif type(fact) is RulesAdopted:
                known.judged = True
                pack = parse_pack(fact.text, path=fact.pack)
                known.compare(self._adopt(pack, fact.value_date, fact.recorded_at_us, known.before))
            elif fact is not None and known.judged:
                known.compare(self.act(action_of(fact), recorded_at_us=fact.recorded_at_us))
        except LoanError as error:
            known.differ(f"now refused: {error}")
        if fact is None:
            known.end()
            if known.difference:
                known.refuse_if_it_follows()
                self.difference = known.difference
                known.settle()
                known.compare(self._adopt_now(warnings))

    def _adopt_now(self, recorded: Sequence[Recorded | NewFact]) -> list[NewFact]:
        last = self._last or recorded[-1].fact
        today = date_of(self.engine.day) if self.engine.day else last.value_date
        return self._adopt(self._wanted, today, last.recorded_at_us, recorded)

    def _new_life(self, pack: Pack) -> Lifecycle:
        register = self._register
        return Lifecycle(
            pack,
            name=self._warning_id,
            borrower_of=register.borrower,
            officer_of=register.officer_id,
        )

    def _warning_id(self, row: int, rule: str, episode: int) -> str:
        return stable_id("warning", self._register.loan_id(row), rule, episode)
