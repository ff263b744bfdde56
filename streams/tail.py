"""Reading a published topic, as any other program would: the example consumer's own part.

    async for told in tail(settings, WARNINGS_TOPIC, group="desk"):
        print(told.id, told.type, told.data)

At least once is what the topic gives; `tail` drops the repeats it remembers. With a group, members
share the partitions and the broker keeps how far each was read: what was yielded counts as read
when the next one is asked for. Without one it reads everything by itself and leaves no trace.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams.kafka import BrokerUnavailable, client_of
from streams.settings import Settings

REMEMBERED = 100_000
"""Ids that repeats are known by. What is sent again after a crash was sent just before it."""
WAIT_MS = 500


class Published(NamedTuple):
    """One event as it came from a topic."""

    partition: int
    offset: int
    id: str
    type: str
    headers: Mapping[str, bytes]
    data: bytes


async def tail(
    settings: Settings,
    topic: str,
    *,
    group: str | None = None,
    beginning: bool = False,
    once: bool = False,
) -> AsyncIterator[Published]:
    """Events of `topic`, each once, in the order of each key.

    `beginning`: also what is there already; a group begins there the first time and goes on where
    it was afterwards. `once`: end when all that was there at the start is read.
    Errors: BrokerUnavailable.
    """
    name, known = settings.topic(topic), _Known(REMEMBERED)
    consumer = AIOKafkaConsumer(
        name,  # without a group it is given all partitions
        **client_of(settings),
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest" if beginning or group is not None else "latest",
    )
    try:
        await consumer.start()
        there = await _partitions(consumer, name)
        ends = await consumer.end_offsets(there) if once else {}
        while not once or not await _read(consumer, ends):
            found = await consumer.getmany(timeout_ms=WAIT_MS)
            for record in (record for records in found.values() for record in records):
                told = _told(record)
                if known.add(told.id):
                    yield told
            if group is not None and found:
                await consumer.commit()
    except KafkaError as error:
        raise BrokerUnavailable(
            f"{topic} cannot be read: {error!r}.",
            way_out="Is the broker up, the address right, and the topic made?",
        ) from error
    finally:
        await consumer.stop()


async def ends_of(settings: Settings, topic: str, partitions: int) -> list[int]:
    """How many messages each partition of a topic ever got. Errors: BrokerUnavailable."""
    consumer = AIOKafkaConsumer(**client_of(settings))
    wanted = [TopicPartition(settings.topic(topic), number) for number in range(partitions)]
    try:
        await consumer.start()
        found = await consumer.end_offsets(wanted)
    except KafkaError as error:
        raise BrokerUnavailable(
            f"The broker does not tell its offsets: {error!r}.", way_out="Is it up?"
        ) from error
    finally:
        await consumer.stop()
    return [found[each] for each in wanted]


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    """All partitions of a topic. Errors: BrokerUnavailable when there is no such topic."""
    if topic not in await consumer.topics():
        raise BrokerUnavailable(
            f"There is no topic {topic}.", way_out="Run `loanbell topics create` first."
        )
    numbers = consumer.partitions_for_topic(topic) or ()
    return [TopicPartition(topic, number) for number in sorted(numbers)]


async def _read(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> bool:
    """Whether all up to `ends` of the partitions that are ours is read."""
    ours = consumer.assignment()
    return bool(ours) and all([await consumer.position(each) >= ends[each] for each in ours])


def _told(record: Any) -> Published:
    headers: Sequence[tuple[str, bytes]] = record.headers
    named = dict(headers)
    return Published(
        record.partition,
        record.offset,
        named.get("ce_id", b"").decode(),
        named.get("ce_type", b"").decode(),
        named,
        record.value or b"",
    )


class _Known:
    """The last ids, so that a repeat is known."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._ids: dict[str, None] = {}

    def add(self, name: str) -> bool:
        """Whether `name` is new."""
        if name in self._ids:
            return False
        self._ids[name] = None
        if len(self._ids) > self._most:
            del self._ids[next(iter(self._ids))]
        return True
