"""Change over days, place among peers, count of other warnings: by hand and by plain loops."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warning.columns import Moment
from warning.derived import MIN_PEERS, Deriver, derived, indicators_of, peers_in, percentiles
from warning.expressions import ExpressionError, compile_condition, parts_of
from warning.lifecycle import Lifecycle
from warning.rules import RuleError, parse_pack

NAMES = frozenset(("dpd_days", "balance_minor"))
NAN = float("nan")


def none(_: str) -> np.ndarray:
    return np.zeros(2)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("change(x, 30)", "change(x, 30)"),
        ("change(x,7)", "change(x, 7)"),
        ("percentile( x , industry )", "percentile(x, industry)"),
        ("others(loan)", "others(loan)"),
        ("others(officer)", None),
        ("change(x, 0)", None),
        ("change(x, 121)", None),
        ("change(x, industry)", None),
        ("percentile(x, sex)", None),
        ("dpd_days", None),
    ],
)
def test_a_derived_column_has_one_text(text: str, wanted: str | None) -> None:
    found = derived(text)
    assert (found.text if found else None) == wanted


def test_a_condition_reads_derived_columns_beside_indicators() -> None:
    condition = compile_condition("change(dpd_days, 5) > 3 and others( loan ) >= 1", NAMES)
    assert condition.names == ("change(dpd_days, 5)", "others(loan)")
    assert condition.holds_in({"change(dpd_days, 5)": 4, "others(loan)": 1})
    assert not condition.holds_in({"change(dpd_days, 5)": NAN, "others(loan)": 1})
    assert indicators_of(condition.names) == ["dpd_days"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("change(dpd_dayz, 5) > 3", "dpd_dayz"),
        ("change(dpd_days, 500) > 3", "change(dpd_days, 500)"),
        ("change(dpd_days + 1, 5) > 3", "change(dpd_days + 1, 5)"),
        ("percentile(dpd_days, sex) > 3", "percentile(dpd_days, sex)"),
        ("others() > 3", "others()"),
    ],
)
def test_a_derived_column_that_is_none_is_refused_by_its_word(text: str, word: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        compile_condition(text, NAMES)
    assert refused.value.word == word


def test_the_parts_of_a_condition_are_told_with_their_depth() -> None:
    whole = compile_condition("dpd_days > 3 and (not balance_minor < 0 or dpd_days > 9)", NAMES)
    told = [(depth, part.text) for depth, part in parts_of(whole, NAMES)][1:]
    assert told == [
        (1, "dpd_days > 3"),
        (1, "not balance_minor < 0 or dpd_days > 9"),
        (2, "not balance_minor < 0"),
        (3, "balance_minor < 0"),
        (2, "dpd_days > 9"),
    ]


def test_a_change_is_told_from_the_last_close_on_or_before_the_day() -> None:
    deriver = Deriver(["change(dpd_days, 3)"])
    told = []
    for day, value in ((10, 1.0), (11, 2.0), (14, 7.0), (15, 8.0)):  # 12 and 13 are a weekend
        values = {"dpd_days": np.array([value, value])}
        deriver.remember(day, values)
        found = deriver.derive(day, values, ["change(dpd_days, 3)"], others=none)
        told.append(float(found["change(dpd_days, 3)"][0]))
    # 14 - 3 = 11: 7 - 2; 15 - 3 = 12, a Saturday: 8 less Friday's 2
    assert np.array_equal(told, [NAN, NAN, 5.0, 6.0], equal_nan=True)


def test_a_loan_that_was_not_there_then_has_no_change() -> None:
    deriver = Deriver(["change(dpd_days, 1)"])
    deriver.remember(1, {"dpd_days": np.array([1.0])})
    found = deriver.derive(
        2, {"dpd_days": np.array([5.0, 5.0])}, ["change(dpd_days, 1)"], others=none
    )
    assert np.array_equal(found["change(dpd_days, 1)"], [4.0, NAN], equal_nan=True)
    late = deriver.derive(
        *(2, {"dpd_days": np.array([6.0])}, ["change(dpd_days, 1)"]),
        others=none,
        rows=np.array([0]),
    )
    assert late["change(dpd_days, 1)"].tolist() == [5.0]


@given(
    st.lists(
        st.tuples(st.sampled_from([NAN, 0.0, 1.0, 2.0, 3.5, -1.0]), st.integers(-1, 2)),
        max_size=120,
    )
)
@settings(max_examples=60, deadline=None)
def test_percentiles_are_the_mid_ranks_of_a_plain_loop(loans: list[tuple[float, int]]) -> None:
    values = np.array([value for value, _ in loans], np.float64)
    segment = np.array([code for _, code in loans], np.int64)
    wanted = []
    for value, code in loans:
        peers = [v for v, c in loans if c == code and not isnan(v)]
        if isnan(value) or code < 0 or len(peers) < MIN_PEERS:
            wanted.append(NAN)
        else:
            below, equal = sum(p < value for p in peers), sum(p == value for p in peers)
            wanted.append(100 * (below + equal / 2) / len(peers))
    assert np.array_equal(percentiles(values, peers_in(segment)), wanted, equal_nan=True)


RULES = """
name = "test"
title = "Test"
[[rule]]
name = "late"
title = "a"
source = "this test"
when = "dpd_days >= 5"
severity = "watch"
reason = "{dpd_days}"
[[rule]]
name = "both"
title = "b"
source = "this test"
when = "others(loan) >= 1"
severity = "red"
reason = "{others(loan)} other"
"""


def test_a_rule_that_counts_others_is_not_counted_and_says_how_many() -> None:
    pack = parse_pack(RULES, path="test.toml")
    assert pack.rule("both").explain({"others(loan)": 2.0}, currency="", language="en") == "2 other"
    assert pack.indicators == ("dpd_days",)
    life = Lifecycle(pack, name=lambda row, rule, n: rule, borrower_of=int)
    told = []
    for day, dpd_days in enumerate((5.0, 5.0, 5.0, 0.0, 0.0), start=1):
        values = {"dpd_days": np.array([dpd_days]), "others(loan)": life.others(1)}
        changes = life.close(Moment(day, day), values, np.array([True]))
        told.append([(change.kind.value, change.episode.warning_id) for change in changes])
    # "both" sees the other one a close later, and its end a close later, too.
    assert told == [
        [("raised", "late")],
        [("raised", "both")],
        [],
        [("resolved", "late")],
        [("resolved", "both")],
    ]


def test_peers_are_not_compared_at_a_fact() -> None:
    text = RULES.replace("others(loan) >= 1", "percentile(dpd_days, all) > 90")
    text = text.replace('severity = "red"', 'severity = "red"\non = ["account.debited"]')
    text = text.replace("{others(loan)}", "{percentile(dpd_days, all)}")
    with pytest.raises(RuleError, match="at the close only"):
        parse_pack(text, path="test.toml")
