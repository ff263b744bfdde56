"""Days past due, arrears and the split of a repayment, by hand and against published series."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.dates import date_of, day_number
from ledger.delinquency import (
    FEES,
    Charge,
    Dues,
    arrears_minor,
    days_past_due,
    oldest_unmet_day,
)
from ledger.terms import LEGAL_ORDER, Instalment
from ledger.waterfall import allocate, order_of, parts_of, split_of


def monthly(first: date, principal: int, interest: int, rows: int) -> tuple[Instalment, ...]:
    return tuple(
        Instalment(
            number=number + 1,
            due_date=date(first.year, first.month + number, first.day),
            principal_minor=principal,
            interest_minor=interest,
        )
        for number in range(rows)
    )


def test_the_due_date_is_day_0_and_the_day_after_is_day_1() -> None:
    dues = Dues(monthly(date(2024, 2, 1), 90, 10, 2))
    due = day_number(date(2024, 2, 1))
    assert [days_past_due(dues, paid_minor=0, day=due + n) for n in (-1, 0, 1, 29)] == [0, 0, 1, 29]
    assert [arrears_minor(dues, paid_minor=0, day=due + n) for n in (0, 1, 29, 30)] == [
        0,
        100,
        100,
        200,
    ]
    assert days_past_due(dues, paid_minor=99, day=due + 5) == 5
    assert arrears_minor(dues, paid_minor=99, day=due + 5) == 1
    assert days_past_due(dues, paid_minor=100, day=due + 29) == 0


def test_day_counts_of_the_series_published_by_frappe_lending() -> None:
    dues = Dues(monthly(date(2024, 10, 5), 378_200, 0, 2))
    payments = [
        (date(2024, 10, 5), 300_000),
        (date(2024, 10, 9), 78_200),
        (date(2024, 11, 5), 300_000),
        (date(2024, 11, 10), 78_200),
    ]
    published = {
        date(2024, 10, 5): 1,
        date(2024, 10, 6): 2,
        date(2024, 10, 7): 3,
        date(2024, 10, 8): 4,
        date(2024, 10, 9): 0,
        date(2024, 10, 10): 0,
        date(2024, 11, 4): 0,
        date(2024, 11, 5): 1,
        date(2024, 11, 6): 2,
        date(2024, 11, 7): 3,
        date(2024, 11, 8): 4,
        date(2024, 11, 9): 5,
        date(2024, 11, 10): 0,
    }
    for day, counted in published.items():
        paid = sum(amount for when, amount in payments if when <= day)
        number = day_number(day)
        assert days_past_due(dues, paid_minor=paid, day=number, due_date_counts=1) == counted
        assert days_past_due(dues, paid_minor=paid, day=number) == max(0, counted - 1)


def test_india_counts_30_60_and_90_days_from_a_due_date_that_is_day_1() -> None:
    dues = Dues(
        [Instalment(number=1, due_date=date(2021, 3, 31), principal_minor=1, interest_minor=0)]
    )
    for day, counted in [
        (date(2021, 3, 31), 1),
        (date(2021, 4, 30), 31),
        (date(2021, 5, 30), 61),
        (date(2021, 6, 29), 91),
    ]:
        assert days_past_due(dues, paid_minor=0, day=day_number(day), due_date_counts=1) == counted


def test_an_instalment_of_nothing_is_never_past_due() -> None:
    empty = Instalment(number=1, due_date=date(2024, 2, 1), principal_minor=0, interest_minor=0)
    dues = Dues([empty])
    assert oldest_unmet_day(dues, paid_minor=0) is None
    assert Dues().total_minor == 0
    assert days_past_due(Dues(), paid_minor=0, day=0) == 0


@given(
    amounts=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 50)), min_size=1, max_size=12),
    payments=st.lists(st.tuples(st.integers(0, 80), st.integers(1, 60)), max_size=8),
    day=st.integers(0, 90),
)
def test_day_counts_equal_a_plain_walk_over_the_dues(amounts, payments, day) -> None:
    dues = Dues([], [Charge(when, FEES, amount) for when, amount in amounts])
    paid = sum(amount for when, amount in payments if when <= day)
    left, oldest = paid, None
    for when, amount in sorted(amounts):
        if left < amount and oldest is None:
            oldest = when
        left -= amount
    expected = day - oldest if oldest is not None and oldest <= day else 0
    assert days_past_due(dues, paid_minor=paid, day=day) == expected
    fallen = sum(amount for when, amount in amounts if when < day)
    assert arrears_minor(dues, paid_minor=paid, day=day) == max(0, fallen - paid)


def applied(amount: int, day: date, dues: Dues, paid=(0,) * 5, principal: int = 10**9) -> list[int]:
    return allocate(
        amount,
        day=day_number(day),
        dues=dues,
        paid=paid,
        order=order_of(LEGAL_ORDER),
        principal_minor=principal,
    )


def test_what_is_due_is_met_by_component_and_the_rest_goes_to_the_next_due_day() -> None:
    rows = monthly(date(2024, 2, 1), 90, 10, 3)
    dues = Dues(rows, [Charge(day_number(date(2024, 3, 1)), FEES, 5)])
    # Two rows and the fee are due: fee 5, interest 20, principal 180; then row 3.
    assert applied(20, date(2024, 3, 1), dues) == [0, 5, 0, 15, 0, 0]
    assert applied(205, date(2024, 3, 1), dues) == [0, 5, 0, 20, 180, 0]
    assert applied(220, date(2024, 3, 1), dues) == [0, 5, 0, 30, 185, 0]
    assert applied(400, date(2024, 3, 1), dues) == [0, 5, 0, 30, 270, 95]


def test_before_the_first_due_date_money_pays_the_first_instalment_in_advance() -> None:
    dues = Dues(monthly(date(2024, 2, 1), 90, 10, 2))
    assert applied(150, date(2024, 1, 5), dues) == [0, 0, 0, 20, 130, 0]
    assert applied(50, date(2024, 1, 5), dues, paid=(0, 0, 0, 10, 90)) == [0, 0, 0, 10, 40, 0]
    assert applied(50, date(2024, 1, 5), Dues()) == [0, 0, 0, 0, 0, 50]


def test_no_more_principal_is_repaid_than_was_paid_out() -> None:
    dues = Dues(monthly(date(2024, 2, 1), 90, 10, 2))
    assert applied(300, date(2024, 3, 1), dues, principal=100) == [0, 0, 0, 20, 100, 180]


def test_the_agreed_order_decides_what_is_met_first() -> None:
    dues = Dues(monthly(date(2024, 2, 1), 90, 10, 1))
    order = order_of(("principal", "interest", "fees", "penalty", "costs"))
    day = day_number(date(2024, 2, 1))
    parts = allocate(95, day=day, dues=dues, paid=(0,) * 5, order=order, principal_minor=90)
    assert parts == [0, 0, 0, 5, 90, 0]
    assert parts_of(split_of(parts)) == tuple(parts)


@pytest.mark.parametrize("amount", [1, 99, 100, 101, 10_000])
def test_parts_always_give_back_the_whole(amount: int) -> None:
    dues = Dues(monthly(date(2024, 2, 1), 90, 10, 4))
    for offset in (0, 31, 65, 500):
        parts = applied(amount, date(2024, 1, 15) + timedelta(days=offset), dues)
        assert sum(parts) == amount


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 4), st.integers(-9, 99)), max_size=8),
    st.lists(st.integers(0, 40), max_size=4, unique=True),
)
def test_charges_added_one_by_one_are_as_if_all_had_been_known_at_once(
    charges: list[tuple[int, int, int]], due: list[int]
) -> None:
    rows = [
        Instalment(number=1, due_date=date_of(day), principal_minor=100, interest_minor=7)
        for day in due
    ]
    dues = Dues(rows)
    for charge in charges:
        dues = dues.plus(Charge(*charge))
    whole = Dues(rows, [Charge(*charge) for charge in charges])
    assert (dues.days, dues.running, dues.totals) == (whole.days, whole.running, whole.totals)
