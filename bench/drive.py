"""Drives messages through an embedded node as fast as it takes them, and counts what came of them.

The same node as `loanbell serve` and `loanbell import`: schema, ledger, watch and views. While one
batch is being committed the next is read and parsed, as an import does.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from ledger.events import WarningEscalated, WarningRaised
from ledger.service import Incoming
from ledger.store import Recorded
from streams.ingest import read
from streams.settings import Settings
from streams.wiring import Node

_SEVERITIES = ("watch", "yellow", "orange", "red")
Report = Callable[[int], None]


@dataclass(slots=True)
class Driven:
    """What came of the messages.

    `seconds` runs until the last grade is committed; `recording_seconds` until the last fact is.
    `outcomes` counts accepted, duplicate and refused; `refused` by code; `warnings` each warning
    once, at the gravest severity it reached; `grades` the loans open at the last close.
    """

    messages: int = 0
    seconds: float = 0.0
    recording_seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    warnings: dict[str, int] = field(default_factory=dict)
    grades: dict[str, int] = field(default_factory=dict)
    loans: int = 0

    @property
    def rate(self) -> float:
        """Messages a second from bytes to grade."""
        return self.messages / self.seconds if self.seconds else 0.0


def settings(folder: Path, *, calendar: str = "cn") -> Settings:
    """Settings of a bench: everything as by default, days closed by the messages alone."""
    return Settings.load({"data": folder, "calendar": calendar, "closed_by": "driver"}, environ={})


def drive_all(
    lines: Iterable[bytes],
    folder: Path,
    *,
    source: str,
    calendar: str = "cn",
    report: Report | None = None,
) -> Driven:
    """Run a node in `folder` with `lines` until every view has caught up.

    `report` is called with the number of messages sent so far. Errors: as `Node`.
    """
    return asyncio.run(_drive_all(lines, settings(folder, calendar=calendar), source, report))


async def _drive_all(
    lines: Iterable[bytes], chosen: Settings, source: str, report: Report | None
) -> Driven:
    driven, rung = Driven(), _Rung()
    node = Node.open(chosen)
    async with node:
        node.on_warning(rung.take)
        began = time.perf_counter()
        async for batch in _parsed(iter(lines), source, chosen.batch_messages):
            answer = await node.submit(batch)
            driven.messages += len(batch)
            for outcome in answer.outcomes:
                driven.outcomes[outcome.status] += 1
                if outcome.status == "refused":
                    driven.refused[outcome.code] += 1
            if report is not None:
                report(driven.messages)
        driven.recording_seconds = time.perf_counter() - began
        await node.settled()
        driven.seconds = time.perf_counter() - began
        driven.warnings = rung.counts()
        driven.grades, driven.loans = await asyncio.to_thread(_graded, node)
    return driven


async def _parsed(lines: Iterator[bytes], source: str, size: int) -> Any:
    """Batches of parsed messages; the next one is made while the caller waits for its commit."""
    numbered = enumerate(lines, start=1)

    def make() -> list[Incoming]:
        return [
            read(line, source=source, offset=number, accepted_us=0)
            for number, line in islice(numbered, size)
        ]

    following = asyncio.ensure_future(asyncio.to_thread(make))
    while batch := await following:
        following = asyncio.ensure_future(asyncio.to_thread(make))
        yield batch


class _Rung:
    """Keeps the gravest severity of each warning that was raised."""

    def __init__(self) -> None:
        self._gravest: dict[str, str] = {}

    def take(self, recorded: Iterable[Recorded]) -> None:
        for item in recorded:
            if isinstance(item.fact, WarningRaised | WarningEscalated):
                self._gravest[item.fact.warning_id] = item.fact.severity

    def counts(self) -> dict[str, int]:
        found = Counter(self._gravest.values())
        return {severity: found[severity] for severity in _SEVERITIES}


def _graded(node: Node) -> tuple[dict[str, int], int]:
    grades: Counter[str] = Counter()
    loans = 0
    for entry in node.queries.portfolio()["currencies"]:
        loans += entry["loans"]
        for row in entry["grades"]:
            grades[row["grade"]] += row["loans"]
    return dict(grades), loans
