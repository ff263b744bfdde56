"""What the watch concluded and what people did about it: facts of the warnings log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from ledger.codec import event_type

Severity = Literal["watch", "yellow", "orange", "red"]
"""关注名单 / 黄 / 橙 / 红, from mild to grave."""


@event_type("rules.adopted", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class RulesAdopted:
    """From here on the watch judges by these rules: every fact after `ledger_position`.

    `text` is the pack as it was read, `digest` its SHA-256: a log tells by which rules it was
    written, and can be concluded anew after the rules have changed.
    """

    pack: str
    digest: str
    text: str
    ledger_position: int
    value_date: date
    recorded_at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An indicator's value when the warning changed; None is "unknown"."""

    indicator: str
    value: float | None


@event_type("warning.pending", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class WarningPending:
    """A rule's condition holds, but not for long enough yet: after `days` business days it rings.

    Calls nobody. `warning_id` is the one that the warning has if it rings.
    """

    warning_id: str
    loan_id: str
    rule: str
    pack: str
    days: int
    reason: str
    ledger_position: int
    value_date: date
    recorded_at_us: int


@event_type("warning.lapsed", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class WarningLapsed:
    """What was pending ended without a ring.

    `cause_event_ids` name the late fact by which it never should have waited; mostly there is none.
    """

    warning_id: str
    loan_id: str
    rule: str
    reason: str
    cause_event_ids: tuple[str, ...]
    ledger_position: int
    value_date: date
    recorded_at_us: int


WAITS = (WarningPending, WarningLapsed)
"""Facts of rules that wait: no warning is open, and nobody is called."""


@event_type("warning.raised", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class WarningRaised:
    """The bell rang. `warning_id` is stable: loan, rule and episode give it.

    `reason` is the sentence for people, numbers included; `cause_event_ids` name the facts of the
    ledger log behind it (latest first, at most 8); `ledger_position` is how far the watch had read.
    """

    warning_id: str
    loan_id: str
    borrower_id: str
    officer_id: str
    rule: str
    pack: str
    severity: Severity
    episode: int
    reason: str
    readings: tuple[Reading, ...]
    cause_event_ids: tuple[str, ...]
    inhibited_by: str | None
    ledger_position: int
    value_date: date
    recorded_at_us: int


@event_type("warning.escalated", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class WarningEscalated:
    """The same episode became graver."""

    warning_id: str
    loan_id: str
    severity_before: Severity
    severity: Severity
    reason: str
    readings: tuple[Reading, ...]
    cause_event_ids: tuple[str, ...]
    ledger_position: int
    value_date: date
    recorded_at_us: int


@event_type("warning.acknowledged", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class WarningAcknowledged:
    """A person has seen it."""

    warning_id: str
    loan_id: str
    actor: str
    note: str
    ledger_position: int
    value_date: date
    recorded_at_us: int


@event_type("warning.suppressed", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class WarningSuppressed:
    """A person silenced it, for a reason, until the end of `until`."""

    warning_id: str
    loan_id: str
    actor: str
    reason: str
    until: date
    ledger_position: int
    value_date: date
    recorded_at_us: int


@event_type("warning.resolved", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class WarningResolved:
    """Its condition ended and stayed ended."""

    warning_id: str
    loan_id: str
    reason: str
    readings: tuple[Reading, ...]
    ledger_position: int
    value_date: date
    recorded_at_us: int


@event_type("warning.expired", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class WarningExpired:
    """Nobody acted within the rule's time."""

    warning_id: str
    loan_id: str
    reason: str
    ledger_position: int
    value_date: date
    recorded_at_us: int


@event_type("warning.withdrawn", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class WarningWithdrawn:
    """A late fact took its cause away: by what we know now it should not have rung."""

    warning_id: str
    loan_id: str
    reason: str
    cause_event_ids: tuple[str, ...]
    ledger_position: int
    value_date: date
    recorded_at_us: int


@event_type("warning.action_started", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class WarningActionStarted:
    """A person does something about it: `action` says what."""

    warning_id: str
    loan_id: str
    actor: str
    action: str
    ledger_position: int
    value_date: date
    recorded_at_us: int


@event_type("warning.found_false", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class WarningFoundFalse:
    """A person found it a false alarm: over. Its rule stays quiet until the cause has been gone."""

    warning_id: str
    loan_id: str
    actor: str
    reason: str
    ledger_position: int
    value_date: date
    recorded_at_us: int


@event_type("warning.referred", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class WarningReferred:
    """Nobody answered in time: it goes to `role`, above those that know of it."""

    warning_id: str
    loan_id: str
    role: str
    severity: Severity
    reason: str
    ledger_position: int
    value_date: date
    recorded_at_us: int


@event_type("warning.deferred", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class WarningDeferred:
    """Its officer's rings of the day are spent: it waits at `place`, and rings on a later day."""

    warning_id: str
    loan_id: str
    officer_id: str
    severity: Severity
    place: int
    reason: str
    ledger_position: int
    value_date: date
    recorded_at_us: int


@event_type("warning.reopened", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class WarningReopened:
    """It had been resolved, and soon after its condition holds again: the same warning rings."""

    warning_id: str
    loan_id: str
    officer_id: str
    rule: str
    pack: str
    severity: Severity
    reason: str
    readings: tuple[Reading, ...]
    cause_event_ids: tuple[str, ...]
    inhibited_by: str | None
    ledger_position: int
    value_date: date
    recorded_at_us: int
