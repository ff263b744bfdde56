"""The order of arrival cannot matter: property tests over permutations, and replay == live."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.commands import (
    ApplyCharge,
    ChangeOfficer,
    ChangeRate,
    Command,
    DisburseLoan,
    OpenLoan,
    ReceiveRepayment,
    ReverseRepayment,
    ScheduleInstalments,
)
from ledger.dates import day_number, start_of_day_us
from ledger.decide import check, decide, evolve, state_of
from ledger.events import RepaymentReceived, RepaymentsReallocated
from ledger.loan import Loan
from ledger.postings import postings_of
from ledger.replay import replay
from ledger.terms import LEGAL_ORDER, Instalment, Terms
from ledger.waterfall import parts_of

START = date(2024, 1, 1)
COMMON = {"recorded_at_us": start_of_day_us(date(2026, 6, 1)), "loan_id": "L1"}
LIMIT = 100_000


def days(first: int, last: int) -> st.SearchStrategy[date]:
    return st.integers(first, last).map(lambda offset: START + timedelta(days=offset))


@st.composite
def openings(draw: st.DrawFn) -> OpenLoan:
    methods = ["annuity", "equal_principal", "interest_only", "bullet", "given"]
    terms = Terms(
        method=draw(st.sampled_from(methods)),
        instalments=draw(st.integers(6, 12)),
        rate_ppm=draw(st.sampled_from([0, 94_822, 156_780])),
        day_count=draw(st.sampled_from(["30/360", "act/365", "act/act"])),
        allocation=tuple(draw(st.permutations(LEGAL_ORDER))),
    )
    return OpenLoan(
        borrower_id="B1",
        account_id=None,
        product="sme",
        currency="CNY",
        principal_minor=LIMIT,
        terms=terms,
        officer_id="O1",
        branch="north",
        industry="",
        region="",
        guarantor_id=None,
        transaction_id="open",
        value_date=START,
        **COMMON,
    )


def schedules() -> st.SearchStrategy[tuple[Instalment, ...]]:
    rows = st.lists(st.tuples(st.integers(0, 9_000), st.integers(0, 900)), min_size=3, max_size=9)
    return rows.map(
        lambda amounts: tuple(
            Instalment(
                number=number,
                due_date=START + timedelta(days=25 * number),
                principal_minor=principal,
                interest_minor=interest,
            )
            for number, (principal, interest) in enumerate(amounts, start=1)
        )
    )


@st.composite
def messages(draw: st.DrawFn) -> list[Command]:
    """Facts of one loan in any order, each reversal behind its original."""
    made: list[Command] = []

    def add(ask: type[Command], number: int, day: date, **fields: Any) -> None:
        made.append(
            ask(transaction_id=f"{ask.__name__}{number}", value_date=day, **fields, **COMMON)
        )

    for number in range(draw(st.integers(0, 3))):
        amount = draw(st.integers(1, LIMIT // 3))
        add(DisburseLoan, number, draw(days(0, 60)), amount_minor=amount, currency="CNY")
    if draw(st.booleans()):
        rows = draw(schedules())
        add(ScheduleInstalments, 0, draw(days(0, 90)), instalments=rows, currency="CNY")
    for number in range(draw(st.integers(0, 2))):
        add(ChangeRate, number, draw(days(0, 200)), rate_ppm=draw(st.integers(0, 200_000)))
        add(ChangeOfficer, number, draw(days(0, 200)), officer_id=f"O{number}", branch="b")
    for number in range(draw(st.integers(0, 3))):
        day = draw(days(0, 300))
        add(
            ApplyCharge,
            number,
            day,
            kind=draw(st.sampled_from(["costs", "fees", "penalty"])),
            amount_minor=draw(st.integers(1, 5_000)),
            currency="CNY",
            due_date=day + timedelta(days=draw(st.integers(0, 40))),
        )
    for number in range(draw(st.integers(0, 6))):
        amount = draw(st.integers(1, 30_000))
        add(ReceiveRepayment, number, draw(days(0, 320)), amount_minor=amount, currency="CNY")
        if draw(st.integers(0, 3)) == 0:
            add(
                ReverseRepayment,
                number,
                START + timedelta(days=420),
                reversed_transaction_id=f"ReceiveRepayment{number}",
                reason="bounced",
            )
    return originals_first(draw(st.permutations(made)))


def arrive(opening: OpenLoan, commands: list[Command]) -> tuple[Loan, list[Any]]:
    """The loan and its facts after the commands arrived in this order."""
    state: Any = None
    recorded: list[Any] = []
    for command in [opening, *commands]:
        facts = decide(state, command)
        check(state, facts)
        for fact in facts:
            state = evolve(state, fact)
        recorded += facts
    return state, recorded


def corrected(loan: Loan) -> dict[str, Any]:
    """Everything about a loan that must not depend on the order of arrival."""
    position = loan.book.position
    sample = [day_number(START) + offset for offset in range(0, 460, 13)]
    return {
        "splits": position.splits,
        "paid": position.paid,
        "unapplied": position.unapplied_minor,
        "drawn": position.drawn_minor,
        "rows": position.rows,
        "totals": list(zip(position.dues.days, position.dues.totals, strict=True)),
        "dpd": [loan.dpd(day) for day in sample],
        "arrears": [loan.arrears_minor(day) for day in sample],
        "outstanding": [loan.outstanding_minor(day) for day in sample],
        "officer": loan.officer_id,
        "rate": loan.rate_ppm,
    }


def originals_first(commands: list[Command]) -> list[Command]:
    """The same order, but that a reversal waits for its original."""
    waiting = [command for command in commands if isinstance(command, ReverseRepayment)]
    ordered: list[Command] = []
    for command in commands:
        if command in waiting:
            continue
        ordered.append(command)
        ordered += [w for w in waiting if w.reversed_transaction_id == command.transaction_id]
    return ordered


@settings(max_examples=150, deadline=None)
@given(opening=openings(), made=messages(), data=st.data())
def test_any_order_of_arrival_ends_in_the_same_corrected_state(
    opening: OpenLoan, made: list[Command], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(made))
    first, _ = arrive(opening, made)
    second, _ = arrive(opening, originals_first(shuffled))
    assert corrected(second) == corrected(first)


@settings(max_examples=150, deadline=None)
@given(opening=openings(), made=messages())
def test_the_kept_position_equals_a_replay_of_all_entries(
    opening: OpenLoan, made: list[Command]
) -> None:
    loan, _ = arrive(opening, made)
    book = loan.book
    again = replay(book.entries, agreed=book.agreed, schedules={})
    kept = book.position
    assert (again.splits, again.paid, again.drawn_minor, again.unapplied_minor) == (
        kept.splits,
        kept.paid,
        kept.drawn_minor,
        kept.unapplied_minor,
    )
    assert again.rows == kept.rows


@settings(max_examples=150, deadline=None)
@given(opening=openings(), made=messages())
def test_recorded_facts_alone_give_the_state_the_splits_and_balanced_books(
    opening: OpenLoan, made: list[Command]
) -> None:
    loan, recorded = arrive(opening, made)
    told: dict[str, Any] = {}
    balances: dict[str, int] = {}
    for fact in recorded:
        if isinstance(fact, RepaymentReceived):
            told[fact.transaction_id] = fact.split
        elif isinstance(fact, RepaymentsReallocated):
            for change in fact.changes:
                assert told[change.transaction_id] == change.before
                told[change.transaction_id] = change.split
        for posting in postings_of(fact, currency="CNY"):
            balances[posting.account] = balances.get(posting.account, 0) + posting.amount_minor
    again = state_of(recorded)
    assert isinstance(again, Loan)
    assert corrected(again) == corrected(loan)
    position = loan.book.position
    assert {tx: told[tx] for tx in position.splits} == position.splits
    assert sum(balances.values()) == 0
    assert balances.get("assets:loans:principal", 0) == position.principal_minor >= 0
    assert balances.get("liabilities:suspense", 0) == -position.unapplied_minor <= 0
    assert balances.get("income:interest", 0) == -position.paid[3]


@settings(max_examples=100, deadline=None)
@given(opening=openings(), made=messages())
def test_splits_give_back_the_whole_and_decide_changes_nothing(
    opening: OpenLoan, made: list[Command]
) -> None:
    loan, _ = arrive(opening, made)
    amounts = {entry.tie: entry.number for entry in loan.book.repayments.values()}
    for transaction_id, split in loan.book.position.splits.items():
        assert sum(parts_of(split)) == amounts[transaction_id]
        assert min(parts_of(split)) >= 0
    before = corrected(loan)
    extra = ReceiveRepayment(
        transaction_id="extra", value_date=START, amount_minor=777, currency="CNY", **COMMON
    )
    assert decide(loan, extra) == decide(loan, extra)
    assert corrected(loan) == before
