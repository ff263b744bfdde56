"""How good the bell was: lead time before default, misses and false alarms, against known outcomes.

Pure arithmetic over warnings and outcomes. Knows neither where the outcomes come from (generated
truth, the ledger's own later history, a labelled set) nor how warnings were made. An alarm is a
warning that reached a person, on the day on which it did; `reached` says which, and when one warned
of a default. Definitions:

- Default: the date given for a loan, by the caller's definition.
- Lead time: days from the first alarm of the loan that warned of its default, to the default.
- False alarm: one that a person found false; or of a loan that did not default within
  `horizon_days` after it, as far as was observed: at least `settled_days` must have been, or it is
  not judged yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from statistics import median

from ledger.codec import topic_of
from ledger.dates import day_number
from warning.reached import HORIZON_DAYS, Alarm, reached, told, warned

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
    alarms = _alarms(facts)
    leads: list[int] = []
    before_missed = 0
    defaults = [(loan, o, o.default_date) for loan, o in outcomes.items() if o.default_date]
    for loan_id, outcome, default_date in defaults:
        default = day_number(default_date)
        days = [alarm.day for alarm in alarms.get(loan_id, ()) if alarm.stands]
        rung = [day for day in days if warned(day, default, horizon_days=horizon_days)]
        if rung:
            first = min(rung)
            leads.append(default - first)
            missed = outcome.first_missed_due
            before_missed += missed is not None and first <= day_number(missed)
    false = sum(
        _is_false(alarm, outcomes[loan], horizon_days, settled_days)
        for loan, of_loan in alarms.items()
        if loan in outcomes
        for alarm in of_loan
    )
    return Quality(
        defaults=len(defaults),
        rung=len(leads),
        median_lead_days=float(median(leads)) if leads else None,
        p10_lead_days=_tenth(leads),
        share_60_days=_share(sum(lead >= 60 for lead in leads), len(defaults)),
        share_before_first_missed=_share(before_missed, len(defaults)),
        alarms=sum(map(len, alarms.values())),
        false_alarms=false,
        false_per_100_loans_month=100 * false / loan_months if loan_months else None,
        leads_days=tuple(sorted(leads)),
    )


def _alarms(facts: Iterable[object]) -> dict[str, list[Alarm]]:
    """What reached a person, by loan, without the withdrawn."""
    of_warnings = (fact for fact in facts if topic_of(fact).startswith("warning."))
    found: dict[str, list[Alarm]] = {}
    for alarm in reached(map(told, of_warnings)).values():
        if not alarm.withdrawn:
            found.setdefault(alarm.loan_id, []).append(alarm)
    return found


def _is_false(alarm: Alarm, outcome: Outcome, horizon_days: int, settled_days: int) -> bool:
    """Found false, or as far as was observed nothing has come of it."""
    if alarm.found_false:
        return True
    if outcome.default_date is not None:
        return alarm.day < day_number(outcome.default_date) - horizon_days
    return alarm.day + settled_days <= day_number(outcome.observed_until)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _tenth(leads: list[int]) -> float | None:
    """The 10th percentile by nearest rank: nine in ten rang at least this early."""
    return float(sorted(leads)[max(-(-len(leads) // 10) - 1, 0)]) if leads else None
