"""Every figure of the portfolio on four loans, each number worked out by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import MalformedMessage, UnknownEntity
from projections.provisions import RatesError, rates_of
from projections.queries import Ask, Queries, figure_names
from projections.read_grades import UnknownRegime
from projections.regime_file import load, shipped

APRIL = date(2024, 4, 30)
MAY_10 = date(2024, 5, 10)
JUNE = date(2024, 6, 30)


def rows(queries: Queries, name: str, *columns: str, **asked: Any) -> list[tuple[Any, ...]]:
    figure = queries.figure(name, Ask(**asked))
    assert figure.rows == [dict.fromkeys(figure.columns) | row for row in figure.rows]
    return [tuple(row[column] for column in columns) for row in figure.rows]


def test_ageing_has_each_loan_in_the_bucket_of_its_oldest_unmet_due(queries: Queries) -> None:
    # 04-30: L1 has met all dues so far. L2 owes since 03-01: 60 days. L3 since 02-01: 89 days.
    assert rows(
        queries, "ageing", "bucket", "loans", "outstanding_minor", "arrears_minor", as_of=APRIL
    ) == [
        ("0", 1, 10_000, 0),
        ("31-60", 1, 30_000, 20_000),
        ("61-90", 1, 40_000, 30_000),
    ]


def test_portfolio_at_risk_is_full_principal_of_loans_with_more_days(queries: Queries) -> None:
    # Gross 100 + 300 + 400 = 800. L2 stands at exactly 60 days, which is not over 60.
    columns = ("over_days", "loans", "outstanding_minor", "gross_minor", "ratio")
    assert rows(queries, "par", *columns, as_of=APRIL) == [
        (1, 2, 70_000, 80_000, 0.875),
        (30, 2, 70_000, 80_000, 0.875),
        (60, 1, 40_000, 80_000, 0.5),
        (90, 0, 0, 80_000, 0.0),
    ]


@pytest.mark.parametrize(
    ("on", "late"),
    [
        # L3's due of 02-01: +1 is 02-02, +2 is 02-03; "over 1" begins on the second.
        (date(2024, 2, 2), {1: 0, 30: 0, 60: 0, 90: 0}),
        (date(2024, 2, 3), {1: 80_000, 30: 0, 60: 0, 90: 0}),  # with L2, which pays on 02-11
        (date(2024, 3, 2), {1: 40_000, 30: 0, 60: 0, 90: 0}),  # 30 days
        (date(2024, 3, 3), {1: 80_000 - 10_000, 30: 40_000, 60: 0, 90: 0}),  # 31; L2 owes 300
        (date(2024, 4, 1), {1: 70_000, 30: 70_000, 60: 0, 90: 0}),  # 60; L2 31
        (date(2024, 4, 2), {1: 70_000, 30: 70_000, 60: 40_000, 90: 0}),  # 61
        (date(2024, 5, 1), {1: 70_000, 30: 70_000, 60: 70_000, 90: 0}),  # 90; L2 61
        (date(2024, 5, 2), {1: 70_000, 30: 70_000, 60: 70_000, 90: 40_000}),  # 91
    ],
)
def test_portfolio_at_risk_begins_one_day_after_the_limit(
    queries: Queries, on: date, late: dict[int, int]
) -> None:
    assert dict(rows(queries, "par", "over_days", "outstanding_minor", as_of=on)) == late


def test_ageing_can_be_cut_and_filtered(queries: Queries) -> None:
    # 02-15: L2 has paid its first due on 02-11; L3 is 14 days late; L4 owes nothing any more.
    on = date(2024, 2, 15)
    columns = ("branch", "bucket", "loans", "outstanding_minor")
    assert rows(queries, "ageing", *columns, as_of=on, by="branch") == [
        ("B1", "0", 2, 60_000),
        ("B1", "1-30", 1, 40_000),
        ("B2", "0", 1, 0),
    ]
    assert rows(queries, "ageing", "bucket", "loans", as_of=on, where={"branch": "B2"}) == [
        ("0", 1)
    ]
    assert rows(queries, "ageing", "loans", as_of=on, where={"industry": "retail"}) == [(1,)]
    assert rows(queries, "ageing", "loans", as_of=on, where={"officer": "nobody"}) == []


def test_a_roll_matrix_says_where_the_balance_of_each_bucket_went(queries: Queries) -> None:
    # 03-31: L2 owes since 03-01, 30 days; L3 since 02-01, 59 days. L4 has ended before.
    columns = ("bucket_from", "bucket_to", "loans", "outstanding_minor", "share_by_balance")
    assert rows(queries, "roll", *columns, as_of=APRIL, since=date(2024, 3, 31)) == [
        ("0", "0", 1, 20_000, 1.0),
        ("1-30", "31-60", 1, 30_000, 1.0),
        ("31-60", "61-90", 1, 40_000, 1.0),
    ]
    # 02-29: L1 300, L2 300 and L4 0 in "0"; L4 is repaid by 04-30. Shares by count are thirds.
    columns = ("bucket_from", "bucket_to", "loans", "outstanding_minor", "share_by_count")
    assert rows(queries, "roll", *columns, as_of=APRIL, since=date(2024, 2, 29)) == [
        ("0", "0", 1, 30_000, 1 / 3),
        ("0", "31-60", 1, 30_000, 1 / 3),
        ("0", "repaid", 1, 0, 1 / 3),
        ("1-30", "61-90", 1, 40_000, 1.0),
    ]


def test_a_book_younger_than_a_month_is_compared_with_its_first_close(queries: Queries) -> None:
    figure = queries.figure("roll", Ask(as_of=date(2024, 1, 20)))
    assert figure.since == date(2024, 1, 2)
    assert [(row["bucket_from"], row["bucket_to"], row["loans"]) for row in figure.rows] == [
        ("0", "0", 4)
    ]


def test_flow_rates_compare_a_bucket_with_the_one_before_it_then(queries: Queries) -> None:
    columns = ("bucket_from", "outstanding_before_minor", "outstanding_after_minor", "ratio")
    found = rows(queries, "flow", *columns, as_of=APRIL, since=date(2024, 3, 31))
    assert found[:4] == [
        ("0", 20_000, 0, 0.0),
        ("1-30", 30_000, 30_000, 1.0),
        ("31-60", 40_000, 40_000, 1.0),
        ("61-90", 0, 0, None),
    ]


def test_a_vintage_adds_up_what_was_ever_over_30_days(queries: Queries) -> None:
    # Originated 4 x 400. L3 is 31 days late on 03-03, month 2, with 400; L2 on 04-01 with 300.
    columns = ("cohort", "months_on_book", "late_loans", "late_minor", "ratio")
    assert rows(queries, "vintage", *columns, as_of=APRIL) == [
        ("2024-01", 0, 0, 0, 0.0),
        ("2024-01", 1, 0, 0, 0.0),
        ("2024-01", 2, 1, 40_000, 0.25),
        ("2024-01", 3, 2, 70_000, 0.4375),
    ]


def test_first_and_second_payment_default_by_days_after_the_due(queries: Queries) -> None:
    # First due 02-01: L2 pays it on day 10, L3 not. Second due 03-01: neither; L4 ends by day 30.
    columns = ("instalment", "days_after_due", "loans", "unpaid_loans")
    assert rows(queries, "payment_default", *columns, as_of=APRIL) == [
        (1, 1, 4, 2),
        (1, 7, 4, 2),
        (1, 30, 4, 1),
        (2, 1, 4, 2),
        (2, 7, 4, 2),
        (2, 30, 3, 2),
    ]
    # On 02-08, seven days after 02-01, day 30 is still to come.
    early = rows(queries, "payment_default", *columns, as_of=date(2024, 2, 8))
    assert early == [(1, 1, 4, 2), (1, 7, 4, 2)]


def test_a_cure_must_hold_for_thirty_days(queries: Queries) -> None:
    # L3 is over 90 days on 05-02 and pays all on 05-20: cured once 06-19 has come. L2 on 05-31.
    columns = ("loans", "outstanding_minor", "cured_loans", "self_cured_loans", "cure_rate")
    since = {"since": APRIL}
    assert rows(queries, "cure", *columns, as_of=date(2024, 6, 18), **since) == [
        (2, 70_000, 0, 0, 0.0)
    ]
    assert rows(queries, "cure", *columns, "mean_days_to_cure", as_of=JUNE, **since) == [
        (2, 70_000, 1, 1, 0.5, 18.0)  # 05-02 to 05-20; the acknowledgement was before
    ]


def test_grades_migrate_and_nonperforming_counts_full_principal(queries: Queries) -> None:
    # 05-10: L1 owes nothing. L2 is 70 days late, L3 99 days: 400 of 700 does not perform.
    columns = ("nonperforming_loans", "nonperforming_minor", "gross_minor", "ratio")
    assert rows(queries, "npl", *columns, as_of=MAY_10) == [(1, 40_000, 70_000, 40_000 / 70_000)]
    columns = ("grade_from", "grade_to", "loans", "outstanding_minor", "share_by_count")
    assert rows(queries, "migration", *columns, as_of=MAY_10, since=APRIL) == [
        ("normal", "normal", 1, 10_000, 1.0),
        ("special_mention", "special_mention", 1, 30_000, 0.5),
        ("special_mention", "substandard", 1, 40_000, 0.5),
    ]


def test_provisions_are_rates_on_principal_by_grade(queries: Queries, tmp_path: Path) -> None:
    columns = ("grade", "outstanding_minor", "rate_ppm", "provision_minor")
    assert rows(queries, "provisions", *columns, as_of=MAY_10) == [
        ("normal", 0, 10_000, 0),
        ("special_mention", 30_000, 20_000, 600),  # 2 % of 300.00
        ("substandard", 40_000, 250_000, 10_000),  # 25 % of 400.00
    ]
    own = tmp_path / "rates.toml"
    own.write_text(
        '[cn-2023]\nsource = "ours"\nmark = "unverified"\n[cn-2023.rates]\n'
        'normal = "0"\nspecial_mention = "0.00005"\nsubstandard = "1"\n'
    )
    found = queries.figure("provisions", Ask(as_of=MAY_10), rates=own)
    # 0.005 % of 300.00 is 0.015, half up to 0.02.
    assert [row["provision_minor"] for row in found.rows] == [0, 2, 40_000]


def test_concentration_has_the_greatest_first_with_its_share(queries: Queries) -> None:
    # 04-30: mining L1 100 and L2 300, retail L3 400.
    columns = ("industry", "outstanding_minor", "share", "par_30_ratio")
    assert rows(queries, "concentration", *columns, as_of=APRIL) == [
        ("mining", 40_000, 0.5, 0.75),
        ("retail", 40_000, 0.5, 1.0),
    ]
    columns = ("borrower", "outstanding_minor")
    assert rows(queries, "concentration", *columns, as_of=APRIL, by="borrower") == [
        ("borrower-L3", 40_000),
        ("borrower-L2", 30_000),
        ("borrower-L1", 10_000),
    ]


def test_the_watch_list_has_loans_whose_warning_is_open_on_that_day(queries: Queries) -> None:
    columns = ("loan_id", "severity", "since_date", "grade", "bucket", "reason")
    watched = ("L3", "yellow", date(2024, 3, 1), "special_mention", "61-90", "L3 is late.")
    assert rows(queries, "watchlist", *columns, as_of=APRIL) == [watched]
    # On 04-05 W2 rings on L2 and is not yet withdrawn; L3 owes more and comes first.
    assert rows(queries, "watchlist", "loan_id", as_of=date(2024, 4, 5)) == [("L3",), ("L2",)]


def test_the_funnel_counts_what_became_of_each_warning(queries: Queries) -> None:
    # W3 on L3, which defaults on 05-02; W1 resolved; W2 withdrawn. Hit: 1 of 3 less 1 withdrawn.
    columns = ("severity", "raised", "acted", "defaulted", "cured", "withdrawn", "open", "hit_rate")
    assert rows(queries, "funnel", *columns, as_of=JUNE) == [("yellow", 3, 1, 1, 1, 1, 0, 0.5)]
    # By 04-30 nothing has defaulted: W3 is open.
    assert rows(queries, "funnel", *columns, as_of=APRIL) == [("yellow", 3, 1, 0, 1, 1, 1, 0.0)]


def test_lead_time_runs_from_the_first_warning_to_the_default(queries: Queries) -> None:
    # L3: 03-01 to 05-02 is 62 days. L2 defaults on 05-31; its only warning was withdrawn.
    assert rows(queries, "lead_time", "lead_days", "loans", "median_days", as_of=JUNE) == [
        ("not warned", 1, 62),
        ("60-89", 1, 62),
    ]


def test_the_trend_has_month_ends_and_the_day_itself(queries: Queries) -> None:
    columns = ("closed_date", "bucket", "loans")
    assert rows(queries, "trend", *columns, as_of=date(2024, 2, 15)) == [
        (date(2024, 1, 31), "0", 4),
        (date(2024, 2, 15), "0", 3),
        (date(2024, 2, 15), "1-30", 1),
    ]


def test_a_question_that_makes_no_sense_is_answered_with_the_way_out(queries: Queries) -> None:
    with pytest.raises(UnknownEntity, match="no figure 'nonsense'") as unknown:
        queries.figure("nonsense")
    assert all(name in unknown.value.way_out for name in figure_names())
    with pytest.raises(MalformedMessage, match="cannot be cut by 'colour'"):
        queries.figure("par", Ask(by="colour"))
    with pytest.raises(MalformedMessage, match="2024-05-01 is not before 2024-04-30"):
        queries.figure("roll", Ask(as_of=APRIL, since=date(2024, 5, 1)))
    with pytest.raises(UnknownEntity, match="No business day had been closed by 2024-01-01"):
        queries.figure("par", Ask(as_of=date(2024, 1, 1)))
    with pytest.raises(UnknownEntity, match="No business day had been closed by 2023-05-05"):
        queries.figure("roll", Ask(since=date(2023, 5, 5)))
    with pytest.raises(UnknownRegime, match="not graded by that regime"):
        queries.figure("npl", Ask(regime="mars-1"))
    with pytest.raises(RatesError, match="has no provision rates for mars-1"):
        rates_of("mars-1")
    with pytest.raises(RatesError, match="Nobody prescribes provision rates for us-call-report: "):
        rates_of("us-call-report")


UNPRESCRIBED = ("au-aps-220", "uk-dod", "us-call-report")


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_regime_has_a_rate_for_each_grade_or_says_why_it_has_none(name: str) -> None:
    if name in UNPRESCRIBED:
        with pytest.raises(RatesError, match="Nobody prescribes"):
            rates_of(name)
        return
    rates, grades = rates_of(name), [grade.name for grade in load(name).grades]
    assert sorted(rates.steps) == sorted(grades)
    assert rates.mark == "unverified"
    assert [rates.of(grade)[0][0] for grade in grades] == [0] * len(grades)


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        ('{ 2 = "0.35" }', "A calendar names whole years, 0 among them"),
        ('{ 0 = "0", half = "1" }', "A calendar names whole years, 0 among them"),
        ('{ 0 = "0", 2 = "35" }', 'A share from "0" to "1", in quotes'),
        ("0.35", 'A share from "0" to "1", in quotes'),
    ],
)
def test_a_wrong_rate_is_named_with_what_is_accepted(rate: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "rates.toml"
    file.write_text(f'[mine]\nsource = "s"\nmark = "unverified"\n[mine.rates]\nbad = {rate}\n')
    with pytest.raises(RatesError, match=r"rates\.toml, mine\.bad is ") as refused:
        rates_of("mine", file)
    assert said in refused.value.way_out
