"""Decide what a promise to pay becomes. What became of it later is derived: see `standing`."""

from __future__ import annotations

from ledger.checks import positive, same_currency
from ledger.collection.common import (
    NO_LOANS,
    Facts,
    Loans,
    case_of,
    dated,
    fresh,
    loans_of,
    reasoned,
    said,
    within,
)
from ledger.collection.standing import WHOLE_BPS, open_until
from ledger.collection.state import State
from ledger.collection_commands import CancelPromise, MakePromise
from ledger.dates import checked_date
from ledger.errors import RuleRefused, UnknownEntity
from ledger.events import PromiseCancelled, PromiseMade

MOST_TOLERANCE_DAYS = 90
MOST_TOLERANCE_BPS = 5_000
MOST_PARTS = 60


def make_promise(state: State, command: MakePromise, loans: Loans = NO_LOANS) -> Facts:
    """A promise stands. Errors: as `case_of`, `loans_of`; CurrencyMismatch, InvalidAmount,
    DateOutOfRange; RuleRefused "loan_not_in_case", "id_taken", "promise_parts_out_of_order",
    "tolerance_too_wide", "promise_active"."""
    collection, case = case_of(state, command)
    day = dated(command)
    loan = loans_of(loans, command)[command.loan_id]
    within(case, [command.loan_id])
    fresh(command.promise_id in collection.promises, "promise", command.promise_id)
    same_currency(command.currency, loan.currency)
    _check_parts(command)
    for other in collection.promises.values():
        if other.loan_id == command.loan_id and open_until(other, loan, day) is not None:
            raise RuleRefused(
                f"Promise {other.promise_id} on loan {other.loan_id} is still open.",
                rule="promise_active",
                way_out="One promise a debt: cancel that one first, with the reason.",
                loan_id=other.loan_id,
            )
    return (
        PromiseMade(
            promise_id=command.promise_id,
            loan_id=command.loan_id,
            currency=command.currency,
            parts=command.parts,
            tolerance_days=command.tolerance_days,
            tolerance_bps=command.tolerance_bps,
            **said(command),
        ),
    )


def _check_parts(command: MakePromise) -> None:
    last = command.value_date
    for number, part in enumerate(command.parts):
        positive(part.amount_minor)
        checked_date(part.due_date)
        if part.due_date < last or (number and part.due_date == last):
            raise RuleRefused(
                f"The part of {part.due_date} does not come after the one before it.",
                rule="promise_parts_out_of_order",
                way_out="Send one part a day, the earliest first, none before the value date.",
            )
        last = part.due_date
    positive(sum(part.amount_minor for part in command.parts))
    if len(command.parts) > MOST_PARTS or not (
        0 <= command.tolerance_days <= MOST_TOLERANCE_DAYS
        and 0 <= command.tolerance_bps <= MOST_TOLERANCE_BPS
    ):
        raise RuleRefused(
            f"{len(command.parts)} parts, {command.tolerance_days} days and "
            f"{command.tolerance_bps} of {WHOLE_BPS} are no promise but a wish.",
            rule="tolerance_too_wide",
            way_out=f"At most {MOST_PARTS} parts, {MOST_TOLERANCE_DAYS} days and "
            f"{MOST_TOLERANCE_BPS} basis points are tolerated.",
        )


def cancel_promise(state: State, command: CancelPromise, loans: Loans = NO_LOANS) -> Facts:
    """A promise stands no more; a cancelled one again gives no fact. Errors: as `case_of`;
    UnknownEntity; RuleRefused "no_reason"."""
    collection, case = case_of(state, command)
    reasoned(command.reason)
    promise = collection.promises.get(command.promise_id)
    if promise is None or promise.case_id != case.case_id:
        raise UnknownEntity(
            f"Case {case.case_id} has no promise {command.promise_id}.",
            way_out="Name a promise that was made in this case.",
        )
    if promise.cancelled is not None:
        return ()
    return (
        PromiseCancelled(
            promise_id=promise.promise_id,
            loan_id=promise.loan_id,
            reason=command.reason,
            **said(command),
        ),
    )
