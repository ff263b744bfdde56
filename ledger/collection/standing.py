"""What became of a promise: kept, partial, broken or still open. Derived, never recorded. Pure.

A function of the promise and of the loan as the facts known give it. So a loan made of the facts
recorded up to a day answers "as known then", and one made of all facts "as corrected": a repayment
that arrives late keeps a promise that looked broken, a reversal breaks one that looked kept.

What counts as paid is what counts for days past due: standing repayments and what was capitalised
less refunds, by value day, from the day of the promise on; after a write-off, recoveries too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from ledger.collection.state import Promise
from ledger.dates import day_number
from ledger.loan import Loan

Standing = Literal["open", "kept", "partial", "broken", "cancelled"]
WHOLE_BPS = 10_000


class PromiseStanding(NamedTuple):
    """A promise at the end of a day: `decided_day` is when it was kept, or failed; None while open.

    `partial`: by the day on which it failed something was paid, but not enough; `broken`: nothing.
    """

    standing: Standing
    promised_minor: int
    paid_minor: int
    decided_day: int | None


def deadlines(promise: Promise) -> list[tuple[int, int]]:
    """The last day of each part, tolerance included, and what must be paid in all by its end."""
    total, ends = 0, []
    for part in promise.parts:
        total += part.amount_minor
        needed = -(-total * (WHOLE_BPS - promise.tolerance_bps) // WHOLE_BPS)
        ends.append((day_number(part.due_date) + promise.tolerance_days, needed))
    return ends


def standing_on(promise: Promise, loan: Loan, day: int) -> PromiseStanding:
    """What became of `promise` by the end of `day`, by all that `loan` knows."""
    return standing_by(promise, lambda until: paid_in(loan, promise.made_day, until), day)


def standing_by(promise: Promise, paid_until: Callable[[int], int], day: int) -> PromiseStanding:
    """As `standing_on`; `paid_until` gives what was paid from the promise to the end of a day."""
    promised = sum(part.amount_minor for part in promise.parts)
    cancelled = promise.cancelled
    last = day if cancelled is None else min(day, cancelled - 1)
    standing, decided = _decided(promise, paid_until, last)
    if standing == "open" and cancelled is not None and cancelled <= day:
        standing, decided = "cancelled", cancelled
    return PromiseStanding(standing, promised, paid_until(day), decided)


def _decided(
    promise: Promise, paid_until: Callable[[int], int], day: int
) -> tuple[Standing, int | None]:
    ends = deadlines(promise)
    for end, needed in ends:
        paid = paid_until(min(end, day))
        if paid >= needed:
            continue
        if end > day:
            return "open", None
        return ("partial" if paid > 0 else "broken"), end
    return "kept", _kept_on(promise, paid_until, day)


def _kept_on(promise: Promise, paid_until: Callable[[int], int], day: int) -> int:
    """The day on which all was paid that was promised; no later one changes it."""
    (end, needed), made = deadlines(promise)[-1], promise.made_day
    last = min(end, day)
    kept = last
    while kept > made and paid_until(kept - 1) >= needed:
        kept -= 1
    return kept


def open_until(promise: Promise, loan: Loan, today: int) -> int | None:
    """The last day on which a promise runs if nothing more is paid; None if it does not `today`.

    That is the deadline of the first part that is not met; a day is not over while it lasts.
    """
    if promise.cancelled is not None and promise.cancelled <= today:
        return None
    for end, needed in deadlines(promise):
        if paid_in(loan, promise.made_day, min(end, today)) < needed:
            return end if end >= today else None
    return None


def paid_in(loan: Loan, first: int, last: int) -> int:
    """What was paid on the loan with value days from `first` to `last`, minor units."""
    paid = sum(entry.paid_minor for entry in loan.book.entries if first <= entry.day <= last)
    recovered = loan.recoveries.values()
    return paid + sum(entry.number for entry in recovered if first <= entry.day <= last)
