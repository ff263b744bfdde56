"""What became of the loans that a score judged: cohorts, defaults as known by then, facts of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from math import exp
from typing import Any

import pytest

from ledger.dates import Calendar, day_number
from ledger.events import (
    BusinessDayClosed,
    LoanClosed,
    LoanOpened,
    LoanStatusChanged,
    PositionReported,
    RulesAdopted,
    ScoreCalibrationRestored,
    ScoreDrifted,
    ScoreMiscalibrated,
    WriteOffCancelled,
)
from ledger.store import MemoryStore, NewFact, Recorded
from ledger.terms import Split, Terms
from streams.metrics import Metrics
from streams.watching import WatchAgent
from warning.backtest import Backtested, months_of
from warning.pack import Pack
from warning.remembered import bring_back, frozen
from warning.rules import parse_pack
from warning.scorecard import Bins, Model, Scorecard
from warning.scored_pack import with_score
from warning.watch import Watch

LOANS = 200
DPD = Bins(indicator="dpd_days", edges=(29.0,), weights=(-3.0, 2.0, 0.0), shares=(1.0, 0.0, 0.0))
ABOUT: dict[str, Any] = {
    "name": "test", "version": 3, "target": "bad", "horizon_days": 31, "default_days": 90,
}  # fmt: skip
MODEL = Model(kind="points", parts=Scorecard(0.0, (DPD,)), slope=1.0, intercept=0.0, about=ABOUT)
SAID = 1 / (1 + exp(3))
"""4.74 %: what the score says of every loan that is not past due."""
RULES = """
name = "quiet"
version = {version}
title = "Never rings"
[[rule]]
name = "never"
title = "Never"
source = "this test"
when = "default_probability_ratio > 2"
severity = "yellow"
reason = "{{score_points}}"
"""


def pack(*, version: int = 1, model: Model = MODEL) -> Pack:
    return with_score(parse_pack(RULES.format(version=version), path="x"), model, path="x")


class Book:
    """Loans opened on 2024-01-31 that report their positions; a close ends each day told of."""

    def __init__(self) -> None:
        self.facts: list[Recorded] = []
        for loan in range(LOANS):
            self.add(
                *(LoanOpened, "2024-01-31"), loan_id=f"L{loan}", borrower_id=f"B{loan}",
                account_id=None, product="p", currency="CNY", principal_minor=100,
                officer_id="o", branch="b", industry="", region="", guarantor_id=None,
                terms=Terms(method="given", instalments=0),
            )  # fmt: skip
            self.report("2024-01-31", loan, months=0)

    def add(self, kind: Any, day: str, **fields: Any) -> None:
        at = len(self.facts) + 1
        fact = kind(
            transaction_id=f"t{at:06}", value_date=date.fromisoformat(day), recorded_at_us=0,
            **fields,
        )  # fmt: skip
        self.facts.append(Recorded(at, f"s{at}", 1, fact))

    def report(self, day: str, loan: int, *, months: int) -> None:
        self.add(
            *(PositionReported, day), loan_id=f"L{loan}", outstanding_minor=50,
            payment_due_minor=10, months_past_due=months,
        )  # fmt: skip

    def close(self, *days: str) -> None:
        for day in days:
            self.add(BusinessDayClosed, day)

    def late(self, day: str, loans: range) -> None:
        """120 days past due each."""
        for loan in loans:
            self.report(day, loan, months=4)

    def finding(self, day: str, loan: int) -> None:
        self.add(
            *(LoanStatusChanged, day), loan_id=f"L{loan}", finding="default_observed", active=True,
            reason="",
        )  # fmt: skip

    def written_off(self, day: str, loan: int) -> None:
        self.add(
            *(LoanClosed, day), loan_id=f"L{loan}", reason="written_off", remaining=Split()
        )  # fmt: skip


def came_out(book: Book, *, model: Model = MODEL) -> Backtested | None:
    watch = Watch(pack=pack(model=model), calendar=Calendar())
    watch.observe(book.facts)
    return watch.backtest.last


def counts(found: Backtested | None) -> tuple[int, int] | None:
    return found and found.calibration.whole[:2]


def story() -> Book:
    """March's cohort: 20 of 200 default in April. April's: of the 180 left 9 default in May."""
    book = Book()
    book.close("2024-02-29", "2024-03-29")
    book.late("2024-04-30", range(20))
    book.close("2024-04-30")
    book.late("2024-05-31", range(20, 29))
    book.close("2024-05-31", "2024-06-28")
    return book


def said(new: list[NewFact]) -> list[Any]:
    return [one.fact for one in new if type(one.fact) not in (RulesAdopted, ScoreDrifted)]


def test_more_defaults_than_said_are_told_once_and_again_when_they_are_as_said() -> None:
    facts = said(Watch(pack=pack(), calendar=Calendar()).observe(story().facts))
    assert [(fact.value_date.isoformat(), type(fact)) for fact in facts] == [
        ("2024-05-31", ScoreMiscalibrated),
        ("2024-06-28", ScoreCalibrationRestored),
    ]
    missed, restored = facts
    # A loan is 30 days old on 1 March: February judges none. 20 of 200 by Wilson: 6.57 % to
    # 14.94 %; 6.57 % is more than 4.74 % x 1.25 = 5.93 %.
    assert (missed.judged_date, missed.horizon_months) == (date(2024, 3, 29), 1)
    assert (missed.score, missed.role) == ("test v3", "model_owner")
    assert (missed.whole.loans, missed.whole.defaults) == (200, 20)
    assert missed.whole.said == pytest.approx(SAID, rel=1e-12)
    assert (round(missed.whole.low, 4), round(missed.whole.high, 4)) == (0.0657, 0.1494)
    assert missed.whole.verdict == "more"
    assert missed.bands == (missed.whole,)
    assert "10.0% defaulted (6.6% to 14.9%); the score had said 4.7%, and 1 of 1" in missed.reason
    # Those in default are judged no more.
    assert (restored.whole.loans, restored.whole.defaults) == (180, 9)
    assert restored.reason.endswith("5.0% defaulted; the score had said 4.7%.")


def test_bands_are_those_of_the_fitting_the_riskiest_first() -> None:
    # Points: 600 - 28.85 (3.00 - 3) = 600.1 where nothing is late, 455.8 from 30 days on.
    about = ABOUT | {"reference": {"edges": [560.0], "shares": [0.1, 0.9], "mean_pd": 0.1}}
    book = Book()
    for loan in range(40):
        book.report("2024-03-15", loan, months=1)
    book.close("2024-03-29")
    book.late("2024-04-30", range(35))
    book.close("2024-04-30", "2024-05-31")
    found = came_out(book, model=replace(MODEL, about=about))
    assert found is not None
    # Of 40 that were 44 days late 1 / (1 + e^-2) = 88 % were said and 35 of 40 seen.
    risky, safe = found.calibration.bands
    assert (risky.loans, risky.defaults, round(risky.said, 4)) == (40, 35, 0.8808)
    assert (safe.loans, safe.defaults, round(safe.said, 4)) == (160, 0, 0.0474)
    # Upper bound of 0 in 160 at z = 2.2414: 0.0314 / 1.0314 = 3.04 %, below 4.74 % / 1.25.
    assert (risky.verdict, safe.verdict) == ("as_said", "fewer")


def test_what_is_learnt_late_counts_by_the_day_on_which_it_was() -> None:
    book = Book()
    book.close("2024-03-29", "2024-04-30")
    book.late("2024-04-20", range(7))  # recorded in May, before the close
    book.close("2024-05-31")
    assert counts(came_out(book)) == (200, 7)
    taken_back = Book()
    taken_back.close("2024-03-29")
    taken_back.late("2024-04-30", range(7))
    taken_back.close("2024-04-30")
    for loan in range(3):  # the same day's position, said anew
        taken_back.report("2024-04-30", loan, months=0)
    taken_back.close("2024-05-31")
    assert counts(came_out(taken_back)) == (200, 4)


def test_what_comes_behind_the_horizon_does_not_count() -> None:
    book = Book()
    book.close("2024-03-29", "2024-04-30")
    book.late("2024-05-02", range(7))
    book.finding("2024-05-02", 8)
    book.written_off("2024-05-02", 9)
    book.close("2024-05-31")
    assert counts(came_out(book)) == (200, 0)


def test_findings_and_write_offs_that_stand_are_defaults() -> None:
    book = Book()
    book.close("2024-03-29")
    book.finding("2024-04-02", 0)
    book.finding("2024-04-03", 0)
    book.written_off("2024-04-02", 1)
    book.written_off("2024-04-02", 2)
    book.close("2024-04-30")
    book.add(
        *(WriteOffCancelled, "2024-05-02"), loan_id="L2", reason="paid after all", recovered=(),
        remaining=Split(),
    )  # fmt: skip
    book.close("2024-05-31", "2024-06-28")
    found = came_out(book)
    # Of the next cohort, 30 April: without L0 and L1; L2 was written off on that day.
    assert counts(found) == (197, 0)
    assert found is not None
    assert found.judged_day == day_number(date(2024, 4, 30))
    until_may = Book()
    until_may.facts = book.facts[:-1]
    assert counts(came_out(until_may)) == (200, 2)


def test_of_a_score_of_other_defaults_or_of_few_loans_nothing_is_said() -> None:
    other = replace(MODEL, about={key: ABOUT[key] for key in ABOUT if key != "default_days"})
    assert months_of(other) == 0
    assert came_out(story(), model=other) is None
    few = Book()
    for loan in range(101):
        few.written_off("2024-03-01", loan)
    few.close("2024-03-29", "2024-04-30", "2024-05-31")
    assert came_out(few) is None
    horizons = {31: 1, 90: 3, 365: 12, 730: 24, 1_826: 60, 1_860: 0}
    assert {
        days: months_of(replace(MODEL, about=ABOUT | {"horizon_days": days})) for days in horizons
    } == horizons


def test_cohorts_outlive_other_rules_and_end_with_another_score() -> None:
    facts = story().facts
    april = next(item.position for item in facts if item.fact.value_date == date(2024, 4, 30))
    log: list[Recorded] = []

    def go_on(chosen: Pack, until: int) -> Watch:
        watch = Watch(pack=chosen, calendar=Calendar())
        keep(log, watch.replay(facts[:until], log))
        keep(log, watch.observe(facts[:until]))
        return watch

    go_on(pack(), april)
    go_on(pack(version=2), april + 1)
    watch = go_on(pack(version=3), len(facts))
    kinds = [type(item.fact) for item in log]
    found = [ScoreMiscalibrated, ScoreCalibrationRestored]
    assert kinds == [RulesAdopted, RulesAdopted, *found, RulesAdopted]
    assert counts(watch.backtest.last) == (180, 9)
    other = replace(MODEL, about=ABOUT | {"version": 4})
    del log[1:]
    go_on(pack(), april)
    assert go_on(pack(version=2, model=other), len(facts)).backtest.last is None


def keep(log: list[Recorded], new: list[NewFact]) -> None:
    log += [
        Recorded(at, one.stream, one.version, one.fact)
        for at, one in enumerate(new, start=len(log) + 1)
    ]


def test_stream_batch_restart_and_snapshot_say_the_same() -> None:
    facts = story().facts
    whole = Watch(pack=pack(), calendar=Calendar())
    log: list[Recorded] = []
    keep(log, whole.observe(facts))
    assert [type(item.fact) for item in log[-2:]] == [ScoreMiscalibrated, ScoreCalibrationRestored]
    single, told = Watch(pack=pack(), calendar=Calendar()), []
    for item in facts:
        told += single.observe([item])
    assert [(new.stream, new.version, new.fact) for new in told] == [
        (item.stream, item.version, item.fact) for item in log
    ]
    for cut in (400, 402, 423, 433):  # before the first close, and behind others
        half = Watch(pack=pack(), calendar=Calendar())
        known: list[Recorded] = []
        keep(known, half.observe(facts[:cut]))
        again = Watch(pack=pack(), calendar=Calendar())
        assert again.replay(facts[:cut], known) == []
        brought = Watch(pack=pack(), calendar=Calendar())
        bring_back(brought, frozen(half).packed())
        for watch in (half, again, brought):
            rest = list(known)
            keep(rest, watch.observe(facts))
            assert rest == log
            assert watch.backtest.last == whole.backtest.last


class Told(Metrics):
    """A meter that keeps what it is told of outcomes."""

    def __init__(self) -> None:
        super().__init__(version="test")
        self.outcomes: list[Backtested | None] = []

    def score_tested(self, found: Backtested | None) -> None:
        self.outcomes.append(found)


async def nothing(_: object) -> None:
    """Nobody listens."""


def test_the_agent_tells_its_meter_of_outcomes_once_and_again_after_a_restart(
    caplog: pytest.LogCaptureFixture,
) -> None:
    facts, store = story().facts, MemoryStore()
    store.ledger.record([NewFact(item.stream, 1, item.fact) for item in facts])

    def started() -> tuple[WatchAgent, Told]:
        meter = Told()
        agent = WatchAgent(
            Watch(pack=pack(), calendar=Calendar()), store, nothing, most=10,
            fail=lambda _: None, moved=lambda: None, meter=meter,
        )  # fmt: skip
        return agent, meter

    agent, meter = started()
    for first, end in ((0, 423), (423, 433), (433, 434)):  # up to a close each
        agent._observed(facts[first:end])
    found = [one.calibration.whole[:2] for one in meter.outcomes if one is not None]
    assert (found, len(meter.outcomes)) == ([(200, 20), (180, 9)], 2)
    said = [line for line in caplog.messages if line.startswith("score test v3 said otherwise")]
    assert said == [
        "score test v3 said otherwise than what became of the loans it judged on 2024-03-29: "
        "4.7 % said, 10.0 % seen; fit it anew"
    ]
    agent, after = started()
    agent._replayed()
    assert after.outcomes == meter.outcomes[-1:]
