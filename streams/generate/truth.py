"""What really happened to each loan: for measuring warnings, never an input of the ledger.

Default is the first day on which a due has been unmet for more than 90 days, counted from the due
date (day 0), by value dates and after reversals: what one knows when everything is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate

from streams.generate.cast import Borrowers, Loan
from streams.generate.trouble import Trouble

DEFAULT_DAYS = 90
MISSED_DAYS = 3
"""A due not met within these days counts as missed; less is a technical delay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanTruth:
    """One loan's fate. Dates are None where the thing did not happen by `observed_until`.

    `trouble` and `decline_start` describe the borrower; `first_missed_due` is the first due date
    not met within three days, `default_due` the due date whose unmet days led to `default_date`.
    """

    loan_id: str
    borrower_id: str
    trouble: str
    decline_start: date | None
    first_missed_due: date | None
    default_due: date | None
    default_date: date | None
    observed_until: date


def loan_truth(
    loan: Loan, borrowers: Borrowers, *, borrower_id: str, start: date, days: int
) -> LoanTruth:
    """The fate of `loan` by the end of day `days` - 1."""
    unmet = unmet_days(loan.dues, loan.payments, until=days - 1)
    missed = next((due for due, late in unmet if late > MISSED_DAYS), None)
    broken = next((due for due, late in unmet if late > DEFAULT_DAYS), None)
    kind = Trouble(int(borrowers.kind[loan.borrower]))
    decline = int(borrowers.start[loan.borrower])

    def at(day: int | None) -> date | None:
        return None if day is None or day >= days else start + timedelta(days=day)

    return LoanTruth(
        loan_id=loan.loan_id,
        borrower_id=borrower_id,
        trouble=kind.name.lower(),
        decline_start=at(decline) if kind is not Trouble.NONE else None,
        first_missed_due=at(missed),
        default_due=at(broken),
        default_date=at(None if broken is None else broken + DEFAULT_DAYS + 1),
        observed_until=start + timedelta(days=days - 1),
    )


def unmet_days(
    dues: Sequence[tuple[int, int]], payments: Sequence[tuple[int, int]], *, until: int
) -> list[tuple[int, int]]:
    """(due day, days until it was met) for each due, oldest first; unmet ones count to `until`.

    Payments meet the oldest due first. `dues` and `payments` are (day, minor units).
    """
    ordered = sorted(payments)
    totals = list(accumulate(minor for _, minor in ordered))
    owed, place, result = 0, 0, []
    for due, minor in sorted(dues):
        owed += minor
        while place < len(totals) and totals[place] < owed:
            place += 1
        met = ordered[place][0] if place < len(totals) else until
        result.append((due, max(min(met, until) - due, 0)))
    return result
