"""What a command to a loan becomes: facts, or a refusal that names its rule and the way out.

Pure: reads the state, changes nothing. A fact that changes how repayments before or after it are
applied, or what a generated schedule follows from, is followed by what changes (`consequences`);
one that changes what interest is earned, by that (`accrual`).
Every fact's postings are checked before it leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger.accrual import accrue, with_interest
from ledger.change_commands import (
    CancelWriteOff,
    CapitaliseArrears,
    ChargeBack,
    PauseDelinquency,
    RecoverWrittenOff,
    RefundOverpayment,
    ReportFigure,
    ResumeDelinquency,
    ReviseLoan,
    ValueCollateral,
)
from ledger.checks import positive, same_currency, value_day
from ledger.commands import (
    AccrueInterest,
    ApplyCharge,
    AssessLoan,
    ChangeGuarantor,
    ChangeLimit,
    ChangeOfficer,
    ChangeRate,
    ChangeStatus,
    CloseLoan,
    DisburseLoan,
    EndGradeOverride,
    LoanCommand,
    OpenLoan,
    OverrideGrade,
    ReceiveRepayment,
    ReportPosition,
    ReverseRepayment,
    ScheduleInstalments,
)
from ledger.consequences import Facts, common_fields, follow, follow_due
from ledger.dates import checked_date, day_number
from ledger.delinquency import COMPONENTS, Charge
from ledger.errors import RuleRefused, UnknownEntity
from ledger.events import ChargeApplied, LoanDisbursed, LoanRateChanged
from ledger.loan import Loan
from ledger.loan_changes import (
    change_guarantor,
    change_limit,
    change_officer,
    change_status,
    report,
)
from ledger.loan_ends import cancel_write_off, close, decide_closed, recover
from ledger.loan_grading import assess, end_override, override_grade
from ledger.loan_opening import MAX_RATE_PPM, open_loan
from ledger.loan_payments import charge_back, receive, refund, reverse
from ledger.loan_revisions import capitalise, pause, resume, revise, schedule
from ledger.loan_valuation import report_figure, value_collateral
from ledger.money import format_minor
from ledger.position import CHARGE, DRAWN, RATE, Entry
from ledger.totals import check_total


def decide_loan(state: Loan | None, command: LoanCommand) -> Facts:
    """The facts that `command` becomes in `state`.

    Errors: LoanError of the kinds each command's rules name.
    """
    if isinstance(command, OpenLoan):
        return open_loan(state, command)
    if state is None:
        raise UnknownEntity(
            f"Loan {command.loan_id} is not open.",
            way_out="Send loan_opened first.",
            loan_id=command.loan_id,
        )
    day = value_day(command, not_before=state.opened_day, what="the loan")
    if state.closed is not None:
        facts = decide_closed(state, command, day, _DECISIONS[type(command)])
    else:
        facts = _DECISIONS[type(command)](state, command, day)
    facts = with_interest(state, command, facts)
    total = sum(state.count(facts))
    if total > state.total_minor:
        check_total(f"loan {state.loan_id}", total, state.currency, loan_id=state.loan_id)
    return facts


def _disburse(loan: Loan, command: DisburseLoan, day: int) -> Facts:
    """Term loans pay out up to the agreed amount once; a revolving line what is not owed, again.

    A line whose schedule is given revolves too.
    """
    same_currency(command.currency, loan.currency)
    amount = positive(command.amount_minor)
    book = loan.book
    line = book.terms.revolving or book.given_schedule()
    used = book.position.principal_minor if line else book.disbursed_minor
    if used + amount > loan.limit_minor:
        left = format_minor(max(0, loan.limit_minor - used), loan.currency)
        raise RuleRefused(
            f"Disbursing {format_minor(amount, loan.currency)} exceeds the agreed amount.",
            rule="over_limit",
            way_out=f"At most {left} {loan.currency} is left; raise the limit first.",
            loan_id=loan.loan_id,
        )
    entry = Entry(day, DRAWN, command.transaction_id, amount)
    disbursed = LoanDisbursed(amount_minor=amount, **common_fields(command))
    return (disbursed, *follow(loan, command, added=(entry,))[1])


def _change_rate(loan: Loan, command: ChangeRate, day: int) -> Facts:
    if not 0 <= command.rate_ppm <= MAX_RATE_PPM:
        raise RuleRefused(
            f"A rate of {command.rate_ppm} parts per million a year cannot be agreed.",
            rule="rate_out_of_range",
            way_out=f"Rates from 0 to {MAX_RATE_PPM // 10_000} % a year are accepted.",
        )
    entry = Entry(day, RATE, command.transaction_id, command.rate_ppm)
    changed = LoanRateChanged(rate_ppm=command.rate_ppm, **common_fields(command))
    return (changed, *follow(loan, command, added=(entry,))[1])


def _charge(loan: Loan, command: ApplyCharge, day: int) -> Facts:
    same_currency(command.currency, loan.currency)
    amount = positive(command.amount_minor)
    due_day = day_number(checked_date(command.due_date))
    if due_day < day:
        raise RuleRefused(
            f"The charge of {command.value_date} would fall due before, on {command.due_date}.",
            rule="due_before_charged",
            way_out="Let it fall due on its value date or later.",
            loan_id=loan.loan_id,
        )
    charge = Charge(due_day, COMPONENTS.index(command.kind), amount)
    entry = Entry(day, CHARGE, command.transaction_id, amount, charge=charge)
    applied = ChargeApplied(
        kind=command.kind, amount_minor=amount, due_date=command.due_date, **common_fields(command)
    )
    return (applied, *follow_due(loan, command, entry))


_DECISIONS: dict[type, Callable[[Loan, Any, int], Facts]] = {
    DisburseLoan: _disburse,
    ScheduleInstalments: schedule,
    ReceiveRepayment: receive,
    ReverseRepayment: reverse,
    RefundOverpayment: refund,
    ChargeBack: charge_back,
    ApplyCharge: _charge,
    ChangeRate: _change_rate,
    AccrueInterest: accrue,
    ReviseLoan: revise,
    CapitaliseArrears: capitalise,
    PauseDelinquency: pause,
    ResumeDelinquency: resume,
    ChangeLimit: change_limit,
    ChangeOfficer: change_officer,
    ChangeGuarantor: change_guarantor,
    ChangeStatus: change_status,
    AssessLoan: assess,
    ValueCollateral: value_collateral,
    ReportFigure: report_figure,
    OverrideGrade: override_grade,
    EndGradeOverride: end_override,
    ReportPosition: report,
    CloseLoan: close,
    RecoverWrittenOff: recover,
    CancelWriteOff: cancel_write_off,
}
