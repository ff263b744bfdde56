"""Whether a promise was kept: what was paid on its loan by the days that were promised.

Pure. A part is kept when what was paid from the promise's day to the end of the part's tolerance
reaches all that was promised up to it, less the tolerance in hundredths of a percent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Terms(NamedTuple):
    """A promise: its day, its parts as (due day, amount), and what is tolerated."""

    made_day: int
    parts: Sequence[tuple[int, int]]
    tolerance_days: int
    tolerance_bps: int


class Verdict(NamedTuple):
    """`state`: open, kept, partial, broken. `decided_day`: when it became so; None while open.

    `next_due_day` is the day of the first part that is not met yet, None when none is left.
    """

    state: str
    decided_day: int | None
    paid_minor: int
    next_due_day: int | None


def judge(terms: Terms, paid: Mapping[int, int], day: int) -> Verdict:
    """How a promise stands at the end of `day`, by what was paid on each value day."""
    days = sorted(at for at in paid if terms.made_day <= at <= day)
    total = sum(paid[at] for at in days)
    promised, met_day = 0, terms.made_day
    for due_day, amount in terms.parts:
        promised += amount
        wanted = promised * (10_000 - terms.tolerance_bps)
        last = due_day + terms.tolerance_days
        got, reached = _reached(days, paid, last, wanted)
        if reached is None:
            if day < last:
                return Verdict("open", None, total, due_day)
            return Verdict("partial" if got > 0 else "broken", last, total, due_day)
        met_day = max(met_day, reached)
    return Verdict("kept", met_day, total, None)


def _reached(
    days: Sequence[int], paid: Mapping[int, int], last: int, wanted: int
) -> tuple[int, int | None]:
    """What was paid up to `last`, and since which day it has been enough; None while it is not."""
    got, since = 0, None
    for day in days:
        if day <= last:
            got += paid[day]
            enough = got * 10_000 >= wanted
            since = (since if since is not None else day) if enough else None
    return got, since
