"""Messages about collection become their commands, or are refused for what is wrong with them."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from ledger import collection_commands as c
from ledger.commands import Command
from ledger.events import PromisePart
from streams.collection import COLLECTION_MESSAGES
from streams.ingest import read
from streams.topics import MESSAGE_TYPES
from streams.translate import COMMANDS, TYPE_OF

AT_US = 1_700_000_000_000_000
COMMON = {"transaction_id": "T-1", "value_date": "2024-03-29", "borrower_id": "B1", "by": "U1"}
SEEN: dict[str, Any] = {
    "transaction_id": "T-1", "value_date": date(2024, 3, 29), "recorded_at_us": AT_US,
    "borrower_id": "B1", "by": "U1",
}  # fmt: skip
CASE = SEEN | {"case_id": "K1"}
DIGEST = "0f" * 32
MADE_AT = "2023-11-14T21:13:20Z"
"""An hour before AT_US, which is 22:13:20."""

EVERY: dict[str, tuple[dict[str, Any], Command]] = {
    "case_opened": (
        {"loan_ids": ["L1", "L2"], "trigger": "warning", "reference": "w1", "stage": "pre_due",
         "owner_id": "U2", "team": "一组", "branch": "杭州", "expected_revision": 0},
        c.OpenCase(
            **CASE, loan_ids=("L1", "L2"), cause="unknown", trigger="warning", reference="w1",
            stage="pre_due", owner_id="U2", team="一组", branch="杭州", expected_revision=0,
        ),
    ),
    "case_cause_changed": (
        {"cause": "cash_gap", "reason": "asked"},
        c.ChangeCause(**CASE, cause="cash_gap", reason="asked"),
    ),
    "case_stage_changed": (
        {"stage": "late", "expected_revision": 7},
        c.ChangeStage(**CASE, stage="late", reason="", expected_revision=7),
    ),
    "case_handed_over": (
        {"owner_id": "U3", "team": "T2", "branch": "HQ", "reason": "leave"},
        c.HandOverCase(**CASE, owner_id="U3", team="T2", branch="HQ", reason="leave"),
    ),
    "case_noted": (
        {"note_id": "N1", "text": "v1:AAEC+/=="},
        c.NoteCase(**CASE, note_id="N1", text="v1:AAEC+/=="),
    ),
    "document_attached": (
        {"document_id": "D1", "kind": "letter", "reference": "s3://x/1", "sha256": DIGEST},
        c.AttachDocument(
            **CASE, document_id="D1", kind="letter", reference="s3://x/1", sha256=DIGEST
        ),
    ),
    "strategy_assigned": (
        {"strategy": "sme", "version": "9a", "segment": "high/1-30", "treatment": "firm",
         "arm": "champion"},
        c.AssignStrategy(
            **CASE, strategy="sme", version="9a", segment="high/1-30", treatment="firm",
            arm="champion", reason="",
        ),
    ),
    "officer_exempted": (
        {"officer_id": "U4", "approved_by": "U5", "reason": "did all that is asked"},
        c.ExemptOfficer(
            **CASE, officer_id="U4", approved_by="U5", reason="did all that is asked", reference=""
        ),
    ),
    "case_closed": (
        {"reason": "cured"}, c.CloseCase(**CASE, reason="cured", remark=""),
    ),
    "debtor_placed": (
        {"zone": "America/Argentina/Buenos_Aires"},
        c.PlaceDebtor(**SEEN, zone="America/Argentina/Buenos_Aires", rule_set=None),
    ),
    "contact_requested": (
        {"contact_id": "C1", "loan_ids": ["L1"], "channel": "voice_bot", "agency": "A1",
         "queue": True},
        c.RequestContact(
            **CASE, contact_id="C1", loan_ids=("L1",), channel="voice_bot", addressee="debtor",
            agency="A1", queue=True,
        ),
    ),
    "contact_reported": (
        {"contact_id": "C1", "loan_ids": ["L1"], "channel": "call", "made_at": MADE_AT,
         "outcome": "promised", "cost": "0.35", "currency": "CNY"},
        c.ReportContact(
            **CASE, contact_id="C1", loan_ids=("L1",), channel="call", addressee="debtor",
            agency=None, made_at_us=AT_US - 3_600_000_000, outcome="promised", seconds=0,
            cost_minor=35, currency="CNY",
        ),
    ),
    "contact_outcome_recorded": (
        {"contact_id": "C1", "outcome": "promised", "seconds": 61, "cost": "0.35",
         "currency": "CNY"},
        c.RecordContactOutcome(
            **CASE, contact_id="C1", outcome="promised", seconds=61, cost_minor=35, currency="CNY"
        ),
    ),
    "contact_consent_changed": (
        {"channel": "sms", "allowed": True, "preferred": True},
        c.ChangeConsent(
            **SEEN, channel="sms", allowed=True, preferred=True, at_night=False, reason=""
        ),
    ),
    "contact_held": (
        {"reason": "hardship", "until": "2024-05-01"},
        c.HoldContact(**SEEN, reason="hardship", until=date(2024, 5, 1), remark=""),
    ),
    "contact_hold_lifted": (
        {"reason": "dispute", "remark": "settled"},
        c.LiftContactHold(**SEEN, reason="dispute", remark="settled"),
    ),
    "promise_made": (
        {"promise_id": "P1", "loan_id": "L1", "currency": "JPY", "tolerance_days": 3,
         "parts": [{"due_date": "2024-04-01", "amount": "100"}]},
        c.MakePromise(
            **CASE, promise_id="P1", loan_id="L1", currency="JPY", tolerance_days=3,
            parts=(PromisePart(due_date=date(2024, 4, 1), amount_minor=100),), tolerance_bps=0,
        ),
    ),
    "promise_cancelled": (
        {"promise_id": "P1", "reason": "another plan"},
        c.CancelPromise(**CASE, promise_id="P1", reason="another plan"),
    ),
    "legal_step_taken": (
        {"step_id": "S1", "loan_id": "L1", "step": "judgment", "deadline": "2024-04-30",
         "amount": "80", "other": "1.5", "currency": "CNY"},
        c.TakeLegalStep(
            **CASE, step_id="S1", loan_id="L1", step="judgment", reference="",
            deadline=date(2024, 4, 30), amount_minor=8_000, other_minor=150, currency="CNY",
            interest_first=False,
        ),
    ),
    "evasion_signal_noted": (
        {"signal_id": "E1", "signal": "funds_diverted"},
        c.NoteEvasionSignal(
            **CASE, signal_id="E1", signal="funds_diverted", reference="", remark=""
        ),
    ),
    "referral_proposed": (
        {"referral_id": "R1", "authority": "公安", "signal_ids": ["E1"], "reason": "gone"},
        c.ProposeReferral(
            **CASE, referral_id="R1", authority="公安", signal_ids=("E1",), reason="gone"
        ),
    ),
    "referral_approved": (
        {"referral_id": "R1"}, c.ApproveReferral(**CASE, referral_id="R1"),
    ),
    "referral_declined": (
        {"referral_id": "R1", "reason": "weak"},
        c.DeclineReferral(**CASE, referral_id="R1", reason="weak"),
    ),
}  # fmt: skip


def message(kind: str, **changes: Any) -> bytes:
    case = {"case_id": "K1"} if isinstance(EVERY[kind][1], c.CaseCommand) else {}
    fields = {"type": kind} | COMMON | case | EVERY[kind][0] | changes
    return json.dumps(
        {name: value for name, value in fields.items() if value != "LEFT OUT"}
    ).encode()


def taken(body: bytes) -> Any:
    return read(body, source="test", offset=1, accepted_us=AT_US)


def test_every_message_about_collection_has_its_case_here() -> None:
    kinds = [kind for kind, model in MESSAGE_TYPES.items() if model in COLLECTION_MESSAGES]
    assert kinds == list(EVERY)
    assert all(MESSAGE_TYPES[kind] in COMMANDS for kind in kinds)
    assert [TYPE_OF[type(command)] for _, command in EVERY.values()] == kinds


@pytest.mark.parametrize("kind", EVERY)
def test_a_message_becomes_its_command_in_the_stream_of_its_borrower(kind: str) -> None:
    incoming = taken(message(kind))
    assert incoming.error is None
    assert incoming.command == EVERY[kind][1]
    assert incoming.command.stream == "collection:B1"
    assert incoming.borrower_id == "B1"


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("field", ["borrower_id", "by"])
def test_whose_it_is_and_who_acts_are_required(kind: str, field: str) -> None:
    incoming = taken(message(kind, **{field: "LEFT OUT"}))
    assert incoming.error.code == "missing_field"


@pytest.mark.parametrize(
    ("kind", "changes", "code"),
    [
        ("case_opened", {"loan_ids": []}, "invalid_value"),
        ("case_opened", {"stage": "closed"}, "invalid_value"),
        ("case_noted", {"text": ""}, "invalid_value"),
        ("case_noted", {"text": "x" * 16_001}, "invalid_value"),
        ("document_attached", {"sha256": DIGEST.upper()}, "invalid_value"),
        ("debtor_placed", {"zone": "../etc/passwd"}, "invalid_value"),
        ("contact_requested", {"channel": "fax"}, "invalid_value"),
        ("contact_requested", {"queue": "yes"}, "invalid_value"),
        ("contact_reported", {"made_at": "2023-11-14T21:13:20"}, "invalid_value"),
        ("contact_reported", {"made_at": "2023-02-30T21:13:20Z"}, "invalid_value"),
        ("contact_reported", {"made_at": "1889-11-14T21:13:20Z"}, "date_out_of_range"),
        ("contact_outcome_recorded", {"cost": "0.001"}, "invalid_amount"),
        ("contact_outcome_recorded", {"cost": 1}, "invalid_amount"),
        ("promise_made", {"parts": []}, "invalid_value"),
        ("promise_made", {"parts": [{"due_date": "2024-04-01", "amount": "0"}]}, "invalid_amount"),
        ("promise_made", {"parts": [{"due_date": "1889-04-01", "amount": "1"}]},
         "date_out_of_range"),
        ("promise_made", {"tolerance_bps": 5_001}, "invalid_value"),
        ("legal_step_taken", {"currency": "XXX"}, "currency_mismatch"),
        ("legal_step_taken", {"deadline": "2200-01-01"}, "date_out_of_range"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(kind: str, changes: dict[str, Any], code: str) -> None:
    incoming = taken(message(kind, **changes))
    assert incoming.command is None
    assert incoming.error.code == code
