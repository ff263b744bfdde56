"""What waits to ring: pending is counted in columns, and told of whenever somebody asks.

Changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np

from ledger.dates import date_of
from warning.lifecycle import Lifecycle
from warning.pack import SEVERITIES, Rule


class Pending(NamedTuple):
    """`when` of a rule has held at every close since `since`, `days` business days of its `for`."""

    loan_id: str
    rule: Rule
    since: date
    days: int


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
            found.append(Pending(loan_ids[row], rule, day, last - since))
    return sorted(found, key=lambda one: (-one.days, one.rule.name, one.loan_id))
