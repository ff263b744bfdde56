"""Strategies: what a good table gives, how a wrong one is answered, and who gets which arm."""

from __future__ import annotations

from itertools import product
from math import nan

import pytest

from warning.packfile import RuleError
from warning.strategy import STRATEGIES, Overlap, load_strategy, overlaps, parse_strategy
from warning.treatment import TONES, Situation, Treatment, treatment_of

GOOD = """\
name = "mine"
version = 2
title = { en = "Mine", zh = "我的" }

[opening]
warning = "red"
missed_days = 3

[value]
high = "borrower_known_days >= 720"

[experiment]
name = "bot"
arms = { champion = 70, challenger = 30 }

[[rule]]
name = "grave"
title = "Grave"
source = "our own book"
tier = ["red"]
when = "dpd_days >= 30"
channels = ["call", "visit"]
first_after = 0
every = 2
most_in_30_days = 10
tone = "firm"
next_step = "visit"
supervision = "lead"
check_every = 1

[[rule]]
name = "loyal"
title = "Loyal"
source = "our own book"
value = ["high"]
channels = ["app_push", "sms"]
automatic = ["app_push"]
first_after = 2
every = 6
most_in_30_days = 3
tone = "soft"
next_step = "remind"
supervision = "none"
check_every = 10

[[rule]]
name = "rest"
title = "The rest"
source = "our own book"
channels = ["sms"]
first_after = 0
every = 3
most_in_30_days = 8
tone = "neutral"
next_step = "call"
supervision = "none"
check_every = 5
"""


def situation(**given: str | float) -> Situation:
    words = {name: value for name, value in given.items() if isinstance(value, str)}
    numbers = {name: value for name, value in given.items() if not isinstance(value, str)}
    return Situation({"tier": "none", "cause": "unknown", **words}, numbers)


def test_the_first_row_that_certainly_holds_decides() -> None:
    table = parse_strategy(GOOD, path="mine.toml")
    cases = [
        situation(tier="red", dpd_days=30.0),
        situation(tier="red", dpd_days=29.0),
        situation(tier="red", dpd_days=nan, borrower_known_days=720.0),
        situation(tier="orange", dpd_days=90.0, borrower_known_days=719.0),
    ]
    assert [row.name for row in table.decide(cases)] == ["grave", "rest", "loyal", "rest"]
    assert (table.opening.warning, table.opening.missed_days) == ("red", 3)
    assert table.indicators == ("borrower_known_days", "dpd_days")


def test_a_treatment_is_one_short_line_and_back() -> None:
    treatment = parse_strategy(GOOD, path="mine.toml").row("loyal").treatment
    assert treatment.code == "app_push*,sms;2/6/3;soft;remind;none;10"
    assert treatment_of(treatment.code) == treatment
    assert treatment_of("whatever another house writes") is None
    assert [treatment.channel(n) for n in range(3)] == ["app_push", "sms", "sms"]


def test_the_next_contact_waits_for_its_interval_and_for_the_cap_of_30_days() -> None:
    treatment = treatment_of("sms;2/6/3;soft;remind;none;10")
    assert isinstance(treatment, Treatment)
    assert treatment.next_day(100, []) == 102  # 2 days after the assignment
    assert treatment.next_day(100, [103]) == 109  # 6 days after the last one
    assert treatment.next_day(120, [103]) == 120  # a new assignment does not look back
    # Three in 30 days are the most: the fourth waits until the first, on day 103, is 30 days ago.
    assert treatment.next_day(100, [103, 109, 115]) == 133


@pytest.mark.parametrize(
    ("good", "bad", "word"),
    [
        ('tier = ["red"]', 'tier = ["rad"]', "rad"),
        ("dpd_days >= 30", "dpd_day >= 30", "dpd_day"),
        ("dpd_days >= 30", "change(dpd_days, 30) > 1", "change"),
        ('channels = ["call", "visit"]', 'channels = ["call", "fax"]', "fax"),
        ('automatic = ["app_push"]', 'automatic = ["voice_bot"]', "voice_bot"),
        ('tone = "firm"', 'tone = "rude"', "rude"),
        ('next_step = "visit"', 'next_step = "shout"', "shout"),
        ("every = 2", "every = 0", "0"),
        ("most_in_30_days = 10\n", "", "channels"),
        ('name = "loyal"', 'name = "grave"', "grave"),
        ("champion = 70", "champion = 60", "arms"),
        ('value = ["high"]', 'value = ["dear"]', "dear"),
        ('value = ["high"]', 'arm = ["third"]', "third"),
        ('warning = "red"', 'warning = "crimson"', "crimson"),
        ("version = 2", "versoin = 2", "versoin"),
    ],
)
def test_what_is_wrong_is_named_by_file_line_and_word(good: str, bad: str, word: str) -> None:
    with pytest.raises(RuleError) as caught:
        parse_strategy(GOOD.replace(good, bad, 1), path="mine.toml")
    assert (caught.value.path, caught.value.word) == ("mine.toml", word)
    assert word in GOOD.replace(good, bad, 1).splitlines()[caught.value.line - 1]


