"""How far the book goes: the last day a loan may reach, and the most money it can hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from ledger.commands import Command, DisburseLoan, OpenLoan
from ledger.dates import LAST_DATE, start_of_day_us
from ledger.decide import decide, state_of
from ledger.errors import DateOutOfRange
from ledger.terms import Roll, Terms

DAY = date(2024, 1, 1)
TERMS = Terms(method="annuity", instalments=6)


def asked(ask: type[Command], transaction_id: str = "T", day: date = DAY, **fields: Any) -> Any:
    return ask(
        transaction_id=transaction_id,
        value_date=day,
        recorded_at_us=start_of_day_us(date(2024, 6, 1)),
        **fields,
    )


def opening(**changes: Any) -> OpenLoan:
    fields: dict[str, Any] = {
        "loan_id": "L1",
        "borrower_id": "B1",
        "account_id": None,
        "product": "sme",
        "currency": "CNY",
        "principal_minor": 10_000,
        "terms": TERMS,
        "officer_id": "O1",
        "branch": "north",
        "industry": "",
        "region": "",
        "guarantor_id": None,
    }
    return asked(OpenLoan, **(fields | changes))  # type: ignore[no-any-return]


@pytest.mark.parametrize("method", ["annuity", "bullet", "given"])
def test_a_loan_that_would_fall_due_beyond_the_calendar_is_refused_when_it_is_opened(
    method: Any,
) -> None:
    # 1,200 periods of ten years each end in the year 14024.
    long = Terms(method=method, instalments=1_200, period_months=120)
    with pytest.raises(DateOutOfRange, match="beyond 2199-12-31") as refused:
        decide(None, opening(terms=long))
    assert refused.value.way_out == "Agree fewer instalments or shorter periods."


def test_a_last_due_date_may_not_roll_out_of_the_calendar() -> None:
    # Every day from the first due date to the calendar's last is a holiday: the roll would reach
    # 2200-01-01. With a month more in hand the same roll stays within.
    first = date(2199, 11, 30)
    holidays = tuple(first + timedelta(days=n) for n in range((LAST_DATE - first).days + 1))
    roll = Roll(convention="following", weekmask="1111111", holidays=holidays)
    late = replace(TERMS, instalments=1, first_due_date=first, roll=roll)
    with pytest.raises(DateOutOfRange):
        decide(None, opening(terms=late))
    early = replace(late, first_due_date=date(2199, 10, 1))
    loan = state_of(decide(None, opening(terms=early)))
    paid = asked(DisburseLoan, "out", loan_id="L1", amount_minor=10_000, currency="CNY")
    assert decide(loan, paid)[1].instalments[-1].due_date == date(2199, 10, 1)
