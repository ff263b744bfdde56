"""The register of loans: who borrowed what, who answers for it, and its status.

Changes of rate, limit, officer and guarantor count from their value date: of two, the later value
date is in force, however they were recorded. Holds no balances and no day counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from operator import attrgetter
from typing import Any

from ledger.dates import day_number
from ledger.events import (
    InstalmentsScheduled,
    LoanClosed,
    LoanDisbursed,
    LoanGuarantorChanged,
    LoanLimitChanged,
    LoanOfficerChanged,
    LoanOpened,
    LoanRateChanged,
    LoanReopened,
    LoanRevised,
    LoanStatusChanged,
    PositionReported,
    WriteOffCancelled,
)
from projections.base import Change, Facts, View
from projections.book import LoanBook
from projections.tables import Row, TableSpec, integer, words

LOANS = TableSpec(
    "loans",
    (
        words("loan_id"),
        words("borrower_id"),
        words("account_id", nullable=True),
        words("guarantor_id", nullable=True),
        words("product"),
        words("currency"),
        integer("principal_minor"),
        integer("limit_minor"),
        integer("rate_ppm"),
        words("method"),
        integer("instalments"),
        words("officer_id"),
        words("branch"),
        words("industry"),
        words("region"),
        integer("opened_day"),
        integer("disbursed_day", nullable=True),
        integer("maturity_day", nullable=True),
        words("status"),
        words("close_reason", nullable=True),
        integer("closed_day", nullable=True),
        words("findings"),
    ),
    indexes=(("borrower_id",), ("officer_id",), ("branch",)),
)

Mark = tuple[date, str]
"""Value date and transaction id: the greater one is in force, as in the ledger."""


@dataclass(slots=True)
class _Entry:
    """One loan; the fields of the table, and what decides between competing changes."""

    loan_id: str
    borrower_id: str
    account_id: str | None
    guarantor_id: str | None
    product: str
    currency: str
    principal_minor: int
    limit_minor: int
    rate_ppm: int
    method: str
    instalments: int
    officer_id: str
    branch: str
    industry: str
    region: str
    opened_day: int
    disbursed_day: int | None = None
    maturity_day: int | None = None
    status: str = "opened"
    close_reason: str | None = None
    closed_day: int | None = None
    findings: str = ""
    schedule_version: int = 0
    marks: dict[str, Mark] = field(default_factory=dict)
    found: dict[str, bool] = field(default_factory=dict)

    def supersedes(self, what: str, mark: Mark) -> bool:
        """Whether a change of `what` at `mark` is in force over those known; notes it if so."""
        known = self.marks.get(what)
        if known is not None and known > mark:
            return False
        self.marks[what] = mark
        return True


_row = attrgetter(*LOANS.column_names)


class Register(View):
    """The view `loans`."""

    name = "loans"
    schema_version = 1
    tables = (LOANS,)

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._dirty: dict[str, None] = {}

    def fold(self, facts: Facts, book: LoanBook) -> None:
        for item in facts.of(LoanOpened):
            self._opened(item.fact)
        for item in facts.of(LoanDisbursed):
            self._running(item.fact)
        for item in facts.of(PositionReported):
            self._running(item.fact)
        for item in facts.of(InstalmentsScheduled):
            self._scheduled(item.fact)
        for kind, change in _CHANGES.items():
            for item in facts.of(kind):
                entry = self._entries[item.fact.loan_id]
                if change(entry, item.fact, (item.fact.value_date, item.fact.transaction_id)):
                    self._dirty[entry.loan_id] = None
        for item in facts.among(LoanClosed, LoanReopened, WriteOffCancelled):
            if isinstance(item.fact, LoanClosed):
                self._closed(item.fact)
            else:
                self._reopened(item.fact)

    def changes(self, book: LoanBook) -> Iterator[Change]:
        if self._dirty:
            yield LOANS, [self._line(self._entries[loan_id]) for loan_id in self._dirty]

    def committed(self) -> None:
        self._dirty.clear()

    def _opened(self, fact: LoanOpened) -> None:
        self._entries[fact.loan_id] = _Entry(
            loan_id=fact.loan_id,
            borrower_id=fact.borrower_id,
            account_id=fact.account_id,
            guarantor_id=fact.guarantor_id,
            product=fact.product,
            currency=fact.currency,
            principal_minor=fact.principal_minor,
            limit_minor=fact.principal_minor,
            rate_ppm=fact.terms.rate_ppm,
            method=fact.terms.method,
            instalments=fact.terms.instalments,
            officer_id=fact.officer_id,
            branch=fact.branch,
            industry=fact.industry,
            region=fact.region,
            opened_day=day_number(fact.value_date),
        )
        self._dirty[fact.loan_id] = None

    def _running(self, fact: LoanDisbursed | PositionReported) -> None:
        entry = self._entries[fact.loan_id]
        day = day_number(fact.value_date)
        if entry.disbursed_day is None or day < entry.disbursed_day:
            entry.disbursed_day = day
            self._dirty[fact.loan_id] = None
        if entry.status == "opened":
            entry.status = "running"
            self._dirty[fact.loan_id] = None

    def _scheduled(self, fact: InstalmentsScheduled) -> None:
        entry = self._entries[fact.loan_id]
        if fact.schedule_version > entry.schedule_version and fact.instalments:
            entry.schedule_version = fact.schedule_version
            entry.maturity_day = day_number(max(row.due_date for row in fact.instalments))
            entry.instalments = len(fact.instalments)
            self._dirty[fact.loan_id] = None

    def _closed(self, fact: LoanClosed) -> None:
        entry = self._entries[fact.loan_id]
        entry.status = "closed"
        entry.close_reason = fact.reason
        entry.closed_day = day_number(fact.value_date)
        self._dirty[fact.loan_id] = None

    def _reopened(self, fact: LoanReopened | WriteOffCancelled) -> None:
        entry = self._entries[fact.loan_id]
        entry.status = "opened" if entry.disbursed_day is None else "running"
        entry.close_reason = entry.closed_day = None
        self._dirty[fact.loan_id] = None

    def _line(self, entry: _Entry) -> Row:
        row: Row = _row(entry)
        return row


def _officer(entry: _Entry, fact: Any, mark: Mark) -> bool:
    if entry.supersedes("officer", mark):
        entry.officer_id, entry.branch = fact.officer_id, fact.branch
        return True
    return False


def _rate(entry: _Entry, fact: Any, mark: Mark) -> bool:
    if entry.supersedes("rate", mark):
        entry.rate_ppm = fact.rate_ppm
        return True
    return False


def _revised(entry: _Entry, fact: Any, mark: Mark) -> bool:
    revision = fact.revision
    if revision is None or revision.rate_ppm is None or not entry.supersedes("rate", mark):
        return False
    entry.rate_ppm = revision.rate_ppm
    return True


def _limit(entry: _Entry, fact: Any, mark: Mark) -> bool:
    if entry.supersedes("limit", mark):
        entry.limit_minor = fact.limit_minor
        return True
    return False


def _guarantor(entry: _Entry, fact: Any, mark: Mark) -> bool:
    if entry.supersedes("guarantor", mark):
        entry.guarantor_id = fact.guarantor_id
        return True
    return False


def _finding(entry: _Entry, fact: Any, mark: Mark) -> bool:
    if entry.supersedes(fact.finding, mark):
        entry.found[fact.finding] = fact.active
        entry.findings = " ".join(sorted(name for name, on in entry.found.items() if on))
        return True
    return False


_CHANGES = {
    LoanOfficerChanged: _officer,
    LoanRateChanged: _rate,
    LoanRevised: _revised,
    LoanLimitChanged: _limit,
    LoanGuarantorChanged: _guarantor,
    LoanStatusChanged: _finding,
}
