"""The treat agent: follows the logs, lets `Treat` decide, and sends what it asks for as messages.

It goes by the ledger log, behind the watch and the views, so that warnings and grades are known at
each place before it looks there. What it asks for goes the way of every message and is committed
together with the place that it was asked at: a process that dies between two commits asks again
under the same ids, or finds that it did. Decides nothing itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from ledger.commands import Command
from ledger.dates import now_us
from ledger.service import Batch
from ledger.snapshot import Frozen, SnapshotUnusable
from ledger.store import LEDGER_LOG, WARNINGS_LOG, FactLog, Recorded
from streams.agents import NodeStopped, pages
from streams.blocked import insisted
from streams.keeping import Deriver, Keeper
from streams.own_commands import incoming_of
from streams.settings import NO_STRATEGY, Settings, SettingsError, packaged
from warning.asking import NAME, PREFIX
from warning.remembered import bring_back, frozen, treat_key_of
from warning.scored_pack import score_in
from warning.situations import GradeChange
from warning.strategy import STRATEGIES, load_strategy
from warning.treat import Treat
from warning.treatment import Strategy

if TYPE_CHECKING:
    from streams.wiring import Node

READ_FACTS = 2_000
LOOK_SECONDS = 0.5
"""How often it looks even when nobody told it that something moved."""
CLOCK = "treat-clock"
"""The source of contacts that the clock lets go."""

log = logging.getLogger("loanbell.treating")


class TreatAgent(Deriver):
    """Treats the cases of a node's book, as long as `run` runs."""

    name = NAME

    def __init__(
        self,
        treat: Callable[[int], Treat],
        node: Node,
        read_through: Callable[[], int],
        moved: Callable[[], None],
    ) -> None:
        """`treat(after)` makes the one that decides; `read_through` is how far it may read."""
        super().__init__()
        self._make, self._node, self._moved = treat, node, moved
        self._ledger, self._warnings = node.store.ledger, node.store.warnings
        self._read_through = read_through
        self._treat = treat(0)
        key = treat_key_of(self._treat, node.projector.key)
        self._keeper = self.keeper = Keeper(NAME, node.store, key=key)
        self.position = 0

    async def run(self) -> None:
        """Until cancelled. Errors: StoreUnavailable; NodeStopped when the node takes nothing."""
        self._treat = treat = await self.work(self._restored)
        self.position, self.caught_up = treat.position, True
        self._moved()  # Whoever waits for it may have looked before.
        while True:
            await self.keep_if_due()
            if not await self._follow(treat):
                await self._node.moved(within_seconds=LOOK_SECONDS)
            if self._node.by_clock and (commands := treat.release(now_us())):
                self.caught_up = False
                await self._send(treat, commands, CLOCK, 0)
                self.caught_up = True

    def frozen(self) -> tuple[Frozen, dict[str, int]]:
        """See `Deriver.frozen`."""
        treat = self._treat
        return frozen(treat), {LEDGER_LOG: treat.position, WARNINGS_LOG: treat.tiers.heard}

    def _restored(self) -> Treat:
        """One that stands where the last one's asking was committed, or behind it."""
        after = self._ledger.tracked(NAME)
        with self.restoring():
            treat = self._brought_back(after) or self._make(after)
        self._listen(treat)
        for page in pages(self._ledger, treat.position, upto=after):
            if self.stopping.is_set():
                raise NodeStopped("Stopped while it read the past; the next start does so again.")
            left: Sequence[Recorded] = page
            while left:
                left = left[treat.advance(left).taken :]
        treat.foresee(_own(self._ledger, treat.position))
        return treat

    def _brought_back(self, after: int) -> Treat | None:
        """One that begins where the last snapshot stood; None where there is none of use."""
        kept = self._keeper.find()
        if kept is None:
            return None
        treat = self._make(after)
        try:
            bring_back(treat, kept.state)
        except SnapshotUnusable as error:
            self._keeper.refuse(error)
            return None
        treat.after = after
        return treat

    async def _follow(self, treat: Treat) -> bool:
        """Read on as far as watch and views have read; whether there was anything."""
        upto = self._read_through()
        if treat.position >= upto:
            return False
        self.caught_up = False
        page = await self.work(self._next, treat, upto)
        while page:
            step = await self.work(treat.advance, page)
            page = page[step.taken :]
            if step.commands or (step.closed and step.position > treat.after):
                await self._send(treat, step.commands, NAME, step.position)
        self.position, self.caught_up = treat.position, True
        self._moved()
        return True

    def _next(self, treat: Treat, upto: int) -> list[Recorded]:
        self._listen(treat)
        after = treat.position
        return self._ledger.read(after=after, limit=min(READ_FACTS, upto - after))

    def _listen(self, treat: Treat) -> None:
        """Warnings and grades recorded since it listened last."""
        for page in pages(self._warnings, treat.tiers.heard):
            treat.tiers.hear(page)
        more = True
        while more:
            last = treat.grades.heard
            after = None if last is None else f"{last.position}:{last.loan_id}"
            found = self._node.queries.grade_changes(after=after, limit=1_000)
            treat.grades.hear(
                GradeChange(row["position"], row["loan_id"], row["grade"], row["rank"])
                for row in found.rows
            )
            more = found.next_cursor is not None

    async def _send(
        self, treat: Treat, commands: Sequence[Command], source: str, place: int
    ) -> None:
        """Record what is asked for, with the place, in one commit; know at once what it led to."""
        batch = [incoming_of(command, source, place) for command in commands]
        tracking = {source: place} if source == NAME else None
        end = await asyncio.to_thread(self._ledger.last_position)

        async def submit() -> Batch:
            return await self._node.submit(batch, tracking=tracking)

        answer = await insisted(submit, "the treat agent")
        for outcome in answer.outcomes:
            if outcome.status == "refused":
                log.info("not taken: %s %s", outcome.transaction_id, outcome.reason)
        if commands:
            own = await asyncio.to_thread(list, _own(self._ledger, end))
            treat.foresee(own)


def treating_of(node: Node) -> Callable[[int], Treat] | None:
    """Who decides by the strategy of a node's settings. Errors: SettingsError, RuleError."""
    strategy = strategy_of(node.settings)
    if strategy is None:
        return None
    score = score_in(node.watch.pack)
    return lambda after: Treat(strategy, node.calendar, score=score, after=after)


def strategy_of(settings: Settings) -> Strategy | None:
    """The strategy that `settings` name; None for none. Errors: SettingsError, RuleError."""
    if settings.strategy == NO_STRATEGY:
        return None
    path = packaged(STRATEGIES, settings.strategy, ".toml")
    if not path.is_file():
        known = ", ".join(sorted(each.stem for each in STRATEGIES.glob("*.toml")))
        raise SettingsError(
            f"There is no strategy {settings.strategy!r}.",
            way_out=f"Known: {known}, or the path of a TOML file.",
        )
    return load_strategy(path)


def _own(ledger: FactLog, after: int) -> Iterator[Recorded]:
    """Facts behind a place that its own commands led to."""
    for page in pages(ledger, after):
        for item in page:
            if (getattr(item.fact, "transaction_id", None) or "").startswith(PREFIX):
                yield item
