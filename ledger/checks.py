"""Checks that every command meets, whatever it speaks to. Shape and dates only, no state."""

from __future__ import annotations

from typing import Any

from ledger.commands import Command
from ledger.dates import date_of, date_of_us, day_number
from ledger.errors import BorrowerMismatch, CurrencyMismatch, DateOutOfRange, InvalidAmount
from ledger.money import MAX_MINOR

_US_A_DAY = 86_400_000_000
MAX_DAYS_AHEAD = 1
"""A value date may lie one day after the UTC date of recording: time zones, nothing more."""


def value_day(command: Command, *, not_before: int, what: str) -> int:
    """The day number of the value date.

    Errors: DateOutOfRange before `not_before` (when the loan or account began; `what` names it), or
    more than one day after the day of recording.
    """
    day = day_number(command.value_date)
    if day < not_before:
        raise DateOutOfRange(
            f"The value date {command.value_date} lies before {what} began.",
            way_out=f"Send a value date from {date_of(not_before)} on.",
        )
    if day > command.recorded_at_us // _US_A_DAY + MAX_DAYS_AHEAD:
        raise DateOutOfRange(
            f"The value date {command.value_date} lies in the future.",
            way_out=f"Send it on its day; today is {date_of_us(command.recorded_at_us)} (UTC).",
        )
    return day


def positive(amount_minor: int) -> int:
    """`amount_minor` itself. Errors: InvalidAmount unless 0 < amount <= MAX_MINOR."""
    if not 0 < amount_minor <= MAX_MINOR:
        raise InvalidAmount(
            f"An amount of {amount_minor} minor units cannot be booked.",
            way_out=f"Send an amount above zero and up to {MAX_MINOR} minor units.",
        )
    return amount_minor


def same_borrower(named: str | None, state: Any) -> None:
    """Errors: BorrowerMismatch when the loan or account is not the one's whom the message names."""
    held = getattr(state, "borrower_id", None)
    if named is not None and held is not None and named != held:
        raise BorrowerMismatch(
            f"The message names borrower {named}, but this is of another one.",
            way_out="Check the id of the loan or account, or leave borrower_id out.",
        )


def same_currency(sent: str, held: str) -> None:
    """Errors: CurrencyMismatch when the message is in another currency than the loan or account."""
    if sent != held:
        raise CurrencyMismatch(
            f"The message is in {sent}, the book holds it in {held}.",
            way_out=f"Convert before sending: only {held} is accepted here.",
        )
