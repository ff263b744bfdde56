"""What a command to a loan becomes: facts, or a refusal that names its rule and the way out.

Pure: reads the state, changes nothing. A fact that changes how repayments before or after it are
applied is followed by `RepaymentsReallocated`. Every fact's postings are checked before it leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger.book import CHARGE, DRAWN, RATE, REPAYMENT, SCHEDULE, Entry, Rows
from ledger.checks import positive, same_currency, value_day
from ledger.commands import (
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
from ledger.dates import checked_date, date_of, day_number
from ledger.delinquency import COMPONENTS, Charge
from ledger.errors import RuleRefused, TransactionConflict, UnknownEntity
from ledger.events import (
    ChargeApplied,
    InstalmentsScheduled,
    LoanDisbursed,
    LoanRateChanged,
    Reallocation,
    RepaymentReceived,
    RepaymentReversed,
    RepaymentsReallocated,
)
from ledger.loan import Loan
from ledger.loan_changes import (
    change_guarantor,
    change_limit,
    change_officer,
    change_status,
    close,
    common_fields,
    report,
)
from ledger.loan_grading import assess, end_override, override_grade
from ledger.loan_opening import MAX_RATE_PPM, check_rows, open_loan
from ledger.money import format_minor
from ledger.terms import Split

Facts = tuple[Any, ...]


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
    if state.closed is not None:
        raise RuleRefused(
            f"Loan {command.loan_id} was closed as {state.closed}.",
            rule="loan_closed",
            way_out="A closed loan takes no more facts; open another one.",
            loan_id=command.loan_id,
        )
    day = value_day(command, not_before=state.opened_day, what="the loan")
    return _DECISIONS[type(command)](state, command, day)


def _disburse(loan: Loan, command: DisburseLoan, day: int) -> Facts:
    """Term loans pay out up to the agreed amount once; given schedules may draw a line again."""
    same_currency(command.currency, loan.currency)
    amount = positive(command.amount_minor)
    position = loan.book.position
    line = loan.book.given_schedule()
    used = position.principal_minor if line else position.drawn_minor
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
    return (disbursed, *_rescheduled(loan, command, entry))


def _change_rate(loan: Loan, command: ChangeRate, day: int) -> Facts:
    if not 0 <= command.rate_ppm <= MAX_RATE_PPM:
        raise RuleRefused(
            f"A rate of {command.rate_ppm} parts per million a year cannot be agreed.",
            rule="rate_out_of_range",
            way_out=f"Rates from 0 to {MAX_RATE_PPM // 10_000} % a year are accepted.",
        )
    entry = Entry(day, RATE, command.transaction_id, command.rate_ppm)
    changed = LoanRateChanged(rate_ppm=command.rate_ppm, **common_fields(command))
    return (changed, *_rescheduled(loan, command, entry))


def _rescheduled(loan: Loan, command: LoanCommand, entry: Entry) -> Facts:
    """The generated schedule that follows from a new disbursement or rate, if it differs."""
    book = loan.book
    if book.given_schedule():
        return _reallocated(loan, command, added=entry)
    rows = book.generated(sorted([*book.entries, entry]))
    if rows == book.position.rows:
        return _reallocated(loan, command, added=entry)
    scheduled = InstalmentsScheduled(
        schedule_version=loan.schedule_version + 1,
        origin="generated",
        instalments=rows,
        **common_fields(command),
    )
    return (scheduled, *_reallocated(loan, command, added=entry, rows=rows))


def _schedule(loan: Loan, command: ScheduleInstalments, day: int) -> Facts:
    same_currency(command.currency, loan.currency)
    check_rows(command.instalments, opened_day=loan.opened_day)
    if loan.schedule_day is not None and day < loan.schedule_day:
        raise RuleRefused(
            f"A schedule valued {date_of(loan.schedule_day)} is in force already.",
            rule="schedule_superseded",
            way_out=f"Send the schedule that holds now, valued {date_of(loan.schedule_day)} or "
            "later.",
            loan_id=loan.loan_id,
        )
    position = loan.book.position
    most = position.drawn_minor + max(0, loan.limit_minor - position.principal_minor)
    principal = sum(row.principal_minor for row in command.instalments)
    if principal > most:
        raise RuleRefused(
            f"The schedule repays {format_minor(principal, loan.currency)} of principal, but only "
            f"{format_minor(most, loan.currency)} is or may be paid out.",
            rule="schedule_exceeds_limit",
            way_out="Send rows whose principal adds up to the loan, paid rows included.",
            loan_id=loan.loan_id,
        )
    version = loan.schedule_version + 1
    entry = Entry(day, SCHEDULE, f"{version:06d}", rows=command.instalments)
    scheduled = InstalmentsScheduled(
        schedule_version=version,
        origin="given",
        instalments=command.instalments,
        **common_fields(command),
    )
    return (scheduled, *_reallocated(loan, command, added=entry))


def _receive(loan: Loan, command: ReceiveRepayment, day: int) -> Facts:
    same_currency(command.currency, loan.currency)
    amount = positive(command.amount_minor)
    book = loan.book
    transaction_id = command.transaction_id
    if transaction_id in book.repayments:
        raise TransactionConflict(
            f"Repayment {transaction_id} is booked already.",
            way_out="Send a new payment under its own transaction id.",
            loan_id=loan.loan_id,
        )
    entry = Entry(day, REPAYMENT, transaction_id, amount)
    changes: Facts = ()
    if book.comes_last(entry):
        split = book.next_split(entry)
    else:
        splits = book.splits_with(sorted([*book.entries, entry]))
        split = splits.pop(transaction_id)
        changes = _differences(loan, command, splits)
    received = RepaymentReceived(
        loan_id=loan.loan_id,
        amount_minor=amount,
        split=split,
        transaction_id=transaction_id,
        value_date=command.value_date,
        recorded_at_us=command.recorded_at_us,
    )
    return (received, *changes)


def _reverse(loan: Loan, command: ReverseRepayment, day: int) -> Facts:
    book = loan.book
    reversed_id = command.reversed_transaction_id
    original = book.repayments.get(reversed_id)
    if original is None:
        raise RuleRefused(
            f"Loan {loan.loan_id} has no repayment {reversed_id}.",
            rule="unknown_repayment",
            way_out="Name the transaction id of a repayment of this loan.",
            loan_id=loan.loan_id,
        )
    if reversed_id in book.reversed:
        raise RuleRefused(
            f"Repayment {reversed_id} is reversed already.",
            rule="already_reversed",
            way_out="A payment that came again needs a repayment of its own.",
            loan_id=loan.loan_id,
        )
    if day < original.day:
        raise RuleRefused(
            f"Repayment {reversed_id} counts from {date_of(original.day)}, after this reversal.",
            rule="reversal_before_original",
            way_out=f"Date the reversal {date_of(original.day)} or later.",
            loan_id=loan.loan_id,
        )
    common = common_fields(command) | {"value_date": date_of(original.day)}
    undone = RepaymentReversed(
        reversed_transaction_id=reversed_id,
        amount_minor=original.number,
        split=book.position.splits[reversed_id],
        reason=command.reason,
        noticed_date=command.value_date,
        **common,
    )
    if book.entries[-1] == original:
        return (undone,)
    standing = [entry for entry in book.entries if entry != original]
    changes = _differences(loan, command, book.splits_with(standing), value_day=original.day)
    return (undone, *changes)


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
    return (applied, *_reallocated(loan, command, added=entry))


def _reallocated(
    loan: Loan, command: LoanCommand, *, added: Entry, rows: Rows | None = None
) -> Facts:
    """How an entry other than a repayment changes the splits; it cannot if it comes last and no
    money waits for a due."""
    book = loan.book
    if not book.position.splits:
        return ()
    if book.comes_last(added) and not book.position.unapplied_minor:
        return ()
    splits = book.splits_with(sorted([*book.entries, added]), rows)
    return _differences(loan, command, splits)


def _differences(
    loan: Loan,
    command: LoanCommand,
    splits: dict[str, Split],
    *,
    value_day: int | None = None,
) -> Facts:
    """The one fact that tells which standing repayments are applied otherwise now; or none."""
    before = loan.book.position.splits
    changes = tuple(
        Reallocation(transaction_id=transaction_id, before=before[transaction_id], split=split)
        for transaction_id, split in splits.items()
        if split != before[transaction_id]
    )
    if not changes:
        return ()
    common = common_fields(command)
    if value_day is not None:
        common["value_date"] = date_of(value_day)
    return (RepaymentsReallocated(changes=changes, **common),)


_DECISIONS: dict[type, Callable[[Loan, Any, int], Facts]] = {
    DisburseLoan: _disburse,
    ScheduleInstalments: _schedule,
    ReceiveRepayment: _receive,
    ReverseRepayment: _reverse,
    ApplyCharge: _charge,
    ChangeRate: _change_rate,
    ChangeLimit: change_limit,
    ChangeOfficer: change_officer,
    ChangeGuarantor: change_guarantor,
    ChangeStatus: change_status,
    AssessLoan: assess,
    OverrideGrade: override_grade,
    EndGradeOverride: end_override,
    ReportPosition: report,
    CloseLoan: close,
}
