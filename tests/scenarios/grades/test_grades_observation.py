"""Restructured loans: at least 关注 (special mention) while they are under observation."""

from __future__ import annotations

from typing import Any

DUE = 1_000_000
OLD = {"2024-01-31": DUE, "2024-02-29": DUE, "2025-12-31": DUE}
NEW = {
    **{f"2024-{month:02d}-10": DUE // 10 for month in range(4, 13)},
    **{f"2025-{month:02d}-10": DUE // 10 for month in range(1, 13)},
    **{f"2026-{month:02d}-10": DUE // 10 for month in range(1, 10)},
}


def restructured(diary: Any) -> None:
    """On 2024-03-20 the loan is put on a new schedule; its first due date is 2024-04-10."""
    diary.loan("L1", "2024-01-01", OLD)
    diary.close("2024-03-19")
    diary.schedule("L1", "2024-03-20", NEW)
    diary.find("L1", "2024-03-20", "restructured")
    diary.close("2024-03-20")


def pay_on_time(diary: Any, first: str, last: str) -> None:
    for due in NEW:
        if first <= due <= last:
            diary.pay("L1", due, DUE // 10)
            diary.close(due)


def test_a_restructured_loan_is_watched_for_a_year_from_its_first_new_due_date(diary: Any) -> None:
    restructured(diary)
    row = diary.current("L1")
    assert (row["grade"], row["rule"]) == ("special_mention", "past_due"), "overdue until today"
    pay_on_time(diary, "2024-04-01", "2025-04-01")
    diary.close("2025-04-09")
    assert diary.grade("L1") == "special_mention"
    pay_on_time(diary, "2025-04-10", "2025-04-10")
    assert diary.grade("L1") == "normal"


def test_the_reason_says_how_far_observation_has_come(diary: Any) -> None:
    diary.loan("L1", "2024-01-01", NEW)
    diary.close("2024-03-19")
    diary.find("L1", "2024-03-20", "restructured")
    diary.close("2024-03-20")
    row = diary.current("L1")
    assert row["reason"] == (
        "Restructured; observation begins with the first due date after the change."
    )
    assert (row["rule"], row["article"], row["causes"]) == (
        "observation",
        "Art. 20-22",
        ["loan:L1@4"],
    )


def test_a_missed_due_date_starts_observation_again_from_that_date(diary: Any) -> None:
    restructured(diary)
    pay_on_time(diary, "2024-04-01", "2024-09-30")
    diary.close("2024-10-12")
    diary.pay("L1", "2024-10-13", DUE // 10)
    diary.close("2024-10-13")
    pay_on_time(diary, "2024-11-01", "2025-09-30")
    diary.close("2025-10-09")
    assert diary.grade("L1") == "special_mention", "2025-04-10 is over, but 2024-10-10 was missed"
    pay_on_time(diary, "2025-10-10", "2025-10-10")
    assert diary.grade("L1") == "normal"


def test_restructured_again_while_observed_is_substandard_at_least(diary: Any) -> None:
    restructured(diary)
    pay_on_time(diary, "2024-04-01", "2024-06-30")
    diary.find("L1", "2024-07-01", "restructured")
    diary.close("2024-07-01")
    row = diary.current("L1")
    assert (row["grade"], row["rule"]) == ("substandard", "observation")
    pay_on_time(diary, "2024-07-10", "2025-07-09")
    assert diary.grade("L1") == "substandard"
    pay_on_time(diary, "2025-07-10", "2025-07-10")
    assert diary.grade("L1") == "normal", "observed for a year from 2024-07-10, and clean all along"


def test_a_default_while_observed_starts_it_again_and_must_be_cured(diary: Any) -> None:
    restructured(diary)
    pay_on_time(diary, "2024-04-01", "2024-04-30")
    diary.close("2024-08-09")
    assert (diary.grade("L1"), diary.current("L1")["dpd_days"]) == ("substandard", 91)
    diary.pay("L1", "2024-08-10", 4 * DUE // 10)
    diary.close("2024-08-10")
    pay_on_time(diary, "2024-09-01", "2025-01-31")
    diary.close("2025-02-09")
    assert diary.grade("L1") == "substandard"
    diary.close("2025-02-10")
    row = diary.current("L1")
    assert (row["grade"], row["rule"]) == ("special_mention", "observation"), "cured, yet observed"


def test_a_finding_that_is_lifted_ends_observation(diary: Any) -> None:
    diary.loan("L1", "2024-01-01", NEW)
    diary.find("L1", "2024-03-20", "restructured")
    diary.close("2024-03-20")
    diary.find("L1", "2024-03-21", "restructured", active=False)
    diary.close("2024-03-21")
    assert diary.changes("L1") == [
        ("2024-03-20", "special_mention", "observation"),
        ("2024-03-21", "normal", "paid_up"),
    ]
