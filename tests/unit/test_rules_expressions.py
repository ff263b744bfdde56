"""The condition language: what it takes, what it refuses, and what unknown means in it."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warning.expressions import MAX_LENGTH, ExpressionError, compile_condition

NAMES = ("dpd_days", "coverage_ratio", "balance_minor")
NAN = float("nan")


def holds(text: str, **values: float) -> bool:
    return compile_condition(text, NAMES).holds_in(values)


def fails(text: str, **values: float) -> bool:
    return compile_condition(text, NAMES).opposite().holds_in(values)


def test_a_condition_is_evaluated_for_all_rows_at_once() -> None:
    condition = compile_condition("dpd_days >= 30 and coverage_ratio < 0.5", NAMES)
    columns = {"dpd_days": np.array([29.0, 30, 31]), "coverage_ratio": np.array([0.1, 0.5, 0.4])}
    assert condition.holds(columns).tolist() == [False, False, True]
    assert condition.names == ("coverage_ratio", "dpd_days")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 * dpd_days + 1 == 7", True),
        ("-dpd_days < -2", True),
        ("dpd_days / 2 == 1.5", True),
        ("min(dpd_days, 2) == 2 and max(dpd_days, 2, 9) == 9", True),
        ("abs(-dpd_days) == 3", True),
        ("1 < dpd_days < 4", True),
        ("1 < dpd_days < 3", False),
        ("not dpd_days != 3", True),
        ("dpd_days > 5 or not dpd_days > 5", True),
        ("known(dpd_days)", True),
        ("(dpd_days\n  >= 3)", True),
        ("dpd_days >= 3  # three days", True),
    ],
)
def test_arithmetic_and_logic_mean_what_they_say(text: str, expected: bool) -> None:
    assert holds(text, dpd_days=3.0) is expected


@pytest.mark.parametrize("op", ["<", "<=", ">", ">=", "==", "!="])
@pytest.mark.parametrize("text", ["dpd_days {} 3", "3 {} dpd_days", "dpd_days {} dpd_days"])
def test_unknown_never_satisfies_a_comparison_in_either_direction(op: str, text: str) -> None:
    condition = text.format(op)
    assert not holds(condition, dpd_days=NAN)
    assert not fails(condition, dpd_days=NAN)
    assert not holds(f"not ({condition})", dpd_days=NAN)


def test_a_known_side_can_decide_beside_an_unknown_one() -> None:
    values = {"dpd_days": 10.0, "coverage_ratio": NAN}
    assert holds("dpd_days > 5 or coverage_ratio < 1", **values)
    assert fails("dpd_days > 50 and coverage_ratio < 1", **values)
    assert not holds("dpd_days > 5 and coverage_ratio < 1", **values)
    assert not fails("dpd_days > 5 and coverage_ratio < 1", **values)
    assert not holds("not known(dpd_days)", **values)
    assert holds("not known(coverage_ratio)", **values)


@pytest.mark.parametrize("zero", ["0", "0.0", "-0", "(3 - 3)", "(0 * 5)"])
def test_division_by_a_constant_zero_is_no_condition(zero: str) -> None:
    with pytest.raises(ExpressionError, match="division by zero") as refused:
        compile_condition(f"dpd_days / {zero} > 1", NAMES)
    assert refused.value.word.startswith("dpd_days /")


def test_division_by_zero_is_unknown_not_infinite() -> None:
    assert not holds("balance_minor / dpd_days > 0", balance_minor=5.0, dpd_days=0.0)
    assert not fails("balance_minor / dpd_days > 0", balance_minor=5.0, dpd_days=0.0)


@pytest.mark.parametrize("outer", ["and", "or"])
def test_three_valued_logic_is_kleenes(outer: str) -> None:
    # A truth value as an indicator: 1 true, 0 false, unknown.
    truth = {True: 1.0, False: 0.0, None: NAN}
    for a, b in product(truth, truth):
        text = f"dpd_days == 1 {outer} coverage_ratio == 1"
        values = {"dpd_days": truth[a], "coverage_ratio": truth[b]}
        if outer == "and":
            wanted = False if a is False or b is False else None if None in (a, b) else True
        else:
            wanted = True if a is True or b is True else None if None in (a, b) else False
        assert holds(text, **values) is (wanted is True)
        assert fails(text, **values) is (wanted is False)
        assert holds(f"not ({text})", **values) is (wanted is False)


number = st.sampled_from([*NAMES, "0", "1", "2.5"])
comparison = st.builds(
    "{} {} {}".format, number, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), number
)
condition_text = st.recursive(
    comparison,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("not ({})".format, inner),
    ),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(text=condition_text, values=st.tuples(*[st.sampled_from([0.0, 1.0, 2.5, NAN])] * 3))
def test_nothing_both_holds_and_fails_and_without_unknowns_python_agrees(
    text: str, values: tuple[float, float, float]
) -> None:
    if not any(name in text for name in NAMES):
        return
    known = dict(zip(NAMES, values, strict=True))
    condition = compile_condition(text, NAMES)
    one = {name: np.array([value]) for name, value in known.items()}
    yes, no = bool(condition.holds(one)[0]), bool(condition.fails(one)[0])
    assert not (yes and no)
    if not any(np.isnan(known[name]) for name in condition.names):
        truth = eval(text, {}, known)
        assert (yes, no) == (truth, not truth)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("dpd_dayz > 3", "dpd_dayz"),
        ("dpd_days", "dpd_days"),
        ("dpd_days + 1", "dpd_days + 1"),
        ("dpd_days > 'a'", "'a'"),
        ("dpd_days > True", "True"),
        ("dpd_days > 3j", "3j"),
        ("dpd_days ** 9 > 3", "dpd_days ** 9"),
        ("dpd_days // 2 > 3", "dpd_days // 2"),
        ("dpd_days.real > 3", "dpd_days.real"),
        ("dpd_days[0] > 3", "dpd_days[0]"),
        ("__import__('os').system('x') > 1", "__import__('os').system"),
        ("open(dpd_days) > 1", "open"),
        ("known(dpd_days) > 1", "known"),
        ("min() > dpd_days", "min()"),
        ("abs(dpd_days, 2) > 1", "abs(dpd_days, 2)"),
        ("min(dpd_days, key=dpd_days) > 1", "min(dpd_days, key=dpd_days)"),
        ("[dpd_days > 1 for dpd_days in 3]", "[dpd_days > 1 for dpd_days in 3]"),
        ("(lambda: dpd_days)() > 1", "lambda: dpd_days"),
        ("(x := dpd_days) > 1", "x := dpd_days"),
        ("dpd_days in 3", "dpd_days in 3"),
        ("dpd_days > 3 and 1", "1"),
        ("1 < 2", "1 < 2"),
        ("dpd_days > 1e999", "1e999"),
        (f"dpd_days > {10**400}", f"{10**400}"),
        ("dpd_days > 3 if dpd_days else 1", "dpd_days > 3 if dpd_days else 1"),
        ("f'{dpd_days}' > 1", "f'{dpd_days}'"),
    ],
)
def test_what_the_language_does_not_have_is_refused_by_its_word(text: str, word: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_condition(text, NAMES)
    assert caught.value.word == word[:60]


def test_a_misspelt_indicator_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(ExpressionError, match="did you mean dpd_days"):
        compile_condition("dpd_day > 3", NAMES)


@pytest.mark.parametrize(
    "text",
    ["", "dpd_days >", "dpd_days > 3)", "a b", "dpd_days > 3) and (1 < 2", "dpd_days >> >", "("],
)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        compile_condition(text, NAMES)


def test_nesting_beyond_reason_is_refused() -> None:
    with pytest.raises(ExpressionError, match=r"nested|not an expression"):
        compile_condition("(" * 240 + "dpd_days > 1" + ")" * 240, NAMES)
    assert holds("not " * 100 + "dpd_days > 1", dpd_days=2.0)


def test_an_overlong_condition_is_refused() -> None:
    with pytest.raises(ExpressionError, match=str(MAX_LENGTH)):
        compile_condition("dpd_days > 1 or " * 40 + "dpd_days > 2", NAMES)


def test_the_line_within_a_long_condition_is_named() -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_condition("dpd_days > 1\n and coverage_ratio < 1\n and nonsense > 2", NAMES)
    assert (caught.value.word, caught.value.line) == ("nonsense", 2)


@pytest.mark.parametrize(
    ("text", "taught"),
    [
        ("dpd_days > 1 && coverage_ratio < 1", "conditions are joined by the word and"),
        ("dpd_days > 1 & coverage_ratio < 1", "conditions are joined by the word and"),
        ("dpd_days > 1 AND coverage_ratio < 1", "conditions are joined by the word and"),
        ("dpd_days > 1 || coverage_ratio < 1", "conditions are joined by the word or"),
        ("NOT dpd_days > 1", "the opposite is written not"),
        ("dpd_days =< 1", "at most is written <="),
        ("dpd_days ≥ 1", "at least is written >="),
        ("dpd_days <> 1", "different is written !="),
        ("dpd_days = 1", "equal is written =="),
        ("coverage_ratio < 50%", "a share is a ratio: 50 % is 0.5"),
        ("min（dpd_days，2） > 1", "signs are those of an English keyboard: , ( ) > < = !"),
        ("dpd_days is None", "and known(x) asks for a value"),
        ("dpd_days in (1, 2)", "and known(x) asks for a value"),
        ("(dpd_days > 1", "this bracket is not closed"),
    ],
)
def test_what_another_language_would_write_is_taught(text: str, taught: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        compile_condition(text, NAMES)
    assert refused.value.message.endswith(taught)


def test_a_wrong_word_without_end_is_told_in_short() -> None:
    with pytest.raises(ExpressionError) as refused:
        compile_condition("(" * 240 + "dpd_days" + ")" * 240, NAMES)
    assert len(refused.value.word) == 60
