"""What happens to a loan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from ledger.codec import event_type
from ledger.terms import Instalment, Split, Terms


@event_type("loan.opened", version=2)
@dataclass(frozen=True, slots=True, kw_only=True)
class LoanOpened:
    """A contract was signed. `principal_minor` is the agreed amount, or a line's limit."""

    loan_id: str
    borrower_id: str
    account_id: str | None
    product: str
    currency: str
    principal_minor: int
    terms: Terms
    officer_id: str
    branch: str
    industry: str
    region: str
    guarantor_id: str | None
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("loan.disbursed", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class LoanDisbursed:
    """Money was paid out to the borrower."""

    loan_id: str
    amount_minor: int
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("loan.instalments_scheduled", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class InstalmentsScheduled:
    """A schedule is in force from `value_date`. It replaces the whole schedule before it.

    `schedule_version` counts from 1; the highest one is in force.
    """

    loan_id: str
    schedule_version: int
    origin: Literal["given", "generated"]
    instalments: tuple[Instalment, ...]
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("loan.repayment_received", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class RepaymentReceived:
    """Money came in. `split` is how it was applied by what was known when it was recorded."""

    loan_id: str
    amount_minor: int
    split: Split
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("loan.repayment_reversed", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class RepaymentReversed:
    """An earlier repayment did not stand; it counts from the original's value date.

    `value_date` is the original's; `noticed_date` is when the reversal was booked. `split` is how
    the original was applied when it was undone. `reason` "bounced" feeds the bounced-debit measure.
    """

    loan_id: str
    reversed_transaction_id: str
    amount_minor: int
    split: Split
    reason: Literal["bounced", "chargeback", "booking_error", "other"]
    noticed_date: date
    transaction_id: str
    value_date: date
    recorded_at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reallocation:
    """One earlier repayment's split, before and after."""

    transaction_id: str
    before: Split
    split: Split


@event_type("loan.repayments_reallocated", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class RepaymentsReallocated:
    """A backdated or reversed fact changed how later repayments are applied.

    Recorded right behind its cause, with the same transaction id.
    """

    loan_id: str
    changes: tuple[Reallocation, ...]
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("loan.charge_applied", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeApplied:
    """A fee, cost or penalty was charged; it falls due on `due_date`."""

    loan_id: str
    kind: Literal["costs", "fees", "penalty"]
    amount_minor: int
    due_date: date
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("loan.rate_changed", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class LoanRateChanged:
    """The contract rate is `rate_ppm` a year from `value_date`."""

    loan_id: str
    rate_ppm: int
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("loan.limit_changed", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class LoanLimitChanged:
    """The agreed amount or line is `limit_minor` from `value_date`."""

    loan_id: str
    limit_minor: int
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("loan.officer_changed", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class LoanOfficerChanged:
    """Another officer answers for the loan, perhaps in another branch."""

    loan_id: str
    officer_id: str
    branch: str
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("loan.guarantor_changed", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class LoanGuarantorChanged:
    """Another guarantor, or none."""

    loan_id: str
    guarantor_id: str | None
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("loan.status_changed", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class LoanStatusChanged:
    """A finding about the loan was set or lifted: an input of the risk grade.

    `finding` is one of the causes a regulator lists (misuse of funds, evasion, bankruptcy, …).
    """

    loan_id: str
    finding: Literal[
        "misuse_of_funds",
        "refinanced",
        "restructured",
        "credit_impaired",
        "seriously_impaired",
        "evasion",
        "bankruptcy",
        "default_observed",
        "technical_overdue",
    ]
    active: bool
    reason: str
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("loan.position_reported", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class PositionReported:
    """The core system's own position, for books whose instalments it keeps (cards, panels)."""

    loan_id: str
    outstanding_minor: int
    payment_due_minor: int | None
    months_past_due: int | None
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("loan.closed", version=2)
@dataclass(frozen=True, slots=True, kw_only=True)
class LoanClosed:
    """The loan ended. `remaining` is what the book still held then, by component.

    Nothing when repaid, unless the loan is known by reported positions only. Where people decided
    it, as a write-off, `requested_by` asked for it and `approved_by` agreed; None: nobody said.
    """

    loan_id: str
    reason: Literal["repaid", "refinanced", "written_off", "cancelled"]
    remaining: Split
    transaction_id: str
    value_date: date
    recorded_at_us: int
    requested_by: str | None = None
    approved_by: str | None = None
