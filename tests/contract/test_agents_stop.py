"""A stop in the middle of long work: it ends between two chunks, and the next start goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from projections import rebuild
from streams.generate import portfolio
from streams.ingest import read_many
from streams.settings import Settings
from streams.wiring import Node

CHUNK = 20


def node_of(folder: Path) -> Node:
    given = {"data": folder, "closed_by": "driver", "stop_seconds": 1}
    return Node.open(Settings.load(given, environ={}))


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 60))


@pytest.fixture
def recorded(tmp_path: Path) -> int:
    """A book without snapshots in `tmp_path`, with views of an older version; its facts."""

    async def work() -> int:
        made = portfolio(loans=20, months=6, seed=3).messages()
        async with node_of(tmp_path) as node:
            await node.submit(read_many(made, source="core", first_offset=1, accepted_us=1))
            await node.settled()
            return node.store.ledger.last_position()

    facts: int = run(work())
    with closing(sqlite3.connect(tmp_path / "views.db")) as views, views:
        views.execute("UPDATE views SET schema_version = 0")
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger, ledger:
        ledger.execute("DELETE FROM snapshots")
    return facts


async def stopped(folder: Path) -> float:
    """Seconds from the call to stop a node that just started until its threads are idle."""
    node = node_of(folder)
    await node.start()
    await asyncio.sleep(0.3)
    began = time.monotonic()
    assert not await node.stop()
    while node.busy:
        await asyncio.sleep(0.01)
    took = time.monotonic() - began
    node.close()
    return took


def test_a_stop_does_not_wait_for_views_that_are_built_for_long(
    tmp_path: Path, recorded: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    folded: list[str] = []
    fold = rebuild.Fold.take_runs

    def slow(self: rebuild.Fold, log: str, taken: Any) -> None:
        time.sleep(0.05)
        folded.append(log)
        fold(self, log, taken)

    chunks = recorded // CHUNK
    assert chunks * 0.05 > 4, "all of them take longer than a stop may"
    monkeypatch.setattr(rebuild, "READ", CHUNK)
    monkeypatch.setattr(rebuild.Fold, "take_runs", slow)

    assert run(stopped(tmp_path)) < 3
    assert 0 < len(folded) < chunks
    monkeypatch.undo()

    async def again() -> None:
        async with node_of(tmp_path) as node:
            await node.settled()
            assert node.projector.position("ledger") == recorded
            assert node.projector.check() == []

    run(again())


def test_a_stop_does_not_wait_for_a_watch_that_reads_the_past_for_long(
    tmp_path: Path, recorded: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(source: Any, after: int, *, upto: int | None = None) -> Any:
        while page := source.read(after=after, limit=CHUNK):
            time.sleep(0.05)
            yield page
            after = page[-1].position

    monkeypatch.setattr("streams.watching.pages", slow)

    assert run(stopped(tmp_path)) < 3


STUCK = """
import sys, time
from projections.projector import Projector
from streams.cli import main

def stuck(*_, **__):
    print("stuck", file=sys.stderr, flush=True)
    time.sleep(60)

Projector.catch_up = stuck
main()
"""


def test_ctrl_c_ends_the_process_in_time_even_when_a_thread_cannot_be_ended(
    tmp_path: Path,
) -> None:
    words = ["serve", "--data", str(tmp_path), "--port", "0", "--closed-by", "driver"]
    process = subprocess.Popen(
        [sys.executable, "-c", STUCK, *words], stderr=subprocess.PIPE, text=True,
        env=os.environ | {"LOANBELL_STOP_SECONDS": "1"},
    )  # fmt: skip
    assert process.stderr is not None
    said = []
    while "stuck\n" not in said or not any("Ctrl-C" in line for line in said):
        said.append(process.stderr.readline())
        assert said[-1], f"it ended: {said}"
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert time.monotonic() - began < 5  # a stop takes 1 s, the thread 60
    assert "stopping" in process.stderr.read()
    process.stderr.close()
