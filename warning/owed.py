"""What a loan is said to owe: what facts draw or let fall due, reports, superseded schedules."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ledger.dates import day_number
from ledger.events import (
    ArrearsCapitalised,
    ChargeApplied,
    InterestAccrued,
    LoanDisbursed,
    RepaymentChargedBack,
    RepaymentReversed,
    RepaymentsReallocated,
    WriteOffCancelled,
)
from ledger.terms import Instalment

Charging = ChargeApplied | InterestAccrued | RepaymentChargedBack


class Report(NamedTuple):
    """A position as the core system reported it; ordered by day, then transaction id."""

    day: int
    tie: str
    months: int | None
    due_minor: int | None
    outstanding_minor: int


class Epoch(NamedTuple):
    """A schedule that another one superseded: when it was in force, and its dues alone."""

    day: int
    version: int
    due: dict[int, int]


def due_on(reports: list[Report], day: int) -> int:
    """The payment due of the last report of a day; 0 when there is none."""
    at = bisect_right(reports, day, key=lambda report: report.day)
    due = reports[at - 1].due_minor if at and reports[at - 1].day == day else None
    return due or 0


def charges_of(fact: Charging) -> list[tuple[int, int]]:
    """The days and amounts that a fact lets fall due besides instalments; corrections negative."""
    if isinstance(fact, InterestAccrued):
        return [
            (day_number(due.due_date), due.penalty_minor + due.compound_minor)
            for due in fact.penalties
        ]
    due_date = fact.due_date if isinstance(fact, ChargeApplied) else fact.value_date
    return [(day_number(due_date), fact.amount_minor)]


def due_of(rows: Iterable[Instalment]) -> dict[int, int]:
    """What falls due on which day."""
    due: dict[int, int] = {}
    for row in rows:
        amount = row.principal_minor + row.interest_minor
        if amount:
            day = day_number(row.due_date)
            due[day] = due.get(day, 0) + amount
    return due


def drawn_by(fact: Any) -> Iterable[tuple[int, int]]:
    """The days and amounts by which a fact, other than a repayment, raises the principal."""
    if isinstance(fact, WriteOffCancelled):
        return [
            (day_number(recovered.value_date), -recovered.split.principal_minor)
            for recovered in fact.recovered
        ]
    return ((day_number(fact.value_date), _principal_of[type(fact)](fact)),)


_principal_of: dict[type, Callable[[Any], int]] = {
    RepaymentReversed: lambda fact: fact.split.principal_minor,
    LoanDisbursed: lambda fact: fact.amount_minor,
    RepaymentChargedBack: lambda fact: fact.amount_minor,
    ArrearsCapitalised: lambda fact: fact.amount_minor - fact.split.principal_minor,
    RepaymentsReallocated: lambda fact: sum(
        change.before.principal_minor - change.split.principal_minor for change in fact.changes
    ),
}
