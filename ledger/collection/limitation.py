"""Until when a claim can be sued for, and a judgment enforced. Derived from facts. Pure.

The clock begins with the oldest due day that is not met, which is the earliest reading and so the
safe one for a lender (for instalments, Civil Code 189 counts from the last). A demand, a mediation
or a suit while it runs starts it anew, a promise or a payment at any time. A period ends on the day
of the month on which it began, or the month's last. Values are from memory: unverified.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

from ledger.collection.state import Collection
from ledger.dates import add_months, date_of, day_number
from ledger.events import LegalStepTaken
from ledger.loan import Loan
from ledger.position import REPAYMENT

LIMITATION_MONTHS = 36
"""Three years. Source: Civil Code 188, from memory: unverified."""
ENFORCEMENT_MONTHS = 24
"""Two years from the last day for payment. Source: Civil Procedure Law, from memory: unverified."""
INTERRUPTS = frozenset(["demand", "mediation", "suit"])
"""What starts the clock anew while it runs. Source: Civil Code 195, from memory: unverified."""


class Limitation(NamedTuple):
    """The clock on a loan: when it last began, by what, and its last day.

    `cause` is due, demand, mediation, suit, promise, payment or judgment.
    """

    began: date
    cause: str
    last_day: date

    def expired(self, day: date) -> bool:
        """Whether the last day lies before `day`."""
        return day > self.last_day


def limitation_on(loan: Loan, collection: Collection | None, day: int) -> Limitation | None:
    """The clock at the end of `day`; None where nothing due is unmet and nothing was adjudged."""
    judgments = [
        step.deadline or step.value_date
        for step in _steps(loan, collection, day)
        if step.step == "judgment"
    ]
    if judgments:
        began = max(judgments)
        return Limitation(began, "judgment", add_months(began, ENFORCEMENT_MONTHS))
    unmet = _oldest_unmet(loan, day)
    if unmet is None:
        return None
    return after_events(date_of(unmet), _events(loan, collection, unmet, day))


def after_events(due: date, events: Iterable[tuple[date, str]]) -> Limitation:
    """The clock that begins on `due` and meets `events` (day, what happened), earliest first."""
    clock = _from(due, "due")
    for day, cause in events:
        if cause in INTERRUPTS and clock.expired(day):
            continue  # too late: only the debtor can revive the claim
        clock = _from(day, cause)
    return clock


def _oldest_unmet(loan: Loan, day: int) -> int | None:
    """The oldest due day that is not met; of a loan written off, that of the day before."""
    if loan.closed == "written_off" and loan.closed_day is not None:
        day = min(day, loan.closed_day - 1)
    late = loan.dpd(day)
    return day - late if late else None


def _from(day: date, cause: str) -> Limitation:
    return Limitation(day, cause, add_months(day, LIMITATION_MONTHS))


def _events(
    loan: Loan, collection: Collection | None, since: int, day: int
) -> list[tuple[date, str]]:
    """What started the clock anew after `since`, in the order of days; the debtor's word last."""
    found = [
        (date_of(entry.day), "payment")
        for entry in (*loan.book.entries, *loan.recoveries.values())
        if entry.kind == REPAYMENT and since < entry.day <= day
    ]
    found += [
        (step.value_date, step.step)
        for step in _steps(loan, collection, day)
        if step.step in INTERRUPTS and day_number(step.value_date) > since
    ]
    for promise in collection.promises.values() if collection is not None else ():
        if promise.loan_id == loan.loan_id and since < promise.made_day <= day:
            found.append((date_of(promise.made_day), "promise"))
    return sorted(found, key=lambda event: (event[0], event[1] not in INTERRUPTS, event[1]))


def _steps(loan: Loan, collection: Collection | None, day: int) -> Iterator[LegalStepTaken]:
    steps = collection.steps.values() if collection is not None else ()
    return (
        step
        for step in steps
        if step.loan_id == loan.loan_id and day_number(step.value_date) <= day
    )
