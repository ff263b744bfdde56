"""A loan's story: its facts, warnings and grades as dated lines that a person can read.

Lines are told in the order in which they became known, so that a backdated payment stands where it
arrived and says for which day it counts. Needs no tables: it is given facts and rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from ledger.dates import date_of_us
from ledger.events import (
    WAITS,
    AccountDebitReturned,
    ChargeApplied,
    CollateralValued,
    FigureReported,
    InstalmentsScheduled,
    InterestAccrued,
    LoanAssessed,
    LoanClosed,
    LoanDisbursed,
    LoanGradeOverridden,
    LoanGradeOverrideEnded,
    LoanGuarantorChanged,
    LoanLimitChanged,
    LoanOfficerChanged,
    LoanOpened,
    LoanRateChanged,
    LoanStatusChanged,
    PositionReported,
    RepaymentReceived,
    RepaymentReversed,
    RepaymentsReallocated,
    WarningPending,
)
from ledger.store import Recorded
from ledger.terms import Split
from projections import story_zh
from projections.story_changes import CHANGES
from projections.wording import count_text, money_text, percent_text

FACTS, WARNINGS, GRADES = range(3)
"""The order of lines that became known at the same moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryLine:
    """One line. `kind` is fact, warning or grade; `what` its stored name; `event_id` its source.

    `level` is the severity of a warning or the grade given, else empty.
    """

    date: date
    recorded_at_us: int
    kind: str
    what: str
    text: str
    level: str
    event_id: str


def fact_lines(
    recorded: Iterable[Recorded], currency: str, *, language: str = "en"
) -> list[StoryLine]:
    """Lines of a loan's own facts, and of debits returned on its account, in "en" or "zh"."""
    lines = []
    for item in recorded:
        told = _TELL.get(type(item.fact))
        if told is None:
            continue
        what, tell = told
        day = getattr(item.fact, "noticed_date", item.fact.value_date)
        known = date_of_us(item.fact.recorded_at_us)
        late = (known - day).days > 1
        if language == "zh":
            text = story_zh.TELL[type(item.fact)](item.fact, currency)
            text += f"于 {known} 入账。" if late else ""
        else:
            text = tell(item.fact, currency) + (f" Recorded on {known}." if late else "")
        lines.append(
            StoryLine(
                date=day,
                recorded_at_us=item.fact.recorded_at_us,
                kind="fact",
                what=what,
                text=text,
                level="",
                event_id=item.event_id,
            )
        )
    return lines


def warning_lines(history: Iterable[dict[str, Any]], rules: dict[str, str]) -> list[StoryLine]:
    """Lines of the changes of warnings; `rules` gives the rule of each warning id."""
    return [
        StoryLine(
            date=row["value_date"],
            recorded_at_us=row["recorded_at_us"],
            kind="warning",
            what=row["change"],
            text=_warning_text(row, rules.get(row["warning_id"], "")),
            level=row["severity"] or "",
            event_id=row["event_id"],
        )
        for row in history
    ]


def wait_lines(recorded: Iterable[Recorded]) -> list[StoryLine]:
    """Lines of what was pending: a rule began to wait, or ended so; the other facts pass by."""
    return [
        StoryLine(
            date=item.fact.value_date,
            recorded_at_us=item.fact.recorded_at_us,
            kind="warning",
            what=(what := "pending" if type(item.fact) is WarningPending else "lapsed"),
            text=f"Warning {what}: {item.fact.rule}: {item.fact.reason}",
            level="",
            event_id=item.event_id,
        )
        for item in recorded
        if type(item.fact) in WAITS
    ]


def grade_lines(changes: Iterable[dict[str, Any]]) -> list[StoryLine]:
    """Lines of the changes of a grade."""
    return [
        StoryLine(
            date=row["since_date"],
            recorded_at_us=row["recorded_at_us"],
            kind="grade",
            what=row["rule"],
            text=f"{_grade_move(row)} {row['reason']} ({row['article']}, {row['mark']})",
            level=row["grade"],
            event_id=f"ledger#{row['position']}",
        )
        for row in changes
    ]


