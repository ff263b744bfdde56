"""All views, in the order in which they take in a fact."""

from __future__ import annotations

from projections.ageing import Ageing
from projections.balances import Balances
from projections.grades import Grades
from projections.portfolio import Portfolio
from projections.rebuild import Factory
from projections.refusals import Refusals
from projections.register import Register
from projections.trial_balance import TrialBalance
from projections.warnings import Warnings

ALL: tuple[Factory, ...] = (
    Register,
    Balances,
    TrialBalance,
    Ageing,
    Portfolio,
    Grades,
    Warnings,
    Refusals,
)
"""One factory a view."""
