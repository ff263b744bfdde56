"""Buckets of days past due, for ageing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ledger.arrears import USUAL_BUCKETS

BUCKET_ENDS = USUAL_BUCKETS.ends
"""Last day of each bucket of days past due: 0, 1-30, 31-60, 61-90, 91-180, 181-270, 271-360, >."""


def bucket(dpd: NDArray[Any]) -> NDArray[np.int8]:
    """Bucket number, 0 to 7, of days past due; see BUCKET_ENDS."""
    found = np.zeros(len(dpd), np.int8)
    late = np.flatnonzero(dpd > 0)
    found[late] = np.searchsorted(BUCKET_ENDS, dpd[late], side="left")
    return found
