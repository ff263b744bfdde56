"""What is asked for at which place: cases, treatments, contacts, and what is left alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from ledger.collection_commands import AssignStrategy, CloseCase, OpenCase, RequestContact
from ledger.commands import Command
from ledger.dates import Calendar, day_number
from ledger.events import BusinessDayClosed, Reading, WarningFoundFalse, WarningRaised
from ledger.scenario import read_diary
from ledger.service import Incoming, Ledger
from ledger.store import MemoryStore, Recorded
from warning.asking import NAME, parts_of, told
from warning.remembered import bring_back, frozen, treat_key_of
from warning.situations import GradeChange
from warning.strategy import STRATEGIES, load_strategy, parse_strategy
from warning.treat import Treat

LOAN = """\
2024-01-01 open L1 300.00 CNY, method given, officer U1, branch N, borrower B1
2024-01-01 schedule L1
    2024-02-01 principal 100.00 interest 0.00
    2024-03-01 principal 100.00 interest 0.00
    2024-04-01 principal 100.00 interest 0.00
2024-01-01 disburse L1 300.00
"""


class Run:
    """A book, and one who treats its cases; what is asked for is recorded as it comes.

    `reborn`: between any two steps another one goes on, brought back from a snapshot of the last.
    """

    def __init__(self, text: str, *, reborn: bool = False) -> None:
        self.store, self.reborn = MemoryStore(), reborn
        self.ledger = Ledger(self.store.ledger)
        self.asked: list[Command] = []
        self.table = load_strategy(STRATEGIES / "sme-collections.toml")
        self.treat = self.fresh(after=0)
        self.go(text)

    def fresh(self, *, after: int) -> Treat:
        return Treat(self.table, Calendar(), after=after)

    def go(self, text: str) -> list[Command]:
        """Record what happens, line by line, and let it be followed; what was asked for."""
        before = len(self.asked)
        for command in commands_of(text):
            assert self.record([command]) == [""]
            self.follow()
        return self.asked[before:]

    def record(self, commands: Sequence[Command]) -> list[str]:
        batch = [
            Incoming(c, None, b"", "diary", n, c.recorded_at_us, c.transaction_id)
            for n, c in enumerate(commands, start=1)
        ]
        return [outcome.reason for outcome in self.ledger.record(batch).outcomes]

    def follow(self) -> None:
        while page := self.store.ledger.read(after=self.treat.position, limit=100):
            if self.reborn:
                state, self.treat = frozen(self.treat).packed(), self.fresh(after=0)
                bring_back(self.treat, state)
            step = self.treat.advance(page)
            if step.commands:
                self.asked += step.commands
                self.record(step.commands)
                self.treat.foresee(own(self.store.ledger.read(limit=10_000)))


_NUMBER = iter(range(1, 10**9))


def commands_of(text: str) -> list[Command]:
    """The commands of a diary; transaction ids are made unique over several diaries."""
    from dataclasses import replace

    found = read_diary(LOAN + text if "open L1" not in text else text, name="story").lines
    commands = [line.command for line in found if line.command is not None]
    told = commands if "open L1" in text else commands[3:]
    return [replace(each, transaction_id=f"line-{next(_NUMBER)}") for each in told]


def own(facts: Sequence[Recorded]) -> list[Recorded]:
    return [item for item in facts if getattr(item.fact, "by", "") == NAME]


def kinds(commands: Sequence[Command]) -> list[str]:
    return [type(command).__name__ for command in commands]


def warning(severity: Any, place: int, name: str = "W1") -> Recorded:
    fact = WarningRaised(
        warning_id=name, loan_id="L1", borrower_id="B1", officer_id="U1", rule="r", pack="p v1",
        severity=severity, episode=1, reason="x", readings=(Reading(indicator="a", value=1.0),),
        cause_event_ids=(), inhibited_by=None, ledger_position=place,
        value_date=date(2024, 1, 15), recorded_at_us=0,
    )  # fmt: skip
    return Recorded(1, "warnings:L1", 1, fact)


def found_false(place: int, name: str = "W1") -> Recorded:
    fact = WarningFoundFalse(
        warning_id=name, loan_id="L1", actor="U1", reason="x", ledger_position=place,
        value_date=date(2024, 1, 15), recorded_at_us=0,
    )  # fmt: skip
    return Recorded(2, "warnings:L1", 2, fact)


def test_a_missed_payment_opens_a_case_with_its_treatment_and_its_message() -> None:
    run = Run(LOAN)
    assert run.go("2024-02-01 end-of-day\n") == []  # due today: day 0
    opened, assigned, asked = run.go("2024-02-02 end-of-day\n")
    assert isinstance(opened, OpenCase)
    assert (opened.trigger, opened.loan_ids, opened.stage) == ("missed_payment", ("L1",), "early")
    assert (opened.owner_id, opened.branch, opened.by) == ("U1", "N", "treat")
    assert isinstance(assigned, AssignStrategy)
    arm = run.table.arm_of("B1")
    assert assigned.segment == {"champion": "early", "challenger": "early_bot"}[arm]
    assert assigned.arm == f"early-voice-bot.{arm}"
    assert assigned.version == run.table.digest
    assert assigned.reason == "tier none, cause unknown, 1 days past due"
    assert isinstance(asked, RequestContact)
    assert (asked.channel, asked.queue, asked.addressee) == (
        {"champion": "sms", "challenger": "voice_bot"}[arm], True, "debtor",
    )  # fmt: skip


def test_a_reason_gives_its_parts_back_and_nobody_elses_sentence_has_any() -> None:
    parts = [("tier", "red"), ("cause", "unknown"), ("grade", "stage_2"), ("dpd", "45")]
    assert told(parts) == "tier red, cause unknown, grade stage_2, 45 days past due"
    assert parts_of(told(parts)) == parts
    assert parts_of(told([("dpd_unknown", "")])) == [("dpd_unknown", "")]
    assert parts_of("45 days past due, says the borrower") == []


def test_a_case_is_opened_once_for_each_time_that_payments_stop() -> None:
    run = Run(LOAN)
    (case, *_) = run.go("2024-02-02 end-of-day\n")
    assert isinstance(case, OpenCase)
    closing = f"2024-02-05 close-case B1 {case.case_id} opened_in_error\n"
    assert "OpenCase" not in kinds(
        run.go(closing + "2024-02-05 end-of-day\n2024-02-06 end-of-day\n")
    )
    paid = "2024-02-07 repay L1 100.00\n2024-02-07 end-of-day\n"
    assert "OpenCase" not in kinds(run.go(paid))
    assert "OpenCase" in kinds(run.go("2024-03-04 end-of-day\n"))


def test_a_grave_warning_opens_a_case_before_anything_is_due_and_a_mild_one_does_not() -> None:
    run = Run(LOAN)
    run.treat.tiers.hear([warning("yellow", 1)])
    assert run.go("2024-01-15 end-of-day\n") == []
    run.treat.tiers.hear([warning("orange", run.treat.position, "W2")])
    assert run.go("2024-01-16 end-of-day\n") == []  # it became known at the close before
    run = Run(LOAN)
    run.treat.tiers.hear([warning("orange", run.treat.position + 1, "W2")])
    opened, assigned = run.go("2024-01-15 end-of-day\n")
    assert isinstance(opened, OpenCase)
    assert (opened.trigger, opened.reference, opened.stage) == ("warning", "W2", "pre_due")
    assert isinstance(assigned, AssignStrategy)
    assert assigned.segment == "grave_pre_due"


def test_what_is_found_false_counts_behind_its_place_only() -> None:
    run = Run(LOAN)
    place = run.treat.position + 1
    run.treat.tiers.hear([warning("red", place, "W2"), found_false(place, "W2")])
    opened, assigned = run.go("2024-01-15 end-of-day\n")
    assert kinds([opened, assigned]) == ["OpenCase", "AssignStrategy"]
    (again,) = run.go("2024-01-16 end-of-day\n")
    assert isinstance(again, AssignStrategy)
    assert again.segment == "pre_due_care"


def test_a_changed_cause_is_treated_at_once_and_a_grade_is_told() -> None:
    run = Run(LOAN)
    (case, *_) = run.go("2024-02-02 end-of-day\n")
    assert isinstance(case, OpenCase)
    run.treat.grades.hear([GradeChange(1, "L1", "special_mention", 1)])
    (assigned,) = run.go(f"2024-02-05 cause B1 {case.case_id} technical, reason bank error\n")
    assert isinstance(assigned, AssignStrategy)
    assert assigned.segment == "technical_slip"
    assert assigned.reason.startswith("tier none, cause technical, grade special_mention")


def test_no_contact_is_asked_for_while_a_promise_runs_or_a_hold_stands() -> None:
    run = Run(LOAN)
    (case, *_) = run.go("2024-02-02 end-of-day\n")
    assert isinstance(case, OpenCase)
    promise = f"2024-02-05 promise B1 {case.case_id} P1 L1, parts 2024-02-12 100.00\n"
    days = "".join(f"2024-02-{day:02} end-of-day\n" for day in (5, 6, 7, 8, 9))
    assert "RequestContact" not in kinds(run.go(promise + days))
    held = Run(LOAN)
    held.go("2024-02-02 hold B1 dispute\n")
    assert kinds(held.go("2024-02-02 end-of-day\n")) == ["OpenCase", "AssignStrategy"]


def test_a_contact_that_a_person_made_without_asking_counts_as_one() -> None:
    run = Run(LOAN)
    (case, *_) = run.go("2024-02-02 end-of-day\n")
    assert isinstance(case, OpenCase)
    file = run.treat.cases.open[case.case_id]
    before = file.contacts_since
    call = f"contacted B1 {case.case_id} R1 call no_answer"
    run.go(f"2024-02-05 {call}, made 2024-02-05T02:00, utc 03:00\n")
    assert file.contact_days[-1] == day_number(date(2024, 2, 5))
    assert file.contacts_since == before + 1


def test_what_is_calm_for_five_days_is_closed() -> None:
    run = Run(LOAN)
    run.go("2024-02-02 end-of-day\n")
    run.go("2024-02-05 repay L1 100.00\n2024-02-05 end-of-day\n")
    assert "CloseCase" not in kinds(run.go("2024-02-09 end-of-day\n"))
    closed = [c for c in run.go("2024-02-12 end-of-day\n") if isinstance(c, CloseCase)]
    assert [each.reason for each in closed] == ["cured"]


@pytest.mark.parametrize("closes", [1, 3, 5])
def test_who_starts_again_behind_a_place_asks_for_the_same_from_there(closes: int) -> None:
    run = Run(LOAN)
    run.go("".join(f"2024-02-{day:02} end-of-day\n" for day in (2, 5, 6, 7, 8, 9, 12, 13)))
    facts = run.store.ledger.read(limit=10_000)
    places = [item.position for item in facts if isinstance(item.fact, BusinessDayClosed)]
    place = places[closes - 1]
    again = run.fresh(after=place)
    left = facts[:place]
    while left:
        step = again.advance(left)
        assert step.commands == []  # asked for by then
        left = left[step.taken :]
    again.foresee(own(facts[place:]))  # what was recorded of it already: all of it
    asked, left = [], facts[place:]
    while left:
        step = again.advance(left)
        asked += step.commands
        left = left[step.taken :]
    # All that was asked for is foreseen, so that nothing is asked for twice.
    assert [c for c in asked if isinstance(c, OpenCase | RequestContact)] == []
    torn = run.fresh(after=place)
    left, asked = facts[:place], []
    while left:
        left = left[torn.advance(left).taken :]
    beyond = {c.transaction_id for c in run.asked if own_after(facts, place, c)}
    torn.foresee([i for i in own(facts[place:]) if i.fact.transaction_id not in beyond])
    for item in facts[place:]:
        if item.fact.transaction_id not in beyond:
            step = torn.advance([item])
            asked += step.commands
    assert asked == [c for c in run.asked if c.transaction_id in beyond]


def own_after(facts: Sequence[Recorded], place: int, command: Command) -> bool:
    """Whether a command was asked for at a close behind `place`."""
    closes = [i for i in facts if isinstance(i.fact, BusinessDayClosed) and i.position > place]
    return any(command.value_date == item.fact.value_date for item in closes)


def test_brought_back_between_any_two_steps_it_asks_for_the_same() -> None:
    def told(run: Run) -> int:
        place = run.treat.position
        run.treat.tiers.hear([warning("yellow", place)])
        run.go("2024-01-15 end-of-day\n2024-01-16 hold B1 dispute\n")
        run.treat.grades.hear([GradeChange(1, "L1", "special_mention", 1)])
        run.go("2024-02-02 end-of-day\n2024-02-05 lift B1 dispute\n")
        case = next(each for each in run.asked if isinstance(each, OpenCase)).case_id
        promise = f"2024-02-05 promise B1 {case} P1 L1, parts 2024-02-09 100.00\n"
        days = "".join(f"2024-02-{day:02} end-of-day\n" for day in (5, 6, 7, 8, 9, 12, 13, 14))
        run.go(promise + days)
        run.treat.tiers.hear([found_false(run.treat.position)])
        run.go("2024-02-15 repay L1 100.00\n")
        run.go("".join(f"2024-02-{day:02} end-of-day\n" for day in (15, 16, 19, 20, 21, 22, 23)))
        return run.treat.position

    whole, torn = Run(LOAN), Run(LOAN, reborn=True)
    assert told(torn) == told(whole)
    assert torn.asked == whole.asked
    asked = set(kinds(whole.asked))
    assert asked >= {"OpenCase", "AssignStrategy", "RequestContact", "ChangeStage", "CloseCase"}


def test_another_strategy_other_days_or_views_have_another_key() -> None:
    table = load_strategy(STRATEGIES / "sme-collections.toml")
    other = parse_strategy(table.text.replace("version = 1", "version = 2"), path="other.toml")
    holidays = Calendar(holidays=[date(2024, 1, 1)])
    treats = [Treat(table, Calendar()), Treat(other, Calendar()), Treat(table, holidays)]
    keys = [treat_key_of(treat, "views") for treat in treats]
    assert len({*keys, treat_key_of(treats[0], "other views")}) == 4
    assert treat_key_of(Treat(table, Calendar()), "views") == keys[0]
