"""The published messages about collection: cases, contacts, promises, the law.

Part of the schema in `topics`; the same rules hold. `borrower_id` is required in all of them: it is
whose stream they go to. `by` is the user who acts; whether they may is checked where they sign in.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

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
    Trigger,
)
from streams.fields import (
    Amount,
    AmountOrZero,
    Currency,
    Id,
    Moment,
    Remark,
    Shape,
    Text,
    TextOrEmpty,
)
from streams.message import MessageBase

MOST_LOANS = 200
MOST_PARTS = 60
MOST_SIGNALS = 50

LoanIds = Annotated[list[Id], Field(min_length=1, max_length=MOST_LOANS)]
Sealed = Annotated[
    str,
    StringConstraints(pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$", max_length=16_000),
    Field(description="A note, sealed by whoever sends it; the ledger does not read it."),
]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Zone = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_+-]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,2}$"),
    Field(description="An IANA time zone, such as Asia/Shanghai."),
]


class CollectionMessage(MessageBase):
    """A message about a borrower's debts."""

    borrower_id: Id
    by: Id


class CaseMessage(CollectionMessage):
    """A message about one case; `expected_revision` is how many facts of it the sender saw."""

    case_id: Id
    expected_revision: Annotated[int, Field(ge=0)] | None = None


class CaseOpenedMessage(CaseMessage):
    """A case about some of the borrower's loans begins."""

    type: Literal["case_opened"]
    loan_ids: LoanIds
    cause: Cause = "unknown"
    trigger: Trigger
    reference: TextOrEmpty = ""
    stage: Stage
    owner_id: Id
    team: Text
    branch: Text


class CaseCauseChangedMessage(CaseMessage):
    """The borrower's reason for not paying is another than was thought."""

    type: Literal["case_cause_changed"]
    cause: Cause
    reason: Remark


class CaseStageChangedMessage(CaseMessage):
    """The case moved on, or back."""

    type: Literal["case_stage_changed"]
    stage: Stage
    reason: Remark = ""


class CaseHandedOverMessage(CaseMessage):
    """Another officer or team answers for the case."""

    type: Literal["case_handed_over"]
    owner_id: Id
    team: Text
    branch: Text
    reason: Remark


class CaseNotedMessage(CaseMessage):
    """Somebody wrote a note."""

    type: Literal["case_noted"]
    note_id: Id
    text: Sealed


class DocumentAttachedMessage(CaseMessage):
    """A document kept elsewhere belongs to the case."""

    type: Literal["document_attached"]
    document_id: Id
    kind: Text
    reference: Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,500}$")]
    sha256: Sha256


class StrategyAssignedMessage(CaseMessage):
    """The case is treated by a strategy's row from now on."""

    type: Literal["strategy_assigned"]
    strategy: Id
    version: Id
    segment: Text
    treatment: Text
    arm: Id
    reason: Remark = ""


class OfficerExemptedMessage(CaseMessage):
    """An officer did their duty in the case; `by` asks for it and `approved_by` agrees."""

    type: Literal["officer_exempted"]
    officer_id: Id
    approved_by: Id
    reason: Remark
    reference: TextOrEmpty = ""


class CaseClosedMessage(CaseMessage):
    """Nothing more is done in this case."""

    type: Literal["case_closed"]
    reason: CloseReason
    remark: Remark = ""


class DebtorPlacedMessage(CollectionMessage):
    """Where the borrower lives, and by which contact rules; null: those of the book."""

    type: Literal["debtor_placed"]
    zone: Zone
    rule_set: Id | None = None


class ContactRequestedMessage(CaseMessage):
    """Somebody wants to reach the borrower, at `sent_at`; `queue` waits for an allowed time."""

    type: Literal["contact_requested"]
    contact_id: Id
    loan_ids: LoanIds
    channel: Channel
    addressee: Addressee = "debtor"
    agency: Id | None = None
    queue: bool = False


class ContactReportedMessage(CaseMessage):
    """The borrower was reached at `made_at`, and nobody had asked; `value_date` is that day."""

    type: Literal["contact_reported"]
    contact_id: Id
    loan_ids: LoanIds
    channel: Channel
    addressee: Addressee = "debtor"
    agency: Id | None = None
    made_at: Moment
    outcome: ContactOutcome
    seconds: Annotated[int, Field(ge=0, le=86_400)] = 0
    cost: AmountOrZero = "0"
    currency: Currency


