"""Whether as many loans defaulted as a score had said: seen against said, by band, with bounds.

A band's probability is the mean of what was said of its loans; the share that defaulted stands
between Wilson's bounds (`confidence`). "more" or "fewer" is said where the bounds lie wholly beyond
what was said, TOLERANCE left on either side: what is certain and large enough to act on. All bands
together are held to 95 % (each to its part of the rest, after Bonferroni), and so is the whole.
Defaults of one year hang together, which bounds for independent loans leave out: hence a tolerance
and not a bare test.
Source: BCBS Working Paper 14 (2005), Studies on the validation of internal rating systems, chapter
on calibration: the binomial test for each grade.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal, NamedTuple

from warning.confidence import share

TOLERANCE = 0.25
"""A share up to a quarter above or below (a factor of 1.25 either way) is as was said."""
_MISTAKES = 0.05
Verdict = Literal["as_said", "more", "fewer"]


class Band(NamedTuple):
    """Loans of which about the same was said: what was said, what was seen, and its bounds."""

    loans: int
    defaults: int
    said: float
    low: float
    high: float

    @property
    def seen(self) -> float:
        """The share that defaulted."""
        return self.defaults / self.loans

    @property
    def verdict(self) -> Verdict:
        """Whether clearly more or fewer defaulted than was said."""
        if self.low > self.said * (1 + TOLERANCE):
            return "more"
        return "fewer" if self.high < self.said / (1 + TOLERANCE) else "as_said"


class Calibration(NamedTuple):
    """All loans that were judged, and the bands that hold any, the riskiest first."""

    whole: Band
    bands: tuple[Band, ...]

    @property
    def holds(self) -> bool:
        """Whether the whole and every band came out as was said."""
        return all(band.verdict == "as_said" for band in (self.whole, *self.bands))


def calibration_of(told: Sequence[tuple[int, int, float]]) -> Calibration | None:
    """(loans, defaults, mean probability) of each band, the riskiest first; None without loans."""
    held = [row for row in told if row[0]]
    if not held:
        return None
    loans, defaults = sum(row[0] for row in held), sum(row[1] for row in held)
    said = sum(row[0] * row[2] for row in held) / loans
    whole = _band(loans, defaults, said, parts=1)
    return Calibration(whole, tuple(_band(*row, parts=len(held)) for row in held))


def _band(loans: int, defaults: int, said: float, *, parts: int) -> Band:
    z = NormalDist().inv_cdf(1 - _MISTAKES / (2 * parts))
    bounds = share(defaults, loans, z=z)
    low, high = (0.0, 1.0) if bounds is None else bounds[1:]
    return Band(loans, defaults, said, low, high)
