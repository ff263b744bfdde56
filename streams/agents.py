"""The agents: record and project here, watch in `watching`. Each is alone on its channel.

`record` commits what came in and answers the senders; `watch` turns recorded facts into warnings;
`project` keeps the views. Facts go on in memory, as recorded; an agent that has missed some reads
them from the store. Domain errors are answers and stop nothing. A store that is blocked for now is
tried again; every other error stops the node, which loses nothing: what was answered is committed,
and the agents catch up from the store at the next start. An agent's work runs in a thread of its
own, so that a slow disk does not hold up the loop. Decides nothing: `Ledger` and `Projector` do.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ledger.errors import StoreBlocked, StoreUnavailable
from ledger.service import Batch, Incoming, Ledger
from ledger.snapshot import Frozen, SnapshotUnusable
from ledger.store import LEDGER_LOG, WARNINGS_LOG, FactLog, Recorded
from projections.projector import Projector
from streams.app import Inbox
from streams.keeping import Deriver, Keeper, Kept
from streams.meter import Meter
from streams.translate import TYPE_OF
from warning.actions import WarningAction

T = TypeVar("T")
Fail = Callable[[BaseException], None]

LOGS = (LEDGER_LOG, WARNINGS_LOG)
RETRY_SECONDS = 0.5
READ_FACTS = 10_000
"""Facts read from the store at once when an agent catches up."""

log = logging.getLogger("loanbell.agents")
trace = logging.getLogger("loanbell.transactions")


class NodeStopped(StoreUnavailable):
    """The node takes nothing any more: it is stopping, or an error stopped it."""

    code = "node_stopped"


@dataclass(slots=True)
class Submission:
    """Messages to record together, and where their sender waits.

    `tracking` as in `Ledger.record`; `accepted` is the loop's time when they were taken in.
    """

    messages: Sequence[Incoming]
    tracking: Mapping[str, int]
    accepted: float
    answer: asyncio.Future[Batch]


@dataclass(slots=True)
class Facts:
    """Facts of one log, in order, without a gap; `accepted` when the oldest of them came in."""

    log: str
    recorded: Sequence[Recorded]
    accepted: float


@dataclass(slots=True)
class Action:
    """What a person asks of a warning, and where they wait; `tracking` goes into its commit."""

    action: WarningAction
    recorded_at_us: int
    answer: asyncio.Future[list[Recorded]]
    tracking: Mapping[str, int]


class Agent(Deriver):
    """What the agents share beside a thread of their own: retries, and a way to stop the node.

    `halted` says why it does nothing any more; the node sets it when any agent fails.
    """

    def __init__(self, fail: Fail, moved: Callable[[], None], meter: Meter) -> None:
        super().__init__()
        self._fail, self._moved, self.meter = fail, moved, meter

    async def insist(self, call: Callable[..., T], *arguments: Any) -> T:
        """As `work`, again and again while the store is blocked. Errors: NodeStopped."""
        told = False
        while True:
            try:
                return await self.work(call, *arguments)
            except StoreBlocked as error:
                if not told:
                    log.warning("%s agent waits: %s", self.name, error)
                told = True
                if self.stopping.is_set():
                    raise NodeStopped(f"Stopped while it was blocked: {error}") from error
                await _pause(self.stopping, RETRY_SECONDS)

    async def guarded(self, step: Awaitable[None]) -> None:
        """Do one step; an error that is no answer halts this agent and stops the node."""
        self._stepping = True
        try:
            await step
        except asyncio.CancelledError:
            raise
        except NodeStopped as stopped:
            self.halted = stopped
        except BaseException as error:
            self.halted = error
            self._fail(error)
        finally:
            self._stepping = False
            self._moved()


async def _pause(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


class RecordAgent(Agent):
    """Commits submissions: all that wait, up to `most` messages, in one commit.

    `blocked` says why the store did not take the last one; None when it did.
    """

    name = "record"
    blocked: StoreBlocked | None = None

    def __init__(
        self,
        ledger: Ledger,
        forward: Callable[[Facts], Awaitable[None]],
        *,
        most: int,
        fail: Fail,
        moved: Callable[[], None],
        meter: Meter,
    ) -> None:
        super().__init__(fail, moved, meter)
        self._ledger, self._forward, self._most = ledger, forward, most

    async def run(self, inbox: Inbox) -> None:
        """The agent's body."""
        async for work in inbox.batches(most=self._most, size=lambda s: len(s.messages)):
            await self.guarded(self._record(work))

    async def _record(self, work: Sequence[Submission]) -> None:
        if self.halted is not None:
            return _refuse(work, self.halted)
        loop = asyncio.get_running_loop()
        messages = [message for submission in work for message in submission.messages]
        tracking: dict[str, int] = {}
        for submission in work:
            tracking |= submission.tracking
        started = loop.time()
        try:
            batch = await self.work(self._committed, messages, tracking)
        except StoreBlocked as error:
            self.blocked = error
            return _refuse(work, error)
        except BaseException as error:
            _refuse(work, error)
            raise
        self.blocked = None
        done = loop.time()
        _answer(work, batch)
        self.meter.transactions(
            _tally(messages, batch), facts=len(batch.recorded), seconds=done - started
        )
        for submission in work:
            count = len(submission.messages)
            self.meter.committed(seconds=done - submission.accepted, transactions=count)
        if trace.isEnabledFor(logging.DEBUG):
            _trace(messages, batch)
        if batch.recorded:
            await self._forward(Facts(LEDGER_LOG, batch.recorded, work[0].accepted))
        return None

    def _committed(self, messages: Sequence[Incoming], tracking: Mapping[str, int]) -> Batch:
        return self._ledger.record(messages, tracking=tracking)


