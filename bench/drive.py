"""Times a stream of messages through an embedded node, until every view has caught up.

The same node as `loanbell serve` and `loanbell import`: schema, ledger, watch and views.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ledger.events import Severity, WarningEscalated, WarningRaised, WarningReopened
from ledger.store import Recorded
from streams.drive import Report, Sent, send_all
from streams.settings import Settings
from streams.wiring import Node
from warning.pack import rank

_SEVERITIES = ("watch", "yellow", "orange", "red")


@dataclass(slots=True)
class Driven:
    """What came of the messages, and how long it took.

    `seconds` runs until the last grade is committed; `recording_seconds` until the last fact is.
    `warnings` counts each warning once, at the gravest severity it reached; `grades` the loans
    open at the last close.
    """

    sent: Sent = field(default_factory=Sent)
    seconds: float = 0.0
    recording_seconds: float = 0.0
    warnings: dict[str, int] = field(default_factory=dict)
    grades: dict[str, int] = field(default_factory=dict)
    loans: int = 0

    @property
    def rate(self) -> float:
        """Messages a second from bytes to grade."""
        return self.sent.messages / self.seconds if self.seconds else 0.0


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

    `report` is called after each commit. Errors: as `Node`.
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
        driven.sent = await send_all(
            node, lines, source=source, accepted_us=0, report=report or _to_nobody
        )
        driven.recording_seconds = time.perf_counter() - began
        await node.settled()
        driven.seconds = time.perf_counter() - began
        driven.warnings = rung.counts()
        driven.grades, driven.loans = await asyncio.to_thread(_graded, node)
    return driven


def _to_nobody(sent: Sent) -> None:
    """No report was asked for."""


class _Rung:
    """Keeps the gravest severity of each warning that was raised."""

    def __init__(self) -> None:
        self._gravest: dict[str, Severity] = {}

    def take(self, recorded: Iterable[Recorded]) -> None:
        for item in recorded:
            fact = item.fact
            if isinstance(fact, WarningRaised | WarningReopened | WarningEscalated):
                known = self._gravest.get(fact.warning_id, fact.severity)
                self._gravest[fact.warning_id] = max(known, fact.severity, key=rank)

    def counts(self) -> dict[str, int]:
        found = Counter[str](self._gravest.values())
        return {severity: found[severity] for severity in _SEVERITIES}


def _graded(node: Node) -> tuple[dict[str, int], int]:
    grades: Counter[str] = Counter()
    loans = 0
    for entry in node.queries.portfolio()["currencies"]:
        loans += entry["loans"]
        for row in entry["grades"]:
            grades[row["grade"]] += row["loans"]
    return dict(grades), loans
