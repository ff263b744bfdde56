"""The kinds of values a message may hold: their patterns, and what the ledger reads in them.

Amounts and rates are decimal strings. Says nothing of which message holds what.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ledger.dates import FIRST_DATE, LAST_DATE, checked_date
from ledger.errors import InvalidAmount
from ledger.money import exponent, parse_minor

MAX_INSTALMENTS = 1_200

ID_PATTERN = r"^[A-Za-z0-9._-]{1,64}$"
TRANSACTION_ID_PATTERN = r"^[!-~]{1,128}$"
AMOUNT_PATTERN = r"^(0|[1-9][0-9]{0,15})(\.[0-9]{1,6})?$"
SIGNED_AMOUNT_PATTERN = r"^-?(0|[1-9][0-9]{0,15})(\.[0-9]{1,6})?$"
RATE_PATTERN = r"^(0|[1-9][0-9]{0,2})(\.[0-9]{1,4})?$"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})"
MOMENT_PATTERN = f"^{_DAY}T{_TIME}$"

Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
TransactionId = Annotated[
    str,
    StringConstraints(pattern=TRANSACTION_ID_PATTERN),
    Field(description="Names the transaction for ever: sent again, it changes nothing."),
]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), Field(description="ISO 4217.")]
Amount = Annotated[
    str,
    StringConstraints(pattern=AMOUNT_PATTERN),
    Field(description='A decimal string above zero, such as "1250.00".'),
]
AmountOrZero = Annotated[
    str,
    StringConstraints(pattern=AMOUNT_PATTERN),
    Field(description='A decimal string, zero or more, such as "0" or "1250.00".'),
]
SignedAmount = Annotated[
    str,
    StringConstraints(pattern=SIGNED_AMOUNT_PATTERN),
    Field(description='A decimal string that may be negative, such as "-310.25".'),
]
RatePercent = Annotated[
    str,
    StringConstraints(pattern=RATE_PATTERN),
    Field(description='Percent a year as a decimal string with up to 4 digits: "9.4822".'),
]
Share = Annotated[
    str,
    StringConstraints(pattern=r"^(0|[1-9][0-9]{0,3})(\.[0-9]{1,4})?$"),
    Field(description='Percent as a decimal string with up to 4 digits: "50".'),
]
Days = Annotated[int, Field(ge=0, le=3_660)]
Moment = Annotated[
    str,
    StringConstraints(pattern=MOMENT_PATTERN),
    Field(
        description="RFC 3339 with a time zone, to the microsecond at most.",
        json_schema_extra={"format": "date-time"},
    ),
]
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,128}$")]
TextOrEmpty = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{0,128}$")]
Remark = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]{0,500}$")]


class Shape(BaseModel):
    """A part of a message: unknown fields are refused, and no value is bent to fit."""

    # Values hardly ever repeat, so caching their strings costs more than it saves.
    model_config = ConfigDict(extra="forbid", strict=True, cache_strings="keys")


_SAFE_DIGITS = 12
"""So many digits before the point never reach the largest amount, whatever the currency."""


def day_of(day: date) -> date:
    """`day` itself. Errors: DateOutOfRange outside the calendar."""
    return day if FIRST_DATE <= day <= LAST_DATE else checked_date(day)


def minor_of(text: str, currency: str) -> int:
    """Text that matches the schema's amount -> minor units, by the rules of `parse_minor`.

    The usual case, exactly the currency's digits, takes less than half of its time.
    """
    whole, _, fraction = text.partition(".")
    if len(fraction) == exponent(currency) and len(whole) <= _SAFE_DIGITS:
        return int(whole + fraction)
    return parse_minor(text, currency)


def positive_of(text: str, currency: str) -> int:
    """As `minor_of`. Errors: InvalidAmount for zero."""
    minor = minor_of(text, currency)
    if minor <= 0:
        raise InvalidAmount("The amount is zero.", way_out="Send an amount above zero.")
    return minor


def micro_of(text: str) -> int:
    """A decimal with up to six digits behind the point -> millionths: "-0.3" -> -300_000."""
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(6, "0"))


def ppm_of(percent: str) -> int:
    """A rate as the schema has it -> parts per million: "9.4822" -> 94_822."""
    whole, _, fraction = percent.partition(".")
    return int(whole + fraction.ljust(4, "0"))
