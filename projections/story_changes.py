"""A loan's story: how facts that changed the loan after it was agreed are told. As `story`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger.events import (
    ArrearsCapitalised,
    DelinquencyPaused,
    DelinquencyResumed,
    LoanReopened,
    LoanRevised,
    OverpaymentRefunded,
    RecoveryReceived,
    RecoveryReversed,
    RepaymentChargedBack,
    RepaymentDesignated,
    WriteOffAdjusted,
    WriteOffCancelled,
)
from projections.wording import count_text, money_text


def _designated(fact: RepaymentDesignated, currency: str) -> str:
    parts = [
        f"{money_text(part.amount_minor, currency)} for {part.component}"
        for part in fact.designated
    ]
    if fact.effect != "hold":
        parts.append(f"an early part is to {fact.effect.replace('_', ' the ')}")
    return f"Agreed for the next repayment: {', '.join(parts)}."


def _revised(fact: LoanRevised, _: str) -> str:
    revision = fact.revision
    if revision is None:
        return f"Contract {fact.kind}{_why(fact.reason)}, by a schedule that was given."
    rate = revision.rate_ppm
    at = "" if rate is None else f" at {rate // 10_000}.{rate % 10_000:04d} % a year"
    return (
        f"Contract {fact.kind}{_why(fact.reason)}: "
        f"{count_text(revision.instalments, 'instalment')} more{at}."
    )


def _why(reason: str) -> str:
    return f" ({reason})" if reason else ""


def _capitalised(fact: ArrearsCapitalised, currency: str) -> str:
    return f"Arrears of {money_text(fact.amount_minor, currency)} became principal."


def _paused(fact: DelinquencyPaused, _: str) -> str:
    return f"Delinquency paused until {fact.until}{_why(fact.reason)}."


def _recovery_reversed(fact: RecoveryReversed, currency: str) -> str:
    return (
        f"The recovery of {money_text(fact.amount_minor, currency)} of {fact.value_date} did not "
        f"stand ({fact.reason.replace('_', ' ')})."
    )


def _adjusted(fact: WriteOffAdjusted, currency: str) -> str:
    return (
        f"What was written off changes by {money_text(fact.change.principal_minor, currency)} of "
        "principal because of it."
    )


def _cancelled(fact: WriteOffCancelled, _: str) -> str:
    payments = count_text(len(fact.recovered), "payment")
    return f"Write-off cancelled{_why(fact.reason)}; {payments} recovered meanwhile repay the loan."


def _reopened(fact: LoanReopened, _: str) -> str:
    return f"Open again: it had not ended on {fact.value_date}, when it was closed."


CHANGES: dict[type, tuple[str, Callable[[Any, str], str]]] = {
    RepaymentDesignated: ("repayment_designated", _designated),
    OverpaymentRefunded: (
        "overpayment_refunded",
        lambda fact, currency: f"Refunded {money_text(fact.amount_minor, currency)}.",
    ),
    RepaymentChargedBack: (
        "repayment_charged_back",
        lambda fact, currency: (
            f"{money_text(fact.amount_minor, currency)} charged back, owed again."
        ),
    ),
    LoanRevised: ("revised", _revised),
    ArrearsCapitalised: ("arrears_capitalised", _capitalised),
    DelinquencyPaused: ("delinquency_paused", _paused),
    DelinquencyResumed: ("delinquency_resumed", lambda _, __: "Delinquency counts again."),
    RecoveryReceived: (
        "recovery_received",
        lambda fact, currency: f"Recovered {money_text(fact.amount_minor, currency)}.",
    ),
    RecoveryReversed: ("recovery_reversed", _recovery_reversed),
    WriteOffAdjusted: ("write_off_adjusted", _adjusted),
    WriteOffCancelled: ("write_off_cancelled", _cancelled),
    LoanReopened: ("reopened", _reopened),
}
"""Each kind of fact: its stored name, and what is said of it."""
