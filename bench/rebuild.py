"""How fast are all views built anew from the facts, and what does each view cost?

A generated portfolio goes through an embedded node once; then the views of its folder are rebuilt,
each time beside the live ones and swapped in, as `loanbell rebuild all` does. Shares: the same
steps with a clock around the reading of facts, the book they share, each view, and the writing of
its rows. A profile of one more rebuild names the dearest functions.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.costs import top_costs
from bench.drive import drive_all
from ledger.store import LEDGER_LOG, FactLog, Recorded, Store
from projections.projector import Projector
from projections.rebuild import FLUSH, LOGS, READ, Fold, SideTables, without_cycle_hunting
from projections.tables import Database
from projections.views import all_views
from streams.generate import portfolio

_QUESTION = "all views from the facts"
_AIM_PER_SECOND = 150_000
_TOP = 8


def run(*, seed: int, quick: bool) -> list[dict[str, Any]]:
    """Median rate of several rebuilds of one book, the share of each part, and the top costs."""
    loans, months, runs = (60, 4, 1) if quick else (2_000, 18, 3)
    with tempfile.TemporaryDirectory(prefix="loanbell-rebuild-") as name:
        folder = Path(name)
        lines = portfolio(loans=loans, months=months, seed=seed).messages()
        drive_all(lines, folder / "data", source="rebuild")
        with Store.open(folder / "data" / "ledger.db", read_only=True) as store:
            return _results(folder, store, runs, f"{loans:,} loans over {months} months")


def _results(folder: Path, store: Store, runs: int, what: str) -> list[dict[str, Any]]:
    facts = sum(_log(store, log).last_position() for log in LOGS)
    projector = Projector.open(folder / "data" / "views.db", store)
    projector.catch_up()

    def rebuild() -> tuple[float, float]:
        began, busy = time.perf_counter(), time.process_time()
        projector.rebuild("all")
        return facts / (time.perf_counter() - began), facts / (time.process_time() - busy)

    rates, busy_rates = zip(*(rebuild() for _ in range(runs)), strict=True)
    costs = top_costs(rebuild, most=_TOP)
    projector.close()
    dearest = "; ".join(f"{cost.place} {cost.percent:.0f} %" for cost in costs)
    spread = f"{min(rates):,.0f} to {max(rates):,.0f}; aim {_AIM_PER_SECOND:,}; {what}, {runs} runs"
    busy = statistics.median(busy_rates)
    results = [
        _row("rebuild of all views, control totals and swap", statistics.median(rates), spread),
        _row("the same by processor time", busy, "tells whether the machine was busy otherwise"),
        _row("facts rebuilt from", facts, "both logs", unit="facts"),
    ]
    spent = _shares(folder, store)
    whole = sum(spent.values())
    results += [
        _row(f"part: {part}", seconds * 1e6 / facts, f"{seconds / whole:.0%}", unit="µs/fact")
        for part, seconds in spent.items()
    ]
    return [*results, _row("dearest function", costs[0].percent, dearest, unit="% of own time")]


def _row(measure: str, value: float, note: str, *, unit: str = "facts/s") -> dict[str, Any]:
    return {
        "question": _QUESTION,
        "measure": measure,
        "value": value,
        "unit": unit,
        "note": note,
    }


def _log(store: Store, name: str) -> FactLog:
    return store.ledger if name == LEDGER_LOG else store.warnings


def _shares(folder: Path, store: Store) -> dict[str, float]:
    """Seconds of processor time spent in each part of a rebuild into an empty file."""
    spent: defaultdict[str, float] = defaultdict(float)
    fold = Fold([factory() for factory in all_views()])
    _time_views(fold, spent)
    database = Database.open(folder / "shares.db")
    side = SideTables(database, fold.views, suffix="", generation=1)
    with without_cycle_hunting():
        read = written = 0
        for log in LOGS:
            after = 0
            while recorded := _timed(spent, "reading facts", _reading(store, log, after)):
                fold.take(log, recorded)
                after = recorded[-1].position
                read += len(recorded)
                if read - written >= FLUSH:
                    _timed(spent, "writing rows", lambda: side.write(fold.book))
                    written = read
        _timed(spent, "writing rows", lambda: side.write(fold.book))
    database.close()
    return dict(spent)


def _reading(store: Store, log: str, after: int) -> Callable[[], list[Recorded]]:
    return lambda: _log(store, log).read(after=after, limit=READ)


def _timed(spent: defaultdict[str, float], part: str, work: Callable[[], Any]) -> Any:
    began = time.process_time()
    result = work()
    spent[part] += time.process_time() - began
    return result


def _time_views(fold: Fold, spent: defaultdict[str, float]) -> None:
    """Put a clock around everything that the fold calls."""

    def clocked(part: str, work: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given: _timed(spent, part, lambda: work(*given))

    for part, owner, names in [
        ("the book that views share", fold.book, ("apply", "close")),
        *((f"view {view.name}", view, ("fold", "closed")) for view in fold.views),
    ]:
        for name in names:
            setattr(owner, name, clocked(part, getattr(owner, name)))
