"""Who is learnt from and who is judged: never the same borrower, and never what was not known yet.

`folds` deals borrowers out whole, those that ever went bad and the others apart, so that folds are
alike. `in_time` cuts at a day: learnt is from judgements whose horizon had ended when the first of
those that are tested was made. Fits nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from warning.windows import BoolArray, IntArray

FOLDS = 5
LEAST_BAD = 10
"""With fewer bad outcomes on either side nothing can be learnt, or said."""
_CUTS = tuple(range(30, 95, 5))


class InTime(NamedTuple):
    """Judgements up to `day` to learn from; those behind `day` and the horizon to test on."""

    day: int
    train: BoolArray
    test: BoolArray


def folds(
    borrowers: IntArray, bad: BoolArray, *, seed: int, count: int = FOLDS
) -> Iterator[BoolArray]:
    """Masks of the rows to judge in each fold; no borrower is in two."""
    known, places = np.unique(borrowers, return_inverse=True)
    ever = np.zeros(len(known), np.bool_)
    ever[places[bad]] = True
    shuffled = np.random.Generator(np.random.PCG64(seed)).permutation(len(known))
    in_turn = shuffled[np.argsort(ever[shuffled], kind="stable")]
    dealt = np.empty(len(known), np.int64)
    dealt[in_turn] = np.arange(len(known)) % count
    for fold in range(count):
        yield (dealt == fold)[places]


def in_time(days: IntArray, bad: BoolArray, *, horizon_days: int, cut: int | None = None) -> InTime:
    """The split at day `cut`, or where both sides hold most bad outcomes; may leave sides empty."""
    if cut is None:
        cuts = np.unique(np.percentile(days, _CUTS, method="lower"))
        weaker = [_weaker(_at(days, int(day), horizon_days), bad) for day in cuts]
        cut = int(cuts[int(np.argmax(weaker))])
    return _at(days, cut, horizon_days)


def is_told(split: InTime, bad: BoolArray) -> bool:
    """Whether both sides hold enough bad and good outcomes."""
    return min(_weaker(split, bad), _weaker(split, ~bad)) >= LEAST_BAD


def _at(days: IntArray, day: int, horizon_days: int) -> InTime:
    return InTime(day, days <= day, days > day + horizon_days)


def _weaker(split: InTime, bad: BoolArray) -> int:
    return min(int((split.train & bad).sum()), int((split.test & bad).sum()))
