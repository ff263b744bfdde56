"""The warnings stream: server-sent events that lose nothing and repeat nothing.

An event's id is its position in the warnings log, so a reader that comes back with Last-Event-ID
goes on exactly where it stopped. The feed holds the last facts once, for all readers; a reader that
falls behind them reads on from the log itself. So no reader has a queue of its own, memory is
bounded, and a slow reader costs the others nothing. One that takes nothing for `patience_seconds`
is let go and may come back.
Source: html.spec.whatwg.org, section server-sent events.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ledger.codec import encode, topic_of
from ledger.errors import InvariantBroken
from ledger.store import Recorded
from streams.api.problems import Problem
from streams.meter import Meter

ReadLog = Callable[[int, int], list[Recorded]]
"""(after, limit) -> facts of the warnings log, by position."""
TRANSITIONS = (
    "raised",
    "reopened",
    "escalated",
    "deferred",
    "referred",
    "acknowledged",
    "action_started",
    "suppressed",
    "expired",
    "resolved",
    "found_false",
    "withdrawn",
)
"""The names of events: what happened to a warning."""
RETRY_MS = 2_000
READ_AT_ONCE = 500


class Told(NamedTuple):
    """One fact of the warnings log as readers get it, and whose loan it is about."""

    position: int
    loan_id: str
    warning_id: str
    frame: bytes
    silent: bytes
    """What a reader gets who may not see it: the position alone, to resume behind it."""


Shown = Callable[[Sequence[Told]], Awaitable[bytes | None]]
"""What of the facts one reader gets; None ends the stream. It is asked at heartbeats too."""


async def everything(told: Sequence[Told]) -> bytes:
    """For a reader who may see all."""
    return b"".join(item.frame for item in told)


def told_of(recorded: Recorded) -> Told:
    """A fact made ready for readers."""
    silent = b"id: %d\n\n" % recorded.position
    warning_id: str = getattr(recorded.fact, "warning_id", "")
    return Told(recorded.position, loan_of(recorded), warning_id, frame_of(recorded), silent)


def loan_of(recorded: Recorded) -> str:
    """The loan that a fact is about; empty if about none."""
    loan_id: str = getattr(recorded.fact, "loan_id", "")
    return loan_id


def frame_of(recorded: Recorded) -> bytes:
    """One fact of the warnings log as one event: id = position, event = the transition.

    A fact that is about no warning moves the reader's position on, and is not told.
    """
    name, data = words_of(recorded)
    if not name:
        return b"id: %d\n\n" % recorded.position
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (recorded.position, name.encode(), data)


def words_of(recorded: Recorded, **more: int) -> tuple[str, bytes]:
    """What happened and the event's data; two empty ones for a fact that is about no warning."""
    name = topic_of(recorded.fact).split(".")[1]
    if name not in TRANSITIONS:
        return "", b""
    told = {"position": recorded.position, **more, "event_id": recorded.event_id}
    fact = orjson.loads(encode(recorded.fact)[1])
    return name, orjson.dumps({**told, "transition": name, **fact})


class Readers:
    """Who reads a stream, counted and bounded; what wakes them."""

    def __init__(
        self,
        meter: Meter,
        *,
        readers: int = 256,
        heartbeat_seconds: float = 15.0,
        patience_seconds: float = 30.0,
    ) -> None:
        self._meter = meter
        self._most_readers, self._readers = readers, 0
        self.news, self.closed = asyncio.Event(), False
        self.heartbeat_seconds, self.patience_seconds = heartbeat_seconds, patience_seconds

    def close(self) -> None:
        """End every reader's stream: the process stops."""
        self.closed = True
        self.wake()

    def wake(self) -> None:
        """Something is new."""
        self.news.set()
        self.news = asyncio.Event()

    def enter(self) -> None:
        """Count a reader in. Errors: Problem "busy" when as many read as may."""
        if self.closed or self._readers >= self._most_readers:
            self._meter.listener_dropped("full")
            raise Problem("busy", "As many readers as allowed are connected.")
        self._readers += 1
        self._meter.listeners(self._readers)

    def leave(self, *, slow: bool) -> None:
        """Count a reader out."""
        self._readers -= 1
        self._meter.listeners(self._readers)
        if slow:
            self._meter.listener_dropped("slow")


