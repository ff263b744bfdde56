"""Keeping snapshots of what agents derived: when one is due, whether one is of use, and saving it.

A snapshot is due when deriving again what came since would take longer than saving it did, twice
over, and at least `LEAST_SECONDS`: so a start costs little however long the log, and saving never
takes more than a third of the work. What is kept can be lost at any time: the facts remain.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from ledger.errors import StoreUnavailable
from ledger.snapshot import Frozen
from ledger.store import (
    LEDGER_LOG,
    WARNINGS_LOG,
    Checkpoint,
    FactLog,
    MemorySnapshots,
    Snapshot,
    Snapshots,
)
from streams.gauges import SnapshotStanding
from streams.health import THREADS

T = TypeVar("T")
Standings = dict[tuple[str, int], SnapshotStanding]

LEAST_SECONDS = 2.0
TIMES_ITS_COST = 2.0
AT_STOP_SECONDS = 0.2
"""So much work since the last snapshot is worth one at a stop."""

_RESTORING = threading.Lock()

log = logging.getLogger("loanbell.keeping")


class Kept(Protocol):
    """A store of both logs and of snapshots."""

    @property
    def ledger(self) -> FactLog:
        """The ledger log."""

    @property
    def warnings(self) -> FactLog:
        """The warnings log."""

    @property
    def snapshots(self) -> Snapshots | MemorySnapshots:
        """The snapshots."""


class Keeper:
    """The snapshots called `name` in `store`; those of another `key` are of no use."""

    def __init__(self, name: str, store: Kept, *, key: str) -> None:
        self.name, self._store, self._key = name, store, key
        self._logs = {LEDGER_LOG: store.ledger, WARNINGS_LOG: store.warnings}
        self._worked = self._cost = self._derived = self._held = 0.0
        self._gave_up = False
        self._last = (0, 0, 0.0)
        self._saving: asyncio.Future[None] | None = None

    def find(self) -> Snapshot | None:
        """The last snapshot, if what it was derived from is what is here; says why if not."""
        found = self._store.snapshots.load(self.name)
        if found is None:
            return None
        if found.key != self._key:
            self.refuse("it is of another version, other rules or another calendar")
            return None
        for name, place in found.at.items():
            if self._logs[name].chain_at(place.position) != place.chain:
                self.refuse(f"it is not of this {name} log")
                return None
        self._last = (found.at[LEDGER_LOG].position, len(found.state), 0.0)
        return found

    def refuse(self, reason: object) -> None:
        """Say that a snapshot is of no use."""
        self._last = (0, 0, 0.0)
        log.warning("%s: the snapshot is put aside, all facts are read: %s", self.name, reason)

    def give_up(self, error: TypeError) -> None:
        """Nothing can be kept: say so once. Starts then read all facts."""
        log.error("%s: no snapshots are made: %s", self.name, error)
        self._gave_up = True

    def worked(self, seconds: float) -> None:
        """So much processor time it took to derive what no snapshot holds yet."""
        self._worked += seconds
        self._derived += seconds

    @property
    def standing(self) -> SnapshotStanding:
        """How the last snapshot stands."""
        position, size, seconds = self._last
        return SnapshotStanding(
            position=position,
            size_bytes=size,
            write_seconds=seconds,
            unkept_seconds=self._derived - self._held,
        )

    @property
    def is_due(self) -> bool:
        """Whether it is time for another one."""
        least = max(LEAST_SECONDS, TIMES_ITS_COST * self._cost)
        return self._worked >= least and self._may_begin

    @property
    def _may_begin(self) -> bool:
        return not self._gave_up and not self.is_saving

    def is_worth_it(self, seconds: float) -> bool:
        """Whether to save one more at a stop that has `seconds` left."""
        expected = self._cost or self._worked / TIMES_ITS_COST
        return self._worked >= AT_STOP_SECONDS and expected <= seconds and self._may_begin

    @property
    def is_saving(self) -> bool:
        """Whether one is being saved."""
        return self._saving is not None and not self._saving.done()

    def at(self, positions: Mapping[str, int]) -> dict[str, Checkpoint]:
        """The places of the logs up to which something was derived."""
        return {
            name: Checkpoint(position, self._logs[name].chain_at(position))
            for name, position in positions.items()
        }

    def save(self, frozen: Frozen, at: Mapping[str, Checkpoint]) -> None:
        """Begin to save what is known; where it fails, the last one stays."""
        self._worked = 0.0
        saving = asyncio.to_thread(self._save, frozen, at, self._derived)
        self._saving = asyncio.ensure_future(saving)

    def _save(self, frozen: Frozen, at: Mapping[str, Checkpoint], derived: float) -> None:
        """`derived`: the processor time of all that this process derived and it holds."""
        began, busy = time.perf_counter(), time.thread_time()
        try:
            state = frozen.packed()
            self._store.snapshots.save(Snapshot(self.name, self._key, at, state))
        except StoreUnavailable as error:
            log.warning("no snapshot of the %s: %s", self.name, error)
            return
        self._cost = time.thread_time() - busy
        self._held = derived
        self._last = (at[LEDGER_LOG].position, len(state), time.perf_counter() - began)
        log.info("snapshot of the %s at position %d: %d bytes in %.2f s", self.name, *self._last)


class Deriver:
    """Who derives something from the logs in a thread of its own, and may keep snapshots of it.

    `caught_up`: it knows all that was recorded when it began, and is not between two steps of which
    a snapshot must hold both or none. `halted` says why it does nothing any more.
    """

    name = "deriver"

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=THREADS + self.name)
        self.stopping = asyncio.Event()
        self.halted: BaseException | None = None
        self.keeper: Keeper | None = None
        self.caught_up = False
        self._stepping = False
        self._call: Future[Any] | None = None

    @property
    def busy(self) -> bool:
        """Whether it is in the middle of something, or its thread still is."""
        return self._stepping or (self._call is not None and not self._call.done())

    @property
    def at_rest(self) -> bool:
        """Whether it is not busy, and saves no snapshot."""
        return not self.busy and (self.keeper is None or not self.keeper.is_saving)

    async def keep(self, *, within_seconds: float) -> None:
        """At a stop: keep what is known for the next start, if worth it and possible in time."""
        fine = self.caught_up and self.halted is None and not self.busy
        if fine and self.keeper is not None and self.keeper.is_worth_it(within_seconds):
            await self._keep(self.keeper)

    async def keep_if_due(self) -> None:
        """Keep what is known for the next start, when that is due."""
        if self.keeper is not None and self.keeper.is_due:
            await self._keep(self.keeper)

    async def _keep(self, keeper: Keeper) -> None:
        try:
            state, at = await self.work(self._copied, keeper)
        except TypeError as error:
            keeper.give_up(error)
            return
        keeper.save(state, at)

    def _copied(self, keeper: Keeper) -> tuple[Frozen, dict[str, Checkpoint]]:
        state, positions = self.frozen()
        return state, keeper.at(positions)

    @contextmanager
    def restoring(self) -> Iterator[None]:
        """While it brings a snapshot back: one after the other in this process.

        Under the interpreter's lock, several at once would all be ready last.
        """
        held = False
        while not held and not self.stopping.is_set():
            held = _RESTORING.acquire(timeout=0.1)
        try:
            yield
        finally:
            if held:
                _RESTORING.release()

    def frozen(self) -> tuple[Frozen, dict[str, int]]:
        """All that it derived, and up to which place of each log."""
        raise NotImplementedError

    def close(self, *, wait: bool) -> None:
        """Give the thread back."""
        self._thread.shutdown(wait=wait, cancel_futures=True)

    async def work(self, call: Callable[..., T], *arguments: Any) -> T:
        """Run `call` in the thread, which ends it even when this is cancelled."""
        running = self._thread.submit(self._timed, call, *arguments)
        self._call = running
        return await asyncio.wrap_future(running)

    def _timed(self, call: Callable[..., T], *arguments: Any) -> T:
        began = time.thread_time()
        try:
            return call(*arguments)
        finally:
            if self.keeper is not None:
                self.keeper.worked(time.thread_time() - began)


def standings_of(derivers: Iterable[Deriver], partition: int) -> Standings:
    """How the last snapshots of a node stand, by agent and partition."""
    kept = ((each.name, each.keeper) for each in derivers)
    return {(name, partition): keeper.standing for name, keeper in kept if keeper is not None}
