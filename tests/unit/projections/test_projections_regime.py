"""Regime files: the shipped one says what the order says, a wrong one is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from projections.regime import FOLDER, RegimeError, load, parse

SHIPPED = (FOLDER / "cn-2023.toml").read_text(encoding="utf-8")


def refused(text: str) -> str:
    with pytest.raises(RegimeError) as error:
        parse(text.encode(), path="mine.toml")
    return str(error.value)


def test_the_shipped_regime_has_the_limits_of_the_order() -> None:
    regime = load("cn-2023")
    assert [(grade.local, grade.performing) for grade in regime.grades] == [
        ("正常", True),
        ("关注", True),
        ("次级", False),
        ("可疑", False),
        ("损失", False),
    ]
    assert [(rule.over_days, rule.rank) for rule in regime.past_due] == [
        (0, 1),
        (90, 2),
        (270, 3),
        (360, 4),
    ]
    assert regime.contagion is not None
    assert (regime.contagion.over_percent, regime.contagion.origin.mark) == (10, "verified")
    assert regime.cure is not None
    assert (regime.cure.periods, regime.cure.months) == (2, 6)
    assert regime.observation is not None
    assert (regime.observation.periods, regime.observation.months) == (2, 12)
    assert regime.nonperforming_rank == 2


def test_every_rule_says_where_it_comes_from_and_whether_that_was_verified() -> None:
    regime = load("cn-2023")
    rules = [*regime.past_due, *regime.causes, regime.contagion, regime.observation, regime.cure]
    for rule in rules:
        assert rule is not None
        assert rule.origin.article.startswith("Art. ")
        assert rule.origin.source
        assert rule.origin.mark in ("verified", "unverified")


def test_the_version_changes_with_any_byte_of_the_file() -> None:
    one = parse(SHIPPED.encode(), path="a").version
    assert parse((SHIPPED + "\n").encode(), path="a").version != one
    assert one.startswith("cn-2023@")


def test_a_regime_of_ones_own_needs_no_code(tmp_path: Path) -> None:
    mine = SHIPPED.replace('regime = "cn-2023"', 'regime = "strict"')
    (tmp_path / "strict.toml").write_text(mine.replace("over_days = 90", "over_days = 60"))
    regime = load(tmp_path / "strict.toml")
    assert (regime.name, regime.past_due[1].over_days) == ("strict", 60)


def test_an_unknown_regime_is_refused_with_the_shipped_ones() -> None:
    with pytest.raises(RegimeError) as error:
        load("cn-1998")
    assert "no regime 'cn-1998'" in error.value.message
    assert "cn-2023" in error.value.way_out


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("over_days = 90", 'over_days = "90"', "past_due[2].over_days is '90'. A whole number"),
        ("over_days = 90", "over_days = 300", "past_due is out of order."),
        ('grade = "doubtful"', 'grade = "bad"', "past_due[3].grade is 'bad'. One of normal, "),
        ("over_percent = 10", "over_percent = 110", "contagion.over_percent is 110. A whole"),
        ("over_percent = 10", "over_percent = 10.5", "contagion.over_percent is 10.5. A whole"),
        ("over_percent = 10", "more_than = 10", "contagion.over_percent is missing."),
        ('finding = "evasion"', 'finding = "evading"', "causes[6].finding is 'evading'. One of"),
        ('mark = "verified"', 'mark = "sure"', "contagion.mark is 'sure'. One of verified,"),
        ('article = "Art. 14"', 'article = " "', "cure.article is empty."),
        ("performing = true", "performing = 1", "grades[1].performing is 1. true or false."),
        ("periods = 2\nmonths = 6", "months = 6", "cure.periods is missing."),
        ("[cure]", "[cures]", "cures is not a key here."),
        ('name = "normal"', 'name = "loss"', "grades names a grade twice."),
        ("effective_from = 2023-07-01", 'effective_from = "soon"', "effective_from is 'soon'."),
        ("due_date_counts = 0", "due_date_counts = 2", "due_date_counts is 2. A whole number"),
    ],
)
def test_a_wrong_key_is_named_with_what_is_accepted(before: str, after: str, said: str) -> None:
    assert before in SHIPPED
    message = refused(SHIPPED.replace(before, after, 1))
    assert message.startswith("mine.toml: ")
    assert said in message


def test_text_that_is_no_toml_is_refused_with_its_line() -> None:
    assert "mine.toml: not TOML: " in refused("regime = cn")
    assert "line 1" in refused("regime = cn")


def test_performing_grades_come_first() -> None:
    swapped = SHIPPED.replace(
        'local = "正常"\nperforming = true', 'local = "正常"\nperforming = false'
    )
    assert "grades is out of order. Performing grades first" in refused(swapped)