def _refuse(work: Sequence[Submission], error: BaseException) -> None:
    for submission in work:
        if not submission.answer.done():
            submission.answer.set_exception(error)


def _answer(work: Sequence[Submission], batch: Batch) -> None:
    """Give each sender the outcomes of its own messages."""
    start = 0
    for submission in work:
        end = start + len(submission.messages)
        if not submission.answer.done():
            submission.answer.set_result(Batch(batch.outcomes[start:end], []))
        start = end


def _trace(messages: Sequence[Incoming], batch: Batch) -> None:
    """A line for each transaction, by which the fact that it led to is found."""
    for message, outcome in zip(messages, batch.outcomes, strict=True):
        ids = {
            "transaction_id": outcome.transaction_id,
            "event_id": outcome.event_id,
            "code": outcome.code,
            "source": message.source,
            "offset": message.offset,
        }
        trace.debug(outcome.status, extra={name: value for name, value in ids.items() if value})


def _tally(messages: Sequence[Incoming], batch: Batch) -> Counter[tuple[str, str, str]]:
    kinds = [type(message.command) for message in messages]
    statuses = [outcome.status for outcome in batch.outcomes]
    codes = [outcome.code for outcome in batch.outcomes]
    counts = Counter(zip(kinds, statuses, codes, strict=True))
    tally: Counter[tuple[str, str, str]] = Counter()
    for (kind, status, code), count in counts.items():
        tally[TYPE_OF.get(kind, "unreadable"), status, code] += count
    return tally


def size_of(item: Facts | Action) -> int:
    """How many facts an item brings; an action counts as one."""
    return len(item.recorded) if isinstance(item, Facts) else 1


def joined(run: Sequence[Facts]) -> list[Facts]:
    """Neighbouring facts of one log as one piece, if there are any."""
    if len(run) < 2:
        return list(run)
    together = [fact for facts in run for fact in facts.recorded]
    return [Facts(run[0].log, together, run[0].accepted)]


class ProjectAgent(Agent):
    """Keeps the views: rows and positions of both logs in one commit."""

    name = "project"

    def __init__(
        self,
        projector: Projector,
        store: Kept,
        *,
        most: int,
        fail: Fail,
        moved: Callable[[], None],
        meter: Meter,
    ) -> None:
        super().__init__(fail, moved, meter)
        self._projector, self._most = projector, most
        self._keeper = self.keeper = Keeper("views", store, key=projector.key)
        self.positions = {name: projector.position(name) for name in LOGS}

    async def run(self, inbox: Inbox) -> None:
        """The agent's body: first what the store has, then what comes."""
        await self.guarded(self._catch_up())
        async for work in inbox.batches(most=self._most, size=size_of):
            # Ledger facts first: a warning is about facts that are in the ledger log already.
            for log_name in (LEDGER_LOG, WARNINGS_LOG):
                of_log = [facts for facts in work if facts.log == log_name]
                for facts in joined(of_log):
                    await self.guarded(self._project(facts))

    async def _catch_up(self) -> None:
        await self.insist(self._begun)
        self._note()
        self.caught_up = True
        await self.keep_if_due()

    def _begun(self) -> None:
        with self.restoring():
            kept = self._keeper.find()
            if kept is not None:
                try:
                    positions = {name: place.position for name, place in kept.at.items()}
                    self._projector.bring_back(kept.state, positions)
                except SnapshotUnusable as error:
                    self._keeper.refuse(error)
        self._caught_up()

    def frozen(self) -> tuple[Frozen, dict[str, int]]:
        """See `Agent.frozen`."""
        return self._projector.frozen(), {log: self._projector.position(log) for log in LOGS}

    async def _project(self, facts: Facts) -> None:
        if self.halted is not None:
            return
        if facts.recorded[-1].position > self._projector.position(facts.log):
            await self.insist(self._projected, facts)
        self._note()
        await self.keep_if_due()

    def _projected(self, facts: Facts) -> None:
        if facts.recorded[0].position > self._projector.position(facts.log) + 1:
            self._caught_up()
        self._projector.project(facts.log, facts.recorded)

    def _caught_up(self) -> None:
        if not self._projector.catch_up(cancelled=self.stopping.is_set):
            raise NodeStopped("Stopped while it read the past; the next start goes on.")

    def _note(self) -> None:
        for name in self.positions:
            self.positions[name] = self._projector.position(name)


def pages(source: FactLog, after: int, *, upto: int | None = None) -> Iterator[list[Recorded]]:
    """The facts of a log behind `after`, up to position `upto` or its end, page by page."""
    while upto is None or after < upto:
        limit = READ_FACTS if upto is None else min(READ_FACTS, upto - after)
        page = source.read(after=after, limit=limit)
        if not page:
            return
        yield page
        after = page[-1].position
