"""What the API, the command line and the desk read: the views as of their last commit.

Every call reads one committed state on its own connection; any thread may call. Rows come as
dictionaries: `*_minor` whole minor units beside `currency`, `*_date` dates. What needs single facts
(a loan on a time axis, its story) reads the store that is passed to `open`.
"""

from __future__ import annotations

from collections.abc import Collection

from projections.figures import Ask, Figure
from projections.read_cases import CaseFilter, CaseReads
from projections.read_course import Course, CourseReads, Traces
from projections.read_figures import FigureReads, figure_names
from projections.read_loan import LoanReads
from projections.read_portfolio import PortfolioReads
from projections.read_team import TeamReads
from projections.read_trials import TrialReads
from projections.read_warnings import WarningFilter, WarningReads
from projections.reading import Answer, Page, equals
from projections.register import LOANS
from projections.tables import select

__all__ = [
    "Answer",
    "Ask",
    "CaseFilter",
    "Course",
    "Figure",
    "Page",
    "Queries",
    "Traces",
    "WarningFilter",
    "figure_names",
]

_PART = 500


class Queries(
    WarningReads,
    PortfolioReads,
    FigureReads,
    CaseReads,
    TeamReads,
    TrialReads,
    LoanReads,
    CourseReads,
):
    """All reads. Make it with `Queries.open(path, store)`. Errors: StoreUnavailable."""

    def loans(
        self,
        *,
        loan_id: str | None = None,
        borrower_id: str | None = None,
        officer_id: str | None = None,
        branch: str | tuple[str, ...] | None = None,
        status: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Page:
        """A page of the register, by loan id; `after` is the last page's cursor.

        `branch` may be a tuple: any of them.
        """
        table = self._database.table(LOANS)
        clauses = equals(
            table,
            {
                "loan_id": loan_id,
                "borrower_id": borrower_id,
                "officer_id": officer_id,
                "branch": branch,
                "status": status,
            },
        )
        if after is not None:
            clauses.append(table.c.loan_id > after)
        return self._page(LOANS, clauses, order=table.c.loan_id, cursor="loan_id", limit=limit)

    def borrowers_of(self, loan_ids: Collection[str]) -> set[str]:
        """Who borrowed any of these loans; a loan that the views do not have counts for nobody."""
        table, ordered = self._database.table(LOANS), sorted(loan_ids)
        found: set[str] = set()
        with self._database.reading() as connection:
            for start in range(0, len(ordered), _PART):
                part = table.c.loan_id.in_(ordered[start : start + _PART])
                rows = connection.execute(select(table.c.borrower_id).where(part).distinct())
                found.update(row[0] for row in rows)
        return found
