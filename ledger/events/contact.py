"""Reaching a borrower: what was asked for, what the contact rules answered, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from ledger.codec import event_type
from ledger.events.collection import OfBorrower, OfCase

Channel = Literal["sms", "app_push", "email", "call", "voice_bot", "letter", "visit"]
Addressee = Literal["debtor", "guarantor", "relative", "employer", "other"]
"""Whom a contact speaks to."""
ContactOutcome = Literal[
    "no_answer",
    "wrong_number",
    "right_party",
    "refused",
    "promised",
    "disputed",
    "paid",
    "delivered",
    "undelivered",
]
HoldReason = Literal[
    "dispute", "bankruptcy", "represented", "hardship", "deceased", "investigation"
]
"""Why nobody may reach out to a borrower for now, or ever."""


@event_type("debtor.placed", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class DebtorPlaced(OfBorrower):
    """Where the borrower lives: an IANA time zone such as Asia/Shanghai, and the rule set there.

    `rule_set` names the contact rules that protect them; None: those of the book.
    """

    zone: str
    rule_set: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactAsked(OfCase):
    """What every answer to a request repeats of it.

    `agency` is the firm that would act, None for the bank itself; `by` is the officer. `zone`,
    `rule_set` and `rule_digest` say by which rules it was judged, for the moment `at_us` (UTC).
    """

    contact_id: str
    loan_ids: tuple[str, ...]
    channel: Channel
    addressee: Addressee
    agency: str | None
    zone: str
    rule_set: str
    rule_digest: str
    at_us: int


@event_type("contact.allowed", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class ContactAllowed(ContactAsked):
    """The borrower may be reached from `at_us` on, before `until_us`. Counts as a contact."""

    until_us: int


@event_type("contact.queued", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class ContactQueued(ContactAsked):
    """`rule` forbids it now: it waits until `until_us`, and is to be asked for again then."""

    rule: str
    until_us: int


@event_type("contact.refused", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRefused(ContactAsked):
    """A breach of `rule` was attempted. `next_allowed_us` is None where time alone mends nothing.

    It counts against the officer.
    """

    rule: str
    next_allowed_us: int | None


@event_type("contact.reported", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class ContactReported(ContactAsked):
    """A contact was made at `at_us`, and nobody had asked before whether it may be.

    Counts as a contact. `rule` is the one that forbade it then, None where none did: a breach,
    which counts against the officer.
    """

    rule: str | None


@event_type("contact.outcome_recorded", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class ContactOutcomeRecorded(OfCase):
    """What came of a contact that was made, how long it took and what it cost."""

    contact_id: str
    channel: Channel
    outcome: ContactOutcome
    seconds: int
    cost_minor: int
    currency: str


@event_type("contact.consent_changed", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class ContactConsentChanged(OfBorrower):
    """What the borrower said about a channel: may it be used, do they like it best, and at night?

    `at_night`: they agreed to be reached on it in quiet hours.
    """

    channel: Channel
    allowed: bool
    preferred: bool
    at_night: bool
    reason: str


@event_type("contact.held", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class ContactHeld(OfBorrower):
    """Nobody may reach out from now on; to the end of `until`, or until the hold is lifted."""

    reason: HoldReason
    until: date | None
    remark: str


@event_type("contact.hold_lifted", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class ContactHoldLifted(OfBorrower):
    """The hold for `reason` is over."""

    reason: HoldReason
    remark: str