def hidden(rows: str) -> str:
    """The good table with rows before its last one."""
    return GOOD.replace('[[rule]]\nname = "rest"', rows + '[[rule]]\nname = "rest"')


def row(name: str, *conditions: str) -> str:
    lines = "\n".join(conditions)
    return (
        f'[[rule]]\nname = "{name}"\ntitle = "x"\nsource = "own"\n{lines}\n'
        'tone = "soft"\nnext_step = "wait"\nsupervision = "none"\ncheck_every = 5\n\n'
    )


def test_a_row_that_others_take_everything_from_is_named_with_them() -> None:
    # Red and 30 days is grave's; high is loyal's: nothing is left of red, 45 days, high.
    text = hidden(row("late", 'tier = ["red"]', 'value = ["high"]', 'when = "dpd_days > 45"'))
    with pytest.raises(RuleError, match=r"no case reaches this row: grave, loyal") as caught:
        parse_strategy(text, path="mine.toml")
    assert caught.value.word == "late"


def test_two_rows_together_may_hide_a_third() -> None:
    # 0 to 10, and above 10, and unknown are all there is below grave and loyal.
    low, high = row("low", 'when = "dpd_days <= 10"'), row("high", 'when = "dpd_days > 10"')
    unknown = row("unknown", 'when = "not known(dpd_days)"')
    with pytest.raises(RuleError, match="no case reaches this row") as caught:
        parse_strategy(hidden(low + high + row("x", 'when = "dpd_days == 10"')), path="m.toml")
    assert caught.value.word == "x"
    reached = parse_strategy(hidden(low + high + unknown), path="m.toml")
    cases = [situation(dpd_days=nan), situation(dpd_days=10.0), situation(dpd_days=10.5)]
    assert [each.name for each in reached.decide(cases)] == ["unknown", "low", "high"]


def test_a_condition_that_nothing_meets_is_refused() -> None:
    with pytest.raises(RuleError, match="no case can meet this condition"):
        parse_strategy(hidden(row("x", 'when = "dpd_days > 5 and dpd_days < 5"')), path="m.toml")


def test_a_case_that_no_row_takes_is_told() -> None:
    last = 'source = "our own book"\nchannels = ["sms"]'
    text = GOOD.replace(last, 'source = "own"\nwhen = "dpd_days >= 0"\nchannels = ["sms"]')
    with pytest.raises(RuleError, match="no row takes a case with"):
        parse_strategy(text, path="mine.toml")


def test_rows_that_overlap_are_told() -> None:
    table = parse_strategy(GOOD, path="mine.toml")
    assert overlaps(table) == [
        Overlap("grave", "loyal"),
        Overlap("grave", "rest"),
        Overlap("loyal", "rest"),
    ]


def test_an_arm_is_stable_and_its_share_is_met() -> None:
    trial = parse_strategy(GOOD, path="mine.toml").experiment
    assert trial is not None
    arms = [trial.arm_of(f"B{n:05}") for n in range(10_000)]
    assert arms == [trial.arm_of(f"B{n:05}") for n in range(10_000)]
    # 10,000 draws of 30 %: mean 3,000, standard deviation 45.8; four of them are 184.
    assert abs(arms.count("challenger") - 3_000) < 184
    # By sha256sum: first 16 digits modulo 10,000 are 5752 2466 3278 1238 7215 5402 3351 213.
    assert arms[:8] == [*["champion"] * 4, "challenger", *["champion"] * 3]


def test_the_shipped_table_is_sound() -> None:
    table = load_strategy(STRATEGIES / "sme-collections.toml")
    assert len(table.rows) >= 10
    for each in table.rows:
        assert each.title.en != each.title.zh
        assert len(each.source) > 10
        assert len(each.treatment.code) <= 128
        assert treatment_of(each.treatment.code) == each.treatment


def test_good_customers_are_treated_softer_and_no_more_often_in_every_case() -> None:
    table = load_strategy(STRATEGIES / "sme-collections.toml")
    places = product(
        ("none", "watch", "yellow", "orange", "red"),
        ("cash_gap", "operating_loss", "dispute", "technical", "malicious", "unknown"),
        ("pre_due", "early", "mid", "late", "legal", "recovery"),
        ("champion", "challenger"),
        (nan, 0.0, 1.0, 30.0, 31.0, 60.0, 61.0, 90.0, 91.0),
    )
    compared = 0
    for tier, cause, stage, arm, dpd in places:
        good, usual = (
            table.decide(
                [situation(tier=tier, cause=cause, stage=stage, arm=arm, value=v, dpd_days=dpd)]
            )[0].treatment
            for v in ("high", "normal")
        )
        assert TONES.index(good.tone) <= TONES.index(usual.tone)
        assert good.most_contacts_30d <= usual.most_contacts_30d
        assert good.every_days >= usual.every_days or not good.channels
        compared += good != usual
    assert compared > 50
