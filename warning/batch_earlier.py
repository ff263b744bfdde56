"""The batch fold's view of a borrower's earlier loans: straight from the definitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ledger.dates import day_number
from ledger.events import LoanClosed
from warning.batch_account import only
from warning.windows import UNKNOWN


class Earlier:
    """The ended loans of one borrower, in the order of their ends. `of_borrower` are all loans."""

    def __init__(self, of_borrower: Sequence[Any], day: int) -> None:
        self.day = day
        self.opened = [day_number(loan.opened.value_date) for loan in of_borrower]
        over = [(_end(loan), loan.opened.loan_id, loan) for loan in of_borrower if _end(loan)]
        self.ended = [(end, loan) for end, _, loan in sorted(over, key=lambda known: known[:2])]
        self.judged = [(end, loan) for end, loan in self.ended if len(loan.dues)]
        self.late = [_late(end, loan) for end, loan in self.judged]
        self.spans = [end - day_number(loan.opened.value_date) for end, loan in self.judged]

    def read(self, name: str) -> int:
        """One measure by its name in `warning.earlier`; UNKNOWN where it is not known."""
        if name == "borrower_known":
            return self.day - min(self.opened)
        word = name.removeprefix("earlier_")
        if word in ("loans", "judged"):
            return len(self.ended if word == "loans" else self.judged)
        if word == "since":
            return self.day - self.ended[-1][0] if self.ended else UNKNOWN
        if word == "principal_last":
            return int(self.ended[-1][1].limit()) if self.ended else UNKNOWN
        if not self.judged or (word == "late_before" and len(self.late) < 2):
            return UNKNOWN
        return int(self._figure(word))

    def _figure(self, word: str) -> int:
        late = np.array(self.late, np.int64)
        figures = {
            "late_last": late[-1],
            "late_before": late[-2:][0],
            "late_sum": late.sum(),
            "late_recent": late[-3:].sum(),
            "overdue_sum": late[late > 0].sum(),
            "late_worst": late.max(),
            "late_count": (late > 0).sum(),
            "late_squares": (late**2).sum(),
            "duration_last": self.spans[-1],
            "duration_sum": sum(self.spans),
            "planned_sum": sum(
                int(loan.dues[-1, 0]) - day_number(loan.opened.value_date)
                for _, loan in self.judged
            ),
        }
        return int(figures[word])


def _end(loan: Any) -> int:
    """The day a loan ended; 0 while it runs."""
    ends = [day_number(fact.value_date) for fact in only(loan.facts, LoanClosed)]
    return min(ends, default=0)


def _late(end: int, loan: Any) -> int:
    """Days from the first due day to the day it was met in full; to the end where it is not."""
    due_day, due = loan.dues[0]
    days = np.unique(loan.payments[:, 0])
    met = [int(day) for day in days if loan.paid_by(day) >= due]
    is_met = bool(met) and loan.paid_by(loan.day) >= due
    return (met[0] if is_met else end) - int(due_day)
