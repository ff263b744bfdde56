"""Time, and messages that the book refused: facts too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ledger.codec import event_type


@event_type("day.closed", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessDayClosed:
    """The books of `value_date` are closed. Silence is the signal: this is what reveals it."""

    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("period.closed", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodClosed:
    """The accounts up to and including `value_date` are final: nothing may be valued in them."""

    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("period.reopened", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodReopened:
    """Days from `value_date` on may take facts again."""

    reason: str
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("message.refused", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRefused:
    """A message that the book did not take, kept whole.

    `original` is the message as UTF-8 text, or base64 where `encoding` says so, cut at 64 KiB;
    `original_bytes` is its full length and `original_sha256` names the whole.
    """

    source: str
    offset: int
    code: str
    reason: str
    original: str
    encoding: str
    original_bytes: int
    original_sha256: str
    transaction_id: str | None
    value_date: date
    recorded_at_us: int
