"""Intentions that change a loan after it was agreed, and those that close the books. As `commands`.

Amounts are whole minor units of `currency`, always positive.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ledger.commands import Command, LoanCommand
from ledger.events import Figure, RevisionKind
from ledger.ids import CALENDAR_STREAM
from ledger.terms import Instalment, Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundOverpayment(LoanCommand):
    """Give money back that waits in suspense."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeBack(LoanCommand):
    """Take back part or all of a repayment, from the value date on."""

    charged_back_transaction_id: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviseLoan(LoanCommand):
    """Extend, reschedule or restructure: by changed terms, or by a schedule of the core system."""

    kind: RevisionKind
    currency: str
    revision: Revision | None
    instalments: tuple[Instalment, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CapitaliseArrears(LoanCommand):
    """Turn `amount_minor` of what is overdue into principal."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseDelinquency(LoanCommand):
    """Do not count the days from the value date up to `until` as delinquent."""

    until: date
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeDelinquency(LoanCommand):
    """End the pauses that run on the value date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoverWrittenOff(LoanCommand):
    """Take in money on a loan that was written off."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelWriteOff(LoanCommand):
    """Let a loan stand as if it had not been written off."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueCollateral(LoanCommand):
    """State what all that secures the loan is worth."""

    value_minor: int
    currency: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFigure(LoanCommand):
    """State a figure about the borrower's credit or the loan's market, in millionths."""

    figure: Figure
    value_micro: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosePeriod(Command):
    """Take no more facts valued up to and including the value date."""

    @property
    def stream(self) -> str:
        return CALENDAR_STREAM


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopenPeriod(Command):
    """Take facts again that are valued from the value date on."""

    reason: str

    @property
    def stream(self) -> str:
        return CALENDAR_STREAM
