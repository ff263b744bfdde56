"""Indicators of dues and payments, each against numbers worked out by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ledger.events import DelinquencyPaused, DelinquencyResumed
from ledger.terms import Grace, Terms

MONTHLY = {f"2024-{month:02d}-10": 1_000 for month in range(1, 13)}


@pytest.fixture
def loan(bank: Any) -> Any:
    """Opened 2023-12-10, 1,000 on the 10th of each month of 2024."""
    bank.opens("2023-12-10")
    bank.schedule("2023-12-10", MONTHLY)
    return bank


def test_the_due_date_is_day_0_and_the_day_after_is_day_1(loan: Any) -> None:
    assert loan.at("2024-01-10", "dpd_days") == 0
    assert loan.at("2024-01-11", "dpd_days") == 1
    assert loan.at("2024-02-10", "dpd_days") == 31


def test_days_past_due_count_from_the_oldest_due_not_fully_met(loan: Any) -> None:
    loan.pays("2024-02-15", 1_500)
    # 1,500 meets January in full and half of February.
    assert loan.at("2024-02-20", "dpd_days") == 10
    loan.pays("2024-02-21", 499)
    assert loan.at("2024-02-21", "dpd_days") == 11
    loan.pays("2024-02-22", 1)
    assert loan.at("2024-02-22", "dpd_days") == 0


def pauses(bank: Any, day: str, until: str) -> None:
    end = date.fromisoformat(until)
    bank.tell(DelinquencyPaused, day, loan_id="L1", until=end, reason="flood")


def test_paused_days_are_no_delinquent_days_and_days_past_due_go_on(loan: Any) -> None:
    pauses(loan, "2024-01-05", "2024-01-16")
    # Due on the 10th: the days from the 10th to the 15th are paused, six of them.
    for day, dpd, delinquent in (
        ("2024-01-15", 5, 0), ("2024-01-16", 6, 0), ("2024-01-17", 7, 1), ("2024-01-20", 10, 4),
    ):  # fmt: skip
        assert loan.at(day, "dpd_days") == dpd
        assert loan.at(day, "delinquent_days") == delinquent
    # Resumed on the 13th, as is learnt late: the 10th, 11th and 12th were paused.
    loan.tell(DelinquencyResumed, "2024-01-13", loan_id="L1")
    assert loan.at("2024-01-20", "delinquent_days") == 7
    # February's due is not met in its turn: January is the oldest, and only its pause counts.
    assert loan.at("2024-02-20", "delinquent_days") == 41 - 3


def test_agreed_grace_is_not_delinquent(bank: Any) -> None:
    terms = Terms(method="given", instalments=1, grace=Grace(arrears_days=3))
    bank.opens("2023-12-10", terms=terms)
    bank.schedule("2023-12-10", MONTHLY)
    assert bank.at("2024-01-13", "delinquent_days") == 0
    assert bank.at("2024-01-14", "delinquent_days") == 1
    pauses(bank, "2024-01-12", "2024-01-14")
    assert bank.at("2024-01-16", "delinquent_days") == 6 - 3 - 2


def test_delinquent_days_are_unknown_where_nothing_falls_due(bank: Any) -> None:
    bank.opens("2023-12-10")
    assert bank.at("2024-01-13", "delinquent_days") is None


def test_arrears_are_what_fell_due_before_today_less_what_was_paid(loan: Any) -> None:
    loan.pays("2024-01-05", 300)
    assert loan.at("2024-01-10", "arrears_minor") == 0
    assert loan.at("2024-01-11", "arrears_minor") == 700
    loan.charges("2024-01-12", 50, due="2024-01-15")
    assert loan.at("2024-01-15", "arrears_minor") == 700
    assert loan.at("2024-01-16", "arrears_minor") == 750
    loan.pays("2024-01-17", 2_000)
    assert loan.at("2024-01-17", "arrears_minor") == 0


def test_the_next_instalment_is_the_unpaid_part_of_the_next_due_day_not_met(loan: Any) -> None:
    assert loan.at("2024-01-08", "next_instalment_minor") == 1_000
    assert loan.at("2024-01-08", "next_due_in_days") == 2
    assert loan.at("2024-01-10", "next_due_in_days") == 0
    loan.pays("2024-01-10", 1_400)
    # January is met; 600 of February are still to pay.
    assert loan.at("2024-01-10", "next_instalment_minor") == 600
    assert loan.at("2024-01-10", "next_due_in_days") == 31
    assert loan.at("2024-12-11", "next_instalment_minor") is None
    assert loan.at("2024-12-11", "next_due_in_days") is None


def test_coverage_is_the_balance_over_arrears_and_next_instalment(loan: Any) -> None:
    loan.account("2024-01-01", 3_000)
    assert loan.at("2024-01-08", "coverage_ratio") == 3.0
    # On the 11th January is in arrears and February is next: 3,000 over 2,000.
    assert loan.at("2024-01-11", "coverage_ratio") == 1.5
    loan.debit("2024-01-12", 4_000)
    assert loan.at("2024-01-12", "coverage_ratio") == -0.5


def test_coverage_is_unknown_without_an_account_in_the_currency_of_the_loan(loan: Any) -> None:
    assert loan.at("2024-01-08", "coverage_ratio") is None
    loan.account("2024-01-09", 3_000, currency="EUR")
    assert loan.at("2024-01-09", "coverage_ratio") is None
    assert loan.at("2024-01-09", "balance_minor") == 3_000


@pytest.mark.parametrize(
    ("days", "inside", "outside"),
    [
        (30, "2024-02-08", "2024-02-09"),
        (90, "2024-04-08", "2024-04-09"),
        (180, "2024-07-07", "2024-07-08"),
        (360, "2025-01-03", "2025-01-04"),
    ],
)
def test_paid_to_due_has_a_half_open_window(
    bank: Any, days: int, inside: str, outside: str
) -> None:
    bank.opens("2023-12-10")
    bank.schedule("2023-12-10", {"2024-01-10": 1_000})
    bank.pays("2024-01-10", 250)
    # The due of 10 January lies in (t-w, t] until t = 10 January + w - 1.
    assert bank.at(inside, f"paid_ratio_{days}d") == 0.25
    assert bank.at(outside, f"paid_ratio_{days}d") is None


def test_a_reversal_takes_its_payment_off_the_day_of_the_payment(loan: Any) -> None:
    first = loan.pays("2024-01-10", 1_000)
    assert loan.at("2024-01-31", "paid_ratio_30d") == 1.0
    loan.reverses(first, day="2024-01-10", noticed="2024-02-01", amount=1_000)
    assert loan.at("2024-01-31", "dpd_days") == 0
    assert loan.at("2024-02-01", "paid_ratio_30d") == 0.0
    assert loan.at("2024-02-01", "dpd_days") == 22
    assert loan.at("2024-02-01", "worst_dpd_12m_days") == 22


def test_partial_payments_count_due_days_that_ended_part_paid(loan: Any) -> None:
    loan.pays("2024-01-10", 400)
    assert loan.at("2024-01-10", "partial_payments_360d") == 1
    # Paid up the day after: the due day of January still ended part-paid.
    loan.pays("2024-01-11", 600)
    # February in full, March not at all, April's due meets March's arrears.
    loan.pays("2024-02-10", 1_000)
    loan.pays("2024-04-10", 1_000)
    assert loan.at("2024-04-30", "partial_payments_360d") == 1
    assert loan.at("2025-01-03", "partial_payments_360d") == 1
    assert loan.at("2025-01-04", "partial_payments_360d") == 0


def test_a_bounce_told_by_the_account_and_by_the_loan_counts_once(loan: Any) -> None:
    loan.account("2024-01-01", 0)
    paid = loan.pays("2024-01-10", 1_000)
    loan.reverses(paid, day="2024-01-10", noticed="2024-01-12", amount=1_000)
    loan.returns("2024-01-12", 1_000)
    assert loan.at("2024-01-11", "bounced_debits_30d") == 0
    assert loan.at("2024-01-12", "bounced_debits_30d") == 1
    loan.returns("2024-02-10", 1_000)
    loan.returns("2024-02-10", 500, flow="trade")
    assert loan.at("2024-02-10", "bounced_debits_30d") == 2
    assert loan.at("2024-02-11", "bounced_debits_30d") == 1
    assert loan.at("2024-04-10", "bounced_debits_90d") == 2
    assert loan.at("2024-04-11", "bounced_debits_90d") == 1


def test_a_reversal_for_another_reason_is_no_bounce(loan: Any) -> None:
    paid = loan.pays("2024-01-10", 1_000)
    loan.reverses(paid, day="2024-01-10", noticed="2024-01-12", amount=1_000, reason="other")
    assert loan.at("2024-01-12", "bounced_debits_90d") == 0


def test_lateness_compares_the_last_three_due_days_with_the_three_before(loan: Any) -> None:
    for day in ("01-10", "02-10", "03-12", "04-14", "05-10"):
        loan.pays(f"2024-{day}", 1_000)
    assert loan.at("2024-06-10", "lateness_trend_days") is None
    # June is 5 days late and counting: (4 + 0 + 5) / 3 against (0 + 0 + 2) / 3.
    assert loan.at("2024-06-15", "lateness_trend_days") == pytest.approx(7 / 3)
    loan.pays("2024-06-16", 1_000)
    assert loan.at("2024-06-30", "lateness_trend_days") == (10 - 2) / 3


def test_first_payment_default_is_decided_30_days_after_the_first_instalment(bank: Any) -> None:
    bank.opens("2023-12-10")
    bank.schedule("2023-12-10", MONTHLY)
    assert bank.at("2024-01-09", "first_payment_default") is None
    assert bank.at("2024-02-08", "first_payment_default") is None
    assert bank.at("2024-02-09", "first_payment_default") == 1
    # It was met after 31 days; that it was met does not undo it.
    bank.pays("2024-02-10", 1_000)
    assert bank.at("2024-06-01", "first_payment_default") == 1


def test_a_first_instalment_met_within_30_days_is_no_default(loan: Any) -> None:
    loan.charges("2023-12-11", 70, due="2023-12-20")
    loan.pays("2024-02-09", 1_000)
    # The charge of December took 70 of it: January is not met yet.
    assert loan.at("2024-02-08", "first_payment_default") is None
    loan.pays("2024-02-09", 70)
    assert loan.at("2024-02-09", "first_payment_default") == 0


def test_outstanding_is_principal_paid_out_and_not_repaid(loan: Any) -> None:
    assert loan.at("2023-12-10", "outstanding_minor") == 0
    loan.disbursed("2023-12-11", 12_000)
    paid = loan.pays("2024-01-10", 1_000, principal=900)
    assert loan.at("2024-01-10", "outstanding_minor") == 11_100
    loan.reverses(paid, day="2024-01-10", noticed="2024-01-15", amount=900)
    assert loan.at("2024-01-15", "outstanding_minor") == 12_000


def test_utilisation_is_the_share_of_the_line_that_is_drawn(loan: Any) -> None:
    loan.disbursed("2023-12-11", 3_000)
    assert loan.at("2023-12-11", "utilisation_ratio") == 0.25
    loan.limits("2023-12-12", 4_000)
    assert loan.at("2023-12-12", "utilisation_ratio") == 0.75
    loan.limits("2023-12-13", 0)
    assert loan.at("2023-12-13", "utilisation_ratio") is None


def test_the_age_of_a_loan_counts_from_its_opening(loan: Any) -> None:
    assert loan.at("2023-12-10", "loan_age_days") == 0
    assert loan.at("2024-01-10", "loan_age_days") == 31


def test_a_reported_position_is_taken_as_reported(bank: Any) -> None:
    bank.opens("2024-01-01")
    bank.reports("2024-01-31", months=0, due=500, outstanding=9_000)
    bank.pays("2024-02-05", 300)
    assert bank.at("2024-02-05", "dpd_days") == 0
    assert bank.at("2024-02-05", "arrears_minor") == 0
    assert bank.at("2024-02-05", "paid_ratio_30d") == 0.6
    bank.reports("2024-02-29", months=1, due=700, outstanding=8_900)
    assert bank.at("2024-02-29", "dpd_days") == 30
    assert bank.at("2024-03-10", "dpd_days") == 40
    assert bank.at("2024-03-10", "arrears_minor") == 700
    assert bank.at("2024-03-10", "outstanding_minor") == 8_900
    bank.reports("2024-03-31", months=None, due=None, outstanding=8_800)
    assert bank.at("2024-03-31", "dpd_days") is None


def test_nothing_known_that_falls_due_is_unknown_and_not_zero(bank: Any) -> None:
    bank.opens("2024-01-01")
    for name in ("dpd_days", "arrears_minor", "worst_dpd_12m_days", "times_1plus_12m"):
        assert bank.at("2024-01-02", name) is None
    assert bank.at("2024-01-02", "paid_ratio_90d") is None


def test_a_closed_loan_has_no_values(loan: Any) -> None:
    loan.account("2024-01-01", 100)
    loan.closes("2024-03-01")
    assert loan.at("2024-02-29", "dpd_days") == 50
    assert loan.all_unknown("2024-03-01")


def test_second_payment_default_is_decided_by_the_second_instalment_alone(bank: Any) -> None:
    bank.opens("2023-12-10")
    bank.schedule("2023-12-10", MONTHLY)
    bank.charges("2023-12-11", 70, due="2024-01-20")
    bank.pays("2024-01-10", 1_000)
    # Due on 10 February behind a charge of 20 January; 30 days later it is 11 March.
    assert bank.at("2024-03-10", "second_payment_default") is None
    assert bank.at("2024-03-11", "second_payment_default") == 1
    assert bank.at("2024-03-11", "first_payment_default") == 0
    # Learnt late: it was paid with the charge on 10 March, 29 days after its due day.
    bank.pays("2024-03-10", 1_070)
    assert bank.at("2024-03-12", "second_payment_default") == 0


def test_a_loan_of_one_instalment_has_no_second(bank: Any) -> None:
    bank.opens("2023-12-10")
    bank.schedule("2023-12-10", {"2024-01-10": 1_000})
    assert bank.at("2024-06-01", "first_payment_default") == 1
    assert bank.at("2024-06-01", "second_payment_default") is None
