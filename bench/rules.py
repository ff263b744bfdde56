"""What do the rules of the default pack cost at the close of a day, beyond their indicators?

A synthetic book (`bench.columns`) of loans of as many borrowers, in twenty industries, 200 to an
officer. After some weeks under the rules the closes of seven days are timed: the indicators; the
columns that rules derive from them (place among peers, change over days, other warnings); and every
rule over every loan with all that follows from it. Medians of processor time: it is one thread.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.random import default_rng

from bench.columns import Book, open_book
from warning.columns import Moment
from warning.lifecycle import Lifecycle
from warning.pack import Pack
from warning.readings import Readings
from warning.rules import DEFAULT_PACK, load_pack

T = TypeVar("T")
_DAYS_BEFORE, _CLOSES_BEFORE, _CLOSES, _INDUSTRIES = 40, 20, 7, 20
_OF_AN_OFFICER = 200


def run(*, seed: int, quick: bool) -> list[dict[str, Any]]:
    """Milliseconds of a close by part, for each size; changes of a close, and bytes a loan."""
    sizes = (5_000,) if quick else (100_000, 1_000_000)
    return [row for loans in sizes for row in _size(loans, seed=seed)]


def _size(loans: int, *, seed: int) -> list[dict[str, Any]]:
    book, pack = _book(loans, seed), load_pack(DEFAULT_PACK)
    engine = book.engine
    life = Lifecycle(
        pack,
        name=lambda row, rule, number: f"{rule}/{row}/{number}",
        borrower_of=lambda row: int(engine.book.borrower[row]),
        officer_of=lambda row: f"O{row // _OF_AN_OFFICER}",
    )
    readings, spent = Readings(engine, pack.names), _Spent()
    for _ in range(_CLOSES_BEFORE):
        _close(book, pack, life, readings, _Spent())
    changes = [_close(book, pack, life, readings, spent) for _ in range(_CLOSES)]
    size = f"{loans:,} loans"
    results = [
        _row(f"{size}: {part}", statistics.median(seconds) * 1e3, "ms", note)
        for part, seconds, note in (
            ("indicators", spent.indicators, f"{len(pack.indicators)} of them"),
            ("derived columns", spent.derived, "peers, changes, other warnings"),
            ("rules", spent.rules, f"{len(pack.rules)} rules; aim 300 ms a million with the above"),
        )
    ]
    held = readings.nbytes() / loans
    results.append(_row(f"{size}: what changes are told from", held, "bytes/loan", ""))
    median = statistics.median(changes)
    results.append(_row(f"{size}: changes a close", median, "changes", "raised, graver, over"))
    return results


class _Spent:
    """Seconds of each close, by part."""

    def __init__(self) -> None:
        self.indicators: list[float] = []
        self.derived: list[float] = []
        self.rules: list[float] = []


def _close(book: Book, pack: Pack, life: Lifecycle, readings: Readings, spent: _Spent) -> int:
    engine = book.engine
    book.day()
    plain, read = _timed(lambda: engine.values(pack.indicators))
    derived, values = _timed(lambda: readings.derived(pack, read, life))
    moment = Moment(engine.day, engine.day)
    ruled, changes = _timed(lambda: life.close(moment, values, engine.open()))
    spent.indicators.append(plain)
    spent.derived.append(derived)
    spent.rules.append(ruled)
    return len(changes)


def _book(loans: int, seed: int) -> Book:
    book = open_book(loans, seed=seed)
    engine = book.engine
    engine.book.borrower[:loans] = np.arange(loans)
    engine.columns.industry[:loans] = default_rng(seed).integers(0, _INDUSTRIES, loans)
    for number in range(loans):
        engine.trading.borrower(number, f"B{number}")
    for number in range(_INDUSTRIES):
        engine.industries[f"industry {number}"] = number
    for _ in range(_DAYS_BEFORE):
        book.day()
    return book


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    start = time.process_time()
    found = work()
    return time.process_time() - start, found


def _row(measure: str, value: float, unit: str, note: str) -> dict[str, Any]:
    return {
        "question": "cost of rules at a day close",
        "measure": measure,
        "value": value,
        "unit": unit,
        "note": note,
    }
