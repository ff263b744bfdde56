"""Whether a score still meets the population it was fitted on.

The stability index compares the points of today's loans with those of the fitting population, in
tenths of the latter: below 0.10 stable, to 0.25 shifting, above that another population (common
practice). Says nothing about whether the score is right: that is for `backtest`, once the horizon
has passed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from warning.discrimination import stability
from warning.engine import Engine
from warning.scorecard import Model, points_of
from warning.windows import FloatArray, IntArray

SHIFTED = 0.25
"""From here on the population is another one."""
LEAST_LOANS = 100
"""Of fewer nothing is said."""


class Drift(NamedTuple):
    """The stability index, and the mean probability said: now, and when the score was fitted."""

    stability_index: float
    mean_pd: float
    fitted_mean_pd: float


def drift_of(engine: Engine) -> Drift | None:
    """The drift of the score in force over the loans that run; None without either."""
    model = engine.score
    if model is None:
        return None
    pd = engine.values(["default_probability_ratio"])["default_probability_ratio"]
    return drift(model, pd[~np.isnan(pd)])


def drift(model: Model, pd: FloatArray) -> Drift | None:
    """The drift of `model` where it says `pd`; None where it keeps no reference, or of no loans."""
    reference = model.about.get("reference")
    if not reference or not len(pd):
        return None
    bands, count = bands_of(model, pd)
    counts = np.bincount(bands, minlength=count)
    index = stability(np.array(reference["shares"]), counts / len(pd))
    return Drift(index, float(pd.mean()), float(reference["mean_pd"]))


def bands_of(model: Model, pd: FloatArray) -> tuple[IntArray, int]:
    """The band of each `pd`, the riskiest 0, and how many there are.

    Bands are tenths of the points of the fitting; one band where the model keeps no reference.
    """
    edges = np.array(model.about.get("reference", {}).get("edges", []))
    clipped = np.clip(pd, 1e-12, 1 - 1e-12)
    points = points_of(np.log(clipped / (1 - clipped)))
    return np.searchsorted(edges, points, side="left"), len(edges) + 1
