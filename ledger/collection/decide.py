"""What each command about a collection is decided by: the table for `ledger.decide`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ledger import collection_commands as c
from ledger.collection import cases, contacts, exemption, legal, promises, reported
from ledger.collection.rules import RuleSets
from ledger.collection.state import COLLECTION_FACTS, Collection, evolve_collection

DECIDES: dict[type, Callable[..., tuple[Any, ...]]] = {
    c.OpenCase: cases.open_case,
    c.ChangeCause: cases.change_cause,
    c.ChangeStage: cases.change_stage,
    c.HandOverCase: cases.hand_over,
    c.NoteCase: cases.note,
    c.AttachDocument: cases.attach,
    c.AssignStrategy: cases.assign_strategy,
    c.ExemptOfficer: exemption.exempt_officer,
    c.CloseCase: cases.close_case,
    c.PlaceDebtor: contacts.place_debtor,
    c.RequestContact: contacts.request_contact,
    c.ReportContact: reported.report_contact,
    c.RecordContactOutcome: contacts.record_outcome,
    c.ChangeConsent: contacts.change_consent,
    c.HoldContact: contacts.hold_contact,
    c.LiftContactHold: contacts.lift_hold,
    c.MakePromise: promises.make_promise,
    c.CancelPromise: promises.cancel_promise,
    c.TakeLegalStep: legal.take_step,
    c.NoteEvasionSignal: legal.note_signal,
    c.ProposeReferral: legal.propose_referral,
    c.ApproveReferral: legal.approve_referral,
    c.DeclineReferral: legal.decline_referral,
}
"""Command -> decision (state, command[, loans that it names]) -> facts. Errors: LoanError."""

EVOLVES: dict[type, Callable[[Collection | None, Any], Collection]] = dict.fromkeys(
    COLLECTION_FACTS, evolve_collection
)
"""Fact -> the collection after it."""


def deciding_by(rule_sets: RuleSets) -> dict[type, Any]:
    """The decisions that ask the contact rules, by those of a book: for `ledger.decide`'s table."""
    asking = (c.RequestContact, c.ReportContact, c.PlaceDebtor)
    return {kind: partial(DECIDES[kind], rule_sets=rule_sets) for kind in asking}
