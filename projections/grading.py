"""The judgement of a regime, close by close: from day counts, findings and claims to grades.

Pure and vectorised: one row a loan. Three things decide a loan's grade. Its own floor: days past
due, causes, observation. Its own past: a non-performing loan keeps its grade until it is cured. And
its borrower: contagion. Writes no tables and no sentences.

A late fact changes a loan's own past: `correct` derives it anew from the corrected day counts, so a
default that never was needs no cure. Contagion is judged with what is known at each close.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ledger.dates import add_months, date_of, day_number
from projections.book import LoanBook, Standing
from projections.observation import Observed
from projections.regime import Regime
from projections.sums import by_group
from warning.history import stretches_of
from warning.windows import NEVER, BoolArray, DayArray, Growing, IntArray

Ranks = NDArray[np.int8]
UNGRADED = -1


class Share(NamedTuple):
    """What of a borrower's claims in one currency is non-performing, minor units."""

    currency: int
    bad_minor: int
    total_minor: int


class Past(NamedTuple):
    """A past close: its day and the days past due at it, by what is known now."""

    day: int
    dpd: int


class Grading(Growing):
    """The state of a regime over all loans.

    `grade`: the rank given at the last close, UNGRADED before the first. `own`: without contagion.
    `clean_since`: the close from which nothing was past due and no finding made the loan
    non-performing; NEVER while something does. `caught`: non-performing by other loans of its
    borrower alone, or not yet cured of that. `cause`: the floor by findings. `excused`: a finding
    excuses a short delay.
    """

    grade: Ranks
    own: Ranks
    cause: Ranks
    clean_since: DayArray
    caught: BoolArray
    excused: BoolArray

    def __init__(self, regime: Regime) -> None:
        super().__init__()
        self.regime = regime
        self.add_column("grade", np.int8, fill=UNGRADED)
        self.add_column("own", np.int8)
        self.add_column("cause", np.int8)
        self.add_column("clean_since", np.int32, fill=NEVER)
        self.add_column("caught", np.bool_)
        self.add_column("excused", np.bool_)
        self.observed: dict[int, Observed] = {}
        self.shares: dict[int, Share] = {}
        """Borrowers over the limit of contagion at this close, by their number in the book."""
        self.rewritten: dict[int, Past] = {}
        """Rows whose own rank at the close before is another by what is known now."""
        self._bad = regime.nonperforming_rank

    def close(self, book: LoanBook) -> tuple[IntArray, Ranks]:
        """Judge all loans at the book's standing: rows whose grade changed, and their old ranks."""
        standing, day = book.standing, book.standing.day
        self._welcome(book)
        for row in sorted(book.found):
            self._take_findings(book, row, day)
        self.rewritten = {}
        for row in book.corrected:
            self.correct(book, row)
        rows = self.rows
        dpd = overdue_days(standing.unmet, day, self.regime.due_date_counts)
        floor = self.floor(dpd, self.cause[:rows], self.excused[:rows])
        clean = (dpd == 0) & (floor < self._bad)
        since = self.clean_since[:rows]
        since[~clean] = NEVER
        since[clean & (since == NEVER)] = day
        for row, observed in self.observed.items():
            rank = observed.step(day, int(dpd[row]), int(floor[row]), due_days(book, row))
            floor[row] = max(int(floor[row]), rank)
        self._hold(book, floor)
        self._catch(book, standing)
        grade = self.own[:rows].copy()
        if self.regime.contagion is not None:
            held = self.caught[:rows]
            grade[held] = np.maximum(grade[held], self.regime.contagion.rank)
        changed = np.flatnonzero(standing.counted & (grade != self.grade[:rows]))
        before = self.grade[changed]
        self.grade[changed] = grade[changed]
        return changed, before

    def floor(self, dpd: IntArray, cause: Ranks, excused: BoolArray) -> Ranks:
        """The least rank by days past due and findings, row by row."""
        floor = cause.copy()
        for rule in self.regime.past_due:
            over = dpd > rule.over_days
            if rule.unless_finding is not None:
                over &= ~(excused & (dpd <= rule.unless_up_to_days))
            floor[over] = np.maximum(floor[over], rule.rank)
        return floor

    def is_cured(self, book: LoanBook, row: int) -> bool:
        """Whether nothing stands against an upgrade from non-performing at this close."""
        return self._cured(int(self.clean_since[row]), book.standing.day, due_days(book, row))

    def correct(self, book: LoanBook, row: int) -> None:
        """Derive a loan's own past anew, up to the close before this one."""
        closes = np.array(book.closes[:-1], np.int64)
        closes = closes[closes >= int(book.arrears.opened_day[row])]
        dpd = self._path(book, row, closes)
        cause, excused = self._causes_over(book, row, closes)
        floor = self.floor(dpd, cause, excused)
        unclean = np.flatnonzero((dpd > 0) | (floor >= self._bad))
        clean_from = int(unclean[-1]) + 1 if unclean.size else 0
        self.clean_since[row] = closes[clean_from] if clean_from < len(closes) else NEVER
        self.observed.pop(row, None)
        self._observe(book, row)
        if not len(closes):
            return
        if row in self.observed or (floor >= self._bad).any():
            own, at = self._replay(book, row, closes.tolist(), dpd.tolist(), floor.tolist())
        else:
            own, at = int(floor[-1]), len(closes) - 1
        if own != self.own[row]:
            self.rewritten[row] = Past(int(closes[at]), int(dpd[at]))
        self.own[row] = own

    def _replay(
        self, book: LoanBook, row: int, closes: list[int], dpds: list[int], floors: list[int]
    ) -> tuple[int, int]:
        """The own rank at the last of `closes`, and at which of them it was last asked for.

        Does what `close` does, for one row over many days.
        """
        own, at, since = 0, 0, NEVER
        observed, dues = self.observed.get(row), due_days(book, row)
        for place, (day, dpd, by_rules) in enumerate(zip(closes, dpds, floors, strict=True)):
            floor = by_rules
            since = NEVER if dpd > 0 or floor >= self._bad else min(since, day)
            if observed is not None:
                floor = max(floor, observed.step(day, dpd, floor, dues))
            if own < self._bad or floor >= own or self._cured(since, day, dues):
                own, at = floor, place
        return own, at

    def _hold(self, book: LoanBook, floor: Ranks) -> None:
        """Set the own ranks: the floor, or what it was until a non-performing loan is cured."""
        own = self.own[: self.rows]
        better = np.flatnonzero((own >= self._bad) & (floor < own))
        held = [row for row in better.tolist() if not self.is_cured(book, row)]
        floor[held] = own[held]
        own[:] = floor

    def _cured(self, clean_since: int, day: int, dues: Sequence[int]) -> bool:
        cure = self.regime.cure
        if cure is None:
            return True
        if clean_since == NEVER:
            return False
        met = bisect_left(dues, day) - bisect_right(dues, clean_since)
        if dues and met < cure.periods:
            return False
        return day >= day_number(add_months(date_of(clean_since), cure.months))

    def _catch(self, book: LoanBook, standing: Standing) -> None:
        """Set `caught`: by the borrower's share at this close, or held until cured of it."""
        rows = self.rows
        self.shares = self._shares(book, standing)
        contagious = np.zeros(len(book.arrears.borrower_ids), np.bool_)
        contagious[list(self.shares)] = True
        sound = standing.counted & (self.own[:rows] < self._bad)
        now = contagious[book.arrears.borrower[:rows]] & sound
        for row in np.flatnonzero(self.caught[:rows] & ~now).tolist():
            now[row] = not self.is_cured(book, row)
        self.caught[:rows] = now

    def _shares(self, book: LoanBook, standing: Standing) -> dict[int, Share]:
        """Borrowers with more than the limit of their claims, in any currency, non-performing."""
        rule, borrowers = self.regime.contagion, book.arrears.borrower[: self.rows]
        bad = standing.counted & (self.own[: self.rows] >= self._bad)
        if rule is None or not bad.any():
            return {}
        suspect = np.zeros(len(book.arrears.borrower_ids), np.bool_)
        suspect[borrowers[bad]] = True
        rows = np.flatnonzero(suspect[borrowers] & standing.counted)
        claims = standing.outstanding[rows]
        numbers, places = np.unique(borrowers[rows], return_inverse=True)
        groups = by_group([places, book.currency[rows]], [claims, np.where(bad[rows], claims, 0)])
        return {
            int(numbers[place]): Share(currency, bad_minor, total)
            for (place, currency), (_, total, bad_minor) in groups
            if bad_minor * 100 > total * rule.over_percent
        }

    def _welcome(self, book: LoanBook) -> None:
        """New rows are clean from the first close that they were open at."""
        first, past = self.rows, book.closes[:-1]
        self.grow(book.rows)
        opened = book.arrears.opened_day[first : self.rows]
        at = np.searchsorted(past, opened)
        self.clean_since[first : self.rows] = np.array([*past, NEVER])[at]

    def _take_findings(self, book: LoanBook, row: int, day: int) -> None:
        active = book.active_findings(row, day)
        self.cause[row] = self._cause(active)
        self.excused[row] = any(
            rule.unless_finding in active for rule in self.regime.past_due if rule.unless_finding
        )
        self._observe(book, row)

    def _cause(self, active: Collection[str]) -> int:
        return max((rule.rank for rule in self.regime.causes if rule.finding in active), default=0)

    def _observe(self, book: LoanBook, row: int) -> None:
        rule, findings = self.regime.observation, book.findings.get(row, [])
        if rule is None or row in self.observed:
            return
        if any(finding.name == rule.finding for finding in findings):
            self.observed[row] = Observed(rule, findings, nonperforming_rank=self._bad)

    def _path(self, book: LoanBook, row: int, closes: IntArray) -> IntArray:
        """Days past due at each of `closes`, by what is known now."""
        unmet = np.full(len(closes), NEVER, np.int64)
        for start, end, due_day in stretches_of(book.arrears, row):
            unmet[np.searchsorted(closes, start) : np.searchsorted(closes, end)] = due_day
        return overdue_days(unmet, closes, self.regime.due_date_counts)

    def _causes_over(self, book: LoanBook, row: int, closes: IntArray) -> tuple[Ranks, BoolArray]:
        """The floor by findings, and whether a short delay is excused, at each of `closes`."""
        cause, excused = np.zeros(len(closes), np.int8), np.zeros(len(closes), np.bool_)
        for finding in book.findings.get(row, ()):
            after = slice(int(np.searchsorted(closes, finding.day)), None)
            active = book.active_findings(row, finding.day)
            cause[after] = self._cause(active)
            excused[after] = any(rule.unless_finding in active for rule in self.regime.past_due)
        return cause, excused


def overdue_days(unmet: NDArray[Any], day: int | IntArray, due_date_counts: int) -> IntArray:
    """Days past due at `day` from the oldest unmet due day; 0 while that is still to come."""
    days: IntArray = np.where(unmet <= day, day - unmet.astype(np.int64) + due_date_counts, 0)
    return days


def due_days(book: LoanBook, row: int) -> list[int]:
    """A loan's due days in order."""
    return book.arrears.dues.of(row)[0]
