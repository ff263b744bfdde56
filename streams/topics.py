"""The published messages: one schema for Kafka, HTTP and files, and the names of the topics.

These models say what a message may look like and nothing else: how bytes become a command is the
business of `ingest`, and whether the book takes it is the ledger's. Amounts and rates are decimal
strings, never JSON numbers, so that no reader on the way can round them. Unknown fields are
refused.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Union

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter

from ledger.events import Flow, PrepaymentEffect
from streams.changes import (
    ArrearsCapitalisedMessage,
    CollateralValuedMessage,
    DelinquencyPausedMessage,
    DelinquencyResumedMessage,
    DesignatedShape,
    FigureReportedMessage,
    LoanRevisedMessage,
    OverpaymentRefundedMessage,
    PeriodClosedMessage,
    PeriodReopenedMessage,
    RecoveryReceivedMessage,
    RepaymentChargedBackMessage,
    WriteOffCancelledMessage,
)
from streams.collection import COLLECTION_MESSAGES
from streams.fields import (
    MAX_INSTALMENTS,
    Amount,
    AmountOrZero,
    Currency,
    Id,
    RatePercent,
    Remark,
    SignedAmount,
    Text,
    TextOrEmpty,
    TransactionId,
)
from streams.message import AccountMessage, InstalmentShape, LoanMessage, MessageBase
from streams.terms import TermsShape

TRANSACTIONS_TOPIC = "loanbell.transactions.v1"
"""Messages in, keyed by `borrower_id`."""
REJECTS_TOPIC = "loanbell.rejects.v1"
"""Messages that were not taken, with the reason and the original bytes."""
WARNINGS_TOPIC = "loanbell.warnings.v1"
"""Facts of the warnings log, keyed by loan."""
GRADES_TOPIC = "loanbell.grades.v1"
"""Risk grades, keyed by loan, compacted."""
LEDGER_TOPIC = "loanbell.ledger.v1"
"""Facts of the ledger log, keyed by entity."""

TOPICS: dict[str, dict[str, str]] = {
    TRANSACTIONS_TOPIC: {"retention.ms": "604800000"},
    REJECTS_TOPIC: {"retention.ms": "-1"},
    WARNINGS_TOPIC: {"retention.ms": "-1"},
    GRADES_TOPIC: {"cleanup.policy": "compact"},
    LEDGER_TOPIC: {"retention.ms": "-1"},
}
"""All topics and their settings. Transactions are facts after a commit, so a week is ample."""

MAX_MESSAGE_BYTES = 256 * 1024
"""A message may not be longer; a schedule of 1,200 instalments takes about half of it."""


class LoanOpenedMessage(LoanMessage):
    """A contract was signed."""

    type: Literal["loan_opened"]
    borrower_id: Id
    account_id: Id | None = None
    product: Text
    currency: Currency
    principal: Amount
    terms: TermsShape
    officer_id: Id
    branch: Text
    industry: TextOrEmpty = ""
    region: TextOrEmpty = ""
    guarantor_id: Id | None = None


class LoanDisbursedMessage(LoanMessage):
    """Money was paid out to the borrower."""

    type: Literal["loan_disbursed"]
    amount: Amount
    currency: Currency


class InstalmentsScheduledMessage(LoanMessage):
    """The core system's own schedule; it replaces the whole schedule before it."""

    type: Literal["instalments_scheduled"]
    currency: Currency
    instalments: Annotated[list[InstalmentShape], Field(min_length=1, max_length=MAX_INSTALMENTS)]


class RepaymentReceivedMessage(LoanMessage):
    """Money came in; a value date in the past makes it backdated.

    `designated` is met first, the rest in the agreed order. `prepayment` says what an early part
    does to a generated schedule.
    """

    type: Literal["repayment_received"]
    amount: Amount
    currency: Currency
    designated: Annotated[list[DesignatedShape], Field(min_length=1, max_length=5)] | None = None
    prepayment: PrepaymentEffect | None = None


class RepaymentReversedMessage(LoanMessage):
    """An earlier repayment did not stand."""

    type: Literal["repayment_reversed"]
    reversed_transaction_id: TransactionId
    reason: Literal["bounced", "chargeback", "booking_error", "other"]


class ChargeAppliedMessage(LoanMessage):
    """A fee, cost or penalty was charged; it falls due on `due_date`."""

    type: Literal["charge_applied"]
    kind: Literal["costs", "fees", "penalty"]
    amount: Amount
    currency: Currency
    due_date: date


class LoanRateChangedMessage(LoanMessage):
    """The loan was repriced."""

    type: Literal["loan_rate_changed"]
    rate_percent: RatePercent


class InterestAccruedMessage(LoanMessage):
    """Interest is brought to the end of the value date; penalty interest so far falls due."""

    type: Literal["interest_accrued"]


class LoanLimitChangedMessage(LoanMessage):
    """The agreed amount or line is now `limit`."""

    type: Literal["loan_limit_changed"]
    limit: AmountOrZero
    currency: Currency


class LoanOfficerChangedMessage(LoanMessage):
    """Another officer answers for the loan."""

    type: Literal["loan_officer_changed"]
    officer_id: Id
    branch: Text


class LoanGuarantorChangedMessage(LoanMessage):
    """Another guarantor, or none."""

    type: Literal["loan_guarantor_changed"]
    guarantor_id: Id | None = None


class LoanStatusChangedMessage(LoanMessage):
    """A finding that regulators list as a cause was set or lifted."""

    type: Literal["loan_status_changed"]
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
    reason: Remark


