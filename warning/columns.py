"""One rule over all loans: the lifecycle's numpy columns, and how they count business days.

Knows no episodes, borrowers or people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from warning.expressions import BoolArray, Values
from warning.pack import Rule

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Moment:
    """When rules are looked at: the day, and its ordinal among business days."""

    day: int
    ordinal: int


class Due(NamedTuple):
    """Rows of a close: those to ring now, those that begin to wait, and those that wait no more."""

    ring: IntArray
    begun: IntArray
    lapsed: IntArray


NOBODY: IntArray = np.zeros(0, np.int64)


class RuleColumns:
    """One rule over all loans.

    `level`: rank of the open warning, 0 for none. `since`: ordinal since when `when` holds (no open
    warning) or `until` holds (open warning), 0 for not now. `ready`: first ordinal at which it may
    ring again.
    """

    def __init__(self) -> None:
        self.level: NDArray[np.uint8] = np.zeros(0, np.uint8)
        self.since: NDArray[np.int32] = np.zeros(0, np.int32)
        self.ready: NDArray[np.int32] = np.zeros(0, np.int32)

    def grow(self, rows: int) -> None:
        """Make room for `rows` loans."""
        size = len(self.level)
        if rows > size:
            more = max(rows, size + size // 2) - size
            self.level = np.concatenate([self.level, np.zeros(more, np.uint8)])
            self.since = np.concatenate([self.since, np.zeros(more, np.int32)])
            self.ready = np.concatenate([self.ready, np.zeros(more, np.int32)])

    def nbytes(self) -> int:
        """Bytes held."""
        return self.level.nbytes + self.since.nbytes + self.ready.nbytes

    def waits(self, row: int) -> bool:
        """Whether the rule waits to ring about a loan."""
        return row < len(self.since) and bool(self.since[row] and not self.level[row])

    def due(self, holds: BoolArray, *, for_days: int, ordinal: int) -> Due:
        """Count pending days."""
        size = len(holds)
        level, since, ready = self.level[:size], self.since[:size], self.ready[:size]
        pending = np.flatnonzero(holds & (level == 0))
        begun = lapsed = NOBODY
        if for_days:
            counting = np.flatnonzero(since)
            lapsed = counting[(level[counting] == 0) & ~holds[counting]]
            begun = pending[since[pending] == 0]
            since[lapsed], since[begun] = 0, ordinal
            pending = pending[ordinal - since[pending] >= for_days]
        return Due(pending[ready[pending] <= ordinal], begun, lapsed)

    def over(self, rows: IntArray, leaves: BoolArray, *, keep_for: int, ordinal: int) -> BoolArray:
        """Count the days since open warnings left; which of `rows` are over."""
        since = self.since[rows]
        since = np.where(leaves, np.where(since == 0, ordinal, since), 0).astype(np.int32)
        self.since[rows] = since
        over: BoolArray = leaves & (ordinal - since >= keep_for)
        return over


def pick(values: Values, mask: BoolArray) -> Values:
    """The same columns, only where `mask`."""
    return {name: column[mask] for name, column in values.items()}


def ranks_of(rule: Rule, values: Values, size: int) -> IntArray:
    """The gravest step that holds, for each row; the mildest where none does."""
    ranks = np.full(size, rule.steps[0].rank, np.int64)
    for step in rule.steps[1:]:
        if step.when is not None:
            ranks[step.when.holds(values)] = step.rank
    return ranks
