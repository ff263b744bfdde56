"""`loanbell watch --broker`: a small consumer of the published warnings, as an example for others.

What another program does in its own language: read the topic, drop the ids that it has, look at the
type, read the data.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ledger.codec import decode
from ledger.store import Recorded
from streams.settings import Settings
from streams.tail import Published, tail
from streams.topics import WARNINGS_TOPIC


def tail_topic(
    settings: Settings,
    group: str | None,
    *,
    beginning: bool,
    once: bool,
    show: Callable[[Recorded], None],
) -> None:
    """Show each published warning once, until interrupted; with `once`, those that are there.

    Errors: BrokerUnavailable; StoredFactUnreadable for what a newer LoanBell published.
    """

    async def following() -> None:
        events = tail(settings, WARNINGS_TOPIC, group=group, beginning=beginning, once=once)
        async for told in events:
            show(_recorded(told))

    asyncio.run(following())


def _recorded(told: Published) -> Recorded:
    """The fact behind an event; its position is its offset in the topic."""
    stream, _, version = told.id.split("/", 2)[2].rpartition("@")
    return Recorded(told.offset, stream, int(version), decode(told.type, told.data))
