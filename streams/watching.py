"""The watch agent: observes the ledger log, writes the warnings log, and tells who listens.

It alone writes that log; what people do about a warning passes through its channel too, so that
every action has its place among the facts. Judges nothing: `Watch` does.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from ledger.codec import topic_of
from ledger.dates import date_of
from ledger.errors import LoanError, StoreUnavailable
from ledger.events import (
    BusinessDayClosed,
    LoanOpened,
    WarningEscalated,
    WarningRaised,
    WarningReopened,
)
from ledger.ids import account_stream, loan_stream
from ledger.snapshot import Frozen, SnapshotUnusable
from ledger.store import LEDGER_LOG, WARNINGS_LOG, Checkpoint, FactLog, NewFact, Recorded
from streams.agents import (
    Action,
    Agent,
    Facts,
    Fail,
    NodeStopped,
    joined,
    pages,
    size_of,
)
from streams.app import Inbox
from streams.keeping import Keeper, Kept
from streams.meter import Meter
from warning.backtest import Backtested
from warning.drift import SHIFTED, drift_of
from warning.remembered import bring_back, frozen, key_of
from warning.watch import Watch
from warning.windows import month_of

log = logging.getLogger("loanbell.watching")

Listener = Callable[[Sequence[Recorded]], None]
"""Takes committed facts of the warnings log, in order, in the node's loop."""


_RINGS = (WarningRaised, WarningReopened, WarningEscalated)


