"""A store that takes nothing for a while: the timer tries again, and the node says so meanwhile."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from ledger.dates import moment_us
from ledger.errors import StoreBlocked
from ledger.service import Incoming
from ledger.store import connections
from streams import blocked, clock
from streams.ingest import read
from streams.settings import Settings
from streams.wiring import Node

MONDAY = date(2024, 4, 1)
AFTER_ITS_CLOSE_US = moment_us(datetime(2024, 4, 1, 23, 59, 30, tzinfo=UTC))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks and pauses as in life, but short."""
    monkeypatch.setattr(connections, "LOCK_TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(blocked, "FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(clock, "now_us", lambda: AFTER_ITS_CLOSE_US)


def node_of(folder: Path, **given: Any) -> Node:
    return Node.open(Settings.load({"data": folder} | given, environ={}))


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 20))


def locked(folder: Path) -> closing[sqlite3.Connection]:
    other = sqlite3.connect(folder / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return closing(other)


def test_the_timer_closes_the_day_once_the_store_takes_it_and_tells_once_that_it_waits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        node = node_of(tmp_path)
        with locked(tmp_path):
            await node.start()
            await asyncio.sleep(0.6)
            assert node.closed_through is None
        while node.closed_through is None:
            await node.moved(within_seconds=1)
        assert node.closed_through == MONDAY
        assert node.failure is None
        await node.stop()
        node.close()

    with caplog.at_level(logging.WARNING, "loanbell.blocked"):
        run(work())
    waits = [r.getMessage() for r in caplog.records if r.name == "loanbell.blocked"]
    of_timer = [told for told in waits if told.startswith("the timer waits and tries again: ")]
    assert len(of_timer) == 1
    assert "is locked by another program" in of_timer[0]


def test_a_timer_that_ends_by_an_error_stops_the_node_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("no such day")

    monkeypatch.setattr(clock.Timetable, "missed", broken)

    async def work() -> None:
        async with node_of(tmp_path) as node:
            assert isinstance(await node.failed(), ValueError)
            assert node.health().state == "failed"

    run(work())


def test_a_stop_ends_a_timer_that_waits_for_the_store(tmp_path: Path) -> None:
    async def work() -> None:
        node = node_of(tmp_path)
        with locked(tmp_path):
            await node.start()
            await asyncio.sleep(0.3)
            await node.stop()
        assert node.health().state == "stopped"
        node.close()

    run(work())
    with node_of(tmp_path, closed_by="driver").store as store:
        assert store.ledger.last_position() == 0


def account(number: int) -> Incoming:
    document = {
        "type": "account_opened", "transaction_id": f"T{number}", "value_date": "2024-04-01",
        "account_id": f"A{number}", "borrower_id": "B1", "currency": "CNY",
        "opening_balance": "0",
    }  # fmt: skip
    body = json.dumps(document).encode()
    return read(body, source="test", offset=number, accepted_us=AFTER_ITS_CLOSE_US)


def test_a_node_whose_last_commit_was_blocked_is_not_ready_until_one_is_taken(
    serving: Callable[..., AbstractContextManager[Any]], tmp_path: Path
) -> None:
    with serving(tmp_path) as served:
        ask = served.client.get
        assert ask("/readyz").status_code == 200
        with locked(tmp_path):
            with pytest.raises(StoreBlocked):
                served.wait(served.node.submit([account(1)]))
            answer = ask("/readyz")
            assert (answer.status_code, answer.json()["state"]) == (503, "blocked")
            assert "is locked by another program" in answer.json()["detail"]
            assert "\nloanbell_ready 0" in ask("/metrics").text
            assert ask("/healthz").status_code == 200
            assert ask("/v1/status").json()["state"] == "blocked"
            served.wait(asyncio.sleep(0.2))
            assert ask("/readyz").status_code == 503
        deadline = time.monotonic() + 5
        while ask("/readyz").status_code != 200 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert ask("/readyz").status_code == 200  # without a message in between
        assert "\nloanbell_ready 1" in ask("/metrics").text
        assert served.node.tracked("room") == 1
        assert served.node.store.ledger.last_position() == 0


def test_a_message_that_is_taken_makes_a_blocked_node_ready_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocked, "FIRST_PAUSE_SECONDS", 15.0)

    async def work() -> None:
        async with node_of(tmp_path, closed_by="driver") as node:
            await node.settled()
            with locked(tmp_path):
                with pytest.raises(StoreBlocked):
                    await node.submit([account(1)])
                await asyncio.sleep(0.4)  # its own first attempt fails, the next is in 15 s
            assert node.health().state == "blocked"
            await node.submit([account(1)])
            assert node.health().ready

    run(work())
