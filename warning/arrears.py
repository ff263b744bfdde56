"""Who owes what and since when: dues and payments of every loan, as facts bring them.

One definition for rules, grades and views: by total, oldest due first. With the sum of dues up to a
due day, and paid the sum of payments with value day <= t, the oldest unmet due u is the first whose
running total exceeds paid; days past due are t - day(u), 0 while day(u) >= t. Arrears are what fell
due before t less what was paid. A loan without a schedule whose core system reports positions is
taken as reported: 30 days a month past due, growing daily until the next report.

`ArrearsBook` stands alone: `apply` facts in any order, `advance` the day, read the columns. A fact
counts from its value day on; earlier it waits. Keeps no history of day counts and no windows.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right, insort
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ledger.dates import day_number
from ledger.events import (
    ArrearsCapitalised,
    ChargeApplied,
    InstalmentsScheduled,
    InterestAccrued,
    LoanClosed,
    LoanDisbursed,
    LoanOpened,
    LoanReopened,
    OverpaymentRefunded,
    PositionReported,
    RepaymentChargedBack,
    RepaymentReceived,
    RepaymentReversed,
    RepaymentsReallocated,
    WriteOffCancelled,
)
from warning.dues import Cursor, Dues
from warning.intake import NOT_STARTED, Handler, Intake, RecordedFact
from warning.owed import Charging, Epoch, Report, charges_of, drawn_by, due_of, due_on
from warning.payments import PaymentLog
from warning.windows import NEVER, UNKNOWN, BoolArray, DayArray, Growing, IntArray

OWN, REPORTED, REPORTED_WITHOUT_MONTHS = 0, 1, 2
"""Values of the column `source`: whose word counts for a loan's position."""
_MOST_HELD = 65_536  # Payments held back for one vectorised step.
_ALL = slice(None)


