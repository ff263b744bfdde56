"""Publishing: what a partition recorded, judged and graded goes to Kafka, at least once.

The logs themselves are the outbox: nothing is written twice. A feed reads behind the place it has
published up to, sends, waits for the acks, and moves the place. Killed in between it sends again,
under the same ids, so that receivers can drop what they have. Decides nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson

from ledger.ids import REFUSALS_STREAM
from ledger.store import LEDGER_LOG, WARNINGS_LOG
from streams.kafka import Outgoing, Producer
from streams.topics import GRADES_TOPIC, LEDGER_TOPIC, REJECTS_TOPIC, WARNINGS_TOPIC
from streams.wiring import Node

READ_FACTS = 2_000
LOOK_SECONDS = 0.25
"""How often it looks even when nobody told it that something moved."""

Item = tuple[int, str, Outgoing]
"""position, topic, message"""


@dataclass(slots=True)
class Feed:
    """One source of messages: `read(place)` gives items behind it, and the place they lead to."""

    name: str
    read: Callable[[int], tuple[Sequence[Item], int]]
    place: int = 0


class Outbox:
    """Publishes for one partition, as long as `run` runs."""

    def __init__(
        self, partition: int, node: Node, producer: Producer, *, topic: Callable[[str], str]
    ) -> None:
        self._partition, self._node, self._producer = partition, node, producer
        self._topic = topic
        self._log = node.store.warnings
        self._feeds = (
            Feed("warnings", lambda place: self._facts(WARNINGS_LOG, place)),
            Feed("grades", self._grades),
            Feed("ledger", lambda place: self._facts(LEDGER_LOG, place)),
        )
        self.published = 0

    async def run(self) -> None:
        """Until cancelled. Errors: StoreUnavailable, BrokerUnavailable."""
        while not self._node.ready:  # The views may be of another version until then.
            await self._node.moved(within_seconds=LOOK_SECONDS)
        for feed in self._feeds:
            feed.place = await asyncio.to_thread(self._log.tracked, _source(feed))
        while True:
            sent = sum([await self._publish(feed) for feed in self._feeds])
            if not sent:
                await self._node.moved(within_seconds=LOOK_SECONDS)

    @property
    def lag(self) -> int:
        """Facts of the ledger log that are not published yet, as far as the node knows."""
        return max(0, self._node.watch.position - self._feeds[-1].place)

    async def _publish(self, feed: Feed) -> int:
        """Send what is behind the feed's place and move it; returns how many were sent."""
        items, place = await asyncio.to_thread(feed.read, feed.place)
        topics: dict[str, list[Outgoing]] = {}
        for _, topic, message in items:
            topics.setdefault(topic, []).append(message)
        for topic, messages in topics.items():
            await self._producer.send(self._topic(topic), self._partition, messages)
        if place > feed.place:
            await asyncio.to_thread(self._log.record, [], tracking={_source(feed): place})
            feed.place = place
        self.published += len(items)
        return len(items)

    def _facts(self, log: str, place: int) -> tuple[Sequence[Item], int]:
        source = self._node.store.ledger if log == LEDGER_LOG else self._node.store.warnings
        rows = source.raw(after=place, limit=READ_FACTS)
        items: list[Item] = []
        for position, stream, version, kind, state in rows:
            key = stream.partition(":")[2] if log == WARNINGS_LOG else stream
            headers = self._headers(log, f"{stream}@{version}", kind)
            items.append((position, _topic_of(log, stream), Outgoing(key.encode(), state, headers)))
        return items, rows[-1][0] if rows else place

    def _grades(self, place: int) -> tuple[Sequence[Item], int]:
        """Changes of grades behind a position of the ledger: whole closes, as the views have."""
        items: list[Item] = []
        cursor: str | None = f"{place}:~"
        while cursor is not None:
            page = self._node.queries.grade_changes(after=cursor, limit=1_000)
            for row in page.rows:
                name = f"{row['regime']}/{row['loan_id']}@{row['position']}"
                headers = self._headers("grades", name, "grade.changed.v1")
                message = Outgoing(row["loan_id"].encode(), orjson.dumps(row), headers)
                items.append((row["position"], GRADES_TOPIC, message))
            cursor = page.next_cursor
        return items, items[-1][0] if items else place

    def _headers(self, log: str, name: str, kind: str) -> list[tuple[str, bytes]]:
        """A CloudEvent in binary mode. The id is the fact's own: sent again, it stays the same."""
        return [
            ("ce_specversion", b"1.0"),
            ("ce_id", f"{self._partition}/{log}/{name}".encode()),
            ("ce_source", f"/loanbell/{self._partition}/{log}".encode()),
            ("ce_type", kind.encode()),
            ("content-type", b"application/json"),
        ]


def _source(feed: Feed) -> str:
    return f"outbox:{feed.name}"


def _topic_of(log: str, stream: str) -> str:
    if log == WARNINGS_LOG:
        return WARNINGS_TOPIC
    return REJECTS_TOPIC if stream == REFUSALS_STREAM else LEDGER_TOPIC
