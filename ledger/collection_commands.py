"""Intentions about a borrower's debts: cases, contacts, promises, the law. As `commands`.

`by` is the user who asks. `expected_revision`, where it is given, is the number of facts about the
case that the sender has seen: if somebody was faster, the command is refused and nothing is lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ledger.commands import Command
from ledger.events.collection import Cause, CloseReason, Stage, Trigger
from ledger.events.contact import Addressee, Channel, ContactOutcome, HoldReason
from ledger.events.legal import EvasionSignal, LegalStep
from ledger.events.promise import PromisePart
from ledger.ids import collection_stream


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionCommand(Command):
    """A command about a borrower's debts."""

    borrower_id: str
    by: str

    @property
    def stream(self) -> str:
        return collection_stream(self.borrower_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseCommand(CollectionCommand):
    """A command about one case."""

    case_id: str
    expected_revision: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCase(CaseCommand):
    """Begin a case about `loan_ids`; each loan is in one open case at most."""

    loan_ids: tuple[str, ...]
    cause: Cause
    trigger: Trigger
    reference: str
    stage: Stage
    owner_id: str
    team: str
    branch: str

    @property
    def loans_named(self) -> tuple[str, ...]:
        return self.loan_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCause(CaseCommand):
    """Say that the cause is another one."""

    cause: Cause
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeStage(CaseCommand):
    """Move the case on, or back."""

    stage: Stage
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOverCase(CaseCommand):
    """Let somebody else answer for the case."""

    owner_id: str
    team: str
    branch: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteCase(CaseCommand):
    """Write a note; `text` comes sealed."""

    note_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachDocument(CaseCommand):
    """Put a document with the case, by where it is kept and its SHA-256."""

    document_id: str
    kind: str
    reference: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignStrategy(CaseCommand):
    """Treat the case by a strategy's row. As assigned already gives no fact: a duplicate."""

    strategy: str
    version: str
    segment: str
    treatment: str
    arm: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExemptOfficer(CaseCommand):
    """Find that an officer did their duty in the case, open or closed; `approved_by` agrees."""

    officer_id: str
    approved_by: str
    reason: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseCase(CaseCommand):
    """End the case."""

    reason: CloseReason
    remark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceDebtor(CollectionCommand):
    """Say in which time zone the borrower lives, and by which contact rules."""

    zone: str
    rule_set: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContact(CaseCommand):
    """Ask to reach the borrower now (at `recorded_at_us`), about `loan_ids`.

    With `queue` it waits for the next allowed time instead of being refused; whoever carries it out
    asks again then, under the same `contact_id`.
    """

    contact_id: str
    loan_ids: tuple[str, ...]
    channel: Channel
    addressee: Addressee
    agency: str | None
    queue: bool

    @property
    def loans_named(self) -> tuple[str, ...]:
        return self.loan_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContact(CaseCommand):
    """Say that the borrower was reached at `made_at_us`, without having asked, and what came of it.

    The value date is that moment's day where the borrower lives. The case may be closed by now.
    """

    contact_id: str
    loan_ids: tuple[str, ...]
    channel: Channel
    addressee: Addressee
    agency: str | None
    made_at_us: int
    outcome: ContactOutcome
    seconds: int
    cost_minor: int
    currency: str

    @property
    def loans_named(self) -> tuple[str, ...]:
        return self.loan_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordContactOutcome(CaseCommand):
    """Say what came of a contact that was allowed."""

    contact_id: str
    outcome: ContactOutcome
    seconds: int
    cost_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeConsent(CollectionCommand):
    """Take in what the borrower says about a channel."""

    channel: Channel
    allowed: bool
    preferred: bool
    at_night: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldContact(CollectionCommand):
    """Let nobody reach out, to the end of `until` or until it is lifted."""

    reason: HoldReason
    until: date | None
    remark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftContactHold(CollectionCommand):
    """End a hold."""

    reason: HoldReason
    remark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MakePromise(CaseCommand):
    """Take in a promise to pay on a loan of the case."""

    promise_id: str
    loan_id: str
    currency: str
    parts: tuple[PromisePart, ...]
    tolerance_days: int
    tolerance_bps: int

    @property
    def loans_named(self) -> tuple[str, ...]:
        return (self.loan_id,)


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelPromise(CaseCommand):
    """Let a promise stand no more."""

    promise_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeLegalStep(CaseCommand):
    """Record a step through the law on a loan of the case."""

    step_id: str
    loan_id: str
    step: LegalStep
    reference: str
    deadline: date | None
    amount_minor: int
    other_minor: int
    currency: str
    interest_first: bool

    @property
    def loans_named(self) -> tuple[str, ...]:
        return (self.loan_id,)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteEvasionSignal(CaseCommand):
    """Record a sign of malicious default."""

    signal_id: str
    signal: EvasionSignal
    reference: str
    remark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeReferral(CaseCommand):
    """Ask a second person to refer the case to an authority."""

    referral_id: str
    authority: str
    signal_ids: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveReferral(CaseCommand):
    """Agree, as the second person."""

    referral_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclineReferral(CaseCommand):
    """Do not agree, as the second person."""

    referral_id: str
    reason: str
