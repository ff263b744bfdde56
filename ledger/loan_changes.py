"""Changes to a loan that move no money.

Same rules of the house as `loan_decisions`, which calls these with a checked value day.
"""

from __future__ import annotations

from ledger.checks import same_currency
from ledger.commands import (
    ChangeGuarantor,
    ChangeLimit,
    ChangeOfficer,
    ChangeStatus,
    ReportPosition,
)
from ledger.consequences import Facts, common_fields, follow
from ledger.errors import InvalidAmount
from ledger.events import (
    LoanGuarantorChanged,
    LoanLimitChanged,
    LoanOfficerChanged,
    LoanStatusChanged,
    PositionReported,
)
from ledger.loan import Loan
from ledger.loan_facts import found
from ledger.money import MAX_MINOR


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
    """Set or lift a finding; one that bears on interest changes what fell due since."""
    changed = LoanStatusChanged(
        finding=command.finding,
        active=command.active,
        reason=command.reason,
        **common_fields(command),
    )
    if not loan.book.accrues:
        return (changed,)
    return (changed, *follow(loan, command, added=(found(changed),))[1])


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


def _not_negative(number: int) -> None:
    if not 0 <= number <= MAX_MINOR:
        raise InvalidAmount(
            f"{number} is not a position or limit.", way_out=f"Send 0 to {MAX_MINOR} minor units."
        )
