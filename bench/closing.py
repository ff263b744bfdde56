"""What does the whole close of a day cost: indicators, score and rules of all loans at once?

A watch over a synthetic book (`bench.columns`) of loans of as many borrowers, in twenty industries,
200 to an officer, judges by the default pack and by a score of 20 indicators, of which a rule more
rings: once of points, once of 180 trees. After some weeks it is told that days close, as the node
tells it; every part of that is timed where it happens. Medians of processor time: it is one thread.
"""

from __future__ import annotations

import resource
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import numpy as np
from numpy.random import Generator, default_rng

from bench.columns import Book, open_book
from bench.score import random_trees
from ledger.dates import Calendar, date_of
from ledger.events import BusinessDayClosed
from ledger.ids import CALENDAR_STREAM
from ledger.store import Recorded
from warning.bulletin import Bulletin
from warning.engine import Engine
from warning.indicators import CATALOGUE
from warning.indicators_score import SCORE_NAMES
from warning.lifecycle import Lifecycle
from warning.pack import Pack
from warning.readings import Readings
from warning.rules import DEFAULT_PACK, load_pack, parse_pack
from warning.scorecard import Bins, Model, Scorecard
from warning.scored_pack import with_score
from warning.trees import Trees
from warning.watch import Watch
from warning.windows import FloatArray

_DAYS_BEFORE, _CLOSES_BEFORE, _CLOSES, _INDUSTRIES = 40, 12, 7, 20
_OF_AN_OFFICER, _READ = 200, 20
_RULE = """
[[rule]]
name = "likely_bad"
title = "Likely to go bad"
source = "this bench"
when = "default_probability_ratio > 0.9"
until = "default_probability_ratio < 0.2"
for = 2
severity = "watch"
reason = "{default_probability_percent}"
"""
_PARTS = {
    "indicators and score": (Readings, "at_close"),
    "of these the score": (Model, "calibrated"),
    "of these peers, changes, other warnings": (Readings, "derived"),
    "rules": (Lifecycle, "close"),
    "facts of what changed": (Bulletin, "changes"),
    "facts of what waits": (Bulletin, "waits"),
    "moving every window on": (Engine, "advance"),
}


def run(*, seed: int, quick: bool, size: int | None = None) -> list[dict[str, Any]]:
    """Milliseconds of a close by part and in all, bytes a loan, and the peak of the process."""
    results = []
    for loans in (size,) if size else (2_000,) if quick else (2_000, 1_000_000):
        for kind in ("points", "trees"):
            results += _size(loans, kind, seed=seed)
    return results


def _size(loans: int, kind: str, *, seed: int) -> list[dict[str, Any]]:
    pack = _scored(kind, seed)
    watch = Watch(pack=pack, calendar=Calendar(weekmask="1111111"))
    book = _book(watch.engine, loans, seed)
    spent: dict[str, list[float]] = defaultdict(list)
    said: list[int] = []
    with _timed(spent):
        for number in range(_CLOSES_BEFORE + _CLOSES):
            if number == _CLOSES_BEFORE:
                spent.clear()
                said.clear()
            said.append(_close(watch, book, number + 1, spent))
    return _told(watch, pack, kind, loans, spent, said)


def _close(watch: Watch, book: Book, position: int, spent: dict[str, list[float]]) -> int:
    """The open day brings its payments and movements, and closes; how many facts were said."""
    book.take(book.flows())
    watch.engine.values(["loan_age_days"], np.array([0]))  # Counts them in: no part of the close.
    for part in _PARTS:
        spent[part].append(0.0)
    fact = BusinessDayClosed(
        transaction_id=f"close {position}",
        value_date=date_of(watch.engine.day),
        recorded_at_us=position,
    )
    record = Recorded(position, CALENDAR_STREAM, position, fact)
    start = time.process_time()
    said = watch.observe([record])
    spent["all"].append(time.process_time() - start)
    return len(said)


@contextmanager
def _timed(spent: dict[str, list[float]]) -> Iterator[None]:
    """While it lasts, what `_PARTS` names adds its processor time to the last entry of its part."""
    kept = {place: getattr(*place) for place in _PARTS.values()}

    def timing(part: str, work: Any) -> Any:
        @wraps(work)
        def timed(*args: Any, **options: Any) -> Any:
            start = time.process_time()
            try:
                return work(*args, **options)
            finally:
                if spent[part]:
                    spent[part][-1] += time.process_time() - start

        return timed

    for part, place in _PARTS.items():
        setattr(*place, timing(part, kept[place]))
    try:
        yield
    finally:
        for place, work in kept.items():
            setattr(*place, work)


