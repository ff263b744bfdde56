"""Scoring a loan: bins, points, probability, reasons; and what a model file may not say."""

from __future__ import annotations

from math import exp, log, nan
from typing import Any

import numpy as np
import orjson
import pytest

from warning.scorecard import Bins, Model, ModelError, Scorecard, read_model
from warning.trees import Trees

ABOUT = {"name": "test", "version": 1, "target": "90 days past due", "horizon_days": 365}
DPD = Bins(
    indicator="dpd_days",
    edges=(0.0, 30.0),
    weights=(-1.0, 0.5, 2.0, 0.25),
    shares=(0.7, 0.2, 0.1, 0.0),
)
USE = Bins(
    indicator="utilisation_ratio", edges=(0.5,), weights=(-0.5, 1.0, 0.0), shares=(1.0, 0.0, 0.0)
)
CARD = Model(
    kind="points", parts=Scorecard(-2.0, (DPD, USE)), slope=2.0, intercept=1.0, about=ABOUT
)
LOANS = {
    "dpd_days": np.array([0.0, 30.0, 31.0, nan]),
    "utilisation_ratio": np.array([0.5, 0.51, nan, 0.1]),
}


def test_a_value_on_an_edge_belongs_below_it_and_unknown_has_its_own_bin() -> None:
    # -2 - 1 - 0.5; -2 + 0.5 + 1; -2 + 2 + 0; -2 + 0.25 - 0.5
    assert CARD.parts.log_odds(LOANS).tolist() == [-3.5, -0.5, 0.0, -2.25]


def test_calibration_gives_the_probability() -> None:
    # 2 * -3.5 + 1 = -6, and so on.
    assert CARD.pd(LOANS).tolist() == [1 / (1 + exp(6)), 0.5, 1 / (1 + exp(-1)), 1 / (1 + exp(3.5))]


def test_twenty_points_halve_the_odds() -> None:
    # Even odds are worth 600 - 20 log2(20).
    points = CARD.points(LOANS)
    assert points[1] == 600 - 20 / log(2) * log(20)
    doubled = Model(
        kind="points", parts=CARD.parts, slope=2.0, intercept=1.0 + log(2), about=ABOUT
    ).points(LOANS)
    assert np.round(points - doubled, 9).tolist() == [20.0] * 4


def test_reasons_are_points_lost_against_the_best_bin_worst_first() -> None:
    # Loan 2: dpd 0.5 - -1 = 1.5, use 1 - -0.5 = 1.5; times slope 2 and 20 / ln 2: 86.56 each.
    # Loan 3: dpd 3 -> 173; use unknown, 0 - -0.5 -> 29. Loan 4: dpd unknown, 1.25 -> 72.
    told = [[(r.indicator, r.points) for r in of_loan] for of_loan in CARD.reasons(LOANS)]
    assert told == [
        [],
        [("dpd_days", 87), ("utilisation_ratio", 87)],
        [("dpd_days", 173), ("utilisation_ratio", 29)],
        [("dpd_days", 72)],
    ]


TREE = {
    "feature": [0, -1, 1, -1, -1],
    "threshold": [10.0, 0.0, 0.5, 0.0, 0.0],
    "missing_left": [1, 0, 0, 0, 0],
    "left": [1, 1, 3, 3, 4],
    "right": [2, 1, 4, 3, 4],
    "value": [0.0, -1.0, 1.0, 0.5, 2.0],
}
FOREST = {
    "indicators": ["dpd_days", "utilisation_ratio"], "base": -1.0, "depth": 2,
    "trees": [TREE, TREE],
}  # fmt: skip


def test_trees_send_unknown_where_the_node_says() -> None:
    trees = Trees.read(FOREST)
    # dpd 0 -> leaf -1; 30 -> right, use 0.51 -> 2; 31 -> right, use unknown goes right -> 2;
    # dpd unknown goes left -> -1. Two trees and the base.
    assert trees.log_odds(LOANS).tolist() == [-3.0, 3.0, 3.0, -3.0]


