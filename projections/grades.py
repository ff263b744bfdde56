"""Risk grades by regime: the grade of every loan, each change with its reason, and the totals.

Several regimes stand side by side; the first is the main one, which portfolios are cut by.
Judged at each close of a business day; only changes are written. Changes are kept for ever, each
with the day it counts from and the place in the ledger up to which facts were known.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import orjson

from ledger.events import (
    ArrearsCapitalised,
    ChargeApplied,
    InstalmentsScheduled,
    InterestAccrued,
    OverpaymentRefunded,
    PositionReported,
    RepaymentChargedBack,
    RepaymentReceived,
    RepaymentReversed,
    WriteOffCancelled,
)
from ledger.ids import event_id, loan_stream
from projections.base import Change, Close, Facts, View
from projections.book import LoanBook
from projections.grade_reasons import Cited, Explainer, Reason
from projections.grading import UNGRADED, Grading
from projections.regime import Regime, RegimeError
from projections.sums import Codes, by_group
from projections.tables import Row, TableSpec, integer, words
from warning.windows import Growing, IntArray

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

REGIMES = TableSpec(
    "regimes",
    (
        words("regime"),
        integer("place"),
        words("version"),
        words("title"),
        words("title_en"),
        words("text"),
    ),
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
    """The view `grades`, for one regime or several. Errors: RegimeError for one named twice."""

    name = "grades"
    schema_version = 4
    tables = (GRADES, CHANGES, TOTALS, REGIMES)

    def __init__(self, *regimes: Regime) -> None:
        names = [regime.name for regime in regimes]
        if len(set(names)) < len(names):
            raise RegimeError(
                f"A regime is named twice: {', '.join(names)}.", way_out="Name each once."
            )
        self.regimes = regimes
        self._books = [_RegimeBook(Grading(regime)) for regime in regimes]
        self._cited = _Cited()
        self._new: list[Row] = [
            (regime.name, place, regime.version, regime.title, regime.title_en, regime.text)
            for place, regime in enumerate(regimes)
        ]

    @property
    def gradings(self) -> tuple[Grading, ...]:
        """The state of each regime, in their order."""
        return tuple(graded.grading for graded in self._books)

    def cited(self, book: LoanBook) -> Cited:
        """What is cited for a row's day count."""
        return lambda row: self._cited.ids(book, row)

    @property
    def rules_version(self) -> str:
        return ",".join(regime.version for regime in self.regimes)

    def fold(self, facts: Facts, book: LoanBook) -> None:
        self._cited.fold(facts, book)
        for graded in self._books:
            graded.grading.fold(facts, book)

    def closed(self, close: Close, book: LoanBook) -> None:
        for graded in self._books:
            graded.closed(close, book, self._cited)

    def changes(self, book: LoanBook) -> Iterator[Change]:
        if self._new:
            yield REGIMES, self._new
        for spec, name in ((GRADES, "current"), (CHANGES, "changed"), (TOTALS, "totals")):
            rows = [row for graded in self._books for row in getattr(graded, name)]
            if rows:
                yield spec, rows

    def committed(self) -> None:
        self._new = []
        for graded in self._books:
            graded.current, graded.changed, graded.totals = [], [], []


_PAYING = (
    *(RepaymentReceived, RepaymentReversed, OverpaymentRefunded),
    *(ArrearsCapitalised, WriteOffCancelled),
)
"""Facts that change what is paid, as the dues count it."""


class _Cited(Growing):
    """The facts behind a day count, as versions in the loan's stream; 0 when there is none."""

    dues: IntArray
    charged: IntArray
    paid: IntArray

    def __init__(self) -> None:
        super().__init__()
        for name in ("dues", "charged", "paid"):
            self.add_column(name, np.int32)

    def fold(self, facts: Facts, book: LoanBook) -> None:
        """Take in a run of facts, which `book` has taken in already."""
        self.grow(book.rows)
        for column, kinds in (
            (self.dues, (InstalmentsScheduled, PositionReported)),
            (self.charged, (ChargeApplied, InterestAccrued, RepaymentChargedBack)),
            (self.paid, _PAYING),
        ):
            for kind in kinds:
                for item in facts.of(kind):
                    if kind is InterestAccrued and not item.fact.penalties:
                        continue
                    row = book.arrears.row_of(item.fact.loan_id)
                    column[row] = max(int(column[row]), item.version)

    def ids(self, book: LoanBook, row: int) -> tuple[str, ...]:
        """Ids of the schedule or report in force, of what last fell due besides it, and of what
        last changed what is paid."""
        versions = (int(self.dues[row]), int(self.charged[row]), int(self.paid[row]))
        stream = loan_stream(book.loan_ids[row])
        return tuple(event_id(stream, version) for version in versions if version)


class _RegimeBook:
    """One regime's grades, and its rows that are not committed yet."""

    def __init__(self, grading: Grading) -> None:
        self.grading, self.regime = grading, grading.regime
        self.current: list[Row] = []
        self.changed: list[Row] = []
        self.totals: list[Row] = []

    def closed(self, close: Close, book: LoanBook, cited: _Cited) -> None:
        """Judge a close."""
        changed, before = self.grading.close(book)
        explainer = Explainer(self.grading, book, lambda row: cited.ids(book, row))
        for row, rank_before in zip(changed.tolist(), before.tolist(), strict=True):
            reason = explainer.explain(row, rank_before)
            self._change(row, rank_before, _Verdict(close, book, reason))
        self._total(book)

    def _change(self, row: int, rank_before: int, verdict: _Verdict) -> None:
        book, reason = verdict.book, verdict.reason
        loan_id, standing = book.loan_ids[row], book.standing
        rank = int(self.grading.grade[row])
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
        self.changed.append(
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
        self.current.append(
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
        codes: list[Codes] = [book.currency[rows], book.branch[rows], self.grading.grade[rows]]
        groups = by_group(codes, [standing.outstanding[rows]])
        for (currency, branch, rank), (loans, outstanding) in groups:
            grade = self.regime.grades[rank]
            self.totals.append(
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
