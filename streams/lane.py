"""One partition in a worker: from its topic into its node, and from its logs out to the topics.

The node is the same as the embedded one, over the partition's schema. A batch is sent on, recorded
with its offset in one commit, and only then acknowledged. Trouble with database or broker closes
the node and opens it again, which reads what was committed; what was not is tried again. Books that
would be wrong stop the lane for good.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any, NamedTuple

from ledger.commands import CloseBusinessDay
from ledger.dates import now_us
from ledger.errors import StaleVersion, StoreUnavailable
from ledger.service import Incoming
from ledger.store import PostgresStore
from streams import routing
from streams.clock import BusinessDayTimer, timer_of
from streams.controls import carry_out, is_control, say_request
from streams.ingest import read
from streams.kafka import Delivery, Outgoing, Producer, partition_of
from streams.metrics import Metrics
from streams.outbox import Outbox
from streams.settings import Settings
from streams.topics import TRANSACTIONS_TOPIC
from streams.wiring import Node

WAITING = 4_000
WAITING_BYTES = 16 << 20
"""Deliveries that wait in a lane, and their bytes, before the consumer is held up."""
SPACING_SECONDS = 0.02
PLENTY_BYTES = 64 * 1024
"""A commit costs what dozens of messages do, however few it holds: one that holds little begins no
sooner than this after the one before. After a quiet moment nothing waits."""
NODE_STOP_SECONDS = 1.0
RETRY_SECONDS = 0.5
EVICT_AFTER = 6
"""Attempts to open a partition before a writer that does not let go is cut off."""

log = logging.getLogger("loanbell.worker")


class Message(NamedTuple):
    """A message of a delivery: its line there, and whether it is for all partitions."""

    incoming: Incoming
    line: int
    for_all: bool


class Batch(NamedTuple):
    """Deliveries with what of them is to be recorded here, in one commit with `tracking`.

    One that asks something of the owner, and is no transaction, is alone in its batch.
    """

    deliveries: list[Delivery]
    messages: list[Incoming]
    tracking: dict[str, int]
    asks: bool = False


class Lane:
    """The way of one partition's messages. `start` it; `stop` gives the partition back."""

    def __init__(
        self,
        partition: int,
        settings: Settings,
        *,
        partitions: int,
        producer: Producer,
        metrics: Metrics,
    ) -> None:
        self.partition, self._partitions = partition, partitions
        # Closes come through the topic, so that they have their place among the transactions. What
        # the agents have not read when a partition goes, its next owner makes up.
        self._settings = replace(settings, closed_by="driver", stop_seconds=NODE_STOP_SECONDS)
        self._timed = settings.closed_by == "timer"
        self._producer, self._metrics = producer, metrics
        self._topic = settings.topic(TRANSACTIONS_TOPIC)
        self._source = f"{TRANSACTIONS_TOPIC}:{partition}"
        self._inbox: deque[Delivery] = deque()
        self._came, self._room, self._stopping = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._put = self._bytes = 0
        self._gathered_at = 0.0
        self._pending: deque[list[Delivery]] = deque()
        self._asked_close: date | None = None
        self._task: asyncio.Task[None] | None = None
        self.node: Node | None = None
        self.outbox: Outbox | None = None
        self.failure: BaseException | None = None
        self.done = 0
        """The last offset that is recorded, counted from 1."""

    # -- deliveries ------------------------------------------------------------------------------

    async def put(self, delivery: Delivery) -> None:
        """Take a delivery; waits while many wait. One that came before is passed over.

        When the lane is stopping or has failed it is dropped unacknowledged: it comes again.
        """
        if delivery.offset <= self._put:
            if delivery.offset <= self.done:
                delivery.ack()
            return
        while self._is_full and not self._stopping.is_set():
            self._room.clear()
            await self._room.wait()
        if not self._stopping.is_set():
            self._put = delivery.offset
            self._bytes += len(delivery.value)
            self._inbox.append(delivery)
            self._came.set()

    @property
    def _is_full(self) -> bool:
        return len(self._inbox) >= WAITING or self._bytes >= WAITING_BYTES

    async def _gather(self) -> list[Delivery]:
        """The next delivery and what waits behind it, up to a batch of messages."""
        while not self._inbox:
            self._came.clear()
            await self._came.wait()
        await self._space_out()
        batch: list[Delivery] = []
        messages = 0
        while self._inbox and messages < self._settings.batch_messages:
            asks = is_control(self._inbox[0])
            if asks and batch:
                break
            delivery = self._inbox.popleft()
            self._bytes -= len(delivery.value)
            messages += delivery.value.count(b"\n") + 1
            batch.append(delivery)
            if asks:
                break
        self._room.set()
        return batch

    async def _space_out(self) -> None:
        """Let what comes one by one come together."""
        clock = asyncio.get_running_loop().time
        left = self._gathered_at + SPACING_SECONDS - clock()
        if left > 0 and self._bytes < PLENTY_BYTES:
            await asyncio.sleep(left)
        self._gathered_at = clock()

    # -- life ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Open the partition and serve it, for as long as it is ours."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Finish the commit under way and give the partition back."""
        self._stopping.set()
        self._room.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            if not self._task.cancelled() and self._task.exception() is not None:
                log.error("partition %d: %r", self.partition, self._task.exception())

    async def _run(self) -> None:
        attempts = 0
        while True:
            try:
                async with self._opened(evict=attempts >= EVICT_AFTER) as node:
                    attempts = 0
                    await self._serve(node)
            except (StoreUnavailable, StaleVersion) as error:
                attempts += 1
                log.warning("partition %d waits: %s", self.partition, error)
            except asyncio.CancelledError:
                raise
            except BaseException as error:
                log.critical("partition %d stops: %r", self.partition, error)
                self.failure = error
                self._stopping.set()
                self._room.set()
                return
            await asyncio.sleep(RETRY_SECONDS)

    @asynccontextmanager
    async def _opened(self, *, evict: bool) -> AsyncIterator[Node]:
        """The partition's node, running; closed behind it, however it ends."""
        # Half-started agents cannot be cancelled: Faust would start them again.
        opening = asyncio.ensure_future(self._open(evict=evict))
        try:
            self.node = node = await asyncio.shield(opening)
        except asyncio.CancelledError:
            with contextlib.suppress(StoreUnavailable):
                await self._close(await opening)
            raise
        log.info("partition %d is ours", self.partition)
        try:
            yield node
        finally:
            self.node = self.outbox = None
            await _wholly(self._close(node))
            log.info("partition %d is given back, recorded up to %d", self.partition, self.done)

    async def _open(self, *, evict: bool) -> Node:
        opening = partial(
            Node.open,
            self._settings,
            metrics=self._metrics,
            partition=self.partition,
            evict=evict,
        )
        node = await asyncio.to_thread(opening)
        node.by_clock = self._timed  # although its closes come through the topic
        try:
            await node.start()
        except BaseException:
            await self._close(node)
            raise
        return node

    async def _close(self, node: Node) -> None:
        await node.stop()
        while node.busy:
            await asyncio.sleep(0.02)
        await asyncio.to_thread(node.close)

    async def _serve(self, node: Node) -> None:
        """Record, publish and close days until one of them fails. Errors: what failed."""
        self.done = await asyncio.to_thread(node.tracked, self._source)
        self.outbox = Outbox(self.partition, node, self._producer, topic=self._settings.topic)
        ready: asyncio.Queue[Batch] = asyncio.Queue(maxsize=1)
        work: list[Coroutine[Any, Any, Any]] = [
            self._prepare(self._router(node), ready), self._commit(node, ready),
            self.outbox.run(), node.failed(),
        ]  # fmt: skip
        if self._timed:
            work.append(self._timer(node).run())
        tasks = [asyncio.ensure_future(each) for each in work]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if node.failure is not None:
                raise node.failure
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # -- recording -------------------------------------------------------------------------------

    async def _prepare(self, router: routing.Router, ready: asyncio.Queue[Batch]) -> None:
        """Read what comes and send on what belongs elsewhere, one batch ahead of the commit."""
        for deliveries in list(self._pending):
            await ready.put(await self._prepared(deliveries, router))
        while True:
            deliveries = await self._gather()
            self._pending.append(deliveries)
            await ready.put(await self._prepared(deliveries, router))

    async def _commit(self, node: Node, ready: asyncio.Queue[Batch]) -> None:
        """Record batches in order, and acknowledge each after its commit."""
        while True:
            batch = await ready.get()
            messages = batch.messages
            if batch.asks:
                refused = await carry_out(node, batch.deliveries[0], self._source)
                messages = [] if refused is None else [refused]
            if batch.tracking:
                await node.submit(messages, tracking=batch.tracking)
            self.done = max(self.done, batch.deliveries[-1].offset)
            self._pending.popleft()
            for delivery in batch.deliveries:
                delivery.ack()

    async def _prepared(self, deliveries: list[Delivery], router: routing.Router) -> Batch:
        """Messages to record here, with their tracking; those of other partitions are sent on."""
        new = [delivery for delivery in deliveries if delivery.offset > self.done]
        if not new:
            return Batch(deliveries, [], {})
        if is_control(new[0]):
            return Batch(deliveries, [], {self._source: new[0].offset}, asks=True)
        batch, leaving = await asyncio.to_thread(self._sorted_out, deliveries, new, router)
        for other, sent in leaving.items():
            await self._producer.send(self._topic, other, sent)
        return batch

    def _sorted_out(
        self, deliveries: list[Delivery], new: Sequence[Delivery], router: routing.Router
    ) -> tuple[Batch, dict[int, list[Outgoing]]]:
        """What is to be recorded here, and what other partitions are to be sent, in order."""
        messages = self._read(new)
        incoming = [message.incoming for message in messages]
        one = self._partitions == 1
        targets = [self.partition] * len(incoming) if one else router.targets(incoming)
        away = any(to != self.partition for to in targets)
        here = incoming
        if away:
            here = [m for m, to in zip(incoming, targets, strict=True) if to == self.partition]
        tracking = {self._source: new[-1].offset}
        for message in here:
            if message.source is not self._source:
                tracking[message.source] = max(message.offset, tracking.get(message.source, 0))
        spread = not one and any(message.for_all for message in messages)
        leaving = self._leaving(messages, targets) if away or spread else {}
        return Batch(deliveries, here, tracking), leaving

    def _read(self, deliveries: Sequence[Delivery]) -> list[Message]:
        """The messages of `deliveries`, with their place among the lines of their delivery."""
        messages: list[Message] = []
        clock_us = now_us()
        for delivery in deliveries:
            if log.isEnabledFor(logging.DEBUG):
                say_request(self._source, delivery)
            origin = routing.origin_of(delivery.headers)
            source, offset, at_us = origin or (self._source, delivery.offset, delivery.at_us)
            spread = origin is None and routing.EACH_HEADER not in delivery.headers
            for line, body in enumerate(lines_of(delivery.value)):
                incoming = read(
                    body, source=source, offset=offset, accepted_us=at_us, clock_us=clock_us
                )
                closes = spread and type(incoming.command) is CloseBusinessDay
                messages.append(Message(incoming, line, closes))
        return messages

    def _leaving(
        self, messages: Sequence[Message], targets: Sequence[int]
    ) -> dict[int, list[Outgoing]]:
        """Messages for other partitions than this one."""
        leaving: dict[int, list[Outgoing]] = {}
        for message, target in zip(messages, targets, strict=True):
            for other in range(self._partitions) if message.for_all else (target,):
                if other != self.partition:
                    headers = routing.sent_on(message.incoming, self.partition, message.line)
                    outgoing = Outgoing(None, message.incoming.original, headers)
                    leaving.setdefault(other, []).append(outgoing)
        return leaving

    def _router(self, node: Node) -> routing.Router:
        store = node.store
        if not isinstance(store, PostgresStore):
            raise StoreUnavailable("A worker needs PostgreSQL.")
        return routing.Router(
            self.partition,
            known=store.ledger.versions,
            homes=store.homes,
            reserve=store.reserve,
            partition_of=lambda borrower: partition_of(borrower, self._partitions),
        )

    # -- business days ---------------------------------------------------------------------------

    def _timer(self, node: Node) -> BusinessDayTimer:
        """Sends the close of a day, when its time has come, to the end of the partition's topic."""
        return timer_of(
            self._settings,
            node.calendar,
            last_closed=lambda: _later(node.closed_through, self._asked_close),
            submit=self._ask_close,
            behind=node.fell_behind,
        )

    async def _ask_close(self, closes: Sequence[Incoming]) -> None:
        headers = [(routing.EACH_HEADER, b"1")]
        sent = [Outgoing(None, close.original, headers) for close in closes]
        await self._producer.send(self._topic, self.partition, sent)
        self._asked_close = closes[-1].command.value_date if closes[-1].command else None


def lines_of(value: bytes) -> list[bytes]:
    """The messages in a delivery: one, or one a line, all of the same commit."""
    if b"\n" not in value:
        return [value]
    return [line for line in value.split(b"\n") if line.strip()] or [value]


async def _wholly(work: Coroutine[Any, Any, None]) -> None:
    """Do `work` to its end, also when this is cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _later(one: date | None, other: date | None) -> date | None:
    days = [day for day in (one, other) if day is not None]
    return max(days, default=None)
