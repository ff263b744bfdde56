"""The warnings stream over all partitions: as `feed`, with one place for each partition.

An event's id is the places of its reader in all logs, as "12-0-7": within a partition nothing is
lost, repeated or out of order, and a reader that comes back with Last-Event-ID, to this process or
another one, goes on exactly where it stopped. Between partitions the order is that of arrival.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Sequence
from itertools import islice
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool

from ledger.errors import StoreUnavailable
from ledger.store import FactLog, Recorded
from streams.api.feed import (
    READ_AT_ONCE,
    RETRY_MS,
    Readers,
    Shown,
    Told,
    everything,
    loan_of,
    words_of,
)
from streams.meter import Meter

LOOK_SECONDS = 0.25
AWAY_SECONDS = 2.0

log = logging.getLogger("loanbell.http")

Places = tuple[int, ...]
"""A position in the warnings log of each partition."""


class _Held(NamedTuple):
    partition: int
    position: int
    loan_id: str
    warning_id: str
    body: bytes


class MergedFeed(Readers):
    """The readers of the stream over `logs`; `run` looks for what is new, once for all of them."""

    def __init__(
        self, logs: Sequence[FactLog], meter: Meter, *, held: int = 4_096, readers: int = 256
    ) -> None:
        super().__init__(meter, readers=readers)
        self._logs = logs
        self._ends = [each.last_position() for each in logs]
        self._held: deque[_Held] = deque(maxlen=held)
        self._first = 0
        """The number of the oldest event that is held, counted since the start."""

    @property
    def places(self) -> Places:
        """Where the logs end, as far as this process has seen."""
        return tuple(self._ends)

    async def run(self) -> None:
        """Take in what partitions record, until cancelled; a database that is away is awaited."""
        told = False
        while True:
            try:
                await self._look()
                told = False
            except StoreUnavailable as error:
                if not told:
                    log.warning("the warnings stream waits: %s", error)
                told = True
                await asyncio.sleep(AWAY_SECONDS)
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        for partition, each in enumerate(self._logs):
            after = self._ends[partition]
            page = await run_in_threadpool(each.read, after=after, limit=READ_AT_ONCE)
            for item in page:
                if len(self._held) == self._held.maxlen:
                    self._first += 1
                self._held.append(held_of(partition, item))
            if page:
                self._ends[partition] = page[-1].position
                self.wake()

    async def frames(self, after: Places, shown: Shown = everything) -> AsyncIterator[bytes]:
        """What `shown` lets through of everything behind `after`, while the process runs."""
        places, seen = list(after), 0
        yield b"retry: %d\nid: %s\n\n" % (RETRY_MS, id_of(places))
        while not self.closed:
            news = self.news
            if any(place < end for place, end in zip(places, self._ends, strict=True)):
                told, seen = await self._behind(places, seen)
                chunk = await shown(told)
                if chunk is None:
                    return
                yield chunk
                continue
            try:
                async with asyncio.timeout(self.heartbeat_seconds):
                    await news.wait()
            except TimeoutError:
                if await shown([]) is None:
                    return
                yield b": heartbeat\nid: %s\n\n" % id_of(places)

    async def _behind(self, places: list[int], seen: int) -> tuple[list[Told], int]:
        """Events behind `places`, which are moved, and the number of the next one held."""
        if (seen and seen >= self._first) or self._holds(places):
            start = max(seen, self._first)
            chosen = list(islice(self._held, start - self._first, None))
            told = [_told(item, places) for item in chosen if item.position > places[item[0]]]
            return told, start + len(chosen)
        pairs = enumerate(zip(places, self._ends, strict=True))
        partition = next(number for number, (place, end) in pairs if place < end)
        after, limit = places[partition], self._ends[partition] - places[partition]
        page = await run_in_threadpool(
            self._logs[partition].read, after=after, limit=min(limit, READ_AT_ONCE)
        )
        return [_told(held_of(partition, item), places) for item in page], seen

    def _holds(self, places: Sequence[int]) -> bool:
        """Whether all behind `places` is held."""
        oldest: dict[int, int] = {}
        for item in self._held:
            oldest.setdefault(item.partition, item.position)
        return all(
            place >= end or oldest.get(partition, end + 1) <= place + 1
            for partition, (place, end) in enumerate(zip(places, self._ends, strict=True))
        )


def held_of(partition: int, item: Recorded) -> _Held:
    """A fact with the event it makes, but for its id; no event if it is about no warning."""
    name, data = words_of(item, partition=partition)
    body = b"event: %s\ndata: %s\n" % (name.encode(), data) if name else b""
    warning_id: str = getattr(item.fact, "warning_id", "")
    return _Held(partition, item.position, loan_of(item), warning_id, body)


def id_of(places: Sequence[int]) -> bytes:
    """The places of a reader as an event's id."""
    return "-".join(map(str, places)).encode()


def places_in(text: str, partitions: int) -> Places | None:
    """The places that an id holds; "0" is the beginning of all. None when it is none of ours."""
    if text == "0":
        return (0,) * partitions
    words = text.split("-")
    fine = len(words) == partitions and all(w.isdecimal() and len(w) < 19 for w in words)
    return tuple(map(int, words)) if fine else None


def _told(item: _Held, places: list[int]) -> Told:
    """The event for a reader, whose place it moves."""
    places[item.partition] = item.position
    head = b"id: %s\n" % id_of(places)
    frame = head + item.body + b"\n"
    return Told(item.position, item.loan_id, item.warning_id, frame, head + b"\n")
