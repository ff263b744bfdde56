"""From pending to over: how business days move a warning, against a plain model of one loan."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from warning.columns import Moment
from warning.lifecycle import Kind, Lifecycle
from warning.rules import Pack, parse_pack

NAN = float("nan")
HEAD = 'name = "test"\ntitle = "Test"\n'
RULE = """
[[rule]]
name = "late"
title = "Late"
source = "this test"
when = "dpd_days >= 5"
reason = "{dpd_days}"
"""


def pack(rest: str) -> Pack:
    return parse_pack(HEAD + RULE + rest, path="test.toml")


def life(rules: Pack) -> Lifecycle:
    return Lifecycle(rules, name=lambda row, rule, n: f"{row}/{rule}/{n}", borrower_of=int)


def story(rules: Pack, days: Sequence[float]) -> list[tuple[int, str, int]]:
    """One loan's changes as (close, kind, rank); `days` are its dpd_days at closes 1, 2, 3, …"""
    lifecycle, told = life(rules), []
    for close, dpd_days in enumerate(days, start=1):
        values = {"dpd_days": np.array([dpd_days])}
        changes = lifecycle.close(Moment(close, close), values, np.array([True]))
        told += [(close, change.kind.value, change.rank) for change in changes]
    return told


def test_without_a_waiting_time_it_rings_at_the_first_close_that_sees_it() -> None:
    rules = pack('severity = "yellow"')
    assert story(rules, [4, 5, 6, 7]) == [(2, "raised", 2)]


def test_for_counts_business_days_and_one_day_without_starts_anew() -> None:
    rules = pack('severity = "yellow"\nfor = 2')
    assert story(rules, [5, 5, 4, 5, 5, 5]) == [(6, "raised", 2)]
    assert story(rules, [5, 5, NAN, 5, 5, 5]) == [(6, "raised", 2)]


def test_it_ends_only_when_the_leaving_condition_has_held_for_its_time() -> None:
    rules = pack('severity = "yellow"\nuntil = "dpd_days == 0"\nkeep_for = 2')
    assert story(rules, [5, 3, 0, 0, 3, 0, 0, 0, 0]) == [(1, "raised", 2), (8, "resolved", 2)]


def test_unknown_neither_rings_nor_ends_a_warning() -> None:
    rules = pack('severity = "yellow"')
    assert story(rules, [NAN, NAN]) == []
    assert story(rules, [5, NAN, NAN, 4]) == [(1, "raised", 2), (4, "resolved", 2)]


def test_a_warning_only_ever_becomes_graver_within_an_episode() -> None:
    ladder = 'severity = { watch = "always", orange = "dpd_days >= 30", red = "dpd_days >= 60" }'
    told = story(pack(ladder), [5, 31, 6, 40, 61, 5, 0, 70])
    assert told == [
        (1, "raised", 1),
        (2, "escalated", 3),
        (5, "escalated", 4),
        (7, "resolved", 4),
        (8, "raised", 4),
    ]


def test_after_an_episode_the_rule_rests_for_its_cooldown() -> None:
    rules = pack('severity = "yellow"\ncooldown = 3')
    told = story(rules, [5, 0, 5, 5, 5, 5])
    assert told == [(1, "raised", 2), (2, "resolved", 2), (5, "raised", 2)]


def test_a_condition_that_enters_and_leaves_at_once_does_not_flap_within_a_close() -> None:
    rules = pack('severity = "yellow"\nuntil = "dpd_days >= 5"')
    told = story(rules, [5, 5, 5, 5])
    assert told == [(1, "raised", 2), (2, "resolved", 2), (3, "raised", 2), (4, "resolved", 2)]


def test_nobody_answered_so_it_expires_once_and_a_graver_step_rings_anew() -> None:
    ladder = 'severity = { watch = "always", red = "dpd_days >= 60" }\nexpires_after = 3'
    told = story(pack(ladder), [5, 5, 5, 5, 5, 60, 60, 60, 60, 0])
    assert told == [
        (1, "raised", 1),
        (4, "expired", 1),
        (6, "escalated", 4),
        (9, "expired", 4),
        (10, "resolved", 4),
    ]


def test_a_loan_that_is_closed_ends_its_warnings_and_rings_no_more() -> None:
    lifecycle = life(pack('severity = "yellow"\nkeep_for = 9'))
    values = {"dpd_days": np.array([9.0, 9.0])}
    for close, is_open in enumerate([[True, True], [True, False], [True, False]], start=1):
        changes = lifecycle.close(Moment(close, close), values, np.array(is_open))
        told = [(change.kind, change.episode.row) for change in changes]
        wanted = [[(Kind.RAISED, 0), (Kind.RAISED, 1)], [(Kind.LOAN_CLOSED, 1)], []]
        assert told == wanted[close - 1]
    assert len(lifecycle.open_ids()) == 1


def test_skipped_closes_count_as_business_days_all_the_same() -> None:
    lifecycle = life(pack('severity = "yellow"\nfor = 5'))
    values, is_open = {"dpd_days": np.array([9.0])}, np.array([True])
    assert lifecycle.close(Moment(1, 1), values, is_open) == []
    assert lifecycle.close(Moment(6, 4), values, is_open) == []
    assert [c.kind for c in lifecycle.close(Moment(9, 6), values, is_open)] == [Kind.RAISED]


def plain(days: Sequence[float], wait: int, keep: int, rest: int) -> list[tuple[int, str, int]]:
    """The same rule for one loan, written out without arrays."""
    told: list[tuple[int, str, int]] = []
    ringing, since, ready = False, 0, 0
    for close, dpd in enumerate(days, start=1):
        if ringing:
            since = (since or close) if dpd < 2 else 0
            if since and close - since >= keep:
                told.append((close, "resolved", 2))
                ringing, since, ready = False, 0, close + max(1, rest)
                if dpd >= 5:
                    since = close
        else:
            since = (since or close) if dpd >= 5 else 0
            if since and close - since >= wait and close >= ready:
                told.append((close, "raised", 2))
                ringing, since = True, 0
    return told


@settings(max_examples=150, deadline=None)
@given(
    loans=st.lists(
        st.lists(st.sampled_from([0.0, 3.0, 5.0, NAN]), min_size=12, max_size=12),
        min_size=1,
        max_size=5,
    ),
    wait=st.integers(0, 3),
    keep=st.integers(0, 3),
    rest=st.integers(0, 4),
)
def test_all_loans_in_one_pass_live_as_each_would_alone(
    loans: list[list[float]], wait: int, keep: int, rest: int
) -> None:
    rules = pack(
        f'severity = "yellow"\nuntil = "dpd_days < 2"\n'
        f"for = {wait}\nkeep_for = {keep}\ncooldown = {rest}"
    )
    lifecycle = life(rules)
    told: list[list[tuple[int, str, int]]] = [[] for _ in loans]
    for close in range(1, 13):
        column = np.array([days[close - 1] for days in loans])
        is_open = np.ones(len(loans), np.bool_)
        for change in lifecycle.close(Moment(close, close), {"dpd_days": column}, is_open):
            told[change.episode.row].append((close, change.kind.value, change.rank))
    assert told == [plain(days, wait, keep, rest) for days in loans]
