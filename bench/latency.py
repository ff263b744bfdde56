"""How soon after the message does the bell ring, and how soon do the views show it?

Measured at an even 2,000 messages a second.

A book is loaded first. Then messages arrive evenly, in small handfuls as a busy HTTP client sends
them, whether or not the node keeps up: what waits for the node counts as delay. A warning's time
runs from the moment its cause was due to arrive until the warning is committed. Warnings at the
close of a day have the day's close as their cause; the days pass much faster than in life, so there
are far more closes in the flow than a bank has.

A fact's time runs from its commit in the ledger until the commit of the rows of every view.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.drive import settings
from ledger.events import WarningRaised
from ledger.service import Incoming
from ledger.store import LEDGER_LOG, Recorded
from streams.generate import portfolio
from streams.ingest import read
from streams.wiring import Node

_QUESTION = "accept to warning"
_PER_SECOND = 2_000
_HANDFUL = 20
_AIM_MS = 50.0
_VIEWS_AIM_MS = 100.0


def run(*, seed: int, quick: bool) -> list[dict[str, Any]]:
    """Percentiles of the time to the warning, and to the views' rows, in milliseconds."""
    loans, months, seconds = (100, 8, 3) if quick else (2_000, 14, 60)
    lines = list(portfolio(loans=loans, months=months, seed=seed).messages())
    live = min(_PER_SECOND * seconds, len(lines) // 2)
    with tempfile.TemporaryDirectory(prefix="loanbell-latency-") as folder:
        bell, views = asyncio.run(_measured(lines[:-live], lines[-live:], Path(folder) / "data"))
    note = f"{live:,} messages at {_PER_SECOND:,}/s on a book of {loans:,} loans"
    results: list[dict[str, Any]] = []
    for name, milliseconds in (("all warnings", bell.all), ("by a message at once", bell.at_once)):
        told = f"{len(milliseconds):,} warnings; {note}"
        results += _rows(_QUESTION, name, milliseconds, _AIM_MS, told)
    told = f"{len(views.waits):,} facts; {note}"
    return results + _rows(
        "fact's commit to view's row", "all facts", views.waits, _VIEWS_AIM_MS, told
    )


def _rows(
    question: str, name: str, milliseconds: Sequence[float], aim_ms: float, told: str
) -> list[dict[str, Any]]:
    return [
        {
            "question": question,
            "measure": f"{name}, p{percent}",
            "value": percentile(milliseconds, percent),
            "unit": "ms",
            "note": told + (f"; aim {aim_ms:g}" if percent == 99 else ""),
        }
        for percent in (50, 99)
    ]


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that `percent` % of the values do not exceed; NaN of nothing."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[max(-(-len(ordered) * percent // 100) - 1, 0)]


class _Bell:
    """Notes when each warning is committed, and compares with when its cause was due."""

    def __init__(self) -> None:
        self.due: dict[int, float] = {}
        self.closes: set[int] = set()
        self.all: list[float] = []
        self.at_once: list[float] = []

    def expect(self, message: Incoming, due: float) -> None:
        """A message that may cause a warning; warnings carry its `recorded_at_us`."""
        self.due.setdefault(message.recorded_at_us, due)
        if (message.transaction_id or "").startswith("close-"):
            self.closes.add(message.recorded_at_us)

    def take(self, recorded: Sequence[Recorded]) -> None:
        """The listener: warnings just committed."""
        now = time.perf_counter()
        for item in recorded:
            cause = item.fact.recorded_at_us
            if isinstance(item.fact, WarningRaised) and cause in self.due:
                milliseconds = (now - self.due[cause]) * 1000
                self.all.append(milliseconds)
                if cause not in self.closes:
                    self.at_once.append(milliseconds)


class _Views:
    """Notes when facts of the ledger were committed, and when the views had committed them."""

    def __init__(self, node: Node) -> None:
        self.waits: list[float] = []
        self._committed: deque[tuple[int, int, float]] = deque()
        self._record, self._project = node.store.ledger.record, node.projector.project
        self._position = node.projector.position
        setattr(node.store.ledger, "record", self._recording)  # noqa: B010 (a clock around it)
        setattr(node.projector, "project", self._projecting)  # noqa: B010

    def _recording(self, *given: Any, **named: Any) -> list[Recorded]:
        recorded = self._record(*given, **named)
        if recorded:
            told = (recorded[-1].position, len(recorded), time.perf_counter())
            self._committed.append(told)
        return recorded

    def _projecting(self, *given: Any) -> None:
        self._project(*given)
        now, position = time.perf_counter(), self._position(LEDGER_LOG)
        while self._committed and self._committed[0][0] <= position:
            _, facts, committed = self._committed.popleft()
            self.waits += [(now - committed) * 1000] * facts


async def _measured(
    before: Sequence[bytes], live: Sequence[bytes], folder: Path
) -> tuple[_Bell, _Views]:
    bell = _Bell()
    node = Node.open(settings(folder))
    async with node:
        size = node.settings.batch_messages
        for first in range(0, len(before), size):
            await node.submit(_read(before[first : first + size], first))
        await node.settled()
        node.on_warning(bell.take)
        views = _Views(node)
        sent: set[asyncio.Task[Any]] = set()
        began = time.perf_counter()
        for first in range(0, len(live), _HANDFUL):
            due = began + first / _PER_SECOND
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            batch = _read(live[first : first + _HANDFUL], len(before) + first)
            for message in batch:
                bell.expect(message, due)
            task = asyncio.create_task(node.submit(batch))
            sent.add(task)
            task.add_done_callback(sent.discard)
        await asyncio.gather(*sent)
        await node.settled()
    return bell, views


def _read(lines: Sequence[bytes], before: int) -> list[Incoming]:
    return [
        read(line, source="latency", offset=number, accepted_us=0)
        for number, line in enumerate(lines, start=before + 1)
    ]
