"""What is changed on a loan after it was agreed: terms, arrears, its end, single payments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from ledger.codec import event_type
from ledger.terms import Component, Revision, Split

RevisionKind = Literal["extended", "rescheduled", "restructured"]
PrepaymentEffect = Literal["hold", "reduce_instalment", "reduce_term"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Designation:
    """Part of a repayment, and what it is to be applied to."""

    component: Component
    amount_minor: int


@event_type("loan.repayment_designated", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class RepaymentDesignated:
    """How the repayment of the same transaction is to be applied.

    Recorded right before it. `designated` is met first; the rest follows the agreed order. `effect`
    says what its early part does to a generated schedule.
    """

    loan_id: str
    designated: tuple[Designation, ...]
    effect: PrepaymentEffect
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("loan.overpayment_refunded", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class OverpaymentRefunded:
    """Money that waited in suspense went back to the borrower."""

    loan_id: str
    amount_minor: int
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("loan.repayment_charged_back", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class RepaymentChargedBack:
    """Part or all of a repayment was taken back by the payer's bank: owed again from this day on.

    Unlike a reversal it leaves the past as it was: the amount is principal, due on `value_date`.
    """

    loan_id: str
    charged_back_transaction_id: str
    amount_minor: int
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("loan.revised", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class LoanRevised:
    """The contract was extended, rescheduled or restructured.

    `revision` is what the rest is planned by from `value_date` on, or None where the schedule that
    follows was given.
    """

    loan_id: str
    kind: RevisionKind
    revision: Revision | None
    reason: str
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("loan.arrears_capitalised", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class ArrearsCapitalised:
    """Arrears became principal: as if drawn anew and repaid at once. `split` is what they were."""

    loan_id: str
    amount_minor: int
    split: Split
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("loan.delinquency_paused", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class DelinquencyPaused:
    """Forbearance: days from `value_date` up to `until` (excluded) do not count as delinquent.

    Days past due as regulators count them go on.
    """

    loan_id: str
    until: date
    reason: str
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("loan.delinquency_resumed", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class DelinquencyResumed:
    """Pauses that run on `value_date` end with it: the day counts again."""

    loan_id: str
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("loan.recovery_received", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryReceived:
    """Money came in on a loan that was written off."""

    loan_id: str
    amount_minor: int
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("loan.recovery_reversed", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryReversed:
    """A recovery did not stand; it counts from the recovery's own value date."""

    loan_id: str
    reversed_transaction_id: str
    amount_minor: int
    reason: Literal["bounced", "chargeback", "booking_error", "other"]
    noticed_date: date
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("loan.write_off_adjusted", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOffAdjusted:
    """A late fact changed what had been left when the loan was written off, by `change`.

    Recorded behind that fact, on the day of the write-off. Parts of `change` may be negative.
    """

    loan_id: str
    change: Split
    transaction_id: str
    value_date: date
    recorded_at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """A recovery as the repayment that it becomes, and how it is applied."""

    transaction_id: str
    value_date: date
    amount_minor: int
    split: Split


@event_type("loan.write_off_cancelled", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOffCancelled:
    """The loan stands as if it had not been written off, which took `remaining` off the books.

    What was recovered meanwhile is repayment.
    """

    loan_id: str
    remaining: Split
    recovered: tuple[Recovered, ...]
    reason: str
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("loan.reopened", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class LoanReopened:
    """A late fact showed that the loan had not ended on `value_date`, when it was closed.

    Recorded right before that fact. `remaining` is what the closing had taken off the books.
    """

    loan_id: str
    closed_as: Literal["repaid", "refinanced", "written_off", "cancelled"]
    remaining: Split
    transaction_id: str
    value_date: date
    recorded_at_us: int
