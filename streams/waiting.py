"""Who waits for an answer of a node: nobody is left without one when it stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


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
