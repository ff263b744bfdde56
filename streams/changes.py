"""The published messages that change a loan after it was agreed, and those that close the books.

Part of the schema in `topics`; the same rules hold.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from ledger.events import Figure, RevisionKind
from ledger.terms import Component, Method
from streams.fields import (
    MAX_INSTALMENTS,
    Amount,
    AmountOrZero,
    Currency,
    RatePercent,
    Remark,
    Shape,
    TransactionId,
)
from streams.message import InstalmentShape, LoanMessage, MessageBase


class DesignatedShape(Shape):
    """Part of a repayment, and what it is for."""

    component: Component
    amount: Amount


class RevisionShape(Shape):
    """What of the terms holds from the value date on; what is left out stays as it was."""

    instalments: Annotated[int, Field(ge=1, le=MAX_INSTALMENTS)]
    first_due_date: date | None = None
    rate_percent: RatePercent | None = None
    method: Method | None = None
    interest_only: Annotated[int, Field(ge=0, lt=MAX_INSTALMENTS)] = 0


class CollateralValuedMessage(LoanMessage):
    """All that secures the loan is worth `value` now; "0" when nothing does."""

    type: Literal["collateral_valued"]
    value: AmountOrZero
    currency: Currency
    source: Remark = ""


class FigureReportedMessage(LoanMessage):
    """A figure about the borrower's credit or the loan's market, until the next of its name.

    external_score in the points of whoever gives it, price_index of any base, the others percent.
    """

    type: Literal["figure_reported"]
    figure: Figure
    value: Annotated[
        str,
        StringConstraints(pattern=r"^-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,6})?$"),
        Field(description='A decimal string, such as "712", "4.5" or "-0.3".'),
    ]
    source: Remark = ""


class OverpaymentRefundedMessage(LoanMessage):
    """Money that waited in suspense went back to the borrower."""

    type: Literal["overpayment_refunded"]
    amount: Amount
    currency: Currency


class RepaymentChargedBackMessage(LoanMessage):
    """The payer's bank took back part or all of a repayment: owed again from the value date on."""

    type: Literal["repayment_charged_back"]
    charged_back_transaction_id: TransactionId
    amount: Amount
    currency: Currency


class LoanRevisedMessage(LoanMessage):
    """The contract was changed: by new terms for the rest, or by the core system's schedule."""

    type: Literal["loan_revised"]
    kind: RevisionKind
    currency: Currency
    revised_terms: RevisionShape | None = None
    instalments: (
        Annotated[list[InstalmentShape], Field(min_length=1, max_length=MAX_INSTALMENTS)] | None
    ) = None
    reason: Remark = ""


class ArrearsCapitalisedMessage(LoanMessage):
    """Arrears became principal."""

    type: Literal["arrears_capitalised"]
    amount: Amount
    currency: Currency


class DelinquencyPausedMessage(LoanMessage):
    """Forbearance: days up to `until` (excluded) do not count as delinquent."""

    type: Literal["delinquency_paused"]
    until: date
    reason: Remark = ""


class DelinquencyResumedMessage(LoanMessage):
    """Pauses that run on the value date end with it."""

    type: Literal["delinquency_resumed"]


class RecoveryReceivedMessage(LoanMessage):
    """Money came in on a loan that was written off."""

    type: Literal["recovery_received"]
    amount: Amount
    currency: Currency


class WriteOffCancelledMessage(LoanMessage):
    """The loan goes on as if it had not been written off."""

    type: Literal["write_off_cancelled"]
    reason: Remark = ""


class PeriodClosedMessage(MessageBase):
    """The accounts up to and including the value date are final."""

    type: Literal["period_closed"]


class PeriodReopenedMessage(MessageBase):
    """Days from the value date on may take facts again."""

    type: Literal["period_reopened"]
    reason: Remark = ""
