"""Who waits for a node to move hears of every move, also of one that came while it looked."""

from __future__ import annotations

import asyncio

from streams.feeds import Event
from streams.waiting import Moves


def test_a_move_while_one_looked_ends_the_wait_at_once() -> None:
    async def test() -> None:
        moves = Moves()
        seen = moves.count
        moves.tell()
        await asyncio.wait_for(moves.beyond(seen), 5)

    asyncio.run(test())


def test_the_next_move_ends_the_wait_and_so_does_the_time() -> None:
    async def test() -> None:
        moves = Moves()
        waits = [asyncio.create_task(moves.beyond(count)) for count in (None, moves.count)]
        await asyncio.sleep(0)
        assert not any(each.done() for each in waits)
        moves.tell()
        await asyncio.wait_for(asyncio.gather(*waits), 5)
        await moves.beyond(None, within_seconds=0.01)
        assert moves.count == 1

    asyncio.run(test())


def test_an_event_tells_its_time_as_rfc_3339_wants_it() -> None:
    """1,711,713,600 s is noon of 2024-03-29; 3 h 4 min 5 s later are 11,045 s more."""
    at_us = (1_711_713_600 + 11_045) * 1_000_000 + 60
    event = Event(1, "t", "k", "i", "s", "y", "j", at_us, b"{}")
    assert event.time == "2024-03-29T15:04:05.000060Z"
