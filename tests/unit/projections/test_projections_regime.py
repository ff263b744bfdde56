"""Regime files: the shipped one says what the order says, a wrong one is refused by name."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from ledger.dates import day_number
from projections.regime import RegimeError
from projections.regime_file import FOLDER, faults, load, parse, shipped

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
    rules = regime.latest
    assert [(rule.limit, rule.rank) for rule in rules.past_due] == [
        ("more than 0", 1),
        ("more than 90", 2),
        ("more than 270", 3),
        ("more than 360", 4),
    ]
    one_bad, contagion = rules.contagion
    assert (one_bad.over_percent, one_bad.rank, one_bad.classes) == (0, 1, {"other"})
    assert (contagion.over_percent, contagion.origin.mark) == (10, "verified")
    assert (contagion.classes, contagion.unless) == ({"other"}, "recognised_enhancement")
    cure, payer = rules.cure
    assert (cure.periods, cure.months, cure.rank, cure.to_rank) == (2, 6, 2, 0)
    assert (payer.word, payer.months) == ("payer_changed", 6)
    assert rules.observation is not None
    assert (rules.observation.periods, rules.observation.months) == (2, 12)
    assert rules.signals is not None
    assert not rules.signals.enabled
    assert regime.nonperforming_rank == 2


@pytest.mark.parametrize("name", shipped())
def test_every_rule_says_where_it_comes_from_and_whether_that_was_verified(name: str) -> None:
    regime = load(name)
    rules = [rule.origin for edition in regime.editions for rule in edition.rules]
    origins = [regime.counting, *(known.origin for known in regime.classes), *rules]
    assert len(origins) > 8
    for origin in origins:
        assert origin.article.strip()
        assert origin.source.strip()
        assert origin.mark in ("verified", "unverified")
        assert origin.mark == "unverified" or "memory" not in origin.source


def test_the_version_changes_with_any_byte_of_the_file() -> None:
    one = parse(SHIPPED.encode(), path="a").version
    assert parse((SHIPPED + "\n").encode(), path="a").version != one
    assert one.startswith("cn-2023@")


def test_a_regime_of_ones_own_needs_no_code(tmp_path: Path) -> None:
    mine = SHIPPED.replace('regime = "cn-2023"', 'regime = "strict"')
    (tmp_path / "strict.toml").write_text(mine.replace("over_days = 90", "over_days = 60"))
    regime = load(tmp_path / "strict.toml")
    assert (regime.name, regime.latest.past_due[1].from_days) == ("strict", 61)


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
        ("over_percent = 10", "over_percent = 110", "contagion[2].over_percent is 110. A whole"),
        ("over_percent = 10", "over_percent = 10.5", "contagion[2].over_percent is 10.5. A whole"),
        ("over_percent = 10", "more_than = 10", "contagion[2].over_percent is missing."),
        ('finding = "evasion"', 'finding = "evading"', "causes[8].finding is 'evading'. One of"),
        ('mark = "verified"', 'mark = "sure"', "contagion[2].mark is 'sure'. One of verified,"),
        ('article = "Art. 14"', 'article = " "', "cure[1].article is empty."),
        ("performing = true", "performing = 1", "grades[1].performing is 1. true or false."),
        ("periods = 2\nmonths = 6", "months = 6", "cure[1].periods is missing."),
        ("[observation]", "[observed]", "observed is not a key here."),
        ('name = "normal"', 'name = "loss"', "grades[5].name is 'loss' once more."),
        ("effective_from = 2023-07-01", 'effective_from = "soon"', "effective_from is 'soon'."),
        (
            "due_date_counts = 0",
            "due_date_counts = 2",
            "due_date_counts is 2. A whole number",
        ),
        (
            "due_date_counts = 0",
            "due_date_counts = 0\ngrace_days = 91",
            "counting.grace_days is 91. A whole number from 0 to 90.",
        ),
    ],
)
def test_a_wrong_key_is_named_with_what_is_accepted(before: str, after: str, said: str) -> None:
    assert before in SHIPPED
    wrong = SHIPPED.replace(before, after, 1)
    message = refused(wrong)
    assert said in message
    assert re.match(r"mine\.toml:\d+: ", message)


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("over_days = 90", 'over_days = "90"', 'over_days = "90"'),
        ('mark = "verified"', 'mark = "sure"', 'mark = "sure"'),
        ("due_date_counts = 0", "due_date_counts = 2", "due_date_counts = 2"),
        ("effective_from = 2023-07-01", "effective_from = 1", "effective_from = 1"),
        ("periods = 2\nmonths = 6", "months = 6", "[[cure]]"),
        ("[observation]", "[observed]", "[observed]"),
        ("over_percent = 10\n", "over_prcent = 10\n", "[[contagion]]"),
    ],
)
def test_the_line_named_is_the_one_to_look_at(before: str, after: str, line: str) -> None:
    """Of a key that is missing, the line of its table."""
    wrong = SHIPPED.replace(before, after, 1)
    number = int(refused(wrong).split(":")[1])
    assert wrong.splitlines()[number - 1] == line


def test_a_misspelt_word_is_told_with_the_one_that_was_meant() -> None:
    assert "Did you mean 'evasion'?" in refused(SHIPPED.replace('"evasion"', '"evasoin"'))
    wrong = SHIPPED.replace("again_grade =", "again_rade =")
    assert "observation.again_grade is missing" in refused(wrong)
    assert "Did you mean 'unless_measure'?" in refused(
        SHIPPED.replace('unless_measure = "recog', 'unless_mesure = "recog')
    )


def test_all_faults_of_a_file_are_told_one_a_table(tmp_path: Path) -> None:
    wrong = SHIPPED.replace("over_days = 90", "over_days = -1").replace('"evasion"', '"fled"')
    (tmp_path / "mine.toml").write_text(wrong.replace('mark = "verified"', "mark = 1"))
    told = [str(fault).partition("mine.toml")[2] for fault in faults(tmp_path / "mine.toml")]
    assert [said.split(": ")[1].split(" is ")[0] for said in told] == [
        "past_due[2].over_days",
        "causes[8].finding",
        "contagion[2].mark",
    ]
    assert faults("cn-2023") == []
    assert "no regime 'cn-1998'" in str(faults("cn-1998")[0])


def dated(*tables: str) -> str:
    """A regime from 2024 on with the given [[past_due]] dates."""
    head = """
