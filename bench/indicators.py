"""What does it cost to keep the indicators: by amounts, by facts, late, and for one loan?

Deltas are single amounts that enter a rolling sum (all its windows at once), over a million rows.
Facts are whole account movements and repayments through `Engine.apply`, counted in when a value is
asked after each batch. Medians of runs taken in turn.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator, default_rng

from bench.columns import AMOUNT, FIRST, open_book
from ledger.dates import date_of
from ledger.events import AccountCredited, RepaymentReceived
from ledger.store import Recorded
from ledger.terms import Split
from warning.indicators import CATALOGUE
from warning.windows import RollingSums

_HANDFUL = ("dpd_days", "arrears_minor", "coverage_ratio", "paid_ratio_90d", "bounced_debits_30d")
_TURNS = 5


def run(*, seed: int, quick: bool) -> list[dict[str, Any]]:
    """Deltas a second by batch size, and microseconds a fact and a reading."""
    random = default_rng(seed)
    return [*_deltas(random, quick=quick), *_facts(random, seed=seed, quick=quick)]


def _deltas(random: Generator, *, quick: bool) -> list[dict[str, Any]]:
    rows = 20_000 if quick else 1_000_000
    sums = RollingSums((30, 90, 180, 360))
    sums.grow(rows)
    sums.start(FIRST)
    results = []
    for batch, late_share in ((1_000, 0), (10_000, 0), (100_000, 0), (100_000, 0.1)):
        count = batch * max(1, (20_000 if quick else 1_000_000) // batch)
        at = random.integers(0, rows, count)
        days = FIRST - np.where(random.random(count) < late_share, 3, 0)
        amounts = random.integers(1, 10_000, count)
        rate = count / _median(_adding(sums, batch, at, days, amounts))
        note = f"aim 2,000,000; {rows:,} rows, {late_share:.0%} of them three days late"
        results.append(_row(f"deltas in batches of {batch:,}", rate, "deltas/s", note))
    return results


def _adding(sums: RollingSums, batch: int, at: Any, days: Any, amounts: Any) -> Callable[[], None]:
    def work() -> None:
        for first in range(0, len(at), batch):
            part = slice(first, first + batch)
            sums.add(at[part], days[part], amounts[part])

    return work


def _facts(random: Generator, *, seed: int, quick: bool) -> list[dict[str, Any]]:
    loans = 2_000 if quick else 100_000
    count = 2_000 if quick else 50_000
    book = open_book(loans, seed=seed)
    for _ in range(20 if quick else 200):
        book.day()
    engine = book.engine
    who = random.integers(0, loans, count).tolist()
    one, all_names = np.array([0]), list(CATALOGUE)
    results = []
    for batch in (500, 5_000):
        for what, make in (("account movement", _movement), ("repayment", _repayment)):
            facts = [make(row, engine.day, number) for number, row in enumerate(who)]

            def work(facts: list[Recorded] = facts, batch: int = batch) -> None:
                for first in range(0, len(facts), batch):
                    engine.apply(facts[first : first + batch])
                    engine.values(("loan_age_days",), one)

            cost = _median(work) / count * 1e6
            results.append(_row(f"{what}, in batches of {batch:,}", cost, "µs/fact", ""))
    late = [_repayment(row, engine.day - 40, number) for number, row in enumerate(who[:1_000])]

    def backdated() -> None:
        for fact in late:
            engine.apply([fact])
            row = np.array([engine.row_of(fact.fact.loan_id)])
            engine.values(("worst_dpd_12m_days",), row)

    cost = _median(backdated) / len(late) * 1e6
    note = "its loan's past derived anew at once, then read"
    results.append(_row("backdated repayment, one by one", cost, "µs/fact", note))
    for what, names in (("five indicators", _HANDFUL), ("all indicators", all_names)):

        def read(names: Any = names) -> None:
            for row in range(200):
                engine.values(names, np.array([row]))

        results.append(_row(f"{what} of one loan", _median(read) / 200 * 1e6, "µs/reading", ""))
    return results


def _movement(row: int, day: int, number: int) -> Recorded:
    fact = AccountCredited(
        account_id=f"A{row}",
        amount_minor=AMOUNT,
        balance_minor=0,
        flow="trade",
        transaction_id=f"m{number}",
        value_date=date_of(day),
        recorded_at_us=0,
    )
    return Recorded(number + 1, f"account:A{row}", 1, fact)


def _repayment(row: int, day: int, number: int) -> Recorded:
    fact = RepaymentReceived(
        loan_id=f"L{row}",
        amount_minor=100,
        split=Split(principal_minor=100),
        transaction_id=f"p{number}",
        value_date=date_of(day),
        recorded_at_us=0,
    )
    return Recorded(number + 1, f"loan:L{row}", 1, fact)


def _median(work: Callable[[], None]) -> float:
    """Median seconds of several runs."""
    taken = []
    for _ in range(_TURNS):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def _row(measure: str, value: float, unit: str, note: str) -> dict[str, Any]:
    return {
        "question": "cost of keeping indicators",
        "measure": measure,
        "value": value,
        "unit": unit,
        "note": note,
    }
