"""What follows the logs of a node beside its agents: treating cases, sending contacts.

Each goes by the ledger log behind watch and views, so that all that is known at a place is known
before it looks there. Decides nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from ledger.store import LEDGER_LOG
from streams.keeping import Deriver
from streams.outbound.dispatch import Dispatch
from streams.outbound.ways import load_ways
from streams.treating import TreatAgent, treating_of

if TYPE_CHECKING:
    from streams.wiring import Node

LOOK_SECONDS = 0.5


class Followers:
    """The followers that the settings of a node ask for; perhaps none."""

    def __init__(self, node: Node, moved: Callable[[], None]) -> None:
        """Errors: SettingsError, RuleError for a strategy or ways that cannot be used."""
        self._node, self._moved = node, moved
        make = treating_of(node)
        self._all: list[TreatAgent | Dispatch] = []
        if make is not None:
            self._all.append(TreatAgent(make, node, self.read_through, moved))
        if node.settings.outbound is not None:
            ways = load_ways(node.settings.outbound)
            self._all += [
                Dispatch(name, ways, node, self.read_through, moved) for name in ways.by_channel
            ]
        self._ended = not self._all

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._all)

    @property
    def derivers(self) -> list[Deriver]:
        """Those that keep snapshots of what they know."""
        return [each for each in self._all if isinstance(each, Deriver)]

    def settled(self, position: int) -> bool:
        """Whether all have read up to `position`, or read no more."""
        return self._ended or all(each.position >= position for each in self._all)

    def read_through(self) -> int:
        """The place in the ledger log that both watch and views have read."""
        health = self._node.health()
        behind = max(lag for (_, name), lag in health.lags.items() if name == LEDGER_LOG)
        return health.positions[LEDGER_LOG] - behind

    async def run(self) -> None:
        """Until cancelled. Errors: StoreUnavailable; NodeStopped when the node takes nothing."""
        try:
            while self._all and not self._node.ready:  # The views may be of another version.
                await self._node.moved(within_seconds=LOOK_SECONDS)
            async with asyncio.TaskGroup() as group:
                for each in self._all:
                    group.create_task(each.run())
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        finally:
            self._ended = True
            self._moved()
