"""Indicators of the past twelve and 24 months, each against days counted by hand."""

from __future__ import annotations

from typing import Any

import pytest

DUES = {f"{year}-{month:02d}-10": 1_000 for year in (2024, 2025) for month in range(1, 13)}


@pytest.fixture
def loan(bank: Any) -> Any:
    """1,000 on the 10th of each month of 2024 and 2025."""
    bank.opens("2023-12-10", account_id=None)
    bank.schedule("2023-12-10", DUES)
    return bank


def pays_on_time(loan: Any, *months: str) -> None:
    for month in months:
        loan.pays(f"{month}-10", 1_000)


def test_an_episode_counts_once_however_long_it_runs(loan: Any) -> None:
    loan.pays("2024-01-13", 1_000)
    loan.pays("2024-02-12", 1_000)
    assert loan.at("2024-01-10", "times_1plus_12m") == 0
    assert loan.at("2024-01-11", "times_1plus_12m") == 1
    assert loan.at("2024-02-11", "times_1plus_12m") == 2
    assert loan.at("2024-03-01", "times_1plus_12m") == 2
    # From 11 March nothing is paid: one more, from 9 April (30 days) also at 30.
    assert loan.at("2024-04-08", "times_30plus_12m") == 0
    assert loan.at("2024-04-09", "times_30plus_12m") == 1
    assert loan.at("2024-05-08", "times_60plus_12m") == 0
    assert loan.at("2024-05-09", "times_60plus_12m") == 1
    assert loan.at("2024-05-09", "times_1plus_12m") == 3


def test_a_part_payment_can_end_an_episode_at_30_and_not_at_1(loan: Any) -> None:
    # 1,000 on 15 February: from 36 days (January) to 5 (February), and 29 more to 10 March.
    loan.pays("2024-02-15", 1_000)
    assert loan.at("2024-02-14", "dpd_days") == 35
    assert loan.at("2024-02-15", "dpd_days") == 5
    assert loan.at("2024-03-10", "times_30plus_12m") == 1
    # 30 days past due again on 11 March: a second episode at 30 within one at 1.
    assert loan.at("2024-03-11", "times_30plus_12m") == 2
    assert loan.at("2024-03-11", "times_1plus_12m") == 1


def test_an_episode_leaves_with_the_month_of_its_last_day(loan: Any) -> None:
    # Past due from 11 January to 4 February 2024.
    loan.pays("2024-02-05", 1_000)
    months = [f"2024-{month:02d}" for month in range(2, 13)]
    pays_on_time(loan, *months, "2025-01", "2025-02")
    # The twelve months at 31 January 2025 begin on 1 February 2024.
    assert loan.at("2025-01-31", "times_1plus_12m") == 1
    assert loan.at("2025-01-31", "worst_dpd_12m_days") == 25
    assert loan.at("2025-02-01", "times_1plus_12m") == 0
    assert loan.at("2025-02-01", "worst_dpd_12m_days") == 0


def test_the_worst_of_twelve_months_is_the_highest_day_count(loan: Any) -> None:
    loan.pays("2024-01-31", 1_000)
    assert loan.at("2024-01-30", "worst_dpd_12m_days") == 20
    assert loan.at("2024-02-09", "worst_dpd_12m_days") == 20
    assert loan.at("2024-02-29", "worst_dpd_12m_days") == 20
    assert loan.at("2024-03-05", "worst_dpd_12m_days") == 24


def test_months_since_30_days_past_due_are_calendar_months(loan: Any) -> None:
    assert loan.at("2024-02-08", "months_since_30plus") is None
    assert loan.at("2024-02-09", "months_since_30plus") == 0
    loan.pays("2024-02-10", 2_000)
    pays_on_time(loan, *[f"2024-{month:02d}" for month in range(3, 13)])
    assert loan.at("2024-02-29", "months_since_30plus") == 0
    assert loan.at("2024-03-01", "months_since_30plus") == 1
    assert loan.at("2025-03-31", "months_since_30plus") == 0
    pays = loan.pays("2025-03-31", 3_000)
    assert pays
    # The last day with 30 or more was then 30 March 2025.
    assert loan.at("2025-04-01", "months_since_30plus") == 1


