"""Interest by day: earned, penal, compound; booked, corrected and suspended; in any order."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.accrual import books_of, earned_by, earned_minor, penalties_by
from ledger.commands import (
    AccrueInterest,
    ApplyCharge,
    ChangeRate,
    ChangeStatus,
    CloseLoan,
    Command,
    DisburseLoan,
    OpenLoan,
    ReceiveRepayment,
    ReverseRepayment,
)
from ledger.dates import day_number, start_of_day_us
from ledger.decide import check, decide, evolve
from ledger.delinquency import INTEREST, PRINCIPAL
from ledger.loan import Loan
from ledger.position import Position
from ledger.postings import postings_of
from ledger.terms import Grace, Penalty, Roll, Terms

START = date(2023, 11, 15)
NOW = start_of_day_us(date(2027, 1, 1))
COMMON = {"loan_id": "L1", "recorded_at_us": NOW}


def on(offset: int) -> date:
    return START + timedelta(days=offset)


def opening(terms: Terms) -> OpenLoan:
    return OpenLoan(
        borrower_id="B1",
        account_id=None,
        product="sme",
        currency="CNY",
        principal_minor=2_000_000,
        terms=terms,
        officer_id="O1",
        branch="b",
        industry="",
        region="",
        guarantor_id=None,
        transaction_id="open",
        value_date=START,
        **COMMON,
    )


def disburse(offset: int, amount: int, transaction_id: str) -> DisburseLoan:
    return DisburseLoan(
        transaction_id=transaction_id,
        value_date=on(offset),
        amount_minor=amount,
        currency="CNY",
        **COMMON,
    )


def repay(offset: int, amount: int, transaction_id: str) -> ReceiveRepayment:
    return ReceiveRepayment(
        transaction_id=transaction_id,
        value_date=on(offset),
        amount_minor=amount,
        currency="CNY",
        **COMMON,
    )


def close_interest(offset: int) -> AccrueInterest:
    return AccrueInterest(transaction_id=f"close{offset}", value_date=on(offset), **COMMON)


class Run:
    """A loan under commands; every fact must balance."""

    def __init__(self) -> None:
        self.loan: Any = None
        self.balances: dict[str, int] = {}

    def take(self, command: Command) -> None:
        facts = decide(self.loan, command)
        check(self.loan, facts)
        for fact in facts:
            self.loan = evolve(self.loan, fact)
            for posting in postings_of(fact, currency="CNY"):
                known = self.balances.get(posting.account, 0)
                self.balances[posting.account] = known + posting.amount_minor


def arrived(*commands: Command) -> Run:
    run = Run()
    for command in commands:
        run.take(command)
    return run


DAY_COUNTS = st.sampled_from(["30/360", "act/360", "act/365", "act/act"])


@st.composite
def agreed(draw: st.DrawFn) -> Terms:
    """Terms of every kind that interest can depend on."""
    instalments = draw(st.integers(2, 6))
    grace = st.integers(0, instalments - 1)
    method: Any = draw(st.sampled_from(["annuity", "equal_principal", "interest_only"]))
    roll = Roll(convention="following", moves_interest=draw(st.booleans()))
    return Terms(
        method=method,
        instalments=instalments,
        period_days=draw(st.sampled_from([0, 0, 10, 30])),
        rate_ppm=draw(st.integers(0, 300_000)),
        day_count=draw(DAY_COUNTS),
        rounding=draw(st.sampled_from(["half_up", "half_even", "down", "up"])),
        grace=Grace(
            principal_instalments=draw(grace),
            interest_instalments=draw(grace),
            interest_free_instalments=draw(grace),
            arrears_days=draw(st.sampled_from([0, 0, 5])),
        ),
        roll=draw(st.sampled_from([None, roll])),
        penalty=draw(
            st.none()
            | st.builds(
                Penalty,
                markup_ppm=st.sampled_from([0, 500_000]),
                spread_ppm=st.sampled_from([0, 20_000]),
                misuse_markup_ppm=st.sampled_from([0, 1_000_000]),
                compound=st.booleans(),
            )
        ),
        recognition=draw(st.sampled_from(["received", "accrued"])),
        suspend_after_days=draw(st.sampled_from([20, 90])),
    )


@settings(max_examples=80, deadline=None)
@given(terms=agreed(), second=st.integers(1, 25), rate=st.integers(0, 300_000))
def test_what_is_earned_grows_day_by_day_and_ends_as_the_interest_of_all_rows(
    terms: Terms, second: int, rate: int
) -> None:
    run = arrived(opening(terms), disburse(0, 1_000_000, "a"))
    last = (run.loan.book.position.rows[-1].due_date - START).days
    middle = min(second, last - 2)
    changed = ChangeRate(transaction_id="r", value_date=on(middle), rate_ppm=rate, **COMMON)
    run = arrived(opening(terms), disburse(0, 1_000_000, "a"), changed)
    book = run.loan.book
    position = book.after(book.entries)
    begin = day_number(START)
    days = [earned_minor(terms, position, book.entries, begin + n) for n in range(last + 40)]
    assert earned_by(run.loan, begin + middle + 1) == days[middle + 1]
    assert days == sorted(days)
    assert days[0] == 0
    assert days[-1] == sum(row.interest_minor for row in run.loan.book.position.rows)


def test_interest_of_single_days_is_exact() -> None:
    # 3650.00 at 10 % under ACT/365 is 1.00 a day; 20 days, then 10 days at 20 %.
    terms = Terms(method="bullet", instalments=1, rate_ppm=100_000, day_count="act/365")
    changed = ChangeRate(transaction_id="r", value_date=on(20), rate_ppm=200_000, **COMMON)
    loan = arrived(opening(terms), disburse(0, 365_000, "a"), changed).loan
    days = [earned_by(loan, day_number(on(offset))) for offset in (0, 1, 19, 20, 21, 30, 31, 99)]
    assert days == [0, 100, 1_900, 2_000, 2_200, 4_000, 4_000, 4_000]


def by_hand(loan: Loan, terms: Terms, offset: int) -> tuple[Fraction, Fraction]:
    """Penalty and compound interest day by day in exact fractions, under ACT/365."""
    penalty = terms.penalty
    assert penalty is not None
    contract = Fraction(terms.rate_ppm, 10**6)
    penal = contract * (1 + Fraction(penalty.markup_ppm, 10**6)) + Fraction(
        penalty.spread_ppm, 10**6
    )
    sums = [Fraction(0), Fraction(0)]
    for day in range(day_number(START), day_number(on(offset))):
        at = loan.book.at(day)
        due = at.dues.due_by(day)
        spared = at.dues.due_by(day - terms.grace.arrears_days)
        whole = max(0, due[PRINCIPAL] - at.paid[PRINCIPAL])
        late = max(0, spared[PRINCIPAL] - at.paid[PRINCIPAL])
        sums[0] += (late * penal + (whole - late) * contract) / 365
        if penalty.compound:
            sums[1] += max(0, spared[INTEREST] - at.paid[INTEREST]) * penal / 365
    return sums[0], sums[1]


@settings(max_examples=25, deadline=None)
@given(
    rate=st.integers(1, 300_000),
    markup=st.sampled_from([0, 300_000, 500_000]),
    spread=st.sampled_from([0, 50_000]),
    compound=st.booleans(),
    grace=st.sampled_from([0, 3, 40]),
    paid=st.lists(st.tuples(st.integers(20, 150), st.integers(1, 400_000)), max_size=4),
)
def test_penalty_and_compound_interest_equal_a_count_of_single_days(
    rate: int, markup: int, spread: int, compound: bool, grace: int, paid: list[tuple[int, int]]
) -> None:
    terms = Terms(
        method="equal_principal",
        instalments=3,
        rate_ppm=rate,
        day_count="act/365",
        grace=Grace(arrears_days=grace),
        penalty=Penalty(markup_ppm=markup, spread_ppm=spread, compound=compound),
    )
    run = arrived(opening(terms), disburse(0, 1_000_000, "a"))
    for n, (offset, amount) in enumerate(sorted(paid)):
        run.take(repay(offset, amount, f"in{n}"))
    said = penalties_by(run.loan, day_number(on(160)))
    exact = by_hand(run.loan, terms, 160)
    half = Fraction(1, 2)
    assert tuple(int(part + half) for part in exact) == said


MONEY = st.lists(st.tuples(st.integers(1, 200), st.integers(1, 500_000)), max_size=5)


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[Terms, list[Command], list[Command]]:
    """Terms, and the same facts in two orders of arrival; closings keep their own order."""
    terms = draw(agreed())
    loose: list[Command] = [
        repay(offset, amount, f"in{n}") for n, (offset, amount) in enumerate(draw(MONEY))
    ]
    for n, (offset, active) in enumerate(
        draw(st.lists(st.tuples(st.integers(0, 200), st.booleans()), max_size=2))
    ):
        finding: Any = draw(st.sampled_from(["misuse_of_funds", "credit_impaired"]))
        loose.append(
            ChangeStatus(
                transaction_id=f"found{n}",
                value_date=on(offset),
                finding=finding,
                active=active,
                reason="",
                **COMMON,
            )
        )
    for n, (offset, wait) in enumerate(
        draw(st.lists(st.tuples(st.integers(0, 150), st.integers(0, 30)), max_size=1))
    ):
        loose.append(
            ApplyCharge(
                transaction_id=f"fee{n}",
                value_date=on(offset),
                kind=draw(st.sampled_from(["fees", "penalty"])),
                amount_minor=777,
                currency="CNY",
                due_date=on(offset + wait),
                **COMMON,
            )
        )
    closings = [close_interest(o) for o in sorted(draw(st.sets(st.integers(5, 200), max_size=3)))]
    if not (terms.penalty or terms.recognition == "accrued"):
        closings = []
    orders = []
    for _ in range(2):
        mixed = list(draw(st.permutations(loose)))
        places = sorted(draw(st.integers(0, len(mixed))) for _ in closings)
        for place, closing in sorted(zip(places, closings, strict=True), key=lambda p: -p[0]):
            mixed.insert(place, closing)
        closed = iter(closings)
        orders.append([next(closed) if isinstance(c, AccrueInterest) else c for c in mixed])
    undone = [
        ReverseRepayment(
            transaction_id=f"undo{n}",
            value_date=on(300),
            reversed_transaction_id=command.transaction_id,
            reason="bounced",
            **COMMON,
        )
        for n, command in enumerate(loose)
        if isinstance(command, ReceiveRepayment) and draw(st.integers(0, 3)) == 0
    ]
    begin: list[Command] = [opening(terms), disburse(0, 1_000_000, "a")]
    return terms, [*begin, *orders[0], *undone], [*begin, *orders[1], *undone]


def replayed(loan: Loan) -> Position:
    return loan.book.after(loan.book.entries)


def settled(loan: Loan) -> object:
    """What is booked, whichever fact brought it there last."""
    return loan.booked._replace(until=0)


@settings(max_examples=60, deadline=None)
@given(case=arrivals())
def test_interest_ends_the_same_whatever_the_order_of_arrival(case: Any) -> None:
    _, first, second = case
    one, other = arrived(*first), arrived(*second)
    assert settled(one.loan) == settled(other.loan)
    assert one.loan.book.position.splits == other.loan.book.position.splits
    assert Counter(one.balances) == Counter(other.balances)
    assert sum(one.balances.values()) == 0
    for offset in range(0, 330, 30):
        day = day_number(on(offset))
        assert one.loan.dpd(day) == other.loan.dpd(day)
        assert one.loan.arrears_minor(day) == other.loan.arrears_minor(day)
        assert penalties_by(one.loan, day + 1) == penalties_by(other.loan, day + 1)


@settings(max_examples=60, deadline=None)
@given(case=arrivals(), data=st.data())
def test_a_write_off_may_come_before_facts_that_count_before_it(
    case: Any, data: st.DataObject
) -> None:
    _, first, _ = case
    ended = CloseLoan(transaction_id="end", value_date=on(250), reason="written_off", **COMMON)
    plain = arrived(*first, ended)
    closings = [n for n, command in enumerate(first) if isinstance(command, AccrueInterest)]
    at = data.draw(st.integers(max([1, *closings]) + 1, len(first)))
    early = arrived(*first[:at], ended, *first[at:])
    assert Counter(early.balances) == Counter(plain.balances)
    assert early.loan.remaining == plain.loan.remaining
    assert settled(early.loan) == settled(plain.loan)


@settings(max_examples=40, deadline=None)
@given(case=arrivals())
def test_after_every_command_the_books_hold_what_they_should(case: Any) -> None:
    terms, commands, _ = case
    run = Run()
    for command in commands:
        run.take(command)
        loan, balances = run.loan, run.balances
        booked, position = loan.booked, loan.book.position
        if not loan.book.accrues:
            assert booked.penalties == {}
            continue
        assert settled(loan) == books_of(loan, replayed(loan))._replace(until=0)
        again = loan.book.after(loan.book.entries)
        for day in again.dues.days:
            assert position.dues.due_by(day) == again.dues.due_by(day)
        assert (position.paid, position.splits) == (again.paid, again.splits)
        assert balances.get("assets:receivable:interest", 0) == booked.interest_minor
        off = booked.suspended_interest_minor + booked.suspended_penalty_minor
        assert balances.get("equity:off_balance:interest", 0) == off
        assert balances.get("equity:off_balance:contra", 0) == -off
        if terms.recognition == "accrued":
            income = balances.get("income:interest", 0) + balances.get("income:interest_accrued", 0)
            until = books_of(loan, replayed(loan)).until
            held = booked.interest_minor + position.paid[INTEREST]
            assert -income == held
            assert held + booked.suspended_interest_minor == earned_by(loan, until)


def test_what_a_reversal_changes_of_interest_counts_from_the_original_too() -> None:
    terms = Terms(
        method="interest_only",
        instalments=3,
        rate_ppm=100_000,
        day_count="act/360",
        recognition="accrued",
    )
    # 10,000.00 at 10 % under ACT/360 for the 30 days to 15 December: 83.33.
    run = arrived(opening(terms), disburse(0, 1_000_000, "a"), close_interest(29))
    run.take(repay(30, 8_333, "in"))
    undone = ReverseRepayment(
        transaction_id="undo",
        value_date=on(40),
        reversed_transaction_id="in",
        reason="bounced",
        **COMMON,
    )
    reversed_fact, accrued = decide(run.loan, undone)
    assert (reversed_fact.value_date, reversed_fact.noticed_date) == (on(30), on(40))
    assert (accrued.value_date, accrued.interest_minor) == (on(30), 8_333)
