"""Assessments of a loan, and grades that people set: reason, four eyes and an end are required.

Same rules of the house as `loan_decisions`, which calls these with a checked value day. Whether a
regime has a grade of that name is not known here: whoever reads regimes asks before it records.
"""

from __future__ import annotations

import re
from typing import Any, get_args, get_type_hints

from ledger.commands import AssessLoan, EndGradeOverride, OverrideGrade
from ledger.consequences import Facts, common_fields
from ledger.dates import checked_date, day_number
from ledger.errors import InvalidAmount, RuleRefused
from ledger.events import (
    LoanAssessed,
    LoanGradeOverridden,
    LoanGradeOverrideEnded,
    LoanStatusChanged,
)
from ledger.loan import Loan

WHOLE_PPM = 1_000_000
_FINDINGS = frozenset(get_args(get_type_hints(LoanStatusChanged)["finding"]))
_MEASURE = re.compile(r"[a-z][a-z0-9_]{0,63}")


def assess(loan: Loan, command: AssessLoan, day: int) -> Facts:
    """State a measure or take it back. Errors: RuleRefused "unknown_measure", InvalidAmount."""
    measure, value = command.measure, command.value_ppm
    if _MEASURE.fullmatch(measure) is None or measure in _FINDINGS:
        raise RuleRefused(
            f"{measure!r} is not the name of a measure.",
            rule="unknown_measure",
            way_out="Use a-z, 0-9 and _, such as ecl_ratio; findings are sent as "
            "loan_status_changed.",
            loan_id=loan.loan_id,
        )
    if value is not None and not 0 <= value <= WHOLE_PPM:
        raise InvalidAmount(
            f"{measure} is {value} parts per million.", way_out="Send 0 to 100 percent."
        )
    _reasoned(loan, command.reason)
    assessed = LoanAssessed(
        measure=measure, value_ppm=value, reason=command.reason, **common_fields(command)
    )
    return (assessed,)


def override_grade(loan: Loan, command: OverrideGrade, day: int) -> Facts:
    """Set a grade. Errors: RuleRefused "override_without_reason", "same_person",
    "override_without_end", "override_ends_before_it_begins"."""
    _reasoned(loan, command.reason)
    four_eyes(loan, command)
    if command.until is None:
        raise RuleRefused(
            "The override has no end date.",
            rule="override_without_end",
            way_out="Send until, the last day on which it counts; it can be renewed.",
            loan_id=loan.loan_id,
        )
    until = checked_date(command.until)
    if day_number(until) < day:
        raise RuleRefused(
            f"The override would end on {until}, before it begins on {command.value_date}.",
            rule="override_ends_before_it_begins",
            way_out=f"Let it end on {command.value_date} or later.",
            loan_id=loan.loan_id,
        )
    overridden = LoanGradeOverridden(
        regime=command.regime,
        grade=command.grade,
        reason=command.reason,
        requested_by=command.requested_by,
        approved_by=command.approved_by,
        until=until,
        **common_fields(command),
    )
    return (overridden,)


def end_override(loan: Loan, command: EndGradeOverride, day: int) -> Facts:
    """End an override early. Errors: RuleRefused as above, and "no_override"."""
    _reasoned(loan, command.reason)
    four_eyes(loan, command)
    last = loan.overrides.get(command.regime)
    if last is None or last < day:
        raise RuleRefused(
            f"No override of {command.regime} stands on loan {loan.loan_id} "
            f"on {command.value_date}.",
            rule="no_override",
            way_out="Name the regime and a day on which the override stands.",
            loan_id=loan.loan_id,
        )
    ended = LoanGradeOverrideEnded(
        regime=command.regime,
        reason=command.reason,
        requested_by=command.requested_by,
        approved_by=command.approved_by,
        **common_fields(command),
    )
    return (ended,)


def _reasoned(loan: Loan, reason: str) -> None:
    if not reason.strip():
        raise RuleRefused(
            "The reason is empty.",
            rule="no_reason",
            way_out="Say why in a sentence: it is kept and shown.",
            loan_id=loan.loan_id,
        )


def four_eyes(loan: Loan, command: Any) -> None:
    """Errors: RuleRefused "same_person" unless two people asked and agreed."""
    asked, agreed = (_person(who or "") for who in (command.requested_by, command.approved_by))
    if not asked or not agreed or asked == agreed:
        raise RuleRefused(
            f"{command.requested_by} and {command.approved_by} are not two people.",
            rule="same_person",
            way_out="Name who asks for it, and a second person who approves it.",
            loan_id=loan.loan_id,
        )


def _person(name: str) -> str:
    return " ".join(name.split()).casefold()
