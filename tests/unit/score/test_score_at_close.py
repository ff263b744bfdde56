"""The score of a whole book at once is the score of each of its loans, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.random import default_rng

from bench.columns import open_book
from bench.score import random_trees
from warning.engine import AT_ONCE, Engine
from warning.scorecard import Bins, Model, Scorecard

NAMES = ("coverage_ratio", "paid_ratio_90d", "balance_minor", "dpd_days", "sales_change_ratio")
SAID = ["default_probability_ratio", "score_points"]
LOANS = AT_ONCE + 1_500  # More than are worked out at once.


def card() -> Scorecard:
    weights = (0.3, -0.2, 0.7, 0.1)
    shares = (0.25,) * 4
    return Scorecard(
        -1.0,
        tuple(
            Bins(indicator=name, edges=(0.5, 20_000.0), weights=weights, shares=shares)
            for name in NAMES
        ),
    )


@pytest.fixture(scope="module")
def engine() -> Engine:
    book = open_book(LOANS, seed=5)
    for number in range(LOANS):
        book.engine.trading.borrower(number, f"B{number}")
    book.engine.book.borrower[:LOANS] = np.arange(LOANS)
    for _ in range(35):
        book.day()
    return book.engine


@pytest.mark.parametrize("kind", ["points", "trees"])
def test_a_book_is_scored_piece_by_piece_as_in_one(engine: Engine, kind: str) -> None:
    grid = np.sort(default_rng(1).random((len(NAMES), 40)) * 3)
    parts: Any = card() if kind == "points" else random_trees(NAMES, grid, default_rng(2), base=0.1)
    model = Model(kind=kind, parts=parts, slope=0.9, intercept=0.2)
    read = engine.values(NAMES)
    engine.score = model
    whole = engine.values(SAID)
    assert whole[SAID[0]].tobytes() == model.pd(read).tobytes()
    assert whole[SAID[1]].tobytes() == model.points(read).tobytes()
    rows = np.array([0, 7, AT_ONCE - 1, AT_ONCE, LOANS - 1])
    few = engine.values(SAID, rows)
    assert few[SAID[0]].tobytes() == whole[SAID[0]][rows].tobytes()


def test_points_of_a_piece_are_the_sum_of_its_weights(engine: Engine) -> None:
    """The first loan by hand: the weight of the bin that each of its values falls into."""
    read = engine.values(NAMES, np.array([0]))
    total = 0.0
    for bins in card().bins:
        value = float(read[bins.indicator][0])
        at = 3 if np.isnan(value) else sum(value > edge for edge in bins.edges)
        total += bins.weights[at]
    assert card().log_odds(read)[0] == total - 1.0


def test_without_any_invoice_trading_is_unknown_and_costs_no_reading(engine: Engine) -> None:
    assert engine.trading.rows == 0
    assert np.isnan(engine.values(["sales_quiet_days"])["sales_quiet_days"]).all()
