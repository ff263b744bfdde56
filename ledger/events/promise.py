"""Promises to pay. Whether one was kept follows from the loan's facts and is no fact of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ledger.codec import event_type
from ledger.events.collection import OfCase


@dataclass(frozen=True, slots=True, kw_only=True)
class PromisePart:
    """So much is to be paid by the end of a day."""

    due_date: date
    amount_minor: int


@event_type("promise.made", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseMade(OfCase):
    """The borrower promised to pay on a loan, in one part or by a plan of several.

    A part is kept when what was paid from `value_date` to `tolerance_days` after its day reaches
    what was promised up to it, less `tolerance_bps` hundredths of a percent.
    """

    promise_id: str
    loan_id: str
    currency: str
    parts: tuple[PromisePart, ...]
    tolerance_days: int
    tolerance_bps: int


@event_type("promise.cancelled", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseCancelled(OfCase):
    """A promise stands no more, from `value_date` on: another was made, or it was an error."""

    promise_id: str
    loan_id: str
    reason: str
