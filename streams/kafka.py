"""The door to Kafka: a Faust app that consumes, a producer that waits for its acks, and topics.

Faust owns the consumer group: which partitions are ours, flow control, and committing the offsets
that were acknowledged. Its own producer makes a future for every message, so batches are sent by
aiokafka's. Nothing is acknowledged here; whoever takes a delivery does that after its commit.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import faust
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2
from faust.sensors.prometheus import FaustMetrics, PrometheusMonitor

from ledger.errors import StoreUnavailable
from streams.parts import secret_in
from streams.settings import Settings, SettingsError

BUFFERED = 256
"""Deliveries that wait in Faust before a lane has room for them."""
BATCH_BYTES = 512 * 1024
"""Most bytes that are sent together: half of what a broker takes by default. A partition's batches
go one after the other, each waits for its acks, so small ones are a round trip each."""
_FIRST_OFFSET = 1


class BrokerUnavailable(StoreUnavailable):
    """Kafka cannot be reached, or refuses."""

    code = "broker_unavailable"


class Outgoing(NamedTuple):
    """A message to send."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


@dataclass(slots=True)
class Delivery:
    """A message that came. `offset` counts from 1, as tracking does; `ack` after the commit."""

    partition: int
    offset: int
    at_us: int
    value: bytes
    headers: Mapping[str, bytes]
    ack: Callable[[], Any]


@lru_cache(maxsize=1 << 18)
def partition_of(key: str, count: int) -> int:
    """The partition that Kafka's own clients choose for a key."""
    hashed: int = murmur2(key.encode())
    return (hashed & 0x7FFFFFFF) % count


def servers_of(settings: Settings) -> str:
    """host:port,host:port. Errors: SettingsError when no broker is named."""
    if not settings.broker:
        raise SettingsError("No broker is named.", way_out="Give --broker or LOANBELL_BROKER.")
    return settings.broker.removeprefix("kafka://").rstrip("/")


def client_of(settings: Settings) -> dict[str, Any]:
    """How clients of aiokafka connect. Errors: SettingsError."""
    words: dict[str, Any] = {
        "bootstrap_servers": servers_of(settings),
        "security_protocol": settings.kafka_security.upper(),
    }
    if settings.kafka_security.endswith("ssl"):
        words["ssl_context"] = _tls(settings)
    if settings.kafka_security.startswith("sasl"):
        words |= {
            "sasl_mechanism": settings.kafka_mechanism,
            "sasl_plain_username": settings.kafka_user,
            "sasl_plain_password": _password(settings),
        }
    return words


def _tls(settings: Settings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=settings.kafka_ca_file)


def _password(settings: Settings) -> str:
    if settings.kafka_password_file is None:
        raise SettingsError(
            "Kafka wants a password.", way_out="Name its file as kafka_password_file."
        )
    return secret_in(settings.kafka_password_file)


def _credentials(settings: Settings) -> Any:
    """The same for Faust."""
    if settings.kafka_security == "plaintext":
        return None
    context = _tls(settings) if settings.kafka_security.endswith("ssl") else None
    if settings.kafka_security == "ssl":
        return faust.SSLCredentials(context)
    return faust.SASLCredentials(
        username=settings.kafka_user,
        password=_password(settings),
        mechanism=settings.kafka_mechanism,
        ssl_context=context,
    )


class Producer:
    """Sends whole batches and returns when every in-sync replica has them."""

    def __init__(self, settings: Settings) -> None:
        self._client = client_of(settings)
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def send(self, topic: str, partition: int, messages: Iterable[Outgoing]) -> list[int]:
        """Send messages in order; returns the offset of the first of each batch made of them.

        Errors: BrokerUnavailable; some may have been sent then.
        """
        try:
            producer = await self._started()
            sent = [
                await producer.send_batch(batch, topic, partition=partition)
                for batch in _batches(producer, messages)
            ]
            return [record.offset for record in await asyncio.gather(*sent)]
        except KafkaError as error:
            raise BrokerUnavailable(
                f"Nothing can be sent to {topic}: {error!r}.",
                way_out="It goes on when the broker is back; what was sent twice has one id.",
            ) from error

    async def send_all(self, waiting: Mapping[tuple[str, int], Iterable[Outgoing]]) -> None:
        """Send to several (topic, partition) at once, to each in order.

        Returns, or raises, when all have ended: nothing goes on behind the back of who sends again.
        Errors: BrokerUnavailable.
        """
        sends = (self.send(*place, messages) for place, messages in waiting.items())
        for ended in await asyncio.gather(*sends, return_exceptions=True):
            if isinstance(ended, BaseException):
                raise ended

    async def stop(self) -> None:
        """Let go of the broker."""
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **self._client, enable_idempotence=True, acks="all", max_batch_size=BATCH_BYTES
                )
                await producer.start()
                self._producer = producer
            return self._producer