class LoanAssessedMessage(LoanMessage):
    """A measure of the loan's quality that regimes of risk grades read; null takes it back."""

    type: Literal["loan_assessed"]
    measure: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    percent: Annotated[
        RatePercent | None,
        Field(description='0 to 100 as a decimal string, "100" for a plain yes; null: withdrawn.'),
    ]
    reason: Remark


class GradeOverriddenMessage(LoanMessage):
    """Two people set the loan's risk grade in a regime, until the end of `until`."""

    type: Literal["grade_overridden"]
    regime: Id
    grade: Id
    reason: Remark
    requested_by: Text
    approved_by: Text
    until: date | None = None


class GradeOverrideEndedMessage(LoanMessage):
    """Two people let the rules of a regime speak again."""

    type: Literal["grade_override_ended"]
    regime: Id
    reason: Remark
    requested_by: Text
    approved_by: Text


class PositionReportedMessage(LoanMessage):
    """The core system's own position, for books whose instalments it keeps (cards, panels)."""

    type: Literal["position_reported"]
    outstanding: AmountOrZero
    currency: Currency
    payment_due: AmountOrZero | None = None
    months_past_due: Annotated[int, Field(ge=0, le=1_200)] | None = None


class LoanClosedMessage(LoanMessage):
    """The loan ended; a write-off may name who asked for it and who approved it."""

    type: Literal["loan_closed"]
    reason: Literal["repaid", "refinanced", "written_off", "cancelled"]
    requested_by: Id | None = None
    approved_by: Id | None = None


class AccountOpenedMessage(AccountMessage):
    """A settlement account is known, with the balance it starts from."""

    type: Literal["account_opened"]
    borrower_id: Id
    currency: Currency
    opening_balance: SignedAmount
    overdraft_limit: AmountOrZero = "0"


class AccountCreditedMessage(AccountMessage):
    """Money came in. A `balance` states the balance after it and must agree with the book."""

    type: Literal["account_credited"]
    amount: Amount
    currency: Currency
    balance: SignedAmount | None = None
    flow: Flow = "trade"


class AccountDebitedMessage(AccountMessage):
    """Money went out; `balance` as in `account_credited`."""

    type: Literal["account_debited"]
    amount: Amount
    currency: Currency
    balance: SignedAmount | None = None
    flow: Flow = "trade"


class AccountDebitReturnedMessage(AccountMessage):
    """A direct debit was refused for want of funds: an attempt that moved no money."""

    type: Literal["account_debit_returned"]
    amount: Amount
    currency: Currency
    flow: Flow = "loan_repayment"


class _TradingMessage(MessageBase):
    borrower_id: Id


class _InvoiceMessage(_TradingMessage):
    counterparty: Id
    net: SignedAmount
    tax: SignedAmount = "0"
    currency: Currency


class SaleInvoicedMessage(_InvoiceMessage):
    """The borrower invoiced a customer; below zero it is a return."""

    type: Literal["sale_invoiced"]


class PurchaseInvoicedMessage(_InvoiceMessage):
    """A supplier invoiced the borrower; below zero it is a return."""

    type: Literal["purchase_invoiced"]


class InvoiceVoidedMessage(_TradingMessage):
    """An invoice did not stand; `value_date` is the day on which it was voided."""

    type: Literal["invoice_voided"]
    voided_transaction_id: TransactionId


class BusinessDayClosedMessage(MessageBase):
    """The books of `value_date` are closed."""

    type: Literal["business_day_closed"]


MESSAGE_MODELS: tuple[type[MessageBase], ...] = (
    LoanOpenedMessage,
    LoanDisbursedMessage,
    InstalmentsScheduledMessage,
    RepaymentReceivedMessage,
    RepaymentReversedMessage,
    ChargeAppliedMessage,
    LoanRateChangedMessage,
    InterestAccruedMessage,
    LoanLimitChangedMessage,
    LoanOfficerChangedMessage,
    LoanGuarantorChangedMessage,
    LoanStatusChangedMessage,
    LoanAssessedMessage,
    GradeOverriddenMessage,
    GradeOverrideEndedMessage,
    PositionReportedMessage,
    LoanClosedMessage,
    AccountOpenedMessage,
    AccountCreditedMessage,
    AccountDebitedMessage,
    AccountDebitReturnedMessage,
    SaleInvoicedMessage,
    PurchaseInvoicedMessage,
    InvoiceVoidedMessage,
    BusinessDayClosedMessage,
    CollateralValuedMessage,
    FigureReportedMessage,
    OverpaymentRefundedMessage,
    RepaymentChargedBackMessage,
    LoanRevisedMessage,
    ArrearsCapitalisedMessage,
    DelinquencyPausedMessage,
    DelinquencyResumedMessage,
    RecoveryReceivedMessage,
    WriteOffCancelledMessage,
    PeriodClosedMessage,
    PeriodReopenedMessage,
    *COLLECTION_MESSAGES,
)

Message = Annotated[
    Union[MESSAGE_MODELS],  # type: ignore[valid-type]  # noqa: UP007 (built from the tuple)
    Field(discriminator="type"),
]
"""Any message, told apart by its `type`."""

MESSAGES: TypeAdapter[Any] = TypeAdapter(Message, config=ConfigDict(cache_strings="keys"))
"""Reads and describes messages; `MESSAGES.validator` is the bare validator."""

MESSAGE_TYPES: dict[str, type[MessageBase]] = {
    model.model_fields["type"].annotation.__args__[0]: model  # type: ignore[union-attr]
    for model in MESSAGE_MODELS
}
"""The `type` word of a message -> its model."""


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a message, with one definition a type."""
    schema = MESSAGES.json_schema(ref_template="#/$defs/{model}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{TRANSACTIONS_TOPIC}",
        "title": TRANSACTIONS_TOPIC,
        **schema,
    }
