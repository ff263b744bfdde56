"""Money that comes in and goes back: repayments, reversals, refunds, chargebacks."""

from __future__ import annotations

from ledger.change_commands import ChargeBack, RefundOverpayment
from ledger.checks import positive, same_currency
from ledger.commands import ReceiveRepayment, ReverseRepayment
from ledger.consequences import Facts, common_fields, follow, follow_due
from ledger.dates import date_of
from ledger.delinquency import PRINCIPAL, Charge
from ledger.errors import RuleRefused, TransactionConflict
from ledger.events import (
    OverpaymentRefunded,
    RepaymentChargedBack,
    RepaymentDesignated,
    RepaymentReceived,
    RepaymentReversed,
)
from ledger.loan import Loan
from ledger.money import format_minor
from ledger.position import CHARGE, REFUND, REPAYMENT, Entry, Wish


def receive(loan: Loan, command: ReceiveRepayment, day: int) -> Facts:
    """Take in a repayment. Errors: RuleRefused for a designation or effect that cannot be had."""
    same_currency(command.currency, loan.currency)
    amount = positive(command.amount_minor)
    transaction_id = command.transaction_id
    if transaction_id in loan.book.repayments:
        raise TransactionConflict(
            f"Repayment {transaction_id} is booked already.",
            way_out="Send a new payment under its own transaction id.",
            loan_id=loan.loan_id,
        )
    entry = Entry(day, REPAYMENT, transaction_id, amount)
    wish = _wish(loan, command)
    split, changes = None if wish else loan.book.next_split(entry), ()
    if split is None:
        position, changes = follow(loan, command, added=(entry,), wish=wish)
        split = position.splits[transaction_id]
    received = RepaymentReceived(
        loan_id=loan.loan_id,
        amount_minor=amount,
        split=split,
        transaction_id=transaction_id,
        value_date=command.value_date,
        recorded_at_us=command.recorded_at_us,
    )
    return (*_designated(command), received, *changes)


def _wish(loan: Loan, command: ReceiveRepayment) -> Wish | None:
    """What is asked of this repayment beyond the agreed order. Errors: RuleRefused."""
    designated, effect = command.designated or (), command.prepayment or "hold"
    if not designated and effect == "hold":
        return None
    named = [part.component for part in designated]
    if len(set(named)) < len(named):
        raise RuleRefused(
            f"The designation names {' and '.join(named)}.",
            rule="designation_repeated",
            way_out="Name each component once.",
            loan_id=loan.loan_id,
        )
    total = sum(positive(part.amount_minor) for part in designated)
    if total > command.amount_minor:
        raise RuleRefused(
            f"{format_minor(total, loan.currency)} is designated, more than is paid.",
            rule="designation_exceeds_payment",
            way_out=f"Designate up to {format_minor(command.amount_minor, loan.currency)}.",
            loan_id=loan.loan_id,
        )
    if effect != "hold" and loan.book.given_schedule():
        raise RuleRefused(
            f"The schedule of loan {loan.loan_id} is given, not generated.",
            rule="schedule_is_given",
            way_out="Send the repayment without an effect, then the schedule that holds after it.",
            loan_id=loan.loan_id,
        )
    return Wish(tuple((part.component, part.amount_minor) for part in designated), effect)


def _designated(command: ReceiveRepayment) -> Facts:
    if not command.designated and (command.prepayment or "hold") == "hold":
        return ()
    return (
        RepaymentDesignated(
            designated=command.designated or (),
            effect=command.prepayment or "hold",
            **common_fields(command),
        ),
    )