class ContactOutcomeRecordedMessage(CaseMessage):
    """What came of a contact that was allowed."""

    type: Literal["contact_outcome_recorded"]
    contact_id: Id
    outcome: ContactOutcome
    seconds: Annotated[int, Field(ge=0, le=86_400)] = 0
    cost: AmountOrZero = "0"
    currency: Currency


class ContactConsentChangedMessage(CollectionMessage):
    """What the borrower said about a channel."""

    type: Literal["contact_consent_changed"]
    channel: Channel
    allowed: bool
    preferred: bool = False
    at_night: bool = False
    reason: Remark = ""


class ContactHeldMessage(CollectionMessage):
    """Nobody may reach out, to the end of `until` or until it is lifted."""

    type: Literal["contact_held"]
    reason: HoldReason
    until: date | None = None
    remark: Remark = ""


class ContactHoldLiftedMessage(CollectionMessage):
    """A hold is over."""

    type: Literal["contact_hold_lifted"]
    reason: HoldReason
    remark: Remark = ""


class PromisePartShape(Shape):
    """So much by the end of a day."""

    due_date: date
    amount: Amount


class PromiseMadeMessage(CaseMessage):
    """The borrower promised to pay on a loan."""

    type: Literal["promise_made"]
    promise_id: Id
    loan_id: Id
    currency: Currency
    parts: Annotated[list[PromisePartShape], Field(min_length=1, max_length=MOST_PARTS)]
    tolerance_days: Annotated[int, Field(ge=0, le=90)] = 0
    tolerance_bps: Annotated[int, Field(ge=0, le=5_000)] = 0


class PromiseCancelledMessage(CaseMessage):
    """A promise stands no more."""

    type: Literal["promise_cancelled"]
    promise_id: Id
    reason: Remark


class LegalStepTakenMessage(CaseMessage):
    """A step through the law. Of a judgment, `amount` is the debt that bears extra interest."""

    type: Literal["legal_step_taken"]
    step_id: Id
    loan_id: Id
    step: LegalStep
    reference: TextOrEmpty = ""
    deadline: date | None = None
    amount: AmountOrZero
    other: AmountOrZero = "0"
    currency: Currency
    interest_first: bool = False


class EvasionSignalNotedMessage(CaseMessage):
    """A sign of malicious default."""

    type: Literal["evasion_signal_noted"]
    signal_id: Id
    signal: EvasionSignal
    reference: TextOrEmpty = ""
    remark: Remark = ""


class ReferralProposedMessage(CaseMessage):
    """Somebody asks to refer the case to an authority."""

    type: Literal["referral_proposed"]
    referral_id: Id
    authority: Text
    signal_ids: Annotated[list[Id], Field(min_length=1, max_length=MOST_SIGNALS)]
    reason: Remark


class ReferralApprovedMessage(CaseMessage):
    """A second person agreed."""

    type: Literal["referral_approved"]
    referral_id: Id


class ReferralDeclinedMessage(CaseMessage):
    """A second person did not agree."""

    type: Literal["referral_declined"]
    referral_id: Id
    reason: Remark


COLLECTION_MESSAGES: tuple[type[CollectionMessage], ...] = (
    CaseOpenedMessage,
    CaseCauseChangedMessage,
    CaseStageChangedMessage,
    CaseHandedOverMessage,
    CaseNotedMessage,
    DocumentAttachedMessage,
    StrategyAssignedMessage,
    OfficerExemptedMessage,
    CaseClosedMessage,
    DebtorPlacedMessage,
    ContactRequestedMessage,
    ContactReportedMessage,
    ContactOutcomeRecordedMessage,
    ContactConsentChangedMessage,
    ContactHeldMessage,
    ContactHoldLiftedMessage,
    PromiseMadeMessage,
    PromiseCancelledMessage,
    LegalStepTakenMessage,
    EvasionSignalNotedMessage,
    ReferralProposedMessage,
    ReferralApprovedMessage,
    ReferralDeclinedMessage,
)
"""All of them, in the order of the schema."""
