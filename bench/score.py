"""What does a score cost: of a million loans at a close, and of one transaction up to its decision?

At a close: a scorecard and boosted trees of 60 trees in three runs over the same 20 indicators, of
random thresholds, so that every loan takes its own way. For one transaction: a watch over a
generated portfolio with the default pack is told of one fact at a time, as the node does between
two commits; what is timed is from the recorded fact to the facts that the watch concludes.
Processor time: it is one thread.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator, default_rng

from ledger.dates import Calendar
from ledger.events import BusinessDayClosed
from ledger.service import Ledger
from ledger.store import MemoryLog, Recorded
from streams.generate import portfolio
from streams.ingest import read
from warning.indicators import CATALOGUE
from warning.rules import DEFAULT_PACK, load_pack
from warning.scorecard import Bins, Scorecard
from warning.trees import Trees
from warning.watch import Watch
from warning.windows import FloatArray

_READ = 20
_TREES, _LEAVES_DEEP, _THRESHOLDS = 180, 3, 31
_TURNS = 5
_BATCH = 5_000


def run(*, seed: int, quick: bool) -> list[dict[str, Any]]:
    """Milliseconds a close and bytes a loan; microseconds from fact to decision."""
    draws = default_rng(seed)
    loans = 20_000 if quick else 1_000_000
    names = tuple(sorted(CATALOGUE)[:_READ])
    values = {name: draws.random(loans) for name in names}
    for column in values.values():
        column[draws.random(loans) < 0.1] = np.nan
    card, trees = _card(names, draws), _trees(names, draws)
    size, told = f"{loans:,} loans", f"{_READ} indicators"
    rows = [
        _row(f"{size}: points", _milliseconds(lambda: card.log_odds(values)), "ms", told),
        _row(
            f"{size}: trees",
            _milliseconds(lambda: trees.log_odds(values)),
            "ms",
            f"{told}, {_TREES} trees of {2**_LEAVES_DEEP} leaves; with rules: aim 1,500 ms",
        ),
        _row(f"{size}: what a score holds", values[names[0]].itemsize, "bytes/loan", "one column"),
    ]
    return rows + _decisions(*((60, 4) if quick else (500, 9)), seed=seed)


def _card(names: tuple[str, ...], draws: Generator) -> Scorecard:
    bins = []
    for name in names:
        edges = tuple(np.sort(draws.random(5)).tolist())
        weights = tuple(draws.normal(size=7).tolist())
        bins.append(Bins(indicator=name, edges=edges, weights=weights, shares=(1 / 7,) * 7))
    return Scorecard(-2.0, tuple(bins))


def _trees(names: tuple[str, ...], draws: Generator) -> Trees:
    return random_trees(names, np.sort(draws.random((len(names), _THRESHOLDS))), draws, base=-2.0)


def random_trees(
    names: tuple[str, ...], grid: FloatArray, draws: Generator, *, base: float
) -> Trees:
    """Full trees that ask of random indicators, at one of a row of the thresholds `grid` each."""
    inner, nodes = 2**_LEAVES_DEEP - 1, 2 ** (_LEAVES_DEEP + 1) - 1
    at = np.arange(nodes)
    trees = []
    for _ in range(_TREES):
        asked = draws.integers(0, len(names), nodes)
        trees.append(
            {
                "feature": np.where(at < inner, asked, -1),
                "threshold": grid[asked, draws.integers(0, grid.shape[1], nodes)],
                "missing_left": draws.integers(0, 2, nodes),
                "left": np.where(at < inner, 2 * at + 1, at),
                "right": np.where(at < inner, 2 * at + 2, at),
                "value": draws.normal(size=nodes) / _TREES,
            }
        )
    document = {"indicators": names, "base": base, "depth": _LEAVES_DEEP, "trees": trees}
    return Trees.read(document)


def _decisions(loans: int, months: int, *, seed: int) -> list[dict[str, Any]]:
    """The time of single facts after most of a portfolio was taken in."""
    facts = _facts(loans, months, seed)
    cut = len(facts) - min(len(facts) // 10, 20_000)
    watch = Watch(pack=load_pack(DEFAULT_PACK), calendar=Calendar())
    watch.observe(facts[:cut])
    taken, concluded = [], 0
    for record in facts[cut:]:
        if type(record.fact) is BusinessDayClosed:
            watch.observe([record])
            continue
        start = time.perf_counter()
        concluded += len(watch.observe([record]))
        taken.append(time.perf_counter() - start)
    note = f"{len(taken):,} facts, {concluded:,} conclusions, {loans:,} loans; aim 1,000 µs"
    return [
        _row(f"fact to decision, p{percent}", float(microseconds), "µs", note)
        for percent, microseconds in zip(
            (50, 99, 100), np.percentile(np.array(taken) * 1e6, (50, 99, 100)), strict=True
        )
    ]


def _facts(loans: int, months: int, seed: int) -> list[Recorded]:
    log = MemoryLog("ledger")
    ledger = Ledger(log)
    bodies = list(portfolio(loans=loans, months=months, seed=seed).messages())
    for first in range(0, len(bodies), _BATCH):
        batch = enumerate(bodies[first : first + _BATCH], start=first + 1)
        ledger.record([read(body, source="bench", offset=at, accepted_us=0) for at, body in batch])
    return log.read(limit=sys.maxsize)


def _milliseconds(work: Callable[[], FloatArray]) -> float:
    taken = []
    for _ in range(_TURNS):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return float(np.median(taken)) * 1e3


def _row(measure: str, value: float, unit: str, note: str) -> dict[str, Any]:
    told = {"measure": measure, "value": value, "unit": unit, "note": note}
    return {"question": "cost of a score"} | told
