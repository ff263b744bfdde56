"""Delivering events to receivers over HTTP: in order, at least once, however often it takes.

Driven from the logs: each receiver has a place of its own in its feed, tracked in the partition's
warnings log, and nothing is written twice. What fails is tried again after longer and longer
pauses, nothing behind it goes before it, and after so many failures in a row the receiver is
parked until somebody resumes it. In memory is at most one page of events, whatever waits: a slow
or dead receiver costs nobody else anything.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from ledger.dates import now_us
from ledger.errors import StaleVersion, StoreUnavailable, UnknownEntity
from ledger.store import WARNINGS_LOG
from streams.feeds import Event, feeds_of, partition_of
from streams.gauges import ReceiverStanding
from streams.health import told
from streams.post import Post, Unanswered
from streams.receivers import Receiver, receivers_in
from streams.sinks import Request, Sink, sink_of

if TYPE_CHECKING:
    from ledger.store import FactLog
    from streams.parts import AnyStore
    from streams.wiring import Node

READ_EVENTS = 200
"""Most events of one receiver in memory."""
LOOK_SECONDS = 0.5
BEGIN_SECONDS = 10.0
KEEP_SECONDS = 1.0
"""The place is kept this often at least: what was delivered since comes again after a crash."""
GONE = 410
"""The receiver's own word that it will never take anything again."""

log = logging.getLogger("loanbell.webhooks")


@dataclass(frozen=True, slots=True)
class Kept:
    """What is tracked of a receiver: its place in the feed, or None before it began; whether it is
    parked."""

    place: int | None
    parkings: int
    resumptions: int

    @property
    def parked(self) -> bool:
        """Whether nothing is sent until somebody resumes it."""
        return self.parkings > self.resumptions


def kept_of(warnings: FactLog, name: str) -> Kept:
    """What a partition's warnings log has tracked of the receiver `name`."""
    place = warnings.tracked(f"webhook:{name}")
    parkings, resumptions = (
        warnings.tracked(f"webhook:{name}:{word}") for word in ("parked", "resumed")
    )
    return Kept(place - 1 if place else None, parkings, resumptions)


def tracked_standing(receiver: Receiver, stores: Sequence[AnyStore]) -> dict[str, Any]:
    """How a receiver stands over all partitions, by what is tracked in them. Reads."""
    behind, parked, begun = 0, [], False
    for partition, store in enumerate(stores):
        kept = kept_of(store.warnings, receiver.name)
        log = store.warnings if receiver.feed == WARNINGS_LOG else store.ledger
        behind += 0 if kept.place is None else max(0, log.last_position() - kept.place)
        parked += [partition] if kept.parked else []
        begun |= kept.place is not None
    return _standing(receiver, behind=behind, parked=parked, begun=begun)


def _standing(
    receiver: Receiver,
    *,
    behind: int,
    parked: Sequence[int],
    begun: bool,
    failures: int = 0,
    last_error: str = "",
) -> dict[str, Any]:
    return {
        "receiver": receiver.name,
        "kind": receiver.kind,
        "place": receiver.place,
        "feed": receiver.feed,
        "begun": begun,
        "behind_facts": behind,
        "parked": list(parked),
        "failures": failures,
        "last_error": last_error,
    }