def reverse(loan: Loan, command: ReverseRepayment, day: int) -> Facts:
    """Undo a repayment from its value date on. Errors: RuleRefused naming why it cannot be."""
    book = loan.book
    original = standing_repayment(loan, command.reversed_transaction_id)
    reversed_id = original.tie
    if reversed_id in loan.charged_back:
        raise RuleRefused(
            f"Of repayment {reversed_id} {_amount(loan, loan.charged_back[reversed_id])} was "
            "charged back already.",
            rule="charged_back",
            way_out="Charge the rest back as well.",
            loan_id=loan.loan_id,
        )
    if day < original.day:
        raise RuleRefused(
            f"Repayment {reversed_id} counts from {date_of(original.day)}, after this reversal.",
            rule="reversal_before_original",
            way_out=f"Date the reversal {date_of(original.day)} or later.",
            loan_id=loan.loan_id,
        )
    undone = RepaymentReversed(
        reversed_transaction_id=reversed_id,
        amount_minor=original.number,
        split=book.position.splits[reversed_id],
        reason=command.reason,
        noticed_date=command.value_date,
        **common_fields(command) | {"value_date": date_of(original.day)},
    )
    if book.plainly_last(original):
        return (undone,)
    return (undone, *follow(loan, command, removed=original)[1])


def standing_repayment(loan: Loan, transaction_id: str) -> Entry:
    """The repayment of that id. Errors: RuleRefused "unknown_repayment", "already_reversed"."""
    original = loan.book.repayments.get(transaction_id)
    if transaction_id in loan.book.reversed:
        raise RuleRefused(
            f"Repayment {transaction_id} is reversed already.",
            rule="already_reversed",
            way_out="A payment that came again needs a repayment of its own.",
            loan_id=loan.loan_id,
        )
    if original is None:
        raise RuleRefused(
            f"Loan {loan.loan_id} has no repayment {transaction_id}.",
            rule="unknown_repayment",
            way_out="Name the transaction id of a repayment of this loan.",
            loan_id=loan.loan_id,
        )
    return original


def refund(loan: Loan, command: RefundOverpayment, day: int) -> Facts:
    """Give back what waits in suspense. Errors: RuleRefused "not_overpaid"."""
    same_currency(command.currency, loan.currency)
    amount = positive(command.amount_minor)
    book = loan.book
    most = max(0, min(book.position.unapplied_minor, book.at(day).unapplied_minor))
    if amount > most:
        raise RuleRefused(
            f"{_amount(loan, amount)} cannot be refunded: {_amount(loan, most)} waits in suspense "
            f"on {command.value_date} and since.",
            rule="not_overpaid",
            way_out=f"Refund at most {_amount(loan, most)}; to undo a repayment, reverse it.",
            loan_id=loan.loan_id,
        )
    entry = Entry(day, REFUND, command.transaction_id, amount)
    refunded = OverpaymentRefunded(amount_minor=amount, **common_fields(command))
    return (refunded, *follow(loan, command, added=(entry,))[1])


def charge_back(loan: Loan, command: ChargeBack, day: int) -> Facts:
    """Let money taken back be owed again. Errors: RuleRefused naming what is left of it."""
    same_currency(command.currency, loan.currency)
    amount = positive(command.amount_minor)
    original = standing_repayment(loan, command.charged_back_transaction_id)
    left = original.number - loan.charged_back.get(original.tie, 0)
    if amount > left:
        raise RuleRefused(
            f"{_amount(loan, amount)} is more than stands of repayment {original.tie}.",
            rule="chargeback_exceeds_repayment",
            way_out=f"Charge back at most {_amount(loan, left)}.",
            loan_id=loan.loan_id,
        )
    if day < original.day:
        raise RuleRefused(
            f"Repayment {original.tie} counts from {date_of(original.day)}, after the chargeback.",
            rule="chargeback_before_original",
            way_out=f"Date it {date_of(original.day)} or later.",
            loan_id=loan.loan_id,
        )
    charge = Charge(day, PRINCIPAL, amount)
    entry = Entry(day, CHARGE, command.transaction_id, amount, charge=charge)
    taken = RepaymentChargedBack(
        charged_back_transaction_id=original.tie, amount_minor=amount, **common_fields(command)
    )
    return (taken, *follow_due(loan, command, entry))


def _amount(loan: Loan, minor: int) -> str:
    return f"{format_minor(minor, loan.currency)} {loan.currency}"
