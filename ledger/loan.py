"""A loan as all facts known give it, and the questions that may be asked of it.

Attributes follow value dates: of two officers, the one valued later is in charge, whichever fact
arrived first. Money is in `book`; what a fact changes is in `loan_facts`, what a
command becomes is decided in `loan_decisions`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from copy import copy, deepcopy
from typing import Any, NamedTuple

from ledger.book import Book
from ledger.dates import day_number
from ledger.delinquency import arrears_minor, days_past_due
from ledger.events import InstalmentsScheduled, LoanOpened
from ledger.pauses import Pauses
from ledger.position import Booked, Entry
from ledger.terms import Split
from ledger.totals import amounts_minor
from ledger.waterfall import parts_of

NOTHING = Split()


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
    one in force, if any. `remaining` is what closing took off the books; `recoveries` came in after
    a write-off; `charged_back` counts what of each repayment was taken back. `booked` is what the
    books hold of its interest. `schedule_minor` is the greatest schedule recorded, `flows_minor`
    all amounts of all other facts, without their signs.
    """

    __slots__ = (
        "_since",
        "account_id",
        "book",
        "booked",
        "borrower_id",
        "branch",
        "charged_back",
        "closed",
        "closed_day",
        "currency",
        "findings",
        "flows_minor",
        "guarantor_id",
        "limit_minor",
        "loan_id",
        "officer_id",
        "opened_day",
        "overrides",
        "pauses",
        "product",
        "rate_ppm",
        "recoveries",
        "remaining",
        "reports",
        "schedule_day",
        "schedule_minor",
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
        self.schedule_minor = 0
        self.flows_minor = fact.principal_minor
        self.remaining = NOTHING
        self.recoveries: dict[str, Entry] = {}
        self.charged_back: dict[str, int] = {}
        self.pauses = Pauses()
        self.booked = Booked()
        self.reports: list[Report] = []
        self.book = Book(fact.terms)
        self._since: dict[str, tuple[int, str]] = {}

    def copied(self) -> Loan:
        """A loan of its own that the same facts have made."""
        other = copy(self)
        other.book, other.pauses = self.book.copied(), deepcopy(self.pauses)
        other.findings, other.reports = dict(self.findings), list(self.reports)
        other.recoveries, other.charged_back = dict(self.recoveries), dict(self.charged_back)
        other._since = dict(self._since)
        return other

    def newest(self, name: str, day: int, transaction_id: str) -> bool:
        """Whether a change of `name` is the latest by value date, and remember it if so."""
        key = (day, transaction_id)
        if key < self._since.get(name, key):
            return False
        self._since[name] = key
        return True

    def found_by(self, finding: str, day: int) -> bool:
        """Whether the last word on a finding is that it holds, and was valued by `day`."""
        since, _ = self._since.get(f"finding {finding}", (day + 1, ""))
        return self.findings.get(finding, False) and since <= day

    @property
    def total_minor(self) -> int:
        """All amounts recorded: no sum of some of them is beyond it."""
        return self.flows_minor + self.schedule_minor

    def count(self, facts: Iterable[Any]) -> tuple[int, int]:
        """`flows_minor` and `schedule_minor` as they will be after `facts`."""
        flows, schedule = self.flows_minor, self.schedule_minor
        for fact in facts:
            if isinstance(fact, InstalmentsScheduled):
                rows = fact.instalments
                total = sum(row.principal_minor + row.interest_minor for row in rows)
                schedule = max(schedule, total)
            else:
                flows += amounts_minor(fact)
        return flows, schedule

    @property
    def keeps_schedule(self) -> bool:
        """Whether the book itself holds what falls due; if not, reported positions speak."""
        return self.schedule_version > 0

    @property
    def claim_minor(self) -> int:
        """What is still claimed on a loan that was written off: all that was, less recoveries."""
        if self.closed != "written_off":
            return 0
        return sum(parts_of(self.remaining)) - sum(e.number for e in self.recoveries.values())

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
