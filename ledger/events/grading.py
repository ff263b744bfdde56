"""What is known of a loan's quality, and what people decide about its risk grade."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ledger.codec import event_type


@event_type("loan.assessed", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class LoanAssessed:
    """A measure of the loan's quality is `value_ppm` parts per million from `value_date`.

    `measure` is a word that regimes of risk grades read (ecl_ratio, non_accrual, sicr_rebutted, …);
    a plain yes is 1,000,000. None takes the measure back.
    """

    loan_id: str
    measure: str
    value_ppm: int | None
    reason: str
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("loan.grade_overridden", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class LoanGradeOverridden:
    """Two people set the loan's grade in a regime, from `value_date` to the end of `until`."""

    loan_id: str
    regime: str
    grade: str
    reason: str
    requested_by: str
    approved_by: str
    until: date
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("loan.grade_override_ended", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class LoanGradeOverrideEnded:
    """Two people let the rules speak again, from `value_date` on."""

    loan_id: str
    regime: str
    reason: str
    requested_by: str
    approved_by: str
    transaction_id: str
    value_date: date
    recorded_at_us: int
