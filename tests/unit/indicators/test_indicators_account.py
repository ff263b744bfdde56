"""Indicators of the settlement account, each against numbers worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def loan(bank: Any) -> Any:
    """A loan on account A1, opened with 1,000 on 1 January 2024 and a limit of 300."""
    bank.opens("2024-01-01")
    bank.account("2024-01-01", 1_000, limit=300)
    return bank


def test_the_balance_is_the_opening_and_all_movements(loan: Any) -> None:
    loan.credit("2024-01-02", 500)
    loan.debit("2024-01-02", 200)
    assert loan.at("2024-01-01", "balance_minor") == 1_000
    assert loan.at("2024-01-02", "balance_minor") == 1_300


def test_an_account_that_is_not_open_yet_is_unknown(bank: Any) -> None:
    bank.opens("2024-01-01")
    bank.account("2024-01-05", 1_000)
    for name in ("balance_minor", "lowest_balance_3m_minor", "overdraft_days_90d", "quiet_days"):
        assert bank.at("2024-01-04", name) is None
    assert bank.at("2024-01-05", "balance_minor") == 1_000


def test_the_lowest_balance_is_of_closings_and_not_within_a_day(loan: Any) -> None:
    loan.debit("2024-01-10", 900)
    loan.credit("2024-01-10", 400)
    loan.debit("2024-01-11", 300)
    loan.credit("2024-01-12", 700)
    assert loan.at("2024-01-10", "lowest_balance_3m_minor") == 500
    assert loan.at("2024-03-31", "lowest_balance_3m_minor") == 200
    # January leaves the month of t and the two before on 1 April.
    assert loan.at("2024-04-01", "lowest_balance_3m_minor") == 900


def test_a_late_debit_lowers_every_closing_since(loan: Any) -> None:
    loan.credit("2024-01-20", 2_000)
    assert loan.at("2024-02-01", "lowest_balance_3m_minor") == 1_000
    loan.debit("2024-01-15", 1_100)
    assert loan.at("2024-02-01", "lowest_balance_3m_minor") == -100
    assert loan.at("2024-02-01", "balance_minor") == 1_900
    assert loan.at("2024-02-01", "overdraft_days_90d") == 5


def test_overdraft_days_and_days_over_the_limit_are_days_that_closed_so(loan: Any) -> None:
    loan.debit("2024-01-10", 1_200)
    loan.debit("2024-01-12", 200)
    loan.credit("2024-01-15", 1_000)
    # -200 on the 10th and 11th, -400 on the 12th to 14th.
    assert loan.at("2024-01-09", "overdraft_days_90d") == 0
    assert loan.at("2024-01-10", "overdraft_days_90d") == 1
    assert loan.at("2024-01-31", "overdraft_days_90d") == 5
    assert loan.at("2024-01-31", "over_limit_days_90d") == 3
    # (t-90, t] holds 10 January until 8 April.
    assert loan.at("2024-04-08", "overdraft_days_90d") == 5
    assert loan.at("2024-04-09", "overdraft_days_90d") == 4
    assert loan.at("2024-04-13", "overdraft_days_90d") == 0


def test_inflow_compares_30_days_with_a_third_of_the_90_before(loan: Any) -> None:
    # 30 April: (t-30, t] is from 1 April; (t-120, t-30] is 2 January to 31 March.
    loan.credit("2024-01-02", 600)
    loan.credit("2024-03-31", 300)
    loan.credit("2024-04-01", 240)
    for flow in ("own_transfer", "loan_proceeds", "loan_repayment"):
        loan.credit("2024-04-02", 999, flow=flow)
    assert loan.at("2024-04-28", "inflow_change_ratio") is None
    assert loan.at("2024-04-30", "inflow_change_ratio") == 240 / 300 - 1
    # A day on, 600 have left, and 240 have moved over to the 90 days before.
    assert loan.at("2024-05-01", "inflow_change_ratio") == -1.0


def test_inflow_without_turnover_to_compare_with_is_unknown(loan: Any) -> None:
    loan.credit("2024-05-30", 500)
    assert loan.at("2024-05-31", "inflow_change_ratio") is None


def test_quiet_days_count_from_the_last_movement_or_the_opening(loan: Any) -> None:
    assert loan.at("2024-01-08", "quiet_days") == 7
    loan.debit("2024-01-09", 1)
    assert loan.at("2024-01-09", "quiet_days") == 0
    loan.returns("2024-01-20", 500)
    assert loan.at("2024-01-21", "quiet_days") == 12
    loan.credit("2024-01-05", 1)
    assert loan.at("2024-01-21", "quiet_days") == 12


def test_balance_change_compares_mean_closings(loan: Any) -> None:
    # 1,000 for 90 days to 31 March, then 400 for the 30 days of April.
    loan.debit("2024-04-01", 600)
    assert loan.at("2024-04-28", "balance_change_ratio") is None
    assert loan.at("2024-04-30", "balance_change_ratio") == pytest.approx(-0.6)
    # Learnt late: 500 less from 1 April on, so 30 days at -100.
    loan.debit("2024-04-01", 500)
    assert loan.at("2024-04-30", "balance_change_ratio") == pytest.approx(-1.1)


def test_an_account_that_nobody_opened_is_unknown(bank: Any) -> None:
    bank.opens("2024-01-01")
    bank.credit("2024-01-02", 100)
    assert bank.at("2024-01-02", "balance_minor") is None
    assert bank.at("2024-01-02", "bounced_debits_30d") == 0


def test_volatility_range_and_what_is_gone_are_of_ninety_closings(loan: Any) -> None:
    # 1,000 for the 45 days to 14 February, 600 for the 45 to 30 March: mean 800, deviation 200.
    loan.debit("2024-02-15", 400)
    assert loan.at("2024-03-29", "balance_volatility_ratio") is None
    assert loan.at("2024-03-29", "balance_range_90d_minor") is None
    assert loan.at("2024-03-30", "balance_volatility_ratio") == 200 / 800
    assert loan.at("2024-03-30", "balance_range_90d_minor") == 400
    assert loan.at("2024-03-30", "balance_emptied_ratio") == 1 - 600 / 1_000
    # (t-90, t] holds 14 February, the last day at 1,000, until 13 May.
    assert loan.at("2024-05-13", "balance_range_90d_minor") == 400
    assert loan.at("2024-05-14", "balance_range_90d_minor") == 0
    assert loan.at("2024-05-14", "balance_volatility_ratio") == 0
    assert loan.at("2024-05-14", "balance_emptied_ratio") == 0


def test_late_movements_count_in_every_closing_since(loan: Any) -> None:
    loan.debit("2024-02-15", 400)
    assert loan.at("2024-03-30", "balance_range_90d_minor") == 400
    loan.credit("2024-02-15", 400)
    assert loan.at("2024-03-30", "balance_volatility_ratio") == 0
    # 1,100 gone on the open day: 100 overdrawn.
    loan.debit("2024-03-30", 1_100)
    assert loan.at("2024-03-30", "balance_range_90d_minor") == 1_100
    assert loan.at("2024-03-30", "balance_emptied_ratio") == 1 - -100 / 1_000


def test_an_account_never_above_zero_has_no_volatility_and_cannot_be_emptied(bank: Any) -> None:
    bank.opens("2024-01-01")
    bank.account("2024-01-01", 0)
    assert bank.at("2024-03-30", "balance_volatility_ratio") is None
    assert bank.at("2024-03-30", "balance_emptied_ratio") is None
    assert bank.at("2024-03-30", "balance_range_90d_minor") == 0


def test_inflow_of_three_whole_months_against_twelve(loan: Any) -> None:
    for month in range(1, 13):
        loan.credit(f"2024-{month:02d}-15", 100 if month < 10 else 40)
    loan.credit("2024-12-16", 999, flow="own_transfer")
    # At 31 December the twelve whole months begin with December 2023, before the account.
    assert loan.at("2024-12-31", "inflow_3m_to_12m_ratio") is None
    # (3 * 40) / 3 against (9 * 100 + 3 * 40) / 12.
    assert loan.at("2025-01-01", "inflow_3m_to_12m_ratio") == 40 / 85
    loan.credit("2025-01-10", 500)
    assert loan.at("2025-01-10", "inflow_3m_to_12m_ratio") == 40 / 85
    # Learnt late: 45 more on 31 December; (120 + 45) / 3 against (1,020 + 45) / 12.
    loan.credit("2024-12-31", 45)
    assert loan.at("2025-01-31", "inflow_3m_to_12m_ratio") == 55 / 88.75
    # January 2024 leaves and January 2025 comes: (40 + 85 + 500) / 3, (1,065 - 100 + 500) / 12.
    assert loan.at("2025-02-01", "inflow_3m_to_12m_ratio") == (625 / 3) / (1_465 / 12)


def test_a_year_without_inflow_has_nothing_to_compare_with(loan: Any) -> None:
    assert loan.at("2025-01-01", "inflow_3m_to_12m_ratio") is None


def test_returned_debits_are_a_share_of_those_tried_for_the_loan(loan: Any) -> None:
    loan.debit("2024-01-10", 100)
    loan.returns("2024-01-11", 50, flow="tax")
    assert loan.at("2024-01-31", "returned_debits_90d_ratio") is None
    for day in ("2024-02-10", "2024-03-10", "2024-04-10"):
        loan.debit(day, 100, flow="loan_repayment")
    loan.returns("2024-02-09", 100)
    # One returned, and one, two, three that went through.
    assert loan.at("2024-02-10", "returned_debits_90d_ratio") == 1 / 2
    assert loan.at("2024-03-10", "returned_debits_90d_ratio") == 1 / 3
    assert loan.at("2024-04-10", "returned_debits_90d_ratio") == 1 / 4
    # Learnt late: another was returned on 10 March.
    loan.returns("2024-03-10", 100)
    assert loan.at("2024-04-10", "returned_debits_90d_ratio") == 2 / 5
    # (t-90, t] holds 9 February until 8 May, and 10 February until the day after.
    assert loan.at("2024-05-08", "returned_debits_90d_ratio") == 2 / 5
    assert loan.at("2024-05-09", "returned_debits_90d_ratio") == 1 / 4
    assert loan.at("2024-05-10", "returned_debits_90d_ratio") == 1 / 3