def _batches(producer: AIOKafkaProducer, messages: Iterable[Outgoing]) -> Iterable[Any]:
    batch = None
    for key, value, given in messages:
        headers = given if type(given) is list else list(given)
        if batch is None or not _added(batch, key, value, headers):
            if batch is not None:
                batch.close()
                yield batch
            batch = producer.create_batch()
            if not _added(batch, key, value, headers):
                size = len(value or b"")
                raise BrokerUnavailable(
                    f"A message of {size} bytes is longer than a batch may be.",
                    way_out="Send smaller messages.",
                )
    if batch is not None:
        batch.close()
        yield batch


def _added(batch: Any, key: bytes | None, value: bytes | None, headers: list[Any]) -> bool:
    return batch.append(timestamp=None, key=key, value=value, headers=headers) is not None


async def create_topics(settings: Settings, topics: Mapping[str, Mapping[str, str]], *,
                        partitions: int, replicas: int) -> list[str]:  # fmt: skip
    """Make the topics that are missing; returns their names. Errors: BrokerUnavailable.

    A topic that is there with another number of partitions is an error: keys would move.
    """
    admin = AIOKafkaAdminClient(**client_of(settings))
    try:
        await admin.start()
        known = {item["topic"]: len(item["partitions"]) for item in await admin.describe_topics()}
        for name in topics.keys() & known.keys():
            if known[name] != partitions:
                raise BrokerUnavailable(
                    f"{name} has {known[name]} partitions, not {partitions}.",
                    way_out="Keep the number; borrowers would move away from their facts.",
                )
        missing = [name for name in topics if name not in known]
        await admin.create_topics(
            [
                NewTopic(name, partitions, replicas, topic_configs=dict(topics[name]))
                for name in missing
            ]
        )
    except KafkaError as error:
        raise BrokerUnavailable(
            f"The topics cannot be made: {error!r}.",
            way_out="Is the broker up and the address right?",
        ) from error
    else:
        return missing
    finally:
        await admin.close()


class _App(faust.App):
    async def on_first_start(self) -> None:
        """Faust makes folders for its tables here; we keep none."""


class Consumer:
    """A member of the consumer group over one topic.

    `take` is called with each delivery and may wait, which holds up the consumer and then the
    broker; `assigned` with the partitions that are ours from now on. Faust's own metrics go into
    `registry`, their names begin with "faust_".
    """

    def __init__(
        self,
        settings: Settings,
        topic: str,
        *,
        take: Callable[[Delivery], Awaitable[None]],
        assigned: Callable[[set[int]], Awaitable[None]],
        registry: Any = None,
    ) -> None:
        self._topic = topic
        self._folder = tempfile.TemporaryDirectory(prefix="loanbell-faust-")
        self._app = app = _App(
            settings.group,
            broker=f"kafka://{servers_of(settings)}",
            broker_credentials=_credentials(settings),
            broker_session_timeout=settings.session_seconds,
            broker_heartbeat_interval=settings.session_seconds / 4,
            broker_commit_interval=1.0,
            stream_buffer_maxsize=BUFFERED,
            consumer_auto_offset_reset="earliest",
            autodiscover=False,
            web_enabled=False,
            topic_disable_leader=True,
            stream_wait_empty=False,
            store="memory://",
            datadir=self._folder.name,
        )

        if registry is not None:
            app.monitor = PrometheusMonitor(metrics=FaustMetrics.create(registry, "faust"))

        async def run(stream: Any) -> None:
            async for event in stream.noack().events():
                await take(_delivery(event))

        source = app.topic(topic, key_serializer="raw", value_serializer="raw")
        app.agent(source, name="record", concurrency=1)(run)

        async def on_assigned(_app: Any, *found: Any, **_: Any) -> None:
            await assigned({tp.partition for tp in found[0] if tp.topic == topic})

        app.on_partitions_assigned.connect(on_assigned, weak=False)  # type: ignore[arg-type]

    async def start(self) -> None:
        """Join the group. Errors: BrokerUnavailable."""
        try:
            await self._app.start()
        except KafkaError as error:
            raise BrokerUnavailable(
                f"The broker cannot be reached: {error!r}.",
                way_out="Start it, or correct --broker (LOANBELL_BROKER).",
            ) from error

    async def stop(self) -> None:
        """Commit what was acknowledged and leave the group."""
        await self._app.stop()
        self._folder.cleanup()

    def lag(self, partition: int, offset: int) -> int:
        """Messages of a partition behind `offset`, as far as the broker has told."""
        end = self._app.consumer.highwater(_tp(self._topic, partition)) or 0
        return max(0, end - offset)

    @property
    def crashed(self) -> BaseException | None:
        """The error that stopped Faust, if one did."""
        reason: BaseException | None = self._app.crash_reason if self._app.crashed else None
        return reason


def _tp(topic: str, partition: int) -> Any:
    return faust.types.TP(topic, partition)


def _delivery(event: Any) -> Delivery:
    message = event.message
    headers = message.headers or {}
    return Delivery(
        message.partition,
        message.offset + _FIRST_OFFSET,
        round(message.timestamp * 1_000) * 1_000,
        message.value or b"",
        headers if isinstance(headers, dict) else dict(headers),
        event.ack,
    )
