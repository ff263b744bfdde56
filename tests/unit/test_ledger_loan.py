"""What commands to a loan become, and which rule refuses one: given facts, when, then."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ledger.commands import (
    ApplyCharge,
    ChangeGuarantor,
    ChangeLimit,
    ChangeOfficer,
    ChangeRate,
    ChangeStatus,
    CloseLoan,
    Command,
    DisburseLoan,
    OpenLoan,
    ReceiveRepayment,
    ReportPosition,
    ReverseRepayment,
    ScheduleInstalments,
)
from ledger.dates import day_number, start_of_day_us
from ledger.decide import check, decide, evolve, state_of
from ledger.errors import (
    AlreadyOpen,
    CurrencyMismatch,
    DateOutOfRange,
    InvalidAmount,
    InvariantBroken,
    LoanError,
    RuleRefused,
    TransactionConflict,
    UnknownEntity,
)
from ledger.events import (
    InstalmentsScheduled,
    LoanClosed,
    LoanDisbursed,
    LoanOpened,
    RepaymentReceived,
    RepaymentReversed,
    RepaymentsReallocated,
)
from ledger.loan import Loan
from ledger.terms import Instalment, Split, Terms

JAN = date(2024, 1, 1)
FEB = date(2024, 2, 1)
MAR = date(2024, 3, 1)
NOW = start_of_day_us(date(2024, 6, 1))
ANNUITY = Terms(method="annuity", instalments=6, rate_ppm=94_822)


def command(ask: type[Command], transaction_id: str, day: date, **fields: Any) -> Any:
    return ask(
        transaction_id=transaction_id,
        value_date=day,
        recorded_at_us=fields.pop("at", NOW),
        loan_id="L1",
        **fields,
    )


def opening(**changes: Any) -> OpenLoan:
    fields: dict[str, Any] = {
        "borrower_id": "B1",
        "account_id": "A1",
        "product": "sme",
        "currency": "CNY",
        "principal_minor": 10_000,
        "terms": ANNUITY,
        "officer_id": "O1",
        "branch": "north",
        "industry": "trade",
        "region": "",
        "guarantor_id": None,
    }
    return command(OpenLoan, "open", JAN, **(fields | changes))


def disburse(amount: int = 10_000, day: date = JAN, *, of: str = "pay-out") -> DisburseLoan:
    return command(DisburseLoan, of, day, amount_minor=amount, currency="CNY")


def repay(transaction_id: str, amount: int, day: date, currency: str = "CNY") -> ReceiveRepayment:
    return command(ReceiveRepayment, transaction_id, day, amount_minor=amount, currency=currency)


def reverse(original: str, day: date, transaction_id: str = "undo") -> ReverseRepayment:
    return command(
        ReverseRepayment, transaction_id, day, reversed_transaction_id=original, reason="bounced"
    )


def charge(day: date, due: date, kind: str = "fees") -> ApplyCharge:
    fields = {"kind": kind, "amount_minor": 50, "currency": "CNY", "due_date": due}
    return command(ApplyCharge, "fee", day, **fields)


def rows(*amounts: tuple[date, int, int]) -> tuple[Instalment, ...]:
    return tuple(
        Instalment(number=n, due_date=day, principal_minor=principal, interest_minor=interest)
        for n, (day, principal, interest) in enumerate(amounts, start=1)
    )


def schedule(instalments: tuple[Instalment, ...], day: date, of: str = "plan") -> Any:
    return command(ScheduleInstalments, of, day, currency="CNY", instalments=instalments)


def loan_after(*commands: Command) -> Loan:
    state: Any = None
    for each in commands:
        facts = decide(state, each)
        check(state, facts)
        for fact in facts:
            state = evolve(state, fact)
    assert isinstance(state, Loan)
    return state


def test_a_disbursement_is_followed_by_the_schedule_it_generates() -> None:
    disbursed, scheduled = decide(loan_after(opening()), disburse())
    assert isinstance(disbursed, LoanDisbursed)
    assert isinstance(scheduled, InstalmentsScheduled)
    assert (scheduled.origin, scheduled.schedule_version) == ("generated", 1)
    assert scheduled.transaction_id == disbursed.transaction_id == "pay-out"
    assert sum(row.principal_minor for row in scheduled.instalments) == 10_000


def test_a_loan_whose_schedule_is_given_generates_none() -> None:
    given = loan_after(opening(terms=Terms(method="given", instalments=0)))
    assert len(decide(given, disburse())) == 1
    plan = schedule(rows((FEB, 10_000, 79)), JAN)
    both = loan_after(opening(), plan)
    assert len(decide(both, disburse())) == 1
    after = loan_after(opening(), disburse(4_000), plan, disburse(6_000, FEB, of="second"))
    assert after.book.position.rows == plan.instalments
    assert after.schedule_version == 2


def test_a_second_disbursement_and_a_change_of_rate_replace_the_generated_schedule() -> None:
    loan = loan_after(opening(), disburse(4_000), disburse(6_000, date(2024, 2, 15), of="second"))
    assert loan.schedule_version == 2
    assert sum(row.principal_minor for row in loan.book.position.rows) == 10_000
    facts = decide(loan, command(ChangeRate, "rate", MAR, rate_ppm=120_000))
    assert [type(fact).__name__ for fact in facts] == ["LoanRateChanged", "InstalmentsScheduled"]
    assert facts[1].instalments[0] == loan.book.position.rows[0]
    assert facts[1].instalments[3].interest_minor > loan.book.position.rows[3].interest_minor


def test_a_rate_that_changes_nothing_leaves_the_schedule_alone() -> None:
    loan = loan_after(opening(), disburse())
    assert len(decide(loan, command(ChangeRate, "rate", FEB, rate_ppm=94_822))) == 1


def test_a_repayment_meets_interest_before_principal_and_leaves_no_arrears() -> None:
    (received,) = decide(loan_after(opening(), disburse()), repay("R1", 1_713, FEB))
    assert received.split == Split(interest_minor=79, principal_minor=1_634)
    loan = loan_after(opening(), disburse(), repay("R1", 1_713, FEB))
    assert loan.dpd(day_number(date(2024, 2, 20))) == 0
    assert loan.outstanding_minor(day_number(FEB)) == 8_366
    assert loan.outstanding_minor(day_number(JAN)) == 10_000


def test_a_backdated_repayment_takes_its_place_and_later_splits_follow() -> None:
    loan = loan_after(opening(), disburse(), repay("R2", 1_713, date(2024, 2, 20)))
    received, reallocated = decide(loan, repay("R1", 79, date(2024, 2, 10)))
    assert received.split == Split(interest_minor=79)
    assert isinstance(reallocated, RepaymentsReallocated)
    assert reallocated.transaction_id == "R1"
    (change,) = reallocated.changes
    assert (change.transaction_id, change.before) == (
        "R2",
        Split(interest_minor=79, principal_minor=1_634),
    )
    assert change.split == Split(interest_minor=66, principal_minor=1_647)


def test_a_reversal_counts_from_the_originals_value_date_and_re_derives_the_rest() -> None:
    loan = loan_after(opening(), disburse(), repay("R1", 1_713, FEB), repay("R2", 100, MAR))
    noticed = date(2024, 3, 4)
    undone, reallocated = decide(loan, reverse("R1", noticed))
    assert isinstance(undone, RepaymentReversed)
    assert (undone.value_date, undone.noticed_date) == (FEB, noticed)
    assert undone.split == Split(interest_minor=79, principal_minor=1_634)
    assert reallocated.value_date == FEB
    assert reallocated.changes[0].split == Split(interest_minor=100)
    after = loan_after(
        opening(),
        disburse(),
        repay("R1", 1_713, FEB),
        repay("R2", 100, MAR),
        reverse("R1", noticed),
    )
    assert after.dpd(day_number(date(2024, 2, 20))) == 19
    assert after.arrears_minor(day_number(date(2024, 3, 4))) == 2 * 1_713 - 100


def test_the_reversal_of_the_last_repayment_touches_no_other() -> None:
    loan = loan_after(opening(), disburse(), repay("R1", 1_713, FEB), repay("R2", 100, MAR))
    assert len(decide(loan, reverse("R2", MAR))) == 1


def test_money_without_a_due_waits_and_is_applied_when_one_comes() -> None:
    loan = loan_after(opening(), repay("early", 100, JAN))
    assert loan.book.position.unapplied_minor == 100
    _, _, reallocated = decide(loan, disburse())
    assert reallocated.changes[0].split == Split(interest_minor=79, principal_minor=21)
    over = loan_after(opening(), disburse(), repay("all", 20_000, FEB))
    assert over.outstanding_minor(day_number(FEB)) == 0
    charged, moved = decide(over, charge(MAR, MAR))
    before = over.book.position.unapplied_minor
    assert moved.changes[0].split.fees_minor == 50
    assert moved.changes[0].split.unapplied_minor == before - 50
    assert charged.kind == "fees"


def test_a_charge_of_the_same_day_is_met_whichever_of_the_two_arrives_first() -> None:
    fee = charge(FEB, FEB)
    one = loan_after(opening(), disburse(), fee, repay("R1", 1_713, FEB))
    other = loan_after(opening(), disburse(), repay("R1", 1_713, FEB), fee)
    expected = Split(fees_minor=50, interest_minor=79, principal_minor=1_584)
    assert one.book.position.splits == other.book.position.splits == {"R1": expected}


def test_a_schedule_of_today_leaves_the_splits_of_yesterday_alone() -> None:
    loan = loan_after(opening(), disburse(), repay("R1", 1_713, FEB))
    plan = rows((FEB, 1_000, 713), (date(2024, 9, 1), 9_000, 300))
    assert len(decide(loan, schedule(plan, MAR))) == 1
    after = loan_after(opening(), disburse(), repay("R1", 1_713, FEB), schedule(plan, MAR))
    assert after.dpd(day_number(date(2024, 3, 20))) == 0
    assert after.book.position.rows == plan


def test_attributes_follow_the_value_date_not_the_arrival() -> None:
    loan = loan_after(
        opening(),
        command(ChangeOfficer, "o2", MAR, officer_id="O2", branch="south"),
        command(ChangeOfficer, "o3", FEB, officer_id="O3", branch="west"),
        command(ChangeGuarantor, "g", FEB, guarantor_id="G1"),
        command(ChangeLimit, "l", FEB, limit_minor=20_000, currency="CNY"),
        command(ChangeStatus, "s1", MAR, finding="evasion", active=False, reason="cleared"),
        command(ChangeStatus, "s0", FEB, finding="evasion", active=True, reason="moved away"),
    )
    assert (loan.officer_id, loan.branch, loan.guarantor_id) == ("O2", "south", "G1")
    assert (loan.limit_minor, loan.findings) == (20_000, {"evasion": False})


def test_a_loan_known_by_reports_answers_with_them() -> None:
    loan = loan_after(
        opening(terms=Terms(method="given", instalments=0)),
        command(
            ReportPosition,
            "p1",
            FEB,
            currency="CNY",
            outstanding_minor=9_000,
            payment_due_minor=500,
            months_past_due=2,
        ),
        command(
            ReportPosition,
            "p2",
            MAR,
            currency="CNY",
            outstanding_minor=8_000,
            payment_due_minor=500,
            months_past_due=0,
        ),
    )
    first, later, cured = (day_number(d) for d in (FEB, date(2024, 2, 11), MAR))
    assert [loan.dpd(day) for day in (day_number(JAN), first, later, cured)] == [0, 60, 70, 0]
    assert [loan.arrears_minor(day) for day in (first, cured)] == [500, 0]
    assert [loan.outstanding_minor(day) for day in (first, cured)] == [9_000, 8_000]


def test_a_loan_closes_as_repaid_only_when_nothing_is_owed() -> None:
    loan = loan_after(opening(), disburse(), repay("R1", 1_713, FEB))
    with pytest.raises(RuleRefused, match=r"85\.65 CNY") as refused:
        decide(loan, command(CloseLoan, "end", MAR, reason="repaid"))
    assert refused.value.rule == "still_owed"
    paid = loan_after(opening(), disburse(), repay("R1", 10_278, MAR))
    (closed,) = decide(paid, command(CloseLoan, "end", MAR, reason="repaid"))
    assert closed.remaining == Split()


def test_a_write_off_tells_what_the_book_still_held() -> None:
    loan = loan_after(opening(), disburse(), charge(FEB, MAR, "costs"), repay("R1", 1_713, FEB))
    (closed,) = decide(loan, command(CloseLoan, "end", MAR, reason="written_off"))
    assert isinstance(closed, LoanClosed)
    assert closed.remaining == Split(costs_minor=50, interest_minor=66, principal_minor=8_366)


LOAN = (opening(), disburse(), repay("R1", 1_713, FEB))
PLAN = schedule(rows((FEB, 1_634, 79), (MAR, 8_366, 66)), MAR)


@pytest.mark.parametrize(
    ("given", "when", "error", "rule"),
    [
        ((), disburse(), UnknownEntity, ""),
        (LOAN, opening(), AlreadyOpen, ""),
        ((), opening(currency="XYZ"), CurrencyMismatch, ""),
        ((), opening(principal_minor=0), InvalidAmount, ""),
        ((), opening(terms=Terms(method="annuity", instalments=0)), RuleRefused, "terms_refused"),
        (
            (),
            opening(terms=Terms(method="annuity", instalments=6, first_due_date=JAN)),
            RuleRefused,
            "terms_refused",
        ),
        (
            (),
            opening(terms=Terms(method="annuity", instalments=6, allocation=("principal",))),
            RuleRefused,
            "allocation_incomplete",
        ),
        (LOAN, repay("R2", 100, FEB, currency="EUR"), CurrencyMismatch, ""),
        (LOAN, repay("R2", 0, FEB), InvalidAmount, ""),
        (LOAN, repay("R2", -5, FEB), InvalidAmount, ""),
        (LOAN, repay("R1", 5, FEB), TransactionConflict, ""),
        (LOAN, repay("R2", 5, date(2023, 12, 31)), DateOutOfRange, ""),
        (LOAN, repay("R2", 5, date(2024, 6, 3)), DateOutOfRange, ""),
        (LOAN, disburse(1, of="more"), RuleRefused, "over_limit"),
        (LOAN, reverse("R9", MAR), RuleRefused, "unknown_repayment"),
        (LOAN, reverse("R1", date(2024, 1, 31)), RuleRefused, "reversal_before_original"),
        (LOAN, reverse("R1", date(2024, 6, 3)), DateOutOfRange, ""),
        ((*LOAN, reverse("R1", MAR)), reverse("R1", MAR, "again"), RuleRefused, "already_reversed"),
        (LOAN, schedule(rows((MAR, 20_000, 0)), FEB), RuleRefused, "schedule_exceeds_limit"),
        (LOAN, schedule((), FEB), RuleRefused, "schedule_malformed"),
        (LOAN, schedule(rows((MAR, 1, 1), (FEB, 1, 1)), FEB), RuleRefused, "schedule_malformed"),
        (LOAN, schedule(rows((MAR, 1, -1)), FEB), RuleRefused, "schedule_malformed"),
        (
            LOAN,
            schedule(
                (Instalment(number=2, due_date=MAR, principal_minor=1, interest_minor=0),), FEB
            ),
            RuleRefused,
            "schedule_malformed",
        ),
        (LOAN, charge(MAR, FEB), RuleRefused, "due_before_charged"),
        (LOAN, command(ChangeRate, "r", MAR, rate_ppm=10**8), RuleRefused, "rate_out_of_range"),
        (LOAN, command(ChangeLimit, "l", MAR, limit_minor=-1, currency="CNY"), InvalidAmount, ""),
        (
            LOAN,
            command(CloseLoan, "end", JAN, reason="written_off"),
            RuleRefused,
            "close_before_last_movement",
        ),
        (
            (*LOAN, command(CloseLoan, "end", MAR, reason="written_off")),
            repay("R2", 5, MAR),
            RuleRefused,
            "loan_closed",
        ),
    ],
)
def test_a_refusal_names_its_rule_and_says_what_would_be_accepted(
    given: tuple[Command, ...], when: Command, error: type[LoanError], rule: str
) -> None:
    state = loan_after(*given) if given else None
    with pytest.raises(error) as refused:
        decide(state, when)
    assert getattr(refused.value, "rule", "") == rule
    assert refused.value.way_out or error is InvariantBroken


def test_a_value_date_one_day_ahead_is_a_time_zone_not_an_error() -> None:
    loan = loan_after(*LOAN)
    assert decide(loan, repay("R2", 5, date(2024, 6, 2)))


def test_a_fact_that_cannot_follow_stops_the_stream() -> None:
    facts = decide(None, opening())
    with pytest.raises(InvariantBroken):
        evolve(None, decide(loan_after(*LOAN), repay("R2", 5, FEB))[0])
    (undone,) = decide(loan_after(*LOAN), reverse("R1", MAR))
    state = state_of(facts)
    assert isinstance(facts[0], LoanOpened)
    with pytest.raises(InvariantBroken, match="R1"):
        evolve(state, undone)


def test_the_same_command_gives_the_same_facts() -> None:
    loan = loan_after(*LOAN)
    (first,) = decide(loan, repay("R2", 5, MAR))
    assert decide(loan, repay("R2", 5, MAR)) == (first,)
    assert isinstance(first, RepaymentReceived)
