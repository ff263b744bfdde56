"""Stream == batch over portfolios that look like a bank's, at many closes, month after month.

`test_engine_exactness` draws whatever facts there can be; here borrowers pay on time, late, in
part, twice or not at all, for two years, and the engine is asked where windows begin and end. A
failure names the seed: `pytest tests/simulation/test_engine_portfolio.py -k 'seed0'`.
"""

from __future__ import annotations

from datetime import date
from random import Random
from typing import Any

import numpy as np
import pytest

from ledger.dates import date_of, day_number
from ledger.events import (
    AccountCredited,
    AccountDebited,
    AccountDebitReturned,
    AccountOpened,
    ChargeApplied,
    InstalmentsScheduled,
    LoanOpened,
    PositionReported,
    RepaymentReceived,
    RepaymentReversed,
)
from ledger.store import Recorded
from ledger.terms import Instalment, Split, Terms
from warning import batch
from warning.engine import Engine
from warning.indicators import CATALOGUE

NAMES = list(CATALOGUE)
FIRST = day_number(date(2023, 1, 2))
LAST = FIRST + 800
DELAYS = [0] * 40 + [1, 1, 2, 29, 30, 31, 90, 119, 120, 121, 180, 359, 360, 361, 500]
"""Days from the value day to the arrival; the edges of every window among them."""


