"""A living branch: the simulated days go on behind the desk, one every few seconds.

The generated world runs longer than what is loaded at the start; what is left is sent day by day, a
piece at a time, each day ending with its close. People at the desk act in the same made time: a day
there lasts from nine to five. Draws nothing and decides nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import date

from ledger.dates import date_of_us, start_of_day_us
from streams.ingest import read
from streams.wiring import Node

PIECES = 6
"""In so many pieces the messages of a day come."""
HOUR_US = 3_600_000_000
OPENS_US, CLOSES_US = 1 * HOUR_US, 9 * HOUR_US
"""Nine and five o'clock in China, after midnight of UTC."""
CLOSE = b'"type":"business_day_closed"'
SOURCE = "living"


class LivingDays:
    """The days still to come. `now_us` is the made clock that the desk goes by."""

    def __init__(self, node: Node, lines: Iterator[bytes], *, seconds: float) -> None:
        """`lines` are the messages behind what is loaded; `seconds` is how long a day takes."""
        self._node, self._lines, self._seconds = node, lines, seconds
        self._day: date | None = node.closed_through
        self._offset = 0
        self._share = 0.0
        self.closed: Callable[[date], None] = lambda _: None

    def now_us(self) -> int:
        """The moment of the made day, in microseconds of UTC."""
        day = self._node.health().business_date or self._day or date_of_us(0)
        return start_of_day_us(day) + OPENS_US + int(self._share * (CLOSES_US - OPENS_US))

    async def run(self) -> None:
        """Send day after day until the world ends or this is cancelled. Errors: as `submit`."""
        while messages := await asyncio.to_thread(self._next_day):
            size = -(-len(messages) // PIECES)
            for piece in range(PIECES):
                self._share = piece / PIECES
                part = messages[piece * size : (piece + 1) * size]
                if part:
                    await self._send(part)
                await asyncio.sleep(self._seconds / PIECES)
            self._share = 0.0
            if self._node.closed_through is not None:
                self.closed(self._node.closed_through)

    def _next_day(self) -> list[bytes]:
        """The messages up to and with the next close; what the world's end cuts off is left out."""
        found = []
        for line in self._lines:
            found.append(line)
            if CLOSE in line:
                return found
        return []

    async def _send(self, lines: list[bytes]) -> None:
        batch = []
        for line in lines:
            self._offset += 1
            batch.append(read(line, source=SOURCE, offset=self._offset, accepted_us=self.now_us()))
        await self._node.submit(batch)
