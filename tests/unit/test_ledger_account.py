"""Settlement accounts, the calendar of closed days, and the double entry of every fact."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.account import REMEMBERED_DAYS, Account
from ledger.commands import (
    CloseBusinessDay,
    Command,
    CreditAccount,
    DebitAccount,
    OpenAccount,
    ReturnDebit,
)
from ledger.dates import day_number, start_of_day_us
from ledger.day import Days
from ledger.decide import decide, evolve
from ledger.errors import (
    AlreadyOpen,
    CurrencyMismatch,
    DateOutOfRange,
    InvalidAmount,
    InvariantBroken,
    LoanError,
    RuleRefused,
    UnknownEntity,
)
from ledger.events import (
    LoanClosed,
    Reallocation,
    RepaymentReceived,
    RepaymentReversed,
    RepaymentsReallocated,
)
from ledger.postings import Posting, check_balanced, check_fact, postings_of
from ledger.terms import Split

DAY = date(2024, 1, 10)
AT = start_of_day_us(date(2024, 12, 31))


def opened(balance: int = 1_000) -> OpenAccount:
    return OpenAccount(
        account_id="A1",
        borrower_id="B1",
        currency="CNY",
        opening_balance_minor=balance,
        overdraft_limit_minor=0,
        transaction_id="open",
        value_date=DAY,
        recorded_at_us=AT,
    )


def move(
    amount: int,
    *,
    balance: int | None = None,
    day: date = DAY,
    currency: str = "CNY",
) -> CreditAccount | DebitAccount:
    kind = CreditAccount if amount >= 0 else DebitAccount
    return kind(
        account_id="A1",
        amount_minor=abs(amount),
        currency=currency,
        balance_minor=balance,
        flow="trade",
        transaction_id="move",
        value_date=day,
        recorded_at_us=AT,
    )


def after(*commands: Command) -> Any:
    state: Any = None
    for command in commands:
        for fact in decide(state, command):
            state = evolve(state, fact)
    return state


def test_a_movement_carries_the_balance_after_it() -> None:
    (credited,) = decide(after(opened()), move(250))
    (debited,) = decide(after(opened()), move(-1_500))
    assert (credited.balance_minor, debited.balance_minor) == (1_250, -500)
    assert after(opened(), move(250), move(-1_500)).balance_minor == -250


def test_a_returned_debit_moves_no_money() -> None:
    returned = ReturnDebit(
        account_id="A1",
        amount_minor=70,
        currency="CNY",
        flow="loan_repayment",
        transaction_id="t",
        value_date=DAY,
        recorded_at_us=AT,
    )
    (fact,) = decide(after(opened()), returned)
    assert after(opened(), returned).balance_minor == 1_000
    assert postings_of(fact, currency="CNY") == ()


def test_a_balance_that_contradicts_the_books_is_refused_with_both_numbers() -> None:
    state = after(opened(), move(250, balance=1_250))
    with pytest.raises(RuleRefused, match=r"13\.00.*12\.60") as refused:
        decide(state, move(10, balance=1_300))
    assert refused.value.rule == "balance_contradicts"
    assert decide(state, move(10, balance=1_260))


def test_a_late_movement_may_state_the_balance_of_its_own_day_or_of_now() -> None:
    later = DAY + timedelta(days=5)
    state = after(opened(), move(300, day=later))
    (by_value,) = decide(state, move(-100, balance=900, day=DAY + timedelta(days=1)))
    (by_booking,) = decide(state, move(-100, balance=1_200, day=DAY + timedelta(days=1)))
    assert by_value.balance_minor == by_booking.balance_minor == 1_200
    with pytest.raises(RuleRefused, match="contradicts"):
        decide(state, move(-100, balance=901, day=DAY + timedelta(days=1)))
    with pytest.raises(RuleRefused, match="contradicts"):
        decide(state, move(-100, balance=900, day=later))


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(-50, 50)), max_size=400))
def test_the_balance_of_a_remembered_day_equals_the_sum_of_its_movements(movements) -> None:
    account = after(opened())
    assert isinstance(account, Account)
    first = day_number(DAY)
    for offset, amount in movements:
        account.move(first + offset, amount)
    for day in {first + offset for offset, _ in movements}:
        balance = account.balance_on(day)
        total = 1_000 + sum(a for offset, a in movements if first + offset <= day)
        assert balance in (total, None)
    days = {first} | {first + offset for offset, _ in movements}
    assert account.balance_on(max(days)) == account.balance_minor
    assert len(account.days) == len(account.nets) <= 2 * REMEMBERED_DAYS
    assert len(account.days) >= min(len(days), REMEMBERED_DAYS)


def test_what_was_long_ago_can_be_checked_by_todays_balance_only() -> None:
    state = after(opened(), *[move(1, day=DAY + timedelta(days=n)) for n in range(200)])
    assert state.balance_on(day_number(DAY)) is None
    with pytest.raises(RuleRefused):
        decide(state, move(1, balance=1_003, day=DAY + timedelta(days=1)))
    assert decide(state, move(1, balance=1_201, day=DAY + timedelta(days=1)))
    assert decide(state, move(1, day=DAY + timedelta(days=1)))


@pytest.mark.parametrize(
    ("given_open", "when", "error"),
    [
        (False, move(5), UnknownEntity),
        (True, opened(), AlreadyOpen),
        (True, move(5, currency="EUR"), CurrencyMismatch),
        (True, move(0), InvalidAmount),
        (True, move(5, day=DAY - timedelta(days=1)), DateOutOfRange),
        (True, move(5, day=date(2025, 1, 2)), DateOutOfRange),
    ],
)
def test_a_refused_movement_says_the_way_out(
    given_open: bool, when: Command, error: type[LoanError]
) -> None:
    state = after(opened()) if given_open else None
    with pytest.raises(error) as refused:
        decide(state, when)
    assert refused.value.way_out


def close(day: date) -> CloseBusinessDay:
    return CloseBusinessDay(transaction_id=f"close-{day}", value_date=day, recorded_at_us=AT)


def test_days_close_in_order_and_the_same_day_again_is_nothing_new() -> None:
    (closed,) = decide(None, close(DAY))
    state = evolve(None, closed)
    assert isinstance(state, Days)
    assert decide(state, close(DAY)) == ()
    assert decide(state, close(DAY + timedelta(days=3)))
    with pytest.raises(RuleRefused, match="2024-01-10 is closed") as refused:
        decide(state, close(DAY - timedelta(days=1)))
    assert refused.value.rule == "day_already_closed"
    with pytest.raises(DateOutOfRange):
        decide(state, close(date(2025, 1, 2)))


COMMON: dict[str, Any] = {"transaction_id": "t", "value_date": DAY, "recorded_at_us": AT}
SPLIT = Split(fees_minor=5, interest_minor=20, principal_minor=70, unapplied_minor=5)


def lines(fact: object) -> dict[str, int]:
    return {posting.account: posting.amount_minor for posting in postings_of(fact, currency="CNY")}


def test_an_opening_balance_and_movements_are_deposits() -> None:
    (opening,) = decide(None, opened())
    assert lines(opening) == {"equity:opening_balances": 1_000, "liabilities:deposits": -1_000}
    (credited,) = decide(after(opened()), move(250))
    assert lines(credited) == {"assets:clearing": 250, "liabilities:deposits": -250}
    (debited,) = decide(after(opened()), move(-250))
    assert lines(debited) == {"assets:clearing": -250, "liabilities:deposits": 250}


def test_a_repayment_and_its_reversal_cancel_out() -> None:
    received = RepaymentReceived(loan_id="L1", amount_minor=100, split=SPLIT, **COMMON)
    undone = RepaymentReversed(
        loan_id="L1",
        reversed_transaction_id="t",
        amount_minor=100,
        split=SPLIT,
        reason="bounced",
        noticed_date=DAY,
        **COMMON,
    )
    assert lines(received) == {
        "assets:clearing": 100,
        "assets:receivable:fees": -5,
        "income:interest": -20,
        "assets:loans:principal": -70,
        "liabilities:suspense": -5,
    }
    assert lines(undone) == {account: -amount for account, amount in lines(received).items()}


def test_a_reallocation_moves_the_difference_only() -> None:
    change = Reallocation(
        transaction_id="t", before=SPLIT, split=Split(fees_minor=5, principal_minor=95)
    )
    fact = RepaymentsReallocated(loan_id="L1", changes=(change,), **COMMON)
    assert lines(fact) == {
        "income:interest": 20,
        "assets:loans:principal": -25,
        "liabilities:suspense": 5,
    }


def test_a_write_off_is_an_expense_and_unpaid_interest_was_never_booked() -> None:
    closed = LoanClosed(
        loan_id="L1",
        reason="written_off",
        remaining=Split(penalty_minor=3, interest_minor=9, principal_minor=40),
        **COMMON,
    )
    assert lines(closed) == {
        "expenses:write_off": 43,
        "assets:receivable:penalty": -3,
        "assets:loans:principal": -40,
    }
    refinanced = LoanClosed(
        loan_id="L1", reason="refinanced", remaining=Split(principal_minor=40), **COMMON
    )
    assert lines(refinanced) == {"assets:clearing": 40, "assets:loans:principal": -40}
    repaid = LoanClosed(loan_id="L1", reason="repaid", remaining=Split(), **COMMON)
    assert lines(repaid) == {}


def test_postings_that_do_not_add_up_stop_the_books() -> None:
    lost = RepaymentReceived(loan_id="L1", amount_minor=101, split=SPLIT, **COMMON)
    with pytest.raises(InvariantBroken, match="add up"):
        postings_of(lost, currency="CNY")
    with pytest.raises(InvariantBroken, match="add up"):
        check_fact(lost)
    two = [Posting("a", 5, "CNY"), Posting("b", -5, "EUR")]
    with pytest.raises(InvariantBroken):
        check_balanced(two, of="two currencies")
