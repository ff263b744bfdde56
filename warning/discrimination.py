"""How well a number tells bad loans from good ones: ranks, captures, calibration, stability.

Pure arithmetic over scores (the higher, the riskier) and outcomes. Knows no loans and no models.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from warning.windows import BoolArray, FloatArray, IntArray

SMALLEST_SHARE = 1e-4
"""Shares below it count as it in the stability index: an empty bin is not infinitely unstable."""


def ranks(score: FloatArray) -> FloatArray:
    """Ranks from 1, ties sharing their mean."""
    order = np.argsort(score, kind="stable")
    ordered = score[order]
    first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    last = np.append(first[1:], len(score))
    mean = (first + last + 1) / 2
    found = np.empty(len(score))
    found[order] = np.repeat(mean, last - first)
    return found


def auc(score: FloatArray, bad: BoolArray) -> float:
    """Share of (bad, good) pairs in which the bad one has the higher score; ties count half.

    NaN where there is no pair.
    """
    bads = int(bad.sum())
    pairs = bads * (len(bad) - bads)
    if not pairs:
        return float("nan")
    return float((ranks(score)[bad].sum() - bads * (bads + 1) / 2) / pairs)


def average_precision(score: FloatArray, bad: BoolArray) -> float:
    """Mean precision over the recalls reached, going down by score; ties are taken together."""
    if not bad.any():
        return float("nan")
    order = np.argsort(-score, kind="stable")
    hits, ordered = np.cumsum(bad[order]), score[order]
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    precision = hits[last] / (last + 1)
    gained = np.diff(hits[last], prepend=0)
    return float((precision * gained).sum() / bad.sum())


def capture(score: FloatArray, bad: BoolArray, *, share: float) -> tuple[float, float]:
    """(recall, precision) of the riskiest `share` of loans; a tie at the edge is taken in part."""
    budget = max(1, round(share * len(score)))
    if not bad.any():
        return float("nan"), float("nan")
    edge = np.sort(score)[-budget]
    above, tied = score > edge, score == edge
    part = (budget - above.sum()) / tied.sum()
    hits = bad[above].sum() + part * bad[tied].sum()
    return float(hits / bad.sum()), float(hits / budget)


def interval(
    measure: Callable[[FloatArray, BoolArray], float],
    score: FloatArray,
    bad: BoolArray,
    groups: IntArray,
    *,
    seed: int,
    draws: int,
    percentiles: tuple[float, float] = (2.5, 97.5),
) -> tuple[float, float]:
    """Bootstrap interval of `measure`, drawing whole groups (borrowers) with replacement."""
    generator = np.random.Generator(np.random.PCG64(seed))
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.append(True, groups[order][1:] != groups[order][:-1]))
    sizes = np.diff(np.append(starts, len(order)))
    found = []
    for _ in range(draws):
        drawn = generator.integers(0, len(starts), len(starts))
        rows = order[_spread(starts[drawn], sizes[drawn])]
        found.append(measure(score[rows], bad[rows]))
    low, high = np.nanpercentile(found, percentiles)
    return float(low), float(high)


def _spread(starts: IntArray, sizes: IntArray) -> IntArray:
    """All places of segments."""
    ends = np.cumsum(sizes)
    places: IntArray = np.arange(int(ends[-1])) + np.repeat(starts - (ends - sizes), sizes)
    return places


def stability(expected: FloatArray, actual: FloatArray) -> float:
    """Population stability index of two distributions over the same bins (shares).

    Below 0.10 stable, up to 0.25 shifting, above that another population (common practice).
    """
    before = np.maximum(expected, SMALLEST_SHARE)
    now = np.maximum(actual, SMALLEST_SHARE)
    return float(((now - before) * np.log(now / before)).sum())


def calibration(pd: FloatArray, bad: BoolArray, *, bins: int = 10) -> list[dict[str, float]]:
    """Groups of equal size by predicted probability: mean predicted, observed, how many."""
    order = np.argsort(pd, kind="stable")
    return [
        {
            "predicted": float(pd[part].mean()),
            "observed": float(bad[part].mean()),
            "loans": len(part),
        }
        for part in np.array_split(order, bins)
        if len(part)
    ]
