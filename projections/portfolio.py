"""The portfolio: at each close, its size, its arrears and the portfolio at risk.

PAR x is the FULL outstanding principal of loans with more than x days past due, over the gross
outstanding; neither a count of loans nor the arrears alone. One row a business day, currency and
branch, as known at that close; never changed later. What is non-performing is `grades`' to say.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from projections.base import Change, Close, View
from projections.book import LoanBook
from projections.sums import by_group
from projections.tables import Row, TableSpec, integer, words

AT_RISK = (1, 30, 60, 90)
"""The x of PAR x: more than x days past due."""

PORTFOLIO = TableSpec(
    "portfolio",
    (
        integer("closed_day"),
        words("currency"),
        words("branch"),
        integer("loans"),
        integer("overdue_loans"),
        integer("outstanding_minor"),
        integer("arrears_minor"),
        *(integer(f"par_{days}_minor") for days in AT_RISK),
    ),
    key=3,
)

CLOSED_DAYS = TableSpec(
    "closed_days",
    (integer("closed_day"), integer("position"), integer("recorded_at_us")),
    closes=True,
)


class Portfolio(View):
    """The view `portfolio`, and the business days that were closed."""

    name = "portfolio"
    schema_version = 1
    tables = (PORTFOLIO, CLOSED_DAYS)

    def __init__(self) -> None:
        self._new: list[Row] = []
        self._days: list[Row] = []

    def closed(self, close: Close, book: LoanBook) -> None:
        self._days.append((close.day, close.position, close.recorded_at_us))
        standing = book.standing
        rows = np.flatnonzero(standing.counted)
        dpd, outstanding = standing.dpd[rows], standing.outstanding[rows]
        values = [
            (dpd > 0).astype(np.int64),
            outstanding,
            standing.arrears[rows],
            *(np.where(dpd > days, outstanding, 0) for days in AT_RISK),
        ]
        for (currency, branch), sums in by_group([book.currency[rows], book.branch[rows]], values):
            names = (book.currencies.names[currency], book.branches.names[branch])
            self._new.append((close.day, *names, *sums))

    def changes(self, book: LoanBook) -> Iterator[Change]:
        if self._days:
            yield PORTFOLIO, self._new
            yield CLOSED_DAYS, self._days

    def committed(self) -> None:
        self._new = []
        self._days = []
