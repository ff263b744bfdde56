"""The calendar of closed business days: one state for the whole book.

Does not know holidays; which days are closed is up to whoever sends the command. Closing a business
day forbids nothing: late facts are backdated. Closing a period does, until it is reopened.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from ledger.change_commands import ClosePeriod, ReopenPeriod
from ledger.checks import value_day
from ledger.commands import CloseBusinessDay
from ledger.dates import FIRST_DATE, day_number
from ledger.errors import RuleRefused
from ledger.events import BusinessDayClosed, PeriodClosed, PeriodReopened

_TIME_ITSELF = (BusinessDayClosed, PeriodClosed, PeriodReopened)


class Days:
    """Which business day was closed last, and up to which day the accounts are final."""

    __slots__ = ("final_until", "last_closed")

    def __init__(self) -> None:
        self.last_closed: date | None = None
        self.final_until: date | None = None


def close_day(state: Days | None, command: CloseBusinessDay) -> tuple[BusinessDayClosed, ...]:
    """Close a business day. The last closed day again gives no fact: it is a duplicate.

    Errors: RuleRefused "day_already_closed" for an earlier day.
    """
    value_day(command, not_before=day_number(FIRST_DATE), what="the calendar")
    last = state.last_closed if state is not None else None
    if last is not None and command.value_date < last:
        raise RuleRefused(
            f"{command.value_date} cannot be closed: {last} is closed already.",
            rule="day_already_closed",
            way_out=f"Close a day after {last}; late facts need no close, they are backdated.",
        )
    if command.value_date == last:
        return ()
    return (
        BusinessDayClosed(
            transaction_id=command.transaction_id,
            value_date=command.value_date,
            recorded_at_us=command.recorded_at_us,
        ),
    )


def day_closed(state: Days | None, fact: BusinessDayClosed) -> Days:
    """Take in a closed day."""
    days = state if state is not None else Days()
    days.last_closed = fact.value_date
    return days


def close_period(state: Days | None, command: ClosePeriod) -> tuple[PeriodClosed, ...]:
    """Make the accounts final. What is final already gives no fact: it is a duplicate."""
    value_day(command, not_before=day_number(FIRST_DATE), what="the calendar")
    final = state.final_until if state is not None else None
    if final is not None and command.value_date <= final:
        return ()
    return (
        PeriodClosed(
            transaction_id=command.transaction_id,
            value_date=command.value_date,
            recorded_at_us=command.recorded_at_us,
        ),
    )


def reopen_period(state: Days | None, command: ReopenPeriod) -> tuple[PeriodReopened, ...]:
    """Take facts again from a day on. What is open already gives no fact: it is a duplicate."""
    value_day(command, not_before=day_number(FIRST_DATE), what="the calendar")
    final = state.final_until if state is not None else None
    if final is None or command.value_date > final:
        return ()
    return (
        PeriodReopened(
            reason=command.reason,
            transaction_id=command.transaction_id,
            value_date=command.value_date,
            recorded_at_us=command.recorded_at_us,
        ),
    )


def period_closed(state: Days | None, fact: PeriodClosed) -> Days:
    """Take in a closed period."""
    days = state if state is not None else Days()
    days.final_until = fact.value_date
    return days


def period_reopened(state: Days | None, fact: PeriodReopened) -> Days:
    """Take in that a period is open again."""
    days = state if state is not None else Days()
    days.final_until = fact.value_date - timedelta(days=1)
    return days


def check_period(days: Days | None, facts: Iterable[Any]) -> None:
    """Errors: RuleRefused "period_closed" when one of `facts` would count in a closed period.

    A reversal counts from its original's day, so one of a payment in a closed period is refused.
    """
    final = days.final_until if days is not None else None
    if final is None:
        return
    for fact in facts:
        if fact.value_date <= final and not isinstance(fact, _TIME_ITSELF):
            raise RuleRefused(
                f"The accounts are final up to {final}, and this would count from "
                f"{fact.value_date}.",
                rule="period_closed",
                way_out=f"Send it valued {final + timedelta(days=1)} or later (a payment taken "
                "back: as a chargeback), or reopen the period first.",
            )
