"""Whether a score still meets the population it was fitted on."""

from __future__ import annotations

from math import log

import numpy as np

from warning.drift import drift
from warning.scorecard import Bins, Model, Scorecard

DPD = Bins(indicator="dpd_days", edges=(0.0,), weights=(0.0, 1.0, 0.0), shares=(1.0, 0.0, 0.0))
ABOUT = {
    "name": "test", "version": 1, "target": "bad", "horizon_days": 30,
    # 600 - 20 log2(20) = 513.56 points at a probability of a half; 553.2 at a fifth.
    "reference": {"edges": [530.0], "shares": [0.5, 0.5], "mean_pd": 0.35},
}  # fmt: skip
MODEL = Model(kind="points", parts=Scorecard(0.0, (DPD,)), slope=1.0, intercept=0.0, about=ABOUT)


def test_drift_compares_shares_of_points_and_means_of_probability() -> None:
    same = drift(MODEL, np.array([0.5, 0.2, 0.5, 0.2]))
    assert same is not None
    assert same == (0.0, 0.35, 0.35)
    # Three of four are in the risky bin now: (0.75 - 0.5) ln 1.5 + (0.25 - 0.5) ln 0.5.
    moved = drift(MODEL, np.array([0.5, 0.5, 0.5, 0.2]))
    assert moved is not None
    assert abs(moved.stability_index - (0.25 * log(1.5) - 0.25 * log(0.5))) < 1e-12
    assert abs(moved.mean_pd - 0.425) < 1e-12


def test_without_a_reference_or_loans_nothing_is_said() -> None:
    bare = Model(kind="points", parts=MODEL.parts, slope=1.0, intercept=0.0, about={})
    assert drift(bare, np.array([0.5])) is None
    assert drift(MODEL, np.zeros(0)) is None
