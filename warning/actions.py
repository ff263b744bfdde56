"""What people do about a warning: intentions, before they become facts of the warnings log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from ledger.errors import RuleRefused
from ledger.events import WarningAcknowledged, WarningSuppressed
from warning.lifecycle import Episode

MAX_SILENCE_DAYS = 366
"""Nobody may silence a warning for longer."""
MAX_NAME = 128
MAX_TEXT = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeWarning:
    """Say that `actor` has seen it."""

    warning_id: str
    actor: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressWarning:
    """Silence it until the end of `until`, in the name of `actor`, for `reason`.

    The loan and rule stay quiet up to the severity it has now; a graver step still rings.
    """

    warning_id: str
    actor: str
    reason: str
    until: date


WarningAction = AcknowledgeWarning | SuppressWarning
"""Everything a person can do here."""


def action_of(fact: WarningAcknowledged | WarningSuppressed) -> WarningAction:
    """The intention behind a recorded action."""
    if isinstance(fact, WarningAcknowledged):
        return AcknowledgeWarning(warning_id=fact.warning_id, actor=fact.actor, note=fact.note)
    return SuppressWarning(
        warning_id=fact.warning_id, actor=fact.actor, reason=fact.reason, until=fact.until
    )


def check_action(action: WarningAction, episode: Episode, *, today: date) -> None:
    """Refuse what the rules of the house do not allow. Errors: RuleRefused, `rule` says which."""
    note = action.note if isinstance(action, AcknowledgeWarning) else action.reason
    if not action.actor.strip() or len(action.actor) > MAX_NAME:
        raise _refused("actor_missing", "An action needs the name of who does it.", episode)
    if len(note) > MAX_TEXT:
        raise _refused("text_too_long", f"A note has at most {MAX_TEXT} characters.", episode)
    if isinstance(action, AcknowledgeWarning):
        if episode.answered:
            raise _refused("already_answered", "The warning is answered already.", episode)
        return
    last = today + timedelta(days=MAX_SILENCE_DAYS)
    if not action.reason.strip():
        raise _refused("reason_missing", "A silence needs a reason.", episode)
    if action.until < today:
        raise _refused("silence_over", f"{action.until} lies before {today}.", episode)
    if action.until > last:
        raise _refused("silence_too_long", f"A silence may last until {last}.", episode)


def _refused(rule: str, message: str, episode: Episode) -> RuleRefused:
    return RuleRefused(message, rule=rule, warning_id=episode.warning_id)
