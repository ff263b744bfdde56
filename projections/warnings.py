"""Warnings as people work with them: the current state of each, and everything that happened to it.

Reads the warnings log only. Does not judge: what rings, escalates or ends is decided in `warning`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import orjson

from ledger.codec import topic_of
from ledger.dates import day_number
from ledger.events import (
    Reading,
    WarningAcknowledged,
    WarningActionStarted,
    WarningDeferred,
    WarningEscalated,
    WarningExpired,
    WarningFoundFalse,
    WarningRaised,
    WarningReferred,
    WarningReopened,
    WarningResolved,
    WarningSuppressed,
    WarningWithdrawn,
)
from ledger.store import Recorded
from projections.base import WARNINGS_LOG, Change, Facts, View
from projections.book import LoanBook
from projections.tables import Row, TableSpec, integer, words

WARNINGS = TableSpec(
    "warnings",
    (
        words("warning_id"),
        integer("position"),
        words("loan_id"),
        words("borrower_id"),
        words("officer_id"),
        words("rule"),
        words("pack"),
        words("severity"),
        integer("severity_rank"),
        words("state"),
        integer("episode"),
        words("reason"),
        words("readings"),
        words("cause_event_ids"),
        words("inhibited_by", nullable=True),
        words("actor", nullable=True),
        words("role", nullable=True),
        integer("suppressed_until_day", nullable=True),
        integer("raised_day"),
        integer("changed_day"),
        integer("ended_day", nullable=True),
        integer("raised_at_us"),
        integer("changed_at_us"),
    ),
    indexes=(("position",), ("loan_id",), ("borrower_id",), ("officer_id",), ("state",)),
    fixed=("position", "loan_id", "borrower_id", "rule", "episode"),
)

HISTORY = TableSpec(
    "warning_history",
    (
        integer("position"),
        words("warning_id"),
        words("loan_id"),
        words("event_id"),
        words("change"),
        words("severity", nullable=True),
        words("reason"),
        words("readings"),
        words("cause_event_ids"),
        words("actor", nullable=True),
        words("inhibited_by", nullable=True),
        integer("ledger_position"),
        integer("value_day"),
        integer("recorded_at_us"),
    ),
    indexes=(("warning_id",), ("loan_id",)),
)

SEVERITIES = ("watch", "yellow", "orange", "red")
ENDED = ("resolved", "false_alarm", "withdrawn")
"""States in which a warning is over. An expired one is open: nobody answered it in time."""
STATES = ("raised", "deferred", "acknowledged", "in_action", "suppressed", "expired", *ENDED)
"""Where a warning can stand. A deferred one waits for its officer's next day."""
STATE_AFTER = {
    "raised": "raised",
    "reopened": "raised",
    "escalated": "raised",
    "deferred": "deferred",
    "acknowledged": "acknowledged",
    "action_started": "in_action",
    "suppressed": "suppressed",
    "expired": "expired",
    "resolved": "resolved",
    "found_false": "false_alarm",
    "withdrawn": "withdrawn",
}
"""Where a change, by its word in the history, leaves a warning; `referred` moves none."""


def state_after(change: str, before: str) -> str:
    """Where `change` leaves a warning; one that waits for its turn waits on when it is graver."""
    if (before, change) == ("deferred", "escalated"):
        return before
    return STATE_AFTER.get(change, before)


@dataclass(slots=True)
class _State:
    """One warning: the fields of its row."""

    warning_id: str
    position: int
    loan_id: str
    borrower_id: str
    officer_id: str
    rule: str
    pack: str
    severity: str
    severity_rank: int
    state: str
    episode: int
    reason: str
    readings: str
    cause_event_ids: str
    inhibited_by: str | None
    actor: str | None
    role: str | None
    suppressed_until_day: int | None
    raised_day: int
    changed_day: int
    ended_day: int | None
    raised_at_us: int
    changed_at_us: int


_row = attrgetter(*WARNINGS.column_names)


class Warnings(View):
    """The view `warnings`: one row a warning, and one a change."""

    name = "warnings"
    schema_version = 3
    tables = (WARNINGS, HISTORY)
    needs = frozenset({WARNINGS_LOG})

    def __init__(self) -> None:
        self._states: dict[str, _State] = {}
        self._dirty: dict[str, None] = {}
        self._history: list[Row] = []

    def fold(self, facts: Facts, book: LoanBook) -> None:
        if facts.log != WARNINGS_LOG:
            return
        for item in facts.recorded:
            fact = item.fact
            kind = type(fact)
            if kind is WarningRaised:
                self._states[fact.warning_id] = _raised(item, self._states.get(fact.warning_id))
            elif kind in _CHANGES:
                state = self._states[fact.warning_id]
                _CHANGES[kind](state, fact)
                state.state = state_after(_word(fact), state.state)
                state.changed_day = day_number(fact.value_date)
                state.changed_at_us = fact.recorded_at_us
            else:  # the log also tells of the rules in force
                continue
            self._dirty[fact.warning_id] = None
            self._history.append(_history(item))

    def changes(self, book: LoanBook) -> Iterator[Change]:
        if self._dirty:
            yield WARNINGS, [_row(self._states[warning_id]) for warning_id in self._dirty]
            yield HISTORY, self._history

    def committed(self) -> None:
        self._dirty.clear()
        self._history = []


