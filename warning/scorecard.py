"""Scores: how likely a loan is to go bad, from its indicators, with the reasons.

A model is data, read from a JSON text that people can read too. Two kinds: `points`, a scorecard of
bins with points, unknown being a bin of its own; and `trees`, boosted trees for where they win
clearly. Both add up parts, one for each indicator, to the log-odds of going bad; calibration turns
these into a probability over the model's horizon. Scoring is numpy alone; fitting is in `fit`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from math import isfinite, log
from typing import Any, Protocol

import numpy as np
import orjson
from numpy.typing import NDArray

from ledger.errors import LoanError
from warning.bins import bins_of
from warning.indicators import CATALOGUE
from warning.indicators_score import SCORE_NAMES
from warning.trees import Trees
from warning.windows import FloatArray

FORMAT = "loanbell-score/1"
BASE_POINTS = 600
BASE_ODDS = 20
"""A loan with BASE_ODDS to one of staying good has BASE_POINTS."""
DOUBLING = 20
"""So many points more, and the odds of going bad are half."""
FACTOR = DOUBLING / log(2)
"""Points a unit of log-odds."""
Values = Mapping[str, FloatArray]


class ModelError(LoanError):
    """A model cannot be read; the message says where."""

    code = "model_unreadable"


class Parts(Protocol):
    """What adds up to the log-odds: one column of contributions for each indicator."""

    @property
    def names(self) -> tuple[str, ...]:
        """The indicators read."""

    def log_odds(self, values: Values) -> FloatArray:
        """Shape (loans,): the log-odds of going bad, before calibration."""

    def contributions(self, values: Values) -> FloatArray:
        """Shape (indicators, loans): what each adds above its best (points) or its mean (trees)."""

    def document(self) -> dict[str, Any]:
        """As it stands in the model's JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """One indicator of a scorecard: bins (-inf, e0], (e0, e1], …, (ek, inf), and unknown.

    `weights` has one log-odds weight for each bin, the last one for unknown; `shares` is how often
    each was met in the population it was fitted on.
    """

    indicator: str
    edges: tuple[float, ...]
    weights: tuple[float, ...]
    shares: tuple[float, ...]

    def places(self, column: FloatArray) -> NDArray[Any]:
        """The bin of each value."""
        return bins_of(column, np.array(self.edges))

    @property
    def information(self) -> float:
        """How much the bins tell: the spread of their weights over the population."""
        mean = sum(s * w for s, w in zip(self.shares, self.weights, strict=True))
        return sum(s * (w - mean) ** 2 for s, w in zip(self.shares, self.weights, strict=True))

    def times(self, factor: float) -> Bins:
        """The same bins with their weights multiplied."""
        return replace(self, weights=tuple(weight * factor for weight in self.weights))


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Parts of kind `points`."""

    intercept: float
    bins: tuple[Bins, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The indicators read."""
        return tuple(known.indicator for known in self.bins)

    def log_odds(self, values: Values) -> FloatArray:
        """The intercept and the weights of the bins met."""
        total: FloatArray | None = None
        for known in self.bins:
            part = np.array(known.weights).take(known.places(values[known.indicator]))
            total = part if total is None else np.add(total, part, out=total)
        return np.zeros(0) if total is None else total + self.intercept

    def contributions(self, values: Values) -> FloatArray:
        """What each bin met weighs above the indicator's best bin."""
        return np.stack(
            [
                np.array(known.weights)[known.places(values[known.indicator])] - min(known.weights)
                for known in self.bins
            ]
        )

    def document(self) -> dict[str, Any]:
        """Edges, weights and shares; points beside them for people."""
        return {
            "intercept": self.intercept,
            "bins": [
                {
                    "indicator": known.indicator,
                    "edges": known.edges,
                    "weights": known.weights,
                    "points": [round(-weight * FACTOR, 1) for weight in known.weights],
                    "shares": known.shares,
                }
                for known in self.bins
            ],
        }

    def scaled(self, slope: float, intercept: float) -> Scorecard:
        """The card whose log-odds are slope * these + intercept."""
        bins = tuple(known.times(slope) for known in self.bins)
        return Scorecard(self.intercept * slope + intercept, bins)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Scorecard:
        """From `document`. Errors: KeyError, TypeError, ValueError for what does not fit."""
        bins = tuple(
            Bins(
                indicator=str(row["indicator"]),
                edges=_floats(row["edges"]),
                weights=_floats(row["weights"]),
                shares=_floats(row["shares"]),
            )
            for row in document["bins"]
        )
        if not bins:
            raise ValueError("a scorecard has bins")
        for known in bins:
            if len(known.weights) != len(known.edges) + 2 or len(known.shares) != len(
                known.weights
            ):
                raise ValueError(f"{known.indicator}: one weight and share a bin, and for unknown")
            if list(known.edges) != sorted(set(known.edges)):
                raise ValueError(f"{known.indicator}: edges ascend")
        return cls(float(document["intercept"]), bins)


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason of a score: an indicator, and the points it lost against the best it can have.

    In a model of trees, against what it is on average.
    """

    indicator: str
    points: int


@dataclass(frozen=True)
class Model:
    """A score as it is stored: parts, calibration, and how it came about.

    `about` holds what people need: name, version, target, horizon, training window, population,
    metrics, and the distribution of scores in the population (`reference`).
    """

    kind: str
    parts: Parts
    slope: float
    intercept: float
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The indicators read."""
        return self.parts.names

    @property
    def label(self) -> str:
        """Name and version, as facts name it."""
        return f"{self.about['name']} v{self.about['version']}"

    def calibrated(self, values: Values) -> FloatArray:
        """Log-odds of going bad within the horizon."""
        return self.slope * self.parts.log_odds(values) + self.intercept

    def pd(self, values: Values) -> FloatArray:
        """Probability of going bad within the horizon, 0 to 1."""
        return probability_of(self.calibrated(values))

    def points(self, values: Values) -> FloatArray:
        """The score: 600 at odds of 20 to 1, 20 points more halve the odds; high is good."""
        return points_of(self.calibrated(values))

    def said(self, asked: Container[str], values: Values) -> dict[str, FloatArray]:
        """The columns of the score's indicators that are `asked`; the log-odds are shared."""
        log_odds = self.calibrated(values)
        told = {"default_probability_ratio": probability_of, "score_points": points_of}
        return {name: tell(log_odds) for name, tell in told.items() if name in asked}

    def reasons(self, values: Values, *, most: int = 4) -> list[tuple[Reason, ...]]:
        """For each loan the indicators that cost it most points, the worst first."""
        lost = np.maximum(self.parts.contributions(values), 0) * self.slope * FACTOR
        order = np.argsort(-lost, axis=0, kind="stable")[:most]
        names = self.names
        return [
            tuple(
                Reason(names[at], round(float(lost[at, loan])))
                for at in order[:, loan].tolist()
                if round(float(lost[at, loan])) > 0
            )
            for loan in range(lost.shape[1])
        ]

    @cached_property
    def text(self) -> str:
        """The model as JSON text; `read_model` gives it back."""
        document = {
            "format": FORMAT,
            **self.about,
            "kind": self.kind,
            "calibration": {"slope": self.slope, "intercept": self.intercept},
            "parts": self.parts.document(),
        }
        return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()

    @property
    def line(self) -> str:
        """The text in one line."""
        return orjson.dumps(orjson.loads(self.text)).decode()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def probability_of(log_odds: FloatArray) -> FloatArray:
    """Probability of going bad from the calibrated log-odds of it."""
    return 1 / (1 + np.exp(-log_odds))


def points_of(log_odds: FloatArray) -> FloatArray:
    """Points from the calibrated log-odds of going bad."""
    points: FloatArray = BASE_POINTS - FACTOR * (log(BASE_ODDS) + log_odds)
    return points


def read_model(text: str, *, path: str) -> Model:
    """A model from its JSON text; `path` names it in errors. Errors: ModelError."""
    try:
        model = _model(orjson.loads(text))
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise ModelError(
            f"{path} is no score: {error!r}.", way_out="Make one with `loanbell fit`."
        ) from None
    unknown = sorted(set(model.names) - (set(CATALOGUE) - SCORE_NAMES))
    if unknown:
        raise ModelError(
            f"{path} reads {', '.join(unknown)}, which the catalogue does not have.",
            way_out="Fit it anew with this version.",
        )
    return model


def _model(document: dict[str, Any]) -> Model:
    kinds: dict[str, Any] = {"points": Scorecard, "trees": Trees}
    if document.pop("format") != FORMAT:
        raise ValueError(f"the format is not {FORMAT}")
    kind, calibration = document.pop("kind"), document.pop("calibration")
    parts: Parts = kinds[kind].read(document.pop("parts"))
    missing = {"name", "version", "target", "horizon_days"} - document.keys()
    if missing:
        raise ValueError(f"{', '.join(sorted(missing))} must be told")
    _check(document)
    return Model(
        kind=kind,
        parts=parts,
        slope=float(calibration["slope"]),
        intercept=float(calibration["intercept"]),
        about=document,
    )


def _check(about: Mapping[str, Any]) -> None:
    """What is reckoned with at every close must be usable now: a book keeps its score for ever."""
    horizon = about["horizon_days"]
    if type(horizon) is not int or horizon < 1:
        raise ValueError("horizon_days is a whole number of days")
    date.fromisoformat(about.get("window", {}).get("last") or "2000-01-01")
    if "reference" in about:
        reference = about["reference"]
        edges, shares = reference["edges"], reference["shares"]
        if len(shares) != len(edges) + 1 or list(edges) != sorted(edges):
            raise ValueError("reference: edges ascend, and one share for each band")
        for number in (*edges, *shares, reference["mean_pd"]):
            if type(number) not in (int, float) or not isfinite(number):
                raise ValueError("reference: numbers, and finite ones")


def _floats(numbers: Any) -> tuple[float, ...]:
    return tuple(float(number) for number in numbers)