regime = "mine"
title = "Mine"
title_en = "Mine"
effective_from = 2024-01-01
[counting]
due_date_counts = 0
ORIGIN
[[grades]]
name = "good"
local = "good"
performing = true
[[grades]]
name = "bad"
local = "bad"
performing = false
"""
    rules = "".join(
        f'[[past_due]]\nover_days = {90 - at}\ngrade = "bad"\n{dates}\nORIGIN\n'
        for at, dates in enumerate(tables)
    )
    return (head + rules).replace("ORIGIN", 'article = "1"\nsource = "s"\nmark = "verified"')


def test_rules_may_follow_one_another_and_each_day_has_its_own() -> None:
    regime = parse(dated("until = 2024-06-30", "since = 2024-07-01").encode(), path="mine.toml")
    assert [edition.since for edition in regime.editions] == [date(2024, 1, 1), date(2024, 7, 1)]
    last, first = day_number(date(2024, 6, 30)), day_number(date(2024, 7, 1))
    assert regime.on(last).past_due[0].from_days == 91
    assert regime.on(first).past_due[0].from_days == 90
    assert regime.on(day_number(date(2020, 1, 1))) is regime.editions[0]
    days = [last - 1, last, first, first + 1]
    assert [(start, end) for _, start, end in regime.spans(days)] == [(0, 2), (2, 4)]


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        (
            ("until = 2024-06-30", "since = 2024-07-02"),
            "past_due has a gap in its dates: nothing is in force from 2024-07-01 to 2024-07-01.",
        ),
        (("since = 2024-02-01",), "past_due has a gap in its dates: nothing is in force from 2024"),
        (("until = 2024-06-30",), "past_due has a gap in its dates: nothing is in force from 2024"),
        (("until = 2024-06-30", "since = 2024-06-30"), "past_due says the same twice from 2024-06"),
        (("", "since = 2024-07-01"), "past_due says the same twice from 2024-07-01 on."),
        (("since = 2023-12-31",), "past_due[1].since is 2023-12-31, before the regime."),
        (("until = 2023-12-31",), "past_due[1].until is 2023-12-31, before 2024-01-01."),
        (
            ("since = 2024-07-01T12:00:00",),
            "past_due[1].since is 2024-07-01 12:00:00, in the middle of a day. A date such as",
        ),
    ],
)
def test_dates_with_a_gap_an_overlap_or_a_time_of_day_are_refused(
    tables: tuple[str, ...], said: str
) -> None:
    assert said in refused(dated(*tables))


def test_a_regime_that_takes_effect_in_the_middle_of_a_day_is_refused() -> None:
    said = refused(SHIPPED.replace("= 2023-07-01", "= 2023-07-01T00:00:00Z", 1))
    assert "effective_from is 2023-07-01 00:00:00+00:00, in the middle of a day." in said


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ('[[causes]]\nmeasure = "evasion"\ngrade = "bad"', "is 'evasion', which is a finding"),
        ('[[causes]]\nmeasure = "Ratio!"\ngrade = "bad"', "causes[1].measure is 'Ratio!'"),
        ('[[causes]]\ngrade = "bad"', "causes[1].finding or measure must be said, and not both"),
        ('[cure]\nto = "bad"', "cure.to is no upgrade"),
        ('[[past_due]]\ncounter = "material"\nover_days = 90\ngrade = "bad"\nORIGIN', "limits"),
        ("[materiality]\nabsolute = { EUR = 500 }", "materiality.absolute has EUR = 500"),
        ('[materiality]\nabsolute = { EUR = "-1" }', "materiality.absolute has EUR = '-1'"),
        ('[contagion]\nover_percent = 10\ngrade = "bad"\napplies_to = ["x"]', "names 'x'"),
        ('[overrides]\nallowed = "worse"\napplies_to = ["other"]\nORIGIN', "is not a key here"),
        ('[overrides]\nallowed = "never"', "overrides.allowed is 'never'. One of worse, either"),
        ("counting2 = 1", "is not a key here"),
        (
            '[materiality]\nabsolute = {}\nover_percent = 1\nper = "loan"\nresets_at = "paid"',
            "materiality.resets_at is 'paid'. One of below_limits, no_arrears.",
        ),
        (
            '[cure]\nperiods = 2\nmonths = 6\nwhichever_is = "either"',
            "cure.whichever_is is 'either'. One of longer, shorter.",
        ),
        (
            '[cure]\nperiods = 0\nmonths = 6\nwhichever_is = "shorter"',
            "cure.whichever_is is 'shorter', and one of the two is 0. periods and months of 1",
        ),
        ('[pauses]\ncount = "stop"', "pauses.count is 'stop'. One of go_on, stand_still."),
        ('[pauses]\ncount = "go_on"', "pauses.review is missing. Text that is not empty."),
        (
            '[transition]\nspares = ["cure"]\nenabled = true\nopened_before = 2023-01-01',
            "transition.spares is ['cure']. A list of past_due, causes, contagion, observation.",
        ),
        (
            '[transition]\nspares = ["causes"]\nenabled = true\n'
            "opened_before = 2023-01-01T12:00:00",
            "transition.opened_before is 2023-01-01 12:00:00, in the middle of a day.",
        ),
        (
            "[cure]\nperiods = 0\nmonths = 0\narrears_paid = true\nORIGIN",
            "cure.arrears_paid is not a key here",
        ),
        (
            '[[past_due]]\ncounter = "instalments"\nover_days = 9\ngrade = "bad"',
            "past_due[2].counter is 'instalments'. One of days, material, payments.",
        ),
        (
            '[[contagion]]\nover_percent = 10\ngrade = "bad"\nORIGIN\n'
            '[[contagion]]\nover_percent = 20\ngrade = "bad"\nORIGIN',
            "contagion says the same twice",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(added: str, said: str) -> None:
    origin = 'article = "1"\nsource = "s"\nmark = "verified"'
    assert said in refused(f"{dated('')}\n{added}\n".replace("ORIGIN", origin))


def test_text_that_is_no_toml_is_refused_with_its_line() -> None:
    assert "mine.toml:1: not TOML: " in refused("regime = cn")


def test_performing_grades_come_first() -> None:
    swapped = SHIPPED.replace(
        'local = "正常"\nperforming = true', 'local = "正常"\nperforming = false'
    )
    assert "grades is out of order. Performing grades first" in refused(swapped)
