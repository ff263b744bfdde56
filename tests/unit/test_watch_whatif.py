"""What other rules would have rung, side by side with the present ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from ledger.dates import Calendar, start_of_day_us
from ledger.events import (
    BusinessDayClosed,
    InstalmentsScheduled,
    LoanOpened,
    RepaymentReceived,
)
from ledger.store import Recorded
from ledger.terms import Instalment, Split, Terms
from warning.rules import Pack, parse_pack
from warning.whatif import Ring, compare, rehearse

CALENDAR = Calendar(weekmask="1111111")
JAN = date(2024, 1, 1)


def pack(*rules: tuple[str, str]) -> Pack:
    text = 'name = "other"\ntitle = "Other"\n'
    for name, when in rules:
        text += f'[[rule]]\nname = "{name}"\ntitle = "t"\nsource = "this test"\n'
        text += f'when = "{when}"\nseverity = "yellow"\nreason = "{{dpd_days}}"\n'
    return parse_pack(text, path="other.toml")


def ledger() -> list[Recorded]:
    """L1 pays its instalment of 11 January on the 21st; L2, due on the 11th, on the 14th."""
    facts: list[Recorded] = []

    def add(stream: str, kind: type, day: date, **fields: Any) -> None:
        at = len(facts) + 1
        version = 1 + sum(record.stream == stream for record in facts)
        moment = start_of_day_us(day) + at
        fact = kind(transaction_id=f"t{at}", value_date=day, recorded_at_us=moment, **fields)
        facts.append(Recorded(at, stream, version, fact))

    for loan in ("L1", "L2"):
        add(
            *(f"loan:{loan}", LoanOpened, JAN),
            loan_id=loan,
            borrower_id=loan,
            account_id=None,
            product="term",
            currency="EUR",
            principal_minor=10_000,
            terms=Terms(method="given", instalments=1),
            officer_id="O1",
            branch="main",
            industry="",
            region="",
            guarantor_id=None,
        )
        due = Instalment(
            number=1, due_date=date(2024, 1, 11), principal_minor=10_000, interest_minor=0
        )
        add(
            *(f"loan:{loan}", InstalmentsScheduled, JAN),
            loan_id=loan,
            schedule_version=1,
            origin="given",
            instalments=(due,),
        )
    for day in range(1, 31):
        today = date(2024, 1, day)
        for loan, paid in (("L1", 21), ("L2", 14)):
            if day == paid:
                split = Split(principal_minor=10_000)
                fields = {"loan_id": loan, "amount_minor": 10_000, "split": split}
                add(f"loan:{loan}", RepaymentReceived, today, **fields)
        add("calendar", BusinessDayClosed, today)
    return facts


def test_history_is_lived_again_under_each_pack() -> None:
    strict, mild = pack(("late", "dpd_days >= 1")), pack(("late", "dpd_days >= 5"))
    told: list[int] = []
    facts = ledger()
    early, late = rehearse([strict, mild], facts, calendar=CALENDAR, progress=told.append)
    assert [(ring.loan_id, ring.rang.day) for ring in early] == [("L1", 12), ("L2", 12)]
    assert [(r.loan_id, r.rang.day, r.ended) for r in late] == [("L1", 16, date(2024, 1, 21))]
    assert told == [len(facts)]
    difference = compare(early, late)
    assert [ring.loan_id for ring in difference.missed] == ["L2"]
    assert [(pair.present.loan_id, pair.days) for pair in difference.later] == [("L1", 4)]
    assert (difference.rung, difference.earlier, difference.same) == ((), (), ())
    back = compare(late, early)
    assert [ring.loan_id for ring in back.rung] == ["L2"]
    assert [(pair.present.loan_id, pair.days) for pair in back.earlier] == [("L1", -4)]


def test_rules_of_other_names_are_compared_by_loan() -> None:
    mine, theirs = pack(("late", "dpd_days >= 1")), pack(("owing", "dpd_days >= 1"))
    left, right = rehearse([mine, theirs], ledger(), calendar=CALENDAR)
    by_rule, by_loan = compare(left, right), compare(left, right, by="loan")
    assert (len(by_rule.missed), len(by_rule.rung)) == (2, 2)
    assert (len(by_loan.same), by_loan.missed, by_loan.rung) == (2, (), ())


@pytest.fixture
def ring() -> Ring:
    return Ring(
        warning_id="w",
        loan_id="L1",
        officer_id="O1",
        rule="late",
        rang=date(2024, 1, 1),
        severity="yellow",
        reason="",
        inhibited=False,
        ended=date(2024, 1, 10),
    )


def test_episodes_that_never_overlap_are_two_different_things(ring: Ring) -> None:
    later = replace(ring, rang=date(2024, 1, 11), ended=None)
    difference = compare([ring], [later])
    assert (difference.missed, difference.rung) == ((ring,), (later,))


def test_each_episode_pairs_once(ring: Ring) -> None:
    first = replace(ring, rang=date(2024, 1, 2), ended=date(2024, 1, 3))
    second = replace(ring, rang=date(2024, 1, 5), ended=date(2024, 1, 6))
    difference = compare([ring], [first, second])
    assert [pair.other for pair in difference.later] == [first]
    assert difference.rung == (second,)
