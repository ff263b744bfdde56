"""All views, in the order in which they take in a fact."""

from __future__ import annotations

from pathlib import Path

from projections.ageing import Ageing
from projections.balances import Balances
from projections.cases import Cases
from projections.grades import Grades
from projections.history import History
from projections.portfolio import Portfolio
from projections.rebuild import Factory
from projections.refusals import Refusals
from projections.regime_file import DEFAULT, load
from projections.register import Register
from projections.trial_balance import TrialBalance
from projections.warnings import Warnings


def all_views(*regimes: str | Path) -> tuple[Factory, ...]:
    """One factory a view; grades by `regimes`, shipped names or files. Errors: RegimeError."""
    rules = [load(regime) for regime in regimes or (DEFAULT,)]

    def grades() -> Grades:
        return Grades(*rules)

    return (
        Register,
        Balances,
        TrialBalance,
        Ageing,
        Portfolio,
        grades,
        History,
        Warnings,
        Cases,
        Refusals,
    )