def test_a_late_repayment_takes_an_episode_back(loan: Any) -> None:
    assert loan.at("2024-03-15", "times_30plus_12m") == 1
    assert loan.at("2024-03-15", "worst_dpd_12m_days") == 65
    # 1,000 had come in on 20 January, the bank learns now: 10 days past due, then from February.
    loan.pays("2024-01-20", 1_000)
    assert loan.at("2024-03-15", "dpd_days") == 34
    assert loan.at("2024-03-15", "worst_dpd_12m_days") == 34
    assert loan.at("2024-03-15", "times_1plus_12m") == 2
    loan.pays("2024-02-10", 1_000)
    assert loan.at("2024-03-15", "times_30plus_12m") == 0
    assert loan.at("2024-03-15", "months_since_30plus") is None


def test_a_new_schedule_does_not_rewrite_the_day_counts_before_it(loan: Any) -> None:
    assert loan.at("2024-03-20", "dpd_days") == 70
    # Everything is put off to June; the 70 days stay in the past.
    loan.schedule("2024-03-20", {"2024-06-10": 24_000})
    assert loan.at("2024-03-20", "dpd_days") == 0
    assert loan.at("2024-03-21", "worst_dpd_12m_days") == 69
    assert loan.at("2024-03-21", "times_60plus_12m") == 1
    assert loan.at("2024-03-21", "paid_ratio_90d") is None


def test_values_as_of_an_earlier_day_see_what_became_known_later(loan: Any) -> None:
    assert loan.at("2024-02-20", "dpd_days") == 41
    before = len(loan.recorded)
    loan.pays("2024-02-10", 2_000)
    day = 19_773  # 2024-02-20
    known, corrected = (
        loan.engine.values_as_of(["dpd_days"], "L1", day, upto) for upto in (before, before + 1)
    )
    assert known == {"dpd_days": 41.0}
    assert corrected == {"dpd_days": 0.0}


def test_an_episode_counts_for_24_months_and_no_longer(loan: Any) -> None:
    # Past due from 11 January to 14 February 2024, the last days of it 30 and more: 9 to 14.
    loan.pays("2024-02-15", 2_000)
    pays_on_time(loan, *(f"2024-{month:02d}" for month in range(3, 13)))
    pays_on_time(loan, *(f"2025-{month:02d}" for month in range(1, 12)))
    # December 2025 is not paid: past due from 11 December on, by 30 days from 9 January 2026.
    assert loan.at("2025-01-31", "times_30plus_12m") == 1
    assert loan.at("2025-02-01", "times_30plus_12m") == 0
    assert loan.at("2025-02-01", "times_30plus_24m") == 1
    assert loan.at("2025-12-31", "times_1plus_24m") == 2
    assert loan.at("2026-01-08", "times_30plus_24m") == 1
    assert loan.at("2026-01-09", "times_30plus_24m") == 2
    # The 24 months at 31 January 2026 begin on 1 February 2024, those of a day later on 1 March.
    assert loan.at("2026-01-31", "times_1plus_24m") == 2
    assert loan.at("2026-02-01", "times_1plus_24m") == 1
    assert loan.at("2026-02-01", "times_30plus_24m") == 1


def test_a_late_payment_rewrites_episodes_of_more_than_a_year_ago(loan: Any) -> None:
    loan.pays("2024-03-20", 1_000)
    loan.pays("2024-04-01", 2_000)
    pays_on_time(loan, *(f"2024-{month:02d}" for month in range(4, 13)))
    pays_on_time(loan, *(f"2025-{month:02d}" for month in range(1, 7)))
    # Past due from 11 January to 31 March 2024: 69 days on 19 March, 39 (February) on the 20th.
    assert loan.at("2025-06-30", "times_60plus_24m") == 1
    assert loan.at("2025-06-30", "times_1plus_24m") == 1
    loan.pays("2024-02-09", 1_000)
    # Learnt late: January was met on 9 February, February on 20 March after at most 38 days.
    assert loan.at("2025-06-30", "times_60plus_24m") == 0
    assert loan.at("2025-06-30", "times_30plus_24m") == 1
    assert loan.at("2025-06-30", "times_1plus_24m") == 2
