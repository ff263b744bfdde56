"""A message of the schema -> the command it asks for: names, minor units, parts per million.

One small function a message type, all in `COMMANDS`. The messages are checked already; what is left
to refuse here is what a pattern cannot see: an amount finer than its currency's minor unit, an
unknown currency, zero where money must move, a date outside the calendar.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger.change_commands import (
    CancelWriteOff,
    CapitaliseArrears,
    ChargeBack,
    ClosePeriod,
    PauseDelinquency,
    RecoverWrittenOff,
    RefundOverpayment,
    ReopenPeriod,
    ReportFigure,
    ResumeDelinquency,
    ReviseLoan,
    ValueCollateral,
)
from ledger.commands import (
    AccrueInterest,
    ApplyCharge,
    AssessLoan,
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
    EndGradeOverride,
    OpenAccount,
    OpenLoan,
    OverrideGrade,
    ReceiveRepayment,
    RecordPurchase,
    RecordSale,
    ReportPosition,
    ReturnDebit,
    ReverseRepayment,
    ScheduleInstalments,
    VoidInvoice,
)
from streams import changes, topics
from streams import translate_changes as changed
from streams.fields import day_of, minor_of, positive_of, ppm_of
from streams.message import MessageBase
from streams.terms import terms_of
from streams.translate_changes import common
from streams.translate_collection import COLLECTION_COMMANDS, COLLECTION_TYPES


def _optional(text: str | None, currency: str) -> int | None:
    return None if text is None else minor_of(text, currency)


def _open_loan(message: topics.LoanOpenedMessage, at_us: int) -> Command:
    return OpenLoan(
        **common(message, at_us),
        borrower_id=message.borrower_id,
        account_id=message.account_id,
        product=message.product,
        currency=message.currency,
        principal_minor=positive_of(message.principal, message.currency),
        terms=terms_of(message.terms, message.currency),
        officer_id=message.officer_id,
        branch=message.branch,
        industry=message.industry,
        region=message.region,
        guarantor_id=message.guarantor_id,
    )


def _disburse(message: topics.LoanDisbursedMessage, at_us: int) -> Command:
    amount = positive_of(message.amount, message.currency)
    return DisburseLoan(**common(message, at_us), amount_minor=amount, currency=message.currency)


def _schedule(message: topics.InstalmentsScheduledMessage, at_us: int) -> Command:
    rows = changed.rows_of(message.instalments, message.currency)
    return ScheduleInstalments(
        **common(message, at_us), currency=message.currency, instalments=rows
    )


def _repay(message: topics.RepaymentReceivedMessage, at_us: int) -> Command:
    currency = message.currency
    return ReceiveRepayment(
        loan_id=message.loan_id,
        transaction_id=message.transaction_id,
        value_date=day_of(message.value_date),
        recorded_at_us=at_us,
        amount_minor=positive_of(message.amount, currency),
        currency=currency,
        designated=changed.designated_of(message.designated, currency),
        prepayment=message.prepayment,
    )


def _reverse(message: topics.RepaymentReversedMessage, at_us: int) -> Command:
    return ReverseRepayment(
        **common(message, at_us),
        reversed_transaction_id=message.reversed_transaction_id,
        reason=message.reason,
    )


def _charge(message: topics.ChargeAppliedMessage, at_us: int) -> Command:
    return ApplyCharge(
        **common(message, at_us),
        kind=message.kind,
        amount_minor=positive_of(message.amount, message.currency),
        currency=message.currency,
        due_date=day_of(message.due_date),
    )


def _rate(message: topics.LoanRateChangedMessage, at_us: int) -> Command:
    return ChangeRate(**common(message, at_us), rate_ppm=ppm_of(message.rate_percent))


def _accrue(message: topics.InterestAccruedMessage, at_us: int) -> Command:
    return AccrueInterest(**common(message, at_us))


def _limit(message: topics.LoanLimitChangedMessage, at_us: int) -> Command:
    limit = minor_of(message.limit, message.currency)
    return ChangeLimit(**common(message, at_us), limit_minor=limit, currency=message.currency)


def _officer(message: topics.LoanOfficerChangedMessage, at_us: int) -> Command:
    return ChangeOfficer(
        **common(message, at_us), officer_id=message.officer_id, branch=message.branch
    )


def _guarantor(message: topics.LoanGuarantorChangedMessage, at_us: int) -> Command:
    return ChangeGuarantor(**common(message, at_us), guarantor_id=message.guarantor_id)


def _status(message: topics.LoanStatusChangedMessage, at_us: int) -> Command:
    return ChangeStatus(
        **common(message, at_us),
        finding=message.finding,
        active=message.active,
        reason=message.reason,
    )


def _assess(message: topics.LoanAssessedMessage, at_us: int) -> Command:
    return AssessLoan(
        **common(message, at_us),
        measure=message.measure,
        value_ppm=None if message.percent is None else ppm_of(message.percent),
        reason=message.reason,
    )


def _override(message: topics.GradeOverriddenMessage, at_us: int) -> Command:
    return OverrideGrade(
        **common(message, at_us),
        regime=message.regime,
        grade=message.grade,
        reason=message.reason,
        requested_by=message.requested_by,
        approved_by=message.approved_by,
        until=None if message.until is None else day_of(message.until),
    )


def _end_override(message: topics.GradeOverrideEndedMessage, at_us: int) -> Command:
    return EndGradeOverride(
        **common(message, at_us),
        regime=message.regime,
        reason=message.reason,
        requested_by=message.requested_by,
        approved_by=message.approved_by,
    )


def _position(message: topics.PositionReportedMessage, at_us: int) -> Command:
    return ReportPosition(
        **common(message, at_us),
        currency=message.currency,
        outstanding_minor=minor_of(message.outstanding, message.currency),
        payment_due_minor=_optional(message.payment_due, message.currency),
        months_past_due=message.months_past_due,
    )


def _close_loan(message: topics.LoanClosedMessage, at_us: int) -> Command:
    return CloseLoan(
        **common(message, at_us),
        reason=message.reason,
        requested_by=message.requested_by,
        approved_by=message.approved_by,
    )


def _open_account(message: topics.AccountOpenedMessage, at_us: int) -> Command:
    return OpenAccount(
        account_id=message.account_id,
        transaction_id=message.transaction_id,
        value_date=day_of(message.value_date),
        recorded_at_us=at_us,
        borrower_id=message.borrower_id,
        currency=message.currency,
        opening_balance_minor=minor_of(message.opening_balance, message.currency),
        overdraft_limit_minor=minor_of(message.overdraft_limit, message.currency),
    )


def _credit(message: topics.AccountCreditedMessage, at_us: int) -> Command:
    currency, balance = message.currency, message.balance
    return CreditAccount(
        account_id=message.account_id,
        transaction_id=message.transaction_id,
        value_date=day_of(message.value_date),
        recorded_at_us=at_us,
        amount_minor=positive_of(message.amount, currency),
        currency=currency,
        balance_minor=None if balance is None else minor_of(balance, currency),
        flow=message.flow,
    )


def _debit(message: topics.AccountDebitedMessage, at_us: int) -> Command:
    currency, balance = message.currency, message.balance
    return DebitAccount(
        account_id=message.account_id,
        transaction_id=message.transaction_id,
        value_date=day_of(message.value_date),
        recorded_at_us=at_us,
        amount_minor=positive_of(message.amount, currency),
        currency=currency,
        balance_minor=None if balance is None else minor_of(balance, currency),
        flow=message.flow,
    )


def _return_debit(message: topics.AccountDebitReturnedMessage, at_us: int) -> Command:
    return ReturnDebit(
        account_id=message.account_id,
        transaction_id=message.transaction_id,
        value_date=day_of(message.value_date),
        recorded_at_us=at_us,
        amount_minor=positive_of(message.amount, message.currency),
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
        "value_date": day_of(message.value_date),
        "recorded_at_us": at_us,
        "counterparty": message.counterparty,
        "currency": message.currency,
        "net_minor": minor_of(message.net, message.currency),
        "tax_minor": minor_of(message.tax, message.currency),
    }


def _void(message: topics.InvoiceVoidedMessage, at_us: int) -> Command:
    return VoidInvoice(
        borrower_id=message.borrower_id,
        transaction_id=message.transaction_id,
        value_date=day_of(message.value_date),
        recorded_at_us=at_us,
        voided_transaction_id=message.voided_transaction_id,
    )


def _close_day(message: topics.BusinessDayClosedMessage, at_us: int) -> Command:
    return CloseBusinessDay(
        transaction_id=message.transaction_id,
        value_date=day_of(message.value_date),
        recorded_at_us=at_us,
    )


COMMANDS: dict[type[MessageBase], Callable[[Any, int], Command]] = {
    topics.LoanOpenedMessage: _open_loan,
    topics.LoanDisbursedMessage: _disburse,
    topics.InstalmentsScheduledMessage: _schedule,
    topics.RepaymentReceivedMessage: _repay,
    topics.RepaymentReversedMessage: _reverse,
    topics.ChargeAppliedMessage: _charge,
    topics.LoanRateChangedMessage: _rate,
    topics.InterestAccruedMessage: _accrue,
    topics.LoanLimitChangedMessage: _limit,
    topics.LoanOfficerChangedMessage: _officer,
    topics.LoanGuarantorChangedMessage: _guarantor,
    topics.LoanStatusChangedMessage: _status,
    topics.LoanAssessedMessage: _assess,
    topics.GradeOverriddenMessage: _override,
    topics.GradeOverrideEndedMessage: _end_override,
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
    changes.CollateralValuedMessage: changed.value_collateral,
    changes.FigureReportedMessage: changed.report_figure,
    changes.OverpaymentRefundedMessage: changed.refund,
    changes.RepaymentChargedBackMessage: changed.charge_back,
    changes.LoanRevisedMessage: changed.revise,
    changes.ArrearsCapitalisedMessage: changed.capitalise,
    changes.DelinquencyPausedMessage: changed.pause,
    changes.DelinquencyResumedMessage: changed.resume,
    changes.RecoveryReceivedMessage: changed.recover,
    changes.WriteOffCancelledMessage: changed.cancel_write_off,
    changes.PeriodClosedMessage: changed.close_period,
    changes.PeriodReopenedMessage: changed.reopen_period,
    **COLLECTION_COMMANDS,
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
    AccrueInterest: "interest_accrued",
    ChangeLimit: "loan_limit_changed",
    ChangeOfficer: "loan_officer_changed",
    ChangeGuarantor: "loan_guarantor_changed",
    ChangeStatus: "loan_status_changed",
    AssessLoan: "loan_assessed",
    ValueCollateral: "collateral_valued",
    ReportFigure: "figure_reported",
    OverrideGrade: "grade_overridden",
    EndGradeOverride: "grade_override_ended",
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
    RefundOverpayment: "overpayment_refunded",
    ChargeBack: "repayment_charged_back",
    ReviseLoan: "loan_revised",
    CapitaliseArrears: "arrears_capitalised",
    PauseDelinquency: "delinquency_paused",
    ResumeDelinquency: "delinquency_resumed",
    RecoverWrittenOff: "recovery_received",
    CancelWriteOff: "write_off_cancelled",
    ClosePeriod: "period_closed",
    ReopenPeriod: "period_reopened",
    **COLLECTION_TYPES,
}
"""Command -> the `type` word of its message."""