def _raised(item: Recorded, before: _State | None) -> _State:
    """A warning that rings; `before` is what it was when it rings again in the same episode."""
    fact: WarningRaised = item.fact
    day = day_number(fact.value_date)
    return _State(
        warning_id=fact.warning_id,
        position=before.position if before else item.position,
        loan_id=fact.loan_id,
        borrower_id=fact.borrower_id,
        officer_id=fact.officer_id,
        rule=fact.rule,
        pack=fact.pack,
        severity=fact.severity,
        severity_rank=SEVERITIES.index(fact.severity),
        state="raised",
        episode=fact.episode,
        reason=fact.reason,
        readings=_readings(fact.readings),
        cause_event_ids=_words(fact.cause_event_ids),
        inhibited_by=fact.inhibited_by,
        actor=None,
        role=before.role if before else None,
        suppressed_until_day=None,
        raised_day=before.raised_day if before else day,
        changed_day=day,
        ended_day=None,
        raised_at_us=before.raised_at_us if before else fact.recorded_at_us,
        changed_at_us=fact.recorded_at_us,
    )


def _escalated(state: _State, fact: WarningEscalated) -> None:
    """A graver step wants a new answer."""
    state.actor, state.suppressed_until_day = None, None
    state.severity = fact.severity
    state.severity_rank = SEVERITIES.index(fact.severity)
    state.reason = fact.reason
    state.readings = _readings(fact.readings)
    state.cause_event_ids = _words(fact.cause_event_ids)


def _reopened(state: _State, fact: WarningReopened) -> None:
    state.actor, state.suppressed_until_day = None, None
    state.ended_day = None
    state.officer_id, state.pack, state.inhibited_by = fact.officer_id, fact.pack, fact.inhibited_by
    state.severity = fact.severity
    state.severity_rank = SEVERITIES.index(fact.severity)
    state.reason = fact.reason
    state.readings = _readings(fact.readings)
    state.cause_event_ids = _words(fact.cause_event_ids)


def _referred(state: _State, fact: WarningReferred) -> None:
    state.role = fact.role


def _acknowledged(state: _State, fact: WarningAcknowledged) -> None:
    state.actor = fact.actor


def _in_action(state: _State, fact: WarningActionStarted) -> None:
    state.actor, state.suppressed_until_day = fact.actor, None


def _suppressed(state: _State, fact: WarningSuppressed) -> None:
    state.actor = fact.actor
    state.suppressed_until_day = day_number(fact.until)


def _unmoved(state: _State, fact: Any) -> None:
    """Nothing but its state changes."""


def _ended(state: _State, fact: Any) -> None:
    state.ended_day = day_number(fact.value_date)
    state.actor = getattr(fact, "actor", state.actor)


_CHANGES: dict[type, Callable[[_State, Any], None]] = {
    WarningEscalated: _escalated,
    WarningReopened: _reopened,
    WarningDeferred: _unmoved,
    WarningReferred: _referred,
    WarningAcknowledged: _acknowledged,
    WarningActionStarted: _in_action,
    WarningSuppressed: _suppressed,
    WarningExpired: _unmoved,
    WarningResolved: _ended,
    WarningFoundFalse: _ended,
    WarningWithdrawn: _ended,
}


def _history(item: Recorded) -> Row:
    fact = item.fact
    return (
        item.position,
        fact.warning_id,
        fact.loan_id,
        item.event_id,
        _word(fact),
        getattr(fact, "severity", None),
        getattr(fact, "reason", "") or getattr(fact, "note", "") or getattr(fact, "action", ""),
        _readings(getattr(fact, "readings", ())),
        _words(getattr(fact, "cause_event_ids", ())),
        getattr(fact, "actor", None),
        getattr(fact, "inhibited_by", None),
        fact.ledger_position,
        day_number(fact.value_date),
        fact.recorded_at_us,
    )


def _word(fact: Any) -> str:
    """The change, as the history names it."""
    return topic_of(fact).split(".")[1]


def _readings(readings: tuple[Reading, ...]) -> str:
    return orjson.dumps([[r.indicator, r.value] for r in readings]).decode()


def _words(values: tuple[str, ...]) -> str:
    return orjson.dumps(values).decode()
