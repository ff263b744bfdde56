"""Intentions: what a publisher or a person asks of the book. Imperative, checked in shape only.

Whether the book allows one is decided by `loan` and `account`; how bytes become one is the
business of `streams.ingest`. Amounts are whole minor units of `currency`, always positive.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from ledger.events.account import Flow
from ledger.events.changes import Designation, PrepaymentEffect
from ledger.ids import CALENDAR_STREAM, account_stream, loan_stream, trading_stream
from ledger.making import quickly_made
from ledger.terms import Instalment, Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What every command carries: its idempotency key and both times."""

    transaction_id: str
    value_date: date
    recorded_at_us: int

    @property
    def stream(self) -> str:
        """The stream of the entity it speaks to."""
        raise NotImplementedError

    @property
    def loans_named(self) -> tuple[str, ...]:
        """Loans that it names besides: whoever decides sees them too."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanCommand(Command):
    """A command to one loan."""

    loan_id: str

    @property
    def stream(self) -> str:
        return loan_stream(self.loan_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCommand(Command):
    """A command to one settlement account."""

    account_id: str

    @property
    def stream(self) -> str:
        return account_stream(self.account_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseBusinessDay(Command):
    """Close the books of `value_date`."""

    @property
    def stream(self) -> str:
        return CALENDAR_STREAM


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLoan(LoanCommand):
    """Open a loan under `terms`. A schedule is generated at disbursement unless it is given."""

    borrower_id: str
    account_id: str | None
    product: str
    currency: str
    principal_minor: int
    terms: Terms
    officer_id: str
    branch: str
    industry: str
    region: str
    guarantor_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisburseLoan(LoanCommand):
    """Pay out `amount_minor`."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleInstalments(LoanCommand):
    """Put the core system's own schedule in force."""

    currency: str
    instalments: tuple[Instalment, ...]


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveRepayment(LoanCommand):
    """Take in a repayment; a value date in the past makes it backdated.

    `designated` is what the borrower wants met first; `prepayment` is what the early part of it
    does to a generated schedule.
    """

    amount_minor: int
    currency: str
    designated: tuple[Designation, ...] | None = None
    prepayment: PrepaymentEffect | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseRepayment(LoanCommand):
    """Undo the repayment `reversed_transaction_id`, from its value date on.

    `value_date` here is the day the reversal was noticed.
    """

    reversed_transaction_id: str
    reason: Literal["bounced", "chargeback", "booking_error", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyCharge(LoanCommand):
    """Charge a fee, cost or penalty that falls due on `due_date`."""

    kind: Literal["costs", "fees", "penalty"]
    amount_minor: int
    currency: str
    due_date: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRate(LoanCommand):
    """Reprice the loan to `rate_ppm` a year from the value date."""

    rate_ppm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccrueInterest(LoanCommand):
    """Bring interest to the end of the value date; penalty interest so far falls due on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLimit(LoanCommand):
    """Set the agreed amount or line."""

    limit_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOfficer(LoanCommand):
    """Hand the loan to another officer."""

    officer_id: str
    branch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeGuarantor(LoanCommand):
    """Set or remove the guarantor."""

    guarantor_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeStatus(LoanCommand):
    """Set or lift a finding that regulators list as a cause."""

    finding: Literal[
        "misuse_of_funds",
        "refinanced",
        "restructured",
        "credit_impaired",
        "seriously_impaired",
        "evasion",
        "bankruptcy",
        "default_observed",
        "technical_overdue",
    ]
    active: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessLoan(LoanCommand):
    """State a measure of the loan's quality, or take it back with None."""

    measure: str
    value_ppm: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideGrade(LoanCommand):
    """Set the grade in a regime until the end of `until`: asked by one person, approved by another.

    An override without an end is refused.
    """

    regime: str
    grade: str
    reason: str
    requested_by: str
    approved_by: str
    until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndGradeOverride(LoanCommand):
    """Let the rules of the regime speak again."""

    regime: str
    reason: str
    requested_by: str
    approved_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPosition(LoanCommand):
    """State the core system's own position of the loan."""

    currency: str
    outstanding_minor: int
    payment_due_minor: int | None
    months_past_due: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseLoan(LoanCommand):
    """End the loan; `requested_by` and `approved_by` where two people decided it."""

    reason: Literal["repaid", "refinanced", "written_off", "cancelled"]
    requested_by: str | None = None
    approved_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAccount(AccountCommand):
    """Make a settlement account known."""

    borrower_id: str
    currency: str
    opening_balance_minor: int
    overdraft_limit_minor: int


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class CreditAccount(AccountCommand):
    """Money comes in. A `balance_minor` from the core system must agree with the book's own."""

    amount_minor: int
    currency: str
    balance_minor: int | None
    flow: Flow


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class DebitAccount(AccountCommand):
    """Money goes out; balance as in `CreditAccount`."""

    amount_minor: int
    currency: str
    balance_minor: int | None
    flow: Flow


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnDebit(AccountCommand):
    """A direct debit was refused for want of funds."""

    amount_minor: int
    currency: str
    flow: Flow


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingCommand(Command):
    """A command about a borrower's invoices."""

    borrower_id: str

    @property
    def stream(self) -> str:
        return trading_stream(self.borrower_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceCommand(TradingCommand):
    """A command with an invoice; below zero it is a return."""

    counterparty: str
    currency: str
    net_minor: int
    tax_minor: int


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSale(InvoiceCommand):
    """Take in an invoice that the borrower issued."""


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPurchase(InvoiceCommand):
    """Take in an invoice that the borrower received."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidInvoice(TradingCommand):
    """Undo the invoice `voided_transaction_id`. `value_date` is the day on which it was voided."""

    voided_transaction_id: str
