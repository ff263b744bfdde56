"""What is reported about a loan from outside: its collateral's value, scores, prices, the market.

None of it moves money or decides anything in the ledger; indicators and grades read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from ledger.codec import event_type

Figure = Literal["external_score", "price_index", "unemployment_percent", "growth_percent"]
"""The closed list of figures. None says who the borrower is: no age, sex, marriage, education."""


@event_type("loan.collateral_valued", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class CollateralValued:
    """All that secures the loan is worth `value_minor` from `value_date`, says `source`."""

    loan_id: str
    value_minor: int
    source: str
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("loan.figure_reported", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class FigureReported:
    """A figure about the borrower's credit or the loan's market is `value_micro` millionths.

    It holds from `value_date` until the next one of its name.
    """

    loan_id: str
    figure: Figure
    value_micro: int
    source: str
    transaction_id: str
    value_date: date
    recorded_at_us: int
