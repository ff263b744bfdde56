"""Answers, silences and warnings that mute each other."""

from __future__ import annotations

import numpy as np
import pytest

from warning.columns import Moment
from warning.lifecycle import Lifecycle
from warning.rules import parse_pack

PACK = """
name = "test"
title = "Test"

[inhibition]
red = ["watch", "yellow"]

[[rule]]
name = "late"
title = "Late"
source = "this test"
when = "dpd_days >= 5"
severity = { yellow = "always", orange = "dpd_days >= 30", red = "dpd_days >= 60" }
reason = "{dpd_days}"
expires_after = 3

[[rule]]
name = "quiet"
title = "Quiet"
source = "this test"
when = "quiet_days >= 5"
severity = { yellow = "always", orange = "quiet_days >= 50" }
reason = "{quiet_days}"

[[rule]]
name = "thin"
title = "Thin"
source = "this test"
when = "coverage_ratio < 1"
severity = "orange"
reason = "{coverage_ratio}"
inhibits = ["quiet"]
"""


class Book:
    """Two loans of one borrower (rows 0 and 1) and one of another (row 2)."""

    def __init__(self) -> None:
        self.pack = parse_pack(PACK, path="test.toml")
        self.life = Lifecycle(
            self.pack,
            name=lambda row, rule, n: f"{rule}/{row}/{n}",
            borrower_of=lambda row: 0 if row < 2 else 1,
        )
        self.day = 0
        nothing = {"dpd_days": 0.0, "quiet_days": 0.0, "coverage_ratio": 9.0}
        self.values = {name: np.full(3, value) for name, value in nothing.items()}

    def close(self, **changed: float) -> list[str]:
        """Close a day with `dpd_days_0=7` and the like; what happened, in short."""
        self.day += 1
        for key, value in changed.items():
            name, _, row = key.rpartition("_")
            self.values[name][int(row)] = value
        changes = self.life.close(Moment(self.day, self.day), self.values, np.ones(3, np.bool_))
        return [
            f"{change.kind.value} {change.episode.warning_id} {change.rank}"
            + (f" under {change.inhibited_by}" if change.inhibited_by else "")
            for change in changes
        ]

    def suppress(self, warning_id: str, until: int) -> None:
        episode = self.life.find(warning_id)
        assert episode is not None
        self.life.suppress(episode, until)

    def acknowledge(self, warning_id: str) -> None:
        episode = self.life.find(warning_id)
        assert episode is not None
        self.life.acknowledge(episode)


@pytest.fixture
def book() -> Book:
    return Book()


def test_an_acknowledged_warning_does_not_expire_until_it_becomes_graver(book: Book) -> None:
    assert book.close(dpd_days_0=5) == ["raised late/0/1 2"]
    book.acknowledge("late/0/1")
    assert [book.close() for _ in range(5)] == [[]] * 5
    assert book.close(dpd_days_0=30) == ["escalated late/0/1 3"]
    assert [book.close() for _ in range(4)] == [[], [], ["expired late/0/1 3"], []]
    book.acknowledge("late/0/1")
    assert book.close(dpd_days_0=0) == ["resolved late/0/1 3"]


def test_a_silenced_warning_rings_again_after_the_last_day_of_its_silence(book: Book) -> None:
    book.close(dpd_days_0=5)
    book.suppress("late/0/1", until=5)
    assert [book.close() for _ in range(4)] == [[]] * 4
    assert book.close() == ["silence_over late/0/1 2"]
    assert [book.close() for _ in range(3)] == [[], [], ["expired late/0/1 2"]]


def test_a_silence_covers_a_new_episode_up_to_what_the_person_saw(book: Book) -> None:
    book.close(dpd_days_0=5)
    book.suppress("late/0/1", until=6)
    assert book.close(dpd_days_0=0) == ["resolved late/0/1 2"]
    assert [book.close(dpd_days_0=9) for _ in range(4)] == [[]] * 4
    assert book.day == 6
    assert book.close() == ["raised late/0/2 2"]


