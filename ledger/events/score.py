"""What the watch found about the score itself: facts of the warnings log, on no loan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

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
