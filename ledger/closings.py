"""When interest is closed: at each month's end that a closed business day has reached.

The close of a business day brings the interest of every loan that accrues to the end of the months
that ended since the close before it, in the same commit. So a loan has one such fact a month, not
one a day, and silence cannot keep a loan from being suspended. Which loans accrue is a stream of
its own, because the log is too long to search. Decides the days, not what is booked (`accrual`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any

from ledger.commands import AccrueInterest, CloseBusinessDay, Command
from ledger.dates import add_months, day_number
from ledger.events import AccrualBegun, LoanOpened
from ledger.loan import Loan

_FIRST = 1
PREFIX = "accrue-"
"""How the transaction ids of closed interest begin."""


class Accruing:
    """The loans whose interest is booked before it is received, in the order of their opening."""

    __slots__ = ("loan_ids",)

    def __init__(self) -> None:
        self.loan_ids: list[str] = []


def accrual_begun(state: Accruing | None, fact: AccrualBegun) -> Accruing:
    """Take in a loan."""
    accruing = state if state is not None else Accruing()
    accruing.loan_ids.append(fact.loan_id)
    return accruing


def begun_by(facts: Iterable[Any]) -> list[AccrualBegun]:
    """What is noted of the loans that `facts` open."""
    return [
        AccrualBegun(
            loan_id=fact.loan_id,
            transaction_id=fact.transaction_id,
            value_date=fact.value_date,
            recorded_at_us=fact.recorded_at_us,
        )
        for fact in facts
        if isinstance(fact, LoanOpened) and fact.terms.accrues
    ]


def month_ends(last: date | None, closed: date) -> Iterator[date]:
    """The last days of months that the close of `closed` has reached, and the one before had not.

    A book that closed no day yet has reached those of the month of `closed`, if any.
    """
    first = closed.replace(day=_FIRST) if last is None else last + timedelta(days=1)
    end = add_months(first, 1, anchor_day=_FIRST) - timedelta(days=1)
    while end <= closed:
        yield end
        end = add_months(end, 2, anchor_day=_FIRST) - timedelta(days=1)


def month_ends_of(state: Any, command: Command) -> list[date]:
    """The months' ends that `command` reaches, when it closes a business day in `state`."""
    if not isinstance(command, CloseBusinessDay):
        return []
    return list(month_ends(state.last_closed if state is not None else None, command.value_date))


def is_due(loan: Loan, day: date) -> bool:
    """Whether a loan takes part in the closing of `day`: it runs, and was not closed as far."""
    number, last = day_number(day), loan.book.closed_day
    running = loan.closed is None and loan.opened_day <= number
    return running and loan.book.accrues and (last is None or last < number)


def closing_of(loan_id: str, day: date, *, at_us: int) -> AccrueInterest:
    """What the close of a business day asks of a loan; its transaction id names both."""
    return AccrueInterest(
        loan_id=loan_id,
        transaction_id=f"{PREFIX}{day.isoformat()}-{loan_id}",
        value_date=day,
        recorded_at_us=at_us,
    )
