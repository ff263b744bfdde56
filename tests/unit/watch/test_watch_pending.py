"""What waits to ring: facts at its beginning and its end, told as of any close on both axes."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ledger.dates import Calendar, start_of_day_us
from ledger.events import RulesAdopted, WarningLapsed, WarningPending, WarningRaised
from ledger.ids import stable_id
from warning.explain import lived_through
from warning.rules import parse_pack
from warning.waiting import pending_in

RULES = """
name = "waits"
title = "Waits"
[[rule]]
name = "late"
title = "Late"
source = "this test"
when = "dpd_days >= 1"
for = 3
severity = "yellow"
reason = "{dpd_days} days"
"""
Bank = Any


@pytest.fixture
def bank(bank: Bank) -> Bank:
    waits = type(bank)(parse_pack(RULES, path="waits.toml"))
    waits.loan("L1", date(2024, 1, 1), dues={date(2024, 1, 10): 100})
    waits.close_through(date(2024, 1, 2), date(2024, 1, 12))
    return waits


FIRST = stable_id("warning", "L1", "late", 1)
"""The id of the loan's first warning by the rule, before and after it rings."""


def told(pending: list[Any]) -> list[tuple[str, str, str, int]]:
    return [(one.loan_id, one.rule, one.since.isoformat(), one.days) for one in pending]


def test_a_rule_waits_from_the_first_close_at_which_it_held(bank: Bank) -> None:
    # Due on Wednesday the 10th, late at the close of the 11th; the 12th is one business day later.
    assert told(bank.watch.pending()) == [("L1", "late", "2024-01-11", 1)]
    bank.close(date(2024, 1, 15))
    assert told(bank.watch.pending()) == [("L1", "late", "2024-01-11", 2)]
    bank.close(date(2024, 1, 16))  # Three business days: it rings and waits no more.
    assert told(bank.watch.pending()) == []


def test_what_waited_is_told_by_what_was_known_then_or_corrected(bank: Bank) -> None:
    bank.pay("L1", date(2024, 1, 10), 100, known=date(2024, 1, 15))
    asked: dict[str, Any] = {"calendar": Calendar(), "facts_of": bank.facts_of}
    then = lived_through(bank.pack, bank.ledger, date(2024, 1, 12), **asked)
    assert told(then.watch.pending()) == [("L1", "late", "2024-01-11", 1)]
    corrected = lived_through(bank.pack, bank.ledger, date(2024, 1, 12), corrected=True, **asked)
    assert told(corrected.watch.pending()) == []


def test_a_wait_is_a_fact_when_it_begins_and_the_ring_ends_it(bank: Bank) -> None:
    adopted, pending = (record.fact for record in bank.log)
    assert type(adopted) is RulesAdopted
    # L1 was opened by three facts; eight closes, 2 to 11 January, come after them.
    assert pending == WarningPending(
        warning_id=FIRST,
        loan_id="L1",
        rule="late",
        pack="waits v1",
        days=3,
        reason="Rings if it holds for 3 business days: 1 days",
        ledger_position=11,
        value_date=date(2024, 1, 11),
        recorded_at_us=start_of_day_us(date(2024, 1, 12)) + 11,
    )
    (raised,) = bank.close_through(date(2024, 1, 15), date(2024, 1, 16))
    assert (type(raised), raised.warning_id) == (WarningRaised, FIRST)
    assert [record.stream for record in bank.log[1:]] == ["warnings:L1"] * 2


def test_a_wait_whose_condition_ends_lapses_at_that_close(bank: Bank) -> None:
    assert bank.pay("L1", date(2024, 1, 15), 100) == []
    (lapsed,) = bank.close(date(2024, 1, 15))
    assert (type(lapsed), lapsed.warning_id, lapsed.rule) == (WarningLapsed, FIRST, "late")
    assert (lapsed.reason, lapsed.cause_event_ids) == ("No longer so: Late.", ())
    assert lapsed.value_date == date(2024, 1, 15)
    assert bank.close(date(2024, 1, 16)) == []


