"""Arrays in few bytes, and back: whole numbers as narrow as they fit, equal ones once.

Columns are mostly zeros and small numbers in eight bytes each. The compressor would make the same
of them, but it goes through every byte at each start. Floats stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

Shape = list[Any]
"""What an array was: its type, its shape, and the type it is stored in; "" where one number is."""
_NARROW = {"i": (np.int8, np.int16, np.int32), "u": (np.uint8, np.uint16, np.uint32)}


def narrowed(numbers: Sequence[int]) -> Any:
    """Whole numbers in as few bytes as they fit."""
    values = np.array(numbers, np.int64)
    return values.astype(_fitting(values)) if values.size else values.astype(np.int8)


def stored(values: Any) -> tuple[Any, Shape]:
    """An array as it is stored, and what it was."""
    shape: Shape = [values.dtype.str, values.shape]
    if not values.size or values.dtype.kind not in "iub":
        return np.ascontiguousarray(values), [*shape, values.dtype.str]
    if values.min() == values.max():
        return values.reshape(-1)[:1], [*shape, ""]
    kept = np.ascontiguousarray(values, _fitting(values))
    return kept, [*shape, kept.dtype.str]


def restored(held: memoryview, shapes: Iterable[Shape]) -> Iterator[Any]:
    """The arrays of which `held` is all that was stored, one behind the other."""
    at = 0
    for word, shape, narrow in shapes:
        dtype = np.dtype(narrow or word)
        count = prod(shape) if narrow else 1
        kept = np.frombuffer(held, dtype, count, at)
        # A copy of its own: it may be grown, and is let go of alone.
        yield kept.reshape(shape).astype(word) if narrow else np.full(shape, kept[0], word)
        at += count * dtype.itemsize


def _fitting(values: Any) -> Any:
    """The narrowest type of its kind that holds all of `values`."""
    low, high = int(values.min()), int(values.max())
    for dtype in _NARROW.get(values.dtype.kind, ()):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return dtype if np.dtype(dtype).itemsize < values.dtype.itemsize else values.dtype
    return values.dtype
