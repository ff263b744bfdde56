"""What became of judged loans: as `outcomes` tells it from all facts, however facts were cut.

Replay one seed: `python -m pytest tests/simulation/watch/test_watch_backtest.py -k "seed3"`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from random import Random
from typing import Any

import pytest

from ledger.dates import day_number
from ledger.events import BusinessDayClosed
from ledger.store import MemoryStore, Recorded
from warning import backtest
from warning.outcomes import LEAST_AGE_DAYS, Past, past_of
from warning.pack import Pack
from warning.remembered import bring_back, frozen
from warning.scorecard import Bins, Model, Scorecard
from warning.scored_pack import with_score
from warning.watch import Watch
from warning.windows import NEVER, month_of, month_start

Diary = Any  # The class of the fixture `diary`; see conftest.
Book = Any  # One of them.
DPD = Bins(indicator="dpd_days", edges=(15.0,), weights=(-3.0, -3.0, 0.0), shares=(1.0, 0.0, 0.0))
ABOUT: dict[str, Any] = {
    "name": "test", "version": 1, "target": "bad", "horizon_days": 31, "default_days": 90,
}  # fmt: skip
MODEL = Model(kind="points", parts=Scorecard(0.0, (DPD,)), slope=1.0, intercept=0.0, about=ABOUT)


def expected(facts: Sequence[Recorded], close: int) -> tuple[int, int] | None:
    """(loans, defaults) of the cohort whose horizon ends with the close at place `close`.

    By the definitions alone: who was judged by the facts up to its close, and what became of them
    by those up to this one.
    """
    now = day_number(facts[close].fact.value_date)
    firsts: dict[int, int] = {}
    for at, item in enumerate(facts[: close + 1]):
        if type(item.fact) is BusinessDayClosed:
            firsts.setdefault(month_of(day_number(item.fact.value_date)), at)
    if firsts[month_of(now)] != close or month_of(now) - 1 not in firsts:
        return None
    judged = firsts[month_of(now) - 1]
    day = day_number(facts[judged].fact.value_date)
    before, after = past_of(facts[: judged + 1]), past_of(facts[: close + 1])
    members = [row for row in range(len(before.loan_ids)) if runs(before, row, day)]
    ends = month_start(month_of(now))
    bad = [row for row in members if month_start(month_of(day)) <= after.default[row] < ends]
    return (len(members), len(bad)) if members else None


def runs(past: Past, row: int, day: int) -> bool:
    old_enough = past.opened[row] + LEAST_AGE_DAYS <= day
    return bool(old_enough and past.closed[row] > day and past.default[row] == NEVER)


@pytest.fixture
def scored(busy: Pack, monkeypatch: pytest.MonkeyPatch) -> Pack:
    monkeypatch.setattr(backtest, "LEAST_LOANS", 1)
    return with_score(busy, MODEL, path="x")


def troubled(diary: Diary, seed: int) -> Book:
    """Most loans pay seldom, and late. Nothing bounces.

    A bounced payment was never one: day counts are told anew, where `outcomes` goes by the notice.
    """

    class Troubled(diary):  # type: ignore[misc]
        def pay(self, loan: str, today: date) -> None:
            if loan < "L2" or self.draw.random() < 0.2:
                super().pay(loan, today)

        def reverse(self, loan: str, today: date) -> None:
            """Nothing bounces."""

    return Troubled(seed, days=210)


@pytest.mark.parametrize("seed", [0, 1, 4, 7], ids=lambda seed: f"seed{seed}")
def test_each_cohort_comes_out_as_all_facts_known_by_then_say(
    seed: int, diary: Diary, scored: Pack
) -> None:
    book = troubled(diary, seed)
    watch = book.watch(scored)
    compared = bad = 0
    for at, record in enumerate(book.facts):
        watch.observe([record])
        found = watch.backtest.last
        if type(record.fact) is BusinessDayClosed and (told := expected(book.facts, at)):
            assert found is not None
            assert found.calibration.whole[:2] == told
            compared, bad = compared + 1, bad + told[1]
    assert compared >= 4
    assert bad >= 1


@pytest.mark.parametrize("seed", [1, 4], ids=lambda seed: f"seed{seed}")
def test_cut_anyhow_restarted_and_brought_back_the_log_is_the_same(
    seed: int, diary: Diary, scored: Pack
) -> None:
    book, draw = troubled(diary, seed), Random(seed)
    quiet, rough = MemoryStore(), MemoryStore()
    whole = book.watch(scored)
    book.commit(quiet, whole.observe(book.facts))
    watch: Watch = book.watch(scored)
    at = ways = 0
    while at < len(book.facts):
        at = min(at + draw.choice([1, 7, 40, 100]), len(book.facts))
        book.commit(rough, watch.observe(book.facts[:at]))
        lot = draw.random()
        if lot < 0.15:
            watch = book.restart(scored, rough, at)
        elif lot < 0.3:
            state = frozen(watch).packed()
            watch = book.watch(scored)
            bring_back(watch, state)
        ways += lot < 0.3
    kinds = {type(item.fact).__name__ for item in quiet.warnings.read(limit=10**6)}
    assert "ScoreMiscalibrated" in kinds
    assert ways >= 3
    assert rough.warnings.head() == quiet.warnings.head()
    assert watch.backtest.last == whole.backtest.last
