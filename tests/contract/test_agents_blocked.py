"""A store that takes nothing for a while: the timer tries again, and the node says so meanwhile."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Coroutine
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from ledger.dates import moment_us
from ledger.store import connections
from streams import clock
from streams.settings import Settings
from streams.wiring import Node

MONDAY = date(2024, 4, 1)
AFTER_ITS_CLOSE_US = moment_us(datetime(2024, 4, 1, 23, 59, 30, tzinfo=UTC))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks and pauses as in life, but short."""
    monkeypatch.setattr(connections, "LOCK_TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(clock, "FIRST_PAUSE_SECONDS", 0.05)
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

    with caplog.at_level(logging.WARNING, "loanbell.clock"):
        run(work())
    waits = [r.getMessage() for r in caplog.records if r.name == "loanbell.clock"]
    assert len(waits) == 1
    assert waits[0].startswith("the timer waits and tries again: ")
    assert "is locked by another program" in waits[0]


def test_a_timer_that_ends_by_an_error_stops_the_node_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
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
