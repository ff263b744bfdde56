"""The terms of a loan: as a message says them, and as the ledger takes them."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from ledger.dates import Calendar
from ledger.terms import (
    LEGAL_ORDER,
    Component,
    Convention,
    DayCount,
    Direction,
    Grace,
    Level,
    Method,
    Penalty,
    Recognition,
    Roll,
    RoundingMode,
    Terms,
)
from streams.fields import (
    MAX_INSTALMENTS,
    Amount,
    Days,
    RatePercent,
    Shape,
    Share,
    day_of,
    positive_of,
    ppm_of,
)

HOLIDAYS_FILE = Path(__file__).parent / "calendars" / "cn.txt"


class GraceShape(Shape):
    """What is spared at first, in instalments, and how many days a payment may be late."""

    principal_instalments: Annotated[int, Field(ge=0, lt=MAX_INSTALMENTS)] = 0
    interest_instalments: Annotated[int, Field(ge=0, lt=MAX_INSTALMENTS)] = 0
    interest_free_instalments: Annotated[int, Field(ge=0, lt=MAX_INSTALMENTS)] = 0
    arrears_days: Days = 0


class RollShape(Shape):
    """Where a due date goes that is no business day. `calendar` "cn" adds the known holidays."""

    convention: Convention
    weekmask: Annotated[str, StringConstraints(pattern=r"^[01]{7}$")] = "1111100"
    calendar: Literal["cn"] | None = None
    holidays: Annotated[list[date], Field(max_length=2_000, default_factory=list)]
    worked: Annotated[list[date], Field(max_length=2_000, default_factory=list)]
    moves_interest: bool = False


class PenaltyShape(Shape):
    """Interest on what is overdue: percent of the contract rate on top, and points a year."""

    markup_percent: Share = "0"
    spread_percent: RatePercent = "0"
    misuse_markup_percent: Share = "0"
    compound: bool = False


class TermsShape(Shape):
    """The agreed terms of a loan."""

    method: Method
    instalments: Annotated[int, Field(ge=0, le=MAX_INSTALMENTS)]
    period_months: Annotated[int, Field(ge=1, le=120)] = 1
    first_due_date: date | None = None
    rate_percent: RatePercent
    day_count: DayCount = "30/360"
    allocation: Annotated[
        list[Component],
        Field(min_length=1, max_length=5, default_factory=lambda: list(LEGAL_ORDER)),
    ]
    instalment_unit: Amount | None = None
    period_days: Days = 0
    month_end: bool = False
    level: Level = "exact"
    rounding: RoundingMode = "half_up"
    down_payment_percent: Share = "0"
    revolving: bool = False
    grace: GraceShape | None = None
    roll: RollShape | None = None
    penalty: PenaltyShape | None = None
    recognition: Recognition = "received"
    suspend_after_days: Days = 90
    direction: Direction = "component"
    principal_first_after_days: Days | None = None


def terms_of(shape: TermsShape, currency: str) -> Terms:
    """The terms as the ledger takes them. Errors: InvalidAmount, DateOutOfRange."""
    unit = shape.instalment_unit
    return Terms(
        method=shape.method,
        instalments=shape.instalments,
        period_months=shape.period_months,
        first_due_date=None if shape.first_due_date is None else day_of(shape.first_due_date),
        rate_ppm=ppm_of(shape.rate_percent),
        day_count=shape.day_count,
        allocation=tuple(shape.allocation),
        instalment_unit_minor=1 if unit is None else positive_of(unit, currency),
        period_days=shape.period_days,
        month_end=shape.month_end,
        level=shape.level,
        rounding=shape.rounding,
        down_payment_ppm=ppm_of(shape.down_payment_percent),
        revolving=shape.revolving,
        grace=Grace() if shape.grace is None else Grace(**shape.grace.model_dump()),
        roll=None if shape.roll is None else _roll(shape.roll),
        penalty=None if shape.penalty is None else _penalty(shape.penalty),
        recognition=shape.recognition,
        suspend_after_days=shape.suspend_after_days,
        direction=shape.direction,
        principal_first_after_days=shape.principal_first_after_days,
    )


def _roll(shape: RollShape) -> Roll:
    """The days that a calendar names become part of the contract, as known today."""
    holidays, worked = set(map(day_of, shape.holidays)), set(map(day_of, shape.worked))
    if shape.calendar is not None:
        known = _known_calendar()
        holidays, worked = holidays | known.holidays, worked | known.working
    return Roll(
        convention=shape.convention,
        weekmask=shape.weekmask,
        holidays=tuple(sorted(holidays)),
        worked=tuple(sorted(worked)),
        moves_interest=shape.moves_interest,
    )


@cache
def _known_calendar() -> Calendar:
    return Calendar.read(HOLIDAYS_FILE)


def _penalty(shape: PenaltyShape) -> Penalty:
    return Penalty(
        markup_ppm=ppm_of(shape.markup_percent),
        spread_ppm=ppm_of(shape.spread_percent),
        misuse_markup_ppm=ppm_of(shape.misuse_markup_percent),
        compound=shape.compound,
    )
