"""What people do about a warning: intentions, before they become facts of the warnings log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from ledger.errors import RuleRefused
from ledger.events import (
    WarningAcknowledged,
    WarningActionStarted,
    WarningFoundFalse,
    WarningSuppressed,
)
from warning.episodes import Episode

MAX_SILENCE_DAYS = 366
"""Nobody may silence a warning for longer."""
MAX_NAME = 128
MAX_TEXT = 3_000
"""Of a remark as it is kept: 500 characters of any script, sealed, have up to 2,800."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeWarning:
    """Say that `actor` has seen it."""

    warning_id: str
    actor: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAction:
    """Say what `actor` does about it."""

    warning_id: str
    actor: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindFalse:
    """Say that it is a false alarm, and why: it is over, and its rule quiet while this lasts."""

    warning_id: str
    actor: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressWarning:
    """Silence it until the end of `until`, in the name of `actor`, for `reason`.

    The loan and rule stay quiet up to the severity it has now; a graver step still rings.
    """

    warning_id: str
    actor: str
    reason: str
    until: date


WarningAction = AcknowledgeWarning | StartAction | FindFalse | SuppressWarning
"""Everything a person can do here."""
ActionFact = WarningAcknowledged | WarningActionStarted | WarningFoundFalse | WarningSuppressed
"""The facts of it."""


def action_of(fact: ActionFact) -> WarningAction:
    """The intention behind a recorded action."""
    warning_id, actor = fact.warning_id, fact.actor
    match fact:
        case WarningAcknowledged():
            return AcknowledgeWarning(warning_id=warning_id, actor=actor, note=fact.note)
        case WarningActionStarted():
            return StartAction(warning_id=warning_id, actor=actor, action=fact.action)
        case WarningFoundFalse():
            return FindFalse(warning_id=warning_id, actor=actor, reason=fact.reason)
        case WarningSuppressed():
            return SuppressWarning(
                warning_id=warning_id, actor=actor, reason=fact.reason, until=fact.until
            )


def fact_of(
    action: WarningAction, loan_id: str, day: date, *, position: int, recorded_at_us: int
) -> ActionFact:
    """The fact of what a person did on `day`, with the ledger read up to `position`."""
    common: dict[str, Any] = {
        "warning_id": action.warning_id,
        "loan_id": loan_id,
        "actor": action.actor,
        "ledger_position": position,
        "value_date": day,
        "recorded_at_us": recorded_at_us,
    }
    match action:
        case AcknowledgeWarning():
            return WarningAcknowledged(note=action.note, **common)
        case StartAction():
            return WarningActionStarted(action=action.action, **common)
        case FindFalse():
            return WarningFoundFalse(reason=action.reason, **common)
        case SuppressWarning():
            return WarningSuppressed(reason=action.reason, until=action.until, **common)


def check_action(action: WarningAction, episode: Episode, *, today: date) -> None:
    """Refuse what the rules of the house do not allow. Errors: RuleRefused, `rule` says which."""
    if not action.actor.strip() or len(action.actor) > MAX_NAME:
        raise _refused("actor_missing", "An action needs the name of who does it.", episode)
    match action:
        case AcknowledgeWarning():
            _check_text(action.note, "", "", episode)
            if episode.answered:
                raise _refused("already_answered", "The warning is answered already.", episode)
        case StartAction():
            _check_text(action.action, "action_missing", "Say what is done about it.", episode)
            if episode.acting:
                raise _refused("already_in_action", "Something is done about it already.", episode)
        case FindFalse():
            told = "A false alarm needs a reason."
            _check_text(action.reason, "reason_missing", told, episode)
        case SuppressWarning():
            _check_silence(action, episode, today)


def _check_silence(action: SuppressWarning, episode: Episode, today: date) -> None:
    last = today + timedelta(days=MAX_SILENCE_DAYS)
    _check_text(action.reason, "reason_missing", "A silence needs a reason.", episode)
    if action.until < today:
        raise _refused("silence_over", f"{action.until} lies before {today}.", episode)
    if action.until > last:
        raise _refused("silence_too_long", f"A silence may last until {last}.", episode)


def _check_text(text: str, rule: str, missing: str, episode: Episode) -> None:
    """A text that is not too long, and where `rule` refuses it not empty."""
    if len(text) > MAX_TEXT:
        raise _refused("text_too_long", f"A note has at most {MAX_TEXT} characters.", episode)
    if rule and not text.strip():
        raise _refused(rule, missing, episode)


def _refused(rule: str, message: str, episode: Episode) -> RuleRefused:
    return RuleRefused(message, rule=rule, warning_id=episode.warning_id)
