"""What may happen in a diary: each verb's words become a command. Decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from ledger import commands as c
from ledger.change_commands import ReportFigure, ValueCollateral
from ledger.events import Flow
from ledger.scenario.agreed import terms_of
from ledger.scenario.change_verbs import CHANGE_VERBS, designated, early, rows_of
from ledger.scenario.collection_verbs import COLLECTION_VERBS
from ledger.scenario.words import Unclear, Words, literal, on_or_off, one_of, ppm

Common = dict[str, Any]
"""Transaction id, value date and time of recording: the same for every command."""
Verb = Callable[[Words, Common], c.Command]


def _open(words: Words, common: Common) -> c.Command:
    loan_id, amount = words.entity(), words.amount()
    words.currencies[loan_id] = words.currency
    return c.OpenLoan(
        loan_id=loan_id,
        borrower_id=words.take("borrower", default="B1"),
        account_id=words.take("account"),
        product=words.take("product", default="loan"),
        currency=words.currency,
        principal_minor=amount,
        terms=terms_of(words),
        officer_id=words.take("officer", default="O1"),
        branch=words.take("branch", default="main"),
        industry="",
        region="",
        guarantor_id=words.take("guarantor"),
        **common,
    )


def _disburse(words: Words, common: Common) -> c.Command:
    loan_id, amount = words.entity(), words.amount()
    return c.DisburseLoan(loan_id=loan_id, amount_minor=amount, currency=words.currency, **common)


def _schedule(words: Words, common: Common) -> c.Command:
    loan_id = words.entity()
    rows = rows_of(words)
    return c.ScheduleInstalments(
        loan_id=loan_id, currency=words.currency, instalments=rows, **common
    )


def _repay(words: Words, common: Common) -> c.Command:
    loan_id, amount = words.entity(), words.amount()
    return c.ReceiveRepayment(
        loan_id=loan_id,
        amount_minor=amount,
        currency=words.currency,
        designated=designated(words),
        prepayment=early(words),
        **common,
    )


def _reverse(words: Words, common: Common) -> c.Command:
    return c.ReverseRepayment(
        loan_id=words.entity(),
        reversed_transaction_id=words.word("The repayment"),
        reason=words.take("reason", literal(c.ReverseRepayment, "reason"), "bounced"),
        **common,
    )


def _charge(words: Words, common: Common) -> c.Command:
    loan_id = words.entity()
    kind = literal(c.ApplyCharge, "kind")(words.word("The kind of charge"))
    amount = words.amount()
    return c.ApplyCharge(
        loan_id=loan_id,
        kind=kind,
        amount_minor=amount,
        currency=words.currency,
        due_date=words.take("due", date.fromisoformat, common["value_date"]),
        **common,
    )


def _rate(words: Words, common: Common) -> c.Command:
    loan_id = words.entity()
    return c.ChangeRate(loan_id=loan_id, rate_ppm=ppm(words.word("The rate")), **common)


def _accrue(words: Words, common: Common) -> c.Command:
    return c.AccrueInterest(loan_id=words.entity(), **common)


def _limit(words: Words, common: Common) -> c.Command:
    loan_id, amount = words.entity(), words.amount()
    return c.ChangeLimit(loan_id=loan_id, limit_minor=amount, currency=words.currency, **common)


def _officer(words: Words, common: Common) -> c.Command:
    return c.ChangeOfficer(
        loan_id=words.entity(),
        officer_id=words.word("The officer"),
        branch=words.take("branch", default="main"),
        **common,
    )


def _guarantor(words: Words, common: Common) -> c.Command:
    loan_id, who = words.entity(), words.word("The guarantor")
    return c.ChangeGuarantor(loan_id=loan_id, guarantor_id=None if who == "none" else who, **common)


def _finding(words: Words, common: Common) -> c.Command:
    loan_id = words.entity()
    finding = literal(c.ChangeStatus, "finding")(words.word("The finding"))
    return c.ChangeStatus(
        loan_id=loan_id,
        finding=finding,
        active=on_or_off(words.word("on or off")),
        reason=words.take("reason", default=""),
        **common,
    )


def _assess(words: Words, common: Common) -> c.Command:
    loan_id, measure = words.entity(), words.word("The measure")
    value = words.word("The percentage, or off")
    return c.AssessLoan(
        loan_id=loan_id,
        measure=measure,
        value_ppm=None if value == "off" else ppm(value),
        reason=words.take("reason", default=""),
        **common,
    )


def _value(words: Words, common: Common) -> c.Command:
    loan_id, amount = words.entity(), words.amount()
    return ValueCollateral(
        loan_id=loan_id,
        value_minor=amount,
        currency=words.currency,
        source=words.take("source", default=""),
        **common,
    )


def _figure(words: Words, common: Common) -> c.Command:
    loan_id = words.entity()
    return ReportFigure(
        loan_id=loan_id,
        figure=literal(ReportFigure, "figure")(words.word("The figure")),
        value_micro=_micro(words.word("The number")),
        source=words.take("source", default=""),
        **common,
    )


def _micro(text: str) -> int:
    try:
        return int(Decimal(text).scaleb(6))
    except ArithmeticError:
        raise Unclear(f"{text!r} is not a number") from None


def _override(words: Words, common: Common) -> c.Command:
    loan_id, regime = words.entity(), words.word("The regime")
    return c.OverrideGrade(
        loan_id=loan_id,
        regime=regime,
        grade=words.word("The grade"),
        until=words.take("until", date.fromisoformat),
        **_people(words),
        **common,
    )


def _end_override(words: Words, common: Common) -> c.Command:
    loan_id, regime = words.entity(), words.word("The regime")
    return c.EndGradeOverride(loan_id=loan_id, regime=regime, **_people(words), **common)


def _people(words: Words) -> Common:
    return {
        "reason": words.take("reason", default=""),
        "requested_by": words.take("by", default=""),
        "approved_by": words.take("approved", default=""),
    }


def _report(words: Words, common: Common) -> c.Command:
    loan_id, amount = words.entity(), words.amount()
    return c.ReportPosition(
        loan_id=loan_id,
        currency=words.currency,
        outstanding_minor=amount,
        payment_due_minor=words.take("due", words.minor),
        months_past_due=words.take("months", int),
        **common,
    )


def _close(words: Words, common: Common) -> c.Command:
    loan_id = words.entity()
    reason = literal(c.CloseLoan, "reason")(words.word("The reason"))
    return c.CloseLoan(
        loan_id=loan_id,
        reason=reason,
        requested_by=words.take("by"),
        approved_by=words.take("approved"),
        **common,
    )


def _open_account(words: Words, common: Common) -> c.Command:
    account_id, amount = words.entity(), words.amount()
    words.currencies[account_id] = words.currency
    return c.OpenAccount(
        account_id=account_id,
        borrower_id=words.take("borrower", default="B1"),
        currency=words.currency,
        opening_balance_minor=amount,
        overdraft_limit_minor=words.take("overdraft", words.minor, 0),
        **common,
    )


def _movement(ask: type[c.CreditAccount] | type[c.DebitAccount]) -> Verb:
    def read(words: Words, common: Common) -> c.Command:
        account_id, amount = words.entity(), words.amount()
        return ask(
            account_id=account_id,
            amount_minor=amount,
            currency=words.currency,
            balance_minor=words.take("balance", words.minor),
            flow=words.take("flow", one_of(Flow), "trade"),
            **common,
        )

    return read


def _return(words: Words, common: Common) -> c.Command:
    account_id, amount = words.entity(), words.amount()
    return c.ReturnDebit(
        account_id=account_id,
        amount_minor=amount,
        currency=words.currency,
        flow="loan_repayment",
        **common,
    )


def _invoice(ask: type[c.RecordSale] | type[c.RecordPurchase]) -> Verb:
    def read(words: Words, common: Common) -> c.Command:
        borrower, counterparty = words.entity(), words.word("The counterparty")
        amount = words.amount()
        words.currencies[borrower] = words.currency
        return ask(
            borrower_id=borrower,
            counterparty=counterparty,
            currency=words.currency,
            net_minor=amount,
            tax_minor=words.take("tax", words.minor, 0),
            **common,
        )

    return read


def _void(words: Words, common: Common) -> c.Command:
    return c.VoidInvoice(
        borrower_id=words.entity(), voided_transaction_id=words.word("The invoice"), **common
    )


def _end_of_day(words: Words, common: Common) -> c.Command:
    return c.CloseBusinessDay(**common)


VERBS: dict[str, Verb] = {
    "open": _open,
    "disburse": _disburse,
    "schedule": _schedule,
    "repay": _repay,
    "reverse": _reverse,
    "charge": _charge,
    "rate": _rate,
    "accrue": _accrue,
    "limit": _limit,
    "officer": _officer,
    "guarantor": _guarantor,
    "finding": _finding,
    "assess": _assess,
    "value": _value,
    "figure": _figure,
    "override": _override,
    "end-override": _end_override,
    "report": _report,
    "close": _close,
    "open-account": _open_account,
    "credit": _movement(c.CreditAccount),
    "debit": _movement(c.DebitAccount),
    "return": _return,
    "sale": _invoice(c.RecordSale),
    "purchase": _invoice(c.RecordPurchase),
    "void": _void,
    "end-of-day": _end_of_day,
    **CHANGE_VERBS,
    **COLLECTION_VERBS,
}
"""What may happen, by the word a diary uses for it."""
