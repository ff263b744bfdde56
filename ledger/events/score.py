"""What the watch found about the score itself: facts of the warnings log, on no loan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from ledger.codec import event_type


@event_type("score.drifted", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreDrifted:
    """The loans on the book are no longer those that `score` was fitted on; `role` is told.

    `stability_index` compares their points, `mean_pd` with `fitted_mean_pd` what it says of them on
    average.
    """

    score: str
    stability_index: float
    mean_pd: float
    fitted_mean_pd: float
    role: str
    reason: str
    ledger_position: int
    value_date: date
    recorded_at_us: int


@event_type("score.settled", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSettled:
    """`score` meets the population again that it was fitted on."""

    score: str
    stability_index: float
    reason: str
    ledger_position: int
    value_date: date
    recorded_at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationBand:
    """Loans of which a score said about the same: what it said, and between which bounds it was.

    `verdict` tells whether clearly more or fewer defaulted than was said.
    """

    loans: int
    defaults: int
    said: float
    low: float
    high: float
    verdict: Literal["as_said", "more", "fewer"]


@event_type("score.miscalibrated", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreMiscalibrated:
    """Of the loans judged on `judged_date` clearly more, or fewer, defaulted than `score` had said.

    Known once `horizon_months` have passed; `role` is told. `whole` is all of those loans, `bands`
    the parts of which about the same was said, the riskiest first.
    """

    score: str
    judged_date: date
    horizon_months: int
    whole: CalibrationBand
    bands: tuple[CalibrationBand, ...]
    role: str
    reason: str
    ledger_position: int
    value_date: date
    recorded_at_us: int


@event_type("score.calibration_restored", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreCalibrationRestored:
    """Of the loans judged on `judged_date` about as many defaulted as `score` had said."""

    score: str
    judged_date: date
    horizon_months: int
    whole: CalibrationBand
    reason: str
    ledger_position: int
    value_date: date
    recorded_at_us: int
