"""What goes wrong around a node stops it loudly or is waited for; nothing answered is lost."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import InvariantBroken, StoreBlocked, StoreUnavailable
from ledger.events import RulesAdopted
from ledger.service import Incoming
from streams.agents import NodeStopped
from streams.generate import portfolio
from streams.ingest import read, read_many
from streams.settings import Settings
from streams.wiring import Node


def node_of(folder: Path, **given: Any) -> Node:
    return Node.open(Settings.load({"data": folder, "closed_by": "driver"} | given, environ={}))


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 60))


def account(number: int) -> Incoming:
    document = {
        "type": "account_opened", "transaction_id": f"T{number}", "value_date": "2024-03-29",
        "account_id": f"A{number}", "borrower_id": "B1", "currency": "CNY",
        "opening_balance": "0",
    }  # fmt: skip
    body = json.dumps(document).encode()
    return read(body, source="test", offset=number, accepted_us=1_711_700_000_000_000)


def test_broken_books_stop_the_node_loudly_and_refuse_everybody(tmp_path: Path) -> None:
    async def work() -> None:
        node = node_of(tmp_path)
        async with node:
            beyond = asyncio.ensure_future(node.submit([account(5)], tracking={"test": 3}))
            with pytest.raises(InvariantBroken):
                await beyond
            assert isinstance(await node.failed(), InvariantBroken)
            with pytest.raises(NodeStopped, match="An error stopped the node"):
                await node.submit([account(1)])
            assert node.health().state == "failed"
            assert not node.health().ready
        assert isinstance(node.failure, InvariantBroken)

    run(work())
    with node_of(tmp_path).store as store:
        assert store.ledger.last_position() == 0


def test_views_that_cannot_be_written_stop_the_node_and_it_still_ends_in_time(
    tmp_path: Path,
) -> None:
    async def work() -> None:
        node = node_of(tmp_path)
        async with node:
            await node.settled()
            with sqlite3.connect(tmp_path / "views.db") as views:
                views.execute("DROP TABLE account_balances")
            await node.submit([account(1)])
            assert isinstance(await node.failed(), StoreUnavailable)
            with pytest.raises(StoreUnavailable, match="account_balances"):
                await node.settled()
            started = time.monotonic()
        assert time.monotonic() - started < 10
        assert node.health().state == "failed"

    run(work())
    with node_of(tmp_path).store as store:
        assert store.ledger.last_position() == 1


def test_an_unforeseen_error_is_told_by_its_kind_and_place_never_by_its_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        node = node_of(tmp_path)

        def broken(*_: object) -> None:
            raise ValueError("Zhang Wei, 13800000000")

        monkeypatch.setattr(node.projector, "project", broken)
        async with node:
            await node.submit([account(1)])
            assert isinstance(await node.failed(), ValueError)
            reason = node.health().reason
            assert reason.startswith("ValueError at test_agents_faults.py:")
            with pytest.raises(NodeStopped) as refused:
                await node.submit([account(2)])
            assert "Zhang" not in str(refused.value)

    run(work())
    assert "the node stops: ValueError at test_agents_faults.py:" in caplog.text
    assert "Zhang" not in caplog.text


@pytest.mark.slow
def test_a_store_that_is_locked_for_a_while_answers_try_again_and_loses_nothing(
    tmp_path: Path,
) -> None:
    async def work() -> None:
        messages = [account(number) for number in range(1, 201)]
        async with node_of(tmp_path) as node:
            await node.submit(messages[:100])
            await node.settled()
            views = sqlite3.connect(tmp_path / "views.db", isolation_level=None)
            views.execute("BEGIN IMMEDIATE")
            ledger = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
            ledger.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreBlocked, match="locked"):
                await node.submit(messages[100:200])
            ledger.close()
            again = await node.submit(messages[100:200])
            assert len(again.outcomes) == 100
            await asyncio.sleep(0.2)
            assert node.health().lags["project", "ledger"] > 0
            views.close()
            await node.settled()
            assert node.health().ready

    run(work())


def test_a_stop_does_not_wait_longer_than_it_may_and_answers_everybody(tmp_path: Path) -> None:
    async def work() -> None:
        node = node_of(tmp_path, stop_seconds=1, waiting_batches=1, batch_messages=1)
        await node.start()
        await node.settled()
        blocker = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        sent = [asyncio.ensure_future(node.submit([account(n)])) for n in range(1, 6)]
        await asyncio.sleep(0.2)
        started = time.monotonic()
        assert not await node.stop()
        assert time.monotonic() - started < 3
        answers = await asyncio.wait_for(asyncio.gather(*sent, return_exceptions=True), 1)
        assert {type(answer) for answer in answers} == {NodeStopped}
        node.close()
        blocker.close()
        while node.busy:
            await asyncio.sleep(0.05)
        node.close()

    run(work())
    with node_of(tmp_path).store as store:
        assert store.ledger.verify().holds


def test_a_second_process_on_the_same_folder_is_told_who_holds_it(tmp_path: Path) -> None:
    node = node_of(tmp_path)
    with pytest.raises(StoreUnavailable, match="is writing to"):
        node_of(tmp_path)
    node.close()
    node_of(tmp_path).close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="cannot be made"):
        node_of(tmp_path / "file" / "data")


def test_another_calendar_at_a_restart_leaves_what_is_on_record_standing_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = portfolio(loans=60, months=9, seed=3).messages()
    lines = read_many(made, source="core", first_offset=1, accepted_us=1)
    data = tmp_path / "data"

    async def lived(messages: list[Incoming], calendar: str) -> None:
        async with node_of(data, calendar=calendar) as node:
            await node.submit(messages)
            await node.settled()
            assert node.health().ready

    run(lived(lines, "weekends"))
    with node_of(data).store as store:
        before = store.warnings.read(limit=100_000)
    run(lived([], "cn"))
    assert "the past is judged otherwise now" in caplog.text
    caplog.clear()
    run(lived([], "cn"))
    assert caplog.text == ""
    with node_of(data).store as store:
        after = store.warnings.read(limit=100_000)
    assert after[: len(before)] == before
    assert type(after[len(before)].fact) is RulesAdopted
