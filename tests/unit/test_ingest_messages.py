"""Bytes become a command, or a reason that its sender can act on. Nothing a sender does raises."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.commands import (
    AccrueInterest,
    ApplyCharge,
    AssessLoan,
    ChangeGuarantor,
    ChangeLimit,
    ChangeOfficer,
    ChangeRate,
    ChangeStatus,
    CloseBusinessDay,
    CloseLoan,
    Command,
    CreditAccount,
    DebitAccount,
    DisburseLoan,
    EndGradeOverride,
    OpenAccount,
    OpenLoan,
    OverrideGrade,
    ReceiveRepayment,
    RecordPurchase,
    RecordSale,
    ReportPosition,
    ReturnDebit,
    ReverseRepayment,
    ScheduleInstalments,
    VoidInvoice,
)
from ledger.service import Incoming
from ledger.terms import LEGAL_ORDER, Instalment, Terms
from streams.ingest import close_of_day, read, read_many
from streams.topics import MAX_MESSAGE_BYTES, MESSAGE_TYPES, json_schema
from streams.translate import COMMANDS, TYPE_OF

ACCEPTED_US = 1_700_000_000_000_000
MARCH_29 = date(2024, 3, 29)
COMMON: dict[str, Any] = {"transaction_id": "T-1", "value_date": "2024-03-29"}
SEEN = {"transaction_id": "T-1", "value_date": MARCH_29, "recorded_at_us": ACCEPTED_US}
LOAN = SEEN | {"loan_id": "L1"}
ACCOUNT = SEEN | {"account_id": "A1"}
TERMS = {"method": "annuity", "instalments": 12, "rate_percent": "9.4822"}


def take(body: bytes) -> Incoming:
    return read(body, source="test", offset=1, accepted_us=ACCEPTED_US)


def message(type_: str, /, **fields: Any) -> bytes:
    return json.dumps({"type": type_} | COMMON | fields).encode()


def refused(body: bytes) -> tuple[str, str]:
    incoming = take(body)
    assert incoming.command is None
    assert incoming.error is not None
    assert incoming.original == body
    assert incoming.recorded_at_us == ACCEPTED_US
    return incoming.error.code, str(incoming.error)


EVERY_TYPE: dict[str, tuple[dict[str, Any], Command]] = {
    "loan_opened": (
        {
            "loan_id": "L1", "borrower_id": "B1", "product": "流动资金贷款", "currency": "CNY",
            "principal": "500000", "terms": TERMS, "officer_id": "O1", "branch": "杭州",
        },
        OpenLoan(
            **LOAN, borrower_id="B1", account_id=None, product="流动资金贷款", currency="CNY",
            principal_minor=50_000_000, officer_id="O1", branch="杭州", industry="", region="",
            guarantor_id=None,
            terms=Terms(
                method="annuity", instalments=12, period_months=1, first_due_date=None,
                rate_ppm=94_822, day_count="30/360", allocation=LEGAL_ORDER,
                instalment_unit_minor=1,
            ),
        ),
    ),
    "loan_disbursed": (
        {"loan_id": "L1", "amount": "1.5", "currency": "EUR"},
        DisburseLoan(**LOAN, amount_minor=150, currency="EUR"),
    ),
    "instalments_scheduled": (
        {
            "loan_id": "L1", "currency": "CNY",
            "instalments": [
                {"number": 1, "due_date": "2024-04-29", "principal": "100.00", "interest": "0"}
            ],
        },
        ScheduleInstalments(
            **LOAN, currency="CNY",
            instalments=(
                Instalment(
                    number=1, due_date=date(2024, 4, 29), principal_minor=10_000, interest_minor=0
                ),
            ),
        ),
    ),
    "repayment_received": (
        {"loan_id": "L1", "amount": "100", "currency": "JPY"},
        ReceiveRepayment(**LOAN, amount_minor=100, currency="JPY"),
    ),
    "repayment_reversed": (
        {"loan_id": "L1", "reversed_transaction_id": "T/0", "reason": "bounced"},
        ReverseRepayment(**LOAN, reversed_transaction_id="T/0", reason="bounced"),
    ),
    "charge_applied": (
        {
            "loan_id": "L1", "kind": "penalty", "amount": "0.500", "currency": "KWD",
            "due_date": "2024-03-30",
        },
        ApplyCharge(
            **LOAN, kind="penalty", amount_minor=500, currency="KWD", due_date=date(2024, 3, 30)
        ),
    ),
    "loan_rate_changed": (
        {"loan_id": "L1", "rate_percent": "12"}, ChangeRate(**LOAN, rate_ppm=120_000),
    ),
    "interest_accrued": ({"loan_id": "L1"}, AccrueInterest(**LOAN)),
    "loan_limit_changed": (
        {"loan_id": "L1", "limit": "0", "currency": "CNY"},
        ChangeLimit(**LOAN, limit_minor=0, currency="CNY"),
    ),
    "loan_officer_changed": (
        {"loan_id": "L1", "officer_id": "O2", "branch": "宁波"},
        ChangeOfficer(**LOAN, officer_id="O2", branch="宁波"),
    ),
    "loan_guarantor_changed": (
        {"loan_id": "L1", "guarantor_id": None}, ChangeGuarantor(**LOAN, guarantor_id=None),
    ),
    "loan_status_changed": (
        {"loan_id": "L1", "finding": "evasion", "active": True, "reason": "moved away"},
        ChangeStatus(**LOAN, finding="evasion", active=True, reason="moved away"),
    ),
    "loan_assessed": (
        {"loan_id": "L1", "measure": "ecl_ratio", "percent": "52.5", "reason": "model"},
        AssessLoan(**LOAN, measure="ecl_ratio", value_ppm=525_000, reason="model"),
    ),
    "grade_overridden": (
        {
            "loan_id": "L1", "regime": "cn-2023", "grade": "doubtful", "reason": "fled",
            "requested_by": "Li Na", "approved_by": "Wang Fang", "until": "2024-06-30",
        },
        OverrideGrade(
            **LOAN, regime="cn-2023", grade="doubtful", reason="fled", requested_by="Li Na",
            approved_by="Wang Fang", until=date(2024, 6, 30),
        ),
    ),
    "grade_override_ended": (
        {
            "loan_id": "L1", "regime": "cn-2023", "reason": "back",
            "requested_by": "Li Na", "approved_by": "Wang Fang",
        },
        EndGradeOverride(
            **LOAN, regime="cn-2023", reason="back", requested_by="Li Na", approved_by="Wang Fang",
        ),
    ),
    "position_reported": (
        {"loan_id": "L1", "outstanding": "10", "currency": "CNY", "months_past_due": 2},
        ReportPosition(
            **LOAN, currency="CNY", outstanding_minor=1_000, payment_due_minor=None,
            months_past_due=2,
        ),
    ),
    "loan_closed": ({"loan_id": "L1", "reason": "repaid"}, CloseLoan(**LOAN, reason="repaid")),
    "account_opened": (
        {
            "account_id": "A1", "borrower_id": "B1", "currency": "CNY",
            "opening_balance": "-12.34",
        },
        OpenAccount(
            **ACCOUNT, borrower_id="B1", currency="CNY", opening_balance_minor=-1_234,
            overdraft_limit_minor=0,
        ),
    ),
    "account_credited": (
        {"account_id": "A1", "amount": "1250.75", "currency": "CNY", "balance": "-0.01"},
        CreditAccount(
            **ACCOUNT, amount_minor=125_075, currency="CNY", balance_minor=-1, flow="trade"
        ),
    ),
    "account_debited": (
        {"account_id": "A1", "amount": "5", "currency": "CNY", "flow": "wages"},
        DebitAccount(**ACCOUNT, amount_minor=500, currency="CNY", balance_minor=None, flow="wages"),
    ),
    "account_debit_returned": (
        {"account_id": "A1", "amount": "5", "currency": "CNY"},
        ReturnDebit(**ACCOUNT, amount_minor=500, currency="CNY", flow="loan_repayment"),
    ),
    "sale_invoiced": (
        {
            "borrower_id": "B1", "counterparty": "C7", "net": "-25737.95", "tax": "-4375.45",
            "currency": "CNY",
        },
        RecordSale(
            **SEEN, borrower_id="B1", counterparty="C7", currency="CNY", net_minor=-2_573_795,
            tax_minor=-437_545,
        ),
    ),
    "purchase_invoiced": (
        {"borrower_id": "B1", "counterparty": "S2", "net": "9125.32", "currency": "CNY"},
        RecordPurchase(
            **SEEN, borrower_id="B1", counterparty="S2", currency="CNY", net_minor=912_532,
            tax_minor=0,
        ),
    ),
    "invoice_voided": (
        {"borrower_id": "B1", "voided_transaction_id": "T-0"},
        VoidInvoice(**SEEN, borrower_id="B1", voided_transaction_id="T-0"),
    ),
    "business_day_closed": ({}, CloseBusinessDay(**SEEN)),
}  # fmt: skip


def test_every_message_type_has_its_case_here_and_its_command() -> None:
    assert list(EVERY_TYPE) == list(MESSAGE_TYPES)[: len(EVERY_TYPE)]  # test_ingest_changes: more
    assert [TYPE_OF[type(command)] for _, command in EVERY_TYPE.values()] == list(EVERY_TYPE)
    assert list(COMMANDS) == list(MESSAGE_TYPES.values())


@pytest.mark.parametrize("kind", EVERY_TYPE)
def test_a_message_becomes_its_command(kind: str) -> None:
    fields, command = EVERY_TYPE[kind]
    incoming = take(message(kind, **fields))
    assert incoming.error is None
    assert incoming.command == command
    assert incoming.transaction_id == "T-1"


REFUSALS: dict[str, tuple[bytes, str, str]] = {
    "not JSON": (b'{"type": "loan_closed"', "not_json", "one JSON object"),
    "an array": (b"[]", "not_json", "not a JSON object"),
    "nothing": (b"", "not_json", "Not JSON"),
    "nested too deep": (b"[" * 200_000, "not_json", "recursion limit"),
    "not UTF-8": (b'{"type": "loan_\xff"}', "not_utf8", "Byte 16"),
    "too large": (b" " * (MAX_MESSAGE_BYTES + 1), "message_too_large", "262,144"),
    "no type": (b"{}", "unknown_type", "no type"),
    "unknown type": (message("loan_burnt"), "unknown_type", "loan_opened"),
    "unknown field": (message("loan_closed", reasons="x"), "unknown_field", "Known fields"),
    "missing field": (message("loan_closed", reason="repaid"), "missing_field", "loan_id"),
    "JSON number as amount": (
        message("loan_disbursed", loan_id="L", amount=5.5, currency="CNY"),
        "invalid_amount", "never a JSON number",
    ),
    "negative amount": (
        message("loan_disbursed", loan_id="L", amount="-5", currency="CNY"),
        "invalid_amount", "positive",
    ),
    "zero amount": (
        message("loan_disbursed", loan_id="L", amount="0.00", currency="CNY"),
        "invalid_amount", "above zero",
    ),
    "amount with separators": (
        message("loan_disbursed", loan_id="L", amount="1,250.00", currency="CNY"),
        "invalid_amount", "without separators",
    ),
    "over-precise amount": (
        message("loan_disbursed", loan_id="L", amount="1.001", currency="CNY"),
        "invalid_amount", "at most 2 digits",
    ),
    "over-large amount": (
        message("loan_disbursed", loan_id="L", amount="1000000000000001.00", currency="CNY"),
        "invalid_amount", "larger than",
    ),
    "unknown currency": (
        message("loan_disbursed", loan_id="L", amount="1", currency="XXX"),
        "currency_mismatch", "ISO 4217",
    ),
    "over-precise rate": (
        message("loan_rate_changed", loan_id="L", rate_percent="9.48221"),
        "invalid_value", "up to 4 digits",
    ),
    "id with a space": (
        message("loan_closed", loan_id="L 1", reason="repaid"), "invalid_value", "A-Z a-z",
    ),
    "transaction id with a space": (
        message("loan_closed", loan_id="L", reason="repaid", transaction_id="a b"),
        "invalid_value", "printable ASCII",
    ),
    "date that does not exist": (
        message("business_day_closed", value_date="2024-02-30"), "invalid_value", "ISO date",
    ),
    "date as a number": (
        message("business_day_closed", value_date=20240229), "invalid_value", "ISO date",
    ),
    "date outside the calendar": (
        message("business_day_closed", value_date="1889-02-28"), "date_out_of_range", "1990",
    ),
    "moment without a zone": (
        message("business_day_closed", sent_at="2024-03-29T10:00:00"), "invalid_value", "time zone",
    ),
    "moment that does not exist": (
        message("business_day_closed", sent_at="2024-02-30T10:00:00Z"), "invalid_value", "2024",
    ),
    "moment outside the calendar": (
        message("business_day_closed", sent_at="1989-12-31T23:59:59Z"), "date_out_of_range", "1990",
    ),
    "word outside its list": (
        message("loan_closed", loan_id="L", reason="eaten"), "invalid_value", "'written_off'",
    ),
    "text as a flag": (
        message("loan_status_changed", loan_id="L", finding="evasion", active="yes", reason=""),
        "invalid_value", "active",
    ),
    "control character in a name": (
        message("loan_officer_changed", loan_id="L", officer_id="O", branch="a\nb"),
        "invalid_value", "control characters",
    ),
    "a schedule without rows": (
        message("instalments_scheduled", loan_id="L", currency="CNY", instalments=[]),
        "invalid_value", "instalments",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_a_bad_message_is_refused_with_code_and_way_out(case: str) -> None:
    body, code, words = REFUSALS[case]
    found, text = refused(body)
    assert found == code
    assert words in text
    assert len(text) < 1_500


def test_a_refused_message_keeps_its_transaction_id_where_it_can_be_read() -> None:
    assert take(message("loan_burnt")).transaction_id == "T-1"
    assert take(b'{"transaction_id": "a b"}').transaction_id is None
    assert take(b'{"transaction_id": 7}').transaction_id is None
    assert take(b"garbage").transaction_id is None


@given(st.binary(max_size=200))
def test_no_bytes_at_all_raise(body: bytes) -> None:
    assert take(body).error is not None


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
), st.sampled_from(sorted(EVERY_TYPE)), st.integers(0, 20))  # fmt: skip
def test_no_value_in_any_field_of_any_type_raises(value: Any, kind: str, at: int) -> None:
    document = {"type": kind} | COMMON | EVERY_TYPE[kind][0]
    names = list(document)
    document[names[at % len(names)]] = value
    incoming = take(json.dumps(document).encode())
    assert (incoming.command is None) != (incoming.error is None)


def test_many_messages_count_their_offsets_up() -> None:
    bodies = [message("business_day_closed"), b"x", message("business_day_closed")]
    many = read_many(bodies, source="s", first_offset=7, accepted_us=ACCEPTED_US)
    assert [(m.source, m.offset, m.error is None) for m in many] == [
        ("s", 7, True), ("s", 8, False), ("s", 9, True),
    ]  # fmt: skip


def test_a_close_made_here_is_the_same_as_one_that_came_as_a_message() -> None:
    made = close_of_day(MARCH_29, recorded_at_us=5, source="clock", offset=1)
    came = read(made.original, source="clock", offset=1, accepted_us=5)
    assert made == came
    assert made.transaction_id == "close-2024-03-29"


def test_the_published_schema_names_every_type_and_forbids_unknown_fields() -> None:
    schema = json_schema()
    assert schema["discriminator"]["mapping"].keys() == MESSAGE_TYPES.keys()
    assert all(d["additionalProperties"] is False for d in schema["$defs"].values())