def _book(engine: Engine, loans: int, seed: int) -> Book:
    book = open_book(loans, seed=seed, engine=engine)
    arrears, columns = engine.book, engine.columns
    arrears.borrower[:loans] = np.arange(loans)
    columns.industry[:loans] = default_rng(seed).integers(0, _INDUSTRIES, loans)
    columns.officer[:loans] = np.arange(loans) // _OF_AN_OFFICER
    for number in range(loans):
        arrears.borrower_ids.append(f"B{number}")
        engine.trading.borrower(number, f"B{number}")
        engine.earlier.opened(number)
    engine.industries.update((f"industry {n}", n) for n in range(_INDUSTRIES))
    engine.officers.update((f"O{n}", n) for n in range(loans // _OF_AN_OFFICER + 1))
    engine.currencies["CNY"] = 0
    for _ in range(_DAYS_BEFORE):
        book.day()
    return book


def _scored(kind: str, seed: int) -> Pack:
    """The default pack and a rule by a score, whose thresholds are what a small book reads."""
    plain = load_pack(DEFAULT_PACK)
    engine = Engine()
    _book(engine, 2_000, seed)
    read = engine.values([name for name in CATALOGUE if name not in SCORE_NAMES])
    known = {name: np.unique(column[~np.isnan(column)]) for name, column in read.items()}
    names = tuple(sorted(known, key=lambda name: -len(known[name])))[:_READ]
    draws = default_rng(seed)
    parts = _card if kind == "points" else _trees
    about = {"name": "bench", "version": 1, "target": "bad", "horizon_days": 365}
    model = Model(
        kind=kind,
        parts=parts({name: known[name] for name in names}, draws),
        slope=1.0,
        intercept=0.0,
        about=about,
    )
    pack = parse_pack(plain.text + _RULE, path="bench.toml")
    return with_score(pack, model, path="bench.toml")


def _card(known: dict[str, FloatArray], draws: Generator) -> Scorecard:
    bins = []
    for name, values in known.items():
        edges = tuple(np.unique(np.quantile(values, (0.1, 0.3, 0.5, 0.7, 0.9))).tolist())
        count = len(edges) + 2
        weights = tuple(draws.normal(size=count).tolist())
        shares = (1 / count,) * count
        bins.append(Bins(indicator=name, edges=edges, weights=weights, shares=shares))
    return Scorecard(-7.0, tuple(bins))


def _trees(known: dict[str, FloatArray], draws: Generator) -> Trees:
    grid = np.stack([np.quantile(values, np.linspace(0, 1, 33)[1:-1]) for values in known.values()])
    return random_trees(tuple(known), np.sort(grid), draws, base=-6.0)


def _told(
    watch: Watch,
    pack: Pack,
    kind: str,
    loans: int,
    spent: dict[str, list[float]],
    said: list[int],
) -> list[dict[str, Any]]:
    engine, size = watch.engine, f"{loans:,} loans, {kind}"
    names = len({*pack.indicators, *(() if engine.score is None else engine.score.names)})
    notes = {
        "indicators and score": f"{names} indicators",
        "rules": f"{len(pack.rules)} rules",
        "all": f"{statistics.median(said):,.0f} facts said; aim 1,500 ms a million",
    }
    rows = [
        _row(f"{size}: {part}", statistics.median(spent[part]) * 1e3, "ms", notes.get(part, ""))
        for part in (*_PARTS, "all")
    ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    note = f"{peak / loans:,.0f} bytes a loan, ids and the bench included"
    rows.append(_row(f"{size}: peak of the process", peak / 2**20, "MiB", note))
    held = {"engine": sum(engine.nbytes().values()), **watch.nbytes()}
    told = ", ".join(f"{name} {bytes_ / loans:,.0f}" for name, bytes_ in held.items())
    return [*rows, _row(f"{size}: columns", sum(held.values()) / loans, "bytes/loan", told)]


def _row(measure: str, value: float, unit: str, note: str) -> dict[str, Any]:
    told = {"measure": measure, "value": value, "unit": unit, "note": note}
    return {"question": "cost of the whole close of a day"} | told
