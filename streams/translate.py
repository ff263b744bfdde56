"""A message of the schema -> the command it asks for: names, minor units, parts per million.

One small function a message type, all in `COMMANDS`. The messages are checked already; what is left
to refuse here is what a pattern cannot see: an amount finer than its currency's minor unit, an
unknown currency, zero where money must move, a date outside the calendar.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from ledger.commands import (
    ApplyCharge,
    ChangeGuarantor,
    ChangeLimit,
    ChangeOfficer,
    ChangeRate,
    ChangeStatus,
    CloseBusinessDay,
    CloseLoan,
    Command,
    CreditAccount,
    DebitAccount,
    DisburseLoan,
    OpenAccount,
    OpenLoan,
    ReceiveRepayment,
    RecordPurchase,
    RecordSale,
    ReportPosition,
    ReturnDebit,
    ReverseRepayment,
    ScheduleInstalments,
    VoidInvoice,
)
from ledger.dates import FIRST_DATE, LAST_DATE, checked_date
from ledger.errors import InvalidAmount
from ledger.money import exponent, parse_minor
from ledger.terms import Instalment, Terms
from streams import topics

_SAFE_DIGITS = 13
"""So many digits before the point never reach the largest amount, whatever the currency."""


def _day(day: date) -> date:
    return day if FIRST_DATE <= day <= LAST_DATE else checked_date(day)


def _minor(text: str, currency: str) -> int:
    """Text that matches the schema's amount -> minor units, by the rules of `parse_minor`.

    The usual case, exactly the currency's digits, takes less than half of its time.
    """
    whole, _, fraction = text.partition(".")
    if len(fraction) == exponent(currency) and len(whole) <= _SAFE_DIGITS:
        return int(whole + fraction)
    return parse_minor(text, currency)


def _positive(text: str, currency: str) -> int:
    minor = _minor(text, currency)
    if minor <= 0:
        raise InvalidAmount("The amount is zero.", way_out="Send an amount above zero.")
    return minor


def _optional(text: str | None, currency: str) -> int | None:
    return None if text is None else _minor(text, currency)


def _ppm(percent: str) -> int:
    """A rate as the schema has it -> parts per million: "9.4822" -> 94_822."""
    whole, _, fraction = percent.partition(".")
    return int(whole + fraction.ljust(4, "0"))


def _common(message: Any, recorded_at_us: int) -> dict[str, Any]:
    """What every command to a loan carries."""
    return {
        "loan_id": message.loan_id,
        "transaction_id": message.transaction_id,
        "value_date": _day(message.value_date),
        "recorded_at_us": recorded_at_us,
    }


def _terms(shape: topics.TermsShape, currency: str) -> Terms:
    unit = shape.instalment_unit
    return Terms(
        method=shape.method,
        instalments=shape.instalments,
        period_months=shape.period_months,
        first_due_date=None if shape.first_due_date is None else _day(shape.first_due_date),
        rate_ppm=_ppm(shape.rate_percent),
        day_count=shape.day_count,
        allocation=tuple(shape.allocation),
        instalment_unit_minor=1 if unit is None else _positive(unit, currency),
    )


def _open_loan(message: topics.LoanOpenedMessage, at_us: int) -> Command:
    return OpenLoan(
        **_common(message, at_us),
        borrower_id=message.borrower_id,
        account_id=message.account_id,
        product=message.product,
        currency=message.currency,
        principal_minor=_positive(message.principal, message.currency),
        terms=_terms(message.terms, message.currency),
        officer_id=message.officer_id,
        branch=message.branch,
        industry=message.industry,
        region=message.region,
        guarantor_id=message.guarantor_id,
    )


def _disburse(message: topics.LoanDisbursedMessage, at_us: int) -> Command:
    amount = _positive(message.amount, message.currency)
    return DisburseLoan(**_common(message, at_us), amount_minor=amount, currency=message.currency)


def _schedule(message: topics.InstalmentsScheduledMessage, at_us: int) -> Command:
    currency = message.currency
    rows = tuple(
        Instalment(
            number=row.number,
            due_date=_day(row.due_date),
            principal_minor=_minor(row.principal, currency),
            interest_minor=_minor(row.interest, currency),
        )
        for row in message.instalments
    )
    return ScheduleInstalments(**_common(message, at_us), currency=currency, instalments=rows)


def _repay(message: topics.RepaymentReceivedMessage, at_us: int) -> Command:
    currency = message.currency
    return ReceiveRepayment(
        loan_id=message.loan_id,
        transaction_id=message.transaction_id,
        value_date=_day(message.value_date),
        recorded_at_us=at_us,
        amount_minor=_positive(message.amount, currency),
        currency=currency,
    )


def _reverse(message: topics.RepaymentReversedMessage, at_us: int) -> Command:
    return ReverseRepayment(
        **_common(message, at_us),
        reversed_transaction_id=message.reversed_transaction_id,
        reason=message.reason,
    )


def _charge(message: topics.ChargeAppliedMessage, at_us: int) -> Command:
    return ApplyCharge(
        **_common(message, at_us),
        kind=message.kind,
        amount_minor=_positive(message.amount, message.currency),
        currency=message.currency,
        due_date=_day(message.due_date),
    )


def _rate(message: topics.LoanRateChangedMessage, at_us: int) -> Command:
    return ChangeRate(**_common(message, at_us), rate_ppm=_ppm(message.rate_percent))


def _limit(message: topics.LoanLimitChangedMessage, at_us: int) -> Command:
    limit = _minor(message.limit, message.currency)
    return ChangeLimit(**_common(message, at_us), limit_minor=limit, currency=message.currency)


def _officer(message: topics.LoanOfficerChangedMessage, at_us: int) -> Command:
    return ChangeOfficer(
        **_common(message, at_us), officer_id=message.officer_id, branch=message.branch
    )


def _guarantor(message: topics.LoanGuarantorChangedMessage, at_us: int) -> Command:
    return ChangeGuarantor(**_common(message, at_us), guarantor_id=message.guarantor_id)


def _status(message: topics.LoanStatusChangedMessage, at_us: int) -> Command:
    return ChangeStatus(
        **_common(message, at_us),
        finding=message.finding,
        active=message.active,
        reason=message.reason,
    )


def _position(message: topics.PositionReportedMessage, at_us: int) -> Command:
    return ReportPosition(
        **_common(message, at_us),
        currency=message.currency,
        outstanding_minor=_minor(message.outstanding, message.currency),
        payment_due_minor=_optional(message.payment_due, message.currency),
        months_past_due=message.months_past_due,
    )


def _close_loan(message: topics.LoanClosedMessage, at_us: int) -> Command:
    return CloseLoan(**_common(message, at_us), reason=message.reason)


def _open_account(message: topics.AccountOpenedMessage, at_us: int) -> Command:
    return OpenAccount(
        account_id=message.account_id,
        transaction_id=message.transaction_id,
        value_date=_day(message.value_date),
        recorded_at_us=at_us,
        borrower_id=message.borrower_id,
        currency=message.currency,
        opening_balance_minor=_minor(message.opening_balance, message.currency),
        overdraft_limit_minor=_minor(message.overdraft_limit, message.currency),
    )


def _credit(message: topics.AccountCreditedMessage, at_us: int) -> Command:
    currency, balance = message.currency, message.balance
    return CreditAccount(
        account_id=message.account_id,
        transaction_id=message.transaction_id,
        value_date=_day(message.value_date),
        recorded_at_us=at_us,
        amount_minor=_positive(message.amount, currency),
        currency=currency,
        balance_minor=None if balance is None else _minor(balance, currency),
        flow=message.flow,
    )


def _debit(message: topics.AccountDebitedMessage, at_us: int) -> Command:
    currency, balance = message.currency, message.balance
    return DebitAccount(
        account_id=message.account_id,
        transaction_id=message.transaction_id,
        value_date=_day(message.value_date),
        recorded_at_us=at_us,
        amount_minor=_positive(message.amount, currency),
        currency=currency,
        balance_minor=None if balance is None else _minor(balance, currency),
        flow=message.flow,
    )


def _return_debit(message: topics.AccountDebitReturnedMessage, at_us: int) -> Command:
    return ReturnDebit(
        account_id=message.account_id,
        transaction_id=message.transaction_id,
        value_date=_day(message.value_date),
        recorded_at_us=at_us,
        amount_minor=_positive(message.amount, message.currency),
        currency=message.currency,
        flow=message.flow,
    )


def _sale(message: topics.SaleInvoicedMessage, at_us: int) -> Command:
    return RecordSale(**_invoice(message, at_us))


def _purchase(message: topics.PurchaseInvoicedMessage, at_us: int) -> Command:
    return RecordPurchase(**_invoice(message, at_us))


def _invoice(message: Any, at_us: int) -> dict[str, Any]:
    return {
        "borrower_id": message.borrower_id,
        "transaction_id": message.transaction_id,
        "value_date": _day(message.value_date),
        "recorded_at_us": at_us,
        "counterparty": message.counterparty,
        "currency": message.currency,
        "net_minor": _minor(message.net, message.currency),
        "tax_minor": _minor(message.tax, message.currency),
    }


def _void(message: topics.InvoiceVoidedMessage, at_us: int) -> Command:
    return VoidInvoice(
        borrower_id=message.borrower_id,
        transaction_id=message.transaction_id,
        value_date=_day(message.value_date),
        recorded_at_us=at_us,
        voided_transaction_id=message.voided_transaction_id,
    )


def _close_day(message: topics.BusinessDayClosedMessage, at_us: int) -> Command:
    return CloseBusinessDay(
        transaction_id=message.transaction_id,
        value_date=_day(message.value_date),
        recorded_at_us=at_us,
    )


COMMANDS: dict[type[topics.MessageBase], Callable[[Any, int], Command]] = {
    topics.LoanOpenedMessage: _open_loan,
    topics.LoanDisbursedMessage: _disburse,
    topics.InstalmentsScheduledMessage: _schedule,
    topics.RepaymentReceivedMessage: _repay,
    topics.RepaymentReversedMessage: _reverse,
    topics.ChargeAppliedMessage: _charge,
    topics.LoanRateChangedMessage: _rate,
    topics.LoanLimitChangedMessage: _limit,
    topics.LoanOfficerChangedMessage: _officer,
    topics.LoanGuarantorChangedMessage: _guarantor,
    topics.LoanStatusChangedMessage: _status,
    topics.PositionReportedMessage: _position,
    topics.LoanClosedMessage: _close_loan,
    topics.AccountOpenedMessage: _open_account,
    topics.AccountCreditedMessage: _credit,
    topics.AccountDebitedMessage: _debit,
    topics.AccountDebitReturnedMessage: _return_debit,
    topics.SaleInvoicedMessage: _sale,
    topics.PurchaseInvoicedMessage: _purchase,
    topics.InvoiceVoidedMessage: _void,
    topics.BusinessDayClosedMessage: _close_day,
}
"""Message model -> the function (message, recorded_at_us) that builds its command.

Each may raise InvalidAmount, CurrencyMismatch or DateOutOfRange.
"""

TYPE_OF: dict[type[Command] | type[None], str] = {
    OpenLoan: "loan_opened",
    DisburseLoan: "loan_disbursed",
    ScheduleInstalments: "instalments_scheduled",
    ReceiveRepayment: "repayment_received",
    ReverseRepayment: "repayment_reversed",
    ApplyCharge: "charge_applied",
    ChangeRate: "loan_rate_changed",
    ChangeLimit: "loan_limit_changed",
    ChangeOfficer: "loan_officer_changed",
    ChangeGuarantor: "loan_guarantor_changed",
    ChangeStatus: "loan_status_changed",
    ReportPosition: "position_reported",
    CloseLoan: "loan_closed",
    OpenAccount: "account_opened",
    CreditAccount: "account_credited",
    DebitAccount: "account_debited",
    ReturnDebit: "account_debit_returned",
    RecordSale: "sale_invoiced",
    RecordPurchase: "purchase_invoiced",
    VoidInvoice: "invoice_voided",
    CloseBusinessDay: "business_day_closed",
}
"""Command -> the `type` word of its message."""
