"""The way back: an upgrade from non-performing needs paid arrears, due dates met, and time."""

from __future__ import annotations

from typing import Any

MONTHS = [f"2024-{month:02d}-15" for month in range(2, 13)] + [
    f"2025-{month:02d}-15" for month in range(1, 13)
]
DUE = 1_000_000


def monthly(diary: Any) -> None:
    """Due on the 15th of every month from February 2024 on; nothing is paid until May."""
    diary.loan("L1", "2024-01-15", dict.fromkeys(MONTHS, DUE))
    diary.close("2024-02-15")
    diary.close("2024-05-15")
    assert (diary.grade("L1"), diary.current("L1")["dpd_days"]) == ("special_mention", 90)
    diary.close("2024-05-16")
    assert diary.grade("L1") == "substandard"


def pay_on_time(diary: Any, months: list[str]) -> None:
    for due in months:
        diary.pay("L1", due, DUE)
        diary.close(due)


def test_paying_all_arrears_is_not_enough_for_an_upgrade(diary: Any) -> None:
    monthly(diary)
    diary.pay("L1", "2024-05-17", 4 * DUE)
    diary.close("2024-05-17")
    assert diary.grade("L1") == "substandard"
    assert diary.changes("L1")[-1] == ("2024-05-16", "substandard", "past_due")


def test_six_months_after_the_arrears_were_paid_the_loan_is_normal_again(diary: Any) -> None:
    monthly(diary)
    diary.pay("L1", "2024-05-17", 4 * DUE)
    diary.close("2024-05-17")
    pay_on_time(diary, MONTHS[4:10])
    diary.close("2024-11-16")
    assert diary.grade("L1") == "substandard"
    diary.close("2024-11-17")
    row = diary.current("L1")
    assert (row["grade"], row["rule"], row["article"]) == ("normal", "cured", "Art. 14")
    assert row["reason"] == "Cured: nothing past due and no cause since 2024-05-17."


def test_one_late_day_on_the_way_starts_the_six_months_again(diary: Any) -> None:
    monthly(diary)
    diary.pay("L1", "2024-05-17", 4 * DUE)
    diary.close("2024-05-17")
    pay_on_time(diary, MONTHS[4:7])
    diary.close("2024-09-16")
    diary.pay("L1", "2024-09-17", DUE)
    diary.close("2024-09-17")
    pay_on_time(diary, MONTHS[8:14])
    diary.close("2025-03-16")
    assert diary.grade("L1") == "substandard"
    diary.close("2025-03-17")
    assert diary.grade("L1") == "normal"


def test_six_months_without_two_due_dates_are_not_enough(diary: Any) -> None:
    """Due once a year: the longer of the two conditions decides."""
    diary.loan("Y1", "2024-01-01", {"2024-02-15": DUE, "2025-02-15": DUE, "2026-02-15": DUE})
    diary.close("2024-05-16")
    diary.pay("Y1", "2024-05-17", DUE)
    diary.close("2024-05-17")
    diary.close("2024-12-31")
    assert diary.grade("Y1") == "substandard"
    diary.pay("Y1", "2025-02-15", DUE)
    diary.close("2025-02-16")
    diary.pay("Y1", "2026-02-15", DUE)
    diary.close("2026-02-15")
    assert diary.grade("Y1") == "substandard", "the second due date is met when its day is over"
    diary.close("2026-02-16")
    assert diary.grade("Y1") == "normal"


def test_a_worse_grade_is_held_until_cure_even_when_fewer_days_are_past_due(diary: Any) -> None:
    monthly(diary)
    diary.close("2024-11-12")
    assert (diary.grade("L1"), diary.current("L1")["dpd_days"]) == ("doubtful", 271)
    diary.pay("L1", "2024-11-13", 7 * DUE)
    diary.close("2024-11-13")
    assert diary.grade("L1") == "doubtful"


def test_a_backdated_payment_that_undoes_the_default_needs_no_cure(diary: Any) -> None:
    """By what is known now it never was 91 days past due: the grade is put right at once."""
    monthly(diary)
    diary.pay("L1", "2024-04-20", 3 * DUE, known="2024-05-20")
    diary.pay("L1", "2024-05-20", DUE)
    diary.close("2024-05-20")
    row = diary.current("L1")
    assert (row["grade"], row["rule"]) == ("normal", "paid_up")
    assert row["reason"] == (
        "By what is known now it was 1 day past due on 2024-05-16. Nothing past due and no finding."
    )
    assert diary.asked.grade_history("L1")[-1]["corrected"] is True
    assert [change[1] for change in diary.changes("L1")] == [
        "normal",
        "special_mention",
        "substandard",
        "normal",
    ]


def test_a_payment_that_bounces_after_the_cure_brings_the_default_back(diary: Any) -> None:
    monthly(diary)
    arrears = diary.pay("L1", "2024-05-17", 4 * DUE)
    diary.close("2024-05-17")
    pay_on_time(diary, MONTHS[4:10])
    diary.close("2024-11-17")
    assert diary.grade("L1") == "normal"
    diary.bounce("L1", "2024-11-18", arrears)
    diary.close("2024-11-18")
    row = diary.current("L1")
    assert (row["grade"], row["dpd_days"]) == ("substandard", 95)
