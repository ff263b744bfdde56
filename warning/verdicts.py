"""Whether a promise was kept, from what was paid on each value day: the ledger's own definition.

`ledger.collection.standing` decides; here it is given payments by day, as the books of many loans
have them, instead of a loan.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from typing import NamedTuple

from ledger.collection.standing import deadlines, standing_by
from ledger.collection.state import Promise
from ledger.dates import day_number


class Verdict(NamedTuple):
    """`state`: open, kept, partial, broken or cancelled; `decided_day` when it became so, if ever.

    `next_due_day` is the promised day of the first part whose time is not over.
    """

    state: str
    decided_day: int | None
    paid_minor: int
    next_due_day: int | None


def judge(promise: Promise, paid: Mapping[int, int], day: int) -> Verdict:
    """How a promise stands at the end of `day`, by what was paid on its loan on each value day."""
    days = sorted(at for at in paid if at >= promise.made_day)
    sums = [0, *accumulate(paid[at] for at in days)]

    def paid_until(until: int) -> int:
        return sums[bisect_right(days, until)]

    found = standing_by(promise, paid_until, day)
    return Verdict(found.standing, found.decided_day, found.paid_minor, _next_due(promise, day))


def _next_due(promise: Promise, day: int) -> int | None:
    ends = zip(promise.parts, deadlines(promise), strict=True)
    return next((day_number(part.due_date) for part, (end, _) in ends if end > day), None)
