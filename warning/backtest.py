"""What became of the loans that a score judged, once its horizon has passed.

At the first close of a month the loans that run, are old enough and were never in default are put
into the bands of the score: a cohort. When the horizon is over, in whole months from the month that
begins nearest to that close, the cohort's defaults are counted, as they are known by then: more
than 90 days past due on a day of these months (the twelve months that `history` keeps are read
anew, so that a late fact counts), a finding `default_observed`, or a write-off that stands. What
was said is never worked out again: nothing that came later can move it. Only of scores that were
fitted on these defaults (`default_days` in the model) is anything said. Writes no facts: `drifting`
does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ledger.dates import day_number
from ledger.events import LoanClosed, LoanReopened, LoanStatusChanged, WriteOffCancelled
from warning.calibrated import Calibration, calibration_of
from warning.drift import LEAST_LOANS, bands_of
from warning.engine import Engine
from warning.history import MONTHS
from warning.indicators_score import needed, scored
from warning.intake import RecordedFact
from warning.outcomes import DEFAULT_DAYS, LEAST_AGE_DAYS
from warning.scorecard import Model
from warning.windows import BoolArray, FloatArray, month_of

MOST_COHORTS = 12
"""A score of a longer horizon is looked at every second month, or every third, and so on."""
MOST_MONTHS = 60
_KEPT_MONTHS = 64
_DAYS_A_MONTH, _HALF_A_MONTH = 30.4375, 15
_NO_BAND = 255
_WORST = "worst_dpd_12m_days"
_PD = "default_probability_ratio"
_ENDS = (LoanStatusChanged, LoanClosed, LoanReopened, WriteOffCancelled)
Bits = NDArray[np.uint64]


class Backtested(NamedTuple):
    """How the score's word on the loans of `judged_day` came out, `months` later."""

    score: str
    judged_day: int
    months: int
    calibration: Calibration


class _Cohort(NamedTuple):
    """Loans judged on a day: the band of each row, and what was said of a band on average.

    `end` is the first month behind the horizon.
    """

    day: int
    end: int
    band: NDArray[np.uint8]
    said: tuple[float, ...]


class Backtest:
    """The cohorts of the score in force. Rules may change beside it; another score begins anew.

    `fresh` is what the last close told, `last` what was told last.
    """

    def __init__(self) -> None:
        self.fresh: Backtested | None = None
        self.last: Backtested | None = None
        self._model: Model | None = None
        self._found: dict[str, int] = {}
        self._written_off: dict[str, int] = {}
        self._begin()

    def _begin(self) -> None:
        self._month: int | None = None
        self._cohorts: list[_Cohort] = []
        self._late: Bits = np.zeros(0, np.uint64)  # bit m % 64: in default in month m

    def judge_by(self, model: Model | None) -> Model | None:
        """`model` is in force from here on; gives it back."""
        before, self._model = self._model, model
        if model is None or before is None or model.digest != before.digest:
            self.last = None
            self._begin()
        return model

    def note(self, recorded: Sequence[RecordedFact]) -> None:
        """Take in what facts say of defaults, in the order of their positions."""
        for item in recorded:
            if type(item.fact) in _ENDS:
                self._note(item.fact)

    def _note(self, fact: Any) -> None:
        loan_id, day = fact.loan_id, day_number(fact.value_date)
        if isinstance(fact, LoanStatusChanged):
            if fact.active and fact.finding == "default_observed":
                self._found[loan_id] = min(day, self._found.get(loan_id, day))
        elif isinstance(fact, LoanClosed):
            if fact.reason == "written_off":
                self._written_off[loan_id] = day
        else:
            self._written_off.pop(loan_id, None)

    def at_close(self, engine: Engine) -> None:
        """At the first close of a month: tells of whose horizon is over, and notes who runs."""
        self.fresh = None
        model, month = self._model, month_of(engine.day)
        if model is None or month == self._month or not (horizon := months_of(model)):
            return
        if self._month is not None and month - self._month >= MONTHS:
            self._begin()  # Nobody looked for a year: what happened in between is not known.
        self._month = month
        asked = needed([_PD], model)
        values = engine.values([*asked, _WORST])
        self._remember(engine, month)
        while self._cohorts and self._cohorts[0].end <= month:
            found = self._tested(self._cohorts.pop(0), engine, model, horizon)
            self.fresh = found or self.fresh
        if month % -(-horizon // MOST_COHORTS) == 0:
            pd = scored([_PD], model, values)[_PD]
            end = month_of(engine.day + _HALF_A_MONTH) + horizon
            self._cohorts.append(self._cohort(engine, model, pd, values[_WORST], end))
        self.last = self.fresh or self.last

    def _remember(self, engine: Engine, month: int) -> None:
        """The months of default of every loan, those that are still kept by day read anew."""
        late = np.zeros(engine.rows(), np.uint64)
        late[: len(self._late)] = self._late
        for each in range(month - MONTHS + 1, month):
            bit, worst = _bit(each), engine.history.worst[each % MONTHS][: len(late)]
            late = np.where(worst > DEFAULT_DAYS, late | bit, late & ~bit)
        self._late = late & ~_bit(month)

    def _cohort(
        self, engine: Engine, model: Model, pd: FloatArray, worst: FloatArray, end: int
    ) -> _Cohort:
        rows = engine.rows()
        old_enough = engine.book.opened_day[:rows] + LEAST_AGE_DAYS <= engine.day
        running = engine.open() & old_enough & ~np.isnan(pd)
        fit = running & (self._late == 0) & ~(worst > DEFAULT_DAYS)
        fit &= ~self._stated(engine, lambda day: day <= engine.day)
        bands, count = bands_of(model, pd[fit])
        band = np.full(rows, _NO_BAND, np.uint8)
        band[fit] = bands
        loans = np.bincount(bands, minlength=count)
        sums = np.bincount(bands, weights=pd[fit], minlength=count)
        return _Cohort(engine.day, end, band, tuple((sums / np.maximum(loans, 1)).tolist()))

    def _tested(
        self, cohort: _Cohort, engine: Engine, model: Model, horizon: int
    ) -> Backtested | None:
        rows = np.flatnonzero(cohort.band != _NO_BAND)
        if len(rows) < LEAST_LOANS:
            return None
        months = range(month_of(cohort.day), cohort.end)
        bad = (self._late & np.uint64(sum(1 << each % _KEPT_MONTHS for each in months))) != 0
        bad |= self._stated(engine, lambda day: month_of(day) < cohort.end)
        count = len(cohort.said)
        loans = np.bincount(cohort.band[rows], minlength=count).tolist()
        defaults = np.bincount(cohort.band[rows][bad[rows]], minlength=count).tolist()
        found = calibration_of(list(zip(loans, defaults, cohort.said, strict=True)))
        return found and Backtested(model.label, cohort.day, horizon, found)

    def _stated(self, engine: Engine, counts: Any) -> BoolArray:
        """Loans found in default, or written off, on a day that `counts`."""
        stated = np.zeros(engine.rows(), np.bool_)
        for days in (self._found, self._written_off):
            rows = [engine.row_of(loan_id) for loan_id, day in days.items() if counts(day)]
            stated[[row for row in rows if row >= 0]] = True
        return stated


def months_of(model: Model) -> int:
    """The horizon in whole months; 0 where nothing can be said of the score's defaults."""
    if model.about.get("default_days") != DEFAULT_DAYS:
        return 0
    months = max(1, round(int(model.about["horizon_days"]) / _DAYS_A_MONTH))
    return months if months <= MOST_MONTHS else 0


def _bit(month: int) -> np.uint64:
    return np.uint64(1 << month % _KEPT_MONTHS)
