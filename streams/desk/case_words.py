"""The words that forms about cases offer, in the order in which they are offered."""

from __future__ import annotations

from typing import get_args

from ledger.events import (
    Addressee,
    Cause,
    Channel,
    CloseReason,
    ContactOutcome,
    EvasionSignal,
    HoldReason,
    LegalStep,
    Stage,
)

CAUSES: tuple[str, ...] = get_args(Cause)
STAGES: tuple[str, ...] = get_args(Stage)
ADDRESSEES: tuple[str, ...] = get_args(Addressee)
CHANNELS: tuple[str, ...] = get_args(Channel)
OUTCOMES: tuple[str, ...] = get_args(ContactOutcome)
CLOSE_REASONS: tuple[str, ...] = get_args(CloseReason)
HOLD_REASONS: tuple[str, ...] = get_args(HoldReason)
LEGAL_STEPS: tuple[str, ...] = get_args(LegalStep)
SIGNALS: tuple[str, ...] = get_args(EvasionSignal)
SPOKEN = ("no_answer", "wrong_number", "right_party", "refused", "promised", "disputed", "paid")
WRITTEN = ("delivered", "undelivered", "promised", "disputed", "paid")
TALKS = frozenset({"call", "visit", "voice_bot"})


def outcomes_of(channel: str) -> tuple[str, ...]:
    """What can come of a contact on a channel."""
    return SPOKEN if channel in TALKS else WRITTEN
