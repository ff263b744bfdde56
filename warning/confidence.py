"""Shares and means with bounds, and how two of them differ. Pure.

Sources: E. B. Wilson, JASA 22 (1927) for one share; R. G. Newcombe, Statistics in Medicine 17
(1998), method 10, for the difference of two; for means the difference with unequal variances
(Welch), by the normal quantile: samples here are hundreds. All at 95 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np

Z = 1.959963984540054
"""The normal quantile of 95 %, two-sided."""


class Bounds(NamedTuple):
    """An estimate between its bounds."""

    value: float
    low: float
    high: float


def share(part: int, whole: int, *, z: float = Z) -> Bounds | None:
    """`part` of `whole` with Wilson's bounds, at the normal quantile `z`; None of nothing."""
    if not whole:
        return None
    p, square = part / whole, z * z / whole
    middle = (p + square / 2) / (1 + square)
    spread = z * sqrt(p * (1 - p) / whole + square / (4 * whole)) / (1 + square)
    low = 0.0 if not part else middle - spread
    return Bounds(p, low, 1.0 if part == whole else middle + spread)


def shares_apart(one: Bounds, other: Bounds) -> Bounds:
    """One share less another, with Newcombe's bounds from those of both."""
    low = sqrt((one.value - one.low) ** 2 + (other.high - other.value) ** 2)
    high = sqrt((one.high - one.value) ** 2 + (other.value - other.low) ** 2)
    apart = one.value - other.value
    return Bounds(apart, apart - low, apart + high)


def means_apart(one: Sequence[int], other: Sequence[int]) -> Bounds | None:
    """The mean of one sample less that of another; None where one has fewer than two."""
    if len(one) < 2 or len(other) < 2:
        return None
    a, b = np.array(one, np.float64), np.array(other, np.float64)
    apart = float(a.mean() - b.mean())
    spread = Z * sqrt(float(a.var(ddof=1)) / len(a) + float(b.var(ddof=1)) / len(b))
    return Bounds(apart, apart - spread, apart + spread)
