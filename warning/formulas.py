"""What an indicator is, and the small pieces that formulas are made of.

A formula turns integer measures into one float64 column; UNKNOWN becomes NaN. The catalogue itself
is in `indicators`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from warning.windows import UNKNOWN, FloatArray, IntArray

Get = Callable[[str], IntArray]
"""Gives a measure by name: int64, one value a loan (or a row of loans for each day), or UNKNOWN."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """One measure of a loan's health, as people and rules know it."""

    name: str
    unit: str
    window: str
    meaning: str
    unknown: str
    source: str
    formula: Callable[[Get], FloatArray]


def real(measure: IntArray) -> FloatArray:
    """A measure as floats; NaN where it is not known."""
    real = measure.astype(np.float64)
    real[measure == UNKNOWN] = np.nan
    return real


def plain(name: str) -> Callable[[Get], FloatArray]:
    """The formula that takes a measure as it is."""
    return lambda get: real(get(name))


def divided(above: FloatArray, below: FloatArray) -> FloatArray:
    """above / below; NaN where below is not above zero."""
    ratio = np.full(len(above), np.nan)
    np.divide(above, below, out=ratio, where=below > 0)
    return ratio


def indicator(
    name: str,
    window: str,
    meaning: str,
    *,
    unknown: str,
    source: str,
    formula: Callable[[Get], FloatArray],
    unit: str = "",
) -> Indicator:
    """An entry of the catalogue; the unit is the last word of the name unless it is given."""
    units = ("minor", "days", "ratio", "months")
    last = name.rpartition("_")[2]
    return Indicator(
        name=name,
        unit=unit or (last if last in units else "count"),
        window=window,
        meaning=meaning,
        unknown=unknown,
        source=source,
        formula=formula,
    )
