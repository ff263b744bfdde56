"""What a generated schedule follows from, and the schedule that follows from it.

Disbursements, rates, early repayments and changes of the terms are its causes. An early repayment
falls due on its own day, as a row of its own, so that what fell due and what was paid still compare
by their totals. A change of the terms keeps every row that was due by its day and plans the rest
anew from the last of them. Knows no repayments but those that change the plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, NamedTuple

from ledger.dates import date_of
from ledger.earnings import Earning
from ledger.errors import RuleRefused
from ledger.periods import periods
from ledger.schedule import earned, generate
from ledger.terms import Grace, Instalment, Revision, Terms

RATE_CAUSE, REVISED_CAUSE, DRAWN_CAUSE, PREPAID, SHORTENED = range(5)
"""Kinds of causes; an early repayment lowers the instalments (PREPAID) or ends the loan sooner."""

Rows = tuple[Instalment, ...]


class Cause(NamedTuple):
    """One of them: its day, its kind, and the amount in minor units or the rate in ppm."""

    day: int
    kind: int
    number: int = 0
    revision: Revision | None = None


def rows_for(
    causes: tuple[Cause, ...], *, terms: Terms, schedules: Mapping[tuple[Cause, ...], Rows]
) -> Rows:
    """The schedule that follows from `causes`, in canonical order: as recorded, else computed.

    Errors: RuleRefused as `schedule.generate`.
    """
    rows = schedules.get(causes)
    return planned(terms, causes) if rows is None else rows


def planned(terms: Terms, causes: Sequence[Cause]) -> Rows:
    """The schedule that follows from `causes`; no rows before anything was paid out.

    Errors: RuleRefused as `schedule.generate`, and "first_due_passed" for changed terms whose first
    due date does not come after the change.
    """
    leg = _last_leg(terms, causes)
    rows = sorted([*leg.fixed, *leg.regular(), *leg.early_rows()], key=lambda row: row.due_date)
    return tuple(replace(row, number=number) for number, row in enumerate(rows, start=1))


def planned_earnings(terms: Terms, causes: Sequence[Cause]) -> Iterator[Earning]:
    """How the contract interest of that schedule is earned, in order; errors as `planned`."""
    leg = _last_leg(terms, causes)
    yield from leg.past
    yield from leg.earnings()


def _last_leg(terms: Terms, causes: Sequence[Cause]) -> _Leg:
    leg = _Leg(terms, None, (), (), ())
    for cause in causes:
        if cause.kind == REVISED_CAUSE:
            leg = leg.revised(cause)
        else:
            leg = replace(leg, causes=(*leg.causes, cause))
    return leg


@dataclass(frozen=True, slots=True)
class _Leg:
    """The plan from one change of the terms to the next.

    `opening` is the first day of its first interest period and the principal not due by then;
    `fixed` are the rows before it, `past` the earnings.
    """

    terms: Terms
    opening: tuple[date, int] | None
    fixed: Rows
    causes: tuple[Cause, ...]
    past: tuple[Earning, ...]

    def _of(self, *kinds: int) -> list[Cause]:
        return [cause for cause in self.causes if cause.kind in kinds]

    def regular(self) -> Rows:
        """The instalments, without the rows of early repayments."""
        what = self._what()
        return generate(self.terms, **what) if what["disbursements"] else ()

    def earnings(self) -> Iterator[Earning]:
        """How the interest of the instalments is earned."""
        what = self._what()
        return earned(self.terms, **what) if what["disbursements"] else iter(())

    def _what(self) -> dict[str, Any]:
        drawn = [(date_of(cause.day), cause.number) for cause in self._of(DRAWN_CAUSE)]
        if self.opening is not None:
            drawn.insert(0, self.opening)
        early = [
            (date_of(cause.day), cause.number, cause.kind == SHORTENED)
            for cause in self._of(PREPAID, SHORTENED)
        ]
        rates = [(date_of(cause.day), cause.number) for cause in self._of(RATE_CAUSE)]
        return {"disbursements": drawn, "rates": rates, "early": early}

    def early_rows(self) -> Rows:
        """Early repayments as rows that fall due on their own day."""
        return tuple(
            Instalment(
                number=0,
                due_date=date_of(cause.day),
                principal_minor=cause.number,
                interest_minor=0,
            )
            for cause in self._of(PREPAID, SHORTENED)
        )

    def revised(self, cause: Cause) -> _Leg:
        """The leg that begins with a change of the terms."""
        revision, day = cause.revision, date_of(cause.day)
        regular = self.regular()
        if revision is None or not regular:
            return self
        begun = self.opening[0] if self.opening else date_of(self._of(DRAWN_CAUSE)[0].day)
        ended = [period.end for period in periods(self.terms, begun) if period.due <= day]
        start = ended[-1] if ended else begun
        due = [row for row in regular if row.due_date <= day]
        before = tuple(c for c in self.causes if date_of(c.day) < start or c.kind == RATE_CAUSE)
        moved = tuple(c for c in self.causes if date_of(c.day) >= start or c.kind == RATE_CAUSE)
        begin = replace(self, causes=before)
        drawn = sum(one.number for one in begin._of(DRAWN_CAUSE))
        early = begin.early_rows()
        gone = sum(row.principal_minor for row in (*due, *early))
        base = (self.opening[1] if self.opening else 0) + drawn - gone
        if revision.rate_ppm is not None:
            moved = (*moved, Cause(cause.day, RATE_CAUSE, revision.rate_ppm))
        following = next((row.due_date for row in regular if row.due_date > day), None)
        terms = _revised(self.terms, revision, revision.first_due_date or following)
        _check_first(terms, start, day)
        past = tuple(earning for earning in self.earnings() if earning.span.due <= day)
        fixed = (*self.fixed, *due, *early)
        return _Leg(terms, (start, base), fixed, moved, (*self.past, *past))


def _revised(terms: Terms, revision: Revision, first: date | None) -> Terms:
    """The terms of the rest: grace and down payment were used up."""
    return replace(
        terms,
        method=revision.method or terms.method,
        instalments=revision.instalments,
        first_due_date=first,
        grace=Grace(
            principal_instalments=revision.interest_only, arrears_days=terms.grace.arrears_days
        ),
        down_payment_ppm=0,
    )


def _check_first(terms: Terms, start: date, day: date) -> None:
    first = periods(terms, start)[0].due
    if first <= day:
        raise RuleRefused(
            f"The first instalment of the changed terms would be due on {first}, not after the "
            f"change of {day}.",
            rule="first_due_passed",
            way_out=f"Name a first due date after {day}.",
        )