def test_a_graver_step_breaks_the_silence(book: Book) -> None:
    book.close(dpd_days_0=5)
    book.suppress("late/0/1", until=50)
    assert book.close(dpd_days_0=30) == ["escalated late/0/1 3"]
    book.suppress("late/0/1", until=50)
    assert book.close(dpd_days_0=0) == ["resolved late/0/1 3"]
    assert book.close(dpd_days_0=31) == []
    assert book.close(dpd_days_0=60) == ["raised late/0/2 4"]


def test_a_silence_that_ends_while_the_warning_is_leaving_rings_only_if_it_comes_back() -> None:
    text = PACK.replace("expires_after = 3", 'until = "dpd_days == 0"\nkeep_for = 3')
    book = Book()
    book.pack = parse_pack(text, path="test.toml")
    book.life = Lifecycle(
        book.pack, name=lambda row, rule, n: f"{rule}/{row}/{n}", borrower_of=lambda row: row
    )
    book.close(dpd_days_0=5)
    book.suppress("late/0/1", until=2)
    assert [book.close(dpd_days_0=0), book.close()] == [[], []]
    assert book.close(dpd_days_0=5) == ["silence_over late/0/1 2"]
    assert book.close() == []


def test_red_mutes_yellow_of_the_same_borrower_even_in_the_same_close(book: Book) -> None:
    told = book.close(quiet_days_0=5, dpd_days_1=60, quiet_days_2=5)
    assert told == [
        "raised late/1/1 4",
        "raised quiet/0/1 2 under late/1/1",
        "raised quiet/2/1 2",
    ]


def test_a_muted_warning_rings_when_what_muted_it_is_over(book: Book) -> None:
    book.close(dpd_days_1=60)
    assert book.close(quiet_days_0=5) == ["raised quiet/0/1 2 under late/1/1"]
    assert book.close(dpd_days_1=0) == ["resolved late/1/1 4", "inhibition_over quiet/0/1 2"]


def test_a_muted_warning_that_is_over_itself_does_not_ring(book: Book) -> None:
    book.close(dpd_days_1=60)
    book.close(quiet_days_0=5)
    told = book.close(dpd_days_1=0, quiet_days_0=0)
    assert told == ["resolved late/1/1 4", "resolved quiet/0/1 2"]


def test_a_muted_warning_rings_when_it_becomes_too_grave_to_be_muted(book: Book) -> None:
    book.close(dpd_days_1=60)
    book.close(quiet_days_0=5)
    assert book.close(quiet_days_0=50) == ["inhibition_over quiet/0/1 3"]


def test_a_rule_can_mute_another_by_name_and_a_muted_warning_does_not_expire(book: Book) -> None:
    assert book.close(coverage_ratio_0=0.5) == ["raised thin/0/1 3"]
    assert book.close(quiet_days_1=7) == ["raised quiet/1/1 2 under thin/0/1"]
    assert [book.close() for _ in range(6)] == [[]] * 6
    assert book.close(quiet_days_1=50) == ["escalated quiet/1/1 3 under thin/0/1"]
    told = book.close(coverage_ratio_0=1)
    assert told == ["resolved thin/0/1 3", "inhibition_over quiet/1/1 3"]


def test_when_one_of_two_that_mute_ends_the_other_goes_on_muting(book: Book) -> None:
    book.close(dpd_days_0=60, coverage_ratio_1=0.5)
    assert book.close(quiet_days_0=7) == ["raised quiet/0/1 2 under late/0/1"]
    assert book.close(dpd_days_0=0) == [
        "resolved late/0/1 4",
        "inhibition_over quiet/0/1 2 under thin/1/1",
    ]
    assert book.close(coverage_ratio_1=2) == ["resolved thin/1/1 3", "inhibition_over quiet/0/1 2"]


def test_a_warning_that_rings_already_stays_when_a_graver_one_joins_it(book: Book) -> None:
    book.close(quiet_days_0=5)
    assert book.close(dpd_days_0=60) == ["raised late/0/1 4"]
    assert book.close(quiet_days_0=0) == ["resolved quiet/0/1 2"]


def test_a_withdrawn_warning_may_ring_at_the_next_close(book: Book) -> None:
    book.close(dpd_days_0=5)
    episode = book.life.find("late/0/1")
    assert episode is not None
    book.life.withdraw(episode, Moment(1, 1))
    assert book.life.open_ids() == frozenset()
    assert book.close() == ["raised late/0/2 2"]
