"""How good the bell was: lead time before default, misses and false alarms, against known outcomes.

Pure arithmetic over warnings and outcomes. Knows neither where the outcomes come from (generated
truth, the ledger's own later history, a labelled set) nor how warnings were made. Definitions:

- Default: the date given for a loan, by the caller's definition.
- Lead time: days from the first warning of the loan to its default, where that warning rang at most
  `horizon_days` before the default. Warnings rung on or after the default do not count.
- False alarm: a warning episode on a loan that did not default within `horizon_days` after it rang,
  as far as was observed; at least `settled_days` after it must have been, or it is not judged yet.
- Withdrawn warnings and inhibited ones never reached a person as alarms: they count for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

from ledger.events import WarningRaised, WarningWithdrawn

HORIZON_DAYS = 365
SETTLED_DAYS = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one loan; None where it did not happen by `observed_until`."""

    default_date: date | None
    first_missed_due: date | None
    observed_until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Figures over a portfolio. Shares are 0 to 1; None where nothing was there to measure."""

    defaults: int
    rung: int
    median_lead_days: float | None
    p10_lead_days: float | None
    share_60_days: float | None
    share_before_first_missed: float | None
    alarms: int
    false_alarms: int
    false_per_100_loans_month: float | None
    leads_days: tuple[int, ...] = ()


def measure(
    facts: Iterable[object],
    outcomes: Mapping[str, Outcome],
    *,
    loan_months: float,
    horizon_days: int = HORIZON_DAYS,
    settled_days: int = SETTLED_DAYS,
) -> Quality:
    """Quality of the warnings in `facts` (any facts of the warnings log) against `outcomes`.

    `loan_months` is the exposure: the sum over loans of months on the book.
    """
    raised = _alarms(facts)
    horizon = timedelta(days=horizon_days)
    leads: list[int] = []
    before_missed = 0
    defaults = [(loan, o) for loan, o in outcomes.items() if o.default_date is not None]
    for loan_id, outcome in defaults:
        rung = [d for d in raised.get(loan_id, ()) if _in_time(d, outcome.default_date, horizon)]
        if rung:
            first = min(rung)
            leads.append(_days(first, outcome.default_date))
            missed = outcome.first_missed_due
            before_missed += missed is not None and first <= missed
    alarms = sum(map(len, raised.values()))
    false = sum(
        _is_false(day, outcomes[loan], horizon, timedelta(days=settled_days))
        for loan, days in raised.items()
        if loan in outcomes
        for day in days
    )
    return Quality(
        defaults=len(defaults),
        rung=len(leads),
        median_lead_days=float(median(leads)) if leads else None,
        p10_lead_days=_tenth(leads),
        share_60_days=_share(sum(lead >= 60 for lead in leads), len(defaults)),
        share_before_first_missed=_share(before_missed, len(defaults)),
        alarms=alarms,
        false_alarms=false,
        false_per_100_loans_month=100 * false / loan_months if loan_months else None,
        leads_days=tuple(sorted(leads)),
    )


def _alarms(facts: Iterable[object]) -> dict[str, list[date]]:
    """Raise dates by loan, without the withdrawn and the inhibited."""
    raised: dict[str, WarningRaised] = {}
    for fact in facts:
        if isinstance(fact, WarningRaised) and fact.inhibited_by is None:
            raised.setdefault(fact.warning_id, fact)
        elif isinstance(fact, WarningWithdrawn):
            raised.pop(fact.warning_id, None)
    days: dict[str, list[date]] = {}
    for warning in raised.values():
        days.setdefault(warning.loan_id, []).append(warning.value_date)
    return days


def _in_time(rung: date, default: date | None, horizon: timedelta) -> bool:
    return default is not None and default - horizon <= rung < default


def _is_false(rung: date, outcome: Outcome, horizon: timedelta, settled: timedelta) -> bool:
    """Rang, and as far as was observed nothing has come of it."""
    if outcome.default_date is not None:
        return rung < outcome.default_date - horizon
    return rung + settled <= outcome.observed_until


def _days(start: date, end: date | None) -> int:
    return (end - start).days if end is not None else 0


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _tenth(leads: list[int]) -> float | None:
    """The 10th percentile by nearest rank: nine in ten rang at least this early."""
    return float(sorted(leads)[max(-(-len(leads) // 10) - 1, 0)]) if leads else None
