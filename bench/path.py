"""How fast is the whole path, from bytes to a grade, and what does each part of it cost?

Throughput: a generated portfolio, held in memory, through an embedded node as fast as it takes it,
until the last grade is committed. Shares: the same messages through the same parts one after the
other in one thread, so that the cost of each part is seen without the others, and once more under
the profiler for the dearest functions.
"""

from __future__ import annotations

import resource
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from bench.costs import top_costs
from bench.drive import Driven, drive_all, settings
from ledger.service import Ledger
from ledger.store import LEDGER_LOG, WARNINGS_LOG
from streams.generate import portfolio
from streams.ingest import read
from streams.wiring import Node

_QUESTION = "bytes to grade"
_AIM_PER_SECOND = 30_000
_TOP = 12


def run(*, seed: int, quick: bool) -> list[dict[str, Any]]:
    """Median rate of several runs on fresh folders, and microseconds a message for each part."""
    loans, months, runs = (100, 4, 1) if quick else (2_000, 18, 3)
    lines = list(portfolio(loans=loans, months=months, seed=seed).messages())
    driven = [_whole(lines) for _ in range(runs)]
    rates = [each.rate for each in driven]
    median = statistics.median(rates)
    what = f"{loans:,} loans over {months} months, {len(lines):,} messages, {runs} runs"
    spread = f"{min(rates):,.0f} to {max(rates):,.0f}; aim {_AIM_PER_SECOND:,}; {what}"
    recorded = statistics.median(each.sent.messages / each.recording_seconds for each in driven)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    results = [
        _row("whole path, one process", median, "messages/s", spread),
        _row("until the last fact is recorded", recorded, "messages/s", "same runs"),
        _row("peak memory of the process", peak, "MiB", "messages held in memory included"),
    ]
    sample = lines[: 20_000 if quick else 200_000]
    for part, seconds in _shares(sample).items():
        cost = seconds * 1e6 / len(sample)
        results.append(_row(f"part: {part}", cost, "µs/message", "alone in one thread"))
    return results + _top_costs(lines[: 10_000 if quick else 100_000])


def _row(measure: str, value: float, unit: str, note: str) -> dict[str, Any]:
    return {
        "question": _QUESTION,
        "measure": measure,
        "value": value,
        "unit": unit,
        "note": note,
    }


def _whole(lines: Sequence[bytes]) -> Driven:
    with tempfile.TemporaryDirectory(prefix="loanbell-path-") as folder:
        return drive_all(lines, Path(folder) / "data", source="path")


def _top_costs(lines: Sequence[bytes]) -> list[dict[str, Any]]:
    return [
        _row(
            f"top cost: {cost.place}",
            cost.percent,
            "% of own time",
            f"{cost.calls:,} calls under the profiler",
        )
        for cost in top_costs(lambda: _shares(lines), most=_TOP)
    ]


def _shares(lines: Sequence[bytes]) -> dict[str, float]:
    """Seconds spent in each part for all `lines`."""
    spent: defaultdict[str, float] = defaultdict(float)
    with tempfile.TemporaryDirectory(prefix="loanbell-parts-") as folder:
        node = Node.open(settings(Path(folder) / "data"))
        ledger = Ledger(node.store.ledger)
        numbered = enumerate(lines, start=1)
        clock = time.perf_counter
        node.watch.replay([], [])
        while piece := list(islice(numbered, node.settings.batch_messages)):
            began = clock()
            batch = [read(line, source="p", offset=at, accepted_us=0) for at, line in piece]
            parsed = clock()
            recorded = ledger.record(batch).recorded
            booked = clock()
            rung = node.watch.observe(recorded)
            warnings = node.store.warnings.record(rung) if rung else []
            watched = clock()
            node.projector.project(LEDGER_LOG, recorded)
            if warnings:
                node.projector.project(WARNINGS_LOG, warnings)
            spent["bytes to commands"] += parsed - began
            spent["decide and record, durable"] += booked - parsed
            spent["indicators, rules, warnings"] += watched - booked
            spent["views and grades"] += clock() - watched
        node.close()
    return spent
