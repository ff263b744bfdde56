"""Decide what steps through the law, signs of evasion and referrals become.

A referral to an authority needs two people: one proposes it for signs on record, another decides.
Deadlines, limitation and interest are derived: see `limitation` and `judgment`.
"""

from __future__ import annotations

from ledger.checks import positive, same_currency
from ledger.collection.common import (
    NO_LOANS,
    Facts,
    Loans,
    case_of,
    fresh,
    loans_of,
    reasoned,
    said,
    within,
)
from ledger.collection.state import Case, Collection, Referral, State
from ledger.collection_commands import (
    ApproveReferral,
    CaseCommand,
    DeclineReferral,
    NoteEvasionSignal,
    ProposeReferral,
    TakeLegalStep,
)
from ledger.dates import checked_date
from ledger.errors import InvalidAmount, RuleRefused, UnknownEntity
from ledger.events import (
    EvasionSignalNoted,
    LegalStepTaken,
    ReferralApproved,
    ReferralDeclined,
    ReferralProposed,
)
from ledger.money import MAX_MINOR

NEEDS = {
    "demand": "",
    "mediation": "demand",
    "suit": "demand",
    "judgment": "suit",
    "enforcement": "judgment",
}
"""A step -> the one that must have been taken on the loan before it."""


def take_step(state: State, command: TakeLegalStep, loans: Loans = NO_LOANS) -> Facts:
    """A step on record. Errors: as `case_of`, `loans_of`; CurrencyMismatch, InvalidAmount,
    DateOutOfRange; RuleRefused "loan_not_in_case", "id_taken", "legal_step_out_of_order",
    "deadline_passed", "judgment_without_deadline"."""
    collection, case = case_of(state, command)
    loan = loans_of(loans, command)[command.loan_id]
    within(case, [command.loan_id])
    fresh(command.step_id in collection.steps, "legal step", command.step_id)
    same_currency(command.currency, loan.currency)
    positive(command.amount_minor)
    if not 0 <= command.other_minor <= MAX_MINOR:
        raise InvalidAmount(
            f"{command.other_minor} minor units cannot be owed besides.",
            way_out=f"Send zero, or up to {MAX_MINOR} minor units.",
        )
    _check_order(collection, command)
    _check_deadline(command)
    return (
        LegalStepTaken(
            step_id=command.step_id,
            loan_id=command.loan_id,
            step=command.step,
            reference=command.reference,
            deadline=command.deadline,
            amount_minor=command.amount_minor,
            other_minor=command.other_minor,
            currency=command.currency,
            interest_first=command.interest_first,
            **said(command),
        ),
    )


def _check_order(collection: Collection, command: TakeLegalStep) -> None:
    needed = NEEDS[command.step]
    taken = {
        fact.step
        for fact in collection.steps.values()
        if fact.loan_id == command.loan_id and fact.value_date <= command.value_date
    }
    if needed and needed not in taken:
        raise RuleRefused(
            f"There is no {needed} on loan {command.loan_id} by {command.value_date}.",
            rule="legal_step_out_of_order",
            way_out=f"Record the {needed} first; {command.step} follows it.",
            loan_id=command.loan_id,
        )


def _check_deadline(command: TakeLegalStep) -> None:
    if command.deadline is None:
        if command.step == "judgment":
            raise RuleRefused(
                "The judgment says no day by which to pay.",
                rule="judgment_without_deadline",
                way_out="Send the last day for payment: extra interest begins after it.",
            )
        return
    if checked_date(command.deadline) < command.value_date:
        raise RuleRefused(
            f"The deadline {command.deadline} lies before the step of {command.value_date}.",
            rule="deadline_passed",
            way_out="Send a deadline on the day of the step or later.",
        )


def note_signal(state: State, command: NoteEvasionSignal, loans: Loans = NO_LOANS) -> Facts:
    """A sign of evasion. Errors: as `case_of`; RuleRefused "id_taken"."""
    collection, _ = case_of(state, command)
    fresh(("signal", command.signal_id) in collection.ids, "signal", command.signal_id)
    return (
        EvasionSignalNoted(
            signal_id=command.signal_id,
            signal=command.signal,
            reference=command.reference,
            remark=command.remark,
            **said(command),
        ),
    )


def propose_referral(state: State, command: ProposeReferral, loans: Loans = NO_LOANS) -> Facts:
    """Somebody asks for a referral. Errors: as `case_of`; UnknownEntity; RuleRefused "id_taken",
    "no_reason"."""
    collection, case = case_of(state, command)
    reasoned(command.reason)
    fresh(("referral", command.referral_id) in collection.ids, "referral", command.referral_id)
    unknown = [name for name in command.signal_ids if name not in case.signals]
    if unknown or not command.signal_ids:
        raise UnknownEntity(
            f"Case {case.case_id} has no signal {', '.join(unknown) or 'named'}.",
            way_out="Record the signs first, and name at least one of them.",
        )
    return (
        ReferralProposed(
            referral_id=command.referral_id,
            authority=command.authority,
            signal_ids=command.signal_ids,
            reason=command.reason,
            **said(command),
        ),
    )


def approve_referral(state: State, command: ApproveReferral, loans: Loans = NO_LOANS) -> Facts:
    """A second person agrees. Errors: as `case_of`; UnknownEntity; RuleRefused "same_person",
    "referral_decided"."""
    _, case = case_of(state, command)
    referral = _undecided(case, command, command.referral_id)
    return (
        ReferralApproved(
            referral_id=command.referral_id, proposed_by=referral.proposed_by, **said(command)
        ),
    )


def decline_referral(state: State, command: DeclineReferral, loans: Loans = NO_LOANS) -> Facts:
    """A second person does not agree. Errors: as `approve_referral`; RuleRefused "no_reason"."""
    _, case = case_of(state, command)
    reasoned(command.reason)
    referral = _undecided(case, command, command.referral_id)
    return (
        ReferralDeclined(
            referral_id=command.referral_id,
            proposed_by=referral.proposed_by,
            reason=command.reason,
            **said(command),
        ),
    )


def _undecided(case: Case, command: CaseCommand, referral_id: str) -> Referral:
    referral = case.referrals.get(referral_id)
    if referral is None:
        raise UnknownEntity(
            f"Case {case.case_id} has no referral {referral_id}.", way_out="Propose it first."
        )
    if referral.approved is not None:
        raise RuleRefused(
            f"Referral {referral_id} was {'approved' if referral.approved else 'declined'}.",
            rule="referral_decided",
            way_out="Propose another one.",
            case_id=case.case_id,
        )
    if _person(command.by) == _person(referral.proposed_by):
        raise RuleRefused(
            f"{command.by} cannot decide on a referral of their own.",
            rule="same_person",
            way_out="Let a second person decide.",
            case_id=case.case_id,
        )
    return referral


def _person(name: str) -> str:
    return " ".join(name.split()).casefold()
