"""Small parts of the views, by hand."""

from __future__ import annotations

from datetime import date
from random import Random

import numpy as np
import pytest

from ledger.dates import day_number
from projections.ageing import BUCKETS
from projections.book import Finding
from projections.observation import Observed
from projections.rebuild import Difference, RebuildReport, Total
from projections.regime_file import load
from projections.story import StoryLine, told
from projections.sums import by_group
from projections.wording import count_text, money_text, share_text
from warning.buckets import BUCKET_ENDS, bucket


def test_amounts_read_as_people_write_them() -> None:
    assert money_text(1_250_000, "CNY") == "12,500.00 CNY"
    assert money_text(-123_456_789, "EUR") == "-1,234,567.89 EUR"
    assert money_text(-5, "CNY") == "-0.05 CNY"
    assert money_text(1_234, "JPY") == "1,234 JPY"
    assert (count_text(1, "day"), count_text(0, "day"), count_text(1_000, "day")) == (
        "1 day",
        "0 days",
        "1,000 days",
    )
    assert (share_text(1, 8), share_text(2, 3), share_text(0, 0)) == ("12.5 %", "66.6 %", "0.0 %")


def test_sums_by_group_are_those_of_a_plain_loop() -> None:
    random = Random(3)
    rows = [
        (random.randrange(3), random.randrange(5), random.randrange(10**15)) for _ in range(999)
    ]
    expected: dict[tuple[int, int], tuple[int, int]] = {}
    for one, two, value in rows:
        count, total = expected.get((one, two), (0, 0))
        expected[one, two] = (count + 1, total + value)
    one, two, values = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    assert dict(by_group([one, two], [values])) == expected
    assert list(by_group([one[:0], two[:0]], [values[:0]])) == []


@pytest.mark.parametrize(
    ("dpd", "name"),
    [
        (0, "0"),
        (1, "1-30"),
        (30, "1-30"),
        (31, "31-60"),
        (60, "31-60"),
        (61, "61-90"),
        (90, "61-90"),
        (91, "91-180"),
        (180, "91-180"),
        (181, "181-270"),
        (270, "181-270"),
        (271, "271-360"),
        (360, "271-360"),
        (361, ">360"),
        (5_000, ">360"),
    ],
)
def test_buckets_change_on_the_day_after_each_limit(dpd: int, name: str) -> None:
    assert BUCKETS[int(bucket(np.array([dpd], np.int64))[0])] == name
    assert len(BUCKETS) == len(BUCKET_ENDS) + 1


def observed(*findings: tuple[str, bool], grace_days: int = 0) -> Observed:
    rule = load("cn-2023").latest.observation
    assert rule is not None
    found = [
        Finding(
            day_number(date.fromisoformat(day)), str(at), "restructured", active, f"loan:L@{at}"
        )
        for at, (day, active) in enumerate(findings)
    ]
    return Observed(rule, found, nonperforming_rank=2, grace_days=grace_days)


def test_observation_without_due_dates_counts_months_alone() -> None:
    """The core system keeps the schedule: from the day of the change on, for a year."""
    watched = observed(("2024-02-29", True))
    assert watched.step(day_number(date(2024, 2, 29)), 0, 0, []) == 1
    assert watched.step(day_number(date(2025, 2, 27)), 0, 0, []) == 1
    assert watched.step(day_number(date(2025, 2, 28)), 0, 0, []) == 0
    assert watched.over


def test_observation_needs_both_due_dates_even_after_the_year() -> None:
    dues = [day_number(date(2024 + n, 3, 31)) for n in range(4)]
    watched = observed(("2024-01-15", True))
    for on, rank in (
        (date(2024, 1, 15), 1),
        (date(2025, 4, 1), 1),
        (date(2026, 3, 31), 1),
        (date(2026, 4, 1), 0),
    ):
        assert watched.step(day_number(on), 0, 0, dues) == rank, on


def test_a_missed_due_date_restarts_observation_from_that_date_with_or_without_grace() -> None:
    """Unpaid since 15 March: on the 25th 10 days, 5 of them after 5 days of grace."""
    dues = [day_number(date(2024, month, 15)) for month in (2, 3, 4)]
    for grace, dpd in ((0, 10), (5, 5)):
        watched = observed(("2024-01-20", True), grace_days=grace)
        assert watched.step(day_number(date(2024, 2, 15)), 0, 0, dues) == 1
        assert watched.start == dues[0]
        watched.step(day_number(date(2024, 3, 25)), dpd, 0, dues)
        assert watched.start == dues[1], grace


def test_lines_of_the_same_moment_are_told_facts_first() -> None:
    def line(kind: str, at: int) -> StoryLine:
        return StoryLine(
            date=date(2024, 1, 1),
            recorded_at_us=at,
            kind=kind,
            what="",
            text="",
            level="",
            event_id="",
        )

    facts, warnings, grades = (
        [line("fact", 2), line("fact", 2)],
        [line("warning", 1)],
        [line("grade", 2)],
    )
    kinds = [entry.kind for entry in told(facts, warnings, grades)]
    assert kinds == ["warning", "fact", "fact", "grade"]


def test_differences_say_what_is_stored_and_what_the_facts_give() -> None:
    row = {"loan_id": "L1", "branch": "A", "status": "running"}
    differs = Difference("loans", "loans", ("L1",), row, {**row, "branch": "B"})
    assert str(differs) == "loans['L1']: branch is 'A', the facts give 'B'"
    assert str(Difference("loans", "loans", ("L1",), None, row)) == "loans['L1'] is missing"
    assert str(Difference("loans", "loans", ("L1",), row, None)) == "loans['L1'] should not exist"


def test_a_report_names_only_the_totals_that_differ() -> None:
    same, other = Total("loans", "rows", 5, 5), Total("loans", "principal_minor", 7, 8)
    report = RebuildReport(("loans",), 10, 0.1, "swapped", (same, other))
    assert report.differing == (other,)