class Delivery:
    """Delivers one feed of one partition to one receiver, as long as `run` runs."""

    def __init__(self, receiver: Receiver, node: Node) -> None:
        self.receiver = receiver
        self._node, self._log = node, node.store.warnings
        self._feed = feeds_of(node)[receiver.feed]
        self._sink: Sink = sink_of(receiver, node)
        self._post = Post(timeout_seconds=receiver.timeout_seconds, ca_file=receiver.ca_file)
        self._wake, self._begun = asyncio.Event(), asyncio.Event()
        self._kept_at = 0.0
        self._again_at = 0.0
        self._place = self._reached = 0
        self._counts = (0, 0)
        self.parked = False
        self.failures = 0
        self.last_error = ""

    async def run(self) -> None:
        """Until cancelled. A store that cannot be used is tried again."""
        try:
            while True:
                try:
                    await self._begin()
                    while True:
                        await self._step()
                except (StoreUnavailable, StaleVersion) as error:
                    log.warning("receiver %s waits: %s", self.receiver.name, error)
                    await asyncio.sleep(self.receiver.first_pause_seconds)
        except Exception as error:  # Ours to mend; recording must not stop for it.
            self.parked, self.last_error = True, told(error)
            log.critical("receiver %s stops until the next start: %s", self.receiver.name,
                         self.last_error)  # fmt: skip
        finally:
            await self._post.close()

    @property
    def behind(self) -> int:
        """Facts that it has yet to be told of, at most: those it does not want count too."""
        return max(0, self._feed.end() - self._reached)

    @property
    def begun(self) -> bool:
        """Whether it knows its place."""
        return self._begun.is_set()

    async def resume(self, *, skip: bool) -> None:
        """Go on; `skip` leaves out for ever what it is stuck at. Errors: StoreUnavailable."""
        await _pause(self._begun, BEGIN_SECONDS)
        if not self.begun:
            raise StoreUnavailable("It has not begun yet.", way_out="Try again.")
        parkings, _ = self._counts
        if self.parked:
            place = await asyncio.to_thread(self._behind_next) if skip else self._place
            moved = {self._source(): place + 1} if place > self._place else {}
            await self._track({self._source(":resumed"): parkings, **moved})
            self._place = self._reached = place
            self._counts = parkings, parkings
            self.parked = False
            log.warning("receiver %s is resumed at %d", self.receiver.name, self._place)
        self._wake.set()

    # -- within ----------------------------------------------------------------------------------

    async def _begin(self) -> None:
        """Take up where it was, or where a new receiver begins."""
        while not self._node.ready:  # The views may be of another version until then.
            await self._node.moved(within_seconds=LOOK_SECONDS)
        kept = await asyncio.to_thread(kept_of, self._log, self.receiver.name)
        place = kept.place
        if place is None:
            now = self.receiver.start == "now"
            place = await asyncio.to_thread(self._feed.end) if now else 0
            await self._track({self._source(): place + 1})
        self._place = self._reached = place
        self._counts, self.parked = (kept.parkings, kept.resumptions), kept.parked
        self._begun.set()

    async def _step(self) -> None:
        """Deliver a page of events, or wait for some."""
        if self.parked:
            self._wake.clear()
            await self._wake.wait()
            return
        events, end = await asyncio.to_thread(self._feed.read, self._place, READ_EVENTS)
        for batch in self._batches(events):
            # All before it was delivered; of its position perhaps not: the grades of one close.
            self._reached = max(self._reached, batch[0].position - 1)
            if asyncio.get_running_loop().time() - self._kept_at > KEEP_SECONDS:
                await self._keep()
            if not await self._insist(partial(self._sink.request, batch), len(batch)):
                return
        self._reached = max(self._reached, end)
        await self._keep()
        if not events:
            await self._send_again()
            await self._node.moved(within_seconds=LOOK_SECONDS)

    def _batches(self, events: Sequence[Event]) -> Iterator[Sequence[Event]]:
        """What the receiver wants of `events`, a request's worth at a time."""
        wanted = (event for event in events if self.receiver.wants(event.type))
        while batch := list(islice(wanted, self._sink.most)):
            yield batch

    def _behind_next(self) -> int:
        """The place behind what it is to be sent next."""
        events, end = self._feed.read(self._place, READ_EVENTS)
        return next((batch[-1].position for batch in self._batches(events)), end)

    async def _send_again(self) -> None:
        """What stands, to a receiver that forgets it."""
        now = asyncio.get_running_loop().time()
        if self._sink.again_seconds is None or now < self._again_at:
            return
        pages = await asyncio.to_thread(lambda: list(islice(self._sink.standing(), 1_000)))
        for loan_ids in pages:
            if not await self._insist(partial(self._sink.again, loan_ids), 0):
                return
        self._again_at = now + self._sink.again_seconds

    async def _insist(self, make: Callable[[int], Request | None], events: int) -> bool:
        """Send until it is taken; False when the receiver is parked instead."""
        pause = self.receiver.first_pause_seconds
        while True:
            request = await asyncio.to_thread(make, now_us())
            if request is None:
                return True
            gone, asked_seconds = await self._attempt(request, events)
            if not self.failures:
                return True
            await self._keep()
            if gone or self.failures >= self.receiver.attempts:
                await self._park()
                return False
            longest = self.receiver.longest_pause_seconds
            self._wake.clear()
            await _pause(self._wake, min(max(pause, asked_seconds), longest))
            pause = min(2 * pause, longest)

    async def _attempt(self, request: Request, events: int) -> tuple[bool, float]:
        """One try. Whether the receiver is gone for good; the pause that it asks for."""
        loop = asyncio.get_running_loop()
        started, status, asked_seconds = loop.time(), 0, 0.0
        try:
            status, asked_seconds = await self._post.send(*request)
            error = "" if 200 <= status < 300 else f"It answered {status}."
        except Unanswered as unanswered:
            error = unanswered.message
        outcome = "failed" if error else "delivered"
        self._node.metrics.webhook(
            self.receiver.name, outcome, events=events, seconds=loop.time() - started
        )
        if error and error != self.last_error:
            log.warning("receiver %s: %s It is tried again.", self.receiver.name, error)
        elif not error and self.failures:
            log.warning("receiver %s takes again what it is sent", self.receiver.name)
        self.last_error = error
        self.failures = self.failures + 1 if error else 0
        return status == GONE, asked_seconds

    async def _park(self) -> None:
        """Send nothing more until somebody resumes it; a restart does not."""
        parkings = self._counts[1] + 1
        await self._track({self._source(":parked"): parkings})
        self._counts, self.parked, self.failures = (parkings, self._counts[1]), True, 0
        log.error(
            "receiver %s is parked at %d: %s Mend it, then `loanbell webhooks resume %s`.",
            self.receiver.name, self._place, self.last_error, self.receiver.name,
        )  # fmt: skip

    async def _keep(self) -> None:
        """Track the place that was reached."""
        self._kept_at = asyncio.get_running_loop().time()
        if self._reached > self._place:
            await self._track({self._source(): self._reached + 1})
            self._place = self._reached

    async def _track(self, places: Mapping[str, int]) -> None:
        await asyncio.to_thread(self._log.record, [], tracking=places)

    def _source(self, word: str = "") -> str:
        return f"webhook:{self.receiver.name}{word}"


