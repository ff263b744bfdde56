"""How good a score was: one report of figures, to be shown as JSON, as a table or on a page.

As a whole, by quarter and by segment, and two scores beside each other. Takes probabilities and
known outcomes; where these come from is the caller's. Every interval is a bootstrap over borrowers,
so that many readings of one borrower do not pass for many borrowers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ledger.dates import date_of
from warning.discrimination import (
    auc,
    average_precision,
    calibration,
    capture,
    interval,
    ranks,
    stability,
)
from warning.drift import LEAST_LOANS
from warning.samples import Samples
from warning.windows import BoolArray, FloatArray, IntArray

DRAWS, PART_DRAWS = 500, 100
"""Bootstrap draws for the whole, and for each part."""
FEWEST = 30
"""A period or segment with fewer loans, or without both outcomes, shows no AUC."""
MOST_SEGMENTS = 12
CURVE = 100
"""Points of a curve."""
_CALIBRATION = {"bins": 10}


class Reference(NamedTuple):
    """What parts are held against: the band of each sample, and the shares of bands expected."""

    bands: IntArray
    shares: FloatArray


def score_report(
    pd: FloatArray,
    samples: Samples,
    *,
    budget_share: float,
    seed: int,
    reference: Reference | None = None,
) -> dict[str, Any]:
    """Figures of a score that said `pd` of `samples`.

    `budget_share` is the share of loans that officers can look at. Stability of a part is told
    against `reference`, the population that the score was fitted on; without one against all of
    `samples`.
    """
    bad = samples.bad
    low, high = interval(auc, pd, bad, samples.borrowers, seed=seed, draws=DRAWS)
    decile, budget = capture(pd, bad, share=0.1), capture(pd, bad, share=budget_share)
    part = _Parts(pd, samples, reference or _tenths(pd), seed)
    return {
        "judged": len(samples),
        "borrowers": len(np.unique(samples.borrowers)),
        "bad": int(bad.sum()),
        "auc": auc(pd, bad),
        "auc_low": low,
        "auc_high": high,
        "average_precision": average_precision(pd, bad),
        "bad_rate": float(bad.mean()),
        "top_decile": {"recall": decile[0], "precision": decile[1]},
        "budget": {"share": budget_share, "recall": budget[0], "precision": budget[1]},
        "brier": float(((pd - bad) ** 2).mean()),
        "mean_pd": float(pd.mean()),
        "calibration": calibration(pd, bad, **_CALIBRATION),
        "by_time": [part.of(name, rows) for name, rows in _periods(samples.days)],
        "by_segment": [
            {"segment": segment} | part.of(value, rows)
            for segment, words in samples.segments.items()
            for value, rows in _groups(words)
        ],
        "curves": {"roc": _roc(pd, bad), "gains": _gains(pd, bad), "scores": _scores(pd, bad)},
    }


def versus(
    champion: FloatArray,
    challenger: FloatArray,
    samples: Samples,
    *,
    budget_share: float,
    seed: int,
) -> dict[str, Any]:
    """Two scores on the same loans: what the challenger gains, and whom only one would look at.

    The gain is in AUC, its interval over the same drawn borrowers. Looked at is the riskiest
    `budget_share`; of equals the first.
    """

    def gain(rows: FloatArray, bad: BoolArray) -> float:
        drawn = rows.astype(np.int64)
        return auc(challenger[drawn], bad) - auc(champion[drawn], bad)

    places = np.arange(len(samples), dtype=np.float64)
    low, high = interval(gain, places, samples.bad, samples.borrowers, seed=seed, draws=DRAWS)
    one, other = _riskiest(champion, budget_share), _riskiest(challenger, budget_share)
    groups = {"both": one & other, "champion alone": one & ~other, "challenger alone": other & ~one}
    return {
        "auc_gain": gain(places, samples.bad),
        "auc_gain_low": low,
        "auc_gain_high": high,
        "looked_at": {
            name: {"loans": int(rows.sum()), "bad": int(samples.bad[rows].sum())}
            for name, rows in groups.items()
        },
    }


def _riskiest(pd: FloatArray, share: float) -> BoolArray:
    chosen = np.zeros(len(pd), np.bool_)
    chosen[np.argsort(-pd, kind="stable")[: max(1, round(share * len(pd)))]] = True
    return chosen


def _tenths(pd: FloatArray) -> Reference:
    """The population itself, to hold its parts against."""
    edges = np.unique(np.quantile(pd, np.arange(1, 10) / 10))
    bands = np.searchsorted(edges, pd, side="right")
    return Reference(bands, np.bincount(bands, minlength=len(edges) + 1) / len(pd))


class _Parts:
    """Figures of parts of what was judged."""

    def __init__(self, pd: FloatArray, samples: Samples, reference: Reference, seed: int) -> None:
        self._pd, self._samples, self._seed = pd, samples, seed
        self._bands, self._expected = reference

    def of(self, name: str, rows: BoolArray) -> dict[str, Any]:
        """Of one part: ranking, stability, what was said and what was seen."""
        pd, bad = self._pd[rows], self._samples.bad[rows]
        borrowers = self._samples.borrowers[rows]
        told = len(bad) >= FEWEST and bool(bad.any()) and not bool(bad.all())
        low, high = interval(_rate, pd, bad, borrowers, seed=self._seed, draws=PART_DRAWS)
        return {
            "name": name,
            "judged": len(bad),
            "bad": int(bad.sum()),
            "auc": auc(pd, bad) if told else None,
            "psi": self._moved(self._bands[rows]),
            "mean_pd": float(pd.mean()),
            "bad_rate": float(bad.mean()),
            "bad_rate_low": low,
            "bad_rate_high": high,
        }

    def _moved(self, bands: IntArray) -> float | None:
        """The stability index; None of too few, in whom it is chance."""
        if len(bands) < LEAST_LOANS:
            return None
        now = np.bincount(bands, minlength=len(self._expected)) / len(bands)
        return stability(self._expected, now)


def _rate(_: FloatArray, bad: BoolArray) -> float:
    return float(bad.mean())


def _periods(days: IntArray) -> Iterator[tuple[str, BoolArray]]:
    """Quarters, in order."""
    dates = [date_of(day) for day in days.tolist()]
    names = np.array([f"{day.year} Q{(day.month + 2) // 3}" for day in dates])
    for name in np.unique(names).tolist():
        yield name, names == name


def _groups(words: tuple[str, ...]) -> Iterator[tuple[str, BoolArray]]:
    """The largest groups of a segment; none where all are one."""
    known, counts = np.unique(np.array(words), return_counts=True)
    if len(known) > 1:
        for at in np.argsort(-counts, kind="stable")[:MOST_SEGMENTS].tolist():
            yield str(known[at]), np.array(words) == known[at]


def _roc(pd: FloatArray, bad: BoolArray) -> list[list[float]]:
    """(false alarms, hits) as shares, from strict to lax."""
    order = np.argsort(-pd, kind="stable")
    ordered = pd[order]
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    hits = np.cumsum(bad[order])[last] / max(int(bad.sum()), 1)
    false = np.cumsum(~bad[order])[last] / max(int((~bad).sum()), 1)
    points = [[0.0, 0.0], *np.column_stack([false, hits]).tolist()]
    return _thinned(points)


def _gains(pd: FloatArray, bad: BoolArray) -> list[list[float]]:
    """(share of loans looked at, share of bad ones found)."""
    shares = np.arange(1, CURVE + 1) / CURVE
    found = [[float(share), capture(pd, bad, share=float(share))[0]] for share in shares]
    return [[0.0, 0.0], *found]


def _scores(pd: FloatArray, bad: BoolArray) -> dict[str, list[float]]:
    """Shares of good and of bad loans in each twentieth of the ranks."""
    place = np.minimum((ranks(pd) - 1) * 20 // len(pd), 19).astype(np.int64)
    return {
        word: (np.bincount(place[rows], minlength=20) / max(int(rows.sum()), 1)).tolist()
        for word, rows in (("good", ~bad), ("bad", bad))
    }


def _thinned(points: list[list[float]]) -> list[list[float]]:
    step = max(1, len(points) // (2 * CURVE))
    return [*points[:-1:step], points[-1]]
