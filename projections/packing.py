"""Whole numbers as few bytes: the narrowest width that holds them all, little-endian.

The same numbers give the same bytes on every machine, which a compressor does not promise.
"""

from __future__ import annotations

import numpy as np

from ledger.errors import InvariantBroken
from warning.windows import IntArray

_WIDTHS = {1: "<i1", 2: "<i2", 4: "<i4", 8: "<i8"}


def pack(numbers: IntArray) -> bytes:
    """Numbers as bytes; `unpack` needs their count to give them back."""
    if not numbers.size:
        return b""
    least, most = int(numbers.min()), int(numbers.max())
    for width, name in _WIDTHS.items():
        half = 1 << (8 * width - 1)
        if -half <= least and most < half:
            return numbers.astype(name).tobytes()
    raise InvariantBroken("A whole number of 64 bits needs more than 64 bits.")


def unpack(data: bytes, count: int) -> IntArray:
    """The numbers of `pack`. Errors: InvariantBroken when `data` cannot be `count` numbers."""
    if not count:
        return np.zeros(0, np.int64)
    width, rest = divmod(len(data), count)
    if rest or width not in _WIDTHS:
        raise InvariantBroken(f"{len(data)} bytes are not {count} numbers.")
    return np.frombuffer(data, _WIDTHS[width]).astype(np.int64)


def pack_rows(rows: IntArray) -> bytes:
    """Ascending row numbers as bytes: each by its distance from the one before."""
    return pack(np.diff(rows, prepend=0))


def unpack_rows(data: bytes, count: int) -> IntArray:
    """The rows of `pack_rows`. Errors: InvariantBroken."""
    rows: IntArray = np.cumsum(unpack(data, count))
    return rows
