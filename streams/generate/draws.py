"""Seeded draws in whole numbers: the same seed gives the same portfolio on every machine.

Only the raw bits of PCG64 are used, whose stream numpy keeps stable for ever; numpy's own
distributions may change between versions, and floats between machines. Does not serve secrets.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_STEP = 256  # the exponential table has steps of 1/256
_REACH = 4  # and spans e**-4 … e**4
UNIT = 1 << 16
"""What a factor of exactly 1 is: factors are whole numbers in 1/65536."""


@cache
def _exponentials() -> IntArray:
    """round(65536 * e**(k/256)) for k = -1024 … 1024, by exact decimal arithmetic."""
    span = range(-_REACH * _STEP, _REACH * _STEP + 1)
    return np.array(
        [int((Decimal(k) / _STEP).exp() * UNIT + Decimal("0.5")) for k in span], dtype=np.int64
    )


class Draws:
    """One stream of draws, named by a seed and a path; streams do not disturb each other."""

    def __init__(self, seed: int, *path: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence([seed, *path]))

    def below(self, bound: int | IntArray, size: int) -> IntArray:
        """`size` whole numbers in [0, bound); `bound` at most 2**31, one or one each."""
        raw = (self._bits.random_raw(size) >> np.uint64(33)).astype(np.int64)
        drawn: IntArray = (raw * bound) >> 31
        return drawn

    def between(self, low: int, high: int, size: int) -> IntArray:
        """`size` whole numbers in [low, high]."""
        return low + self.below(high - low + 1, size)

    def chance(self, per_million: int | IntArray, size: int) -> BoolArray:
        """`size` yes-or-no draws, yes with `per_million` / 10**6."""
        hit: BoolArray = self.below(1_000_000, size) < per_million
        return hit

    def bell(self, size: int) -> IntArray:
        """`size` nearly normal whole numbers, mean 0, one standard deviation = 1024.

        The sum of twelve even draws of 16 bits (Irwin-Hall), so never beyond 6 deviations.
        """
        raw = self._bits.random_raw(3 * size).view(np.uint16).reshape(size, 12)
        total: IntArray = raw.astype(np.int64).sum(axis=1) - 12 * 32_767 - 6
        return total >> 6

    def factor(self, sigma_permille: int | IntArray, size: int) -> IntArray:
        """`size` log-normal factors of mean 1, in 1/65536; sigma of the logarithm in 1/1000."""
        drift = (np.asarray(sigma_permille, dtype=np.int64) ** 2 * _STEP) // 2_000_000
        power = (self.bell(size) * sigma_permille * _STEP) // 1_024_000 - drift
        bound = _REACH * _STEP
        factors: IntArray = _exponentials()[np.clip(power, -bound, bound) + bound]
        return factors

    def one(self, bound: int) -> int:
        """One whole number in [0, bound)."""
        return (int(self._bits.random_raw()) >> 33) * bound >> 31