class Portfolio:
    """Facts with the day of their arrival, and the days worth a look."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.facts: list[tuple[int, Any]] = []
        self.looks: set[int] = set()
        for number in range(4):
            self.account(f"A{number}")
            self.loan(f"L{number}", f"A{number % 3}")
        for number in range(4):
            self.reported(f"R{number}")
        self.facts.sort(key=lambda arriving: arriving[0])

    def add(self, kind: Any, day: int, /, *, delay: int | None = None, **fields: Any) -> int:
        arrival = day + (self.random.choice(DELAYS) if delay is None else delay)
        fact = kind(
            transaction_id=f"t{len(self.facts)}",
            value_date=date_of(day),
            recorded_at_us=0,
            **fields,
        )
        self.facts.append((arrival, fact))
        for window in (30, 90, 120, 180, 360):
            if self.random.random() < 0.02:
                self.looks.update((day + window - 1, day + window))
        return arrival

    def opening(self, loan_id: str, day: int, account_id: str | None) -> None:
        self.add(
            LoanOpened,
            day,
            loan_id=loan_id,
            borrower_id=loan_id,
            account_id=account_id,
            product="term",
            currency="CNY",
            principal_minor=12_000,
            terms=Terms(method="given", instalments=12),
            officer_id="o",
            branch="b",
            industry="",
            region="",
            guarantor_id=None,
        )

    def account(self, account_id: str) -> None:
        random = self.random
        opened = FIRST + random.choice([0, 0, 200, 400])
        self.add(
            AccountOpened,
            opened,
            account_id=account_id,
            borrower_id="b",
            currency="CNY",
            opening_balance_minor=random.randint(-500, 1_500),
            overdraft_limit_minor=300,
        )
        for day in range(opened, LAST):
            if random.random() < 0.12:
                kind = random.choice([AccountCredited, AccountDebited])
                flow = random.choice(["trade", "trade", "own_transfer", "loan_repayment"])
                amount = random.randint(1, 900)
                for _ in range(random.choice([1, 1, 3])):
                    self.add(
                        kind,
                        day,
                        account_id=account_id,
                        amount_minor=amount,
                        balance_minor=0,
                        flow=flow,
                    )
            elif random.random() < 0.01:
                self.add(
                    AccountDebitReturned,
                    day,
                    account_id=account_id,
                    amount_minor=1_000,
                    flow=random.choice(["loan_repayment", "trade"]),
                )

    def loan(self, loan_id: str, account_id: str) -> None:
        random = self.random
        opened = FIRST + random.randint(0, 100)
        self.opening(loan_id, opened, account_id)
        dues = [opened + 30 * (number + 1) + random.choice([0, 0, 1]) for number in range(24)]
        self.schedule(loan_id, opened, 1, dues)
        if random.random() < 0.5:
            moved = opened + random.randint(100, 300)
            later = [due if due < moved else due + 45 for due in dues]
            self.schedule(loan_id, moved, 2, later)
            dues = random.choice([dues, later])
        self.looks.update(dues[0] + days for days in (29, 30, 31))
        for due in dues:
            self.pay(loan_id, due)
            if random.random() < 0.1:
                self.add(
                    ChargeApplied,
                    due - 5,
                    loan_id=loan_id,
                    kind="penalty",
                    amount_minor=50,
                    due_date=date_of(due + random.choice([-5, 0, 3])),
                )

    def schedule(
        self, loan_id: str, day: int, version: int, dues: list[int], *, delay: int | None = None
    ) -> None:
        self.add(
            InstalmentsScheduled,
            day,
            delay=delay,
            loan_id=loan_id,
            schedule_version=version,
            origin="given",
            instalments=tuple(
                Instalment(
                    number=number, due_date=date_of(due), principal_minor=500, interest_minor=7
                )
                for number, due in enumerate(dues, start=1)
            ),
        )

    def pay(self, loan_id: str, due: int) -> None:
        random = self.random
        for share in random.choice([(), (507,), (507,), (507,), (200,), (200, 307), (1_014,)]):
            day = due + random.choice([-3, 0, 0, 0, 0, 1, 5, 35, 70])
            if day == due and share == 200 and random.random() < 0.3:
                self.looks.add(due)
            split = Split(principal_minor=share)
            arrival = self.add(
                RepaymentReceived, day, loan_id=loan_id, amount_minor=share, split=split
            )
            if random.random() < 0.2:
                noticed = arrival + random.choice([0, 0, 1, 5])
                self.facts.append(
                    (
                        noticed,
                        RepaymentReversed(
                            loan_id=loan_id,
                            reversed_transaction_id=self.facts[-1][1].transaction_id,
                            amount_minor=share,
                            split=split,
                            reason=random.choice(["bounced", "other"]),
                            noticed_date=date_of(noticed),
                            transaction_id=f"t{len(self.facts)}",
                            value_date=date_of(day),
                            recorded_at_us=0,
                        ),
                    )
                )

    def reported(self, loan_id: str) -> None:
        """A loan whose core system reports its position each month, then perhaps a schedule."""
        random = self.random
        opened = FIRST + random.randint(0, 60)
        self.opening(loan_id, opened, None)
        months = 0
        for day in range(opened, LAST, 30):
            months = max(0, months + random.choice([-1, 0, 0, 1, 1])) if months < 4 else 0
            self.add(
                PositionReported,
                day,
                loan_id=loan_id,
                outstanding_minor=random.randint(0, 9_000),
                payment_due_minor=random.choice([None, 500]),
                months_past_due=random.choice([None, *[months] * 9]),
            )
        if random.random() < 0.5:
            day = opened + random.randint(300, 500)
            dues = [day + 30 * (number + 1) for number in range(6)]
            self.schedule(loan_id, day, 1, dues, delay=random.choice([0, 10, 25]))


def says(ids: list[str], values: dict[str, Any]) -> dict[str, str]:
    return {
        f"{loan_id} {name}": repr(float(column[row]))
        for name, column in values.items()
        for row, loan_id in enumerate(ids)
    }


@pytest.mark.parametrize("seed", range(6), ids="seed{}".format)
def test_the_stream_equals_the_batch_month_after_month(seed: int) -> None:
    portfolio = Portfolio(seed)
    random, looks = Random(seed), sorted(portfolio.looks)
    looks = sorted([*random.sample(looks, min(len(looks), 12)), LAST - 40, LAST - 1])
    known = [Recorded(at, "s", at, fact) for at, (_, fact) in enumerate(portfolio.facts, start=1)]
    engine = Engine()
    at = 0
    for look in looks:
        while at < len(known) and portfolio.facts[at][0] <= look:
            engine.advance(portfolio.facts[at][0])
            upto = at + random.choice([1, 1, 2, 50])
            while upto > at + 1 and (
                upto > len(known) or portfolio.facts[upto - 1][0] > engine.day
            ):
                upto -= 1
            engine.apply(known[at:upto])
            if random.random() < 0.2:
                row = random.randrange(engine.rows() or 1)
                engine.values(random.sample(NAMES, 3), np.array([row][: engine.rows()], np.int64))
            at = upto
        engine.advance(look)
        streamed = says(engine.loan_ids, engine.values(NAMES))
        assert streamed == says(batch.loan_ids(known[:at]), batch.fold(known[:at], look, NAMES))
    assert says_of_shuffled(known[:at], looks[-1], random) == streamed


def says_of_shuffled(known: list[Recorded], day: int, random: Random) -> dict[str, str]:
    """What an engine says that hears the facts in any order, half of them before an early day."""
    shuffled = random.sample(known, len(known))
    engine = Engine()
    engine.apply(shuffled[: len(shuffled) // 2])
    engine.advance(day - 300)
    engine.apply(shuffled[len(shuffled) // 2 :])
    engine.advance(day)
    return says(engine.loan_ids, engine.values(NAMES))
