"""The warning that a score no longer fits: looked at once a month, recorded as a fact.

At the first close of a month the points of all running loans are compared with those of the
population that the score was fitted on (`drift`). Above SHIFTED it is said once, to MODEL_OWNER,
and once more when it is no longer so. Of fewer than LEAST_LOANS loans nothing is said.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from ledger.events import ScoreDrifted, ScoreSettled
from warning.drift import SHIFTED, drift
from warning.engine import Engine
from warning.reasons import phrase
from warning.windows import month_of

MODEL_OWNER = "model_owner"
"""Who answers for the score: the role that is told."""
LEAST_LOANS = 100


class Drifting:
    """Whether the score in force is known to have drifted. One for each adoption of rules."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._month: int | None = None
        self._drifted = False

    def at_close(
        self, engine: Engine, day: date, *, position: int, recorded_at_us: int
    ) -> ScoreDrifted | ScoreSettled | None:
        """What changed, at the first close of a month; None mostly."""
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
        common: dict[str, Any] = {
            "score": engine.score.label,
            "stability_index": found.stability_index,
            "ledger_position": position,
            "value_date": day,
            "recorded_at_us": recorded_at_us,
        }
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
