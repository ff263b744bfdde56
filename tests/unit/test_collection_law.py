"""The clock of limitation and the interest after a judgment: edges, and a slow sum of days."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.collection.judgment import Owed, owed_after
from ledger.collection.limitation import Limitation, after_events
from ledger.dates import day_number
from ledger.events import LegalStepTaken

DEADLINE = date(2024, 9, 30)
LAST = day_number(DEADLINE)


def judgment(debt: int, other: int = 0, *, first: bool = False) -> LegalStepTaken:
    return LegalStepTaken(
        borrower_id="B1", case_id="K1", by="U1", transaction_id="T1", step_id="S1", loan_id="L1",
        step="judgment", reference="", amount_minor=debt, other_minor=other, currency="CNY",
        deadline=DEADLINE, value_date=date(2024, 9, 2), recorded_at_us=0, interest_first=first,
    )  # fmt: skip


def test_extra_interest_begins_on_the_day_after_the_deadline() -> None:
    # 1,000,000.00 * 0.000175 = 175.00 a day
    judged = judgment(100_000_000)
    assert owed_after(judged, [], LAST).extra_minor == 0
    assert owed_after(judged, [], LAST + 1).extra_minor == 17_500
    assert owed_after(judged, [], LAST + 365).extra_minor == 365 * 17_500


def test_what_is_paid_by_the_deadline_bears_none() -> None:
    assert owed_after(judgment(500, 80), [(LAST, 580)], LAST + 900) == Owed(0, 0, 0, 0)


def test_fractions_add_up_over_payments_and_are_rounded_once() -> None:
    # 0.10 for 30 days: 10 * 30 * 175 = 52,500 millionths of a cent, 0.05 cent: nothing yet. Of
    # 100.00: 10 days of 10,000 cents are 17.5 cents, 18; 5 days more of 9,999 are 8.749125: 26.25.
    assert owed_after(judgment(10), [], LAST + 30).extra_minor == 0
    assert owed_after(judgment(10_000), [], LAST + 10).extra_minor == 18
    assert owed_after(judgment(10_000), [(LAST + 10, 1)], LAST + 15) == Owed(9_999, 0, 26, 0)


def test_money_that_went_back_is_owed_again_from_its_day() -> None:
    # 10,000 cents: 10 days 17.5; then 4,000 for 10 days 7; then 6,000 go back: 10 days 17.5.
    payments = [(LAST + 10, 6_000), (LAST + 20, -6_000)]
    assert owed_after(judgment(10_000), payments, LAST + 30) == Owed(10_000, 0, 42, 0)
    # Paid beyond everything: what goes back first is what was too much.
    payments = [(LAST, 700), (LAST + 5, -150)]
    assert owed_after(judgment(500, 100), payments, LAST + 5) == Owed(50, 0, 0, 0)


def test_where_it_was_agreed_extra_interest_is_met_first() -> None:
    # 10 days of 10,000: 17.5, asked as 18. Of 20, 18 meet it and 2 the costs.
    owed = owed_after(judgment(10_000, 50, first=True), [(LAST + 10, 20)], LAST + 10)
    assert owed == Owed(10_000, 48, 0, 0)


PAYMENTS = st.lists(st.tuples(st.integers(-20, 400), st.integers(1, 700)), max_size=6)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, 2_000), st.integers(0, 500), PAYMENTS, st.integers(0, 500))
def test_interest_is_the_sum_of_all_days(
    debt: int, other: int, payments: list[tuple[int, int]], asked: int
) -> None:
    # Day by day: what is unpaid when the day begins bears interest on it, the day of payment too.
    extra, left, rest, over = Fraction(0), debt, other, 0
    for day in range(-20, asked + 1):
        if day > 0:
            extra += Fraction(left * 175, 1_000_000)
        for minor in [amount for on, amount in payments if on == day]:
            to_rest = min(minor, rest)
            to_debt = min(minor - to_rest, left)
            rest, left = rest - to_rest, left - to_debt
            spare = minor - to_rest - to_debt
            owed = int(extra + Fraction(1, 2))
            if spare >= owed:
                extra, spare = Fraction(0), spare - owed
            else:
                extra, spare = max(Fraction(0), extra - spare), 0
            over += spare
    told = sorted((LAST + on, minor) for on, minor in payments if on <= asked)
    by_day = [(on, minor) for on, minor in told]
    expected = Owed(left, rest, int(extra + Fraction(1, 2)), over)
    assert owed_after(judgment(debt, other), by_day, LAST + asked) == expected


def test_three_years_end_on_the_day_of_the_month_or_its_last() -> None:
    assert after_events(date(2024, 1, 31), []) == Limitation(
        date(2024, 1, 31), "due", date(2027, 1, 31)
    )
    assert after_events(date(2024, 2, 29), []).last_day == date(2027, 2, 28)


@pytest.mark.parametrize("cause", ["demand", "mediation", "suit", "promise", "payment"])
def test_on_the_last_day_everything_starts_the_clock_anew(cause: str) -> None:
    clock = after_events(date(2024, 1, 31), [(date(2027, 1, 31), cause)])
    assert (clock.cause, clock.last_day) == (cause, date(2030, 1, 31))


@pytest.mark.parametrize(
    ("cause", "revives"),
    [("demand", False), ("mediation", False), ("suit", False), ("promise", True),
     ("payment", True)],
)  # fmt: skip
def test_a_day_later_only_the_debtor_can(cause: str, revives: bool) -> None:
    late = date(2027, 1, 31) + timedelta(days=1)
    clock = after_events(date(2024, 1, 31), [(late, cause)])
    assert (clock.cause == cause) == revives
    assert clock.expired(late) != revives
