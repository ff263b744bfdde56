"""Balances: what each loan owes and each settlement account holds, by what is known now.

Money counts as soon as its fact is recorded, whatever its value date. Arrears and the oldest unmet
due stand at the end of the last closed business day. Booked amounts follow each fact's own split.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ledger.dates import date_of, day_number
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
from ledger.terms import Split
from projections.account_balances import ACCOUNT_BALANCES, AccountBalances
from projections.base import Change, Close, Facts, View
from projections.book import LoanBook
from projections.tables import Row, TableSpec, integer, words

LOAN_BALANCES = TableSpec(
    "loan_balances",
    (
        words("loan_id"),
        words("currency"),
        integer("disbursed_minor"),
        integer("outstanding_minor"),
        integer("charged_minor"),
        integer("paid_minor"),
        integer("principal_paid_minor"),
        integer("interest_paid_minor"),
        integer("charges_paid_minor"),
        integer("unapplied_minor"),
        integer("repayments"),
        integer("last_payment_day", nullable=True),
        integer("last_payment_minor", nullable=True),
        integer("arrears_minor"),
        integer("overdue_since_day", nullable=True),
    ),
    fixed=("currency",),
)


@dataclass(slots=True)
class _Loan:
    """What was booked on one loan, in minor units."""

    loan_id: str
    currency: str
    disbursed_minor: int = 0
    charged_minor: int = 0
    paid_minor: int = 0
    principal_paid_minor: int = 0
    interest_paid_minor: int = 0
    charges_paid_minor: int = 0
    unapplied_minor: int = 0
    repayments: int = 0
    ended: bool = False
    keeps_schedule: bool = False
    reported: tuple[date, str, int] | None = None
    """The last reported position: value date, transaction id, outstanding."""
    last_payment: date | None = None
    last_payment_minor: int = 0
    payments: array[int] = field(default_factory=lambda: array("q"))
    """Day numbers and amounts, in turn; a reversal is a negative amount on the original's day."""

    def apply(self, split: Split, sign: int) -> None:
        """Book a split (`sign` 1) or take it back (-1)."""
        self.principal_paid_minor += sign * split.principal_minor
        self.interest_paid_minor += sign * split.interest_minor
        self.charges_paid_minor += sign * (
            split.costs_minor + split.fees_minor + split.penalty_minor
        )
        self.unapplied_minor += sign * split.unapplied_minor

    def pay(self, day: date, amount_minor: int) -> None:
        """Note a payment for "last payment"; several on its day count together."""
        self.payments.extend((day_number(day), amount_minor))
        if self.last_payment is None or day > self.last_payment:
            self.last_payment, self.last_payment_minor = day, amount_minor
        elif day == self.last_payment:
            self.last_payment_minor += amount_minor

    def take_back(self, day: date, amount_minor: int) -> None:
        """A payment did not stand: find the last day on which money stayed."""
        self.payments.extend((day_number(day), -amount_minor))
        by_day: dict[int, int] = {}
        for paid_day, amount in zip(self.payments[::2], self.payments[1::2], strict=True):
            by_day[paid_day] = by_day.get(paid_day, 0) + amount
        stayed = max((paid_day for paid_day, amount in by_day.items() if amount), default=None)
        self.last_payment = None if stayed is None else date_of(stayed)
        self.last_payment_minor = 0 if stayed is None else by_day[stayed]

    @property
    def outstanding_minor(self) -> int:
        """Principal still owed: as booked, or as reported for a loan without a schedule here."""
        if self.ended:
            return 0
        if self.reported is not None and not self.keeps_schedule:
            return self.reported[2]
        return self.disbursed_minor - self.principal_paid_minor

    def row(self, arrears_minor: int, overdue_since: int | None) -> Row:
        """The row of the table."""
        last = self.last_payment
        return (
            self.loan_id,
            self.currency,
            self.disbursed_minor,
            self.outstanding_minor,
            self.charged_minor,
            self.paid_minor,
            self.principal_paid_minor,
            self.interest_paid_minor,
            self.charges_paid_minor,
            self.unapplied_minor,
            self.repayments,
            None if last is None else day_number(last),
            None if last is None else self.last_payment_minor,
            arrears_minor,
            overdue_since,
        )