class WatchAgent(Agent):
    """Observes the ledger log and writes the warnings log; people's actions pass through it."""

    name = "watch"

    def __init__(
        self,
        watch: Watch,
        store: Kept,
        forward: Callable[[Facts], Awaitable[None]],
        *,
        most: int,
        fail: Fail,
        moved: Callable[[], None],
        meter: Meter,
    ) -> None:
        super().__init__(fail, moved, meter)
        self._watch, self._ledger, self._warnings = watch, store.ledger, store.warnings
        self._keeper = self.keeper = Keeper("watch", store, key=key_of(watch.pack, watch.calendar))
        self._forward, self._most = forward, most
        self.listeners: list[Listener] = []
        self.position = 0
        self._drift_noted = 0
        self._tested_noted: Backtested | None = None

    async def run(self, inbox: Inbox) -> None:
        """The agent's body: first what the store has, then what comes."""
        await self.guarded(self._replay())
        async for work in inbox.batches(most=self._most, size=size_of):
            for is_action, run in groupby(work, key=lambda item: isinstance(item, Action)):
                if is_action:
                    for action in run:
                        await self.guarded(self._act(action))
                else:
                    for facts in joined(list(run)):
                        await self.guarded(self._observe(facts))

    async def _replay(self) -> None:
        loop = asyncio.get_running_loop()
        new = await self.work(self._replayed)
        if self._watch.difference:
            log.warning(
                "the past is judged otherwise now (another version or calendar): %s; what is on "
                "record stands and the watch goes on from it; if neither changed, run `loanbell "
                "check`", self._watch.difference,
            )  # fmt: skip
        await self._commit(new, loop.time())
        self.position, self.caught_up = self._watch.position, True
        await self.keep_if_due()

    def _replayed(self) -> list[NewFact]:
        with self.restoring():  # it comes before the views, so that warnings do
            kept = self._keeper.find()
            if kept is not None:
                try:
                    bring_back(self._watch, kept.state)
                    return self._replayed_after(kept.at)
                except SnapshotUnusable as error:
                    self._keeper.refuse(error)
                    self._watch.begin()
        return self._replayed_after({})

    def _replayed_after(self, at: Mapping[str, Checkpoint]) -> list[NewFact]:
        """What follows from the facts behind a snapshot, or from all of them."""
        known = at.get(WARNINGS_LOG, Checkpoint()).position
        warnings = [fact for page in pages(self._warnings, known) for fact in page]
        new = self._watch.replay(self._past(at.get(LEDGER_LOG, Checkpoint()).position), warnings)
        self._note_outcomes()
        return new

    def frozen(self) -> tuple[Frozen, dict[str, int]]:
        """See `Agent.frozen`."""
        rung = self._warnings.last_position()
        return frozen(self._watch), {LEDGER_LOG: self._watch.position, WARNINGS_LOG: rung}

    def _past(self, after: int) -> Iterator[Recorded]:
        """The facts of the ledger. Errors: NodeStopped, between pages, when a stop begins."""
        for page in pages(self._ledger, after):
            if self.stopping.is_set():
                raise NodeStopped("Stopped while it read the past; the next start does so again.")
            yield from page

    async def _observe(self, facts: Facts) -> None:
        if self.halted is not None:
            return
        loop = asyncio.get_running_loop()
        started = loop.time()
        new = await self.work(self._observed, facts.recorded)
        closed = sum(type(item.fact) is BusinessDayClosed for item in facts.recorded)
        recorded = await self._commit(new, facts.accepted)
        if rung := sum(type(item.fact) in _RINGS for item in recorded):
            self.meter.warned(seconds=loop.time() - facts.accepted, warnings=rung)
        for _ in range(closed):
            self.meter.day_closed(seconds=(loop.time() - started) / closed)
        self.position = self._watch.position
        await self.keep_if_due()

    def _observed(self, recorded: Sequence[Recorded]) -> list[NewFact]:
        new: list[NewFact] = []
        if recorded[0].position > self._watch.position + 1:
            for page in pages(self._ledger, self._watch.position, upto=recorded[0].position - 1):
                new += self._watch.observe(page)
        new += self._watch.observe(recorded)
        self._note_drift()
        self._note_outcomes()
        return new

    def _note_drift(self) -> None:
        """Once a month, whether the score in force still meets the loans it was fitted on."""
        engine = self._watch.engine
        month = month_of(engine.day)
        if engine.score is None or month == self._drift_noted:
            return
        self._drift_noted = month
        found = drift_of(engine)
        if found is None:
            return
        label = engine.score.label
        self.meter.score_drifted(
            label=label,
            index=found.stability_index,
            mean_pd=found.mean_pd,
            fitted=found.fitted_mean_pd,
        )
        if found.stability_index > SHIFTED:
            log.warning(
                "score %s meets another population than it was fitted on: stability index %.2f; "
                "fit it anew, or judge it with `loanbell evaluate`", label, found.stability_index,
            )  # fmt: skip

    def _note_outcomes(self) -> None:
        """What became of the loans that the score judged, whenever more is known."""
        found = self._watch.backtest.last
        if found == self._tested_noted:
            return
        self._tested_noted = found
        self.meter.score_tested(found)
        if found is not None and not found.calibration.holds:
            whole = found.calibration.whole
            log.warning(
                "score %s said otherwise than what became of the loans it judged on %s: %.1f %% "
                "said, %.1f %% seen; fit it anew", found.score, date_of(found.judged_day),
                100 * whole.said, 100 * whole.seen,
            )  # fmt: skip

    async def _act(self, action: Action) -> None:
        if self.halted is not None:
            return _tell(action.answer, self.halted)
        loop = asyncio.get_running_loop()
        try:
            new = await self.work(self._acted, action)
            recorded = await self._commit(new, loop.time(), tracking=action.tracking)
        except LoanError as error:
            _tell(action.answer, error)
            if isinstance(error, StoreUnavailable):
                raise
        except BaseException as error:
            _tell(action.answer, error)
            raise
        else:
            if not action.answer.done():
                action.answer.set_result(recorded)
        return None

    def _acted(self, action: Action) -> list[NewFact]:
        return self._watch.act(action.action, recorded_at_us=action.recorded_at_us)

    async def _commit(
        self, new: Sequence[NewFact], accepted: float, *, tracking: Mapping[str, int] | None = None
    ) -> list[Recorded]:
        """Record facts of the warnings log, whatever it takes, and pass them on.

        The watch has taken them for said, so they must be recorded before it goes on.
        """
        if not new:
            return []
        record = partial(self._warnings.record, new, tracking=tracking)
        recorded: list[Recorded] = await self.insist(record)
        told = [item.fact for item in recorded if topic_of(item.fact).startswith("warning.")]
        self.meter.warnings(Counter(map(_transition, told)))
        if log.isEnabledFor(logging.INFO):
            _say(recorded)
        for listener in list(self.listeners):
            listener(recorded)
        await self._forward(Facts(WARNINGS_LOG, recorded, accepted))
        return recorded


def _say(recorded: Sequence[Recorded]) -> None:
    """A line for each ring, by which the facts behind it are found."""
    for item in recorded:
        if type(item.fact) in _RINGS:
            fact = item.fact
            ids = {
                "warning_id": fact.warning_id,
                "event_id": item.event_id,
                "loan_id": fact.loan_id,
                "severity": fact.severity,
                "cause_event_ids": list(fact.cause_event_ids),
            }
            log.info("%s", _transition(fact)[0], extra=ids)


def _tell(answer: asyncio.Future[Any], error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error)


def _transition(fact: Any) -> tuple[str, str]:
    return topic_of(fact).split(".")[1], getattr(fact, "severity", "")


def facts_of(ledger: FactLog) -> Callable[[str, int], list[Recorded]]:
    """(loan id, position) -> the facts of the loan and its account up to there, in order."""

    def facts(loan_id: str, position: int) -> list[Recorded]:
        found = ledger.stream(loan_stream(loan_id))
        opened = (item.fact for item in found if type(item.fact) is LoanOpened)
        accounts = {fact.account_id for fact in opened if fact.account_id is not None}
        for account_id in accounts:
            found += ledger.stream(account_stream(account_id))
        return sorted(
            (item for item in found if item.position <= position), key=lambda item: item.position
        )

    return facts
