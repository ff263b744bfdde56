"""Moments as messages write them."""

from __future__ import annotations

from datetime import UTC, datetime

from ledger.errors import DateOutOfRange
from streams.malformed import InvalidValue

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_US = 631_152_000_000_000  # 1990-01-01
LAST_US = 7_258_118_400_000_000  # 2200-01-01
"""No moment is as late."""
_moment = datetime.fromisoformat


def moment_us(text: str, name: str) -> int:
    """RFC 3339 text with a zone, in the field `name` -> microseconds of UTC.

    Errors: InvalidValue, DateOutOfRange.
    """
    try:
        since = _moment(text) - _EPOCH
    except (ValueError, OverflowError) as error:
        raise InvalidValue(
            f"{name} is {text!r}: {error}.", way_out="Send a moment such as 2024-03-31T10:15:00Z."
        ) from None
    micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    if not _FIRST_US <= micros < LAST_US:
        raise DateOutOfRange(
            f"{name} is {text}, outside the calendar.", way_out="Years 1990 to 2199 are accepted."
        )
    return micros
