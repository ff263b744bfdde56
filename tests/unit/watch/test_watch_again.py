"""Warnings that were answered, referred, deferred, found false, resolved: and what comes after."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ledger.errors import RuleRefused, UnknownEntity
from ledger.events import (
    Reading,
    WarningActionStarted,
    WarningDeferred,
    WarningFoundFalse,
    WarningRaised,
    WarningReferred,
    WarningReopened,
    WarningResolved,
    WarningWithdrawn,
)
from warning.rules import parse_pack
from warning.watch import AcknowledgeWarning, FindFalse, StartAction

RULES = """
name = "again"
title = "Again"
[escalation]
roles = ["lead"]
yellow = { lead = 2 }
[budget]
per_officer = 1
[[rule]]
name = "late"
title = "Late"
source = "this test"
when = "dpd_days >= 1"
severity = "yellow"
reason = "{dpd_days} days, {change(dpd_days, 7)} in a week"
recheck = 10
"""
DUES = {date(2024, 1, 10): 100, date(2024, 1, 17): 100, date(2024, 6, 10): 100}
Bank = Any


@pytest.fixture
def bank(bank: Bank) -> Bank:
    again = type(bank)(parse_pack(RULES, path="again.toml"))
    again.loan("L1", date(2024, 1, 1), dues=DUES)
    return again


def kinds(facts: list[Any]) -> list[type]:
    return [type(fact) for fact in facts]


def test_an_unanswered_warning_is_referred_and_says_to_whom(bank: Bank) -> None:
    bank.close_through(date(2024, 1, 2), date(2024, 1, 10))
    (raised,) = bank.close(date(2024, 1, 11))
    # Open from the 2nd on, the 4th is the last close a week before.
    assert raised.reason == "1 days, 1 in a week"
    assert Reading(indicator="change(dpd_days, 7)", value=1.0) in raised.readings
    assert bank.close(date(2024, 1, 12)) == []
    (referred,) = bank.close(date(2024, 1, 15))
    assert kinds([referred]) == [WarningReferred]
    assert (referred.role, referred.severity) == ("lead", "yellow")
    assert referred.reason == "Nobody answered within 2 business days: it goes to lead."
    assert (referred.value_date, referred.warning_id) == (date(2024, 1, 15), raised.warning_id)


def test_the_second_ring_of_a_day_waits_with_its_place_and_rings_on_the_next(bank: Bank) -> None:
    bank.loan("L2", date(2024, 1, 1), dues=DUES, borrower="B2")
    told = bank.close_through(date(2024, 1, 2), date(2024, 1, 11))
    assert kinds(told) == [WarningRaised, WarningRaised, WarningDeferred]
    assert (told[2].loan_id, told[2].place, told[2].officer_id) == ("L2", 1, "O1")
    (rings,) = bank.close(date(2024, 1, 12))
    assert (rings.warning_id, rings.reason) == (
        told[1].warning_id,
        "Rings now, its officer's day has room: 2 days, 2 in a week",
    )


def test_what_was_resolved_and_holds_again_is_opened_again_under_its_id(bank: Bank) -> None:
    told = bank.close_through(date(2024, 1, 2), date(2024, 1, 15))
    bank.pay("L1", date(2024, 1, 16), 100)
    told += bank.close_through(date(2024, 1, 16), date(2024, 1, 18))
    assert kinds(told) == [WarningRaised, WarningReferred, WarningResolved, WarningReopened]
    assert len({fact.warning_id for fact in told}) == 1
    assert told[3].reason.startswith("Holds again, soon after it was resolved: 1 days")
    assert (told[3].severity, told[3].rule, told[3].inhibited_by) == ("yellow", "late", None)


def test_a_late_fact_withdraws_what_was_resolved_but_rests(bank: Bank) -> None:
    told = bank.close_through(date(2024, 1, 2), date(2024, 1, 11))
    bank.pay("L1", date(2024, 1, 12), 100)
    told += bank.close(date(2024, 1, 12))
    assert kinds(told) == [WarningRaised, WarningResolved]
    # Paid in full already on the 9th, as is told on the 16th: it was never late.
    (withdrawn,) = bank.pay("L1", date(2024, 1, 9), 100, known=date(2024, 1, 16))
    assert kinds([withdrawn]) == [WarningWithdrawn]
    assert withdrawn.warning_id == told[0].warning_id
    assert bank.close_through(date(2024, 1, 15), date(2024, 1, 19)) == []


def test_after_its_rest_a_resolved_warning_is_left_alone(bank: Bank) -> None:
    bank.close_through(date(2024, 1, 2), date(2024, 1, 11))
    bank.pay("L1", date(2024, 1, 12), 300)
    bank.close_through(date(2024, 1, 12), date(2024, 1, 29))  # more than ten business days
    assert bank.pay("L1", date(2024, 1, 9), 100, known=date(2024, 1, 29)) == []


def test_work_is_started_and_a_false_alarm_ends_it(bank: Bank) -> None:
    (raised,) = bank.close_through(date(2024, 1, 2), date(2024, 1, 11))
    who = {"warning_id": raised.warning_id, "actor": "Li Na"}
    (started,) = bank.act(StartAction(action="visit", **who), at=date(2024, 1, 12))
    assert started == WarningActionStarted(
        warning_id=raised.warning_id,
        loan_id="L1",
        actor="Li Na",
        action="visit",
        ledger_position=len(bank.ledger),
        value_date=date(2024, 1, 12),
        recorded_at_us=started.recorded_at_us,
    )
    assert bank.close_through(date(2024, 1, 12), date(2024, 1, 19)) == []
    for action, rule in (
        (StartAction(action="again", **who), "already_in_action"),
        (AcknowledgeWarning(**who), "already_answered"),
        (FindFalse(reason=" ", **who), "reason_missing"),
        (FindFalse(reason="x", warning_id=raised.warning_id, actor=""), "actor_missing"),
        (FindFalse(reason="x" * 3_001, **who), "text_too_long"),
    ):
        with pytest.raises(RuleRefused) as refused:
            bank.act(action, at=date(2024, 1, 22))
        assert refused.value.rule == rule
    (false,) = bank.act(FindFalse(reason="paid elsewhere", **who), at=date(2024, 1, 22))
    assert kinds([false]) == [WarningFoundFalse]
    assert bank.watch.open_warnings == frozenset()
    with pytest.raises(UnknownEntity):
        bank.act(FindFalse(reason="x", **who), at=date(2024, 1, 22))
    assert bank.close_through(date(2024, 1, 22), date(2024, 1, 31)) == []
