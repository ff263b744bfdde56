"""What may be asked about a loan's interest: what was earned by a day, and what the books hold."""

from __future__ import annotations

from collections.abc import Callable

from ledger.accrual import earned_by, penalties_by
from ledger.scenario.asked import Answer, LoanOn
from ledger.scenario.words import Unclear


def _earned(on: LoanOn, amount: str) -> Answer:
    return on.minor(amount), on.show(earned_by(on.loan, on.day))


def _penalty(on: LoanOn, penalty: str, compound: str) -> Answer:
    actual = penalties_by(on.loan, on.day)
    return (on.minor(penalty), on.minor(compound)), (on.show(actual[0]), on.show(actual[1]))


def _accrued(on: LoanOn, amount: str) -> Answer:
    return on.minor(amount), on.show(on.loan.booked.interest_minor)


def _off_balance(on: LoanOn, amount: str) -> Answer:
    booked = on.loan.booked
    both = booked.suspended_interest_minor + booked.suspended_penalty_minor
    return on.minor(amount), on.show(both)


def _accrual(on: LoanOn, state: str) -> Answer:
    if state not in ("on", "suspended"):
        raise Unclear(f"{state!r} is neither on nor suspended")
    return state, "suspended" if on.loan.booked.suspended else "on"


INTEREST_CLAUSES: dict[str, Callable[..., Answer]] = {
    "earned": _earned,
    "penalty": _penalty,
    "accrued": _accrued,
    "off-balance": _off_balance,
    "accrual": _accrual,
}
"""By the first word of the clause."""
