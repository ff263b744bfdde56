"""The batch fold's view of grace and pauses: straight from the definitions, day by day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ledger.dates import day_number
from ledger.events import DelinquencyPaused, DelinquencyResumed, LoanOpened
from warning.batch_account import only


def spared(facts: Sequence[Any], day: int, late: int) -> int:
    """Of the `late` days past due at `day` those that do not count, by a loan's facts."""
    opened = only(facts, LoanOpened)
    grace = opened[0].terms.grace.arrears_days if opened else 0
    resumed = [day_number(fact.value_date) for fact in only(facts, DelinquencyResumed)]
    paused: set[int] = set()
    for fact in only(facts, DelinquencyPaused):
        start = day_number(fact.value_date)
        ends = [day_number(fact.until), *(at for at in resumed if at >= start)]
        paused.update(range(start, min(ends)))
    return min(late, grace + len(paused.intersection(range(day - late, day))))
