"""Schedules against published numbers and by hand; day counts."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import RuleRefused
from ledger.interest import interest_minor, rounded_ratio, units_a_year, units_between
from ledger.money import Rounding
from ledger.periods import periods
from ledger.schedule import earned, generate
from ledger.terms import Grace, Instalment, Roll, Terms


def amounts(rows: tuple[Instalment, ...]) -> list[tuple[int, int]]:
    """(interest, principal) of each row."""
    return [(row.interest_minor, row.principal_minor) for row in rows]


def test_annuity_30_360_equals_the_numbers_published_by_apache_fineract() -> None:
    terms = Terms(method="annuity", instalments=6, rate_ppm=94_822)
    rows = generate(terms, disbursements=[(date(2024, 1, 1), 10_000)])
    assert amounts(rows) == [
        (79, 1634),
        (66, 1647),
        (53, 1660),
        (40, 1673),
        (27, 1686),
        (13, 1700),
    ]
    balance = 10_000
    balances = [balance := balance - row.principal_minor for row in rows]
    assert balances == [8366, 6719, 5059, 3386, 1700, 0]


def test_annuity_act_365_equals_the_numbers_published_by_apache_fineract() -> None:
    terms = Terms(method="annuity", instalments=6, rate_ppm=156_780, day_count="act/365")
    rows = generate(terms, disbursements=[(date(2024, 1, 1), 10_000)])
    lengths = [(b - a).days for a, b in zip((date(2024, 1, 1), *DUES), DUES, strict=False)]
    assert lengths == [31, 29, 31, 30, 31, 30]
    assert [row.due_date for row in rows] == list(DUES)
    paid = [row.interest_minor + row.principal_minor for row in rows]
    assert paid == [1743, 1743, 1743, 1743, 1743, 1747]


DUES = tuple(date(2024, month, 1) for month in range(2, 8))


def test_annuity_of_whole_units_equals_the_numbers_published_by_frappe_lending() -> None:
    terms = Terms(
        method="annuity",
        instalments=20,
        rate_ppm=84_000,
        day_count="act/365",
        instalment_unit_minor=100,
        level="equal_periods",
    )
    rows = generate(terms, disbursements=[(date(2025, 1, 27), 28_000_000)])
    assert rows[0].interest_minor + rows[0].principal_minor == 1_505_200
    interest = sum(row.interest_minor for row in rows)
    assert rounded_ratio(interest, 100, rounding=Rounding.HALF_UP) == 20_970
    assert rounded_ratio(interest + 28_000_000, 100, rounding=Rounding.HALF_UP) == 300_970
    whole = [
        tuple(rounded_ratio(part, 100, rounding=Rounding.HALF_UP) for part in amount)
        for amount in amounts(rows)
    ]
    assert (whole[3], whole[17], whole[19]) == ((1660, 13392), (307, 14745), (106, 14875))


def test_equal_principal_repays_the_same_share_and_the_last_row_takes_the_residue() -> None:
    terms = Terms(method="equal_principal", instalments=3, rate_ppm=120_000)
    rows = generate(terms, disbursements=[(date(2024, 1, 1), 10_000)])
    assert amounts(rows) == [(100, 3333), (67, 3333), (33, 3334)]


def test_interest_only_repays_the_principal_with_the_last_interest() -> None:
    terms = Terms(method="interest_only", instalments=3, rate_ppm=120_000)
    rows = generate(terms, disbursements=[(date(2024, 1, 1), 10_000)])
    assert amounts(rows) == [(100, 0), (100, 0), (100, 10_000)]


def test_a_bullet_falls_due_once_at_the_end_of_the_term() -> None:
    terms = Terms(method="bullet", instalments=12, rate_ppm=120_000)
    (row,) = generate(terms, disbursements=[(date(2024, 1, 31), 10_000)])
    assert (row.due_date, row.interest_minor, row.principal_minor) == (
        date(2025, 1, 31),
        1200,
        10_000,
    )


def test_a_loan_without_interest_is_divided_evenly() -> None:
    terms = Terms(method="annuity", instalments=3)
    rows = generate(terms, disbursements=[(date(2024, 1, 1), 10_000)])
    assert amounts(rows) == [(0, 3333), (0, 3333), (0, 3334)]


def dues_of(terms: Terms, start: date) -> list[date]:
    return [period.due for period in periods(terms, start)]


def test_due_dates_keep_the_day_of_the_month_through_short_months() -> None:
    terms = Terms(method="annuity", instalments=4)
    assert dues_of(terms, date(2024, 1, 31)) == [
        date(2024, 2, 29),
        date(2024, 3, 31),
        date(2024, 4, 30),
        date(2024, 5, 31),
    ]
    quarterly = Terms(
        method="annuity", instalments=2, period_months=3, first_due_date=date(2024, 2, 5)
    )
    assert dues_of(quarterly, date(2024, 1, 10)) == [date(2024, 2, 5), date(2024, 5, 5)]


def test_a_broken_first_period_bears_interest_for_its_own_days() -> None:
    terms = Terms(
        method="interest_only",
        instalments=2,
        rate_ppm=120_000,
        first_due_date=date(2024, 2, 15),
    )
    rows = generate(terms, disbursements=[(date(2024, 1, 31), 10_000)])
    # 31 January counts as the 30th: 15 days of 360, then a whole month.
    assert amounts(rows) == [(50, 0), (100, 10_000)]


def test_a_second_disbursement_bears_interest_from_its_own_day_and_sets_instalments_anew() -> None:
    terms = Terms(method="annuity", instalments=4, rate_ppm=120_000)
    rows = generate(terms, disbursements=[(date(2024, 1, 1), 10_000), (date(2024, 2, 16), 5_000)])
    # Balance 75.37 after row 1; row 2: 1 % of it and half a month's of 50.00: 0.7537 + 0.25.
    assert rows[0] == generate(terms, disbursements=[(date(2024, 1, 1), 10_000)])[0]
    assert 10_000 - rows[0].principal_minor == 7537
    assert rows[1].interest_minor == 100
    assert sum(row.principal_minor for row in rows) == 15_000
    # 125.37 and this interest, repaid thrice a month apart: 126.3737 / (1 + 1/1.01 + 1/1.01²).
    assert rows[1].principal_minor + rows[1].interest_minor == 4254


def test_a_change_of_rate_counts_from_its_own_day() -> None:
    terms = Terms(method="interest_only", instalments=3, rate_ppm=120_000)
    rows = generate(
        terms,
        disbursements=[(date(2024, 1, 1), 10_000)],
        rates=[(date(2024, 2, 11), 60_000)],
    )
    # February: 10 days at 12 %, 20 days at 6 %: 33.33 + 33.33.
    assert [row.interest_minor for row in rows] == [100, 67, 50]
    repriced = generate(
        terms, disbursements=[(date(2024, 1, 1), 10_000)], rates=[(date(2023, 12, 1), 60_000)]
    )
    assert [row.interest_minor for row in repriced] == [50, 50, 50]


def test_a_disbursement_that_no_instalment_follows_is_refused_by_name() -> None:
    terms = Terms(method="annuity", instalments=2)
    with pytest.raises(RuleRefused, match="2024-03-01") as refused:
        generate(terms, disbursements=[(date(2024, 1, 1), 10_000), (date(2024, 3, 1), 1)])
    assert refused.value.rule == "no_period_left"
    late = Terms(method="annuity", instalments=2, first_due_date=date(2024, 2, 1))
    with pytest.raises(RuleRefused):
        generate(late, disbursements=[(date(2024, 2, 1), 10_000)])


@settings(max_examples=200, deadline=None)
@given(
    method=st.sampled_from(["annuity", "equal_principal", "interest_only", "bullet"]),
    principal=st.integers(1, 10**12),
    instalments=st.integers(1, 60),
    months=st.integers(1, 6),
    rate=st.integers(0, 500_000),
    day_count=st.sampled_from(["30/360", "act/360", "act/365", "act/act"]),
    unit=st.sampled_from([1, 100]),
    start=st.dates(date(2000, 1, 1), date(2040, 12, 31)),
)
def test_every_schedule_repays_the_principal_exactly_and_nothing_is_negative(
    method, principal, instalments, months, rate, day_count, unit, start
) -> None:
    terms = Terms(
        method=method,
        instalments=instalments,
        period_months=months,
        rate_ppm=rate,
        day_count=day_count,
        instalment_unit_minor=unit,
    )
    rows = generate(terms, disbursements=[(start, principal)])
    assert sum(row.principal_minor for row in rows) == principal
    assert min(min(row.principal_minor, row.interest_minor) for row in rows) >= 0
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    assert all(a.due_date < b.due_date for a, b in pairwise(rows))


def test_day_counts_by_hand() -> None:
    start, end = date(2023, 12, 31), date(2024, 3, 1)
    assert units_between(start, end, "30/360") == 61
    assert units_between(start, end, "act/360") == units_between(start, end, "act/365") == 61
    # One day of 2023 (1/365) and 60 days of 2024 (1/366 each).
    year = units_a_year("act/act")
    assert Fraction(units_between(start, end, "act/act"), year) == Fraction(1, 365) + Fraction(
        60, 366
    )
    assert units_between(date(2024, 1, 1), date(2025, 1, 1), "act/act") == year
    assert units_between(date(2024, 1, 30), date(2024, 1, 31), "30/360") == 0


@given(
    days=st.lists(st.dates(date(1990, 1, 1), date(2199, 12, 31)), min_size=3, max_size=3),
    day_count=st.sampled_from(["30/360", "act/360", "act/365", "act/act"]),
)
def test_time_adds_up_whatever_day_a_period_is_cut_at(days, day_count) -> None:
    first, middle, last = sorted(days)
    whole = units_between(first, last, day_count)
    assert whole >= 0
    assert whole == units_between(first, middle, day_count) + units_between(middle, last, day_count)


def test_interest_is_rounded_as_named() -> None:
    # 1,000.00 at 3.65 % for one day of 365 is 0.10; for half of that amount 0.05.
    for rounding, expected in [("half_up", 1), ("half_even", 0), ("down", 0), ("up", 1)]:
        minor = interest_minor(
            500, rate_ppm=365_000, units=1, day_count="act/365", rounding=Rounding(rounding)
        )
        assert minor == expected
    assert rounded_ratio(149, 1, rounding=Rounding.HALF_UP, unit_minor=100) == 100
    assert rounded_ratio(150, 1, rounding=Rounding.HALF_UP, unit_minor=100) == 200


def test_a_long_schedule_stays_exact() -> None:
    terms = Terms(method="annuity", instalments=1200, rate_ppm=94_822)
    rows = generate(terms, disbursements=[(date(1990, 1, 1), 10**15)])
    assert sum(row.principal_minor for row in rows) == 10**15
    payments = {row.principal_minor + row.interest_minor for row in rows[:-1]}
    assert len(payments) == 1
    assert rows[-1].due_date - rows[0].due_date > timedelta(days=36_000)


def test_a_period_whose_interest_exceeds_the_instalment_repays_no_principal() -> None:
    terms = Terms(method="annuity", instalments=1200, rate_ppm=94_822, day_count="act/365")
    rows = generate(terms, disbursements=[(date(1990, 1, 1), 10**9)])
    assert rows[0].principal_minor == 0
    assert sum(row.principal_minor for row in rows) == 10**9


BOOL = st.booleans()


@st.composite
def agreed(draw: st.DrawFn) -> Terms:
    """Terms of every kind that a generated schedule can depend on."""
    instalments = draw(st.integers(2, 8))
    grace = st.integers(0, instalments - 1)
    days = draw(st.sampled_from([0, 0, 10, 30]))
    convention: Any = draw(st.sampled_from(["following", "modified_following", "preceding"]))
    return Terms(
        method=draw(st.sampled_from(["annuity", "equal_principal", "interest_only"])),
        instalments=instalments,
        period_days=days,
        month_end=draw(st.booleans()) and not days,
        rate_ppm=draw(st.integers(0, 300_000)),
        day_count=draw(st.sampled_from(["30/360", "act/360", "act/365", "act/act"])),
        rounding=draw(st.sampled_from(["half_up", "half_even", "down", "up"])),
        instalment_unit_minor=draw(st.sampled_from([1, 100, 10_000])),
        down_payment_ppm=draw(st.sampled_from([0, 200_000, 333_333])),
        grace=Grace(
            principal_instalments=draw(grace),
            interest_instalments=draw(grace),
            interest_free_instalments=draw(grace),
        ),
        roll=draw(st.none() | st.builds(Roll, convention=st.just(convention), moves_interest=BOOL)),
    )


@settings(max_examples=150, deadline=None)
@given(agreed(), st.dates(date(2020, 1, 1), date(2030, 12, 31)), st.integers(10_000, 10**9))
def test_every_kind_of_terms_repays_what_was_lent_and_earns_what_falls_due(
    terms: Terms, start: date, principal: int
) -> None:
    rows = generate(terms, disbursements=[(start, principal)])
    assert sum(row.principal_minor for row in rows) == principal
    assert min(min(row.principal_minor, row.interest_minor) for row in rows) >= 0
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    regular = [row for row in rows if row.due_date > start]
    assert [row.due_date for row in regular] == dues_of(terms, start)
    assert all(a.due_date <= b.due_date for a, b in pairwise(rows))
    if terms.roll:
        assert all(row.due_date.weekday() < 5 for row in regular)
    earnings = earned(terms, disbursements=[(start, principal)])
    assert sum(one.interest_minor for one in earnings) == sum(row.interest_minor for row in rows)
    for row in regular[: terms.grace.principal_instalments]:
        assert row.principal_minor == 0
    for row in regular[: terms.grace.interest_instalments]:
        assert row.interest_minor == 0
