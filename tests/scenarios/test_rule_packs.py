"""The packs that come with LoanBell, by their own test files, and the tester on what is wrong."""

from __future__ import annotations

import re
from math import isnan
from pathlib import Path

import pytest

from warning.catalogue_page import as_markdown
from warning.derived import indicators_of
from warning.packfile import RuleError
from warning.rules import DEFAULT_PACK, load_pack
from warning.ruletest import load_tests, parse_series, run_tests

HERE = Path(__file__).parent / "packs"
FILES = sorted(HERE.glob("*.toml"))
PACKS = sorted(DEFAULT_PACK.parent.glob("*.toml"))
PROTECTED = ("sex", "gender", "age_years", "marital", "marriage", "education", "race", "religion")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_pack_does_what_its_test_file_says(path: Path) -> None:
    file = load_tests(path)
    assert len(file.cases) >= 3
    assert run_tests(file) == []


def test_every_pack_has_a_test_file_and_every_rule_of_it_a_source() -> None:
    assert {path.stem for path in PACKS} - {"sme-early"} == {path.stem for path in FILES}
    for path in PACKS:
        for rule in load_pack(path).rules:
            assert len(rule.source) > 20
            assert rule.reason[0].text != rule.reason[1].text
            assert rule.unless is not None
            assert not any(word in name for name in rule.names for word in PROTECTED)


def test_the_default_pack_holds_all_that_warn_of_change() -> None:
    whole = load_pack(DEFAULT_PACK)
    apart = {DEFAULT_PACK.stem, "standing-risk"}  # What a loan is rings for many: asked for apart.
    parts = [load_pack(path) for path in PACKS if path.stem not in apart]
    names = {rule.name for part in parts for rule in part.rules}
    assert {rule.name for rule in whole.rules} == names
    assert set(whole.indicators) == set(indicators_of(whole.names))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1 2 3", [1, 2, 3]),
        ("1+2x3", [1, 3, 5, 7]),
        ("4x2 -1", [4, 4, 4, -1]),
        ("10-5x2", [10, 5, 0]),
        ("-0.5x1 1e3", [-0.5, -0.5, 1000]),
        ("", []),
    ],
)
def test_series_are_written_as_promtool_writes_them(text: str, wanted: list[float]) -> None:
    assert parse_series(text) == wanted


def test_a_gap_is_unknown() -> None:
    assert [isnan(value) for value in parse_series("_ 1 _x2 2")] == [True, False, True, True, False]


@pytest.mark.parametrize("text", ["x", "1+2", "1x", "1..2", "1x99999", "one"])
def test_a_sample_that_is_none_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        parse_series(f"1 {text} 2")


GOOD = """\
pack = "mine.toml"
start = 2024-01-01

[[test]]
name = "late"
[test.series]
dpd_days = "4 5 6"
[[test.expect]]
date = 2024-01-02
rule = "late"
is = "yellow"
reason = "5 days"
muted = false
"""
PACK = """\
name = "mine"
title = "Mine"
[[rule]]
name = "late"
title = "Late"
source = "this test"
when = "dpd_days >= 5"
severity = "yellow"
reason = "{dpd_days} days"
"""


def written(folder: Path, text: str) -> Path:
    (folder / "mine.toml").write_text(PACK)
    (folder / "mine.test.toml").write_text(text)
    return folder / "mine.test.toml"


@pytest.mark.parametrize(
    ("good", "bad", "found"),
    [
        ("2024-01-02", "2024-01-01", "quiet"),
        ("yellow", "orange", "yellow"),
        ("5 days", "6 days", "5 days"),
        ("muted = false", "muted = true", "yellow, not muted"),
    ],
)
def test_an_expectation_that_is_not_met_says_what_was_found(
    good: str, bad: str, found: str, tmp_path: Path
) -> None:
    assert run_tests(load_tests(written(tmp_path, GOOD))) == []
    (failure,) = run_tests(load_tests(written(tmp_path, GOOD.replace(good, bad))))
    assert (failure.case, failure.found) == ("late", found)


@pytest.mark.parametrize(
    ("good", "bad", "word"),
    [
        ("start = 2024-01-01", "start = 2024-01-06", "start"),
        ("date = 2024-01-02", "date = 2024-01-07", "2024-01-07"),
        ('rule = "late"', 'rule = "later"', "later"),
        ('is = "yellow"', 'is = "pink"', "pink"),
        ("dpd_days =", "dpd_dayz =", "dpd_dayz"),
        ('"4 5 6"', '"4 5 six"', "six"),
        ("[[test.expect]]", "[[test.expects]]", "expects"),
        # What would else be passed over, so that the test holds less than it says.
        ("date = 2024-01-02", "date = 2023-12-29", "2023-12-29"),
        ("muted = false", 'muted = "no"', "muted"),
        ('"4 5 6"', "[4, 5, 6]", "dpd_days"),
        ("[test.series]", 'loan = [{ name = "L1" }]\n[test.series]', "series"),
        (
            '[test.series]\ndpd_days = "4 5 6"',
            'loan = [{ name = "A" }, { name = "A" }]',
            "A",
        ),
    ],
)
def test_a_wrong_test_file_is_refused_by_its_word(
    good: str, bad: str, word: str, tmp_path: Path
) -> None:
    with pytest.raises(RuleError) as refused:
        load_tests(written(tmp_path, GOOD.replace(good, bad)))
    assert refused.value.word == word
    assert refused.value.path.endswith("mine.test.toml")


def test_tests_that_are_no_tables_are_refused(tmp_path: Path) -> None:
    text = 'pack = "mine.toml"\nstart = 2024-01-01\ntest = [3]\n'
    with pytest.raises(RuleError) as refused:
        load_tests(written(tmp_path, text))
    assert (refused.value.line, refused.value.why) == (3, "there is no [[test]]")


def test_the_page_of_indicators_is_the_catalogue() -> None:
    page = DEFAULT_PACK.parents[1] / "INDICATORS.md"
    assert page.read_text(encoding="utf-8") == as_markdown(), (
        "write it anew: loanbell indicators --markdown > warning/INDICATORS.md"
    )
