"""What waits to ring: as a watch counts it in columns, and as it is on record.

Changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np

from ledger.dates import Calendar, date_of
from ledger.events import WarningLapsed, WarningPending, WarningRaised
from warning.lifecycle import Lifecycle
from warning.pack import SEVERITIES, Rule

DAY = timedelta(days=1)


class Pending(NamedTuple):
    """A rule's `when` has held at every close since `since`: `days` business days of `of`."""

    loan_id: str
    rule: str
    since: date
    days: int
    of: int


def state_of(life: Lifecycle, rule: str, row: int) -> str:
    """The severity of a rule's open warning about a loan; else "pending" or "quiet"."""
    columns = life.columns_of(rule)
    columns.grow(row + 1)
    if columns.level[row]:
        return SEVERITIES[int(columns.level[row]) - 1]
    return "pending" if columns.since[row] else "quiet"


def pending(
    life: Lifecycle, rules: Sequence[Rule], closes: Mapping[int, int], loan_ids: Sequence[str]
) -> list[Pending]:
    """All that waits at the last close, longest first; `closes` are day numbers by ordinal."""
    found = []
    last = max(closes, default=0)
    for rule in rules:
        columns = life.columns_of(rule.name)
        rows = np.flatnonzero((columns.level == 0) & (columns.since > 0))
        for row, since in zip(rows.tolist(), columns.since[rows].tolist(), strict=True):
            day = date_of(closes[since])
            found.append(Pending(loan_ids[row], rule.name, day, last - since, rule.for_days))
    return _longest_first(found)


def pending_in(facts: Iterable[Any], day: date, *, calendar: Calendar) -> list[Pending]:
    """What the facts of the warnings log leave pending at the close of `day`, longest first."""
    waits: dict[str, WarningPending] = {}
    for fact in facts:
        if fact.value_date > day:
            continue
        if type(fact) is WarningPending:
            waits[fact.warning_id] = fact
        elif type(fact) in (WarningLapsed, WarningRaised):
            waits.pop(fact.warning_id, None)
    return _longest_first(
        [
            Pending(
                fact.loan_id,
                fact.rule,
                fact.value_date,
                calendar.business_days(fact.value_date + DAY, day + DAY),
                fact.days,
            )
            for fact in waits.values()
        ]
    )


def _longest_first(found: Iterable[Pending]) -> list[Pending]:
    return sorted(found, key=lambda one: (-one.days, one.rule, one.loan_id))
