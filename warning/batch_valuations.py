"""The batch fold's view of what is reported of a loan: straight from the definitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ledger.dates import day_number
from ledger.events import LoanOpened
from warning.batch_account import only
from warning.valuations import TAKEN, stated_by
from warning.windows import UNKNOWN


def stated(facts: Sequence[Any], name: str, day: int) -> int:
    """One measure by its name in `warning.valuations`, of a loan's facts that count by `day`."""
    word, _, point = name.rpartition("_")
    values = _values(facts, word)
    if point == "before":
        values = [known for known in values if known[0] <= day - 360]
    if not values:
        return UNKNOWN
    if point == "first":
        return [value for since, _, value in values if since == values[0][0]][-1]
    return values[-1][0] if point == "since" else values[-1][2]


def _values(facts: Sequence[Any], word: str) -> list[tuple[int, str, int]]:
    """(day, transaction id, value) in order."""
    values = [
        (day_number(fact.value_date), fact.transaction_id, said[1])
        for fact in only(facts, *TAKEN)
        if (said := stated_by(fact)) is not None and said[0] == word
    ]
    opened = only(facts, LoanOpened)
    if word == "rate" and opened and opened[0].terms.rate_ppm:
        values.append((day_number(opened[0].value_date), "", opened[0].terms.rate_ppm))
    return sorted(values)
