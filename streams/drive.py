"""Drives messages through a node as fast as it takes them: what a replay, a demo and a bench do.

While one batch is being committed the next is made and parsed. Tracks no place to resume from:
`files` does that for imports.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from ledger.commands import CloseBusinessDay
from ledger.service import Incoming
from streams.ingest import read
from streams.settings import NO_STRATEGY
from streams.wiring import Node


@dataclass(slots=True)
class Sent:
    """What came of messages: how many, their outcomes by status, refusals by code."""

    messages: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


Report = Callable[[Sent], None]


async def send_all(
    node: Node, lines: Iterable[bytes], *, source: str, accepted_us: int, report: Report
) -> Sent:
    """Send every line of `lines` to `node`; `report` is called after each commit.

    `accepted_us` stamps messages without `sent_at`. Where cases are treated, each close of a day
    waits until what follows from it is done, as it would be in live use. Errors: as `Node.submit`.
    """
    sent = Sent()
    size = node.settings.batch_messages
    treated = node.settings.strategy != NO_STRATEGY
    async for parsed in _parsed(iter(lines), source, accepted_us, size):
        for batch in _days(parsed) if treated else [parsed]:
            answer = await node.submit(batch)
            if treated:
                await node.settled()
            sent.messages += len(batch)
            for outcome in answer.outcomes:
                sent.outcomes[outcome.status] += 1
                if outcome.status == "refused":
                    sent.refused[outcome.code] += 1
            report(sent)
    return sent


def _days(batch: list[Incoming]) -> Iterator[list[Incoming]]:
    """A batch in pieces, each with at most one close, at its end."""
    piece: list[Incoming] = []
    for message in batch:
        piece.append(message)
        if isinstance(message.command, CloseBusinessDay):
            yield piece
            piece = []
    if piece:
        yield piece


async def _parsed(
    lines: Iterator[bytes], source: str, accepted_us: int, size: int
) -> AsyncIterator[list[Incoming]]:
    numbered = enumerate(lines, start=1)

    def make() -> list[Incoming]:
        return [
            read(line, source=source, offset=number, accepted_us=accepted_us)
            for number, line in islice(numbered, size)
        ]

    following = asyncio.ensure_future(asyncio.to_thread(make))
    while batch := await following:
        following = asyncio.ensure_future(asyncio.to_thread(make))
        yield batch
