"""The warnings that a score no longer fits: looked at once a month, recorded as facts.

At the first close of a month the points of all running loans are compared with those of the
population that the score was fitted on (`drift`), and the defaults of the loans whose horizon is
over with what the score had said of them (`backtest`). What is found amiss is said once, to
MODEL_OWNER, and once more when it is no longer so. Of fewer than LEAST_LOANS loans nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import numpy as np

from ledger.dates import date_of
from ledger.events import (
    CalibrationBand,
    ScoreCalibrationRestored,
    ScoreDrifted,
    ScoreMiscalibrated,
    ScoreSettled,
)
from ledger.store import NewFact, Recorded
from warning.backtest import Backtested
from warning.calibrated import Band
from warning.drift import LEAST_LOANS, SHIFTED, drift
from warning.engine import Engine
from warning.reasons import phrase
from warning.windows import month_of

MODEL_OWNER = "model_owner"
"""Who answers for the score: the role that is told."""


class Drifting:
    """What is known to be amiss with the score in force. One for each adoption of rules."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._month: int | None = None
        self._drifted = self._missed = False

    def recall(self, recorded: Iterable[Recorded | NewFact], score: str) -> None:
        """Know what was last said of a score on record: other rules do not mend it."""
        for item in recorded:
            fact = item.fact
            if getattr(fact, "score", None) != score:
                continue
            if isinstance(fact, (ScoreDrifted, ScoreSettled)):
                self._drifted = isinstance(fact, ScoreDrifted)
            elif isinstance(fact, (ScoreMiscalibrated, ScoreCalibrationRestored)):
                self._missed = isinstance(fact, ScoreMiscalibrated)

    def at_close(self, engine: Engine, tested: Backtested | None, close: Recorded) -> list[Any]:
        """Facts of what changed at a close; none mostly. `tested` are outcomes known since it."""
        found = (self._population(engine, close), self._outcomes(tested, close))
        return [fact for fact in found if fact is not None]

    def _population(self, engine: Engine, close: Recorded) -> ScoreDrifted | ScoreSettled | None:
        month = month_of(engine.day)
        if engine.score is None or month == self._month:
            return None
        self._month = month
        pd = engine.values(["default_probability_ratio"])["default_probability_ratio"]
        pd = pd[~np.isnan(pd)]
        found = drift(engine.score, pd) if len(pd) >= LEAST_LOANS else None
        if found is None or (found.stability_index > SHIFTED) == self._drifted:
            return None
        self._drifted = not self._drifted
        common = _common(engine.score.label, close) | {"stability_index": found.stability_index}
        index = f"{found.stability_index:.2f}"
        if not self._drifted:
            return ScoreSettled(
                reason=phrase(self._language, "score_settled", index=index), **common
            )
        said = {"now": f"{found.mean_pd:.1%}", "then": f"{found.fitted_mean_pd:.1%}"}
        return ScoreDrifted(
            mean_pd=found.mean_pd,
            fitted_mean_pd=found.fitted_mean_pd,
            role=MODEL_OWNER,
            reason=phrase(self._language, "score_drifted", index=index, **said),
            **common,
        )

    def _outcomes(
        self, tested: Backtested | None, close: Recorded
    ) -> ScoreMiscalibrated | ScoreCalibrationRestored | None:
        if tested is None or tested.calibration.holds != self._missed:
            return None
        self._missed = not self._missed
        judged: date = date_of(tested.judged_day)
        whole, bands = tested.calibration
        common = _common(tested.score, close) | {
            "judged_date": judged,
            "horizon_months": tested.months,
            "whole": _told(whole),
        }
        words = {
            "day": judged.isoformat(),
            "seen": f"{whole.seen:.1%}",
            "said": f"{whole.said:.1%}",
        }
        if not self._missed:
            return ScoreCalibrationRestored(
                reason=phrase(self._language, "score_calibration_restored", **words), **common
            )
        words |= {"low": f"{whole.low:.1%}", "high": f"{whole.high:.1%}"}
        off = sum(band.verdict != "as_said" for band in bands)
        return ScoreMiscalibrated(
            bands=tuple(map(_told, bands)),
            role=MODEL_OWNER,
            reason=phrase(
                self._language, "score_miscalibrated", off=off, bands=len(bands), **words
            ),
            **common,
        )


def _common(score: str, close: Recorded) -> dict[str, Any]:
    """What every fact about the score carries: the close at which it was found."""
    return {
        "score": score,
        "ledger_position": close.position,
        "value_date": close.fact.value_date,
        "recorded_at_us": close.fact.recorded_at_us,
    }


def _told(band: Band) -> CalibrationBand:
    return CalibrationBand(verdict=band.verdict, **band._asdict())
