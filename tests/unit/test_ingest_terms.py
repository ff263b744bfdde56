"""The terms of a loan as a message says them: what they become, and what is refused by name."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from ledger.commands import OpenLoan
from ledger.service import Incoming
from ledger.terms import Grace, Penalty, Roll, Terms
from streams.ingest import read

TERMS = {"method": "annuity", "instalments": 12, "rate_percent": "9.4822"}
OPENED = {
    "type": "loan_opened", "transaction_id": "T-1", "value_date": "2024-03-29", "loan_id": "L1",
    "borrower_id": "B1", "product": "sme", "currency": "CNY", "principal": "500000",
    "officer_id": "O1", "branch": "b",
}  # fmt: skip


def opened(**terms: Any) -> Incoming:
    body = json.dumps(OPENED | {"terms": TERMS | terms}).encode()
    return read(body, source="test", offset=1, accepted_us=1_711_756_800_000_000)


def test_terms_of_every_kind_arrive_as_they_were_agreed() -> None:
    incoming = opened(
        period_days=14, rounding="half_even", down_payment_percent="12.5", revolving=True,
        level="exact", month_end=False, recognition="accrued", suspend_after_days=60,
        direction="instalment", principal_first_after_days=90,
        grace={"principal_instalments": 2, "interest_free_instalments": 1, "arrears_days": 3},
        roll={"convention": "preceding", "holidays": ["2024-05-02", "2024-05-01"]},
        penalty={"markup_percent": "50", "spread_percent": "0.25", "compound": True},
    )  # fmt: skip
    assert isinstance(incoming.command, OpenLoan)
    assert incoming.command.terms == Terms(
        method="annuity",
        instalments=12,
        rate_ppm=94_822,
        period_days=14,
        rounding="half_even",
        down_payment_ppm=125_000,
        revolving=True,
        recognition="accrued",
        suspend_after_days=60,
        direction="instalment",
        principal_first_after_days=90,
        grace=Grace(principal_instalments=2, interest_free_instalments=1, arrears_days=3),
        roll=Roll(convention="preceding", holidays=(date(2024, 5, 1), date(2024, 5, 2))),
        penalty=Penalty(markup_ppm=500_000, spread_ppm=2_500, compound=True),
    )


def test_the_holidays_of_a_named_calendar_become_part_of_the_contract() -> None:
    incoming = opened(roll={"convention": "following", "calendar": "cn"})
    assert isinstance(incoming.command, OpenLoan)
    roll = incoming.command.terms.roll
    assert roll is not None
    # National Day 2024 was a holiday; the Sunday before it was worked.
    assert date(2024, 10, 1) in roll.holidays
    assert date(2024, 9, 29) in roll.worked
    assert list(roll.holidays) == sorted(set(roll.holidays))


@pytest.mark.parametrize(
    ("terms", "complaint"),
    [
        ({"grace": {"principal_instalments": -1}}, "principal_instalments"),
        ({"grace": {"months": 1}}, "months"),
        ({"roll": {"convention": "nearest"}}, "'modified_following'"),
        ({"roll": {"convention": "following", "weekmask": "11111"}}, "weekmask"),
        ({"roll": {"convention": "following", "calendar": "xx"}}, "calendar"),
        ({"roll": {"convention": "following", "holidays": ["1 May"]}}, "holidays"),
        ({"penalty": {"markup_percent": 50}}, "markup_percent"),
        ({"penalty": {"compound": "yes"}}, "compound"),
        ({"rounding": "nearest"}, "'half_even'"),
        ({"period_days": 4_000}, "period_days"),
        ({"recognition": "cash"}, "'accrued'"),
    ],
)
def test_terms_that_nobody_could_mean_are_named(terms: dict[str, Any], complaint: str) -> None:
    incoming = opened(**terms)
    assert incoming.command is None
    assert incoming.error is not None
    assert incoming.error.code in ("invalid_value", "unknown_field")
    assert complaint in str(incoming.error)
