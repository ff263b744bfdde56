"""The way through the law, and signs that a borrower evades it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from ledger.codec import event_type
from ledger.events.collection import OfCase

LegalStep = Literal["demand", "mediation", "suit", "judgment", "enforcement"]
EvasionSignal = Literal[
    "funds_diverted",
    "accounts_emptied",
    "assets_transferred",
    "shares_transferred",
    "unreachable",
    "sham_merger",
    "selective_repayment",
    "false_documents",
]
"""Signs of malicious default. Source: 逃废债 signals of the domain notes, unverified."""


@event_type("legal.step_taken", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class LegalStepTaken(OfCase):
    """A step was taken on `value_date`; `deadline` is the last day of what it asks for.

    `amount_minor` is what is demanded or sued for. Of a judgment it is the debt that bears extra
    interest when it is not paid by the deadline: general interest and costs are in
    `other_minor`. `interest_first`: the parties agreed that payments meet extra interest first.
    """

    step_id: str
    loan_id: str
    step: LegalStep
    reference: str
    deadline: date | None
    amount_minor: int
    other_minor: int
    currency: str
    interest_first: bool


@event_type("evasion.signal_noted", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class EvasionSignalNoted(OfCase):
    """A sign of malicious default; `reference` says where it is to be seen."""

    signal_id: str
    signal: EvasionSignal
    reference: str
    remark: str


@event_type("referral.proposed", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralProposed(OfCase):
    """`by` asks to refer the case to an authority, for these signals; a second person decides."""

    referral_id: str
    authority: str
    signal_ids: tuple[str, ...]
    reason: str


@event_type("referral.approved", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralApproved(OfCase):
    """The second person, `by`, agreed: the case is referred."""

    referral_id: str
    proposed_by: str


@event_type("referral.declined", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralDeclined(OfCase):
    """The second person did not agree, and says why."""

    referral_id: str
    proposed_by: str
    reason: str