class ArrearsBook(Growing):
    """Days past due, arrears and principal outstanding of every loan at the open day.

    Rows are loans in order of first appearance. `dirty` holds rows whose past a late fact or other
    dues changed; whoever keeps history derives it anew and empties the set. `on_row`, `on_dues`,
    `on_payments`, `on_drawn` and `on_report` tell that someone of new rows, replaced dues, payments
    taken, principal drawn on a day, and by how much more was reported as due on a day.
    """

    opened_day: DayArray
    closed_day: DayArray
    borrower: DayArray
    paid: IntArray
    principal: IntArray
    unmet_at: DayArray
    unmet_day: DayArray
    first_days: DayArray
    version: DayArray
    schedule_day: DayArray
    source: NDArray[np.uint8]
    reported_arrears: IntArray
    reported_outstanding: IntArray
    latest_payment: DayArray

    def __init__(self) -> None:
        super().__init__()
        self.loan_ids: list[str] = []
        self.borrower_ids: list[str] = []
        self.dirty: set[int] = set()
        self.dues = Dues()
        self.cursor = Cursor(lag=1)
        self.payments = PaymentLog()
        self.charges: dict[int, dict[int, int]] = {}
        self.epochs: dict[int, list[Epoch]] = {}
        self.reports: dict[int, list[Report]] = {}
        self.on_row: Callable[[int], None] = lambda _: None
        self.on_dues: Callable[[int, list[int], list[int]], None] = lambda *_: None
        self.on_payments: Callable[[IntArray, IntArray, IntArray], None] = lambda *_: None
        self.on_drawn: Callable[[int, int, int], None] = lambda *_: None
        self.on_report: Callable[[int, int, int], None] = lambda *_: None
        self._rows: dict[str, int] = {}
        self._borrowers: dict[str, int] = {}
        self._held = (array("q"), array("q"), array("q"))
        for name in ("opened_day", "closed_day", "unmet_day", "schedule_day"):
            self.add_column(name, np.int32, fill=NEVER)
        self.add_column("first_days", np.int32, fill=NEVER, width=2)
        for name in ("borrower", "latest_payment"):
            self.add_column(name, np.int32, fill=-1)
        for name in ("paid", "principal", "reported_arrears", "reported_outstanding"):
            self.add_column(name, np.int64)
        for name in ("unmet_at", "version"):
            self.add_column(name, np.int32)
        self.add_column("source", np.uint8)
        self.handlers: dict[type, Handler] = {
            LoanOpened: self._opened,
            LoanDisbursed: self._drawn,
            InstalmentsScheduled: self._scheduled,
            RepaymentReceived: self._received,
            RepaymentReversed: self._reversed,
            RepaymentsReallocated: self._drawn,
            ChargeApplied: self._charged,
            InterestAccrued: self._charged,
            PositionReported: self._reported,
            LoanClosed: self._closed,
            LoanReopened: self._reopened,
            WriteOffCancelled: self._write_off_cancelled,
            ArrearsCapitalised: self._capitalised,
            OverpaymentRefunded: self._refunded,
            RepaymentChargedBack: self._charged_back,
        }
        self.day = NOT_STARTED
        self._intake = Intake(self.handlers, announce=self._announce)

    def apply(self, recorded: Sequence[RecordedFact]) -> None:
        """Take in facts of the ledger log, in any order; those that are not about dues pass by."""
        self._intake.take(recorded)

    def advance(self, day: int) -> None:
        """Move the open day on to `day`, over every calendar day; never back.

        The first call opens the book and takes in what waited.
        """
        if self.day == NOT_STARTED:
            self.day = day
            self._intake.open_day(day)
        while self.day < day:
            self.next_day()
            self._intake.open_day(self.day)

    def next_day(self) -> tuple[IntArray, IntArray]:
        """Close the open day and open the next calendar day; takes in no facts.

        Gives the rows with a due on the day that closed, and the dues' places.
        """
        self.flush()
        today = np.flatnonzero(self.cursor.day[: self.rows] == self.day)
        if today.size:
            at = self.dues.start[today] + self.cursor.passed[today]
            self.dues.arena.part[at] = self.part_paid(today)
        self.day += 1
        return self.cursor.advance(self.dues, self.day)

    def part_paid(self, rows: IntArray) -> BoolArray:
        """Whether of the first due on or after the open day some, but not all, is paid."""
        cum = self.dues.cum_at(self.dues.start[rows] + self.cursor.passed[rows])
        paid = self.paid[rows]
        part: BoolArray = (self.cursor.before[rows] < paid) & (paid < cum)
        return part

    def row_of(self, loan_id: str) -> int:
        """The row of a loan, or -1."""
        return self._rows.get(loan_id, -1)

    def borrower_number(self, borrower_id: str) -> int:
        """The number of a borrower, or -1."""
        return self._borrowers.get(borrower_id, -1)

    def open(self, rows: IntArray | slice = _ALL) -> BoolArray:
        """Whether the loan runs at the open day."""
        rows = self.some(rows)
        running: BoolArray = self.opened_day[rows] <= self.day
        return running & (self.closed_day[rows] > self.day)

    def dpd(self, rows: IntArray | slice = _ALL) -> IntArray:
        """Days past due at the open day; 0 also where nothing is known and after the end."""
        self.flush()
        rows = self.some(rows)
        late: IntArray = (self.day - np.minimum(self.unmet_day[rows], self.day)).astype(np.int64)
        late[self.closed_day[rows] <= self.day] = 0
        return late

    def arrears(self, rows: IntArray | slice = _ALL) -> IntArray:
        """What fell due before the open day and is unpaid, minor units; 0 as for `dpd`."""
        self.flush()
        rows = self.some(rows)
        owed: IntArray = self.cursor.before[rows] - self.paid[rows]
        owed = np.where(self.source[rows] == OWN, owed, self.reported_arrears[rows])
        owed[self.closed_day[rows] <= self.day] = 0
        return np.maximum(owed, 0, out=owed)

    def outstanding(self, rows: IntArray | slice = _ALL) -> IntArray:
        """Principal paid out and not repaid, or as reported; 0 after the end. Minor units."""
        rows = self.some(rows)
        own = self.source[rows] == OWN
        left: IntArray = np.where(own, self.principal[rows], self.reported_outstanding[rows])
        left[self.closed_day[rows] <= self.day] = 0
        return left

    def some(self, rows: IntArray | slice) -> IntArray | slice:
        """`rows`, where "all" means the rows in use."""
        return slice(0, self.rows) if rows is _ALL else rows

    # Facts

    def row(self, loan_id: str) -> int:
        """The row of a loan, a new one when it is not known yet."""
        row = self._rows.get(loan_id)
        if row is None:
            row = self._rows[loan_id] = len(self.loan_ids)
            self.loan_ids.append(loan_id)
            self.grow(row + 1)
            self.dues.grow(row + 1)
            self.cursor.grow(row + 1)
            self.on_row(row + 1)
        return row

    def _announce(self, fact: Any) -> None:
        self.row(fact.loan_id)

    def _opened(self, fact: LoanOpened, day: int) -> None:
        row = self.row(fact.loan_id)
        self.opened_day[row] = day
        borrower = self._borrowers.setdefault(fact.borrower_id, len(self.borrower_ids))
        if borrower == len(self.borrower_ids):
            self.borrower_ids.append(fact.borrower_id)
        self.borrower[row] = borrower

    def _closed(self, fact: LoanClosed, day: int) -> None:
        row = self.row(fact.loan_id)
        self.closed_day[row] = min(int(self.closed_day[row]), day)

    def _reopened(self, fact: LoanReopened | WriteOffCancelled, _: int) -> None:
        """The loan had not ended: its days since then count as if it had never been closed."""
        row = self.row(fact.loan_id)
        self.closed_day[row] = NEVER
        self.dirty.add(row)

    def _write_off_cancelled(self, fact: WriteOffCancelled, day: int) -> None:
        self._reopened(fact, day)
        self._drawn(fact, day)
        for recovered in fact.recovered:
            paid_on = day_number(recovered.value_date)
            self._pay(self.row(fact.loan_id), paid_on, recovered.amount_minor)

    def _capitalised(self, fact: ArrearsCapitalised, day: int) -> None:
        self._drawn(fact, day)
        self._pay(self.row(fact.loan_id), day, fact.amount_minor)

    def _refunded(self, fact: OverpaymentRefunded, day: int) -> None:
        self._pay(self.row(fact.loan_id), day, -fact.amount_minor)

    def _charged_back(self, fact: RepaymentChargedBack, day: int) -> None:
        self._drawn(fact, day)
        self._charged(fact, day)

    def _received(self, fact: RepaymentReceived, day: int) -> None:
        row, repaid = self.row(fact.loan_id), fact.split.principal_minor
        self.principal[row] -= repaid
        self.on_drawn(row, day, -repaid)
        self._pay(row, day, fact.amount_minor)

    def _reversed(self, fact: RepaymentReversed, day: int) -> None:
        self._drawn(fact, day)
        self._pay(self.row(fact.loan_id), day_number(fact.value_date), -fact.amount_minor)

    def _drawn(self, fact: Any, _: int) -> None:
        row = self.row(fact.loan_id)
        for day, amount in drawn_by(fact):
            self.principal[row] += amount
            self.on_drawn(row, day, amount)

    def _pay(self, row: int, day: int, amount: int) -> None:
        rows, days, amounts = self._held
        rows.append(row)
        days.append(day)
        amounts.append(amount)
        if len(rows) >= _MOST_HELD:
            self.flush()

    def _charged(self, fact: Charging, _: int) -> None:
        row = self.row(fact.loan_id)
        charges, due = self.charges.setdefault(row, {}), self._due(row)
        for day, amount in charges_of(fact):
            charges[day] = charges.get(day, 0) + amount
            due[day] = due.get(day, 0) + amount
        self._set_dues(row, due)

    def _scheduled(self, fact: InstalmentsScheduled, day: int) -> None:
        row = self.row(fact.loan_id)
        due = due_of(fact.instalments)
        version = int(self.version[row])
        if fact.schedule_version < version:
            self._supersede(row, Epoch(day, fact.schedule_version, due))
            return
        if day < self.day and row in self.reports:
            self.dirty.add(row)
        if version:
            self._supersede(row, Epoch(int(self.schedule_day[row]), version, self._own_due(row)))
        self.version[row], self.schedule_day[row] = fact.schedule_version, day
        self.first_days[:, row] = (*sorted(due)[:2], NEVER, NEVER)[:2]
        for charged, amount in self.charges.get(row, {}).items():
            due[charged] = due.get(charged, 0) + amount
        self.source[row] = OWN
        self._set_dues(row, due)

    def _supersede(self, row: int, epoch: Epoch) -> None:
        self.epochs.setdefault(row, []).append(epoch)
        self.dirty.add(row)

    def _reported(self, fact: PositionReported, day: int) -> None:
        row = self.row(fact.loan_id)
        report = Report(
            day,
            fact.transaction_id,
            fact.months_past_due,
            fact.payment_due_minor,
            fact.outstanding_minor,
        )
        reports = self.reports.setdefault(row, [])
        before = due_on(reports, day)
        insort(reports, report, key=lambda known: known[:2])
        self.on_report(row, day, due_on(reports, day) - before)
        if day < self.day:
            self.dirty.add(row)
        if not self.version[row]:
            self._take_report(row, reports[-1])

    def _take_report(self, row: int, report: Report) -> None:
        months = report.months
        self.source[row] = REPORTED_WITHOUT_MONTHS if months is None else REPORTED
        self.unmet_day[row] = report.day - 30 * months if months else NEVER
        self.reported_outstanding[row] = report.outstanding_minor
        owed = UNKNOWN if report.due_minor is None else report.due_minor
        self.reported_arrears[row] = owed if months else 0

    # Dues against payments

    def flush(self) -> None:
        """Count the payments held back; reading methods call it."""
        if not self._held[0]:
            return
        rows, days, amounts = (np.array(held, np.int64) for held in self._held)
        self._held = (array("q"), array("q"), array("q"))
        self.take(rows, days, amounts)

    def take(self, rows: IntArray, days: IntArray, amounts: IntArray) -> None:
        """Add payments (reversals negative), minor units; no day after the open one."""
        self.payments.append(self.latest_payment, rows, days, amounts)
        np.add.at(self.paid, rows, amounts)
        late = days < self.day
        if late.any():
            self.dirty.update(rows[late].tolist())
        self._settle(rows if len(rows) == 1 else np.unique(rows))
        self.on_payments(rows, days, amounts)

    def _settle(self, rows: IntArray) -> None:
        """Move the oldest unmet due of `rows` to where the payments put it."""
        dues, paid, start = self.dues, self.paid[rows], self.dues.start[rows]
        unmet = self.unmet_at[rows].astype(np.int64)
        length = dues.length[rows]
        while (more := (unmet < length) & (dues.cum_at(start + unmet) <= paid)).any():
            at = (start + unmet)[more]
            dues.arena.late[at] = np.maximum(self.day - dues.arena.day[at], 0)
            unmet += more
        back = np.zeros(len(rows), np.bool_)
        while (fewer := (unmet > 0) & (dues.cum_at(start + unmet - 1) > paid)).any():
            back |= fewer
            unmet -= fewer
        if back.any():
            self.dirty.update(rows[back].tolist())
        self.unmet_at[rows] = unmet
        own = self.source[rows] == OWN
        day = np.where(unmet < length, dues.day_at(start + unmet), NEVER)
        self.unmet_day[rows[own]] = day[own]

    def _due(self, row: int) -> dict[int, int]:
        days, cums = self.dues.of(row)
        before = [0, *cums]
        return {day: cum - before[at] for at, (day, cum) in enumerate(zip(days, cums, strict=True))}

    def _own_due(self, row: int) -> dict[int, int]:
        due = self._due(row)
        for day, amount in self.charges.get(row, {}).items():
            due[day] -= amount
        return due

    def _set_dues(self, row: int, due: dict[int, int]) -> None:
        days = sorted(day for day, amount in due.items() if amount)
        self.dues.replace(row, days, [due[day] for day in days])
        _, cums = self.dues.of(row)
        self.cursor.place(row, self.day, days, cums)
        unmet = self.unmet_at[row] = bisect_right(cums, int(self.paid[row]))
        if self.source[row] == OWN:
            self.unmet_day[row] = days[unmet] if unmet < len(days) else NEVER
        untouched = self.latest_payment[row] < 0 and (not days or days[0] >= self.day)
        if not untouched:
            self.dirty.add(row)
        self.on_dues(row, days, cums)
