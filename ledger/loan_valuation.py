"""What is reported about a loan from outside. Moves no money; nothing in the ledger depends on it.

Same rules of the house as `loan_decisions`, which calls these with a checked value day.
"""

from __future__ import annotations

from ledger.change_commands import ReportFigure, ValueCollateral
from ledger.checks import same_currency
from ledger.consequences import Facts, common_fields
from ledger.errors import InvalidAmount
from ledger.events import CollateralValued, FigureReported
from ledger.loan import Loan
from ledger.money import MAX_MINOR


def value_collateral(loan: Loan, command: ValueCollateral, day: int) -> Facts:
    """State what secures the loan; 0 when nothing does. Errors: InvalidAmount, CurrencyMismatch."""
    same_currency(command.currency, loan.currency)
    if not 0 <= command.value_minor <= MAX_MINOR:
        raise InvalidAmount(
            f"Collateral worth {command.value_minor} minor units cannot be recorded.",
            way_out=f"Send 0 to {MAX_MINOR} minor units.",
        )
    valued = CollateralValued(
        value_minor=command.value_minor, source=command.source, **common_fields(command)
    )
    return (valued,)


def report_figure(loan: Loan, command: ReportFigure, day: int) -> Facts:
    """State a figure. Errors: InvalidAmount beyond what can be kept."""
    if abs(command.value_micro) > MAX_MINOR:
        raise InvalidAmount(
            f"{command.figure} of {command.value_micro} millionths cannot be recorded.",
            way_out=f"Send at most {MAX_MINOR} millionths.",
        )
    reported = FigureReported(
        figure=command.figure,
        value_micro=command.value_micro,
        source=command.source,
        **common_fields(command),
    )
    return (reported,)
