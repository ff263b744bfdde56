"""How far the book goes: the last day a loan may reach, and the most money it can hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from ledger import totals
from ledger.commands import (
    Command,
    CreditAccount,
    DebitAccount,
    DisburseLoan,
    OpenAccount,
    OpenLoan,
    ReceiveRepayment,
)
from ledger.dates import LAST_DATE, start_of_day_us
from ledger.decide import decide, evolve, state_of
from ledger.errors import DateOutOfRange, InvalidAmount, StoreBlocked
from ledger.money import MAX_BOOK_MINOR, MAX_TOTAL_MINOR, parse_minor
from ledger.service import Incoming, Ledger
from ledger.store import MemoryLog
from ledger.terms import Roll, Terms
from streams.fields import minor_of

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
    opened: OpenLoan = asked(OpenLoan, **(fields | changes))
    return opened


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


def test_a_single_amount_is_at_most_ten_trillion_in_every_way_in() -> None:
    with pytest.raises(InvalidAmount, match="larger than the book can hold") as refused:
        parse_minor("10000000000000.01", "CNY")
    assert refused.value.way_out == "Send at most 10,000,000,000,000.00 at once."
    assert parse_minor("10000000000000.00", "CNY") == 10**15
    # A currency of three digits has one digit less before the point for the same minor units.
    assert minor_of("1000000000000.000", "KWD") == 10**15
    with pytest.raises(InvalidAmount):
        minor_of("1000000000000.001", "KWD")
    for amount in (10**15 + 1, -(10**15) - 1):
        with pytest.raises(InvalidAmount):
            decide(None, account("A1", opening_balance_minor=amount))


def test_sums_fit_in_64_bits_whatever_the_book_holds() -> None:
    # An account's balance over the longest window, and a full book with one more message.
    assert MAX_TOTAL_MINOR * 360 < 2**63
    assert MAX_BOOK_MINOR + 2 * MAX_TOTAL_MINOR < 2**63


def account(account_id: str, **changes: Any) -> OpenAccount:
    fields: dict[str, Any] = {
        "account_id": account_id,
        "borrower_id": "B1",
        "currency": "CNY",
        "opening_balance_minor": 0,
        "overdraft_limit_minor": 0,
    }
    opened: OpenAccount = asked(OpenAccount, f"open-{account_id}", **(fields | changes))
    return opened


def sent(*commands: Command) -> list[Incoming]:
    return [
        Incoming(c, None, b"{}", "t", offset, c.recorded_at_us, c.transaction_id)
        for offset, c in enumerate(commands, start=1)
    ]


@pytest.fixture
def small_book(monkeypatch: pytest.MonkeyPatch) -> None:
    """A book is full when more than 10.00 of a currency are in it."""
    monkeypatch.setattr(totals, "MAX_BOOK_MINOR", 1_000)


def one_by_one(log: MemoryLog, commands: list[Command]) -> list[str]:
    return [Ledger(log).record(sent(command)).outcomes[0].code for command in commands]


@pytest.mark.usefixtures("small_book")
def test_a_full_book_takes_nothing_more_in_that_currency_whoever_asks_and_however_batched() -> None:
    commands: list[Command] = [
        account("A1", opening_balance_minor=600),
        account("A2", opening_balance_minor=-400),  # 1,000: as much as a book takes
        asked(CreditAccount, "c1", account_id="A1", amount_minor=1, currency="CNY",
              balance_minor=None, flow="trade"),  # 1,001, one more than it
        opening(),  # refused
        asked(DebitAccount, "d1", account_id="A2", amount_minor=1, currency="CNY",
              balance_minor=None, flow="trade"),  # refused
        account("A3", currency="EUR", opening_balance_minor=7),  # another currency
    ]  # fmt: skip
    expected = ["", "", "", "book_full", "book_full", ""]
    whole, singly = MemoryLog("ledger"), MemoryLog("ledger")
    outcomes = Ledger(whole).record(sent(*commands)).outcomes
    assert [outcome.code for outcome in outcomes] == expected
    assert outcomes[3].way_out == "Begin another book: one takes 10.00."
    # A ledger opened anew for each message knows from its tracking, and records the same.
    assert one_by_one(singly, commands) == expected
    facts = [(item.stream, item.version) for item in whole.read()]
    assert facts == [(item.stream, item.version) for item in singly.read()]
    for log in (whole, singly):
        assert (log.tracked("total:CNY"), log.tracked("total:EUR")) == (1_001, 7)


@pytest.mark.usefixtures("small_book")
def test_a_commit_that_fails_counts_nothing() -> None:
    class Failing(MemoryLog):
        def record(self, *facts: Any, **more: Any) -> Any:
            raise StoreBlocked("The disk is full.")

    failing = Failing("ledger")
    ledger = Ledger(failing)
    for _ in range(3):  # counted thrice it would be 1,800 and refused
        with pytest.raises(StoreBlocked):
            ledger.record(sent(account("A1", opening_balance_minor=600)))
    failing.record = MemoryLog.record.__get__(failing)  # type: ignore[method-assign]
    again = ledger.record(sent(account("A1", opening_balance_minor=600)))
    assert again.outcomes[0].status == "accepted"
    assert failing.tracked("total:CNY") == 600


def test_an_early_draw_and_a_smaller_schedule_do_not_make_a_loan_smaller() -> None:
    # 100.00 agreed, 100.00 paid out and 100.00 in the schedule; then 20.00 come in, twice counted.
    loan = state_of(decide(None, opening()))
    for command in (
        asked(DisburseLoan, "out", loan_id="L1", amount_minor=10_000, currency="CNY"),
        asked(ReceiveRepayment, "in", loan_id="L1", amount_minor=2_000, currency="CNY"),
    ):
        for fact in decide(loan, command):
            loan = evolve(loan, fact)
    assert totals.total_of(loan) == 3 * 10_000 + 2 * 2_000
