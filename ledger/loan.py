"""A loan as all facts known give it: evolve, and the questions that may be asked of it.

Attributes follow value dates: of two officers, the one valued later is in charge, whichever fact
arrived first. Money is in `book`; what a command becomes is decided in `loan_decisions`.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable
from typing import Any, NamedTuple

from ledger.book import CHARGE, DRAWN, RATE, REPAYMENT, SCHEDULE, Book, Entry, schedule_key
from ledger.dates import day_number
from ledger.delinquency import COMPONENTS, Charge, arrears_minor, days_past_due
from ledger.errors import InvariantBroken
from ledger.events import (
    ChargeApplied,
    InstalmentsScheduled,
    LoanAssessed,
    LoanClosed,
    LoanDisbursed,
    LoanGradeOverridden,
    LoanGradeOverrideEnded,
    LoanGuarantorChanged,
    LoanLimitChanged,
    LoanOfficerChanged,
    LoanOpened,
    LoanRateChanged,
    LoanStatusChanged,
    PositionReported,
    RepaymentReceived,
    RepaymentReversed,
    RepaymentsReallocated,
)


class Report(NamedTuple):
    """A position that the core system reported; ordered by day, then transaction id."""

    day: int
    tie: str
    outstanding_minor: int
    payment_due_minor: int | None
    months_past_due: int | None


class Loan:
    """One loan. Changed by `evolve` only; the questions below change nothing.

    `overrides`: by regime, the last day of the grade override valued last, while none ended it.
    `schedule_version` counts the schedules recorded; `schedule_day` is the value day of the given
    one in force, if any.
    """

    __slots__ = (
        "_since",
        "account_id",
        "book",
        "borrower_id",
        "branch",
        "closed",
        "closed_day",
        "currency",
        "findings",
        "guarantor_id",
        "limit_minor",
        "loan_id",
        "officer_id",
        "opened_day",
        "overrides",
        "product",
        "rate_ppm",
        "reports",
        "schedule_day",
        "schedule_version",
    )

    def __init__(self, fact: LoanOpened) -> None:
        self.loan_id = fact.loan_id
        self.borrower_id = fact.borrower_id
        self.account_id = fact.account_id
        self.product = fact.product
        self.currency = fact.currency
        self.limit_minor = fact.principal_minor
        self.rate_ppm = fact.terms.rate_ppm
        self.officer_id = fact.officer_id
        self.branch = fact.branch
        self.guarantor_id = fact.guarantor_id
        self.findings: dict[str, bool] = {}
        self.overrides: dict[str, int] = {}
        self.opened_day = day_number(fact.value_date)
        self.closed: str | None = None
        self.closed_day: int | None = None
        self.schedule_version = 0
        self.schedule_day: int | None = None
        self.reports: list[Report] = []
        self.book = Book(fact.terms)
        self._since: dict[str, tuple[int, str]] = {}

    def newest(self, name: str, day: int, transaction_id: str) -> bool:
        """Whether a change of `name` is the latest by value date, and remember it if so."""
        key = (day, transaction_id)
        if key < self._since.get(name, key):
            return False
        self._since[name] = key
        return True

    @property
    def keeps_schedule(self) -> bool:
        """Whether the book itself holds what falls due; if not, reported positions speak."""
        return self.schedule_version > 0

    def ended(self, day: int) -> bool:
        """Whether the loan had left the book by the end of `day`: nothing is owed on it then."""
        return self.closed_day is not None and day >= self.closed_day

    def dpd(self, day: int, *, due_date_counts: int = 0) -> int:
        """Days past due at the end of `day` by all that is known now; 0 when nothing is.

        Under the schedule and charges that counted then: one valued later cures no earlier day.
        A loan known by reported positions only: 30 days a month past due, growing daily.
        """
        if self.ended(day):
            return 0
        if not self.keeps_schedule and (report := self.report_on(day)):
            months = report.months_past_due or 0
            return 30 * months + day - report.day if months else 0
        book = self.book
        return days_past_due(
            book.at(day).dues,
            paid_minor=book.paid_until(day),
            day=day,
            due_date_counts=due_date_counts,
        )

    def arrears_minor(self, day: int) -> int:
        """What fell due before `day` and is unpaid at its end, minor units.

        A loan known by reported positions only: the reported payment due, while months are past
        due.
        """
        if self.ended(day):
            return 0
        if not self.keeps_schedule and (report := self.report_on(day)):
            return (report.payment_due_minor or 0) if report.months_past_due else 0
        book = self.book
        return arrears_minor(book.at(day).dues, paid_minor=book.paid_until(day), day=day)

    def outstanding_minor(self, day: int) -> int:
        """Principal outstanding at the end of `day`: reported, or paid out and not repaid."""
        if self.ended(day):
            return 0
        if not self.keeps_schedule and (report := self.report_on(day)):
            return report.outstanding_minor
        return self.book.at(day).principal_minor

    def report_on(self, day: int) -> Report | None:
        """The last position reported with a value day up to `day`."""
        count = bisect_right(self.reports, day, key=lambda report: report.day)
        return self.reports[count - 1] if count else None


def evolve(state: Loan | None, fact: Any) -> Loan:
    """Take in one fact of the loan, in the order of recording; changes and returns `state`.

    Errors: InvariantBroken for a fact of another kind, or one before the loan was opened.
    """
    if isinstance(fact, LoanOpened):
        return Loan(fact)
    take = EVOLVE.get(type(fact))
    if take is None or state is None:
        raise InvariantBroken(f"{type(fact).__name__} cannot follow here in a loan's stream.")
    take(state, fact)
    return state


def _disbursed(loan: Loan, fact: LoanDisbursed) -> None:
    day = day_number(fact.value_date)
    loan.book.add(Entry(day, DRAWN, fact.transaction_id, fact.amount_minor))
    loan.book.position.drawn_minor += fact.amount_minor


def _scheduled(loan: Loan, fact: InstalmentsScheduled) -> None:
    book = loan.book
    loan.schedule_version = fact.schedule_version
    book.position.schedule(fact.instalments)
    if fact.origin == "generated":
        book.schedules[schedule_key(book.entries)] = fact.instalments
        return
    loan.schedule_day = day_number(fact.value_date)
    tie = f"{fact.schedule_version:06d}"
    book.add(Entry(loan.schedule_day, SCHEDULE, tie, rows=fact.instalments))


def _received(loan: Loan, fact: RepaymentReceived) -> None:
    transaction_id = fact.transaction_id
    entry = Entry(day_number(fact.value_date), REPAYMENT, transaction_id, fact.amount_minor)
    book = loan.book
    book.add(entry)
    book.repayments[transaction_id] = entry
    book.position.apply(transaction_id, fact.split)


def _reversed(loan: Loan, fact: RepaymentReversed) -> None:
    book = loan.book
    book.remove(book.repayments[fact.reversed_transaction_id])
    book.reversed.add(fact.reversed_transaction_id)
    book.position.take_back(fact.reversed_transaction_id)


def _reallocated(loan: Loan, fact: RepaymentsReallocated) -> None:
    for change in fact.changes:
        loan.book.position.apply(change.transaction_id, change.split)


def _charged(loan: Loan, fact: ChargeApplied) -> None:
    charge = Charge(day_number(fact.due_date), COMPONENTS.index(fact.kind), fact.amount_minor)
    day = day_number(fact.value_date)
    loan.book.add(Entry(day, CHARGE, fact.transaction_id, fact.amount_minor, charge=charge))
    loan.book.position.charge(charge)


def _rate_changed(loan: Loan, fact: LoanRateChanged) -> None:
    day = day_number(fact.value_date)
    loan.book.add(Entry(day, RATE, fact.transaction_id, fact.rate_ppm))
    if loan.newest("rate", day, fact.transaction_id):
        loan.rate_ppm = fact.rate_ppm


def _limit_changed(loan: Loan, fact: LoanLimitChanged) -> None:
    if loan.newest("limit", day_number(fact.value_date), fact.transaction_id):
        loan.limit_minor = fact.limit_minor


def _officer_changed(loan: Loan, fact: LoanOfficerChanged) -> None:
    if loan.newest("officer", day_number(fact.value_date), fact.transaction_id):
        loan.officer_id, loan.branch = fact.officer_id, fact.branch


def _guarantor_changed(loan: Loan, fact: LoanGuarantorChanged) -> None:
    if loan.newest("guarantor", day_number(fact.value_date), fact.transaction_id):
        loan.guarantor_id = fact.guarantor_id


def _status_changed(loan: Loan, fact: LoanStatusChanged) -> None:
    if loan.newest(f"finding {fact.finding}", day_number(fact.value_date), fact.transaction_id):
        loan.findings[fact.finding] = fact.active


def _assessed(loan: Loan, fact: LoanAssessed) -> None:
    """Measures decide nothing here: regimes of risk grades read them."""


def _overridden(loan: Loan, fact: LoanGradeOverridden) -> None:
    if loan.newest(f"override {fact.regime}", day_number(fact.value_date), fact.transaction_id):
        loan.overrides[fact.regime] = day_number(fact.until)


def _override_ended(loan: Loan, fact: LoanGradeOverrideEnded) -> None:
    if loan.newest(f"override {fact.regime}", day_number(fact.value_date), fact.transaction_id):
        loan.overrides.pop(fact.regime, None)


def _reported(loan: Loan, fact: PositionReported) -> None:
    report = Report(
        day_number(fact.value_date),
        fact.transaction_id,
        fact.outstanding_minor,
        fact.payment_due_minor,
        fact.months_past_due,
    )
    insort(loan.reports, report, key=lambda known: known[:2])


def _closed(loan: Loan, fact: LoanClosed) -> None:
    loan.closed, loan.closed_day = fact.reason, day_number(fact.value_date)


EVOLVE: dict[type, Callable[[Loan, Any], None]] = {
    LoanDisbursed: _disbursed,
    InstalmentsScheduled: _scheduled,
    RepaymentReceived: _received,
    RepaymentReversed: _reversed,
    RepaymentsReallocated: _reallocated,
    ChargeApplied: _charged,
    LoanRateChanged: _rate_changed,
    LoanLimitChanged: _limit_changed,
    LoanOfficerChanged: _officer_changed,
    LoanGuarantorChanged: _guarantor_changed,
    LoanStatusChanged: _status_changed,
    LoanAssessed: _assessed,
    LoanGradeOverridden: _overridden,
    LoanGradeOverrideEnded: _override_ended,
    PositionReported: _reported,
    LoanClosed: _closed,
}
"""What each fact behind the opening does to the state."""
