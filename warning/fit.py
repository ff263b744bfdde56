"""Fitting scores: the only door to scikit-learn, which scoring does without (extra `fit`).

`fit` learns from `Samples`: a scorecard of bins (weight of evidence, monotone where the field
expects it, unknown a bin of its own) and boosted trees, and keeps the scorecard unless trees win
clearly. How good either is, is measured out of fold with borrowers kept whole, so that no borrower
is on both sides, and where the samples reach far enough, out of time as well; calibration is fitted
on the out-of-fold scores. Deterministic: the same samples and seed give the same model text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from ledger.dates import date_of
from ledger.errors import LoanError
from warning.binning import binned
from warning.discrimination import auc, interval
from warning.expected import EXPECTED
from warning.indicators_score import SCORE_NAMES
from warning.samples import Samples
from warning.scorecard import Model, Parts, Scorecard, points_of
from warning.splits import FOLDS, LEAST_BAD, InTime, folds, in_time, is_told
from warning.trees import Trees
from warning.windows import BoolArray, FloatArray

Kind = Literal["auto", "points", "trees"]
KNOWN_SHARE = 0.02
"""An indicator known of fewer loans than this is left out."""
BAD_AN_INDICATOR = 10
FEWEST_INDICATORS = 3
"""A scorecard reads at most so many indicators: one for ten bad loans, but at least three."""
CLEAR_GAIN = 0.005
FEW_BAD = 100
"""With fewer bad outcomes trees are told more of what the field knows, and grow less."""
DRAWS = 200
BAG_SHARE = 0.8
"""Each run of trees sees so much of the borrowers."""
TREES: dict[str, Any] = {
    "learning_rate": 0.15,
    "max_iter": 60,
    "max_depth": 3,
    "max_bins": 32,
    "l2_regularization": 20.0,
    "max_features": 0.3,
    "early_stopping": False,
}
"""Settings of the boosted trees: shallow, of at most eight leaves, few indicators at a time."""
BAGS = 3
FEW_TREES: dict[str, Any] = TREES | {"max_iter": 25, "max_depth": 2, "max_features": 1.0}
FEW_BAGS = 8
"""Settings for few bad outcomes: pairs of indicators, the mean of more runs."""
_LEAST_LEAF = 0.003
_STRENGTH = 0.3
"""Inverse strength of the penalty on the scorecard's weights."""


class TooFewOutcomes(LoanError):
    """There is not enough history to fit a score."""

    code = "too_few_outcomes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A fitted model, and the out-of-fold log-odds (uncalibrated) of each kind tried."""

    model: Model
    out_of_fold: dict[str, FloatArray]
    bad: BoolArray

    def calibrated(self, kind: str) -> FloatArray:
        """The out-of-fold log-odds of `kind`, calibrated."""
        slope, intercept = _calibrated(self.out_of_fold[kind], self.bad)
        return slope * self.out_of_fold[kind] + intercept


def fit(
    samples: Samples,
    *,
    about: Mapping[str, Any],
    kind: Kind = "auto",
    seed: int = 7,
) -> Fitted:
    """A model of `kind`; "auto" takes the trees only where they win clearly.

    Clearly: by at least CLEAR_GAIN of AUC, and in three of four bootstrap draws of borrowers.
    `about` needs name, version, target and horizon_days. Errors: TooFewOutcomes.
    """
    with threadpool_limits(1):  # The tables are small: on a busy machine threads only wait.
        return _fit(samples, about, kind, seed)


def _fit(samples: Samples, about: Mapping[str, Any], kind: Kind, seed: int) -> Fitted:
    if min(int(samples.bad.sum()), int((~samples.bad).sum())) < LEAST_BAD:
        raise TooFewOutcomes(
            f"Of {len(samples)} loans judged {int(samples.bad.sum())} went bad: too few to learn.",
            way_out=f"Bring a history with at least {LEAST_BAD} of each.",
        )
    names = usable(samples)
    kinds = ("points", "trees") if kind == "auto" else (kind,)
    scores = {known: out_of_fold(samples, known, seed=seed) for known in kinds}
    chosen, gain = kinds[0], None
    if kind == "auto":
        gain = _gain(scores, samples, seed)
        chosen = "trees" if gain["auc"] >= CLEAR_GAIN and gain["auc_low"] > 0 else "points"
    slope, intercept = _calibrated(scores[chosen], samples.bad)
    facts = dict(about) | _population(samples) | {"metrics": _metrics(scores, samples, seed)}
    if gain is not None:
        facts["metrics"]["gain_of_trees"] = gain
    later = in_time(samples.days, samples.bad, horizon_days=int(about["horizon_days"]))
    if is_told(later, samples.bad):
        facts["metrics"]["out_of_time"] = _later_metrics(samples, later, kinds, seed)
    parts: Parts = _FITS[chosen](samples, names, seed)
    if isinstance(parts, Scorecard):  # Its points are to be those that count.
        parts, slope, intercept = parts.scaled(slope, intercept), 1.0, 0.0
    facts["reference"] = _reference(slope * parts.log_odds(samples.values) + intercept)
    model = Model(kind=chosen, parts=parts, slope=slope, intercept=intercept, about=facts)
    return Fitted(model=model, out_of_fold=scores, bad=samples.bad)


