"""What the contract says: the terms of a loan, and one row of its schedule. Data only.

The arithmetic over them lives in `schedule` and `interest`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from ledger.codec_source import LATER

Method = Literal["annuity", "equal_principal", "interest_only", "bullet", "given"]
DayCount = Literal["30/360", "act/360", "act/365", "act/act"]
Component = Literal["costs", "fees", "penalty", "interest", "principal"]
RoundingMode = Literal["half_up", "half_even", "down", "up"]
Level = Literal["exact", "equal_periods"]
"""How an annuity's instalment is found: from each period's own length, or as if all were equal."""
Convention = Literal["following", "modified_following", "preceding"]
Direction = Literal["component", "stage", "instalment"]
"""What is due is met component by component; past due before due of the day, each component by
component; or instalment by instalment, the oldest first."""
Recognition = Literal["received", "accrued"]
"""When interest is income: when it is received, or day by day as it is earned."""

LEGAL_ORDER: tuple[Component, ...] = ("costs", "fees", "penalty", "interest", "principal")
"""Costs, then interest, then principal, unless agreed otherwise: Civil Code of China, Art. 561."""


def later(default: Any) -> Any:
    """A field that came with a later version; at its default it does not count in a digest.

    So a command that was recorded before the field was known is known again when it is sent again.
    """
    return field(default=default, metadata={LATER: True})


@dataclass(frozen=True, slots=True, kw_only=True)
class Grace:
    """What the borrower is spared at first, in instalments, and how late a payment may come.

    `principal_instalments` repay none. In `interest_instalments` interest is earned but falls due
    only with the first instalment after them. `interest_free_instalments` bear none. Up to
    `arrears_days` after a due date bear no penalty and do not count as delinquent; days past due
    as regulators count them go on.
    """

    principal_instalments: int = 0
    interest_instalments: int = 0
    interest_free_instalments: int = 0
    arrears_days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Roll:
    """Where a due date goes that is no business day.

    `weekmask` is Monday to Sunday, "1" for a business day; `worked` are rest days that are worked.
    `moves_interest` says whether the interest period ends on the moved day or where it would have.
    The days are part of the contract, so that a schedule follows from the facts alone.
    """

    convention: Convention
    weekmask: str = "1111100"
    holidays: tuple[date, ...] = ()
    worked: tuple[date, ...] = ()
    moves_interest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Penalty:
    """Interest on what is overdue: the contract rate times (1 + markup), and a spread on top.

    `markup_ppm` is a share of the contract rate (500_000: half as much again), `spread_ppm` parts
    per million a year to add. While funds are misused `misuse_markup_ppm` applies, if higher, and
    to all principal outstanding. `compound`: overdue interest bears it too.
    """

    markup_ppm: int = 0
    spread_ppm: int = 0
    misuse_markup_ppm: int = 0
    compound: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The agreed terms. Rates in parts per million a year (94_822 is 9.4822 %).

    A period is `period_days` days, or `period_months` months when that is 0. `month_end` keeps due
    dates on the last day of the month. `revolving`: what is repaid may be drawn again, up to the
    limit. Interest and instalments are rounded by `rounding`, instalments to
    `instalment_unit_minor`. Of each disbursement `down_payment_ppm` is due on its own day.
    `direction` says how repayments go through what is due; once more than
    `principal_first_after_days` past due, a repayment meets principal before all else.
    `recognition` "accrued" books interest as it is earned, until the loan is more than
    `suspend_after_days` past due.
    """

    method: Method
    instalments: int
    period_months: int = 1
    first_due_date: date | None = None
    rate_ppm: int = 0
    day_count: DayCount = "30/360"
    allocation: tuple[Component, ...] = LEGAL_ORDER
    instalment_unit_minor: int = 1
    period_days: int = later(0)
    month_end: bool = later(False)
    level: Level = later("exact")
    rounding: RoundingMode = later("half_up")
    down_payment_ppm: int = later(0)
    revolving: bool = later(False)
    grace: Grace = later(Grace())
    roll: Roll | None = later(None)
    penalty: Penalty | None = later(None)
    recognition: Recognition = later("received")
    suspend_after_days: int = later(90)
    direction: Direction = later("component")
    principal_first_after_days: int | None = later(None)

    @property
    def accrues(self) -> bool:
        """Whether interest is booked before it is received: as it is earned, or as a penalty."""
        return self.recognition == "accrued" or self.penalty is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What of the terms holds from a day on, for the principal that is not due by then.

    `instalments` count from that day; the first `interest_only` of them repay no principal. What is
    None stays as it was.
    """

    instalments: int
    first_due_date: date | None = None
    rate_ppm: int | None = None
    method: Method | None = None
    interest_only: int = 0


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