def told(*parts: Sequence[StoryLine]) -> list[StoryLine]:
    """All lines in the order in which they became known."""
    numbered = [
        (line.recorded_at_us, place, at, line)
        for place, lines in enumerate(parts)
        for at, line in enumerate(lines)
    ]
    numbered.sort(key=lambda entry: entry[:3])
    return [entry[3] for entry in numbered]


def _warning_text(row: dict[str, Any], rule: str) -> str:
    severity = f" {row['severity']}" if row["severity"] else ""
    by = f" by {row['actor']}" if row["actor"] else ""
    return f"Warning {row['change']}{by}:{severity} {rule}: {row['reason']}".strip()


def _grade_move(row: dict[str, Any]) -> str:
    grade = row["grade"].replace("_", " ")
    if row["grade_before"] is None:
        return f"Graded {grade}."
    verb = "lowered" if row["rank"] > row["rank_before"] else "raised"
    return f"Grade {verb} from {row['grade_before'].replace('_', ' ')} to {grade}."


def _opened(fact: LoanOpened, currency: str) -> str:
    terms = fact.terms
    rate = f"{terms.rate_ppm // 10_000}.{terms.rate_ppm % 10_000:04d} %"
    return (
        f"Loan of {money_text(fact.principal_minor, currency)} to {fact.borrower_id} "
        f"({fact.product}, {terms.method.replace('_', ' ')}, "
        f"{count_text(terms.instalments, 'instalment')}, {rate} a year), officer "
        f"{fact.officer_id}, branch {fact.branch}."
    )


def _scheduled(fact: InstalmentsScheduled, currency: str) -> str:
    rows = fact.instalments
    if not rows:
        return "The schedule is empty."
    total = sum(row.principal_minor + row.interest_minor for row in rows)
    days = [row.due_date for row in rows]
    return (
        f"Schedule {fact.schedule_version}: {count_text(len(rows), 'instalment')}, "
        f"{money_text(total, currency)} in all, due {min(days)} to {max(days)}."
    )


def _received(fact: RepaymentReceived, currency: str) -> str:
    return (
        f"Repayment of {money_text(fact.amount_minor, currency)}: {_parts(fact.split, currency)}."
    )


def _reversed(fact: RepaymentReversed, currency: str) -> str:
    return (
        f"The repayment of {money_text(fact.amount_minor, currency)} of {fact.value_date} did not "
        f"stand ({fact.reason.replace('_', ' ')})."
    )


def _reallocated(fact: RepaymentsReallocated, _: str) -> str:
    return f"{count_text(len(fact.changes), 'later repayment')} applied anew because of it."


def _reported(fact: PositionReported, currency: str) -> str:
    months = fact.months_past_due
    late = f", {count_text(months, 'month')} past due" if months else ""
    return f"Reported outstanding {money_text(fact.outstanding_minor, currency)}{late}."


def _status(fact: LoanStatusChanged, _: str) -> str:
    verb = "Found" if fact.active else "No longer"
    return f"{verb}: {fact.finding.replace('_', ' ')} ({fact.reason})."


def _assessed(fact: LoanAssessed, _: str) -> str:
    measure = fact.measure.replace("_", " ")
    if fact.value_ppm is None:
        return f"No longer assessed: {measure} ({fact.reason})."
    return f"Assessed: {measure} {percent_text(fact.value_ppm)} ({fact.reason})."


def _valued(fact: CollateralValued, currency: str) -> str:
    said = f" ({fact.source})" if fact.source else ""
    return f"Collateral valued at {money_text(fact.value_minor, currency)}{said}."


def _figure(fact: FigureReported, _: str) -> str:
    said = f" ({fact.source})" if fact.source else ""
    value = format(Decimal(fact.value_micro).scaleb(-6).normalize(), "f")
    return f"Reported: {fact.figure.replace('_', ' ')} {value}{said}."


