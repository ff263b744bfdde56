"""Changes of a loan in any order of arrival: the same corrected state, and the engine agrees.

Commands that are refused in one order and not in another are about different books; such examples
are left out, so what is compared took in the same commands.
"""

from __future__ import annotations

from datetime import date, timedelta
from math import isnan
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ledger.arrears import Materiality, delinquent_days, due_arrears, material_days
from ledger.change_commands import (
    CapitaliseArrears,
    ChargeBack,
    PauseDelinquency,
    RefundOverpayment,
    ResumeDelinquency,
    ReviseLoan,
)
from ledger.commands import (
    ApplyCharge,
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
from ledger.errors import LoanError
from ledger.events import Designation, RepaymentReceived, RepaymentsReallocated
from ledger.loan import Loan
from ledger.postings import postings_of
from ledger.replay import replay
from ledger.store import Recorded
from ledger.terms import LEGAL_ORDER, Grace, Instalment, Revision, Terms
from warning.batch import fold
from warning.engine import Engine

START = date(2024, 1, 1)
COMMON = {"recorded_at_us": start_of_day_us(date(2026, 6, 1)), "loan_id": "L1"}
CNY = {"currency": "CNY"} | COMMON
NAMES = ["dpd_days", "arrears_minor", "outstanding_minor"]
LATEST = 400


def on(offset: int) -> date:
    return START + timedelta(days=offset)


@st.composite
def openings(draw: st.DrawFn) -> OpenLoan:
    terms = Terms(
        method=draw(st.sampled_from(["annuity", "equal_principal", "interest_only", "given"])),
        instalments=draw(st.integers(4, 9)),
        rate_ppm=draw(st.sampled_from([0, 120_000])),
        allocation=tuple(draw(st.permutations(LEGAL_ORDER))),
        direction=draw(st.sampled_from(["component", "stage", "instalment"])),
        principal_first_after_days=draw(st.sampled_from([None, 20])),
        grace=Grace(arrears_days=draw(st.sampled_from([0, 4]))),
    )
    return OpenLoan(
        borrower_id="B1",
        account_id=None,
        product="sme",
        principal_minor=90_000,
        terms=terms,
        officer_id="O1",
        branch="north",
        industry="",
        region="",
        guarantor_id=None,
        transaction_id="open",
        value_date=START,
        **CNY,
    )


def rows(draw: st.DrawFn) -> tuple[Instalment, ...]:
    amounts = draw(st.lists(st.integers(1_000, 9_000), min_size=3, max_size=6))
    return tuple(
        Instalment(
            number=n, due_date=on(25 * n), principal_minor=amount, interest_minor=amount // 20
        )
        for n, amount in enumerate(amounts, start=1)
    )


@st.composite
def changes(draw: st.DrawFn) -> list[Command]:
    """Facts of one loan, changes among them; reversals and chargebacks name repayments of it."""
    made: list[Command] = []
    day = st.integers(0, 250)

    def add(ask: type[Any], name: str, offset: int, **fields: Any) -> None:
        made.append(ask(transaction_id=name, value_date=on(offset), **fields, **COMMON))

    for n in range(draw(st.integers(1, 2))):
        offset, amount = draw(st.integers(0, 20)), draw(st.integers(20_000, 45_000))
        add(DisburseLoan, f"out{n}", offset, amount_minor=amount, currency="CNY")
    for n in range(draw(st.integers(1, 6))):
        designated = draw(st.sampled_from([None, "principal", "fees"]))
        add(
            ReceiveRepayment,
            f"in{n}",
            draw(day),
            amount_minor=draw(st.integers(500, 30_000)),
            currency="CNY",
            designated=designated and (Designation(component=designated, amount_minor=500),),
            prepayment=draw(st.sampled_from([None, None, "reduce_instalment", "reduce_term"])),
        )
    for n in range(draw(st.integers(0, 2))):
        offset = draw(day)
        add(
            ApplyCharge,
            f"fee{n}",
            offset,
            kind="fees",
            amount_minor=draw(st.integers(1, 2_000)),
            currency="CNY",
            due_date=on(offset + draw(st.integers(0, 20))),
        )
    for n, kind in enumerate(draw(st.lists(st.sampled_from("abcdefgh"), max_size=4))):
        _one_change(draw, add, f"x{n}", kind)
    return list(draw(st.permutations(made)))


def _one_change(draw: st.DrawFn, add: Any, name: str, kind: str) -> None:
    offset = draw(st.integers(30, 250))
    amount = {"amount_minor": draw(st.integers(1, 6_000)), "currency": "CNY"}
    if kind == "a":
        revision = Revision(
            instalments=draw(st.integers(2, 8)),
            rate_ppm=draw(st.sampled_from([None, 60_000])),
            interest_only=draw(st.sampled_from([0, 1])),
        )
        how = draw(st.sampled_from(["extended", "restructured"]))
        add(
            ReviseLoan,
            name,
            offset,
            kind=how,
            currency="CNY",
            revision=revision,
            instalments=(),
            reason="",
        )
    elif kind == "b":
        add(CapitaliseArrears, name, offset, **amount)
    elif kind == "c":
        add(PauseDelinquency, name, offset, until=on(offset + 30), reason="")
    elif kind == "d":
        add(ResumeDelinquency, name, offset)
    elif kind == "e":
        add(RefundOverpayment, name, offset, **amount)
    elif kind == "f":
        add(ChargeBack, name, offset, charged_back_transaction_id="in0", **amount)
    elif kind == "g":
        undone = {"reversed_transaction_id": "in0", "reason": "bounced"}
        add(ReverseRepayment, name, LATEST, **undone)
    else:
        add(ChangeRate, name, offset, rate_ppm=draw(st.integers(0, 150_000)))
        add(ScheduleInstalments, f"{name}s", offset + 1, instalments=rows(draw), currency="CNY")


def arrive(opening: OpenLoan, commands: list[Command]) -> tuple[Loan, list[Any], set[str]]:
    """The loan, its facts, and the commands that were taken."""
    state: Any = None
    recorded: list[Any] = []
    taken: set[str] = set()
    for command in [opening, *commands]:
        try:
            facts = decide(state, command)
        except LoanError:
            continue
        check(state, facts)
        taken.add(command.transaction_id)
        for fact in facts:
            state = evolve(state, fact)
        recorded += facts
    assert isinstance(state, Loan)
    return state, recorded, taken


def corrected(loan: Loan) -> dict[str, Any]:
    """Everything that must not depend on the order of arrival."""
    position = loan.book.position
    sample = [day_number(START) + offset for offset in range(0, LATEST + 40, 29)]
    limits = Materiality(absolute_minor=300, relative_ppm=10_000)
    return {
        "splits": position.splits,
        "paid": position.paid,
        "unapplied": position.unapplied_minor,
        "drawn": position.drawn_minor,
        "rows": position.rows,
        "dpd": [loan.dpd(day) for day in sample],
        "delinquent": [delinquent_days(loan, day) for day in sample],
        "arrears": [loan.arrears_minor(day) for day in sample],
        "outstanding": [loan.outstanding_minor(day) for day in sample],
        "history": due_arrears(loan, sample[-1]),
        "material": material_days(loan, sample[-1], limits),
        "rate": loan.rate_ppm,
        "findings": loan.findings,
    }


SETTINGS = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much]
)