def usable(samples: Samples) -> tuple[str, ...]:
    """Indicators known often enough and with more than one value."""
    found = []
    for name, column in samples.values.items():
        if name in SCORE_NAMES:
            continue
        known = column[~np.isnan(column)]
        if len(known) >= KNOWN_SHARE * len(column) and known.min() < known.max():
            found.append(name)
    return tuple(found)


def out_of_fold(samples: Samples, kind: str, *, seed: int) -> FloatArray:
    """Log-odds of every sample by a score of `kind` that was fitted without its borrower."""
    found = np.zeros(len(samples))
    for test in folds(samples.borrowers, samples.bad, seed=seed):
        found[test] = _learnt(samples, ~test, kind, seed, test)
    return found


def out_of_time(samples: Samples, split: InTime, kind: str, *, seed: int) -> FloatArray:
    """Log-odds of the samples of `split.test`, in order, by scores fitted on other borrowers of
    `split.train`: neither the borrower nor the time is known to the score."""
    found = np.zeros(len(samples))
    for test in folds(samples.borrowers, samples.bad, seed=seed):
        judged = test & split.test
        found[judged] = _learnt(samples, ~test & split.train, kind, seed, judged)
    return found[split.test]


def _learnt(
    samples: Samples, train: BoolArray, kind: str, seed: int, judged: BoolArray
) -> FloatArray:
    known = samples.take(train)
    if not judged.any() or not known.bad.any() or known.bad.all():
        return np.zeros(int(judged.sum()))
    return _FITS[kind](known, usable(known), seed).log_odds(samples.take(judged).values)


