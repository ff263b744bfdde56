"""Collateral, rate, scores and the market as reported; values by stream and by batch, by hand."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import pytest

from ledger.events import (
    CollateralValued,
    FigureReported,
    LoanRateChanged,
    LoanRevised,
    LoanStatusChanged,
)
from ledger.terms import Revision
from warning.indicators import CATALOGUE


def values(bank: Any, day: str, amount: int) -> None:
    bank.tell(CollateralValued, day, loan_id="L1", value_minor=amount, source="appraisal")


def figure(bank: Any, day: str, name: str, millionths: int) -> None:
    bank.tell(FigureReported, day, loan_id="L1", figure=name, value_micro=millionths, source="")


def rate(bank: Any, day: str, ppm: int) -> None:
    bank.tell(LoanRateChanged, day, loan_id="L1", rate_ppm=ppm)


@pytest.fixture
def lent(bank: Any) -> Any:
    """12,000 agreed and 9,000 of it paid out on 2023-01-01."""
    bank.opens("2023-01-01")
    bank.disbursed("2023-01-01", 9_000)
    return bank


def test_loan_to_value_takes_the_latest_valuation(lent: Any) -> None:
    values(lent, "2023-01-01", 12_000)
    values(lent, "2023-06-01", 10_000)
    assert lent.at("2023-05-31", "loan_to_value_ratio") == 9_000 / 12_000
    assert lent.at("2023-06-01", "loan_to_value_ratio") == 9_000 / 10_000
    assert lent.at("2023-06-01", "shortfall_ratio") == (9_000 - 10_000) / 12_000
    assert lent.at("2023-06-11", "since_valuation_days") == 10


def test_without_a_valuation_nothing_is_known_of_the_collateral(lent: Any) -> None:
    for name in ("loan_to_value_ratio", "shortfall_ratio", "collateral_value_minor"):
        assert lent.at("2023-05-31", name) is None


def test_collateral_worth_nothing_has_a_shortfall_and_no_ratio(lent: Any) -> None:
    values(lent, "2023-02-01", 0)
    assert lent.at("2023-02-01", "loan_to_value_ratio") is None
    assert lent.at("2023-02-01", "shortfall_ratio") == 9_000 / 12_000


def test_a_change_is_told_against_the_value_in_force_360_days_ago(lent: Any) -> None:
    values(lent, "2023-02-01", 10_000)
    values(lent, "2023-11-01", 9_000)
    # 2024-01-27 less 360 days is 2023-02-01: the first value counts; a day before there was none.
    assert lent.at("2024-01-26", "collateral_change_ratio") is None
    assert lent.at("2024-01-27", "collateral_change_ratio") == 9_000 / 10_000 - 1
    # 2024-10-26 less 360 days is 2023-11-01: 9,000 was in force.
    assert lent.at("2024-10-25", "collateral_change_ratio") == 9_000 / 10_000 - 1
    assert lent.at("2024-10-26", "collateral_change_ratio") == 0.0
    assert lent.at("2024-10-26", "collateral_since_first_ratio") == 9_000 / 10_000 - 1


def test_a_late_valuation_takes_its_own_place(lent: Any) -> None:
    values(lent, "2023-02-01", 10_000)
    values(lent, "2023-11-01", 9_000)
    assert lent.at("2024-06-01", "collateral_change_ratio") == 9_000 / 10_000 - 1
    values(lent, "2023-03-01", 8_000)  # Known late: 2024-06-01 less 360 days is 2023-06-07.
    assert lent.at("2024-06-01", "collateral_change_ratio") == 9_000 / 8_000 - 1
    assert lent.at("2024-06-01", "collateral_value_minor") == 9_000
    values(lent, "2023-01-15", 5_000)  # Now the first one.
    assert lent.at("2024-06-01", "collateral_since_first_ratio") == 9_000 / 5_000 - 1


def test_figures_hold_until_the_next_of_their_name(lent: Any) -> None:
    figure(lent, "2023-02-01", "external_score", 712_000_000)
    figure(lent, "2023-02-01", "growth_percent", -300_000)
    figure(lent, "2023-03-01", "unemployment_percent", 4_500_000)
    figure(lent, "2024-03-01", "external_score", 690_000_000)
    figure(lent, "2024-03-01", "unemployment_percent", 6_000_000)
    assert lent.at("2024-02-29", "external_score_points") == 712
    assert lent.at("2024-03-01", "external_score_points") == 690
    assert lent.at("2024-03-01", "external_score_change_points") == 690 - 712
    assert lent.at("2024-03-01", "growth_percent") == -0.3
    assert lent.at("2024-03-01", "unemployment_change_percent") == 6.0 - 4.5


def test_the_rate_follows_changes_and_revisions(lent: Any) -> None:
    assert lent.at("2023-01-31", "rate_percent") is None  # None was agreed.
    rate(lent, "2023-02-01", 45_000)
    revision = Revision(instalments=3, rate_ppm=60_000)
    lent.tell(
        LoanRevised, "2023-05-01", loan_id="L1", kind="restructured", revision=revision, reason=""
    )
    lent.tell(
        LoanRevised, "2023-06-01", loan_id="L1", kind="extended", revision=None, reason=""
    )  # Says nothing of the rate.
    assert lent.at("2023-04-30", "rate_percent") == 4.5
    assert lent.at("2023-06-01", "rate_percent") == 6.0
    assert lent.at("2023-06-01", "rate_since_first_percent") == (60_000 - 45_000) / 10_000


def finding(bank: Any, day: str, name: str, *, active: bool = True) -> None:
    bank.tell(LoanStatusChanged, day, loan_id="L1", finding=name, active=active, reason="")


def test_a_finding_is_in_force_from_its_day_until_it_is_lifted(lent: Any) -> None:
    finding(lent, "2023-03-01", "evasion")
    finding(lent, "2023-06-01", "evasion", active=False)
    assert lent.at("2023-02-28", "evasion_found") is None
    assert lent.at("2023-03-01", "evasion_found") == 1
    assert lent.at("2023-05-31", "evasion_found") == 1
    assert lent.at("2023-06-01", "evasion_found") == 0
    assert lent.at("2023-06-01", "bankruptcy_found") is None


def test_a_finding_that_is_learnt_late_counts_from_its_own_day(lent: Any) -> None:
    finding(lent, "2023-06-01", "misuse_of_funds", active=False)
    finding(lent, "2023-03-01", "misuse_of_funds")
    assert lent.at("2023-04-01", "misuse_of_funds_found") == 1
    assert lent.at("2023-07-01", "misuse_of_funds_found") == 0


def test_of_two_words_of_one_day_the_greater_transaction_id_holds(lent: Any) -> None:
    finding(lent, "2023-03-01", "restructured")
    finding(lent, "2023-03-01", "restructured", active=False)
    assert lent.at("2023-03-01", "restructured_found") == 0


def test_an_observed_default_is_an_outcome_and_moves_no_indicator(lent: Any) -> None:
    before = {name: lent.at("2023-06-01", name) for name in CATALOGUE}
    finding(lent, "2023-03-01", "default_observed")
    assert {name: lent.at("2023-06-01", name) for name in CATALOGUE} == before
    named = {f"{name}_found" for name in get_args(get_type_hints(LoanStatusChanged)["finding"])}
    assert named - CATALOGUE.keys() == {"default_observed_found"}
