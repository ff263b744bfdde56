"""How a borrower paid earlier loans: what scoring at approval knows of a client who returns.

Earlier loans are the borrower's loans that ended by the open day, in the order of their ends. One
is judged when something fell due: it was late by the days from its first due day to the day on
which that due was met in full (to its end where it never was), negative when it was met early.
Figures are kept by borrower and derived anew when a fact touches an ended loan; no windows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from warning.arrears import ArrearsBook
from warning.history import paid_of
from warning.windows import NEVER, UNKNOWN, BoolArray, Growing, IntArray

RECENT = 3
"""So many loans are recent."""
JUDGED = (
    *("late_last", "late_before", "late_sum", "late_recent", "overdue_sum", "late_worst"),
    *("late_count", "late_squares", "duration_last", "duration_sum", "planned_sum"),
)
"""Figures of judged loans, beside the number of them."""


class Ended(NamedTuple):
    """One ended loan; ordered as loans ended."""

    closed_day: int
    loan_id: str
    opened_day: int
    principal_minor: int
    late_days: int | None
    planned_days: int


class EarlierLoans(Growing):
    """One row a borrower, by the numbers of the arrears book. `read` measures by the loan's row.

    Tell `touched` of every row whose payments, dues, limit, opening or end changed.
    """

    loans: IntArray
    judged: IntArray
    first_opened: IntArray
    last_closed: IntArray
    principal_last: IntArray
    figures: IntArray

    def __init__(self, book: ArrearsBook, limit_of: Callable[[int], int]) -> None:
        super().__init__()
        self._book, self._limit_of = book, limit_of
        self._of_borrower: dict[int, list[int]] = {}
        self._stale: set[int] = set()
        for name in ("loans", "judged"):
            self.add_column(name, np.int64)
        for name in ("first_opened", "last_closed"):
            self.add_column(name, np.int64, fill=NEVER)
        self.add_column("principal_last", np.int64)
        self.add_column("figures", np.int64, width=len(JUDGED))

    # Facts

    def opened(self, row: int) -> None:
        """The row's borrower is known from now on."""
        borrower = int(self._book.borrower[row])
        self.grow(borrower + 1)
        rows = self._of_borrower.setdefault(borrower, [])
        if row not in rows:
            rows.append(row)
        self.first_opened[borrower] = min(
            int(self.first_opened[borrower]), int(self._book.opened_day[row])
        )
        self.touched(row)

    def touched(self, row: int) -> None:
        """Something about the row changed."""
        if self._book.closed_day[row] <= self._book.day and self._book.borrower[row] >= 0:
            self._stale.add(int(self._book.borrower[row]))

    def paid(self, rows: IntArray) -> None:
        """Payments of `rows` were taken in."""
        over = self._book.closed_day[rows] <= self._book.day
        for row in rows[over].tolist():
            self.touched(row)

    def refresh(self) -> None:
        """Derive the figures of borrowers whose ended loans changed."""
        for borrower in self._stale:
            self._derive(borrower)
        self._stale.clear()

    def _derive(self, borrower: int) -> None:
        rows = self._of_borrower.get(borrower, ())
        ended = sorted(self._ended(row) for row in rows if self._is_over(row))
        self.loans[borrower] = len(ended)
        if not ended:
            return
        self.last_closed[borrower] = ended[-1].closed_day
        self.principal_last[borrower] = ended[-1].principal_minor
        judged = [loan for loan in ended if loan.late_days is not None]
        self.judged[borrower] = len(judged)
        if judged:
            self.figures[:, borrower] = _figures(judged)

    def _is_over(self, row: int) -> bool:
        return bool(self._book.closed_day[row] <= self._book.day)

    def _ended(self, row: int) -> Ended:
        book = self._book
        opened, closed = int(book.opened_day[row]), int(book.closed_day[row])
        days, cums = book.dues.of(row)
        late = _met(paid_of(book, row), cums[0], closed) - days[0] if days else None
        planned = days[-1] - opened if days else 0
        return Ended(closed, book.loan_ids[row], opened, self._limit_of(row), late, planned)

    # Measures

    def read(self, name: str, rows: IntArray | slice) -> IntArray:
        """The measure `name` of the loans `rows`; see `READ`. Call `refresh` before."""
        borrower = np.maximum(self._book.borrower[rows], 0).astype(np.int64)
        if name == "borrower_known":
            known: IntArray = self._book.day - self.first_opened[borrower]
            return known
        if name == "earlier_loans":
            return self.loans[borrower]
        figure, there = self._figure(name.removeprefix("earlier_"), borrower)
        return np.where(there, figure, UNKNOWN)

    def _figure(self, name: str, borrower: IntArray) -> tuple[IntArray, BoolArray]:
        loans, judged = self.loans[borrower], self.judged[borrower]
        if name == "judged":
            return judged, loans >= 0
        if name == "since":
            return self._book.day - self.last_closed[borrower], loans > 0
        if name == "principal_last":
            return self.principal_last[borrower], loans > 0
        least = 2 if name == "late_before" else 1
        return self.figures[JUDGED.index(name)][borrower], judged >= least


def _met(paid: list[tuple[int, int]], due: int, closed: int) -> int:
    """The day on which `due` was met, if it is met now; else the end of the loan."""
    total, met = 0, NEVER
    for day, amount in paid:
        total += amount
        if total >= due and met == NEVER:
            met = day
    return met if total >= due and met != NEVER else closed


def _figures(judged: list[Ended]) -> list[int]:
    late = [loan.late_days or 0 for loan in judged]
    spans = [loan.closed_day - loan.opened_day for loan in judged]
    return [
        late[-1],
        late[-2] if len(late) > 1 else 0,
        sum(late),
        sum(late[-RECENT:]),
        sum(max(days, 0) for days in late),
        max(late),
        sum(days > 0 for days in late),
        sum(days * days for days in late),
        spans[-1],
        sum(spans),
        sum(loan.planned_days for loan in judged),
    ]


READ = (
    *("borrower_known", "earlier_loans", "earlier_judged", "earlier_since"),
    "earlier_principal_last",
    *(f"earlier_{name}" for name in JUDGED),
)
"""The measures there are."""
