"""Use of the line over 90 days, each against days counted by hand."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def line(bank: Any) -> Any:
    """A line of 1,000 from 1 January 2024 on, of which 500 are drawn."""
    bank.opens("2024-01-01", account_id=None, principal=1_000)
    bank.disbursed("2024-01-01", 500)
    return bank


def test_mean_and_peak_are_of_days_since_the_opening(line: Any) -> None:
    line.disbursed("2024-01-03", 500)
    line.pays("2024-01-04", 750)
    # Closings of 500, 500, 1,000 and 250 on a line of 1,000.
    assert line.at("2024-01-02", "utilisation_mean_90d_ratio") == 0.5
    assert line.at("2024-01-04", "utilisation_mean_90d_ratio") == 2.25 / 4
    assert line.at("2024-01-04", "utilisation_peak_90d_ratio") == 1
    assert line.at("2024-01-04", "utilisation_high_days_90d") == 1


def test_a_day_leaves_after_ninety_and_a_share_of_nine_tenths_is_not_above(line: Any) -> None:
    line.disbursed("2024-01-03", 450)
    line.pays("2024-01-04", 50)
    # 950 at the close of 3 January alone, 900 from the 4th on; (t-90, t] holds it until 1 April.
    assert line.at("2024-04-01", "utilisation_peak_90d_ratio") == 0.95
    assert line.at("2024-04-01", "utilisation_high_days_90d") == 1
    assert line.at("2024-04-02", "utilisation_peak_90d_ratio") == 0.9
    assert line.at("2024-04-02", "utilisation_high_days_90d") == 0


def test_each_day_is_measured_by_the_line_of_its_day(line: Any) -> None:
    line.limits("2024-01-03", 2_000)
    line.limits("2024-01-05", 0)
    # 0.5 on the 1st and 2nd, 0.25 on the 3rd and 4th; from the 5th on there is no line.
    assert line.at("2024-01-04", "utilisation_mean_90d_ratio") == 1.5 / 4
    assert line.at("2024-01-10", "utilisation_mean_90d_ratio") == 1.5 / 4
    assert line.at("2024-01-10", "utilisation_peak_90d_ratio") == 0.5
    # (t-90, t] holds 4 January, the last of them, until 2 April.
    assert line.at("2024-04-02", "utilisation_mean_90d_ratio") == 0.25
    assert line.at("2024-04-03", "utilisation_mean_90d_ratio") is None
    assert line.at("2024-04-03", "utilisation_high_days_90d") is None


def test_late_draws_and_reversals_count_on_their_own_day(line: Any) -> None:
    assert line.at("2024-01-10", "utilisation_peak_90d_ratio") == 0.5
    repaid = line.pays("2024-01-05", 250)
    # 0.5 on the first four of ten days, 0.25 on six.
    assert line.at("2024-01-10", "utilisation_mean_90d_ratio") == 3.5 / 10
    line.reverses(repaid, noticed="2024-01-12", amount=250, day="2024-01-05")
    assert line.at("2024-01-11", "utilisation_mean_90d_ratio") == 3.75 / 11
    # Noticed on the 12th: it never was a repayment.
    assert line.at("2024-01-12", "utilisation_mean_90d_ratio") == 0.5
    line.disbursed("2024-01-08", 500)
    assert line.at("2024-01-12", "utilisation_peak_90d_ratio") == 1
    assert line.at("2024-01-12", "utilisation_high_days_90d") == 5


def test_a_reported_position_holds_until_the_next(bank: Any) -> None:
    bank.opens("2024-01-01", account_id=None, principal=1_000)
    bank.reports("2024-01-03", months=0, due=None, outstanding=750)
    bank.reports("2024-01-05", months=0, due=None, outstanding=500)
    # Unknown on the first two days, then 0.75, 0.75 and 0.5.
    assert bank.at("2024-01-05", "utilisation_peak_90d_ratio") == 0.75
    assert bank.at("2024-01-05", "utilisation_mean_90d_ratio") == 2.0 / 3
    # (t-90, t] holds 4 January, the last day of the first report, until 2 April.
    assert bank.at("2024-04-02", "utilisation_peak_90d_ratio") == 0.75
    assert bank.at("2024-04-03", "utilisation_peak_90d_ratio") == 0.5
