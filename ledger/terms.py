"""What the contract says: the terms of a loan, and one row of its schedule. Data only.

The arithmetic over them lives in `schedule` and `interest`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

Method = Literal["annuity", "equal_principal", "interest_only", "bullet", "given"]
DayCount = Literal["30/360", "act/360", "act/365", "act/act"]
Component = Literal["costs", "fees", "penalty", "interest", "principal"]

LEGAL_ORDER: tuple[Component, ...] = ("costs", "fees", "penalty", "interest", "principal")
"""Costs, then interest, then principal, unless agreed otherwise: Civil Code of China, Art. 561."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The agreed terms. Rates in parts per million a year (94_822 is 9.4822 %)."""

    method: Method
    instalments: int
    period_months: int = 1
    first_due_date: date | None = None
    rate_ppm: int = 0
    day_count: DayCount = "30/360"
    allocation: tuple[Component, ...] = LEGAL_ORDER
    instalment_unit_minor: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Instalment:
    """One row of a schedule: what falls due on `due_date`, in minor units."""

    number: int
    due_date: date
    principal_minor: int
    interest_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """How an amount was applied, by component, in minor units; `unapplied` waits for a due."""

    costs_minor: int = 0
    fees_minor: int = 0
    penalty_minor: int = 0
    interest_minor: int = 0
    principal_minor: int = 0
    unapplied_minor: int = 0