class Deliveries:
    """All receivers of one node. Make it in the node's loop; `run` as long as the node runs."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._partition = partition_of(node)
        named = node.settings.webhooks
        self.receivers = () if named is None else tuple(receivers_in(named))
        self.each: dict[str, Delivery] = {}

    async def run(self) -> None:
        """Until cancelled: a delivery for each receiver, none held up by another."""
        made = [Delivery(receiver, self._node) for receiver in self.receivers]
        self.each = {delivery.receiver.name: delivery for delivery in made}
        async with asyncio.TaskGroup() as group:
            for delivery in made:
                group.create_task(delivery.run())

    def standing(self) -> list[dict[str, Any]]:
        """How each receiver stands. Any thread."""
        return [
            _standing(
                each.receiver,
                behind=each.behind,
                parked=[self._partition] if each.parked else [],
                begun=each.begun,
                failures=each.failures,
                last_error=each.last_error,
            )
            for each in list(self.each.values())
        ]

    def metered(self) -> dict[str, ReceiverStanding]:
        """The same for metrics."""
        return {
            one["receiver"]: ReceiverStanding(
                behind_facts=one["behind_facts"], parked=len(one["parked"])
            )
            for one in self.standing()
        }

    async def resume(self, name: str, skip: bool) -> None:
        """Resume a receiver. Errors: UnknownEntity, StoreUnavailable."""
        if name not in self.each:
            raise UnknownEntity(
                "There is no such receiver.", way_out="`loanbell webhooks list` names them."
            )
        await self.each[name].resume(skip=skip)


async def _pause(wake: asyncio.Event, seconds: float) -> None:
    """Sleep, until `wake` is set at the latest."""
    try:
        async with asyncio.timeout(seconds):
            await wake.wait()
    except TimeoutError:
        return
