"""Messages of `changes` -> the commands they ask for. As `translate`, which holds the table."""

from __future__ import annotations

from typing import Any

from ledger import change_commands as c
from ledger.commands import Command
from ledger.events import Designation
from ledger.terms import Instalment, Revision
from streams import changes
from streams.fields import day_of, micro_of, minor_of, positive_of, ppm_of
from streams.message import InstalmentShape


def common(message: Any, recorded_at_us: int) -> dict[str, Any]:
    """What every command to a loan carries."""
    return {"loan_id": message.loan_id, **_calendar(message, recorded_at_us)}


def _calendar(message: Any, recorded_at_us: int) -> dict[str, Any]:
    return {
        "transaction_id": message.transaction_id,
        "value_date": day_of(message.value_date),
        "recorded_at_us": recorded_at_us,
    }


def rows_of(rows: list[InstalmentShape], currency: str) -> tuple[Instalment, ...]:
    """A schedule's rows in minor units."""
    return tuple(
        Instalment(
            number=row.number,
            due_date=day_of(row.due_date),
            principal_minor=minor_of(row.principal, currency),
            interest_minor=minor_of(row.interest, currency),
        )
        for row in rows
    )


def designated_of(
    parts: list[changes.DesignatedShape] | None, currency: str
) -> tuple[Designation, ...] | None:
    """What a repayment is for, in minor units."""
    if parts is None:
        return None
    return tuple(
        Designation(component=part.component, amount_minor=positive_of(part.amount, currency))
        for part in parts
    )


def _money(message: Any) -> dict[str, Any]:
    amount = positive_of(message.amount, message.currency)
    return {"amount_minor": amount, "currency": message.currency}


def value_collateral(message: changes.CollateralValuedMessage, at_us: int) -> Command:
    """collateral_valued"""
    return c.ValueCollateral(
        **common(message, at_us),
        value_minor=minor_of(message.value, message.currency),
        currency=message.currency,
        source=message.source,
    )


def report_figure(message: changes.FigureReportedMessage, at_us: int) -> Command:
    """figure_reported"""
    return c.ReportFigure(
        **common(message, at_us),
        figure=message.figure,
        value_micro=micro_of(message.value),
        source=message.source,
    )


def refund(message: changes.OverpaymentRefundedMessage, at_us: int) -> Command:
    """overpayment_refunded"""
    return c.RefundOverpayment(**common(message, at_us), **_money(message))


def charge_back(message: changes.RepaymentChargedBackMessage, at_us: int) -> Command:
    """repayment_charged_back"""
    return c.ChargeBack(
        **common(message, at_us),
        **_money(message),
        charged_back_transaction_id=message.charged_back_transaction_id,
    )


def revise(message: changes.LoanRevisedMessage, at_us: int) -> Command:
    """loan_revised"""
    shape, revision = message.revised_terms, None
    if shape is not None:
        first, rate = shape.first_due_date, shape.rate_percent
        revision = Revision(
            instalments=shape.instalments,
            first_due_date=None if first is None else day_of(first),
            rate_ppm=None if rate is None else ppm_of(rate),
            method=shape.method,
            interest_only=shape.interest_only,
        )
    return c.ReviseLoan(
        **common(message, at_us),
        kind=message.kind,
        revision=revision,
        currency=message.currency,
        instalments=rows_of(message.instalments or [], message.currency),
        reason=message.reason,
    )


def capitalise(message: changes.ArrearsCapitalisedMessage, at_us: int) -> Command:
    """arrears_capitalised"""
    return c.CapitaliseArrears(**common(message, at_us), **_money(message))


def pause(message: changes.DelinquencyPausedMessage, at_us: int) -> Command:
    """delinquency_paused"""
    until = day_of(message.until)
    return c.PauseDelinquency(**common(message, at_us), until=until, reason=message.reason)


def resume(message: changes.DelinquencyResumedMessage, at_us: int) -> Command:
    """delinquency_resumed"""
    return c.ResumeDelinquency(**common(message, at_us))


def recover(message: changes.RecoveryReceivedMessage, at_us: int) -> Command:
    """recovery_received"""
    return c.RecoverWrittenOff(**common(message, at_us), **_money(message))


def cancel_write_off(message: changes.WriteOffCancelledMessage, at_us: int) -> Command:
    """write_off_cancelled"""
    return c.CancelWriteOff(**common(message, at_us), reason=message.reason)


def close_period(message: changes.PeriodClosedMessage, at_us: int) -> Command:
    """period_closed"""
    return c.ClosePeriod(**_calendar(message, at_us))


def reopen_period(message: changes.PeriodReopenedMessage, at_us: int) -> Command:
    """period_reopened"""
    return c.ReopenPeriod(**_calendar(message, at_us), reason=message.reason)
