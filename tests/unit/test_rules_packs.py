"""Rule packs: what a good one gives, and how a wrong one is answered: file, line and word."""

from __future__ import annotations

from pathlib import Path

import pytest

from warning.rules import DEFAULT_PACK, RuleError, load_pack, parse_pack

GOOD = """\
name = "mine"
version = 3
title = { en = "Mine", zh = "我的" }

[inhibition]
red = ["watch", "yellow"]

[[rule]]
name = "arrears"
title = { en = "Past due", zh = "逾期" }
source = "our own book"
mark = "verified"
when = "dpd_days >= 5"
until = "dpd_days == 0"
for = 0
keep_for = 3
on = ["loan.repayment_reversed"]
inhibits = ["cover"]
expires_after = 10
cooldown = 5
reason = { en = "{dpd_days} days, {arrears} {currency}", zh = "{dpd_days} 天" }

[rule.severity]
watch = "always"
orange = "dpd_days >= 30"
red = "dpd_days >= 60"

[[rule]]
name = "cover"
title = "Cover"
source = "our own book"
when = '''
coverage_ratio < 0.5
and next_due_in_days <= 5
'''
for = 2
severity = "yellow"
reason = "{coverage_percent} of the next instalment"
"""


def test_a_pack_is_read_whole() -> None:
    pack = parse_pack(GOOD, path="mine.toml")
    assert (pack.label, pack.language, len(pack.rules)) == ("mine v3", "en", 2)
    assert pack.inhibition == {4: frozenset({1, 2})}
    rule = pack.rule("arrears")
    assert [step.rank for step in rule.steps] == [1, 3, 4]
    assert (rule.for_days, rule.keep_for_days, rule.expires_after_days) == (0, 3, 10)
    assert (rule.on, rule.inhibits) == (("loan.repayment_reversed",), ("cover",))
    assert rule.names == ("dpd_days", "arrears_minor")
    cover = pack.rule("cover")
    assert (cover.expires_after_days, cover.mark) == (None, "unverified")
    assert cover.when.text == "coverage_ratio < 0.5 and next_due_in_days <= 5"
    assert cover.until.holds_in({"coverage_ratio": 0.5, "next_due_in_days": 3.0})
    assert not cover.until.holds_in({"coverage_ratio": float("nan"), "next_due_in_days": 3.0})


def test_a_reason_tells_the_numbers_in_both_languages() -> None:
    rule = parse_pack(GOOD, path="mine.toml").rule("arrears")
    values = {"dpd_days": 31.0, "arrears_minor": 123456.0}
    assert rule.explain(values, currency="EUR", language="en") == "31 days, 1,234.56 EUR"
    assert rule.explain(values, currency="JPY", language="en") == "31 days, 123,456 JPY"
    assert rule.explain(values, currency="EUR", language="zh") == "31 天"
    unknown = values | {"arrears_minor": float("nan")}
    assert rule.explain(unknown, currency="EUR", language="en") == "31 days, unknown EUR"
    cover = parse_pack(GOOD, path="mine.toml").rule("cover")
    said = cover.explain({"coverage_ratio": 0.434}, currency="EUR", language="en")
    assert said == "43 % of the next instalment"


@pytest.mark.parametrize(
    ("good", "bad", "word"),
    [
        ("dpd_days >= 5", "dpd_dayz >= 5", "dpd_dayz"),
        ("and next_due_in_days", "and next_due", "next_due"),
        ('red = "dpd_days >= 60"', 'red = "dpd >= 60"', "dpd"),
        ('orange = "dpd_days', 'purple = "dpd_days', "purple"),
        ("{arrears} {currency}", "{arrear} {currency}", "{arrear}"),
        ("{dpd_days} 天", "{dpd} 天", "{dpd}"),
        ("{dpd_days} 天", "{dpd_days:5} 天", "{dpd_days"),
        ("keep_for = 3", "keep_for = -3", "-3"),
        ("keep_for = 3", 'keep_for = "3"', "3"),
        ("keep_for = 3", "keep_four = 3", "keep_four"),
        ("loan.repayment_reversed", "loan.repayment_returned", "loan.repayment_returned"),
        ('inhibits = ["cover"]', 'inhibits = ["covers"]', "covers"),
        ('inhibits = ["cover"]', 'inhibits = ["arrears"]', "arrears"),
        ('mark = "verified"', 'mark = "sure"', "sure"),
        ('severity = "yellow"', 'severity = "yelow"', "yelow"),
        ('watch = "always"', 'watch = "dpd_days > 1"', "watch"),
        ('name = "cover"', 'name = "arrears"', "arrears"),
        ('name = "cover"', 'name = "Co ver"', "Co ver"),
        ('name = "mine"', 'name = "My pack"', "My pack"),
        ("version = 3", "version = 0", "0"),
        ('red = ["watch", "yellow"]', 'red = ["watch", "red"]', "red"),
        ("for = 2\n", 'for = 2\non = ["loan.disbursed"]\n', "on"),
        ("cooldown = 5", "cooldown = ", "cooldown"),
        ("[inhibition]", "[inhibition", "[inhibition"),
    ],
)
def test_what_is_wrong_is_named_by_file_line_and_word(good: str, bad: str, word: str) -> None:
    place = GOOD.index(good)
    line = GOOD.count("\n", 0, place) + 1 + bad.count("\n", 0, bad.index(word))
    with pytest.raises(RuleError) as caught:
        parse_pack(GOOD.replace(good, bad, 1), path="mine.toml")
    assert (caught.value.path, caught.value.line, caught.value.word) == ("mine.toml", line, word)
    assert str(caught.value).startswith(f"mine.toml:{line}: '{word}': ")


@pytest.mark.parametrize("key", ["name", "title", "source", "when", "severity", "reason"])
def test_a_rule_without_a_needed_key_is_refused_at_its_table(key: str) -> None:
    second = GOOD.index('name = "cover"')
    table = GOOD.count("\n", 0, second)
    lines = GOOD[second:].splitlines(keepends=True)
    start = next(n for n, text in enumerate(lines) if text.startswith(f"{key} ="))
    size = 4 if key == "when" else 1
    text = GOOD[:second] + "".join(lines[:start] + lines[start + size :])
    with pytest.raises(RuleError, match=key) as caught:
        parse_pack(text, path="mine.toml")
    assert caught.value.line in (table, table + 1)


def test_a_missing_or_unreadable_file_is_an_answer_too(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="cannot read"):
        load_pack(tmp_path / "none.toml")
    (tmp_path / "odd.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(RuleError, match="UTF-8"):
        load_pack(tmp_path / "odd.toml")
    with pytest.raises(RuleError, match=r"no \[\[rule\]\]"):
        parse_pack('name = "x"\ntitle = "x"\n', path="x.toml")


def test_the_default_pack_is_sound_and_every_rule_names_its_source() -> None:
    pack = load_pack(DEFAULT_PACK)
    assert len(pack.rules) >= 10
    assert len(pack.digest) == 64
    for rule in pack.rules:
        assert rule.mark in ("verified", "unverified")
        assert len(rule.source) > 10
        assert rule.title.zh != rule.title.en
        assert rule.reason[0].text != rule.reason[1].text
        assert set(rule.when.names) <= set(rule.names)
