"""Day counts at the limits of cn-2023: the last day of a grade, and the first of the next."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("closed", "dpd", "grade"),
    [
        ("2024-01-31", 0, "normal"),
        ("2024-02-01", 1, "special_mention"),
        ("2024-04-30", 90, "special_mention"),
        ("2024-05-01", 91, "substandard"),
        ("2024-10-27", 270, "substandard"),
        ("2024-10-28", 271, "doubtful"),
        ("2025-01-25", 360, "doubtful"),
        ("2025-01-26", 361, "loss"),
    ],
)
def test_days_past_due_grade_a_loan_from_the_day_after_each_limit(
    diary: Any, closed: str, dpd: int, grade: str
) -> None:
    """Due on 2024-01-31, never paid: the due date itself is day 0."""
    diary.loan("L1", "2024-01-01", {"2024-01-31": 1_000_000, "2030-01-31": 1})
    diary.close(closed)
    assert (diary.grade("L1"), diary.current("L1")["dpd_days"]) == (grade, dpd)


@pytest.mark.parametrize(
    ("closed", "grade"), [("2024-02-07", "normal"), ("2024-02-08", "special_mention")]
)
def test_a_technical_delay_is_excused_for_seven_days_and_not_for_eight(
    diary: Any, closed: str, grade: str
) -> None:
    diary.loan("L1", "2024-01-01", {"2024-01-31": 1_000_000})
    diary.find("L1", "2024-02-01", "technical_overdue")
    diary.close(closed)
    assert diary.grade("L1") == grade


def test_without_the_technical_finding_the_first_day_counts(diary: Any) -> None:
    diary.loan("L1", "2024-01-01", {"2024-01-31": 1_000_000})
    diary.close("2024-02-01")
    reason = diary.current("L1")
    assert reason["reason"] == "1 day past due, more than 0; arrears 10,000.00 CNY."
    assert (reason["article"], reason["mark"], reason["rule"]) == (
        "Art. 10",
        "unverified",
        "past_due",
    )


def test_each_change_is_kept_with_its_date_rule_and_reason(diary: Any) -> None:
    diary.loan("L1", "2024-01-01", {"2024-01-31": 1_000_000})
    diary.close("2024-01-31")
    for closed in ("2024-02-01", "2024-04-30", "2024-05-01", "2024-10-28", "2025-01-26"):
        diary.close(closed)
    assert diary.changes("L1") == [
        ("2024-01-31", "normal", "first_grade"),
        ("2024-02-01", "special_mention", "past_due"),
        ("2024-05-01", "substandard", "past_due"),
        ("2024-10-28", "doubtful", "past_due"),
        ("2025-01-26", "loss", "past_due"),
    ]
    (then,) = diary.asked.grades(as_of=diary.asked.grade_history("L1")[2]["since_date"]).rows
    assert (then["grade"], then["grade_before"]) == ("substandard", "special_mention")
    assert then["reason"] == "91 days past due, more than 90; arrears 10,000.00 CNY."


@pytest.mark.parametrize(
    ("finding", "grade", "article"),
    [
        ("misuse_of_funds", "special_mention", "Art. 10"),
        ("refinanced", "special_mention", "Art. 10"),
        ("credit_impaired", "substandard", "Art. 11"),
        ("default_observed", "substandard", "Art. 11"),
        ("seriously_impaired", "doubtful", "Art. 12"),
        ("evasion", "doubtful", "Art. 12"),
        ("bankruptcy", "loss", "Art. 13"),
    ],
)
def test_a_cause_is_a_floor_whatever_the_days(
    diary: Any, finding: str, grade: str, article: str
) -> None:
    diary.loan("L1", "2024-01-01", {"2030-01-31": 1_000_000})
    diary.close("2024-01-02")
    diary.find("L1", "2024-01-04", finding, known="2024-01-03")
    diary.close("2024-01-03")
    assert diary.grade("L1") == "normal", "a finding counts from its value date"
    diary.close("2024-01-04")
    row = diary.current("L1")
    assert (row["grade"], row["rule"], row["article"]) == (grade, f"cause:{finding}", article)
    assert row["causes"] == ["loan:L1@4"]


def test_a_reported_position_is_graded_by_its_months_and_grows_daily(diary: Any) -> None:
    diary.open("C1", "2024-01-01", 500_000, borrower="B1")
    diary.report("C1", "2024-03-31", 400_000, 3)
    diary.close("2024-03-31")
    assert (diary.grade("C1"), diary.current("C1")["dpd_days"]) == ("special_mention", 90)
    diary.close("2024-04-01")
    assert diary.grade("C1") == "substandard"


def test_a_loan_that_ended_is_no_longer_among_the_grades(diary: Any) -> None:
    diary.loan("L1", "2024-01-01", {"2024-01-31": 1_000_000})
    diary.close("2024-06-30")
    diary.end("L1", "2024-07-01")
    diary.close("2024-07-01")
    assert diary.asked.grades(loan_id="L1").rows == []
    assert diary.changes("L1") == [("2024-06-30", "substandard", "past_due")]
    assert diary.asked.portfolio()["currencies"] == []
