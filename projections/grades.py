"""Risk grades of a regime: the grade of every loan, each change with its reason, and the totals.

Judged at each close of a business day; only changes are written. Changes are kept for ever, each
with the day it counts from and the place in the ledger up to which facts were known.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import orjson

from projections.base import Change, Close, View
from projections.book import LoanBook
from projections.grade_reasons import Explainer, Reason
from projections.grading import UNGRADED, Grading
from projections.regime import Regime
from projections.sums import Codes, by_group
from projections.tables import Row, TableSpec, integer, words

GRADES = TableSpec(
    "grades",
    (
        words("regime"),
        words("loan_id"),
        words("borrower_id"),
        words("currency"),
        words("grade"),
        integer("rank"),
        integer("performing"),
        integer("since_day"),
        words("reason"),
        words("rule"),
        words("article"),
        words("source"),
        words("mark"),
        words("causes"),
        integer("dpd_days"),
        integer("position"),
    ),
    key=2,
    indexes=(("borrower_id",),),
    fixed=("borrower_id", "currency"),
)

CHANGES = TableSpec(
    "grade_changes",
    (
        words("regime"),
        integer("position"),
        words("loan_id"),
        integer("since_day"),
        words("grade_before", nullable=True),
        words("grade"),
        integer("rank_before", nullable=True),
        integer("rank"),
        words("reason"),
        words("rule"),
        words("article"),
        words("source"),
        words("mark"),
        words("causes"),
        integer("corrected"),
        words("currency"),
        integer("dpd_days"),
        integer("arrears_minor"),
        integer("outstanding_minor"),
        integer("recorded_at_us"),
    ),
    key=3,
    indexes=(("loan_id", "position"), ("since_day",)),
)

TOTALS = TableSpec(
    "grade_totals",
    (
        words("regime"),
        integer("closed_day"),
        words("currency"),
        words("branch"),
        words("grade"),
        integer("rank"),
        integer("performing"),
        integer("loans"),
        integer("outstanding_minor"),
    ),
    key=5,
)


class Grades(View):
    """The view `grades`, for one regime."""

    name = "grades"
    schema_version = 1
    tables = (GRADES, CHANGES, TOTALS)

    def __init__(self, regime: Regime) -> None:
        self.regime = regime
        self._grading = Grading(regime)
        self._current: list[Row] = []
        self._changes: list[Row] = []
        self._totals: list[Row] = []

    @property
    def rules_version(self) -> str:
        return self.regime.version

    def closed(self, close: Close, book: LoanBook) -> None:
        changed, before = self._grading.close(book)
        explainer = Explainer(self._grading, book)
        for row, rank_before in zip(changed.tolist(), before.tolist(), strict=True):
            reason = explainer.explain(row, rank_before)
            self._change(row, rank_before, _Verdict(close, book, reason))
        self._total(book)

    def changes(self, book: LoanBook) -> Iterator[Change]:
        if self._current:
            yield GRADES, self._current
        if self._changes:
            yield CHANGES, self._changes
        if self._totals:
            yield TOTALS, self._totals

    def committed(self) -> None:
        self._current = []
        self._changes = []
        self._totals = []

    def _change(self, row: int, rank_before: int, verdict: _Verdict) -> None:
        book, reason = verdict.book, verdict.reason
        loan_id, standing = book.loan_ids[row], book.standing
        rank = int(self._grading.grade[row])
        grade = self.regime.grades[rank]
        graded = rank_before != UNGRADED
        currency = book.currencies.names[int(book.currency[row])]
        origin = reason.origin
        why: Row = (
            reason.text,
            reason.rule,
            origin.article,
            origin.source,
            origin.mark,
            orjson.dumps(reason.causes).decode(),
        )
        dpd = int(standing.dpd[row])
        self._changes.append(
            (
                self.regime.name,
                verdict.close.position,
                loan_id,
                standing.day,
                self.regime.grades[rank_before].name if graded else None,
                grade.name,
                rank_before if graded else None,
                rank,
                *why,
                int(reason.corrected),
                currency,
                dpd,
                int(standing.arrears[row]),
                int(standing.outstanding[row]),
                verdict.close.recorded_at_us,
            )
        )
        borrower = book.arrears.borrower_ids[int(book.arrears.borrower[row])]
        self._current.append(
            (
                self.regime.name,
                loan_id,
                borrower,
                currency,
                grade.name,
                rank,
                int(grade.performing),
                standing.day,
                *why,
                dpd,
                verdict.close.position,
            )
        )

    def _total(self, book: LoanBook) -> None:
        """Loans and outstanding by currency, branch and grade at this close."""
        standing = book.standing
        rows = np.flatnonzero(standing.counted)
        codes: list[Codes] = [book.currency[rows], book.branch[rows], self._grading.grade[rows]]
        groups = by_group(codes, [standing.outstanding[rows]])
        for (currency, branch, rank), (loans, outstanding) in groups:
            grade = self.regime.grades[rank]
            self._totals.append(
                (
                    self.regime.name,
                    standing.day,
                    book.currencies.names[currency],
                    book.branches.names[branch],
                    grade.name,
                    rank,
                    int(grade.performing),
                    loans,
                    outstanding,
                )
            )


class _Verdict(NamedTuple):
    """Why a grade changed, and at which close."""

    close: Close
    book: LoanBook
    reason: Reason
