"""What does the close of a day cost over all loans, and how does that grow with their number?

Each size is a synthetic book (`bench.columns`) of loans with 24 instalments and an account each,
lived through for some weeks. Timed in turn, medians given: the pass over days past due, arrears and
buckets; the whole close that moves every window on by a day; and all indicators of all loans.
"""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.columns import Book, open_book
from warning.buckets import bucket
from warning.indicators import CATALOGUE

_SIZES = (100_000, 1_000_000, 3_000_000, 10_000_000)
_QUICK = (5_000, 20_000)
_NEEDED_BYTES = 2_000
"""Memory that a loan of this book takes in the process, ids and temporaries included; roughly."""
_TURNS = 5


def run(*, seed: int, quick: bool) -> list[dict[str, Any]]:
    """Milliseconds a pass for each size, nanoseconds a loan beside them, and bytes a loan."""
    results: list[dict[str, Any]] = []
    for loans in _QUICK if quick else _SIZES:
        free = _free_bytes()
        if free and loans * _NEEDED_BYTES > free:
            note = f"left out: needs about {loans * _NEEDED_BYTES / 2**30:.0f} GiB"
            results.append(_row(f"{loans:,} loans", free / 2**30, "GiB free", note))
            continue
        results += _size(loans, seed=seed, days=20 if quick else 45)
    results.append(_memory_of_a_year(2_000 if quick else 50_000, seed=seed))
    return results


def _size(loans: int, *, seed: int, days: int) -> list[dict[str, Any]]:
    book = open_book(loans, seed=seed)
    for _ in range(days):
        book.day()
    names = list(CATALOGUE)
    engine = book.engine
    seconds: dict[str, list[float]] = {}
    for _ in range(_TURNS):
        book.take(book.flows())
        _time(seconds, "days past due, arrears, bucket", lambda: _dues(book))
        _time(seconds, "all indicators", lambda: engine.values(names))
        _time(seconds, "the close itself", lambda: engine.advance(engine.day + 1))
    aims = {"days past due, arrears, bucket": 100, "all indicators": 500}
    results = []
    for measure, taken in seconds.items():
        median = statistics.median(taken)
        note = f"{median / loans * 1e9:.0f} ns a loan"
        if measure in aims and loans == 1_000_000:
            note += f"; aim {aims[measure]} ms"
        results.append(_row(f"{loans:,} loans: {measure}", median * 1e3, "ms", note))
    columns = sum(engine.nbytes().values()) / loans
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / loans
    note = f"after {days} days; {peak:,.0f} at the process's peak, ids included"
    results.append(_row(f"{loans:,} loans: columns", columns, "bytes/loan", note))
    return results


def _dues(book: Book) -> None:
    arrears = book.engine.book
    dpd = arrears.dpd()
    arrears.arrears()
    bucket(dpd)


def _memory_of_a_year(loans: int, *, seed: int) -> dict[str, Any]:
    """What the windows hold once they are full: payments and movements of a year."""
    book = open_book(loans, seed=seed)
    for _ in range(400):
        book.day()
    parts = {name: held / loans for name, held in book.engine.nbytes().items()}
    told = ", ".join(f"{name} {held:.0f}" for name, held in parts.items())
    return _row("columns when all windows are full", sum(parts.values()), "bytes/loan", told)


def _time(seconds: dict[str, list[float]], measure: str, work: Callable[[], object]) -> None:
    start = time.perf_counter()
    work()
    seconds.setdefault(measure, []).append(time.perf_counter() - start)


def _free_bytes() -> int:
    """Memory that is free, 0 where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if "MemAvailable" in line), 0)


def _row(measure: str, value: float, unit: str, note: str) -> dict[str, Any]:
    return {
        "question": "cost of a day close",
        "measure": measure,
        "value": value,
        "unit": unit,
        "note": note,
    }
