"""A backlog of 300 MB is worked off in bounded memory, and a stop in it is quick."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest

from streams.kafka import Outgoing
from streams.topics import TRANSACTIONS_TOPIC

pytestmark = [pytest.mark.service, pytest.mark.slow]

Scale = Callable[..., Any]
ACCOUNTS, CREDITS, PADDING = 50, 3_000, 100_000
"""3,000 messages of 100 KB are 300 MB."""
MOST_GROWTH_MB = 150
QUICK = {"session_seconds": "3"}


def opening(number: int) -> bytes:
    return orjson.dumps(
        {
            "type": "account_opened", "transaction_id": f"open-{number}",
            "value_date": "2024-01-02", "account_id": f"A{number}", "borrower_id": "B1",
            "currency": "CNY", "opening_balance": "0.00",
        }
    )  # fmt: skip


def credit(number: int) -> bytes:
    """A credit of one cent, and much white space, which the book does not keep."""
    message = orjson.dumps(
        {
            "type": "account_credited", "transaction_id": f"c{number}",
            "value_date": "2024-01-02", "account_id": f"A{number % ACCOUNTS}",
            "amount": "0.01", "currency": "CNY",
        }
    )  # fmt: skip
    return message + b" " * (PADDING - len(message))


def megabytes(process: subprocess.Popen[bytes]) -> float:
    with open(f"/proc/{process.pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def lag(place: str) -> float:
    text = httpx.get(f"{place}/metrics").text
    found = re.findall(r"^loanbell_partition_waiting_messages\{.*\} (.*)$", text, re.MULTILINE)
    return sum(map(float, found))


def test_a_backlog_of_300_mb_takes_bounded_memory_and_a_stop_in_its_middle_is_quick(
    scale: Scale,
) -> None:
    scaled = scale(partitions=1)
    scaled.put(0, [Outgoing(None, opening(number)) for number in range(ACCOUNTS)])
    for start in range(0, CREDITS, 500):
        numbers = range(start, start + 500)
        scaled.put(0, [Outgoing(None, credit(number)) for number in numbers])
    started = scaled.start(**QUICK)
    place = scaled.joined(started)
    source = f"{TRANSACTIONS_TOPIC}:0"
    begun = megabytes(started)
    grown, lags, recorded = 0.0, [], 0
    deadline = time.monotonic() + 90
    while recorded < CREDITS // 2:
        assert time.monotonic() < deadline
        grown = max(grown, megabytes(started) - begun)
        lags.append(lag(place))
        recorded = scaled.tracked("ledger", source)[0]
        time.sleep(0.1)
    assert grown < MOST_GROWTH_MB
    assert max(lags) > CREDITS / 4  # The metric tells of the backlog, and that it shrinks.
    assert min(lags) < max(lags)
    asked = time.monotonic()
    started.send_signal(signal.SIGTERM)
    assert started.wait(timeout=10) == 0
    assert time.monotonic() - asked < 10
    again = scaled.start(**QUICK)
    scaled.wait()
    assert lag(scaled.joined(again)) == 0
    scaled.stop()
    book = scaled.book()
    # 3,000 credits of one cent on 50 accounts: 60 each, none lost and none twice.
    assert {len(facts) - 1 for facts in book.ledger.values()} == {60}
    assert {facts[-1].balance_minor for facts in book.ledger.values()} == {60}
