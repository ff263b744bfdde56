"""What may be expected in a diary of a loan's arrears and its end. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from ledger.arrears import (
    USUAL_BUCKETS,
    Buckets,
    Materiality,
    arrears_by_bucket,
    delinquent_days,
    due_arrears,
    exposure_minor,
    material_days,
)
from ledger.dates import day_number
from ledger.money import parse_minor
from ledger.scenario.asked import Answer, LoanOn
from ledger.scenario.words import Unclear, ppm


def _delinquent(on: LoanOn, days: str) -> Answer:
    return int(days), delinquent_days(on.loan, on.day)


def _exposure(on: LoanOn, amount: str) -> Answer:
    return on.minor(amount), on.show(exposure_minor(on.loan, on.day))


def _material(on: LoanOn, days: str, _over: str, amount: str, _and: str, percent: str) -> Answer:
    limits = Materiality(
        absolute_minor=parse_minor(amount, on.loan.currency), relative_ppm=ppm(percent)
    )
    return int(days), material_days(on.loan, on.day, limits)


def _due(
    on: LoanOn, due: str, amount: str, _unpaid: str, unpaid: str, _late: str, late: str
) -> Answer:
    expected = (on.minor(amount), on.minor(unpaid), int(late))
    day = day_number(date.fromisoformat(due))
    for found in due_arrears(on.loan, on.day):
        if found.due_day == day:
            return expected, (
                on.show(found.due_minor),
                on.show(found.unpaid_minor),
                found.late_days,
            )
    return expected, "nothing due on that day"


def _bucket(on: LoanOn, label: str, *ends: str) -> Answer:
    buckets = _buckets(ends)
    return label, buckets.label(buckets.of(on.loan.dpd(on.day)))


def _overdue(on: LoanOn, label: str, amount: str, *ends: str) -> Answer:
    buckets = _buckets(ends)
    labels = [buckets.label(number) for number in range(len(buckets.ends) + 1)]
    if label not in labels:
        raise Unclear(f"{label!r} is not one of {', '.join(labels)}")
    return on.minor(amount), on.show(
        arrears_by_bucket(on.loan, on.day, buckets)[labels.index(label)]
    )


def _buckets(ends: tuple[str, ...]) -> Buckets:
    """`of 0 7 14`: other buckets than the usual ones, by their last days."""
    if not ends:
        return USUAL_BUCKETS
    if ends[0] != "of":
        raise Unclear(f"{ends[0]!r} is not of, with the last day of each bucket")
    return Buckets([int(end) for end in ends[1:]])


def _claim(on: LoanOn, amount: str) -> Answer:
    return on.minor(amount), on.show(on.loan.claim_minor)


def _version(on: LoanOn, number: str) -> Answer:
    return int(number), on.loan.schedule_version


ARREARS_CLAUSES: dict[str, Callable[..., Answer]] = {
    "delinquent": _delinquent,
    "exposure": _exposure,
    "material": _material,
    "due": _due,
    "bucket": _bucket,
    "overdue": _overdue,
    "claim": _claim,
    "version": _version,
}
"""By the first word of the clause, as `expect.LOAN_CLAUSES`."""