def test_a_wait_about_a_loan_that_is_closed_lapses(bank: Bank) -> None:
    bank.end("L1", date(2024, 1, 15))
    (lapsed,) = bank.close(date(2024, 1, 15))
    assert lapsed.reason == "The loan is closed (repaid)."


def test_by_a_late_fact_a_wait_never_was_at_once_and_the_fact_is_named(bank: Bank) -> None:
    (lapsed,) = bank.pay("L1", date(2024, 1, 10), 100, known=date(2024, 1, 15))
    assert (type(lapsed), lapsed.warning_id) == (WarningLapsed, FIRST)
    assert lapsed.cause_event_ids == ("loan:L1@3",)
    assert lapsed.reason == (
        "loan:L1@3, recorded on 2024-01-15 with value date 2024-01-10, took the cause away."
    )
    assert lapsed.recorded_at_us == bank.ledger[-1].fact.recorded_at_us
    assert bank.close_through(date(2024, 1, 15), date(2024, 1, 31)) == []


def test_a_late_fact_that_came_too_late_anyway_leaves_the_wait_to_the_close(bank: Bank) -> None:
    # Paid on Friday the 12th, known on Monday: on the 11th it was late whatever is known.
    assert bank.pay("L1", date(2024, 1, 12), 40, known=date(2024, 1, 15)) == []
    assert bank.close(date(2024, 1, 15)) == []
    (raised,) = bank.close(date(2024, 1, 16))
    assert type(raised) is WarningRaised


def test_on_record_it_is_told_as_of_each_day(bank: Bank) -> None:
    bank.pay("L1", date(2024, 1, 10), 100, known=date(2024, 1, 15))
    facts = [record.fact for record in bank.log]

    def on_record(day: date) -> list[tuple[str, str, str, int]]:
        return told(pending_in(facts, day, calendar=Calendar()))

    assert on_record(date(2024, 1, 10)) == []
    # Known then; that it never was is known since the 15th (`--corrected` lives through it).
    assert on_record(date(2024, 1, 12)) == [("L1", "late", "2024-01-11", 1)]
    assert on_record(date(2024, 1, 15)) == []


def test_a_wait_lapses_where_rules_are_adopted_and_begins_anew(bank: Bank) -> None:
    other = parse_pack(RULES.replace("for = 3", "for = 2"), path="waits.toml")
    bank.pack = other
    bank.watch = bank.new_watch()
    adopted, lapsed = bank.keep(bank.watch.replay(bank.ledger, bank.log))
    assert (type(adopted), type(lapsed)) == (RulesAdopted, WarningLapsed)
    assert lapsed.reason == "Rules were adopted: waiting times start anew."
    pending, raised = bank.close_through(date(2024, 1, 15), date(2024, 1, 17))
    # Anew from Monday the 15th: two business days later is Wednesday the 17th.
    assert (pending.value_date, raised.value_date) == (date(2024, 1, 15), date(2024, 1, 17))
    assert {lapsed.warning_id, pending.warning_id, raised.warning_id} == {FIRST}


def test_a_wait_that_ends_in_a_warning_opened_again_lapses(bank: Bank) -> None:
    rules = RULES.replace("for = 3", 'for = 3\nrecheck = 10\nuntil = "dpd_days < 9"')
    again = type(bank)(parse_pack(rules, path="again.toml"))
    again.loan("L1", date(2024, 1, 1), dues={date(2024, 1, 10): 100})
    again.close_through(date(2024, 1, 2), date(2024, 1, 12))
    again.close(date(2024, 1, 15))
    # On the 16th it rings. On the 17th, seven days late, `until` holds as well as `when`: it is
    # resolved, and the rule waits again; on the 18th the same warning is opened again instead.
    told_ = [again.close(date(2024, 1, day)) for day in (16, 17, 18)]
    kinds = [[type(fact).__name__ for fact in facts] for facts in told_]
    assert kinds == [
        ["WarningRaised"],
        ["WarningResolved", "WarningPending"],
        ["WarningReopened", "WarningLapsed"],
    ]
