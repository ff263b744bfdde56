"""A loan's own past in a regime, derived anew after a late fact.

Does over all past closes of one row what `Grading.close` does at each close for all rows; contagion
and what people set are not part of a loan's own past.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ledger.dates import day_number
from projections.book import LoanBook
from projections.cure import cures_of, eased_to
from projections.days import (
    DaysLate,
    arrears_repaid,
    days_late,
    due_days,
    overdue_days,
    part_paid_at,
)
from projections.regime import Edition
from warning.windows import NEVER, IntArray

if TYPE_CHECKING:
    from projections.grading import Grading


class Past(NamedTuple):
    """A past close: its day and the days past due at it, by what is known now."""

    day: int
    dpd: int


class _Path(NamedTuple):
    """One row at each of its past closes."""

    closes: IntArray
    dpd: IntArray
    floor: NDArray[np.int8]
    editions: list[tuple[Edition, int, int]]


def correct(grading: Grading, book: LoanBook, row: int) -> None:
    """Set what `grading` holds of a row's past to what follows from all that is known now."""
    path = _path(grading, book, row)
    _clocks(grading, row, path)
    grading.observed.pop(row, None)
    grading.observe(book, row)
    grading.stepped[row] = 0
    if not len(path.closes):
        return
    held = (path.floor >= grading.least_cured).any()
    if row in grading.observed or held:
        own, at, grading.stepped[row] = _replay(grading, book, row, path)
    else:
        own, at = int(path.floor[-1]), len(path.closes) - 1
    if own != grading.own[row]:
        grading.rewritten[row] = Past(int(path.closes[at]), int(path.dpd[at]))
    grading.own[row] = own


def _path(grading: Grading, book: LoanBook, row: int) -> _Path:
    closes = np.array(book.closes[:-1], np.int64)
    closes = closes[closes >= int(book.arrears.opened_day[row])]
    editions = grading.regime.spans(closes.tolist())
    late = _days(grading, book, row, closes, editions)
    cause, excused = _evidence(grading, book, row, closes, editions)
    kind = np.full(len(closes), grading.kind[row])
    floor = np.zeros(len(closes), np.int8)
    for edition, start, end in editions:
        cut = slice(start, end)
        floor[cut] = grading.floor(
            edition,
            DaysLate(*(days[cut] for days in late)),
            cause[cut],
            excused[cut],
            kind[cut],
        )
    return _Path(closes, late.days, floor, editions)


def _days(
    grading: Grading,
    book: LoanBook,
    row: int,
    closes: IntArray,
    editions: list[tuple[Edition, int, int]],
) -> DaysLate:
    """The day counts at each close."""
    counts = grading.regime.first_count
    unmet = np.full(len(closes), NEVER, np.int64)
    days: list[int] = closes.tolist()
    for start, end, due_day in book.stretches(row):
        unmet[bisect_left(days, start) : bisect_left(days, end)] = due_day
    start_days = np.full(len(closes), NEVER, np.int64)
    material = grading.material
    for edition, start, end in editions if material is not None else ():
        for rule in edition.materiality:
            speaks = grading.speaks(rule)[grading.kind[: grading.rows]]
            if material is not None and speaks[row]:
                group = material.group_of(rule, book, row, speaks)
                start_days[start:end] = material.path(rule, book, group, closes[start:end])
    dpd = overdue_days(unmet, closes, counts)
    part = np.zeros(len(closes), np.bool_)
    if grading.regime.uses_payments:
        part = part_paid_at(book, row, days)
    late = days_late(dpd, part, overdue_days(start_days, closes, counts))
    grading.pauses.shorten_past(editions, row, late, closes)
    return late


def _evidence(
    grading: Grading,
    book: LoanBook,
    row: int,
    closes: IntArray,
    editions: list[tuple[Edition, int, int]],
) -> tuple[NDArray[np.int8], NDArray[np.uint32]]:
    """The floor by causes, and the bits of excused rules, at each close."""
    cause, excused = np.zeros(len(closes), np.int8), np.zeros(len(closes), np.uint32)
    findings = book.findings.get(row, ())
    if not findings:
        return cause, excused
    turns = {finding.day for finding in findings}
    turns.update(day_number(edition.since) for edition, _, _ in editions)
    for day in sorted(turns):
        after = slice(int(np.searchsorted(closes, day)), None)
        active = book.active_findings(row, day)
        cause[after], excused[after] = grading.evidence(grading.regime.on(day), row, active)
    return cause, excused


def _clocks(grading: Grading, row: int, path: _Path) -> None:
    """The clocks of cures as they stand at the close before this one."""
    closes = path.closes
    for at, rank in enumerate(grading.cure_ranks):
        clean = np.zeros(len(closes), np.bool_)
        for edition, start, end in path.editions:
            cut = slice(start, end)
            clean[cut] = grading.clean(edition, path.dpd[cut], path.floor[cut], rank)
        unclean = np.flatnonzero(~clean)
        first = int(unclean[-1]) + 1 if unclean.size else 0
        grading.clean_since[at, row] = closes[first] if first < len(closes) else NEVER


def _replay(grading: Grading, book: LoanBook, row: int, path: _Path) -> tuple[int, int, int]:
    """The own rank at the last close, at which close it was last asked for, and `stepped`."""
    own, at, stepped = 0, 0, 0
    observed, dues = grading.observed.get(row), due_days(book, row)
    kind = grading.kind_of(row)
    since = [NEVER] * len(grading.cure_ranks)
    for edition, start, end in path.editions:
        clean = [
            grading.clean(edition, path.dpd[start:end], path.floor[start:end], rank).tolist()
            for rank in grading.cure_ranks
        ]
        closes, dpds = path.closes[start:end].tolist(), path.dpd[start:end].tolist()
        for place, day in enumerate(closes):
            floor = int(path.floor[start + place])
            for clock, days in enumerate(clean):
                since[clock] = min(since[clock], day) if days[place] else NEVER
            rule = edition.observation
            if observed is not None and rule is not None and rule.speaks_of(kind):
                observed.rule = rule
                floor = max(floor, observed.step(day, dpds[place], floor, dues))
            if floor < own and cures_of(edition, own, kind):
                clock = clock_of(grading.cure_ranks, own)
                best = eased_to(
                    edition,
                    own,
                    kind,
                    since=max(since[clock], stepped) if clock >= 0 else stepped,
                    day=day,
                    dues=dues,
                    active=partial(book.active_findings, row, day),
                    repaid=partial(arrears_repaid, book, row, day),
                )
                if best is None:
                    continue
                floor = max(floor, best)
                stepped = day if floor < own else stepped
            own, at = floor, start + place
    return own, at, stepped


def clock_of(cure_ranks: list[int], rank: int) -> int:
    """The place of the clock of a cure from `rank`: of the worst rank not worse; -1 for none."""
    return bisect_right(cure_ranks, rank) - 1
