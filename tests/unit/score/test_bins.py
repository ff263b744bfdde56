"""The bin of a value: counted for many values, searched for few, and the same either way."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import default_rng

from warning.bins import bins_of

EDGES = np.array([-1.0, 0.0, 2.5])


def test_a_bin_ends_at_its_edge_and_unknown_has_its_own() -> None:
    # (-inf, -1] (-1, 0] (0, 2.5] (2.5, inf), and unknown as the fifth.
    column = np.array([-9.0, -1.0, -0.5, 0.0, 2.5, 2.6, np.inf, -np.inf, np.nan])
    assert bins_of(column, EDGES).tolist() == [0, 0, 1, 1, 2, 3, 3, 0, 4]


@pytest.mark.parametrize("edges", [0, 1, 31, 64, 65, 300])
def test_many_values_fall_into_the_bins_of_a_search(edges: int) -> None:
    draws = default_rng(edges)
    cuts = np.unique(draws.integers(-500, 500, edges).astype(np.float64))
    column = draws.integers(-600, 600, 5_000).astype(np.float64)  # Many lie on an edge.
    column[draws.random(5_000) < 0.1] = np.nan
    expected = np.where(np.isnan(column), len(cuts) + 1, np.searchsorted(cuts, column))
    assert bins_of(column, cuts).tolist() == expected.tolist()
    few = column[:100]
    assert bins_of(few, cuts).tolist() == expected[:100].tolist()
