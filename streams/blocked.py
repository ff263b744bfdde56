"""A store that takes nothing for a while: try again, and find out without traffic when it does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from ledger.errors import StoreBlocked

if TYPE_CHECKING:
    from streams.wiring import Node

T = TypeVar("T")

FIRST_PAUSE_SECONDS = 1.0
"""Before a blocked store is asked again; each further pause is twice as long."""
LONGEST_PAUSE_SECONDS = 30.0
ROOM_FOUND = "room"
"""The source whose tracked place counts the commits that found a blocked store free again."""

log = logging.getLogger("loanbell.blocked")


async def insisted(call: Callable[[], Awaitable[T]], who: str) -> T:
    """`call` until it is not blocked, after longer and longer pauses; told once in the log."""
    pause, told = FIRST_PAUSE_SECONDS, False
    while True:
        try:
            return await call()
        except StoreBlocked as error:
            if not told:
                log.warning("%s waits and tries again: %s", who, error)
            told = True
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


async def look_for_room(node: Node) -> None:
    """Whenever `node` is blocked, try commits without a message until one is taken.

    Who balances load sends nothing to a node that is not ready: it must find out by itself.
    """

    async def commit_nothing() -> None:
        if node.blocked is not None:
            await node.submit([], tracking={ROOM_FOUND: node.tracked(ROOM_FOUND) + 1})

    while True:
        while node.blocked is None:
            await node.moved(within_seconds=LONGEST_PAUSE_SECONDS)
        await insisted(commit_nothing, "the record agent")
