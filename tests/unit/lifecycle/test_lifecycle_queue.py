"""Who is told when nobody answers, how much a day, what a false alarm stops, what comes back."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from warning.columns import Moment
from warning.lifecycle import Change, Episode, Lifecycle
from warning.rules import parse_pack

PACK = """
name = "test"
title = "Test"
unless = "dpd_days > 90"

[escalation]
roles = ["lead", "head", "board"]
watch = { lead = 2 }
orange = { lead = 1, head = 3 }
red = { head = 1, board = 2 }

[budget]
per_officer = 2
beyond = ["red"]

[[rule]]
name = "late"
title = "Late"
source = "this test"
when = "dpd_days >= 5"
until = "dpd_days == 0"
severity = { watch = "always", orange = "dpd_days >= 30", red = "dpd_days >= 60" }
expires_after = 4
cooldown = 9
recheck = 3
reason = "{dpd_days}"
"""


class Book:
    """Five loans of five borrowers: rows 0 to 3 of officer O1, row 4 of officer O2."""

    def __init__(self, text: str = PACK) -> None:
        self.life = Lifecycle(
            parse_pack(text, path="test.toml"),
            name=lambda row, rule, n: f"{row}/{n}",
            borrower_of=int,
            officer_of=lambda row: "O2" if row == 4 else "O1",
        )
        self.day = 0
        self.dpd = np.zeros(5)

    @property
    def moment(self) -> Moment:
        return Moment(self.day, self.day)

    def close(self, **dpd: float) -> list[str]:
        """Close a day with `l0=7`, …; what happened, in short."""
        self.day += 1
        for loan, days in dpd.items():
            self.dpd[int(loan[1:])] = days
        told = self.life.close(self.moment, {"dpd_days": self.dpd}, np.ones(5, np.bool_))
        return list(map(in_short, told))

    def find(self, warning_id: str) -> Episode:
        episode = self.life.episodes.find(warning_id)
        assert episode is not None
        return episode


def in_short(change: Change) -> str:
    more = change.role or (f"#{change.place}" if change.place else "")
    return f"{change.kind.value} {change.episode.warning_id} {change.rank} {more}".strip()


@pytest.fixture
def book() -> Book:
    return Book()


# -- nobody answers -------------------------------------------------------------------------------


def test_an_unanswered_warning_goes_to_one_role_after_the_other_then_expires(book: Book) -> None:
    assert book.close(l0=30) == ["raised 0/1 3"]
    assert book.close() == ["referred 0/1 3 lead"]
    assert book.close() == []
    assert book.close() == ["referred 0/1 3 head"]
    assert book.close() == ["expired 0/1 3"]
    assert book.close() == []


def test_an_answer_stops_it_and_a_graver_step_asks_again_but_never_a_lower_role(
    book: Book,
) -> None:
    book.close(l0=30)
    book.close()
    book.life.answers.acknowledge(book.find("0/1"))
    assert [book.close() for _ in range(6)] == [[]] * 6
    assert book.close(l0=60) == ["escalated 0/1 4"]
    # red: head after 1 day, board after 2; the lead knew of it already and is not told again
    assert book.close() == ["referred 0/1 4 head"]
    assert book.close() == ["referred 0/1 4 board"]


def test_a_role_that_knows_of_it_is_passed_over_when_it_becomes_graver(book: Book) -> None:
    book.close(l0=30)
    book.close()
    book.close()
    assert book.close() == ["referred 0/1 3 head"]
    assert book.close(l0=60) == ["escalated 0/1 4"]
    assert book.close() == []  # red asks the head after 1 day: the head knows
    assert book.close() == ["referred 0/1 4 board"]


def test_work_in_progress_is_left_alone_until_it_becomes_graver(book: Book) -> None:
    book.close(l0=5)
    book.life.answers.start_action(book.find("0/1"))
    assert book.find("0/1").acting
    assert [book.close() for _ in range(6)] == [[]] * 6
    assert book.close(l0=30) == ["escalated 0/1 3"]
    assert not book.find("0/1").acting


# -- so much a day --------------------------------------------------------------------------------


def test_an_officer_gets_so_many_a_day_gravest_first_and_the_others_wait_in_order(
    book: Book,
) -> None:
    # Two a day for O1: loan 2 (orange), then loan 0 before 1 and 3 by age. O2 has his own two.
    assert book.close(l0=5, l1=5, l2=30, l3=5, l4=5) == [
        *("raised 2/1 3", "raised 0/1 1", "raised 1/1 1", "raised 3/1 1", "raised 4/1 1"),
        *("deferred 1/1 1 #1", "deferred 3/1 1 #2"),
    ]
    assert book.close() == ["budget_free 1/1 1", "budget_free 3/1 1", "referred 2/1 3 lead"]


def test_what_waits_and_becomes_graver_goes_ahead_and_red_always_rings(book: Book) -> None:
    book.close(l0=5, l1=5, l2=5, l3=5)
    assert book.find("3/1").deferred
    told = book.close(l3=60)
    assert told[0] == "escalated 3/1 4"
    assert told[1:3] == ["budget_free 3/1 4", "budget_free 2/1 1"]  # red first, then the older one


def test_what_waits_and_ends_calls_nobody(book: Book) -> None:
    book.close(l0=5, l1=5, l2=5)
    assert book.find("2/1").deferred
    assert book.close(l2=0) == ["resolved 2/1 1"]
    assert book.life.ration.waiting() == []


@pytest.mark.parametrize("seed", range(8))
def test_nothing_that_waits_is_lost(seed: int) -> None:
    """One ring a day for four loans: each that waits rings later, ends, or still waits, in order.

    Every close is checked: what waits is what was deferred and neither rang nor ended since.
    """
    book, draw = Book(PACK.replace("per_officer = 2", "per_officer = 1")), Random(seed)
    waits: list[str] = []
    for _ in range(60):
        moved = {f"l{row}": draw.choice([0, 5, 5, 30]) for row in range(4) if draw.random() < 0.2}
        for told in book.close(**moved):
            kind, warning_id = told.split()[:2]
            if kind == "deferred":
                waits.append(warning_id)
            elif kind in ("budget_free", "resolved"):
                waits = [each for each in waits if each != warning_id]
        assert sorted(each.warning_id for each in book.life.ration.waiting()) == sorted(waits)
    rang = sum(told.startswith("budget_free") for _ in range(8) for told in book.close())
    assert rang == len(waits)  # On quiet days all of them have their turn, one a day.


def test_a_person_may_answer_what_waits(book: Book) -> None:
    book.close(l0=5, l1=5, l2=5)
    book.life.answers.acknowledge(book.find("2/1"))
    assert not any("2/1" in told for _ in range(6) for told in book.close())


def test_no_deadline_runs_while_it_waits(book: Book) -> None:
    pack = PACK.replace("per_officer = 2", "per_officer = 1")
    book = Book(pack)
    book.close(l0=5, l1=5, l2=5)
    book.close()  # loan 1 has its turn on the second day, loan 2 on the third
    assert book.close() == ["budget_free 2/1 1", "referred 0/1 1 lead"]
    assert book.close() == ["referred 1/1 1 lead"]
    assert book.close() == ["expired 0/1 1", "referred 2/1 1 lead"]


# -- false alarms, and what comes back ------------------------------------------------------------


def test_a_false_alarm_is_over_and_the_rule_quiet_until_its_cause_has_been_gone(
    book: Book,
) -> None:
    book.close(l0=5)
    book.life.dismiss(book.find("0/1"), book.moment)
    assert book.life.episodes.ids() == frozenset()
    assert [book.close() for _ in range(12)] == [[]] * 12
    assert book.close(l0=0) == []
    assert book.close(l0=5) == ["raised 0/2 1"]


def test_after_a_false_alarm_a_graver_step_still_rings(book: Book) -> None:
    book.close(l0=5)
    book.life.dismiss(book.find("0/1"), book.moment)
    assert [book.close(l0=29) for _ in range(12)] == [[]] * 12
    assert book.close(l0=30) == ["raised 0/2 3"]


def test_what_holds_again_soon_after_it_was_resolved_is_the_same_warning(book: Book) -> None:
    book.close(l0=30)
    assert book.close(l0=0) == ["resolved 0/1 3"]
    assert book.close(l0=5) == ["reopened 0/1 1"]
    assert book.close(l0=0) == ["resolved 0/1 1"]
    assert [book.close() for _ in range(3)] == [[]] * 3  # the three days of `recheck`
    assert [book.close(l0=5) for _ in range(5)] == [[]] * 5  # then the cooldown of nine days
    assert book.close() == ["raised 0/2 1"]


def test_a_loan_long_past_due_rings_no_more_but_what_is_open_goes_on(book: Book) -> None:
    assert book.close(l0=91) == []
    assert book.close(l0=90) == ["raised 0/1 4"]
    assert book.close(l0=95) == ["referred 0/1 4 head"]
    assert book.life.episodes.ids() == {"0/1"}
