"""What several views need to know of each loan, one row a loan, kept once.

Wraps the arrears book of `warning` (days past due, arrears, outstanding) and adds what portfolios
are cut by, and the findings on a loan. Stands at the day after the last closed business day: what
fell due by that close counts, and a fact valued later waits for the close that reaches it. Rows are
in the order of first appearance and never move.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ledger.dates import day_number
from ledger.events import LoanAssessed, LoanOfficerChanged, LoanOpened, LoanStatusChanged
from ledger.store import Recorded
from projections.accounts import AccountRows
from projections.facts import Facts
from projections.words import Codes
from warning.arrears import OWN, ArrearsBook
from warning.history import Stretch, stretches_of
from warning.windows import NEVER, BoolArray, DayArray, Growing, IntArray


class Finding(NamedTuple):
    """A finding or a measure, set or lifted; ordered by value day, then transaction id.

    `value_ppm`: the share that a measure states, the whole for a finding.
    """

    day: int
    tie: str
    name: str
    active: bool
    event_id: str
    value_ppm: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Standing:
    """All loans at the end of a closed day, by row. Amounts in minor units.

    `unmet` is the oldest unmet due day, NEVER when all is met; `part_paid` says that some of that
    due is paid. `counted` are the loans a portfolio holds: open, and paid out or with dues of their
    own.
    """

    day: int
    unmet: DayArray
    dpd: IntArray
    arrears: IntArray
    outstanding: IntArray
    counted: BoolArray
    part_paid: BoolArray


def _nothing() -> Standing:
    amounts = np.zeros(0, np.int64)
    none = np.zeros(0, np.bool_)
    return Standing(0, np.zeros(0, np.int32), amounts, amounts, amounts, none, none)


class _Attributes(Growing):
    currency: DayArray
    branch: DayArray
    borrower: DayArray
    started: BoolArray
    shown_arrears: IntArray
    shown_unmet: DayArray

    def __init__(self) -> None:
        super().__init__()
        self.add_column("currency", np.int32)
        self.add_column("branch", np.int32)
        self.add_column("borrower", np.int32)
        self.add_column("started", np.bool_)
        self.add_column("shown_arrears", np.int64)
        self.add_column("shown_unmet", np.int32, fill=NEVER)


class LoanBook:
    """Rows of loans, their standing at the last close, and who they belong to."""

    def __init__(self) -> None:
        self.arrears = ArrearsBook()
        self.currencies = Codes()
        self.accounts = AccountRows(self.currencies)
        self.branches = Codes()
        self._borrowers = Codes()
        self.findings: dict[int, list[Finding]] = {}
        self.found: set[int] = set()
        self.closes: list[int] = []
        self.moved: IntArray = np.zeros(0, np.int64)
        self.corrected: list[int] = []
        self.standing = _nothing()
        self._attributes = _Attributes()
        self._branch_marks: dict[int, tuple[int, str]] = {}
        self._late_findings: set[int] = set()
        self._waiting_findings: dict[int, set[int]] = {}
        self._stretches: dict[int, list[Stretch]] = {}

    def active_findings(self, row: int, day: int) -> dict[str, Finding]:
        """The findings that stand on a loan at the end of `day`, by name."""
        newest = {found.name: found for found in self.findings.get(row, ()) if found.day <= day}
        return {name: found for name, found in newest.items() if found.active}

    def stretches(self, row: int) -> list[Stretch]:
        """A loan's past up to the last close as stretches of days; derived once a close."""
        known = self._stretches.get(row)
        if known is None:
            known = self._stretches[row] = list(stretches_of(self.arrears, row))
        return known

    @property
    def rows(self) -> int:
        """How many loans there are."""
        return self._attributes.rows

    @property
    def closed_day(self) -> int | None:
        """The last business day closed."""
        return self.closes[-1] if self.closes else None

    @property
    def loan_ids(self) -> list[str]:
        """Loan ids by row."""
        return self.arrears.loan_ids

    @property
    def currency(self) -> DayArray:
        """Currency code by row."""
        return self._attributes.currency[: self.rows]

    @property
    def branch(self) -> DayArray:
        """Branch code by row."""
        return self._attributes.branch[: self.rows]

    def borrower_of(self, loan_id: str) -> str:
        """Who borrowed a loan, known from its opening on: `arrears` learns it on its day."""
        row = self.arrears.row_of(loan_id)
        return self._borrowers.names[int(self._attributes.borrower[row])]

    def apply(self, facts: Facts) -> None:
        """Take in a run of facts of the ledger log."""
        self._stretches.clear()
        self.accounts.apply(facts)
        self.arrears.apply(facts.recorded)
        if len(self.arrears.loan_ids) > self._attributes.rows:
            self._attributes.grow(len(self.arrears.loan_ids))
        for item in facts.of(LoanOpened):
            self._opened(item.fact)
        for item in facts.of(LoanOfficerChanged):
            self._officer_changed(item.fact)
        for item in facts.of(LoanStatusChanged):
            self._found(item, item.fact.finding, item.fact.active, 1_000_000)
        for item in facts.of(LoanAssessed):
            value = item.fact.value_ppm
            self._found(item, item.fact.measure, value is not None, value or 0)

    def close(self, day: int) -> None:
        """Stand at the end of `day`, then open the next one.

        `standing` is the book at the end of `day`. `moved` are the rows whose overdue dues differ
        from the last time, `found` those whose findings changed, `corrected` those whose past a
        late fact changed.
        """
        arrears, attributes, rows = self.arrears, self._attributes, self.rows
        self._stretches.clear()
        arrears.advance(day)
        arrears.flush()
        self._take_corrections(day)
        started, outstanding = attributes.started[:rows], arrears.outstanding()
        started |= (outstanding != 0) | (arrears.dues.length[:rows] > 0)
        unmet = np.where(arrears.closed_day[:rows] <= day, NEVER, arrears.unmet_day[:rows])
        counted = started & arrears.open()
        self.standing = Standing(
            *(day, unmet, arrears.dpd(), arrears.arrears(), outstanding, counted),
            _unmet_part_paid(arrears),
        )
        self.closes.append(day)
        arrears.advance(day + 1)
        owed, unmet = arrears.arrears(), self._unmet()
        moved = (owed != attributes.shown_arrears[:rows]) | (unmet != attributes.shown_unmet[:rows])
        self.moved = np.flatnonzero(moved)
        attributes.shown_arrears[:rows], attributes.shown_unmet[:rows] = owed, unmet

    def _take_corrections(self, day: int) -> None:
        """Note which rows' findings or past changed since the last close."""
        late, waiting = self._late_findings, self._waiting_findings
        reached = [known for known in waiting if known <= day]
        self.found = late.union(*(waiting.pop(known) for known in reached))
        self.corrected = sorted(self.arrears.dirty | late) if self.closes else []
        self.arrears.dirty.clear()
        self._late_findings = set()

    def arrears_of(self, loan_ids: Sequence[str]) -> list[tuple[int, int | None]]:
        """Arrears, and the day of the oldest due that is past and unmet, by what is known now."""
        rows = np.array([self.arrears.row_of(loan_id) for loan_id in loan_ids], np.int64)
        owed = self.arrears.arrears(rows).tolist()
        since = self._unmet()[rows].tolist()
        return [
            (amount, None if day == NEVER else day) for amount, day in zip(owed, since, strict=True)
        ]

    def _unmet(self) -> DayArray:
        """The oldest unmet due day that is past, by row; NEVER when nothing is overdue."""
        self.arrears.flush()
        unmet: DayArray = self.arrears.unmet_day[: self.rows].copy()
        over = self.arrears.closed_day[: self.rows] <= self.arrears.day
        unmet[over | (unmet >= self.arrears.day)] = NEVER
        return unmet

    def _opened(self, fact: LoanOpened) -> None:
        row = self.arrears.row_of(fact.loan_id)
        self._attributes.currency[row] = self.currencies.of(fact.currency)
        self._attributes.borrower[row] = self._borrowers.of(fact.borrower_id)
        if row not in self._branch_marks:
            self._attributes.branch[row] = self.branches.of(fact.branch)

    def _officer_changed(self, fact: LoanOfficerChanged) -> None:
        row = self.arrears.row_of(fact.loan_id)
        mark = (day_number(fact.value_date), fact.transaction_id)
        if mark >= self._branch_marks.get(row, mark):
            self._branch_marks[row] = mark
            self._attributes.branch[row] = self.branches.of(fact.branch)

    def _found(self, item: Recorded, name: str, active: bool, value_ppm: int) -> None:
        fact: LoanStatusChanged | LoanAssessed = item.fact
        row = self.arrears.row_of(fact.loan_id)
        day = day_number(fact.value_date)
        found = Finding(day, fact.transaction_id, name, active, item.event_id, value_ppm)
        known = self.findings.setdefault(row, [])
        known.append(found)
        known.sort()
        if self.closes and day <= self.closes[-1]:
            self._late_findings.add(row)
        else:
            self._waiting_findings.setdefault(day, set()).add(row)


def _unmet_part_paid(arrears: ArrearsBook) -> BoolArray:
    """Whether some of the oldest unmet due is paid; not where positions are reported."""
    arrears.flush()
    rows, dues = slice(0, arrears.rows), arrears.dues
    unmet = arrears.unmet_at[rows].astype(np.int64)
    before = np.where(unmet > 0, dues.cum_at(dues.start[rows] + unmet - 1), 0)
    part: BoolArray = (arrears.source[rows] == OWN) & (arrears.paid[rows] > before)
    return part & (unmet < dues.length[rows])
