"""Cases as a strategy sees them: the words and numbers of each, from engine, warnings and grades.

The numbers of a case are the indicators of its worst loan: the one most days past due, of several
the first by id. A loan that is over tells nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from math import isnan
from typing import NamedTuple, Protocol

import numpy as np

from warning.casebook import CaseBook, CaseFile
from warning.engine import Engine
from warning.tiers import Tiers
from warning.treatment import TIERS, Situation, Strategy
from warning.windows import FloatArray, IntArray

NAN = float("nan")


class GradeChange(NamedTuple):
    """From a place in the ledger log on a loan has a grade; a higher rank is a worse one."""

    position: int
    loan_id: str
    grade: str
    rank: int


class Graded:
    """Grades of loans, as known at a place in the ledger log. `heard`: the last change told."""

    def __init__(self) -> None:
        self.heard: GradeChange | None = None
        self._waiting: deque[GradeChange] = deque()
        self._grades: dict[str, GradeChange] = {}

    def hear(self, changes: Iterable[GradeChange]) -> None:
        """Changes in the order of their places."""
        for change in changes:
            self._waiting.append(change)
            self.heard = change

    def take_until(self, position: int) -> None:
        """Take in what was said up to `position`."""
        while self._waiting and self._waiting[0].position <= position:
            change = self._waiting.popleft()
            self._grades[change.loan_id] = change

    def worst(self, loan_ids: Sequence[str]) -> GradeChange | None:
        """The worst grade among loans; None without any."""
        known = [self._grades[loan_id] for loan_id in loan_ids if loan_id in self._grades]
        return max(known, key=lambda change: change.rank, default=None)


class Treating(Protocol):
    """Who asks: what it knows."""

    strategy: Strategy
    cases: CaseBook
    engine: Engine
    tiers: Tiers
    grades: Graded

    def arm_of(self, borrower_id: str) -> str:
        """The arm of a borrower."""


def situations(treating: Treating, cases: Sequence[CaseFile], day: int) -> list[Situation]:
    """Each case, as it stands on the engine's open day."""
    if not cases:
        return []
    engine = treating.engine
    rows = np.array([engine.row_of(loan_id) for case in cases for loan_id in case.loan_ids])
    names = sorted({*treating.strategy.indicators, "dpd_days"})
    values = engine.values(names, rows)
    worst = _worst(values["dpd_days"], [len(case.loan_ids) for case in cases])
    words = {name: engine.words(name, rows[worst]) for name in ("industry", "region", "branch")}
    found = []
    for at, (case, place) in enumerate(zip(cases, worst.tolist(), strict=True)):
        tier, grade = treating.tiers.rank_of(case.borrower_id), treating.grades.worst(case.loan_ids)
        said = {
            "tier": TIERS[tier],
            "cause": case.cause,
            "stage": case.stage,
            "grade": grade.grade if grade else "",
            "arm": treating.arm_of(case.borrower_id),
            **{name: of[at] for name, of in words.items()},
        }
        numbers = {name: float(values[name][place]) for name in names}
        numbers |= {
            "case_age_days": float(day - case.opened_day),
            "contacts_30d": float(sum(day - 30 < at_day for at_day in case.contact_days)),
            "grade_rank": float(grade.rank) if grade else NAN,
            "tier_rank": float(tier),
        }
        found.append(Situation(said, numbers))
    return found


def _worst(dpd: FloatArray, sizes: Sequence[int]) -> IntArray:
    """The place of each case's worst loan among all of them."""
    found, start = [], 0
    for size in sizes:
        days = [-1.0 if isnan(value) else value for value in dpd[start : start + size].tolist()]
        found.append(start + days.index(max(days)))
        start += size
    return np.array(found, np.int64)