def fit_points(samples: Samples, names: tuple[str, ...], seed: int) -> Scorecard:
    """The scorecard: bins by weight of evidence, weighted by a logistic regression.

    With few bad loans only the most telling indicators are taken, since more would be learnt by
    heart. An indicator whose weight comes out against its evidence is left out, and the rest is
    fitted anew.
    """
    bins = {n: binned(n, samples.values[n], samples.bad, EXPECTED.get(n, 0)) for n in names}
    told = sorted((n for n in names if bins[n].edges), key=lambda n: (-bins[n].information, n))
    kept = told[: max(FEWEST_INDICATORS, int(samples.bad.sum()) // BAD_AN_INDICATOR)]
    kept = kept or list(names[:1])
    while True:
        evidence = np.column_stack(
            [np.array(bins[n].weights)[bins[n].places(samples.values[n])] for n in kept]
        )
        model = LogisticRegression(C=_STRENGTH, max_iter=1_000).fit(evidence, samples.bad)
        weights = model.coef_[0]
        if len(kept) == 1 or weights.min() >= 0:
            break
        kept = [name for name, weight in zip(kept, weights, strict=True) if weight >= 0] or kept[:1]
    scaled = [bins[n].times(float(w)) for n, w in zip(kept, weights, strict=True) if w > 0]
    return Scorecard(float(model.intercept_[0]), tuple(scaled or [bins[kept[0]].times(0.0)]))


def fit_trees(samples: Samples, names: tuple[str, ...], seed: int) -> Trees:
    """Boosted trees, the mean of runs on part of the borrowers; monotone where it is expected.

    With few bad outcomes only indicators are read of which the field knows the way.
    """
    few = int(samples.bad.sum()) < FEW_BAD
    if few:
        names = tuple(name for name in names if name in EXPECTED) or names
    settings, bags = (FEW_TREES, FEW_BAGS) if few else (TREES, BAGS)
    table = np.column_stack([samples.values[name] for name in names])
    expected = [EXPECTED.get(name, 0) for name in names]
    leaf = max(8 if few else 20, round(_LEAST_LEAF * len(samples)))
    trees, base, depth = [], 0.0, 0
    for bag, rows in enumerate(_bags(samples, bags, seed)):
        model = HistGradientBoostingClassifier(
            **settings, min_samples_leaf=leaf, monotonic_cst=expected, random_state=seed + bag
        ).fit(table[rows], samples.bad[rows])
        base += float(model._baseline_prediction.ravel()[0]) / bags
        for (grown,) in model._predictors:
            trees.append(_columns(grown.nodes, bags))
            depth = max(depth, int(grown.nodes["depth"].max()))
    return Trees.read({"indicators": names, "base": base, "depth": depth, "trees": trees})


def _bags(samples: Samples, count: int, seed: int) -> Iterator[BoolArray]:
    """The rows that each run sees: those of BAG_SHARE of the borrowers, with both outcomes."""
    known, places = np.unique(samples.borrowers, return_inverse=True)
    draws = np.random.Generator(np.random.PCG64(seed))
    for _ in range(count):
        chosen = np.zeros(len(known), np.bool_)
        chosen[draws.permutation(len(known))[: max(1, round(BAG_SHARE * len(known)))]] = True
        rows: BoolArray = chosen[places]
        bad = samples.bad[rows]
        yield rows if bad.any() and not bad.all() else np.ones(len(samples), np.bool_)


_FITS: dict[str, Callable[[Samples, tuple[str, ...], int], Parts]] = {
    "points": fit_points,
    "trees": fit_trees,
}


def _columns(nodes: Any, bags: int) -> dict[str, Any]:
    """One grown tree as columns; inner nodes get the mean of what hangs below them."""
    leaf = nodes["is_leaf"].astype(bool)
    own = np.arange(len(nodes))
    left = np.where(leaf, own, nodes["left"]).astype(np.int64)
    right = np.where(leaf, own, nodes["right"]).astype(np.int64)
    value = np.where(leaf, nodes["value"] / bags, 0.0)
    count = nodes["count"].astype(np.float64)
    for at in np.argsort(-nodes["depth"].astype(np.int64), kind="stable").tolist():
        if not leaf[at]:
            below = [left[at], right[at]]
            value[at] = (value[below] * count[below]).sum() / count[below].sum()
    threshold = np.clip(nodes["num_threshold"], -1e300, 1e300)
    return {
        "feature": np.where(leaf, -1, nodes["feature_idx"]).astype(np.int64),
        "threshold": np.where(leaf, 0.0, threshold),
        "missing_left": nodes["missing_go_to_left"].astype(np.int64),
        "left": left,
        "right": right,
        "value": value,
    }


def _calibrated(score: FloatArray, bad: BoolArray) -> tuple[float, float]:
    """Slope and intercept that turn out-of-fold log-odds into those observed (Platt)."""
    model = LogisticRegression(C=1e6, max_iter=1_000).fit(score[:, None], bad)
    slope = max(float(model.coef_[0, 0]), 1e-6)
    return slope, float(model.intercept_[0])


def _gain(scores: Mapping[str, FloatArray], samples: Samples, seed: int) -> dict[str, float]:
    """AUC of trees less that of points, and its middle half over the same drawn borrowers."""

    def gain(rows: FloatArray, bad: BoolArray) -> float:
        drawn = rows.astype(np.int64)
        return auc(scores["trees"][drawn], bad) - auc(scores["points"][drawn], bad)

    places = np.arange(len(samples), dtype=np.float64)
    low, high = interval(
        gain, places, samples.bad, samples.borrowers, seed=seed, draws=DRAWS, percentiles=(25, 75)
    )
    return {"auc": gain(places, samples.bad), "auc_low": low, "auc_high": high}


def _metrics(scores: Mapping[str, FloatArray], samples: Samples, seed: int) -> dict[str, Any]:
    found: dict[str, Any] = {"how": f"{FOLDS}-fold, borrowers whole, out of fold"}
    for kind, score in scores.items():
        low, high = interval(auc, score, samples.bad, samples.borrowers, seed=seed, draws=DRAWS)
        found[kind] = {"auc": auc(score, samples.bad), "auc_low": low, "auc_high": high}
    return found


def _later_metrics(
    samples: Samples, split: InTime, kinds: tuple[str, ...], seed: int
) -> dict[str, Any]:
    scores = {kind: out_of_time(samples, split, kind, seed=seed) for kind in kinds}
    metrics = _metrics(scores, samples.take(split.test), seed)
    how = "learnt up to the day, judged behind it and the horizon, other borrowers"
    counts = {"judged": int(split.test.sum()), "bad": int((split.test & samples.bad).sum())}
    return metrics | {"how": how, "learnt_up_to": date_of(split.day).isoformat(), **counts}


def _population(samples: Samples) -> dict[str, Any]:
    digest = sha256(samples.bad.tobytes() + samples.days.tobytes()).hexdigest()
    return {
        "population": {
            "judged": len(samples),
            "loans": len(set(samples.loan_ids)),
            "borrowers": len(np.unique(samples.borrowers)),
            "bad": int(samples.bad.sum()),
            "sample_digest": digest[:16],
        },
        "window": {
            "first": date_of(int(samples.days.min())).isoformat(),
            "last": date_of(int(samples.days.max())).isoformat(),
        },
    }


def _reference(log_odds: FloatArray) -> dict[str, Any]:
    """Tenths of the population's points, to hold later populations against."""
    points = points_of(log_odds)
    edges = np.unique(np.round(np.quantile(points, np.arange(1, 10) / 10), 3))
    counts = np.bincount(np.searchsorted(edges, points, side="left"), minlength=len(edges) + 1)
    pd = 1 / (1 + np.exp(-log_odds))
    return {
        "edges": edges.tolist(),
        "shares": (counts / len(points)).tolist(),
        "mean_pd": float(pd.mean()),
    }
