"""Changes in the life of warnings, written out as facts: sentences, readings, causes, versions.

Decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from math import isnan
from typing import Any

from ledger.dates import date_of_us
from ledger.events import (
    Reading,
    RulesAdopted,
    WarningDeferred,
    WarningEscalated,
    WarningExpired,
    WarningLapsed,
    WarningPending,
    WarningRaised,
    WarningReferred,
    WarningReopened,
    WarningResolved,
    WarningWithdrawn,
)
from ledger.ids import RULES_STREAM, event_id, warning_stream
from ledger.store import NewFact, Recorded
from warning.actions import WarningAction, fact_of
from warning.causes import Entry, RecentFacts
from warning.episodes import Change, Episode, Kind, Wait
from warning.expressions import Values
from warning.pack import SEVERITIES, Pack
from warning.reasons import phrase
from warning.register import Register


@dataclass(frozen=True, slots=True)
class Sight:
    """Indicator values as they were looked at: columns, and where a row is in them.

    `record` is the fact that made the watch look; `day` the day it concluded for.
    """

    values: Values
    place: Callable[[int], int]
    record: Recorded
    day: date

    def of(self, names: Sequence[str], row: int) -> dict[str, float]:
        """The named values of one row."""
        at = self.place(row)
        return {name: float(self.values[name][at]) for name in names}


class Bulletin:
    """Writes facts for the warnings log, and counts the versions of its streams."""

    def __init__(self, pack: Pack, register: Register, recent: RecentFacts) -> None:
        self._pack, self._register, self._recent = pack, register, recent
        self._versions: dict[str, int] = {}
        self._lost: dict[int, str] = {}

    def adopted(
        self,
        pack: Pack,
        fact: RulesAdopted,
        gone: Iterable[WarningRaised],
        waits: Iterable[WarningPending],
        recorded: Iterable[Recorded | NewFact],
    ) -> list[NewFact]:
        """The fact that `pack` is in force from here on, and what this ends.

        `gone` are warnings whose rule it does not have, `waits` what was pending; `recorded` the
        log up to here.
        """
        self._pack = pack
        self._versions = {item.stream: item.version for item in recorded}
        ended = [
            WarningResolved(
                warning_id=raised.warning_id,
                loan_id=raised.loan_id,
                reason=phrase(pack.language, "rule_gone", rule=raised.rule),
                readings=(),
                ledger_position=fact.ledger_position,
                value_date=fact.value_date,
                recorded_at_us=fact.recorded_at_us,
            )
            for raised in gone
        ]
        lapsed = [
            WarningLapsed(
                warning_id=pending.warning_id,
                loan_id=pending.loan_id,
                rule=pending.rule,
                reason=self._say("waits_anew"),
                cause_event_ids=(),
                ledger_position=fact.ledger_position,
                value_date=fact.value_date,
                recorded_at_us=fact.recorded_at_us,
            )
            for pending in waits
        ]
        return [
            self._next(RULES_STREAM, fact),
            *(self.append(resolved, resolved.loan_id) for resolved in ended),
            *(self.append(told, told.loan_id) for told in lapsed),
        ]

    def about_score(self, fact: object) -> NewFact:
        """A fact about the score in force: it stands beside the rules."""
        return self._next(RULES_STREAM, fact)

    def append(self, fact: object, loan_id: str) -> NewFact:
        """`fact` with its place: the next version of the loan's stream."""
        return self._next(warning_stream(loan_id), fact)

    def _next(self, stream: str, fact: object) -> NewFact:
        version = self._versions.get(stream, 0) + 1
        self._versions[stream] = version
        return NewFact(stream, version, fact)

    def changes(self, changes: Sequence[Change], sight: Sight) -> list[NewFact]:
        """Facts of the changes, in their order."""
        by_score = [each.episode.row for each in changes if _tells_score(each)]
        self._lost = self._register.score_lost(by_score)
        told = [
            self.append(self._fact(change, sight), self._loan(change.episode)) for change in changes
        ]
        self._lost = {}
        return told

    def waits(self, waits: Sequence[Wait], sight: Sight) -> list[NewFact]:
        """Facts of what began to wait, or waits no more."""
        return [
            self.append(
                self._lapsed(wait, sight) if wait.over else self._pending(wait, sight),
                self._register.loan_id(wait.row),
            )
            for wait in waits
        ]

    def taken_back(self, wait: Wait, sight: Sight) -> NewFact:
        """The fact that by a late fact `wait` never was."""
        cause = sight.record
        fact = self._lapsed(wait, sight, reason=self._took_away(cause), causes=(cause.event_id,))
        return self.append(fact, fact.loan_id)

    def _pending(self, wait: Wait, sight: Sight) -> WarningPending:
        rule, row = wait.rule, wait.row
        values, currency = sight.of(rule.names, row), self._register.currency(row)
        reason = rule.explain(values, currency=currency, language=self._pack.language)
        return WarningPending(
            warning_id=wait.warning_id,
            loan_id=self._register.loan_id(row),
            rule=rule.name,
            pack=self._pack.label,
            days=rule.for_days,
            reason=self._say("pending", days=rule.for_days, reason=reason),
            ledger_position=sight.record.position,
            value_date=sight.day,
            recorded_at_us=sight.record.fact.recorded_at_us,
        )

    def _lapsed(
        self, wait: Wait, sight: Sight, *, reason: str = "", causes: tuple[str, ...] = ()
    ) -> WarningLapsed:
        why, title = self._register.closed_reason(wait.row), wait.rule.title
        if not reason and why:
            reason = self._say("loan_closed", why=why)
        elif not reason:
            reason = self._say("resolved", title=title.in_language(self._pack.language))
        return WarningLapsed(
            warning_id=wait.warning_id,
            loan_id=self._register.loan_id(wait.row),
            rule=wait.rule.name,
            reason=reason,
            cause_event_ids=causes,
            ledger_position=sight.record.position,
            value_date=sight.day,
            recorded_at_us=sight.record.fact.recorded_at_us,
        )

    def _took_away(self, record: Recorded) -> str:
        return self._say(
            "withdrawn",
            fact=record.event_id,
            known=date_of_us(record.fact.recorded_at_us).isoformat(),
            value=record.fact.value_date.isoformat(),
        )

    def withdrawn(self, episode: Episode, sight: Sight) -> NewFact:
        """The fact that a late fact took the cause of `episode` away."""
        record = sight.record
        fact = WarningWithdrawn(
            warning_id=episode.warning_id,
            loan_id=self._loan(episode),
            reason=self._took_away(record),
            cause_event_ids=(record.event_id,),
            ledger_position=record.position,
            value_date=sight.day,
            recorded_at_us=record.fact.recorded_at_us,
        )
        return self.append(fact, self._loan(episode))

    def action(
        self,
        action: WarningAction,
        episode: Episode,
        day: date,
        *,
        position: int,
        recorded_at_us: int,
    ) -> NewFact:
        """The fact of what a person did on `day`, with the ledger read up to `position`."""
        loan_id = self._loan(episode)
        fact = fact_of(action, loan_id, day, position=position, recorded_at_us=recorded_at_us)
        return self.append(fact, loan_id)

    def _loan(self, episode: Episode) -> str:
        return self._register.loan_id(episode.row)

    def _fact(self, change: Change, sight: Sight) -> Any:
        write = _WRITERS.get(change.kind)
        if write is not None:
            return write(self, change, sight)
        values = sight.of(change.episode.rule.names, change.episode.row)
        if change.kind in (Kind.RESOLVED, Kind.LOAN_CLOSED):
            return self._resolved(change, values, sight)
        if change.kind is Kind.REOPENED:
            return self._reopened(change, values, sight)
        if change.kind is Kind.ESCALATED:
            return self._escalated(change, values, sight)
        return self._raised(change, values, sight)

    def _raised(self, change: Change, values: dict[str, float], sight: Sight) -> WarningRaised:
        episode, row = change.episode, change.episode.row
        reason = self._explain(episode, values)
        if change.kind is not Kind.RAISED:
            reason = phrase(self._pack.language, change.kind.value, reason=reason)
        return WarningRaised(
            warning_id=episode.warning_id,
            loan_id=self._register.loan_id(row),
            borrower_id=self._register.borrower_id(row),
            officer_id=self._register.officer_id(row),
            rule=episode.rule.name,
            pack=self._pack.label,
            severity=SEVERITIES[change.rank - 1],
            episode=episode.number,
            reason=reason,
            readings=_readings(values),
            cause_event_ids=self._causes(episode, sight),
            inhibited_by=change.inhibited_by,
            ledger_position=sight.record.position,
            value_date=sight.day,
            recorded_at_us=sight.record.fact.recorded_at_us,
        )

    def _escalated(self, change: Change, values: dict[str, float], sight: Sight) -> Any:
        episode = change.episode
        return WarningEscalated(
            warning_id=episode.warning_id,
            loan_id=self._loan(episode),
            severity_before=SEVERITIES[change.rank_before - 1],
            severity=SEVERITIES[change.rank - 1],
            reason=self._explain(episode, values),
            readings=_readings(values),
            cause_event_ids=self._causes(episode, sight),
            ledger_position=sight.record.position,
            value_date=sight.day,
            recorded_at_us=sight.record.fact.recorded_at_us,
        )

    def _resolved(self, change: Change, values: dict[str, float], sight: Sight) -> Any:
        episode, language = change.episode, self._pack.language
        if change.kind is Kind.LOAN_CLOSED:
            why = self._register.closed_reason(episode.row)
            reason = phrase(language, "loan_closed", why=why)
        else:
            reason = phrase(language, "resolved", title=episode.rule.title.in_language(language))
        return WarningResolved(
            warning_id=episode.warning_id,
            loan_id=self._loan(episode),
            reason=reason,
            readings=_readings(values),
            ledger_position=sight.record.position,
            value_date=sight.day,
            recorded_at_us=sight.record.fact.recorded_at_us,
        )

    def _reopened(self, change: Change, values: dict[str, float], sight: Sight) -> WarningReopened:
        episode, row = change.episode, change.episode.row
        return WarningReopened(
            warning_id=episode.warning_id,
            loan_id=self._loan(episode),
            officer_id=self._register.officer_id(row),
            rule=episode.rule.name,
            pack=self._pack.label,
            severity=SEVERITIES[change.rank - 1],
            reason=self._say("reopened", reason=self._explain(episode, values)),
            readings=_readings(values),
            cause_event_ids=self._causes(episode, sight),
            inhibited_by=change.inhibited_by,
            ledger_position=sight.record.position,
            value_date=sight.day,
            recorded_at_us=sight.record.fact.recorded_at_us,
        )

    def _deferred(self, change: Change, sight: Sight) -> WarningDeferred:
        most = self._pack.budget.per_officer if self._pack.budget else 0
        return WarningDeferred(
            warning_id=change.episode.warning_id,
            loan_id=self._loan(change.episode),
            officer_id=self._register.officer_id(change.episode.row),
            severity=SEVERITIES[change.rank - 1],
            place=change.place,
            reason=self._say("deferred", place=change.place, most=most),
            ledger_position=sight.record.position,
            value_date=sight.day,
            recorded_at_us=sight.record.fact.recorded_at_us,
        )

    def _referred(self, change: Change, sight: Sight) -> WarningReferred:
        return WarningReferred(
            warning_id=change.episode.warning_id,
            loan_id=self._loan(change.episode),
            role=change.role,
            severity=SEVERITIES[change.rank - 1],
            reason=self._say("referred", days=change.days, role=change.role),
            ledger_position=sight.record.position,
            value_date=sight.day,
            recorded_at_us=sight.record.fact.recorded_at_us,
        )

    def _expired(self, change: Change, sight: Sight) -> WarningExpired:
        return WarningExpired(
            warning_id=change.episode.warning_id,
            loan_id=self._loan(change.episode),
            reason=self._say("expired", days=change.days),
            ledger_position=sight.record.position,
            value_date=sight.day,
            recorded_at_us=sight.record.fact.recorded_at_us,
        )

    def _say(self, key: str, **words: str | int) -> str:
        return phrase(self._pack.language, key, **words)

    def _explain(self, episode: Episode, values: dict[str, float]) -> str:
        rule = episode.rule
        currency = self._register.currency(episode.row)
        reason = rule.explain(values, currency=currency, language=self._pack.language)
        lost = self._lost.get(episode.row, "") if rule.asks_score else ""
        return self._say("score_lost", reason=reason, lost=lost) if lost else reason

    def _causes(self, episode: Episode, sight: Sight) -> tuple[str, ...]:
        record = sight.record
        first: list[Entry] = [(record.position, event_id(record.stream, record.version))]
        return self._recent.behind(
            episode.rule.names,
            loan_id=self._loan(episode),
            account_id=self._register.account_id(episode.row),
            borrower_id=self._register.borrower_id(episode.row),
            first=first,
        )


_WRITERS: dict[Kind, Callable[[Bulletin, Change, Sight], Any]] = {
    Kind.DEFERRED: Bulletin._deferred,
    Kind.REFERRED: Bulletin._referred,
    Kind.EXPIRED: Bulletin._expired,
}
"""Changes that tell no readings."""


def _tells_score(change: Change) -> bool:
    """Whether its reason names what costs points."""
    silent = (*_WRITERS, Kind.RESOLVED, Kind.LOAN_CLOSED)
    return change.episode.rule.asks_score and change.kind not in silent


def _readings(values: dict[str, float]) -> tuple[Reading, ...]:
    return tuple(
        Reading(indicator=name, value=None if isnan(value) else value)
        for name, value in values.items()
    )
