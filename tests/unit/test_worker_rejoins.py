"""A worker that was given nothing joins again if partitions lack a worker, and only then."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from streams.kafka import BrokerUnavailable
from streams.settings import Settings
from streams.worker import Worker


class Member:
    """A member of the group that notes what is done to it."""

    def __init__(self, calls: list[str], *, reachable: bool = True) -> None:
        self._calls, self._reachable = calls, reachable

    async def start(self) -> None:
        self._calls.append("start")
        if not self._reachable:
            raise BrokerUnavailable("away")

    async def stop(self) -> None:
        self._calls.append("stop")


def looked_over(
    monkeypatch: pytest.MonkeyPatch, wanted: list[bool], lanes: dict[int, Any], **member: bool
) -> list[str]:
    """What a worker does to its membership while it looks `len(wanted)` times."""
    monkeypatch.setattr("streams.worker.LOOK_SECONDS", 0)
    calls: list[str] = []

    async def watch() -> None:
        worker = Worker(Settings(broker="kafka://127.0.0.1:9"))
        answers = iter(wanted)
        over = asyncio.Event()

        async def is_wanted() -> bool:
            answer = next(answers, None)
            if answer is None:
                over.set()
                await asyncio.sleep(60)
            return bool(answer)

        monkeypatch.setattr(worker, "_is_wanted", is_wanted)
        monkeypatch.setattr(worker, "_member", lambda: Member(calls, **member))
        worker._consumer = Member(calls)  # type: ignore[assignment]
        worker.lanes |= lanes
        task = asyncio.create_task(worker._watch_over())
        await asyncio.wait([task, asyncio.create_task(over.wait())], timeout=0.5,
                           return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(watch())
    return calls


def test_it_joins_again_after_two_looks_that_find_partitions_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert looked_over(monkeypatch, [True, True, False], {}) == ["stop", "start"]


def test_one_look_is_not_enough_since_partitions_may_be_changing_hands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert looked_over(monkeypatch, [True, False, True, False], {}) == []


def test_it_tries_again_while_the_broker_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = looked_over(monkeypatch, [True] * 4, {}, reachable=False)
    assert calls == ["stop", "start", "stop", "start"]


def test_a_worker_with_partitions_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    assert looked_over(monkeypatch, [True] * 4, {0: object()}) == []
