"""Fitting: bins that mean something, borrowers kept whole, trees exported without loss."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from warning import fit as fitting
from warning.binning import binned
from warning.fit import TooFewOutcomes, fit, fit_trees, out_of_time
from warning.samples import Samples
from warning.scorecard import read_model
from warning.splits import folds, in_time, is_told
from warning.tree_masks import LeafMasks

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
    bad = np.array([0, 1, 0, 0, 0, 1, 0, 0, 1, 0], np.bool_)
    masks = list(folds(borrowers, bad, seed=3, count=3))
    assert np.sum(masks, axis=0).tolist() == [1] * 10
    for mask in masks:
        assert not set(borrowers[mask]) & set(borrowers[~mask])


def test_folds_hold_alike_many_borrowers_that_ever_went_bad() -> None:
    bad = np.zeros(90, np.bool_)
    bad[:9] = True  # Nine bad borrowers in three folds are three each, whatever the shuffle.
    for seed in range(5):
        assert [int(bad[mask].sum()) for mask in folds(np.arange(90), bad, seed=seed, count=3)] == [
            3, 3, 3,
        ]  # fmt: skip


def test_a_cut_in_time_leaves_the_horizon_out_between_the_sides() -> None:
    days = np.arange(100)
    bad = np.ones(100, np.bool_)
    split = in_time(days, bad, horizon_days=20, cut=39)
    assert days[split.train].tolist() == list(range(40))
    # What was judged on day 39 was decided on day 59: the first one tested is day 60.
    assert days[split.test].tolist() == list(range(60, 100))
    assert not is_told(split, bad)  # Nobody stayed good.


def test_out_of_time_a_score_cannot_learn_from_what_became_of_loans_later() -> None:
    # Each of 200 borrowers is judged four times, on days 50 apart; what is learnt ends on day 99.
    days, borrowers = np.repeat(np.arange(200), 4), np.arange(800) % 200
    samples = replace(book(loans=800), days=days, borrowers=borrowers)
    split = in_time(days, samples.bad, horizon_days=30, cut=99)
    told = out_of_time(samples, split, "points", seed=7)
    # Later outcomes turn round of those that were bad early: the folds stay, the past stays.
    early = np.isin(borrowers, borrowers[samples.bad & (days <= 99)]) & (days > 99)
    turned = replace(samples, bad=samples.bad ^ early)
    assert early.sum() > 100
    assert (out_of_time(turned, split, "points", seed=7) == told).all()
    # Earlier outcomes do count.
    other = replace(samples, bad=np.where(days <= 50, ~samples.bad, samples.bad))
    assert (out_of_time(other, split, "points", seed=7) != told).any()


def test_exported_trees_say_what_the_library_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "BAGS", 1)
    monkeypatch.setattr(fitting, "BAG_SHARE", 1.0)
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


def test_masks_of_leaves_say_what_the_walk_says() -> None:
    samples = book(twist=True)
    trees = fit_trees(samples, tuple(samples.values), 7)
    values = {name: column.copy() for name, column in samples.values.items()}
    values["limit_minor"][::3] = np.nan
    values["dpd_days"][0] = trees.threshold[trees.feature == 0][0]  # On the edge: to the left.
    walked = trees.walked(np.stack([values[name] for name in trees.names])) + trees.base
    assert LeafMasks.fits(trees)
    assert np.abs(trees.log_odds(values) - walked).max() < 1e-12


def test_trees_of_more_leaves_are_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fitting.TREES, "max_depth", 5)
    samples = book(twist=True, loans=1_500)
    trees = fit_trees(samples, tuple(samples.values), 7)
    assert not LeafMasks.fits(trees)
    piece = np.stack([samples.values[name] for name in trees.names])
    assert (trees.log_odds(samples.values) == trees.walked(piece) + trees.base).all()


def test_too_little_history_is_refused() -> None:
    samples = book()
    with pytest.raises(TooFewOutcomes, match="0 went bad"):
        fit(samples.take(~samples.bad), about=ABOUT)
