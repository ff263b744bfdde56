"""What came of a portfolio whose fate is known: the figures that the demo closes with.

Reads a node's logs and views and compares with the truth that the generator kept beside them. The
truth never enters the ledger. Prints nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.events import Severity, WarningEscalated, WarningRaised, WarningReopened
from ledger.store import FactLog
from projections.queries import Queries
from streams.generate.truth import LoanTruth
from warning.evaluate import Outcome, Quality, measure
from warning.pack import rank

PAGE = 10_000
DAYS_A_MONTH = 30.4375


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioReport:
    """`warnings` counts each warning once, at its gravest; `sample` is a loan whose story tells."""

    facts: int
    warnings_facts: int
    warnings: dict[str, int]
    quality: Quality
    portfolio: list[dict[str, Any]]
    sample: str | None
    story: list[dict[str, Any]]


def portfolio_report(
    ledger: FactLog, warnings: FactLog, queries: Queries, truth: Sequence[LoanTruth]
) -> PortfolioReport:
    """The report over a book that has read the whole portfolio."""
    rung = [item.fact for item in _all(warnings)]
    outcomes = {
        loan.loan_id: Outcome(
            default_date=loan.default_date,
            first_missed_due=loan.first_missed_due,
            observed_until=loan.observed_until,
        )
        for loan in truth
    }
    sample = _sample(rung, truth)
    return PortfolioReport(
        facts=ledger.last_position(),
        warnings_facts=warnings.last_position(),
        warnings=gravest(rung),
        quality=measure(rung, outcomes, loan_months=_loan_months(queries, truth)),
        portfolio=queries.portfolio()["currencies"],
        sample=sample,
        story=(queries.story(sample) or []) if sample is not None else [],
    )


def _all(log: FactLog) -> Iterator[Any]:
    position = 0
    while page := log.read(after=position, limit=PAGE):
        yield from page
        position = page[-1].position


def gravest(facts: Sequence[object]) -> dict[str, int]:
    """How many warnings by severity, each counted once, at the gravest that it reached."""
    reached: dict[str, Severity] = {}
    for fact in facts:
        if isinstance(fact, WarningRaised | WarningReopened | WarningEscalated):
            known = reached.get(fact.warning_id, fact.severity)
            reached[fact.warning_id] = max(known, fact.severity, key=rank)
    return dict(Counter(reached.values()))


def _loan_months(queries: Queries, truth: Sequence[LoanTruth]) -> float:
    """Months that loans spent on the book, from opening to closing or the end."""
    end = max(loan.observed_until for loan in truth)
    days, after = 0, None
    while True:
        page = queries.loans(after=after, limit=1_000)
        for loan in page.rows:
            days += ((loan["closed_date"] or end) - loan["opened_date"]).days
        after = page.next_cursor
        if after is None:
            return days / DAYS_A_MONTH


def _sample(facts: Sequence[object], truth: Sequence[LoanTruth]) -> str | None:
    """The defaulted loan that shows most in fewest lines: rung long before, by several rules."""
    defaults = {loan.loan_id: loan.default_date for loan in truth if loan.default_date is not None}
    told: dict[str, list[WarningRaised]] = {}
    for fact in facts:
        if isinstance(fact, WarningRaised) and fact.loan_id in defaults:
            told.setdefault(fact.loan_id, []).append(fact)

    def worth(loan_id: str) -> tuple[int, int, str]:
        raised = told[loan_id]
        early = {f.rule for f in raised if f.value_date < defaults[loan_id]}
        return len(early), -len(raised), loan_id

    slid = [loan.loan_id for loan in truth if loan.trouble == "slow_squeeze"]
    return max((loan for loan in slid if loan in told), key=worth, default=None)
