"""Rule packs: what a good one gives, and how a wrong one is answered: file, line and word."""

from __future__ import annotations

from pathlib import Path

import pytest

from warning.pack import Budget, Referral
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


# -- the head: who is told, how much, and packs within packs ---------------------------------------

HEAD = """
[escalation]
roles = ["lead", "head"]
yellow = { lead = 5 }
red = { lead = 1, head = 2 }

[budget]
per_officer = 15
beyond = ["red"]
"""


def test_the_head_says_who_is_told_and_how_much_a_day() -> None:
    pack = parse_pack(GOOD.replace("[inhibition]", HEAD + "\n[inhibition]"), path="mine.toml")
    assert pack.budget == Budget(15, frozenset({4}))
    assert pack.escalation == {
        2: (Referral(5, 1, "lead"),),
        4: (Referral(1, 1, "lead"), Referral(2, 2, "head")),
    }


@pytest.mark.parametrize(
    ("good", "bad", "word"),
    [
        ("lead = 5", "leed = 5", "leed"),
        ("lead = 5", "lead = 0", "0"),
        ("lead = 1, head = 2", "lead = 2, head = 1", "red"),
        ('"lead", "head"', '"lead", "lead"', "roles"),
        ("yellow = {", "yelow = {", "yelow"),
        ("per_officer = 15", "per_officer = 0", "0"),
        ("per_officer = 15", 'per_officer = "many"', "many"),
        ('beyond = ["red"]', 'beyond = ["rot"]', "rot"),
        ("[budget]", "[budgets]", "budgets"),
    ],
)
def test_a_wrong_head_is_refused_by_its_word(good: str, bad: str, word: str) -> None:
    text = GOOD.replace("[inhibition]", HEAD.replace(good, bad, 1) + "\n[inhibition]")
    with pytest.raises(RuleError) as refused:
        parse_pack(text, path="mine.toml")
    assert refused.value.word == word


def test_inhibition_may_name_rules() -> None:
    text = GOOD.replace('red = ["watch", "yellow"]', 'red = ["watch"]\ncover = ["arrears"]')
    assert parse_pack(text, path="mine.toml").rule("cover").inhibits == ("arrears",)
    with pytest.raises(RuleError, match="no other rule has this name; did you mean arrears"):
        parse_pack(text.replace('cover = ["arrears"]', 'cover = ["arears"]'), path="mine.toml")


def test_an_exception_of_the_pack_is_that_of_each_rule_unless_it_has_its_own() -> None:
    text = 'unless = "dpd_days > 90"\n' + GOOD.replace("for = 2", 'for = 2\nunless = "never"')
    pack = parse_pack(text, path="mine.toml")
    arrears, cover = pack.rule("arrears").unless, pack.rule("cover").unless
    assert (arrears.text if arrears else None, cover) == ("dpd_days > 90", None)


def test_a_pack_may_include_others_and_its_text_alone_gives_the_same_rules(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD)
    more = (
        GOOD.replace('"mine"', '"more"').replace('"arrears"', '"later"').replace('"cover"', '"x"')
    )
    (tmp_path / "more.toml").write_text('unless = "dpd_days > 90"\n' + more)
    head = 'name = "all"\ntitle = "All"\ninclude = ["mine", "more"]\n[inhibition]\n'
    (tmp_path / "all.toml").write_text(head + 'later = ["arrears", "cover"]\n')
    pack = load_pack(tmp_path / "all.toml")
    assert [rule.name for rule in pack.rules] == ["arrears", "cover", "later", "x"]
    assert [rule.unless is None for rule in pack.rules] == [True, True, False, False]
    assert pack.rule("later").inhibits == ("x", "arrears", "cover")
    assert pack.inhibition == {4: frozenset({1, 2})}
    again = parse_pack(pack.text, path=pack.label)
    assert (again.digest, again.names, again.label) == (pack.digest, pack.names, "all v1")
    assert [rule.when.text for rule in again.rules] == [rule.when.text for rule in pack.rules]
    with pytest.raises(RuleError, match="read from its file"):
        parse_pack(head, path="all.toml")
    (tmp_path / "more.toml").write_text(GOOD)
    with pytest.raises(RuleError, match="two rules have this name"):
        load_pack(tmp_path / "all.toml")
