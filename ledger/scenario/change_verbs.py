"""What may happen in a diary that changes a loan after it was agreed. Decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from ledger import change_commands as c
from ledger.commands import Command
from ledger.events import Designation, PrepaymentEffect, RevisionKind
from ledger.scenario.words import Unclear, Words, one_of, ppm
from ledger.terms import Component, Instalment, Method, Revision

Common = dict[str, Any]


def designated(words: Words) -> tuple[Designation, ...] | None:
    """The clause `for COMPONENT AMOUNT …` of a repayment."""
    text = words.take("for")
    if text is None:
        return None
    parts = text.split()
    if len(parts) % 2:
        raise Unclear(f"{text!r} is not COMPONENT AMOUNT …")
    component = one_of(Component)
    return tuple(
        Designation(component=component(name), amount_minor=words.minor(amount))
        for name, amount in zip(parts[::2], parts[1::2], strict=True)
    )


def early(words: Words) -> Any:
    """The clause `early EFFECT` of a repayment."""
    return words.take("early", one_of(PrepaymentEffect))


def rows_of(words: Words) -> tuple[Instalment, ...]:
    """The indented rows of the line."""
    rows = tuple(_row(number, row, words) for number, row in enumerate(words.rows, start=1))
    words.rows = []
    return rows


def _row(number: int, text: str, words: Words) -> Instalment:
    match text.split():
        case [due, "principal", principal, "interest", interest]:
            return Instalment(
                number=number,
                due_date=date.fromisoformat(due),
                principal_minor=words.minor(principal),
                interest_minor=words.minor(interest),
            )
    raise Unclear(f"{text!r} is not a row: write DATE principal AMOUNT interest AMOUNT")


def _refund(words: Words, common: Common) -> Command:
    loan_id, amount = words.entity(), words.amount()
    return c.RefundOverpayment(
        loan_id=loan_id, amount_minor=amount, currency=words.currency, **common
    )


def _charge_back(words: Words, common: Common) -> Command:
    loan_id, repayment, amount = words.entity(), words.word("The repayment"), words.amount()
    return c.ChargeBack(
        loan_id=loan_id,
        charged_back_transaction_id=repayment,
        amount_minor=amount,
        currency=words.currency,
        **common,
    )


def _revise(words: Words, common: Common) -> Command:
    loan_id = words.entity()
    kind = one_of(RevisionKind)(words.word("The kind of change"))
    instalments = words.take("instalments", int)
    revision = None
    if instalments is not None:
        revision = Revision(
            instalments=instalments,
            first_due_date=words.take("first-due", date.fromisoformat),
            rate_ppm=words.take("rate", ppm),
            method=words.take("method", one_of(Method)),
            interest_only=words.take("interest-only", int, 0),
        )
    return c.ReviseLoan(
        loan_id=loan_id,
        kind=kind,
        currency=words.currency,
        revision=revision,
        instalments=rows_of(words),
        reason=words.take("reason", default=""),
        **common,
    )


def _capitalise(words: Words, common: Common) -> Command:
    loan_id, amount = words.entity(), words.amount()
    return c.CapitaliseArrears(
        loan_id=loan_id, amount_minor=amount, currency=words.currency, **common
    )


def _pause(words: Words, common: Common) -> Command:
    loan_id, until = words.entity(), words.take("until", date.fromisoformat)
    if until is None:
        raise Unclear("A pause needs until DATE")
    return c.PauseDelinquency(
        loan_id=loan_id, until=until, reason=words.take("reason", default=""), **common
    )


def _resume(words: Words, common: Common) -> Command:
    return c.ResumeDelinquency(loan_id=words.entity(), **common)


def _recover(words: Words, common: Common) -> Command:
    loan_id, amount = words.entity(), words.amount()
    return c.RecoverWrittenOff(
        loan_id=loan_id, amount_minor=amount, currency=words.currency, **common
    )


def _cancel_write_off(words: Words, common: Common) -> Command:
    loan_id = words.entity()
    return c.CancelWriteOff(loan_id=loan_id, reason=words.take("reason", default=""), **common)


def _close_period(words: Words, common: Common) -> Command:
    return c.ClosePeriod(**common)


def _reopen_period(words: Words, common: Common) -> Command:
    return c.ReopenPeriod(reason=words.take("reason", default=""), **common)


CHANGE_VERBS: dict[str, Callable[[Words, Common], Command]] = {
    "refund": _refund,
    "charge-back": _charge_back,
    "revise": _revise,
    "capitalise": _capitalise,
    "pause": _pause,
    "resume": _resume,
    "recover": _recover,
    "cancel-write-off": _cancel_write_off,
    "close-period": _close_period,
    "reopen-period": _reopen_period,
}
"""By the word a diary uses, as `verbs.VERBS`."""
