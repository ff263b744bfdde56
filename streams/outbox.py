"""Publishing: what a partition recorded, judged and graded goes to Kafka, at least once.

The logs themselves are the outbox: nothing is written twice. Behind the place that was published up
to it reads, sends, waits for the acks, and moves the place. Killed in between it sends again, under
the same ids, so that receivers can drop what they have. Decides nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ledger.store import LEDGER_LOG, WARNINGS_LOG
from streams.feeds import CONTENT_TYPE, GRADES, Event, Feed, feeds_of
from streams.kafka import Outgoing, Producer
from streams.wiring import Node

READ_FACTS = 2_000
LOOK_SECONDS = 0.25
"""How often it looks even when nobody told it that something moved."""


class Outbox:
    """Publishes for one partition, as long as `run` runs."""

    def __init__(
        self, partition: int, node: Node, producer: Producer, *, topic: Callable[[str], str]
    ) -> None:
        self._partition, self._node, self._producer = partition, node, producer
        self._topic = topic
        self._log = node.store.warnings
        feeds = feeds_of(node)
        self._feeds = [feeds[name] for name in (WARNINGS_LOG, GRADES, LEDGER_LOG)]
        self._places: dict[str, int] = {}

    async def run(self) -> None:
        """Until cancelled. Errors: StoreUnavailable, BrokerUnavailable."""
        while not self._node.ready:  # The views may be of another version until then.
            await self._node.moved(within_seconds=LOOK_SECONDS)
        for feed in self._feeds:
            self._places[feed.name] = await asyncio.to_thread(self._log.tracked, _source(feed))
        while True:
            sent = sum([await self._publish(feed) for feed in self._feeds])
            if not sent:
                await self._node.moved(within_seconds=LOOK_SECONDS)

    @property
    def lag(self) -> int:
        """Facts of the ledger log that are not published yet, as far as the node knows."""
        return max(0, self._node.watch.position - self._places.get(LEDGER_LOG, 0))

    async def _publish(self, feed: Feed) -> int:
        """Send what is behind the feed's place and move it; returns how many were sent."""
        before = self._places[feed.name]
        events, place = await asyncio.to_thread(feed.read, before, READ_FACTS)
        topics: dict[str, list[Outgoing]] = {}
        for event in events:
            topics.setdefault(event.topic, []).append(outgoing_of(event))
        for topic, messages in topics.items():
            await self._producer.send(self._topic(topic), self._partition, messages)
        if place > before:
            await asyncio.to_thread(self._log.record, [], tracking={_source(feed): place})
            self._places[feed.name] = place
        return len(events)


def outgoing_of(event: Event) -> Outgoing:
    """A CloudEvent in Kafka's binary mode: attributes as headers, the data as the value."""
    attributes = event.attributes().items()
    headers = [(f"ce_{name}", value.encode()) for name, value in attributes]
    headers.append(("content-type", CONTENT_TYPE.encode()))
    return Outgoing(event.key.encode(), event.data, headers)


def _source(feed: Feed) -> str:
    return f"outbox:{feed.name}"