class Balances(View):
    """The view `balances`: one row a loan, one row an account."""

    name = "balances"
    schema_version = 1
    tables = (LOAN_BALANCES, ACCOUNT_BALANCES)

    def __init__(self) -> None:
        self._loans: dict[str, _Loan] = {}
        self._accounts = AccountBalances()
        self._dirty: set[str] = set()

    def fold(self, facts: Facts, book: LoanBook) -> None:
        self._accounts.fold(facts, book.accounts)
        self._fold_loans(facts)

    def closed(self, close: Close, book: LoanBook) -> None:
        loan_ids = book.loan_ids
        self._dirty.update(loan_ids[row] for row in book.moved.tolist())

    def changes(self, book: LoanBook) -> Iterator[Change]:
        if self._dirty:
            loan_ids = sorted(self._dirty)
            owed = book.arrears_of(loan_ids)
            loans = (self._loans[loan_id] for loan_id in loan_ids)
            yield LOAN_BALANCES, [loan.row(*owes) for loan, owes in zip(loans, owed, strict=True)]
        if accounts := self._accounts.lines():
            yield ACCOUNT_BALANCES, accounts

    def committed(self) -> None:
        self._dirty.clear()
        self._accounts.committed()

    def _fold_loans(self, facts: Facts) -> None:
        for item in facts.of(LoanOpened):
            fact = item.fact
            self._loans[fact.loan_id] = _Loan(fact.loan_id, fact.currency)
            self._dirty.add(fact.loan_id)
        for kind, fold in _FOLDS.items():
            for item in facts.of(kind):
                loan = self._loans[item.fact.loan_id]
                fold(loan, item.fact)
                self._dirty.add(loan.loan_id)
        for item in facts.among(LoanClosed, LoanReopened, WriteOffCancelled):
            self._loans[item.fact.loan_id].ended = isinstance(item.fact, LoanClosed)
            self._dirty.add(item.fact.loan_id)


def _disbursed(loan: _Loan, fact: Any) -> None:
    loan.disbursed_minor += fact.amount_minor


def _scheduled(loan: _Loan, _: Any) -> None:
    loan.keeps_schedule = True


def _charged(loan: _Loan, fact: Any) -> None:
    loan.charged_minor += fact.amount_minor


def _accrued(loan: _Loan, fact: Any) -> None:
    loan.charged_minor += sum(due.penalty_minor + due.compound_minor for due in fact.penalties)


def _received(loan: _Loan, fact: Any) -> None:
    loan.paid_minor += fact.amount_minor
    loan.repayments += 1
    loan.apply(fact.split, 1)
    loan.pay(fact.value_date, fact.amount_minor)


def _reversed(loan: _Loan, fact: Any) -> None:
    loan.paid_minor -= fact.amount_minor
    loan.repayments -= 1
    loan.apply(fact.split, -1)
    loan.take_back(fact.value_date, fact.amount_minor)


def _reallocated(loan: _Loan, fact: Any) -> None:
    for change in fact.changes:
        loan.apply(change.before, -1)
        loan.apply(change.split, 1)


def _reported(loan: _Loan, fact: Any) -> None:
    report = (fact.value_date, fact.transaction_id, fact.outstanding_minor)
    if loan.reported is None or report > loan.reported:
        loan.reported = report


def _refunded(loan: _Loan, fact: Any) -> None:
    loan.paid_minor -= fact.amount_minor
    loan.unapplied_minor -= fact.amount_minor


def _charged_back(loan: _Loan, fact: Any) -> None:
    """It was paid and stays so; as much principal is owed again."""
    loan.principal_paid_minor -= fact.amount_minor


def _capitalised(loan: _Loan, fact: Any) -> None:
    """Paid as the dues count it, by new principal: no money came."""
    loan.paid_minor += fact.amount_minor
    loan.apply(fact.split, 1)
    loan.principal_paid_minor -= fact.amount_minor


def _write_off_cancelled(loan: _Loan, fact: Any) -> None:
    for recovered in fact.recovered:
        _received(loan, recovered)


_FOLDS: dict[type, Callable[[_Loan, Any], None]] = {
    LoanDisbursed: _disbursed,
    InstalmentsScheduled: _scheduled,
    ChargeApplied: _charged,
    InterestAccrued: _accrued,
    RepaymentReceived: _received,
    RepaymentReversed: _reversed,
    RepaymentsReallocated: _reallocated,
    PositionReported: _reported,
    OverpaymentRefunded: _refunded,
    RepaymentChargedBack: _charged_back,
    ArrearsCapitalised: _capitalised,
    WriteOffCancelled: _write_off_cancelled,
}
