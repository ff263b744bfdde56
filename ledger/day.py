"""The calendar of closed business days: one state for the whole book.

Does not know holidays; which days are closed is up to whoever sends the command.
"""

from __future__ import annotations

from datetime import date

from ledger.checks import value_day
from ledger.commands import CloseBusinessDay
from ledger.dates import FIRST_DATE, day_number
from ledger.errors import RuleRefused
from ledger.events import BusinessDayClosed


class Days:
    """Which business day was closed last."""

    __slots__ = ("last_closed",)

    def __init__(self) -> None:
        self.last_closed: date | None = None


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
