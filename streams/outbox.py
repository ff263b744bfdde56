"""Publishing: what a partition recorded, judged and graded goes to Kafka, at least once.

The logs themselves are the outbox: nothing is written twice. Behind the place that was published up
to it reads, sends, waits for the acks, and moves the place, which it keeps some times a second, as
that is a commit. Killed in between it sends again, under the same ids, so that receivers can drop
what they have. Decides nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import lru_cache

from ledger.store import LEDGER_LOG, WARNINGS_LOG
from streams.feeds import CONTENT_TYPE, GRADES, SPEC_VERSION, Event, feeds_of
from streams.kafka import Outgoing, Producer
from streams.wiring import Node

READ_FACTS = 2_000
LOOK_SECONDS = 0.25
"""How often it looks even when nobody told it that something moved."""
KEEP_SECONDS = 0.1
"""How long a place that was published up to may wait until it is kept."""
Outgoings = dict[str, list[Outgoing]]
"""By topic."""


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
        self._kept: dict[str, int] = {}
        self._kept_at = 0.0

    async def run(self) -> None:
        """Until cancelled. Errors: StoreUnavailable, BrokerUnavailable."""
        while not self._node.ready:  # The views may be of another version until then.
            await self._node.moved(within_seconds=LOOK_SECONDS)
        self._kept = await asyncio.to_thread(self._published)
        self._places = dict(self._kept)
        try:
            while True:
                seen = self._node.moves.count
                if not await self._publish():
                    await self._node.moved(within_seconds=self._seconds_left, since=seen)
                if self._seconds_left <= 0:
                    await self._keep()
        finally:
            await self._keep()

    @property
    def lag(self) -> int:
        """Facts of the ledger log that are not published yet, as far as the node knows."""
        return max(0, self._node.watch.position - self._places.get(LEDGER_LOG, 0))

    @property
    def _seconds_left(self) -> float:
        """Until the places are to be kept; when they are, until it is to look again."""
        if self._places == self._kept:
            return LOOK_SECONDS
        return self._kept_at + KEEP_SECONDS - asyncio.get_running_loop().time()

    async def _publish(self) -> bool:
        """Send what is behind the places and move them; returns whether there was anything."""
        sent, places = await asyncio.to_thread(self._behind)
        await self._producer.send_all(
            {(self._topic(to), self._partition): messages for to, messages in sent.items()}
        )
        if self._places == self._kept:
            self._kept_at = asyncio.get_running_loop().time()
        self._places = places
        return bool(sent)

    def _behind(self) -> tuple[Outgoings, dict[str, int]]:
        """What is behind the places, made ready, and the places that it leads to."""
        sent: Outgoings = {}
        places = dict(self._places)
        for feed in self._feeds:
            events, places[feed.name] = feed.read(places[feed.name], READ_FACTS)
            for event in events:
                sent.setdefault(event.topic, []).append(outgoing_of(event))
        return sent, places

    def _published(self) -> dict[str, int]:
        return {feed.name: self._log.tracked(_source(feed.name)) for feed in self._feeds}

    async def _keep(self) -> None:
        places = self._places
        moved = {_source(name): at for name, at in places.items() if at > self._kept[name]}
        if moved:
            await asyncio.to_thread(self._log.record, [], tracking=moved)
            self._kept = places


@lru_cache(maxsize=1_024)
def _header(name: str, value: str) -> tuple[str, bytes]:
    """A header of which there are few different ones."""
    return name, value.encode()


_SPEC, _JSON = _header("ce_specversion", SPEC_VERSION), _header("content-type", CONTENT_TYPE)


def outgoing_of(event: Event) -> Outgoing:
    """A CloudEvent in Kafka's binary mode: attributes as headers, the data as the value."""
    _, _, key, name, source, kind, subject, _, data = event
    headers = [
        _SPEC,
        ("ce_id", name.encode()),
        _header("ce_source", source),
        _header("ce_type", kind),
        ("ce_subject", subject.encode()),
        ("ce_time", event.time.encode()),
        _JSON,
    ]
    return Outgoing(key.encode(), data, headers)


def _source(feed: str) -> str:
    return f"outbox:{feed}"
