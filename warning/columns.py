"""One rule over all loans: the lifecycle's numpy columns, and how they count business days.

Knows no episodes, borrowers or people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from warning.engine import AT_ONCE
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
        pending = (holds & (level == 0)).nonzero()[0]
        begun = lapsed = NOBODY
        if for_days:
            counting = (since != 0).nonzero()[0]
            lapsed = counting[~(holds[counting] | (level[counting] > 0))]
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


def holding(rules: Sequence[Rule], values: Values, is_open: BoolArray) -> NDArray[np.bool_]:
    """(rules, loans): where `when` certainly holds, `unless` does not, and the loan is open."""
    rows = len(is_open)
    found = np.empty((len(rules), rows), np.bool_)
    for first in range(0, rows, AT_ONCE):
        piece = slice(first, first + AT_ONCE)
        here = {name: column[piece] for name, column in values.items()}
        spared: dict[str, BoolArray] = {}  # By text: mostly the exception of the whole pack.
        for rule, held in zip(rules, found[:, piece], strict=True):
            np.logical_and(rule.when.holds(here), is_open[piece], out=held)
            if rule.unless is not None:
                if rule.unless.text not in spared:
                    spared[rule.unless.text] = ~rule.unless.holds(here)
                np.logical_and(held, spared[rule.unless.text], out=held)
    return found


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
