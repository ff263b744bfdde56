"""The score in force: indicators that rules can ask for, adopted with the rules as one fact."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from math import exp, isnan
from typing import Any

import numpy as np
import pytest

from ledger.dates import Calendar, day_number
from ledger.events import (
    BusinessDayClosed,
    LoanOpened,
    PositionReported,
    RulesAdopted,
    ScoreDrifted,
    ScoreSettled,
)
from ledger.events import WarningRaised as Raised
from ledger.store import Recorded
from ledger.terms import Terms
from warning.engine import Engine
from warning.rules import parse_pack
from warning.scorecard import Bins, Model, ModelError, Scorecard
from warning.scored_pack import MARK, judged_alike, score_in, with_score
from warning.watch import Watch

ABOUT = {"name": "test", "version": 3, "target": "bad", "horizon_days": 365}
DPD = Bins(indicator="dpd_days", edges=(29.0,), weights=(-3.0, 2.0, 0.0), shares=(1.0, 0.0, 0.0))
MODEL = Model(kind="points", parts=Scorecard(0.0, (DPD,)), slope=1.0, intercept=0.0, about=ABOUT)
RULES = """
name = "scored"
version = 1
title = "By score"
[[rule]]
name = "likely_to_default"
title = "Likely to default"
source = "the score in force"
when = "default_probability_ratio >= 0.5"
severity = "yellow"
reason = "{default_probability_percent} within a year, {score_points} points"
"""
QUIET = RULES.replace(">= 0.5", "> 2")
"""The same rule, which never rings."""
OPENED: dict[str, Any] = {
    "account_id": None, "product": "p", "currency": "CNY", "principal_minor": 100,
    "officer_id": "o", "branch": "b", "industry": "", "region": "", "guarantor_id": None,
    "terms": Terms(method="given", instalments=0),
}  # fmt: skip
NAMES = ["score_points", "default_probability_ratio"]


def facts(*, months_late: int) -> list[Recorded]:
    days = ("2024-03-01", "2024-03-29", "2024-03-29")
    kinds: list[tuple[Any, dict[str, Any]]] = [
        (
            LoanOpened,
            OPENED | {"loan_id": "L1", "borrower_id": "B1"},
        ),
        (
            PositionReported,
            {
                "loan_id": "L1", "outstanding_minor": 50, "payment_due_minor": 10,
                "months_past_due": months_late,
            },
        ),
        (BusinessDayClosed, {}),
    ]  # fmt: skip
    return [
        Recorded(
            at, f"s{at}", 1,
            kind(
                transaction_id=f"t{at}", value_date=date.fromisoformat(day), recorded_at_us=0,
                **fields,
            ),
        )
        for at, (day, (kind, fields)) in enumerate(zip(days, kinds, strict=True), start=1)
    ]  # fmt: skip


def test_score_indicators_are_unknown_without_a_score_and_the_models_with_one() -> None:
    engine = Engine()
    engine.apply(facts(months_late=1))
    engine.advance(day_number(date(2024, 3, 29)))
    assert all(isnan(engine.values(NAMES)[name][0]) for name in NAMES)
    engine.score = MODEL
    # 30 days past due: log-odds 2. Asked with others or alone, for all loans or for one.
    expected = 1 / (1 + exp(-2))
    assert engine.values([*NAMES, "limit_minor"])["default_probability_ratio"][0] == expected
    assert list(engine.values(NAMES)) == NAMES
    assert engine.values(NAMES, np.array([0]))["default_probability_ratio"][0] == expected


def test_a_score_is_adopted_with_the_rules_and_rings_by_their_conditions() -> None:
    pack = with_score(parse_pack(RULES, path="x"), MODEL, path="x")
    watch = Watch(pack=pack, calendar=Calendar())
    said = [new.fact for new in watch.observe(facts(months_late=1))]
    assert isinstance(said[0], RulesAdopted)
    assert MARK in said[0].text
    assert isinstance(said[1], Raised)
    # 1 / (1 + e^-2) = 88.08 %. From the best bin, -3, to 2 are 5 of log-odds: 5 * 20 / ln 2 = 144.
    assert said[1].reason.endswith(" points Points lost: dpd_days 144.")
    assert {reading.indicator for reading in said[1].readings} == set(NAMES)
    quiet = Watch(pack=pack, calendar=Calendar()).observe(facts(months_late=0))
    assert [type(new.fact) for new in quiet] == [RulesAdopted]


def test_another_score_makes_another_pack_and_the_same_one_the_same() -> None:
    pack = parse_pack(RULES, path="x")
    assert score_in(pack) is None
    scored = with_score(pack, MODEL, path="x")
    assert (found := score_in(scored)) is not None
    assert found.text == MODEL.text
    assert with_score(scored, MODEL, path="x").digest == scored.digest
    other = Model(kind="points", parts=MODEL.parts, slope=1.0, intercept=0.5, about=ABOUT)
    replaced = with_score(scored, other, path="x")
    assert replaced.digest != scored.digest
    assert replaced.text.count(MARK) == 1


def test_other_rules_are_compared_beside_the_score_in_force_or_beside_another() -> None:
    plain, other = parse_pack(RULES, path="x"), parse_pack(QUIET, path="y")
    assert judged_alike(other, plain) is other
    scored = with_score(plain, MODEL, path="x")
    assert (kept := score_in(judged_alike(other, scored))) is not None
    assert kept.text == MODEL.text
    challenger = Model(kind="points", parts=MODEL.parts, slope=1.0, intercept=0.5, about=ABOUT)
    assert (chosen := score_in(judged_alike(other, scored, challenger))) is not None
    assert chosen.intercept == 0.5


def test_a_broken_score_in_a_pack_is_refused() -> None:
    with pytest.raises(ModelError):
        score_in(parse_pack(RULES + MARK + "{}\n", path="x"))


def crowd(*, months_late: int, day: str, number: int) -> list[Recorded]:
    """100 loans that report `months_late` on a day, which closes; positions from `number`."""
    told: list[tuple[Any, dict[str, Any]]] = []
    for loan in range(100):
        if number == 1:
            opened = OPENED | {"loan_id": f"L{loan}", "borrower_id": f"B{loan}"}
            told.append((LoanOpened, opened))
        report = {"loan_id": f"L{loan}", "outstanding_minor": 50, "payment_due_minor": 10}
        told.append((PositionReported, report | {"months_past_due": months_late}))
    told.append((BusinessDayClosed, {}))
    return [
        Recorded(at, f"s{at}", 1, kind(
            transaction_id=f"t{at}", value_date=date.fromisoformat(day), recorded_at_us=0, **fields
        ))
        for at, (kind, fields) in enumerate(told, start=number)
    ]  # fmt: skip


def test_a_score_that_drifts_is_told_of_once_and_again_when_it_settles() -> None:
    # Fitted on loans of which none was past due: log-odds -3, so that all stand in the upper bin.
    reference = {"edges": [560.0], "shares": [0.0, 1.0], "mean_pd": 0.12}
    model = replace(MODEL, about=ABOUT | {"reference": reference})
    pack = with_score(parse_pack(QUIET, path="x"), model, path="x")
    watch = Watch(pack=pack, calendar=Calendar())
    said: list[Any] = []
    number = 1
    for day, months in (
        ("2024-01-31", 0), ("2024-02-29", 1), ("2024-03-29", 1), ("2024-04-30", 0),
    ):  # fmt: skip
        facts = crowd(months_late=months, day=day, number=number)
        number += len(facts)
        new = watch.observe(facts)
        said += [(day, one.stream, one.fact) for one in new if type(one.fact) is not RulesAdopted]
    assert [(day, stream, type(fact)) for day, stream, fact in said] == [
        ("2024-02-29", "rules", ScoreDrifted),
        ("2024-04-30", "rules", ScoreSettled),
    ]
    drifted = said[0][2]
    # All moved from the upper bin to the lower one: with shares held at 0.0001 at least,
    # 2 (1 - 0.0001) ln(1 / 0.0001) = 18.42.
    assert round(drifted.stability_index, 2) == 18.42
    assert (drifted.role, drifted.score) == ("model_owner", "test v3")
    assert drifted.mean_pd == pytest.approx(1 / (1 + exp(-2)))
    assert drifted.fitted_mean_pd == 0.12
    assert "18.42; it says 88.1% on average, 12.0% when it was fitted" in drifted.reason


def test_a_restart_concludes_a_drift_as_it_was_concluded() -> None:
    reference = {"edges": [560.0], "shares": [0.0, 1.0], "mean_pd": 0.12}
    model = replace(MODEL, about=ABOUT | {"reference": reference})
    pack = with_score(parse_pack(QUIET, path="x"), model, path="x")
    first = crowd(months_late=0, day="2024-01-31", number=1)
    second = crowd(months_late=1, day="2024-02-29", number=len(first) + 1)
    new = Watch(pack=pack, calendar=Calendar()).observe([*first, *second])
    log = [Recorded(at, one.stream, one.version, one.fact) for at, one in enumerate(new, start=1)]
    assert [type(item.fact) for item in log] == [RulesAdopted, ScoreDrifted]
    again = Watch(pack=pack, calendar=Calendar())
    assert again.replay([*first, *second], log) == []
    assert again.difference == ""
    # Other rules with the same score do not make it fit: it is not told twice, and settles once.
    others = with_score(parse_pack(QUIET + "\n# other words\n", path="x"), model, path="x")
    later = Watch(pack=others, calendar=Calendar())
    assert [type(new.fact) for new in later.replay([*first, *second], log)] == [RulesAdopted]
    third = crowd(months_late=1, day="2024-03-29", number=len(first) + len(second) + 1)
    assert later.observe(third) == []
    at = third[-1].position + 1
    settled = later.observe(crowd(months_late=0, day="2024-04-30", number=at))
    assert [type(new.fact) for new in settled] == [ScoreSettled]