def _overridden(fact: LoanGradeOverridden, _: str) -> str:
    return (
        f"Grade in {fact.regime} set to {fact.grade.replace('_', ' ')} until {fact.until} by "
        f"{fact.requested_by}, approved by {fact.approved_by} ({fact.reason})."
    )


def _override_ended(fact: LoanGradeOverrideEnded, _: str) -> str:
    return (
        f"The grade set in {fact.regime} was lifted by {fact.requested_by}, approved by "
        f"{fact.approved_by} ({fact.reason})."
    )


def _parts(split: Split, currency: str) -> str:
    names = ("costs", "fees", "penalty", "interest", "principal", "unapplied")
    parts = [
        f"{name} {money_text(amount, currency)}"
        for name in names
        if (amount := getattr(split, f"{name}_minor"))
    ]
    return ", ".join(parts) or "nothing applied"


def _charged(fact: ChargeApplied, currency: str) -> str:
    amount = money_text(fact.amount_minor, currency)
    return f"Charge ({fact.kind}) of {amount}, due {fact.due_date}."


def _accrued(fact: InterestAccrued, currency: str) -> str:
    due = sum(one.penalty_minor + one.compound_minor for one in fact.penalties)
    off = fact.suspended_interest_minor + fact.suspended_penalty_minor
    parts = [f"interest {money_text(fact.interest_minor, currency)}"] if fact.interest_minor else []
    parts += [f"penalties {money_text(due, currency)}"] if due else []
    parts += [f"off balance {money_text(off, currency)}"] if off else []
    state = "; accrual is suspended" if fact.suspended else ""
    return f"Booked up to {fact.until}: {', '.join(parts) or 'nothing'}{state}."


def _closed(fact: LoanClosed, _: str) -> str:
    by = f" by {fact.requested_by}, approved by {fact.approved_by}" if fact.approved_by else ""
    return f"Closed: {fact.reason.replace('_', ' ')}{by}."


Tell = Callable[[Any, str], str]
_TELL: dict[type, tuple[str, Tell]] = {
    LoanOpened: ("opened", _opened),
    LoanDisbursed: (
        "disbursed",
        lambda fact, currency: f"Paid out {money_text(fact.amount_minor, currency)}.",
    ),
    InstalmentsScheduled: ("instalments_scheduled", _scheduled),
    RepaymentReceived: ("repayment_received", _received),
    RepaymentReversed: ("repayment_reversed", _reversed),
    RepaymentsReallocated: ("repayments_reallocated", _reallocated),
    ChargeApplied: ("charge_applied", _charged),
    InterestAccrued: ("interest_accrued", _accrued),
    LoanRateChanged: (
        "rate_changed",
        lambda fact, _: f"Rate {fact.rate_ppm // 10_000}.{fact.rate_ppm % 10_000:04d} % a year.",
    ),
    LoanLimitChanged: (
        "limit_changed",
        lambda fact, currency: f"Limit {money_text(fact.limit_minor, currency)}.",
    ),
    LoanOfficerChanged: (
        "officer_changed",
        lambda fact, _: f"Officer {fact.officer_id}, branch {fact.branch}, takes over.",
    ),
    LoanGuarantorChanged: (
        "guarantor_changed",
        lambda fact, _: f"Guarantor: {fact.guarantor_id or 'none'}.",
    ),
    LoanStatusChanged: ("status_changed", _status),
    LoanAssessed: ("assessed", _assessed),
    LoanGradeOverridden: ("grade_overridden", _overridden),
    LoanGradeOverrideEnded: ("grade_override_ended", _override_ended),
    PositionReported: ("position_reported", _reported),
    CollateralValued: ("collateral_valued", _valued),
    FigureReported: ("figure_reported", _figure),
    LoanClosed: ("closed", _closed),
    **CHANGES,
    AccountDebitReturned: (
        "debit_returned",
        lambda fact, currency: (
            f"Direct debit of {money_text(fact.amount_minor, currency)} returned unpaid."
        ),
    ),
}
