"""What a watch says about small books: each test is a diary."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ledger.dates import start_of_day_us
from ledger.errors import InvariantBroken, RuleRefused, UnknownEntity
from ledger.events import (
    Reading,
    RulesAdopted,
    WarningAcknowledged,
    WarningEscalated,
    WarningExpired,
    WarningPending,
    WarningRaised,
    WarningResolved,
    WarningSuppressed,
    WarningWithdrawn,
)
from ledger.ids import stable_id
from warning.reasons import phrase
from warning.rules import DEFAULT_PACK, load_pack, parse_pack
from warning.watch import AcknowledgeWarning, SuppressWarning

Bank = Any  # The fixture `bank`; see conftest.
OPENED, DUE, NEXT_DUE = date(2024, 1, 2), date(2024, 2, 1), date(2024, 3, 1)
DUES = {DUE: 30_000, NEXT_DUE: 30_000, date(2024, 4, 1): 30_000}


@pytest.fixture
def late(bank: Bank) -> Bank:
    """L1 with an instalment due on Thursday 1 February that nobody paid; that day is closed."""
    bank.loan("L1", OPENED, dues=DUES)
    assert bank.close_through(OPENED, DUE) == []
    return bank


def test_silence_is_the_signal_a_missed_payment_rings_at_the_close(late: Bank) -> None:
    (fact,) = late.close(date(2024, 2, 2))
    assert fact == WarningRaised(
        warning_id=stable_id("warning", "L1", "arrears", 1),
        loan_id="L1",
        borrower_id="B1",
        officer_id="O1",
        rule="arrears",
        pack="test v7",
        severity="yellow",
        episode=1,
        reason="1 days past due, 300.00 CNY in arrears",
        readings=(
            Reading(indicator="dpd_days", value=1.0),
            Reading(indicator="arrears_minor", value=30_000.0),
        ),
        cause_event_ids=(late.ledger[-1].event_id, "loan:L1@2"),
        inhibited_by=None,
        ledger_position=len(late.ledger),
        value_date=date(2024, 2, 2),
        recorded_at_us=start_of_day_us(date(2024, 2, 3)) + len(late.ledger),
    )


def test_it_grows_graver_with_the_days_and_ends_with_the_payment(late: Bank) -> None:
    raised, graver = late.close_through(date(2024, 2, 2), date(2024, 3, 4))
    assert isinstance(raised, WarningRaised)
    assert isinstance(graver, WarningEscalated)
    assert (graver.severity_before, graver.severity) == ("yellow", "orange")
    assert graver.reason == "32 days past due, 600.00 CNY in arrears"
    assert graver.value_date == date(2024, 3, 4)
    assert late.pay("L1", date(2024, 3, 5), 60_000) == []
    (over,) = late.close(date(2024, 3, 5))
    assert isinstance(over, WarningResolved)
    assert over.reason == "No longer so: Past due."
    assert {fact.warning_id for fact in (raised, graver, over)} == {raised.warning_id}
    assert [record.version for record in late.log] == [1, 1, 2, 3]
    assert [record.stream for record in late.log] == ["rules", *["warnings:L1"] * 3]


def test_a_second_episode_has_its_own_number_and_id(late: Bank) -> None:
    (first,) = late.close(date(2024, 2, 2))
    late.pay("L1", date(2024, 2, 5), 30_000)
    late.close_through(date(2024, 2, 5), NEXT_DUE)
    (second,) = late.close(date(2024, 3, 4))
    assert (first.episode, second.episode) == (1, 2)
    assert first.warning_id != second.warning_id


def test_a_rule_on_a_fact_rings_at_that_fact(late: Bank) -> None:
    (fact,) = late.debit_returned("L1", date(2024, 2, 2), 30_000)
    assert isinstance(fact, WarningRaised)
    assert (fact.rule, fact.severity, fact.reason) == ("bounced", "yellow", "1 debits came back")
    assert fact.value_date == date(2024, 2, 2)
    assert fact.recorded_at_us == late.ledger[-1].fact.recorded_at_us
    assert fact.cause_event_ids[0] == late.ledger[-1].event_id
    assert late.debit_returned("L1", date(2024, 2, 2), 30_000) == []
    (graver,) = late.debit_returned("L1", date(2024, 2, 2), 30_000)
    assert (type(graver), graver.severity) == (WarningEscalated, "orange")


def test_a_backdated_payment_withdraws_the_warning_and_is_named_as_the_reason(late: Bank) -> None:
    (raised,) = late.close(date(2024, 2, 2))
    (fact,) = late.pay("L1", date(2024, 2, 1), 30_000, known=date(2024, 2, 6))
    assert isinstance(fact, WarningWithdrawn)
    assert fact.warning_id == raised.warning_id
    assert fact.cause_event_ids == ("loan:L1@3",)
    assert fact.reason == (
        "loan:L1@3, recorded on 2024-02-06 with value date 2024-02-01, took the cause away."
    )
    assert late.close_through(date(2024, 2, 5), date(2024, 2, 29)) == []


def test_a_late_payment_that_came_too_late_anyway_resolves_and_does_not_withdraw(
    late: Bank,
) -> None:
    late.close_through(date(2024, 2, 2), date(2024, 2, 7))
    assert late.pay("L1", date(2024, 2, 6), 30_000, known=date(2024, 2, 8)) == []
    (fact,) = late.close(date(2024, 2, 8))
    assert isinstance(fact, WarningResolved)


def test_a_backdated_part_payment_that_leaves_arrears_withdraws_nothing(late: Bank) -> None:
    late.close(date(2024, 2, 2))
    assert late.pay("L1", date(2024, 2, 1), 10_000, known=date(2024, 2, 6)) == []
    assert late.close(date(2024, 2, 5)) == []


def test_a_backdated_credit_withdraws_a_warning_about_the_balance(late: Bank) -> None:
    late.pay("L1", date(2024, 2, 1), 30_000)
    late.move("L1", date(2024, 2, 2), -60_000)
    # Below 500.00 since Friday the 2nd; two business days later, on Tuesday the 6th, it rings.
    pending, raised = late.close_through(date(2024, 2, 2), date(2024, 2, 6))
    assert (type(pending), pending.value_date) == (WarningPending, date(2024, 2, 2))
    assert raised.reason == "400.00 CNY on the account"
    assert raised.value_date == date(2024, 2, 6)
    (fact,) = late.move("L1", date(2024, 2, 5), 50_000, known=date(2024, 2, 7))
    assert isinstance(fact, WarningWithdrawn)


def test_a_late_fact_that_has_nothing_to_do_with_the_ring_withdraws_nothing(late: Bank) -> None:
    today = date(2024, 2, 2)
    (raised,) = late.move("L1", today, -60_000)
    assert raised.rule == "drained"
    late.move("L1", today, 60_000)  # The same day it is filled again: the day ends well.
    late.pay("L1", today, 30_000)
    assert late.move("L1", date(2024, 2, 1), 5_000, known=date(2024, 2, 5)) == []


def test_a_reversed_payment_brings_the_warning_back_as_a_new_episode(late: Bank) -> None:
    late.close(date(2024, 2, 2))
    late.pay("L1", date(2024, 2, 5), 30_000)
    (over,) = late.close(date(2024, 2, 5))
    assert isinstance(over, WarningResolved)
    (bounced,) = late.bounce("L1", date(2024, 2, 5), date(2024, 2, 6), 30_000)
    assert (bounced.rule, bounced.value_date) == ("bounced", date(2024, 2, 6))
    (again,) = late.close(date(2024, 2, 6))
    assert (again.rule, again.episode) == ("arrears", 2)
    assert again.reason == "5 days past due, 300.00 CNY in arrears"


def test_a_closed_loan_ends_its_warnings(late: Bank) -> None:
    late.close(date(2024, 2, 2))
    late.end("L1", date(2024, 2, 5))
    (fact,) = late.close(date(2024, 2, 5))
    assert (type(fact), fact.reason) == (WarningResolved, "The loan is closed (repaid).")
    assert fact.readings[0].value is None


def test_the_officer_of_the_day_is_named(late: Bank) -> None:
    late.officer("L1", date(2024, 2, 2), "O2")
    (fact,) = late.close(date(2024, 2, 2))
    assert fact.officer_id == "O2"


def test_red_on_one_loan_mutes_yellow_on_another_of_the_same_borrower(bank: Bank) -> None:
    bank.loan("L1", OPENED, dues={DUE: 30_000})
    bank.loan("L2", OPENED, dues={date(2024, 5, 1): 30_000})
    bank.loan("L3", OPENED, dues={date(2024, 5, 1): 30_000}, borrower="B2")
    facts = bank.close_through(OPENED, date(2024, 5, 2))
    red = facts[0].warning_id
    assert [(f.loan_id, f.inhibited_by) for f in facts if type(f) is WarningRaised] == [
        ("L1", None),
        ("L2", red),
        ("L3", None),
    ]
    bank.pay("L1", date(2024, 5, 3), 30_000)
    over, rings = bank.close(date(2024, 5, 3))
    assert (type(over), over.warning_id) == (WarningResolved, red)
    assert (rings.loan_id, rings.episode, rings.inhibited_by) == ("L2", 1, None)
    assert rings.reason.startswith("Rings now, the warning that muted it is over: 2 days")


def test_unanswered_it_expires_and_answered_it_does_not(late: Bank) -> None:
    (raised,) = late.close(date(2024, 2, 2))
    action = AcknowledgeWarning(warning_id=raised.warning_id, actor="O1", note="I call them")
    (fact,) = late.act(action, at=date(2024, 2, 5))
    assert fact == WarningAcknowledged(
        warning_id=raised.warning_id,
        loan_id="L1",
        actor="O1",
        note="I call them",
        ledger_position=late.watch.position,
        value_date=date(2024, 2, 5),
        recorded_at_us=start_of_day_us(date(2024, 2, 5)),
    )
    facts = late.close_through(date(2024, 2, 5), date(2024, 4, 30))
    kinds = [type(fact) for fact in facts if fact.warning_id == raised.warning_id]
    # Orange on 4 March wants a new answer; red on 1 April comes before that expires.
    assert kinds == [WarningEscalated, WarningEscalated]
    facts = late.close_through(date(2024, 5, 1), date(2024, 5, 20))
    assert [type(fact) for fact in facts] == [WarningExpired]


def test_a_silence_is_a_fact_and_ends_with_a_ring(late: Bank) -> None:
    (raised,) = late.close(date(2024, 2, 2))
    until = date(2024, 2, 12)
    silence = SuppressWarning(
        warning_id=raised.warning_id, actor="O1", reason="wire under way", until=until
    )
    (fact,) = late.act(silence, at=date(2024, 2, 5))
    assert (type(fact), fact.until, fact.reason) == (WarningSuppressed, until, "wire under way")
    assert late.close_through(date(2024, 2, 5), until) == []
    (rings,) = late.close(date(2024, 2, 13))
    assert (type(rings), rings.warning_id) == (WarningRaised, raised.warning_id)
    assert rings.reason.startswith("Rings again, the silence is over: 12 days past due")


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("actor_missing", {"actor": " "}),
        ("reason_missing", {"reason": ""}),
        ("text_too_long", {"reason": "x" * 3_001}),
        ("silence_over", {"until": date(2024, 2, 2)}),
        ("silence_too_long", {"until": date(2025, 2, 6)}),
    ],
)
def test_an_action_that_the_house_does_not_allow_is_refused(
    late: Bank, rule: str, change: dict[str, Any]
) -> None:
    (raised,) = late.close(date(2024, 2, 2))
    given = {"actor": "O1", "reason": "wire", "until": date(2024, 2, 9)} | change
    with pytest.raises(RuleRefused) as caught:
        late.act(SuppressWarning(warning_id=raised.warning_id, **given), at=date(2024, 2, 5))
    assert caught.value.rule == rule


def test_nobody_answers_twice_or_what_is_not_open(late: Bank) -> None:
    (raised,) = late.close(date(2024, 2, 2))
    action = AcknowledgeWarning(warning_id=raised.warning_id, actor="O1")
    late.act(action, at=date(2024, 2, 5))
    with pytest.raises(RuleRefused, match="answered already"):
        late.act(action, at=date(2024, 2, 5))
    late.pay("L1", date(2024, 2, 5), 30_000)
    late.close(date(2024, 2, 5))
    with pytest.raises(UnknownEntity):
        late.act(action, at=date(2024, 2, 6))


def test_a_gap_in_the_ledger_stops_the_watch_and_a_repeat_is_passed_over(late: Bank) -> None:
    seen = late.watch.position
    assert late.watch.observe(late.ledger[-3:]) == []
    assert late.watch.position == seen
    late.close(date(2024, 2, 2))
    late.close(date(2024, 2, 5))
    late.close(date(2024, 2, 6))
    with pytest.raises(InvariantBroken, match="stands at position"):
        late.new_watch().observe(late.ledger[1:])


def test_the_log_begins_with_the_rules_it_was_written_by(late: Bank) -> None:
    first = late.log[0].fact
    assert (type(first), first.pack, first.text) == (RulesAdopted, "test v7", late.pack.text)
    assert (first.ledger_position, first.value_date) == (0, OPENED)


def test_other_rules_take_over_at_a_restart_and_what_they_do_not_have_is_over(
    late: Bank,
) -> None:
    late.move("L1", date(2024, 2, 2), -53_000)
    late.close_through(date(2024, 2, 2), date(2024, 2, 6))
    text = late.pack.text.partition('[[rule]]\nname = "bounced"')[0]
    late.pack = parse_pack(text.replace("version = 7", "version = 8"), path="other.toml")
    late.watch = late.new_watch()
    adopted, over = late.keep(late.watch.replay(late.ledger, late.log))
    assert (type(adopted), adopted.pack) == (RulesAdopted, "test v8")
    assert (adopted.ledger_position, adopted.value_date) == (len(late.ledger), date(2024, 2, 7))
    assert (type(over), over.reason) == (WarningResolved, "The rule thin is no longer in force.")
    late.pay("L1", date(2024, 2, 7), 30_000)
    (fact,) = late.close(date(2024, 2, 7))
    assert (type(fact), fact.warning_id) == (WarningResolved, late.log[1].fact.warning_id)
    assert late.new_watch().replay(late.ledger, late.log) == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_end_of_a_warning_says_what_is_no_longer_so(language: str) -> None:
    said = {
        "en": "No longer so: The account has gone quiet and is nearly empty.",
        "zh": "已不再成立:结算账户沉寂且余额不足。",
    }
    rule = load_pack(DEFAULT_PACK).rule("account_quiet")
    assert phrase(language, "resolved", title=rule.title.in_language(language)) == said[language]
