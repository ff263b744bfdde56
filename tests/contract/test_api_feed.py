"""The warnings stream loses nothing and repeats nothing, whatever its readers do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from ledger.events import WarningAcknowledged
from ledger.ids import warning_stream
from ledger.store import NewFact, Recorded, Store
from streams.api.feed import Feed, frame_of
from streams.api.problems import Problem
from streams.metrics import Metrics


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "ledger.db") as opened:
        yield opened


def seen(version: int) -> NewFact:
    fact = WarningAcknowledged(
        warning_id="w1",
        loan_id="L1",
        actor="Li Na",
        note="called the borrower",
        ledger_position=7,
        value_date=date(2024, 3, 29),
        recorded_at_us=1_711_700_000_000_000,
    )
    return NewFact(warning_stream("L1"), version, fact)


def record(store: Store, first: int, last: int) -> list[Recorded]:
    return store.warnings.record([seen(version) for version in range(first, last + 1)])


def feed_of(store: Store, metrics: Metrics | None = None, **options: float) -> Feed:
    return Feed(
        lambda after, limit: store.warnings.read(after=after, limit=limit),
        metrics or Metrics(version="test"),
        last_position=store.warnings.last_position(),
        **options,  # type: ignore[arg-type]
    )


async def positions(feed: Feed, after: int, upto: int) -> list[int]:
    """The positions told behind `after`, until `upto` was told."""
    told: list[int] = []
    async for chunk in feed.frames(after):
        told += [int(n) for n in re.findall(rb"id: (\d+)\nevent", chunk)]
        if told and told[-1] >= upto:
            break
    return told


def test_an_event_carries_its_position_its_name_and_the_whole_fact(store: Store) -> None:
    frame = frame_of(record(store, 1, 1)[0])
    assert frame == (
        b"id: 1\nevent: acknowledged\n"
        b'data: {"position":1,"event_id":"warnings:L1@1","transition":"acknowledged",'
        b'"actor":"Li Na","ledger_position":7,"loan_id":"L1","note":"called the borrower",'
        b'"recorded_at_us":1711700000000000,"value_date":"2024-03-29","warning_id":"w1"}\n\n'
    )


def test_a_reader_gets_what_was_recorded_before_and_what_comes(store: Store) -> None:
    record(store, 1, 20)

    async def run() -> None:
        feed = feed_of(store)
        reading = asyncio.create_task(positions(feed, 5, 40))
        await asyncio.sleep(0)
        for version in range(21, 41):
            feed.publish(record(store, version, version))
            await asyncio.sleep(0)
        assert await reading == list(range(6, 41))

    asyncio.run(run())


def test_a_reader_that_comes_back_at_every_event_misses_none_and_sees_none_twice(
    store: Store,
) -> None:
    async def run() -> None:
        feed = feed_of(store)
        told: list[int] = []

        async def come_and_go() -> None:
            while not told or told[-1] < 60:
                last = told[-1] if told else 0
                told.extend(await positions(feed, last, last + 1))

        reading = asyncio.create_task(come_and_go())
        for version in range(1, 61, 3):
            feed.publish(record(store, version, version + 2))
            await asyncio.sleep(0)
        await reading
        assert told == list(range(1, 61))

    asyncio.run(run())


def test_a_reader_behind_what_is_held_in_memory_reads_on_from_the_log(store: Store) -> None:
    async def run() -> None:
        feed = feed_of(store, held=10)
        for version in range(1, 1_201, 100):
            feed.publish(record(store, version, version + 99))
        assert await positions(feed, 0, 1_200) == list(range(1, 1_201))

    asyncio.run(run())


def test_facts_told_twice_or_with_a_gap_reach_readers_once_and_in_order(store: Store) -> None:
    async def run() -> None:
        feed = feed_of(store)
        recorded = record(store, 1, 30)
        feed.publish(recorded[:10])
        feed.publish(recorded[5:12])
        feed.publish(recorded[25:30])
        assert await positions(feed, 0, 30) == list(range(1, 31))

    asyncio.run(run())


def test_a_quiet_stream_tells_its_position_so_that_a_first_reader_can_resume(store: Store) -> None:
    record(store, 1, 3)

    async def run() -> None:
        feed = feed_of(store, heartbeat_seconds=0.01)
        frames = feed.frames(3)
        assert await anext(frames) == b"retry: 2000\nid: 3\n\n"
        assert await anext(frames) == b": heartbeat\nid: 3\n\n"

    asyncio.run(run())


def test_more_readers_than_allowed_are_turned_away_and_counted(store: Store) -> None:
    metrics = Metrics(version="test")

    async def run() -> None:
        feed = feed_of(store, metrics, readers=2)
        feed.enter()
        feed.enter()
        with pytest.raises(Problem) as refused:
            feed.enter()
        assert refused.value.kind.code == "busy"
        feed.leave(slow=False)
        feed.enter()

    asyncio.run(run())
    text = metrics.exposition()[0].decode()
    assert "loanbell_sse_clients 2.0" in text
    assert 'loanbell_sse_clients_dropped_total{reason="full"} 1.0' in text


def test_a_closed_feed_ends_every_stream(store: Store) -> None:
    async def run() -> None:
        feed = feed_of(store)
        reading = [asyncio.create_task(positions(feed, 0, 99)) for _ in range(3)]
        await asyncio.sleep(0.01)
        feed.close()
        assert await asyncio.gather(*reading) == [[], [], []]

    asyncio.run(run())
