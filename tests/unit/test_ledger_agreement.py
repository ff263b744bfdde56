"""The ledger's own answers about a loan equal the vectorised engine's, day by day, by ==."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from math import isnan
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.commands import (
    AccrueInterest,
    ApplyCharge,
    Command,
    DisburseLoan,
    OpenLoan,
    ReceiveRepayment,
    ReverseRepayment,
    ScheduleInstalments,
)
from ledger.dates import day_number, start_of_day_us
from ledger.decide import decide, evolve
from ledger.loan import Loan
from ledger.store import Recorded
from ledger.terms import Instalment, Penalty, Terms
from warning.engine import Engine

START = date(2024, 1, 1)
END = 330
NAMES = ["dpd_days", "arrears_minor", "outstanding_minor"]
COMMON = {"recorded_at_us": start_of_day_us(date(2026, 1, 1)), "loan_id": "L1", "currency": "CNY"}


def on(offset: int) -> date:
    return START + timedelta(days=offset)


def opening(method: Any) -> OpenLoan:
    return OpenLoan(
        borrower_id="B1",
        account_id=None,
        product="sme",
        principal_minor=10_000,
        terms=Terms(method=method, instalments=8, rate_ppm=94_822),
        officer_id="O1",
        branch="b",
        industry="",
        region="",
        guarantor_id=None,
        transaction_id="open",
        value_date=START,
        **COMMON,
    )


def schedule(number: int, offset: int, amounts: list[int]) -> ScheduleInstalments:
    rows = tuple(
        Instalment(
            number=n, due_date=on(30 * n), principal_minor=amount, interest_minor=amount // 9
        )
        for n, amount in enumerate(amounts, start=1)
    )
    return ScheduleInstalments(
        transaction_id=f"plan{number}", value_date=on(offset), instalments=rows, **COMMON
    )


@st.composite
def arrivals(draw: st.DrawFn) -> list[Command]:
    """One loan's messages as they arrive: schedules in order, the rest early or late."""
    given_plan = draw(st.booleans())
    loose: list[Command] = []
    for n in range(draw(st.integers(1, 2))):
        day = on(draw(st.integers(0, 60)))
        loose.append(
            DisburseLoan(transaction_id=f"out{n}", value_date=day, amount_minor=5_000, **COMMON)
        )
    for n, (day, wait) in enumerate(draw(st.lists(DAYS, max_size=3))):
        loose.append(
            ApplyCharge(
                transaction_id=f"fee{n}",
                value_date=on(day),
                kind="fees",
                amount_minor=50 + n,
                due_date=on(day + wait),
                **COMMON,
            )
        )
    for n, (day, amount) in enumerate(draw(st.lists(MONEY, max_size=7))):
        loose.append(
            ReceiveRepayment(
                transaction_id=f"in{n}", value_date=on(day), amount_minor=amount, **COMMON
            )
        )
    commands = list(draw(st.permutations(loose)))
    if given_plan:
        plans = draw(st.lists(st.lists(st.integers(0, 1_200), min_size=1, max_size=8), max_size=3))
        days = sorted(draw(st.lists(st.integers(0, 200), min_size=len(plans), max_size=len(plans))))
        for n, (day, amounts) in enumerate(zip(days, plans, strict=True)):
            commands.insert(len(commands) * (n + 1) // 4, schedule(n, day, amounts))
    return [opening("given" if given_plan else "annuity"), *commands]


DAYS = st.tuples(st.integers(0, 250), st.integers(0, 30))
MONEY = st.tuples(st.integers(0, 300), st.integers(1, 3_000))


def arrived(commands: list[Command]) -> tuple[Loan, list[Recorded]]:
    state: Any = None
    recorded: list[Recorded] = []
    for command in commands:
        for fact in decide(state, command):
            state = evolve(state, fact)
            version = len(recorded) + 1
            recorded.append(Recorded(version, "loan:L1", version, fact))
    assert isinstance(state, Loan)
    return state, recorded


def differences(loan: Loan, engine: Engine, offset: int) -> list[object]:
    day = day_number(on(offset))
    engine.advance(day)
    values = engine.values(NAMES)
    said = [float(values[name][0]) for name in NAMES]
    held = [loan.dpd(day), loan.arrears_minor(day), loan.outstanding_minor(day)]
    if isnan(said[0]):  # no schedule counts yet: unknown to the engine
        return [] if held[:2] == [0, 0] else [offset, said, held]
    return [] if said[:2] == held[:2] else [offset, said, held]


@settings(max_examples=60, deadline=None)
@given(commands=arrivals())
def test_day_counts_and_arrears_equal_the_engines_on_every_day(commands: list[Command]) -> None:
    loan, recorded = arrived(commands)
    engine = Engine()
    engine.apply(recorded)
    assert [d for n in range(0, END, 5) if (d := differences(loan, engine, n))] == []
    last = engine.values(["outstanding_minor"])["outstanding_minor"][0]
    assert last == loan.outstanding_minor(engine.day)


@settings(max_examples=40, deadline=None)
@given(commands=arrivals(), data=st.data())
def test_they_are_equal_again_once_a_reversal_is_noticed(
    commands: list[Command], data: st.DataObject
) -> None:
    repayments = [c.transaction_id for c in commands if isinstance(c, ReceiveRepayment)]
    for original in data.draw(st.lists(st.sampled_from(repayments or [""]), unique=True)):
        if original:
            undone = ReverseRepayment(
                transaction_id=f"undo-{original}",
                value_date=on(END),
                recorded_at_us=start_of_day_us(date(2026, 1, 1)),
                loan_id="L1",
                reversed_transaction_id=original,
                reason="bounced",
            )
            commands = [*commands, undone]
    loan, recorded = arrived(commands)
    engine = Engine()
    engine.apply(recorded)
    assert differences(loan, engine, END) == []
    last = engine.values(["outstanding_minor"])["outstanding_minor"][0]
    assert last == loan.outstanding_minor(day_number(on(END)))


@st.composite
def overdue(draw: st.DrawFn) -> list[Command]:
    """As `arrivals`, of a loan whose arrears bear penalty interest; closings in their order."""
    opened = opening(draw(st.sampled_from(["annuity", "equal_principal"])))
    penalty = Penalty(markup_ppm=500_000, compound=True)
    terms = replace(
        opened.terms, penalty=penalty, recognition="accrued", rate_ppm=300_000, instalments=4
    )
    loose: list[Command] = [
        DisburseLoan(transaction_id="out", value_date=on(0), amount_minor=9_000, **COMMON)
    ]
    for n, (day, amount) in enumerate(draw(st.lists(MONEY, max_size=6))):
        loose.append(
            ReceiveRepayment(
                transaction_id=f"in{n}", value_date=on(day), amount_minor=amount, **COMMON
            )
        )
    commands = [loose[0], *draw(st.permutations(loose[1:]))]
    common = {key: value for key, value in COMMON.items() if key != "currency"}
    latest = len(commands)
    for day in sorted(draw(st.sets(st.integers(20, 300), max_size=4)), reverse=True):
        at = draw(st.integers(1, latest))
        closing = AccrueInterest(transaction_id=f"close{day}", value_date=on(day), **common)
        commands.insert(at, closing)
        latest = at
    return [replace(opened, terms=terms), *commands]


@settings(max_examples=40, deadline=None)
@given(commands=overdue())
def test_penalty_interest_counts_in_the_engine_as_in_the_ledger(commands: list[Command]) -> None:
    loan, recorded = arrived(commands)
    engine = Engine()
    engine.apply(recorded)
    assert [d for n in range(0, END, 5) if (d := differences(loan, engine, n))] == []
    last = engine.values(["outstanding_minor"])["outstanding_minor"][0]
    assert last == loan.outstanding_minor(engine.day)
