"""The end of a loan, and what may still happen to it then.

A loan closed as repaid is reopened by a late fact that belongs before its end, and closed again
where nothing is owed even so. A write-off keeps the claim: recoveries are booked apart, late facts
adjust what was written off, and the write-off may be cancelled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger.accrual import with_interest
from ledger.change_commands import (
    CancelWriteOff,
    ChargeBack,
    RecoverWrittenOff,
    RefundOverpayment,
)
from ledger.checks import positive, same_currency
from ledger.commands import (
    ApplyCharge,
    ChangeGuarantor,
    ChangeOfficer,
    ChangeStatus,
    CloseLoan,
    LoanCommand,
    ReceiveRepayment,
    ReverseRepayment,
)
from ledger.consequences import Facts, common_fields
from ledger.dates import date_of
from ledger.errors import RuleRefused
from ledger.events import (
    LoanClosed,
    LoanReopened,
    Recovered,
    RecoveryReceived,
    RecoveryReversed,
    WriteOffAdjusted,
    WriteOffCancelled,
)
from ledger.loan import NOTHING, Loan
from ledger.loan_facts import with_facts
from ledger.loan_grading import four_eyes
from ledger.money import format_minor
from ledger.position import Entry, Position
from ledger.terms import Split
from ledger.waterfall import added

Decide = Callable[[Loan, Any, int], Facts]
_UNMOVED = (ChangeOfficer, ChangeGuarantor, ChangeStatus)
"""Who answers for a claim, and what is found about it, may change after a write-off."""
_BELATED = (ApplyCharge, ReceiveRepayment, ReverseRepayment)
"""May come to light after the end."""


def close(loan: Loan, command: CloseLoan, day: int) -> Facts:
    """End the loan. Errors: RuleRefused "same_person", "close_before_last_movement",
    "still_owed"."""
    if command.requested_by is not None or command.approved_by is not None:
        four_eyes(loan, command)
    book = loan.book
    if book.entries and day < book.entries[-1].day:
        last = date_of(book.entries[-1].day)
        raise RuleRefused(
            f"Loan {loan.loan_id} cannot end before its last movement of {last}.",
            rule="close_before_last_movement",
            way_out=f"Close it on {last} or later.",
            loan_id=loan.loan_id,
        )
    owed = _owed_minor(loan)
    if command.reason in ("repaid", "cancelled") and loan.keeps_schedule and owed > 0:
        raise RuleRefused(
            f"Loan {loan.loan_id} still owes {format_minor(owed, loan.currency)} {loan.currency} "
            "by its schedule and charges.",
            rule="still_owed",
            way_out="Send the missing repayment, or after an early one the schedule that holds "
            "now; a loss is closed as written_off.",
            loan_id=loan.loan_id,
        )
    remaining = left_of(book.position, day)
    return (
        LoanClosed(
            reason=command.reason,
            remaining=remaining,
            requested_by=command.requested_by,
            approved_by=command.approved_by,
            **common_fields(command),
        ),
    )


def _owed_minor(loan: Loan) -> int:
    position = loan.book.position
    return max(position.dues.total_minor - sum(position.paid), position.principal_minor)


def left_of(position: Position, day: int) -> Split:
    """Charges not received, interest due and not received, principal not repaid."""
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


def decide_closed(loan: Loan, command: LoanCommand, day: int, decide: Decide) -> Facts:
    """What a command to a closed loan becomes; `decide` is what it would be were it open.

    Errors: RuleRefused "loan_closed", or of the command itself.
    """
    if loan.closed == "written_off":
        return _written_off(loan, command, day, decide)
    if loan.closed == "repaid":
        if isinstance(command, RefundOverpayment):
            return decide(loan, command, day)
        if isinstance(command, ChargeBack) or _belated(loan, command, day):
            return _reopen(loan, command, decide(loan, command, day))
    raise RuleRefused(
        f"Loan {loan.loan_id} was closed as {loan.closed} on {_closing_date(loan)}.",
        rule="loan_closed",
        way_out=_what_is_accepted(loan),
        loan_id=loan.loan_id,
    )


def _closing_date(loan: Loan) -> str:
    return str(date_of(loan.closed_day or 0))


def _what_is_accepted(loan: Loan) -> str:
    if loan.closed == "repaid":
        return (
            "A repaid loan takes refunds, chargebacks and reversals, and charges and repayments "
            f"valued up to {_closing_date(loan)}."
        )
    return "A closed loan takes no more facts; open another one."


def _belated(loan: Loan, command: LoanCommand, day: int) -> bool:
    """Whether the command speaks of the time before the end."""
    if isinstance(command, ReverseRepayment):
        return True
    last = (loan.closed_day or 0) - (loan.closed == "written_off")
    return isinstance(command, _BELATED) and day <= last


def _reopen(loan: Loan, command: LoanCommand, facts: Facts) -> Facts:
    """The loan goes on with `facts`, and ends again on its day if nothing is owed even so."""
    ended = date_of(loan.closed_day or 0)
    common = common_fields(command) | {"value_date": ended}
    reason: Any = loan.closed
    reopened = LoanReopened(closed_as=reason, remaining=loan.remaining, **common)
    facts = with_interest(loan, command, (reopened, *facts))
    after = with_facts(loan, facts)
    if _owed_minor(after) > 0 or isinstance(command, ChargeBack):
        return facts
    remaining = left_of(after.book.position, loan.closed_day or 0)
    return (*facts, LoanClosed(reason=reason, remaining=remaining, **common))


def _written_off(loan: Loan, command: LoanCommand, day: int, decide: Decide) -> Facts:
    if isinstance(command, ChangeStatus) and loan.book.accrues:
        return _adjusted(loan, command, decide(loan, command, day))
    if isinstance(command, (RecoverWrittenOff, CancelWriteOff, *_UNMOVED)):
        return decide(loan, command, day)
    if isinstance(command, ReverseRepayment):
        recovery = loan.recoveries.get(command.reversed_transaction_id)
        if recovery is not None:
            return _reverse_recovery(loan, command, recovery, day)
    if _belated(loan, command, day):
        return _adjusted(loan, command, decide(loan, command, day))
    raise RuleRefused(
        f"Loan {loan.loan_id} was written off on {_closing_date(loan)}.",
        rule="loan_closed",
        way_out="It takes recoveries, reversals, charges and repayments valued before, or the "
        "cancellation of the write-off, which lets it go on.",
        loan_id=loan.loan_id,
    )


def _adjusted(loan: Loan, command: LoanCommand, facts: Facts) -> Facts:
    """A late fact changes what was left on the day of the write-off."""
    facts, day = with_interest(loan, command, facts), loan.closed_day or 0
    left = left_of(with_facts(loan, facts).book.position, day)
    change = added(left, loan.remaining, sign=-1)
    if change == NOTHING:
        return facts
    common = common_fields(command) | {"value_date": date_of(day)}
    return (*facts, WriteOffAdjusted(change=change, **common))


def recover(loan: Loan, command: RecoverWrittenOff, day: int) -> Facts:
    """Money on a loan that was written off. Errors: RuleRefused "not_written_off" or too much."""
    same_currency(command.currency, loan.currency)
    amount = positive(command.amount_minor)
    _check_written_off(loan)
    if day < (loan.closed_day or 0):
        raise RuleRefused(
            f"Loan {loan.loan_id} was written off on {_closing_date(loan)}, after this recovery.",
            rule="recovery_before_write_off",
            way_out="Send it as a repayment: it adjusts what was written off.",
            loan_id=loan.loan_id,
        )
    claim = loan.claim_minor
    if amount > claim:
        raise RuleRefused(
            f"{format_minor(amount, loan.currency)} is more than the claim.",
            rule="recovery_exceeds_claim",
            way_out=f"Send at most {format_minor(claim, loan.currency)} {loan.currency}; what is "
            "more belongs to the borrower.",
            loan_id=loan.loan_id,
        )
    return (RecoveryReceived(amount_minor=amount, **common_fields(command)),)


def _check_written_off(loan: Loan) -> None:
    if loan.closed != "written_off":
        raise RuleRefused(
            f"Loan {loan.loan_id} is not written off.",
            rule="not_written_off",
            way_out="Send a repayment, or close the loan as written_off first.",
            loan_id=loan.loan_id,
        )


def _reverse_recovery(loan: Loan, command: ReverseRepayment, recovery: Entry, day: int) -> Facts:
    if day < recovery.day:
        raise RuleRefused(
            f"Recovery {recovery.tie} counts from {date_of(recovery.day)}, after this reversal.",
            rule="reversal_before_original",
            way_out=f"Date the reversal {date_of(recovery.day)} or later.",
            loan_id=loan.loan_id,
        )
    common = common_fields(command) | {"value_date": date_of(recovery.day)}
    return (
        RecoveryReversed(
            reversed_transaction_id=recovery.tie,
            amount_minor=recovery.number,
            reason=command.reason,
            noticed_date=command.value_date,
            **common,
        ),
    )


def cancel_write_off(loan: Loan, command: CancelWriteOff, day: int) -> Facts:
    """Let the loan go on as if it had not been written off; recoveries become repayments."""
    _check_written_off(loan)
    last = max([loan.closed_day or 0, *(entry.day for entry in loan.recoveries.values())])
    if day < last:
        raise RuleRefused(
            f"Loan {loan.loan_id} was written off, or recovered something, on {date_of(last)}.",
            rule="cancelled_before_last_movement",
            way_out=f"Date the cancellation {date_of(last)} or later.",
            loan_id=loan.loan_id,
        )
    recoveries = sorted(loan.recoveries.values())
    splits = loan.book.after([*loan.book.entries, *recoveries]).splits
    recovered = tuple(
        Recovered(
            transaction_id=entry.tie,
            value_date=date_of(entry.day),
            amount_minor=entry.number,
            split=splits[entry.tie],
        )
        for entry in recoveries
    )
    return (
        WriteOffCancelled(
            remaining=loan.remaining,
            recovered=recovered,
            reason=command.reason,
            **common_fields(command),
        ),
    )
