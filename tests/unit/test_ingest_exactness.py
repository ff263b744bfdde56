"""Moments and amounts of messages arrive exactly."""

from __future__ import annotations

import json
from datetime import UTC, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.commands import DisburseLoan
from ledger.money import MAX_MINOR, format_minor
from ledger.service import Incoming
from streams.ingest import read
from streams.moments import moment_us

COMMON: dict[str, Any] = {"transaction_id": "T-1", "value_date": "2024-03-29"}


def take(body: bytes) -> Incoming:
    return read(body, source="test", offset=1, accepted_us=1_700_000_000_000_000)


def message(type_: str, /, **fields: Any) -> bytes:
    return json.dumps({"type": type_} | COMMON | fields).encode()


def test_sent_at_is_when_it_was_recorded_whatever_its_zone() -> None:
    body = message("business_day_closed", sent_at="2024-03-30T08:00:00.000001+08:00")
    incoming = take(body)
    assert incoming.recorded_at_us == 1_711_756_800_000_001
    assert incoming.command is not None
    assert incoming.command.recorded_at_us == incoming.recorded_at_us


@given(st.datetimes(), st.integers(-1439, 1439))
def test_moments_are_exact_to_the_microsecond(moment: Any, offset_minutes: int) -> None:
    aware = moment.replace(
        year=1990 + moment.year % 200, day=min(moment.day, 28),
        tzinfo=timezone(timedelta(minutes=offset_minutes)),
    )  # fmt: skip
    since = aware - aware.__class__(1970, 1, 1, tzinfo=UTC)
    if 1991 <= aware.year <= 2188:
        assert moment_us(aware.isoformat(), "sent_at") == since // timedelta(microseconds=1)


@given(st.integers(1, 2 * MAX_MINOR), st.sampled_from(["CNY", "JPY", "KWD"]))
def test_amounts_arrive_to_the_last_minor_unit(minor: int, currency: str) -> None:
    text = format_minor(minor, currency)
    incoming = take(message("loan_disbursed", loan_id="L", amount=text, currency=currency))
    if minor > MAX_MINOR:
        assert incoming.error is not None
    else:
        assert isinstance(incoming.command, DisburseLoan)
        assert incoming.command.amount_minor == minor
