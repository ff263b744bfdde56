"""All views, in the order in which they take in a fact."""

from __future__ import annotations

from projections.balances import Balances
from projections.rebuild import Factory
from projections.refusals import Refusals
from projections.register import Register
from projections.trial_balance import TrialBalance
from projections.warnings import Warnings

ALL: tuple[Factory, ...] = (Register, Balances, TrialBalance, Refusals, Warnings)
"""One factory a view."""
