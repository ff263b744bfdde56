"""A lane's waiting room: bounded, deaf to repeats, and never in the way of a stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from streams.kafka import Delivery, Producer
from streams.lane import Lane
from streams.metrics import Metrics
from streams.settings import Settings


def lane() -> Lane:
    settings = Settings(broker="kafka://127.0.0.1:9", batch_messages=3)
    producer = Producer(settings)
    return Lane(0, settings, partitions=1, producer=producer, metrics=Metrics(version="1"))


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 10))


def delivery(offset: int, value: bytes = b"x", acked: list[int] | None = None) -> Delivery:
    taken = acked if acked is not None else []
    return Delivery(0, offset, 0, value, {}, lambda: taken.append(offset))


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize(("limit", "most"), [("WAITING", 2), ("WAITING_BYTES", 20)])
def test_it_holds_up_its_sender_when_much_waits(
    monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    """Two deliveries of ten bytes are as many as either bound allows."""
    monkeypatch.setattr(f"streams.lane.{limit}", most)

    async def test() -> None:
        waiting = lane()
        for offset in (1, 2):
            await waiting.put(delivery(offset, b"x" * 10))
        third = asyncio.create_task(waiting.put(delivery(3, b"x" * 10)))
        await turns()
        assert not third.done()
        assert [each.offset for each in await waiting._gather()] == [1, 2]
        await third
        assert [each.offset for each in await waiting._gather()] == [3]

    run(test)


def test_a_batch_ends_behind_the_delivery_that_fills_it() -> None:
    """Of batches of three messages: two lines, then two more, are four and end it."""

    async def test() -> None:
        waiting = lane()
        for offset in (1, 2, 3):
            await waiting.put(delivery(offset, b"one\ntwo"))
        assert [each.offset for each in await waiting._gather()] == [1, 2]
        assert [each.offset for each in await waiting._gather()] == [3]

    run(test)


def test_what_came_before_is_passed_over_and_acknowledged_once_it_is_recorded() -> None:
    async def test() -> None:
        waiting, acked = lane(), list[int]()
        for offset in (1, 2):
            await waiting.put(delivery(offset, acked=acked))
        waiting.done = 1
        for offset in (1, 2):
            await waiting.put(delivery(offset, acked=acked))
        assert acked == [1]
        assert [each.offset for each in await waiting._gather()] == [1, 2]

    run(test)


def test_a_stop_lets_a_waiting_sender_go_and_takes_nothing_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streams.lane.WAITING", 1)

    async def test() -> None:
        waiting, acked = lane(), list[int]()
        await waiting.put(delivery(1, acked=acked))
        second = asyncio.create_task(waiting.put(delivery(2, acked=acked)))
        await turns()
        await waiting.stop()
        await second
        await waiting.put(delivery(3, acked=acked))
        assert [each.offset for each in waiting._inbox] == [1]
        assert acked == []

    run(test)


def test_what_comes_one_by_one_comes_together_and_after_a_quiet_moment_nothing_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second and third come within the space of the first: one batch holds both."""
    monkeypatch.setattr("streams.lane.SPACING_SECONDS", 0.2)

    async def test() -> None:
        waiting = lane()
        await waiting.put(delivery(1))
        first = asyncio.ensure_future(waiting._gather())
        await turns()
        assert [each.offset for each in first.result()] == [1]
        await waiting.put(delivery(2))
        second = asyncio.ensure_future(waiting._gather())
        await turns()
        await waiting.put(delivery(3))
        assert not second.done()
        assert [each.offset for each in await second] == [2, 3]

    run(test)


def test_what_is_worth_a_commit_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.lane.SPACING_SECONDS", 5.0)
    monkeypatch.setattr("streams.lane.PLENTY_BYTES", 10)

    async def test() -> None:
        waiting = lane()
        for offset in (1, 2):
            await waiting.put(delivery(offset, b"x" * 10))
            gathering = asyncio.ensure_future(waiting._gather())
            await turns()
            assert [each.offset for each in gathering.result()] == [offset]

    run(test)


@pytest.mark.parametrize(("closed_by", "by_clock"), [("timer", True), ("driver", False)])
def test_contacts_of_a_partition_go_by_the_clock_where_days_do(
    monkeypatch: pytest.MonkeyPatch, closed_by: str, by_clock: bool
) -> None:
    class Opened:
        by_clock = None
        settings: Settings

        async def start(self) -> None:
            assert self.by_clock is not None  # known before anything is sent

    def opened(settings: Settings, **_: Any) -> Opened:
        assert settings.closed_by == "driver"  # closes come through the topic
        return Opened()

    monkeypatch.setattr("streams.lane.Node.open", opened)

    async def test() -> None:
        settings = Settings.load(
            {"broker": "kafka://127.0.0.1:9", "closed_by": closed_by}, environ={}
        )
        producer, metrics = Producer(settings), Metrics(version="1")
        one = Lane(0, settings, partitions=1, producer=producer, metrics=metrics)
        assert (await one._open(evict=False)).by_clock is by_clock

    run(test)
