"""Day counts from unmet due days, and a loan's due days."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from projections.book import LoanBook
from warning.windows import IntArray


def overdue_days(unmet: NDArray[Any], day: int | IntArray, due_date_counts: int) -> IntArray:
    """Days past due at `day` from the oldest unmet due day; 0 while that is still to come.

    `due_date_counts` 1: the due date itself is day 1, so a due of today counts; 0: the day after.
    """
    days: IntArray = np.where(unmet <= day, day - unmet.astype(np.int64) + due_date_counts, 0)
    return days


def due_days(book: LoanBook, row: int) -> list[int]:
    """A loan's due days in order."""
    return book.arrears.dues.of(row)[0]
