"""Fitting: bins that mean something, borrowers kept whole, trees exported without loss."""

from __future__ import annotations

import numpy as np
import pytest

from warning import fit as fitting
from warning.binning import binned
from warning.fit import TooFewOutcomes, fit, fit_trees, folds
from warning.samples import Samples
from warning.scorecard import read_model

ABOUT = {"name": "test", "version": 1, "target": "bad", "horizon_days": 30}


def book(*, loans: int = 600, twist: bool = False) -> Samples:
    """Loans whose risk rises with days past due; with `twist`, only by how two values meet."""
    draws = np.random.Generator(np.random.PCG64(11))
    dpd = draws.integers(0, 60, loans).astype(np.float64)
    use = draws.random(loans)
    limit = draws.random(loans)
    risk = dpd / 60 if not twist else ((use > 0.5) != (limit > 0.5)).astype(np.float64)
    bad = draws.random(loans) < 0.05 + 0.6 * risk
    dpd[draws.random(loans) < 0.1] = np.nan
    values = {"dpd_days": dpd, "utilisation_ratio": use, "limit_minor": limit}
    return Samples(
        loan_ids=tuple(f"L{at}" for at in range(loans)),
        borrowers=np.arange(loans) // 2,
        days=np.full(loans, 19_000),
        bad=bad,
        values=values,
    )


def test_bins_are_monotone_where_the_field_expects_it() -> None:
    # Bad: none of ten at 0, five of ten at 1, one of ten at 2, nine of ten at 3.
    column = np.repeat([0.0, 1.0, 2.0, 3.0], 10)
    bad = np.concatenate([np.arange(10) < count for count in (0, 5, 1, 9)])
    free = binned("x", column, bad, 0)
    assert free.edges == (0.0, 1.0, 2.0)
    # 1 and 2 contradict a rise: they become one bin with six of twenty.
    rising = binned("x", column, bad, 1)
    assert rising.edges == (0.0, 2.0)
    assert list(rising.weights[:3]) == sorted(rising.weights[:3])
    assert rising.shares == (0.25, 0.5, 0.25, 0.0)


def test_unknown_is_a_bin_of_its_own() -> None:
    column = np.array([1.0] * 20 + [2.0] * 20 + [np.nan] * 10)
    bad = np.array([False] * 20 + [False, True] * 10 + [True] * 10)
    bins = binned("x", column, bad, 0)
    assert bins.shares == (0.4, 0.4, 0.2)
    assert bins.weights[2] == max(bins.weights)
    assert bins.places(np.array([1.0, np.nan, 5.0])).tolist() == [0, 2, 1]


def test_no_borrower_is_on_both_sides_of_a_fold() -> None:
    borrowers = np.array([5, 5, 7, 7, 7, 9, 1, 2, 3, 4])
    masks = list(folds(borrowers, seed=3, count=3))
    assert np.sum(masks, axis=0).tolist() == [1] * 10
    for mask in masks:
        assert not set(borrowers[mask]) & set(borrowers[~mask])


def test_exported_trees_say_what_the_library_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "BAGS", 1)
    samples = book(twist=True)
    names = tuple(samples.values)
    trees = fit_trees(samples, names, 7)
    table = np.column_stack([samples.values[name] for name in names])
    model = fitting.HistGradientBoostingClassifier(
        **fitting.TREES, min_samples_leaf=20, monotonic_cst=[1, 1, 0], random_state=7
    ).fit(table, samples.bad)
    ours, theirs = trees.log_odds(samples.values), model.decision_function(table)
    assert np.abs(ours - theirs).max() < 1e-9
    roots = trees.value[trees.roots].sum() + trees.base
    told = trees.contributions(samples.values).sum(axis=0) + roots
    assert np.abs(told - ours).max() < 1e-9


def test_the_scorecard_is_kept_unless_trees_win_clearly() -> None:
    plain = fit(book(), about=ABOUT)
    assert plain.model.kind == "points"
    assert plain.model.about["metrics"]["points"]["auc"] > 0.7
    twisted = fit(book(twist=True, loans=1_500), about=ABOUT)
    assert twisted.model.kind == "trees"
    assert twisted.model.about["metrics"]["gain_of_trees"]["auc_low"] > 0


def test_the_same_samples_give_the_same_model_and_calibration_fits_the_population() -> None:
    first, second = fit(book(), about=ABOUT, kind="points"), fit(book(), about=ABOUT, kind="points")
    assert first.model.text == second.model.text
    samples = book()
    model = read_model(first.model.text, path="m.json")
    assert abs(model.pd(samples.values).mean() - samples.bad.mean()) < 0.02
    assert model.about["population"]["bad"] == samples.bad.sum()
    assert sum(model.about["reference"]["shares"]) == pytest.approx(1)


def test_too_little_history_is_refused() -> None:
    samples = book()
    with pytest.raises(TooFewOutcomes, match="0 went bad"):
        fit(samples.take(~samples.bad), about=ABOUT)
