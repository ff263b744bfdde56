"""The reasons of the list of the day, in words."""

from __future__ import annotations

from typing import get_args

from ledger.events import HoldReason
from projections.worklist import Why, said


def test_why_contacts_are_held_is_said_in_the_readers_language() -> None:
    why = Why("held", -2_000, "bankruptcy dispute")
    assert said(why, "en") == "contacts are held: bankruptcy dispute"
    assert said(why, "zh") == "暂停联系:破产 争议"


def test_no_reason_of_a_hold_is_left_in_english() -> None:
    for reason in get_args(HoldReason):
        assert said(Why("held", 0, reason), "zh").isascii() is False
        assert reason not in said(Why("held", 0, reason), "zh")
