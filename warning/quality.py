"""How good a score was: one report of figures, to be shown as JSON, as a table or on a page.

Takes probabilities and known outcomes; where these come from is the caller's. Every interval is a
bootstrap over borrowers, so that many readings of one borrower do not pass for many borrowers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ledger.dates import date_of
from warning.discrimination import auc, average_precision, calibration, capture, interval, ranks
from warning.samples import Samples
from warning.windows import BoolArray, FloatArray, IntArray

DRAWS = 500
FEWEST = 30
"""A period or segment with fewer loans, or without both outcomes, shows no AUC."""
MOST_SEGMENTS = 12
CURVE = 100
"""Points of a curve."""
_CALIBRATION = {"bins": 10}


def score_report(
    pd: FloatArray, samples: Samples, *, budget_share: float, seed: int
) -> dict[str, Any]:
    """Figures of a score that said `pd` of `samples`.

    `budget_share` is the share of loans that officers can look at.
    """
    bad = samples.bad
    low, high = interval(auc, pd, bad, samples.borrowers, seed=seed, draws=DRAWS)
    decile, budget = capture(pd, bad, share=0.1), capture(pd, bad, share=budget_share)
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
        "by_time": [_part(name, pd, samples, rows) for name, rows in _periods(samples.days)],
        "by_segment": [
            {"segment": segment} | _part(value, pd, samples, rows)
            for segment, words in samples.segments.items()
            for value, rows in _groups(words)
        ],
        "curves": {"roc": _roc(pd, bad), "gains": _gains(pd, bad), "scores": _scores(pd, bad)},
    }


def _part(name: str, pd: FloatArray, samples: Samples, rows: BoolArray) -> dict[str, Any]:
    bad = samples.bad[rows]
    told = len(bad) >= FEWEST and bool(bad.any()) and not bool(bad.all())
    return {
        "name": name,
        "judged": len(bad),
        "bad": int(bad.sum()),
        "auc": auc(pd[rows], bad) if told else None,
        "mean_pd": float(pd[rows].mean()),
        "bad_rate": float(bad.mean()),
    }


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
