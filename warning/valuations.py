"""What is reported of a loan from time to time: collateral, rate, scores, the market, findings.

Each series of a loan holds values, each from its day until the next; of one day the greater
transaction id holds. Read are the first value, the one in force now, and the one in force a year
(360 days) ago. What is agreed at the opening gives way to what is reported for that day. A finding
is a series too: 1 while it is in force, 0 once lifted. That a default was observed is none: it is
an outcome.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import Any

import numpy as np

from ledger.dates import day_number
from ledger.events import (
    CollateralValued,
    FigureReported,
    LoanRateChanged,
    LoanRevised,
    LoanStatusChanged,
)
from warning.windows import NEVER, UNKNOWN, DayArray, Growing, IntArray

YEAR = 360
FIGURES = ("external_score", "price_index", "unemployment_percent", "growth_percent")
FINDINGS = (
    *("misuse_of_funds", "evasion", "bankruptcy", "restructured", "refinanced"),
    *("credit_impaired", "seriously_impaired", "technical_overdue"),
)
"""Findings that may be read: all but the outcome."""
SERIES = ("collateral", "rate", *FIGURES, *FINDINGS)
POINTS = ("now", "before", "first", "since")
"""Value in force, that of 360 days ago, the first one, and the day of the one in force."""
Entry = tuple[int, str, int]
"""Day, transaction id, value."""


class Series(Growing):
    """One series of all loans. `since` is NEVER, and values UNKNOWN, before the first value."""

    now: IntArray
    before: IntArray
    first: IntArray
    since: DayArray

    def __init__(self) -> None:
        super().__init__()
        for name in ("now", "before", "first"):
            self.add_column(name, np.int64, fill=UNKNOWN)
        self.add_column("since", np.int32, fill=NEVER)
        self._known: dict[int, list[Entry]] = {}
        self._turning: dict[int, list[int]] = {}

    def add(self, row: int, entry: Entry, today: int) -> None:
        """Take in a value that counts by `today`."""
        known = self._known.get(row)
        if known is None:
            known = self._known[row] = []
            if self.since[row] != NEVER:  # Only what was agreed at the opening: kept in columns.
                known.append((int(self.since[row]), "", int(self.now[row])))
        insort(known, entry)
        self._turns(row, entry[0], today)
        self.first[row] = _in_force(known, known[0][0])
        self.since[row], self.now[row] = known[-1][0], known[-1][2]

    def agreed(self, row: int, day: int, value: int, today: int) -> None:
        """The value agreed at the opening; most loans never get another one."""
        if row in self._known:
            self.add(row, (day, "", value), today)
            return
        self.now[row] = self.first[row] = value
        self.since[row] = day
        self._turns(row, day, today)

    def turn(self, today: int) -> None:
        """`today` has opened: what was in force 360 days ago may be another value now."""
        for row in self._turning.pop(today - YEAR, ()):
            self._look_back(row, today)

    def _turns(self, row: int, day: int, today: int) -> None:
        if day <= today - YEAR:
            self._look_back(row, today)
        else:
            self._turning.setdefault(day, []).append(row)

    def _look_back(self, row: int, today: int) -> None:
        known = self._known.get(row)
        self.before[row] = _in_force(known, today - YEAR) if known else self.now[row]


def _in_force(known: list[Entry], day: int) -> int:
    """The last value of days up to `day`, which has one."""
    return known[bisect_right(known, day, key=lambda entry: entry[0]) - 1][2]


class Valuations:
    """All series by the loan's row, as facts bring them."""

    def __init__(self) -> None:
        self._series: dict[str, Series] = {}  # those of which any value is known
        self._rows = 0

    def grow(self, rows: int) -> None:
        """Have at least `rows` loans."""
        self._rows = rows
        for series in self._series.values():
            series.grow(rows)

    def _of(self, name: str) -> Series:
        series = self._series.get(name)
        if series is None:
            series = self._series[name] = Series()
            series.grow(self._rows)
        return series

    def opened(self, row: int, day: int, rate_ppm: int, today: int) -> None:
        """The rate that was agreed; 0 states none."""
        if rate_ppm:
            self._of("rate").agreed(row, day, rate_ppm, today)

    def take(self, row: int, fact: Any, today: int) -> None:
        """Take in a fact of `TAKEN` that counts by `today`."""
        stated = stated_by(fact)
        if stated is not None:
            name, value = stated
            day = day_number(fact.value_date)
            self._of(name).add(row, (day, fact.transaction_id, value), today)

    def turn(self, today: int) -> None:
        """`today` has opened."""
        for series in self._series.values():
            series.turn(today)

    def read(self, name: str, rows: IntArray | slice) -> IntArray:
        """The measure `name` of `READ`; UNKNOWN before the first value."""
        word, _, point = name.rpartition("_")
        series = self._series.get(word)
        if series is None:
            count = rows.stop - rows.start if isinstance(rows, slice) else len(rows)
            return np.full(count, UNKNOWN, np.int64)
        column = getattr(series, point)[rows].astype(np.int64)
        return np.where(column == NEVER, UNKNOWN, column) if point == "since" else column

    def nbytes(self) -> int:
        """Bytes held by the columns."""
        return sum(series.nbytes() for series in self._series.values())


def stated_by(fact: Any) -> tuple[str, int] | None:
    """The series and value that a fact of `TAKEN` states; None where it states none of them."""
    if isinstance(fact, CollateralValued):
        return "collateral", fact.value_minor
    if isinstance(fact, FigureReported):
        return fact.figure, fact.value_micro
    if isinstance(fact, LoanRateChanged):
        return "rate", fact.rate_ppm
    if isinstance(fact, LoanStatusChanged):
        return (fact.finding, int(fact.active)) if fact.finding in FINDINGS else None
    revision = fact.revision
    if revision is None or revision.rate_ppm is None:
        return None
    return "rate", int(revision.rate_ppm)


TAKEN = (CollateralValued, FigureReported, LoanRateChanged, LoanRevised, LoanStatusChanged)
"""The facts that state a value."""
READ = tuple(f"{name}_{point}" for name in SERIES for point in POINTS)
"""The measures there are."""
