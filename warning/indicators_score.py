"""The score as indicators, so that rules can ask for it. Part of the catalogue in `indicators`.

The engine works them out with the score in force (`scored_pack`); without one they are unknown.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Protocol

import numpy as np

from warning.formulas import Get, indicator
from warning.windows import FloatArray


class Score(Protocol):
    """What indicators ask of the score in force: `scorecard.Model` is one."""

    @property
    def names(self) -> tuple[str, ...]:
        """The indicators that it reads."""

    def said(
        self, asked: Container[str], values: Mapping[str, FloatArray]
    ) -> dict[str, FloatArray]:
        """Those of the score's indicators that are `asked`."""


_NO_SCORE = "no score is in force"
_SOURCE = "a score fitted from history (`loanbell fit`)"


def _unknown(get: Get) -> FloatArray:
    return np.full(len(get("age")), np.nan)


SCORE = (
    indicator(
        "default_probability_ratio",
        "at t, over the score's horizon",
        "Probability that the loan goes bad within the horizon of the score in force.",
        unknown=_NO_SCORE,
        source=_SOURCE,
        formula=_unknown,
    ),
    indicator(
        "score_points",
        "at t",
        "Points of the score in force: 600 at odds of 20 to 1; 20 more halve the odds of going "
        "bad.",
        unknown=_NO_SCORE,
        source=_SOURCE,
        formula=_unknown,
        unit="points",
    ),
)
"""What the score in force says."""
SCORE_NAMES = frozenset(known.name for known in SCORE)


def needed(names: Sequence[str], model: Score | None) -> list[str]:
    """The indicators to work out for `names`: those that the score reads, where it is asked for."""
    plain = [name for name in names if name not in SCORE_NAMES or model is None]
    if model is not None and not SCORE_NAMES.isdisjoint(names):
        plain += model.names
    return list(dict.fromkeys(plain))


def scored(
    names: Sequence[str], model: Score | None, values: Mapping[str, FloatArray]
) -> dict[str, FloatArray]:
    """`values` of `names`, the score's among them; a loan that is not open has none."""
    if model is None or SCORE_NAMES.isdisjoint(names):
        return {name: values[name] for name in names}
    said = model.said(names, values)
    nothing = np.logical_and.reduce([np.isnan(values[name]) for name in model.names])
    for column in said.values():
        column[nothing] = np.nan
    return {name: said[name] if name in said else values[name] for name in names}
