"""Interest as it is earned: on principal, and on what is overdue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ledger.codec import event_type


@dataclass(frozen=True, slots=True, kw_only=True)
class PenaltyDue:
    """Interest on what is overdue that falls due on `due_date`: on principal, and on interest.

    Corrections of an earlier one of the same day may be negative.
    """

    due_date: date
    penalty_minor: int
    compound_minor: int


@event_type("loan.interest_accrued", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class InterestAccrued:
    """Interest was brought up to `until` (excluded); amounts are changes, and may be negative.

    Recorded on a closing (`closing`: penalty interest so far falls due), and behind each other fact
    that changes what is earned, in that fact's transaction. `interest_minor` is contract interest
    earned and not received, on the balance sheet; below zero in sum, it was received in advance.
    While accrual is `suspended`, unpaid interest and penalties are kept off balance instead.
    """

    loan_id: str
    until: date
    closing: bool
    interest_minor: int
    penalties: tuple[PenaltyDue, ...]
    suspended: bool
    suspended_interest_minor: int
    suspended_penalty_minor: int
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("loan.accrual_begun", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class AccrualBegun:
    """A loan was opened whose interest is booked before it is received: closings take it in.

    Recorded right behind the opening, in a stream of its own.
    """

    loan_id: str
    transaction_id: str
    value_date: date
    recorded_at_us: int
