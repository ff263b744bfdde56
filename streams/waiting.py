"""Who waits for an answer of a node, or for it to move: nobody is left without an answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any


class Moves:
    """How often something of a node moved, and who waits for the next time. Of one loop."""

    def __init__(self) -> None:
        self.count = 0
        self._next = asyncio.Event()

    def tell(self) -> None:
        """Something moved."""
        self.count += 1
        self._next.set()
        self._next = asyncio.Event()

    async def beyond(self, count: int | None, *, within_seconds: float | None = None) -> None:
        """Until there are more than `count` moves, by default than now, or the time is over."""
        if count is None or self.count <= count:
            with contextlib.suppress(TimeoutError):
                # `wait_for` may swallow a cancellation.
                async with asyncio.timeout(within_seconds):
                    await self._next.wait()


class Waiting:
    """The answers that are still open. Of one loop; `moved` is called whenever one is given."""

    def __init__(self, moved: Callable[[], None]) -> None:
        self._open: set[asyncio.Future[Any]] = set()
        self._moved = moved

    def __len__(self) -> int:
        return len(self._open)

    def one(self) -> asyncio.Future[Any]:
        """An answer to wait for."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._open.add(answer)
        answer.add_done_callback(self._given)
        return answer

    def refuse(self, error: BaseException) -> None:
        """Give `error` to everybody who waits."""
        for answer in list(self._open):
            if not answer.done():
                answer.set_exception(error)

    def _given(self, answer: asyncio.Future[Any]) -> None:
        self._open.discard(answer)
        self._moved()