class Feed(Readers):
    """The readers of the warnings stream. Lives in one event loop; only `read_log` leaves it."""

    def __init__(
        self,
        read_log: ReadLog,
        meter: Meter,
        *,
        last_position: int,
        held: int = 4_096,
        readers: int = 512,
        heartbeat_seconds: float = 15.0,
        patience_seconds: float = 30.0,
    ) -> None:
        super().__init__(
            meter,
            readers=readers,
            heartbeat_seconds=heartbeat_seconds,
            patience_seconds=patience_seconds,
        )
        self._read_log = read_log
        self._held: deque[Told] = deque(maxlen=held)
        self._last = last_position

    @property
    def last_position(self) -> int:
        """Position of the newest fact told to the feed."""
        return self._last

    def publish(self, recorded: Sequence[Recorded]) -> None:
        """Take committed facts of the warnings log, in order, and wake every reader."""
        for item in recorded:
            if item.position <= self._last:
                continue
            if item.position != self._last + 1:
                self._held.clear()
            self._held.append(told_of(item))
            self._last = item.position
        self.wake()

    async def frames(self, after: int, shown: Shown = everything) -> AsyncIterator[bytes]:
        """What `shown` lets through of everything behind position `after`, while the node runs.

        A quiet stream carries a heartbeat whose id is the reader's position, so that a reader that
        never saw a warning resumes at the right place too.
        """
        position = after
        yield b"retry: %d\nid: %d\n\n" % (RETRY_MS, position)
        while not self.closed:
            news = self.news
            if position < self._last:
                told = await self._behind(position)
                chunk = await shown(told)
                if chunk is None:
                    return
                yield chunk
                position = told[-1].position
                continue
            try:
                await asyncio.wait_for(news.wait(), self.heartbeat_seconds)
            except TimeoutError:
                if await shown([]) is None:
                    return
                yield b": heartbeat\nid: %d\n\n" % position

    async def _behind(self, position: int) -> list[Told]:
        if self._held and self._held[0].position <= position + 1:
            skip = position + 1 - self._held[0].position
            upto = min(skip + READ_AT_ONCE, len(self._held))
            return [self._held[n] for n in range(skip, upto)]
        recorded = await run_in_threadpool(self._read_log, position, READ_AT_ONCE)
        if not recorded:
            raise InvariantBroken(f"The warnings log ends at {position}, not at {self._last}.")
        return [*map(told_of, recorded)]


class EventStream(Response):
    """The answer that carries a feed, and lets go of a reader that stops reading.

    `frames` are those that `readers` read, from the reader's place on.
    """

    def __init__(self, readers: Readers, frames: AsyncIterator[bytes]) -> None:
        super().__init__(
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
        del self.headers["content-length"]
        self._feed, self._frames = readers, frames

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the reader leaves, is too slow, or the node stops. Errors: Problem."""
        self._feed.enter()
        slow = False
        gone = asyncio.create_task(_disconnected(receive))
        told = asyncio.create_task(self._tell(send))
        try:
            await asyncio.wait({gone, told}, return_when=asyncio.FIRST_COMPLETED)
            failure = told.exception() if told.done() else None
            slow = isinstance(failure, TimeoutError)
            if failure is not None and not slow:
                raise failure
        finally:
            self._feed.leave(slow=slow)
            gone.cancel()
            told.cancel()
            await asyncio.gather(gone, told, return_exceptions=True)

    async def _tell(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async for chunk in self._frames:
            async with asyncio.timeout(self._feed.patience_seconds):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _disconnected(receive: Receive) -> None:
    message: Any = {}
    while message.get("type") != "http.disconnect":
        message = await receive()