@SETTINGS
@given(opening=openings(), made=changes(), data=st.data())
def test_any_order_of_arrival_ends_in_the_same_corrected_state(
    opening: OpenLoan, made: list[Command], data: st.DataObject
) -> None:
    first, _, taken = arrive(opening, made)
    again = data.draw(st.permutations([c for c in made if c.transaction_id in taken]))
    second, _, also = arrive(opening, again)
    assume(also == taken)
    assert corrected(second) == corrected(first)


@SETTINGS
@given(opening=openings(), made=changes())
def test_facts_alone_give_the_state_and_the_kept_position_equals_a_replay(
    opening: OpenLoan, made: list[Command]
) -> None:
    loan, recorded, _ = arrive(opening, made)
    again = state_of(recorded)
    assert isinstance(again, Loan)
    assert corrected(again) == corrected(loan)
    book, kept = loan.book, loan.book.position
    anew = replay(book.entries, agreed=book.agreed, schedules={})
    assert (anew.splits, anew.paid, anew.drawn_minor, anew.unapplied_minor, anew.rows) == (
        kept.splits,
        kept.paid,
        kept.drawn_minor,
        kept.unapplied_minor,
        kept.rows,
    )


@SETTINGS
@given(opening=openings(), made=changes())
def test_the_books_balance_and_hold_what_the_loan_does(
    opening: OpenLoan, made: list[Command]
) -> None:
    loan, recorded, _ = arrive(opening, made)
    balances: dict[str, int] = {}
    told: dict[str, Any] = {}
    for fact in recorded:
        if isinstance(fact, RepaymentReceived):
            told[fact.transaction_id] = fact.split
        elif isinstance(fact, RepaymentsReallocated):
            for change in fact.changes:
                assert told.get(change.transaction_id, change.before) == change.before
                told[change.transaction_id] = change.split
        for posting in postings_of(fact, currency="CNY"):
            balances[posting.account] = balances.get(posting.account, 0) + posting.amount_minor
        assert sum(balances.values()) == 0
    position = loan.book.position
    assert balances.get("assets:loans:principal", 0) == position.principal_minor >= 0
    assert balances.get("liabilities:suspense", 0) == -position.unapplied_minor
    assert min(position.paid) >= 0


@SETTINGS
@given(opening=openings(), made=changes())
def test_the_engine_and_the_batch_fold_agree_with_the_ledger(
    opening: OpenLoan, made: list[Command]
) -> None:
    """With reversals noticed last: until then the engine does not know of them."""
    made.sort(key=lambda command: isinstance(command, ReverseRepayment))
    loan, facts, _ = arrive(opening, made)
    recorded = [Recorded(n, "loan:L1", n, fact) for n, fact in enumerate(facts, start=1)]
    engine = Engine()
    engine.apply(recorded)
    day = day_number(on(LATEST))
    engine.advance(day)
    values = engine.values(NAMES)
    said = [float(values[name][0]) for name in NAMES]
    held = [loan.dpd(day), loan.arrears_minor(day), loan.outstanding_minor(day)]
    if isnan(said[0]):
        assert held[:2] == [0, 0]
    else:
        assert said == held
    again = fold(recorded, day, [*NAMES, "worst_dpd_12m_days"])
    live = engine.values([*NAMES, "worst_dpd_12m_days"])
    for name, column in again.items():
        assert float(column[0]) == float(live[name][0]) or isnan(column[0]), name