def test_contributions_of_trees_add_up_to_the_log_odds() -> None:
    trees = Trees.read(FOREST)
    # dpd: -1 at once, or 1; then use: 2 - 1 = 1. Twice each.
    assert trees.contributions(LOANS).tolist() == [[-2.0, 2.0, 2.0, -2.0], [0.0, 2.0, 2.0, 0.0]]


def test_a_model_comes_back_from_its_text() -> None:
    for parts in (CARD.parts, Trees.read(FOREST)):
        kind = "trees" if isinstance(parts, Trees) else "points"
        model = Model(kind=kind, parts=parts, slope=1.5, intercept=-0.25, about=ABOUT)
        again = read_model(model.text, path="x.json")
        assert (again.text, again.digest) == (model.text, model.digest)
        assert again.pd(LOANS).tolist() == model.pd(LOANS).tolist()


REFERENCE = {"edges": [530.0, 560.0], "shares": [0.5, 0.25, 0.25], "mean_pd": 0.25}
ASTRAY = TREE | {"left": [9] * 5}
AROUND = TREE | {"left": [1, 1, 0, 3, 4]}
UNSAID = TREE | {"value": [0.0, None, 1.0, 0.5, 2.0]}
HUGE = TREE | {"feature": [1e300, -1, 1, -1, -1]}


def spoil(change: Any) -> str:
    document = orjson.loads(CARD.text)
    change(document)
    return orjson.dumps(document).decode()


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        spoil(lambda d: d.update(format="other")),
        spoil(lambda d: d.pop("calibration")),
        spoil(lambda d: d.pop("horizon_days")),
        spoil(lambda d: d.update(horizon_days=None)),
        spoil(lambda d: d.update(horizon_days="a year")),
        spoil(lambda d: d.update(horizon_days=0)),
        spoil(lambda d: d.update(reference=None)),
        spoil(lambda d: d.update(reference=REFERENCE | {"mean_pd": None})),
        spoil(lambda d: d.update(reference=REFERENCE | {"edges": [560.0, 530.0]})),
        spoil(lambda d: d.update(reference=REFERENCE | {"shares": [0.5, "0.25", 0.25]})),
        spoil(lambda d: d.update(reference=REFERENCE | {"shares": [0.5, 0.5]})),
        spoil(lambda d: d.update(reference={"edges": [], "shares": [1.0]})),
        spoil(lambda d: d.update(window={"last": "2023-99-01"})),
        spoil(lambda d: d.update(kind="forest")),
        spoil(lambda d: d["parts"].update(bins=[])),
        spoil(lambda d: d["parts"]["bins"][0].update(edges=[30, 0])),
        spoil(lambda d: d["parts"]["bins"][0].update(weights=[1.0])),
        spoil(lambda d: d["parts"]["bins"][0].update(indicator="shoe_size")),
        spoil(lambda d: d.update(kind="trees", parts=FOREST | {"trees": []})),
        spoil(lambda d: d.update(kind="trees", parts=FOREST | {"trees": [ASTRAY]})),
        spoil(lambda d: d.update(kind="trees", parts=FOREST | {"indicators": ["dpd_days"]})),
        spoil(lambda d: d.update(kind="trees", parts=FOREST | {"depth": 10**9})),
        spoil(lambda d: d.update(kind="trees", parts=FOREST | {"depth": -1})),
        spoil(lambda d: d.update(kind="trees", parts=FOREST | {"trees": [AROUND]})),
        spoil(lambda d: d.update(kind="trees", parts=FOREST | {"trees": [UNSAID]})),
        spoil(lambda d: d.update(kind="trees", parts=FOREST | {"trees": [HUGE]})),
    ],
)  # fmt: skip
def test_what_is_no_model_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match=r"x\.json"):
        read_model(text, path="x.json")
