"""The composition root: one node, with everything it is made of.

An embedded node has a data folder of its own; in a worker each partition is a node over PostgreSQL.
`Node.open` puts the parts together, `start` runs the agents, `stop` ends them within the time the
settings give, `close` gives the files back. All waiting methods belong to the loop that called
`start`; `store`, `queries` and `health` may be used from any thread. Decides nothing itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from importlib.metadata import version as installed_version
from typing import Any

from ledger.dates import Calendar, date_of, now_us
from ledger.errors import StoreBlocked, StoreUnavailable
from ledger.events import BusinessDayClosed
from ledger.process import settle
from ledger.service import Batch, Incoming, Ledger
from ledger.store import LEDGER_LOG, WARNINGS_LOG, Recorded
from projections.projector import Projector
from projections.queries import Queries
from streams import parts
from streams.agents import Action, Facts, NodeStopped, ProjectAgent, RecordAgent, Submission
from streams.app import EmbeddedApp, delivered, listen
from streams.blocked import look_for_room
from streams.clock import timer_of
from streams.deliveries import Deliveries
from streams.followers import Followers
from streams.health import REASONS, Health, State, lags_of, told
from streams.metrics import Metrics
from streams.settings import Settings, calendar_of
from streams.waiting import Moves, Waiting
from streams.watching import Listener, WatchAgent, facts_of
from warning.watch import WarningAction, Watch

log = logging.getLogger("loanbell.node")


class Node:
    """Everything of one embedded process, or of one partition. Make it with `open`."""

    def __init__(
        self,
        *,
        settings: Settings,
        calendar: Calendar,
        store: parts.AnyStore,
        watch: Watch,
        projector: Projector,
        queries: Queries,
        metrics: Metrics,
    ) -> None:
        self.settings, self.calendar, self.store = settings, calendar, store
        self.watch, self.projector, self.queries = watch, projector, queries
        self.metrics, self.days_behind = metrics, 0
        self.by_clock = settings.closed_by == "timer"  # so that contacts wait and lapse by it
        cached, core = settings.cached_entities, parts.core_of(settings)
        self.ledger = Ledger(store.ledger, cached_entities=cached, core=core)
        self.closed_through = parts.last_closed(store.ledger)
        self.failure: BaseException | None = None
        self._state: State = "opened"
        self.moves, self._failed = Moves(), asyncio.Event()
        self._waiting = Waiting(self.moves.tell)
        self._last_health: Health | None = None
        self._known: Mapping[str, int] = {LEDGER_LOG: 0, WARNINGS_LOG: 0}
        self._on_stopping: list[Callable[[], None]] = []
        self._channels: dict[str, Any] = {}
        self._app: EmbeddedApp | None = None
        self._web: tuple[Any, socket.socket] | None = None
        self._make_agents()
        self._followers = Followers(self, self.moves.tell)
        self.derivers = (*self._agents, *self._followers.derivers)
        self._beside: list[asyncio.Task[None]] = []
        self.deliveries = Deliveries(self)

    @classmethod
    def open(
        cls,
        settings: Settings,
        *,
        metrics: Metrics | None = None,
        partition: int | None = None,
        evict: bool = False,
    ) -> Node:
        """Open the data folder, or a partition of the database, and put a node together.

        It takes nothing before `start`. `evict` as in `PostgresStore.open`.

        Errors: StoreUnavailable (locked by another process, damaged, full disk); SettingsError,
        RuleError or RegimeError for a calendar, pack or regime that cannot be used.
        """
        calendar = calendar_of(settings)
        pack, views = parts.pack_of(settings), parts.views_of(settings)
        store = parts.open_store(settings, partition, evict=evict)
        place = parts.views_place(settings, partition)
        try:
            projector = Projector.open(place, store, views=views)
            return cls(
                settings=settings,
                calendar=calendar,
                store=store,
                watch=Watch(pack=pack, calendar=calendar, facts_of=facts_of(store.ledger)),
                projector=projector,
                queries=Queries.open(place, store),
                metrics=metrics or Metrics(version=installed_version("loanbell")),
            )
        except BaseException:
            store.close()
            raise

    def _make_agents(self) -> None:
        common: dict[str, Any] = {
            "fail": self._fail, "moved": self.moves.tell, "meter": self.metrics,
        }  # fmt: skip
        settings, store, most = self.settings, self.store, self.settings.batch_messages
        self._record = RecordAgent(self.ledger, self._recorded, most=most, **common)
        self._watch = WatchAgent(self.watch, store, self._to_views, most=most, **common)
        self._project = ProjectAgent(self.projector, store, most=settings.project_facts, **common)
        self._agents = (self._record, self._watch, self._project)

    # -- running ---------------------------------------------------------------------------------

    async def start(self) -> None:
        """Run the agents in this loop; they catch up with the store while the node takes work.

        Settles memory, collector and threads of the whole process for it.
        """
        settle()
        self._app = app = EmbeddedApp("loanbell", web=self._web)
        for agent in self._agents:
            channel = app.channel(waiting=self.settings.waiting_batches)
            self._channels[agent.name] = channel
            app.agent(agent.name, channel, agent.run)
        self._state = "starting"
        await app.start()
        for work in (look_for_room(self), self.deliveries.run(), self._followers.run()):
            self._run_beside(work)
        if self.settings.closed_by == "timer":
            timer = timer_of(
                self.settings, self.calendar, last_closed=lambda: self.closed_through,
                submit=self.submit, behind=self.fell_behind,
            )  # fmt: skip
            self._run_beside(timer.run())

    async def stop(self) -> bool:
        """Take nothing more, finish what was taken, end the agents. Within `stop_seconds`.

        Returns whether everything was finished; what was not, the next start makes up from the
        store. A sender whose messages were not recorded gets NodeStopped.
        """
        if self._state in ("opened", "stopped"):
            return True
        if self._state != "failed":
            self._state = "stopping"
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.settings.stop_seconds
        for task in self._beside:
            task.cancel()
        for listener in self._on_stopping:
            listener()
        settled = await self._settled_within(self.settings.stop_seconds * 0.6)
        for each in self.derivers:
            each.stopping.set()
        self._waiting.refuse(
            self.failure or NodeStopped("The node is stopping; send it again later.")
        )
        if self._app is not None:
            await self._app.stop()
        for each in self.derivers:
            await each.keep(within_seconds=deadline - loop.time())
            while self.busy and loop.time() < deadline:
                await asyncio.sleep(0.02)
        self._state = "failed" if self.failure is not None else "stopped"
        return settled

    def close(self) -> None:
        """Give the files back. While a thread is still busy it keeps them: close again, or exit."""
        busy, self._last_health = self.busy, self.health()
        for each in self.derivers:
            each.close(wait=not busy)
        if not busy:
            self.queries.close()
            self.projector.close()
            self.store.close()

    async def __aenter__(self) -> Node:
        try:
            await self.start()
        except BaseException:
            self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self.stop()
        finally:
            self.close()

    def serve(self, asgi: Any) -> int:
        """Serve an ASGI app beside the agents; call it before `start`. Returns the port.

        Errors: AddressInUse.
        """
        self._web = asgi, listen(self.settings.host, self.settings.port)
        return int(self._web[1].getsockname()[1])

    # -- work ------------------------------------------------------------------------------------

    async def submit(
        self, batch: Sequence[Incoming], *, tracking: Mapping[str, int] | None = None
    ) -> Batch:
        """Record messages together and answer after the commit, one outcome for each, in order.

        Waits for room. Errors: StoreBlocked (try again, nothing was recorded), StoreUnavailable,
        NodeStopped, InvariantBroken.
        """
        self._check_taking()
        answer: asyncio.Future[Batch] = self._waiting.one()
        accepted = asyncio.get_running_loop().time()
        submission = Submission(batch, tracking or {}, accepted, answer)
        return await delivered(self._channels["record"].put(submission), answer)

    async def act(
        self,
        action: WarningAction,
        *,
        at_us: int | None = None,
        tracking: Mapping[str, int] | None = None,
    ) -> list[Recorded]:
        """Do what a person asks of a warning, in one commit with `tracking`; returns its facts.

        `at_us`: when it was asked; default: now. Errors: LoanError when refused; NodeStopped.
        """
        self._check_taking()
        answer: asyncio.Future[list[Recorded]] = self._waiting.one()
        wanted = Action(action, now_us() if at_us is None else at_us, answer, tracking or {})
        return await delivered(self._channels["watch"].put(wanted), answer)

    def tracked(self, source: str) -> int:
        """The last offset recorded from `source`, 0 when none."""
        return self.store.ledger.tracked(source)

    def on_warning(self, listener: Listener) -> Callable[[], None]:
        """Call the quick `listener` in the node's loop with committed facts of the warnings log.

        They come in order, without a gap. Returns the function that ends it.
        """
        self._watch.listeners.append(listener)
        return lambda: self._watch.listeners.remove(listener)

    def on_stopping(self, listener: Callable[[], None]) -> None:
        """Call `listener` in the node's loop when a stop begins, to end what would hold it up."""
        self._on_stopping.append(listener)

    async def settled(self) -> None:
        """Until all that was taken is recorded, watched and projected. Errors: what failed."""
        while self.failure is None and not self._is_settled():
            await self.moves.beyond(None)
        if self.failure is not None:
            raise self.failure

    async def moved(self, *, within_seconds: float, since: int | None = None) -> None:
        """Until something was recorded, watched or projected, or the time is over.

        `since` is what `moves.count` was before the caller looked: what moved meanwhile counts.
        """
        await self.moves.beyond(since, within_seconds=within_seconds)

    async def failed(self) -> BaseException:
        """Wait for the error that stops the node, if one ever does."""
        while self.failure is None:
            await self._failed.wait()
        return self.failure

    def health(self) -> Health:
        """How the node stands, or stood when it was closed. Cheap; any thread."""
        if self._last_health is not None:
            return self._last_health
        positions = self._positions()
        state, reason = self._standing()
        open_day = date_of(self.watch.engine.day) if self.closed_through is not None else None
        return Health(
            state=state,
            reason=reason,
            positions=positions,
            lags=lags_of(positions, self._watch.position, self._project.positions),
            closed_through=self.closed_through,
            business_date=open_day,
            days_behind=self.days_behind,
            waiting=len(self._waiting),
        )

    @property
    def ready(self) -> bool:
        """Whether it takes messages and its agents have caught up."""
        return self._standing()[0] == "ready"

    @property
    def blocked(self) -> StoreBlocked | None:
        """Why the store did not take the last commit; None when it did."""
        return self._record.blocked

    # -- within ----------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether an agent is in the middle of something, or saves a snapshot."""
        return not all(each.at_rest for each in self.derivers)

    def _positions(self) -> Mapping[str, int]:
        """Where the logs end; while the store cannot be asked, where they ended when it could."""
        logs = (self.store.ledger, self.store.warnings)
        with contextlib.suppress(StoreUnavailable):
            self._known = {log.name: log.last_position() for log in logs}
        return self._known

    def _standing(self) -> tuple[State, str]:
        if self.failure is not None:
            return "failed", told(self.failure)
        if self._state == "starting" and self._watch.caught_up and self._project.caught_up:
            self._state = "ready"
        if self._state == "ready" and self.blocked is not None:
            return "blocked", told(self.blocked)
        return self._state, REASONS.get(self._state, "")

    async def _settled_within(self, seconds: float) -> bool:
        settling = asyncio.ensure_future(self.settled())
        await asyncio.wait({settling}, timeout=seconds)
        if not settling.done():
            settling.cancel()
            log.warning("stopping before everything was read; the next start makes it up")
            return False
        return settling.exception() is None

    def _is_settled(self) -> bool:
        at = self.store.ledger.last_position()
        read = self._project.positions
        return (
            not self._waiting
            and not any(agent.busy for agent in self._agents)
            and self._watch.caught_up
            and self._project.caught_up
            and self._watch.position >= at
            and read[LEDGER_LOG] >= at
            and read[WARNINGS_LOG] >= self.store.warnings.last_position()
            and self._followers.settled(at)
        )

    def _check_taking(self) -> None:
        if self.failure is not None:
            cause = f"An error stopped the node: {told(self.failure)}"
            raise NodeStopped(cause, way_out="Mend it, then start again.")
        if self._state not in ("starting", "ready"):
            raise NodeStopped("The node takes nothing now.", way_out="Send it again later.")

    def _run_beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` beside the agents until the stop; an error that ends it stops the node."""
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)
        self._beside.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, NodeStopped):
            self._fail(error)

    async def _recorded(self, facts: Facts) -> None:
        for item in facts.recorded:
            if type(item.fact) is BusinessDayClosed:
                self.closed_through = item.fact.value_date
        await self._channels["watch"].put(facts)
        await self._to_views(facts)

    async def _to_views(self, facts: Facts) -> None:
        await self._channels["project"].put(facts)

    def _fail(self, error: BaseException) -> None:
        """An agent met an error that is no answer: nothing is taken any more."""
        if self.failure is None:
            self.failure = error
            log.critical("the node stops: %s", told(error))
            self._failed.set()
        for agent in self._agents:
            agent.halted = agent.halted or error
        self._waiting.refuse(error)
        self.moves.tell()

    def fell_behind(self, days: int) -> None:
        """So many business days are open that the timer leaves alone; 0 when there are none."""
        if days and not self.days_behind:
            log.warning("the book is %d business days behind; the timer leaves them open", days)
        self.days_behind = days
