"""Puts messages on the transactions topic: each into its borrower's partition, in order, packed.

What a core system's own producer would do with a key, for files, replays and benches. A delivery
may hold many messages, one a line, all of one partition: Kafka's clients take a time for each
delivery in which a worker records dozens of messages. Checks nothing; workers do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from streams.kafka import Outgoing, Producer, partition_of
from streams.routing import EACH_HEADER

PACKED_BYTES = 64 * 1024
SEND_DELIVERIES = 64
"""Deliveries of one partition that are sent together."""


class Sender:
    """Sends messages in the order of the calls; `flush` when the last one is in.

    `borrowers` is what earlier messages told of loans and accounts; it is added to.
    """

    def __init__(
        self,
        producer: Producer,
        topic: str,
        partitions: int,
        *,
        borrowers: dict[tuple[str, str], str] | None = None,
    ) -> None:
        self._producer, self._topic, self._partitions = producer, topic, partitions
        self._borrowers = {} if borrowers is None else borrowers
        self._lines: list[list[bytes]] = [[] for _ in range(partitions)]
        self._sizes = [0] * partitions
        self._ready: list[list[Outgoing]] = [[] for _ in range(partitions)]
        self.sent = 0

    async def send(self, messages: Iterable[bytes]) -> None:
        """Take messages in order. Errors: BrokerUnavailable."""
        for message in messages:
            self.sent += 1
            document = _document(message)
            if document.get("type") == "business_day_closed":
                self._spread(message)
            else:
                self._add(self._partition(document), message)
            if any(len(ready) >= SEND_DELIVERIES for ready in self._ready):
                await self._send_ready()

    async def flush(self) -> None:
        """Until everything taken is in the topic. Errors: BrokerUnavailable."""
        for partition in range(self._partitions):
            self._pack(partition)
        await self._send_ready()

    def _spread(self, close: bytes) -> None:
        """A close goes behind everything that was sent before it, in every partition."""
        for partition in range(self._partitions):
            self._pack(partition)
            self._ready[partition].append(Outgoing(None, close, ((EACH_HEADER, b"1"),)))

    def _add(self, partition: int, message: bytes) -> None:
        self._lines[partition].append(message.replace(b"\n", b" "))
        self._sizes[partition] += len(message)
        if self._sizes[partition] >= PACKED_BYTES:
            self._pack(partition)

    def _pack(self, partition: int) -> None:
        lines = self._lines[partition]
        if lines:
            self._ready[partition].append(Outgoing(None, b"\n".join(lines)))
            self._lines[partition], self._sizes[partition] = [], 0

    async def _send_ready(self) -> None:
        """All partitions at once: what one waits for must not hold up the others."""
        ready = {(self._topic, to): packs for to, packs in enumerate(self._ready) if packs}
        await self._producer.send_all(ready)
        for _, partition in ready:
            self._ready[partition] = []

    def _partition(self, document: dict[str, Any]) -> int:
        """The borrower's, where the message or an earlier one names it; else the first.

        From there a worker sends it on to where its loan or account is.
        """
        entities = [
            (kind, document[kind]) for kind in ("loan_id", "account_id") if kind in document
        ]
        borrower = document.get("borrower_id")
        if isinstance(borrower, str):
            self._borrowers |= {entity: borrower for entity in entities if _is_text(entity)}
        else:
            known = (self._borrowers.get(entity) for entity in entities if _is_text(entity))
            borrower = next((name for name in known if name is not None), None)
        return 0 if borrower is None else partition_of(borrower, self._partitions)


def _is_text(entity: tuple[str, Any]) -> bool:
    return isinstance(entity[1], str)


def _document(message: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(message)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}
