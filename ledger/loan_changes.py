"""Changes to a loan that move no money, and its end.

Same rules of the house as `loan_decisions`, which calls these with a checked value day.
"""

from __future__ import annotations

from typing import Any

from ledger.checks import same_currency
from ledger.commands import (
    ChangeGuarantor,
    ChangeLimit,
    ChangeOfficer,
    ChangeStatus,
    CloseLoan,
    LoanCommand,
    ReportPosition,
)
from ledger.dates import date_of
from ledger.errors import InvalidAmount, RuleRefused
from ledger.events import (
    LoanClosed,
    LoanGuarantorChanged,
    LoanLimitChanged,
    LoanOfficerChanged,
    LoanStatusChanged,
    PositionReported,
)
from ledger.loan import Loan
from ledger.money import MAX_MINOR, format_minor
from ledger.terms import Split

Facts = tuple[Any, ...]


def common_fields(command: LoanCommand) -> dict[str, Any]:
    """The fields that every fact takes over from its command."""
    return {
        "loan_id": command.loan_id,
        "transaction_id": command.transaction_id,
        "value_date": command.value_date,
        "recorded_at_us": command.recorded_at_us,
    }


def change_limit(loan: Loan, command: ChangeLimit, day: int) -> Facts:
    """Set the agreed amount or line; one below what is drawn only stops further draws."""
    same_currency(command.currency, loan.currency)
    _not_negative(command.limit_minor)
    return (LoanLimitChanged(limit_minor=command.limit_minor, **common_fields(command)),)


def change_officer(loan: Loan, command: ChangeOfficer, day: int) -> Facts:
    """Hand the loan over."""
    common = common_fields(command)
    return (LoanOfficerChanged(officer_id=command.officer_id, branch=command.branch, **common),)


def change_guarantor(loan: Loan, command: ChangeGuarantor, day: int) -> Facts:
    """Set or remove the guarantor."""
    return (LoanGuarantorChanged(guarantor_id=command.guarantor_id, **common_fields(command)),)


def change_status(loan: Loan, command: ChangeStatus, day: int) -> Facts:
    """Set or lift a finding."""
    return (
        LoanStatusChanged(
            finding=command.finding,
            active=command.active,
            reason=command.reason,
            **common_fields(command),
        ),
    )


def report(loan: Loan, command: ReportPosition, day: int) -> Facts:
    """State the core system's position. Errors: InvalidAmount when negative."""
    same_currency(command.currency, loan.currency)
    for number in (command.outstanding_minor, command.payment_due_minor, command.months_past_due):
        _not_negative(number or 0)
    return (
        PositionReported(
            outstanding_minor=command.outstanding_minor,
            payment_due_minor=command.payment_due_minor,
            months_past_due=command.months_past_due,
            **common_fields(command),
        ),
    )


def close(loan: Loan, command: CloseLoan, day: int) -> Facts:
    """End the loan. Errors: RuleRefused "close_before_last_movement", "still_owed"."""
    book = loan.book
    if book.entries and day < book.entries[-1].day:
        last = date_of(book.entries[-1].day)
        raise RuleRefused(
            f"Loan {loan.loan_id} cannot end before its last movement of {last}.",
            rule="close_before_last_movement",
            way_out=f"Close it on {last} or later.",
            loan_id=loan.loan_id,
        )
    if command.reason in ("repaid", "cancelled") and loan.keeps_schedule:
        _nothing_owed(loan)
    return (
        LoanClosed(
            reason=command.reason, remaining=_remaining(loan, day), **common_fields(command)
        ),
    )


def _nothing_owed(loan: Loan) -> None:
    position = loan.book.position
    owed = max(position.dues.total_minor - sum(position.paid), position.principal_minor)
    if owed > 0:
        raise RuleRefused(
            f"Loan {loan.loan_id} still owes {format_minor(owed, loan.currency)} {loan.currency} "
            "by its schedule and charges.",
            rule="still_owed",
            way_out="Send the missing repayment, or after an early one the schedule that holds "
            "now; a loss is closed as written_off.",
            loan_id=loan.loan_id,
        )


def _remaining(loan: Loan, day: int) -> Split:
    """Charges not received, interest due and not received, principal not repaid."""
    position = loan.book.position
    charged = position.dues.running[-1] if position.dues.running else (0,) * 5
    costs, fees, penalty, _, _ = (
        max(0, due - paid) for due, paid in zip(charged, position.paid, strict=True)
    )
    return Split(
        costs_minor=costs,
        fees_minor=fees,
        penalty_minor=penalty,
        interest_minor=max(0, position.dues.due_by(day)[3] - position.paid[3]),
        principal_minor=position.principal_minor,
    )


def _not_negative(number: int) -> None:
    if not 0 <= number <= MAX_MINOR:
        raise InvalidAmount(
            f"{number} is not a position or limit.", way_out=f"Send 0 to {MAX_MINOR} minor units."
        )
