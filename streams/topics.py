"""The published messages: one schema for Kafka, HTTP and files, and the names of the topics.

These models say what a message may look like and nothing else: how bytes become a command is the
business of `ingest`, and whether the book takes it is the ledger's. Amounts and rates are decimal
strings, never JSON numbers, so that no reader on the way can round them. Unknown fields are
refused.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Union

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from ledger.events import Flow
from ledger.terms import LEGAL_ORDER, Component, DayCount, Method

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

MAX_MESSAGE_BYTES = 256 * 1024
"""A message may not be longer; a schedule of 1,200 instalments takes about half of it."""
MAX_INSTALMENTS = 1_200

ID_PATTERN = r"^[A-Za-z0-9._-]{1,64}$"
TRANSACTION_ID_PATTERN = r"^[!-~]{1,128}$"
AMOUNT_PATTERN = r"^(0|[1-9][0-9]{0,15})(\.[0-9]{1,6})?$"
SIGNED_AMOUNT_PATTERN = r"^-?(0|[1-9][0-9]{0,15})(\.[0-9]{1,6})?$"
RATE_PATTERN = r"^(0|[1-9][0-9]{0,2})(\.[0-9]{1,4})?$"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})"
MOMENT_PATTERN = f"^{_DAY}T{_TIME}$"

Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
TransactionId = Annotated[
    str,
    StringConstraints(pattern=TRANSACTION_ID_PATTERN),
    Field(description="Names the transaction for ever: sent again, it changes nothing."),
]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), Field(description="ISO 4217.")]
Amount = Annotated[
    str,
    StringConstraints(pattern=AMOUNT_PATTERN),
    Field(description='A decimal string above zero, such as "1250.00".'),
]
AmountOrZero = Annotated[
    str,
    StringConstraints(pattern=AMOUNT_PATTERN),
    Field(description='A decimal string, zero or more, such as "0" or "1250.00".'),
]
SignedAmount = Annotated[
    str,
    StringConstraints(pattern=SIGNED_AMOUNT_PATTERN),
    Field(description='A decimal string that may be negative, such as "-310.25".'),
]
RatePercent = Annotated[
    str,
    StringConstraints(pattern=RATE_PATTERN),
    Field(description='Percent a year as a decimal string with up to 4 digits: "9.4822".'),
]
Moment = Annotated[
    str,
    StringConstraints(pattern=MOMENT_PATTERN),
    Field(
        description="RFC 3339 with a time zone, to the microsecond at most.",
        json_schema_extra={"format": "date-time"},
    ),
]
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,128}$")]
TextOrEmpty = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{0,128}$")]
Remark = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]{0,500}$")]


class _Shape(BaseModel):
    # Values hardly ever repeat, so caching their strings costs more than it saves.
    model_config = ConfigDict(extra="forbid", strict=True, cache_strings="keys")


class MessageBase(_Shape):
    """What every message carries."""

    transaction_id: TransactionId
    value_date: Annotated[date, Field(description="The day from which it counts.")]
    borrower_id: Id | None = None
    sent_at: Moment | None = None


class _LoanMessage(MessageBase):
    loan_id: Id


class _AccountMessage(MessageBase):
    account_id: Id


class TermsShape(_Shape):
    """The agreed terms of a loan."""

    method: Method
    instalments: Annotated[int, Field(ge=0, le=MAX_INSTALMENTS)]
    period_months: Annotated[int, Field(ge=1, le=120)] = 1
    first_due_date: date | None = None
    rate_percent: RatePercent
    day_count: DayCount = "30/360"
    allocation: Annotated[list[Component], Field(min_length=1, max_length=5)] = list(LEGAL_ORDER)
    instalment_unit: Amount | None = None


class InstalmentShape(_Shape):
    """One row of a schedule: what falls due on `due_date`."""

    number: Annotated[int, Field(ge=1, le=MAX_INSTALMENTS)]
    due_date: date
    principal: AmountOrZero
    interest: AmountOrZero


class LoanOpenedMessage(_LoanMessage):
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


class LoanDisbursedMessage(_LoanMessage):
    """Money was paid out to the borrower."""

    type: Literal["loan_disbursed"]
    amount: Amount
    currency: Currency


class InstalmentsScheduledMessage(_LoanMessage):
    """The core system's own schedule; it replaces the whole schedule before it."""

    type: Literal["instalments_scheduled"]
    currency: Currency
    instalments: Annotated[list[InstalmentShape], Field(min_length=1, max_length=MAX_INSTALMENTS)]


class RepaymentReceivedMessage(_LoanMessage):
    """Money came in; a value date in the past makes it backdated."""

    type: Literal["repayment_received"]
    amount: Amount
    currency: Currency


class RepaymentReversedMessage(_LoanMessage):
    """An earlier repayment did not stand."""

    type: Literal["repayment_reversed"]
    reversed_transaction_id: TransactionId
    reason: Literal["bounced", "chargeback", "booking_error", "other"]


class ChargeAppliedMessage(_LoanMessage):
    """A fee, cost or penalty was charged; it falls due on `due_date`."""

    type: Literal["charge_applied"]
    kind: Literal["costs", "fees", "penalty"]
    amount: Amount
    currency: Currency
    due_date: date


class LoanRateChangedMessage(_LoanMessage):
    """The loan was repriced."""

    type: Literal["loan_rate_changed"]
    rate_percent: RatePercent


class LoanLimitChangedMessage(_LoanMessage):
    """The agreed amount or line is now `limit`."""

    type: Literal["loan_limit_changed"]
    limit: AmountOrZero
    currency: Currency


class LoanOfficerChangedMessage(_LoanMessage):
    """Another officer answers for the loan."""

    type: Literal["loan_officer_changed"]
    officer_id: Id
    branch: Text


class LoanGuarantorChangedMessage(_LoanMessage):
    """Another guarantor, or none."""

    type: Literal["loan_guarantor_changed"]
    guarantor_id: Id | None = None


class LoanStatusChangedMessage(_LoanMessage):
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


class PositionReportedMessage(_LoanMessage):
    """The core system's own position, for books whose instalments it keeps (cards, panels)."""

    type: Literal["position_reported"]
    outstanding: AmountOrZero
    currency: Currency
    payment_due: AmountOrZero | None = None
    months_past_due: Annotated[int, Field(ge=0, le=1_200)] | None = None


class LoanClosedMessage(_LoanMessage):
    """The loan ended."""

    type: Literal["loan_closed"]
    reason: Literal["repaid", "refinanced", "written_off", "cancelled"]


class AccountOpenedMessage(_AccountMessage):
    """A settlement account is known, with the balance it starts from."""

    type: Literal["account_opened"]
    borrower_id: Id
    currency: Currency
    opening_balance: SignedAmount
    overdraft_limit: AmountOrZero = "0"


class AccountCreditedMessage(_AccountMessage):
    """Money came in. A `balance` states the balance after it and must agree with the book."""

    type: Literal["account_credited"]
    amount: Amount
    currency: Currency
    balance: SignedAmount | None = None
    flow: Flow = "trade"


class AccountDebitedMessage(_AccountMessage):
    """Money went out; `balance` as in `account_credited`."""

    type: Literal["account_debited"]
    amount: Amount
    currency: Currency
    balance: SignedAmount | None = None
    flow: Flow = "trade"


class AccountDebitReturnedMessage(_AccountMessage):
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
    LoanLimitChangedMessage,
    LoanOfficerChangedMessage,
    LoanGuarantorChangedMessage,
    LoanStatusChangedMessage,
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
