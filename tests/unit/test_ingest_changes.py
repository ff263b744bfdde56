"""Messages that change a loan after it was agreed become their commands, or say what is wrong."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from ledger.change_commands import (
    CancelWriteOff,
    CapitaliseArrears,
    ChargeBack,
    ClosePeriod,
    PauseDelinquency,
    RecoverWrittenOff,
    RefundOverpayment,
    ReopenPeriod,
    ReportFigure,
    ResumeDelinquency,
    ReviseLoan,
    ValueCollateral,
)
from ledger.commands import Command, ReceiveRepayment
from ledger.events import Designation
from ledger.service import Incoming
from ledger.terms import Instalment, Revision
from streams.ingest import read
from streams.topics import MESSAGE_TYPES
from streams.translate import COMMANDS, TYPE_OF

COMMON: dict[str, Any] = {"transaction_id": "T-1", "value_date": "2024-03-29"}
SEEN = {"transaction_id": "T-1", "value_date": date(2024, 3, 29), "recorded_at_us": 1_711_700_000}
LOAN = SEEN | {"loan_id": "L1"}
ROW = {"number": 1, "due_date": "2024-04-29", "principal": "100.00", "interest": "0"}
TERMS = {
    "instalments": 9,
    "first_due_date": "2024-06-30",
    "rate_percent": "7.25",
    "method": "equal_principal",
    "interest_only": 2,
}
MONEY = {"amount": "12.5", "currency": "CNY"}
MINOR = {"amount_minor": 1_250, "currency": "CNY"}


def take(kind: str, fields: dict[str, Any]) -> Incoming:
    body = json.dumps({"type": kind} | COMMON | fields).encode()
    return read(body, source="test", offset=1, accepted_us=1_711_700_000)


EVERY_CHANGE: dict[str, tuple[dict[str, Any], Command]] = {
    "collateral_valued": (
        {"value": "2500", "currency": "CNY", "source": "appraisal"},
        ValueCollateral(**LOAN, value_minor=250_000, currency="CNY", source="appraisal"),
    ),
    "figure_reported": (
        {"figure": "growth_percent", "value": "-0.3"},
        ReportFigure(**LOAN, figure="growth_percent", value_micro=-300_000, source=""),
    ),
    "overpayment_refunded": (MONEY, RefundOverpayment(**LOAN, **MINOR)),
    "repayment_charged_back": (
        MONEY | {"charged_back_transaction_id": "T/0"},
        ChargeBack(**LOAN, **MINOR, charged_back_transaction_id="T/0"),
    ),
    "loan_revised": (
        {"kind": "extended", "currency": "CNY", "revised_terms": TERMS, "reason": "展期"},
        ReviseLoan(
            **LOAN,
            kind="extended",
            currency="CNY",
            revision=Revision(
                instalments=9,
                first_due_date=date(2024, 6, 30),
                rate_ppm=72_500,
                method="equal_principal",
                interest_only=2,
            ),
            instalments=(),
            reason="展期",
        ),
    ),
    "arrears_capitalised": (MONEY, CapitaliseArrears(**LOAN, **MINOR)),
    "delinquency_paused": (
        {"until": "2024-06-01", "reason": "flood"},
        PauseDelinquency(**LOAN, until=date(2024, 6, 1), reason="flood"),
    ),
    "delinquency_resumed": ({}, ResumeDelinquency(**LOAN)),
    "recovery_received": (MONEY, RecoverWrittenOff(**LOAN, **MINOR)),
    "write_off_cancelled": ({"reason": "wrong loan"}, CancelWriteOff(**LOAN, reason="wrong loan")),
    "period_closed": ({}, ClosePeriod(**SEEN)),
    "period_reopened": ({"reason": "audit"}, ReopenPeriod(**SEEN, reason="audit")),
}
OF_THE_BOOK = {"period_closed", "period_reopened"}


def test_every_change_stands_in_the_schema_with_its_command() -> None:
    for kind, (_, command) in EVERY_CHANGE.items():
        assert MESSAGE_TYPES[kind] in COMMANDS
        assert TYPE_OF[type(command)] == kind


@pytest.mark.parametrize("kind", EVERY_CHANGE)
def test_a_change_becomes_its_command(kind: str) -> None:
    fields, command = EVERY_CHANGE[kind]
    incoming = take(kind, fields if kind in OF_THE_BOOK else fields | {"loan_id": "L1"})
    assert incoming.error is None, incoming.error
    assert incoming.command == command


def test_a_change_may_bring_the_core_systems_own_schedule() -> None:
    fields = {"loan_id": "L1", "kind": "rescheduled", "currency": "CNY", "instalments": [ROW]}
    command = take("loan_revised", fields).command
    assert isinstance(command, ReviseLoan)
    assert command.revision is None
    assert command.instalments == (
        Instalment(number=1, due_date=date(2024, 4, 29), principal_minor=10_000, interest_minor=0),
    )


def test_a_repayment_may_say_what_it_is_for_and_what_its_early_part_does() -> None:
    designated = [{"component": "principal", "amount": "10"}, {"component": "fees", "amount": "1"}]
    fields = {"loan_id": "L1", "designated": designated, "prepayment": "reduce_term"} | MONEY
    assert take("repayment_received", fields).command == ReceiveRepayment(
        **LOAN,
        **MINOR,
        designated=(
            Designation(component="principal", amount_minor=1_000),
            Designation(component="fees", amount_minor=100),
        ),
        prepayment="reduce_term",
    )


@pytest.mark.parametrize(
    ("kind", "spoiled", "word"),
    [
        ("overpayment_refunded", {"amount": "0"}, "above zero"),
        ("overpayment_refunded", {"amount": "0.001"}, "minor unit"),
        ("overpayment_refunded", {"amount": 12.5}, "amount"),
        ("repayment_charged_back", {"charged_back_transaction_id": ""}, "charged_back"),
        ("loan_revised", {"kind": "forgiven"}, "kind"),
        ("loan_revised", {"revised_terms": TERMS | {"instalments": 0}}, "instalments"),
        ("loan_revised", {"revised_terms": TERMS | {"grace": 3}}, "grace"),
        ("loan_revised", {"instalments": []}, "instalments"),
        ("delinquency_paused", {"until": "2024-02-30"}, "until"),
        ("delinquency_paused", {"until": "1989-12-31"}, "calendar"),
        ("write_off_cancelled", {"note": "x"}, "note"),
        ("period_reopened", {"loan_id": "L1"}, "loan_id"),
    ],
)
def test_a_spoiled_change_is_refused_with_the_word_that_is_wrong(
    kind: str, spoiled: dict[str, Any], word: str
) -> None:
    fields, _ = EVERY_CHANGE[kind]
    loan = {} if kind in OF_THE_BOOK else {"loan_id": "L1"}
    error = take(kind, fields | loan | spoiled).error
    assert error is not None
    assert word in str(error)
    assert error.way_out


@pytest.mark.parametrize(
    "fields",
    [
        {"designated": []},
        {"designated": [{"component": "gift", "amount": "1"}]},
        {"designated": [{"component": "fees", "amount": "0"}]},
        {"prepayment": "reduce_rate"},
    ],
)
def test_a_repayment_that_asks_for_what_nobody_knows_is_refused(fields: dict[str, Any]) -> None:
    assert take("repayment_received", MONEY | {"loan_id": "L1"} | fields).error is not None
