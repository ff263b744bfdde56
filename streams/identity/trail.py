"""The audit trail: facts of the audit log, committed before what they tell of is shown or done.

All that wait go into one commit, so under load a read costs a share of a disk write. A log that
takes nothing refuses the read: nobody sees a borrower unseen. Also carries over what commands left
in the outbox of the tables of people, once each, however often it is cut off.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

from ledger.dates import date_of_us, now_us
from ledger.errors import LoanError, StaleVersion, StoreBlocked
from ledger.events import Administered
from ledger.store import FactLog, NewFact
from streams.identity.directory import Act, Tables

MOST_WAITING = 10_000
_ATTEMPTS = 50
_OUTBOX = "acts"
_LOOK_US = 5_000_000
log = logging.getLogger("loanbell.audit")


class Trail:
    """Writes the audit log. `record` belongs to one event loop, `commit` to any thread.

    `tables` gives the tables of people, None while there are none.
    """

    def __init__(self, log: FactLog, tables: Callable[[], Tables | None]) -> None:
        self.log, self._tables = log, tables
        self._committing = threading.Lock()
        self._waiting: list[tuple[Any, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._looked_us = 0

    async def record(self, fact: Any) -> None:
        """Until `fact` is on the disk. Errors: StoreUnavailable."""
        if len(self._waiting) >= MOST_WAITING:
            raise StoreBlocked("The audit log is behind.", way_out="Try again in a moment.")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((fact, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await done

    def look(self) -> None:
        """Carry over what the outbox holds, every few seconds, beside what else is going on."""
        now = now_us()
        if now - self._looked_us > _LOOK_US:
            self._looked_us = now
            self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        try:
            await asyncio.to_thread(self.commit, [])
        except LoanError as error:
            log.warning("changes of users wait for the audit log: %s", error)

    def waiting(self) -> int:
        """How many changes in the outbox the log does not have yet."""
        tables = self._tables()
        acts = tables.acts() if tables is not None else []
        told = self.log.tracked(_OUTBOX) if acts else 0
        return sum(act.number > told for act in acts)

    def commit(self, facts: Sequence[Any]) -> None:
        """Record `facts`, and before them what the outbox holds. Errors: StoreUnavailable.

        Decided anew when another process was first, with the facts or with the outbox.
        """
        with self._committing:
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    self._append(facts)
                except StaleVersion:
                    if attempt == _ATTEMPTS:
                        raise
                else:
                    return

    def _append(self, facts: Sequence[Any]) -> None:
        """One commit. Errors: StaleVersion when another process was first."""
        tables = self._tables()
        acts = tables.acts() if tables is not None else []
        told = self.log.tracked(_OUTBOX) if acts else 0
        new = [act for act in acts if act.number > told]
        tracking = {_OUTBOX: new[-1].number} if new else {}
        if new or facts:
            self.log.record(self._placed([*map(_fact, new), *facts]), tracking=tracking)
        if tables is not None and len(acts) > 1:
            tables.forget_acts(acts[-1].number)

    def _placed(self, facts: Sequence[Any]) -> list[NewFact]:
        streams = [stream_of(fact) for fact in facts]
        versions = self.log.versions(set(streams))
        placed = []
        for fact, stream in zip(facts, streams, strict=True):
            versions[stream] = versions.get(stream, 0) + 1
            placed.append(NewFact(stream, versions[stream], fact))
        return placed

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            failure: BaseException | None = None
            try:
                await asyncio.to_thread(self.commit, [fact for fact, _ in batch])
            except asyncio.CancelledError:
                failure = StoreBlocked("The server stops.", way_out="Try again later.")
                raise
            except Exception as error:
                failure = error
            finally:
                for _, done in batch:
                    _settle(done, failure)


def stream_of(fact: Any) -> str:
    """The stream of an audit fact: its person's."""
    who = getattr(fact, "user_id", None) or getattr(fact, "by", "")
    return f"person:{who or getattr(fact, 'approved_by', '')}"


def _settle(done: asyncio.Future[None], failure: BaseException | None) -> None:
    if done.done():  # whoever asked has gone
        return
    if failure is None:
        done.set_result(None)
    else:
        done.set_exception(failure)


def _fact(act: Act) -> Administered:
    return Administered(
        by=act.by,
        what=act.what,
        subject=act.subject,
        detail=act.detail,
        value_date=date_of_us(act.moment_us),
        recorded_at_us=act.moment_us,
    )
