"""Contagion: more than 10 % of a borrower's claims non-performing makes all of them so."""

from __future__ import annotations

from typing import Any

import pytest

LATE = "2024-01-31"
SOUND = "2030-01-31"


@pytest.mark.parametrize(
    ("bad_minor", "good_minor", "grade"),
    [
        (100_000, 900_000, "special_mention"),
        (100_001, 900_000, "substandard"),
        (1, 9, "special_mention"),
        (1, 8, "substandard"),
    ],
)
def test_exactly_ten_percent_is_special_mention_and_just_above_is_non_performing(
    diary: Any, bad_minor: int, good_minor: int, grade: str
) -> None:
    diary.loan("BAD", "2024-01-01", {LATE: bad_minor})
    diary.loan("GOOD", "2024-01-01", {SOUND: good_minor})
    diary.close("2024-04-30")
    assert (diary.grade("BAD"), diary.grade("GOOD")) == ("special_mention", "normal")
    diary.close("2024-05-01")
    assert (diary.grade("BAD"), diary.grade("GOOD")) == ("substandard", grade)


def test_the_reason_names_the_share_the_article_and_the_loans_behind_it(diary: Any) -> None:
    diary.loan("BAD", "2024-01-01", {LATE: 1_250_000})
    diary.loan("GOOD", "2024-01-01", {SOUND: 8_750_000})
    diary.close("2024-05-01")
    row = diary.current("GOOD")
    assert row["reason"] == (
        "12.5 % of the borrower's claims are non-performing, more than 10 %: "
        "12,500.00 CNY of 100,000.00 CNY."
    )
    assert (row["article"], row["mark"], row["causes"]) == ("Art. 7", "verified", ["BAD"])


def test_other_borrowers_are_not_touched(diary: Any) -> None:
    diary.loan("BAD", "2024-01-01", {LATE: 1_000_000}, borrower="B1")
    diary.loan("OTHER", "2024-01-01", {SOUND: 1_000_000}, borrower="B2")
    diary.close("2024-05-01")
    assert (diary.grade("BAD"), diary.grade("OTHER")) == ("substandard", "normal")


def test_a_caught_loan_does_not_catch_others_once_its_source_is_gone(diary: Any) -> None:
    """GOOD has paid on time for years: when BAD is written off, nothing holds it down."""
    dues = {f"2024-{month:02d}-15": 1_000_000 for month in range(1, 13)}
    diary.loan("GOOD", "2023-12-01", dues)
    diary.loan("BAD", "2023-12-01", {LATE: 9_000_000})
    for month in range(1, 8):
        diary.pay("GOOD", f"2024-{month:02d}-15", 1_000_000)
        diary.close(f"2024-{month:02d}-28")
    assert (diary.grade("BAD"), diary.grade("GOOD")) == ("substandard", "substandard")
    diary.end("BAD", "2024-07-29")
    diary.close("2024-07-29")
    assert diary.changes("GOOD") == [
        ("2024-01-28", "normal", "first_grade"),
        ("2024-05-28", "substandard", "contagion"),
        ("2024-07-29", "normal", "cured"),
    ]


def test_a_young_caught_loan_waits_for_its_own_six_months(diary: Any) -> None:
    dues = {f"2024-{month:02d}-15": 1_000_000 for month in range(5, 13)}
    diary.loan("BAD", "2024-01-01", {LATE: 9_000_000})
    diary.loan("YOUNG", "2024-04-20", dues)
    diary.close("2024-05-10")
    assert diary.grade("YOUNG") == "substandard"
    diary.end("BAD", "2024-05-11")
    for month in range(5, 11):
        diary.pay("YOUNG", f"2024-{month:02d}-15", 1_000_000)
        diary.close(f"2024-{month:02d}-20")
    assert diary.grade("YOUNG") == "substandard", "clean since its first close, 2024-05-10"
    diary.close("2024-11-10")
    assert diary.grade("YOUNG") == "normal"
