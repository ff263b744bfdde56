"""Bins of one indicator by weight of evidence: fine ones, merged until they mean something.

The weight of a bin is the log-odds of going bad in it above those of everybody, drawn towards zero
where the bin is small. Adjacent bins are merged where the field expects risk to rise (or fall) and
the data says otherwise, and where they hardly differ. Unknown is a bin of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import NamedTuple

import numpy as np

from warning.scorecard import Bins
from warning.windows import BoolArray, FloatArray

FINE = 10
"""Fine bins to begin with."""
LEAST_SHARE = 0.05
"""Smaller bins are merged with a neighbour."""
LEAST_DIFFERENCE = 0.10
"""Neighbours whose weights differ by less are one bin."""
PRIOR = 10.0
"""As many loans of everybody's kind are added to each bin."""


class _Bin(NamedTuple):
    upper: float
    loans: int
    bad: int

    def rate(self) -> float:
        return self.bad / self.loans if self.loans else 0.0


_Same = Callable[[_Bin, _Bin], bool]


def binned(name: str, column: FloatArray, bad: BoolArray, expected: int) -> Bins:
    """The bins of `column`. `expected`: +1 where risk rises with it, -1 where it falls, else 0."""
    known = ~np.isnan(column)
    bins = _fine(column[known], bad[known])
    least = LEAST_SHARE * len(column)
    bins = _merged(bins, lambda one, two: min(one.loans, two.loans) < least)
    if expected:
        bins = _merged(bins, lambda one, two: expected * (one.rate() - two.rate()) >= 0)
    overall = float(bad.mean())
    bins = _merged(
        bins, lambda one, two: abs(_weight(one, overall) - _weight(two, overall)) < LEAST_DIFFERENCE
    )
    unknown = _Bin(np.inf, int((~known).sum()), int(bad[~known].sum()))
    every = [*bins, unknown]
    return Bins(
        indicator=name,
        edges=tuple(part.upper for part in bins[:-1]),
        weights=tuple(_weight(part, overall) for part in every),
        shares=tuple(part.loans / len(column) for part in every),
    )


def _fine(known: FloatArray, bad: BoolArray) -> list[_Bin]:
    if not len(known):
        return [_Bin(np.inf, 0, 0)]
    edges = np.unique(np.quantile(known, np.arange(1, FINE) / FINE, method="lower"))
    edges = edges[edges < known.max()]
    place = np.searchsorted(edges, known, side="left")
    loans = np.bincount(place, minlength=len(edges) + 1)
    went = np.bincount(place[bad], minlength=len(edges) + 1)
    uppers = [*edges.tolist(), np.inf]
    return [_Bin(*row) for row in zip(uppers, loans.tolist(), went.tolist(), strict=True)]


def _merged(bins: list[_Bin], same: _Same) -> list[_Bin]:
    """Merge neighbours while any two are `same`; each merge may undo what came before it."""
    done: list[_Bin] = []
    for part in bins:
        done.append(part)
        while len(done) > 1 and same(done[-2], done[-1]):
            last = done.pop()
            done[-1] = _Bin(last.upper, done[-1].loans + last.loans, done[-1].bad + last.bad)
    return done


def _weight(part: _Bin, overall: float) -> float:
    bad = part.bad + PRIOR * overall
    good = part.loans - part.bad + PRIOR * (1 - overall)
    return log(bad / good) - log(overall / (1 - overall))
