"""Exact sums of whole numbers by group, vectorised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warning.windows import IntArray

Codes = NDArray[Any]


def by_group(
    codes: Sequence[Codes], values: Sequence[IntArray]
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Groups by equal codes, each with its count and the sum of each of `values`.

    Shape: every array (n,); codes 0 or more, few. In ascending order of the codes; int64 sums.
    """
    if not len(codes[0]):
        return
    sizes = [int(code.max()) + 1 for code in codes]
    flat = np.zeros(len(codes[0]), np.int64)
    for code, size in zip(codes, sizes, strict=True):
        flat = flat * size + code
    count = np.bincount(flat)
    sums = []
    for value in values:
        total = np.zeros(len(count), np.int64)
        np.add.at(total, flat, value)
        sums.append(total)
    for group in np.flatnonzero(count).tolist():
        rest = group
        key: list[int] = []
        for size in reversed(sizes):
            rest, number = divmod(rest, size)
            key.insert(0, number)
        yield tuple(key), (int(count[group]), *(int(total[group]) for total in sums))
