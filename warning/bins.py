"""Which bin a value falls into, for whole columns at once.

Bins are (-inf, e0], (e0, e1], …, (ek, inf), and one for unknown.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from warning.windows import FloatArray

_MANY, _FEW_EDGES = 2_048, 64


def bins_of(column: FloatArray, edges: FloatArray) -> NDArray[Any]:
    """The bin of each value, from 0; `len(edges) + 1` for unknown.

    `edges` ascend. A search branches by chance in each step; so of many values and few edges it is
    counted how many edges lie below, without a branch.
    """
    unknown = np.isnan(column)
    if len(column) < _MANY or len(edges) > _FEW_EDGES:
        found: NDArray[Any] = edges.searchsorted(column)
        found[unknown] = len(edges) + 1
        return found
    found = unknown.view(np.uint8)
    found *= np.uint8(len(edges) + 1)
    above = np.empty(len(column), np.bool_)
    for edge in edges.tolist():
        np.greater(column, edge, out=above)
        found += above.view(np.uint8)
    return found
