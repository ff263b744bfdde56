"""A small, troubled book for the watch, and the files that its log is kept in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ledger.dates import Calendar, start_of_day_us
from ledger.events import (
    AccountCredited,
    AccountDebited,
    AccountDebitReturned,
    AccountOpened,
    BusinessDayClosed,
    ChargeApplied,
    InstalmentsScheduled,
    LoanClosed,
    LoanOpened,
    RepaymentReceived,
    RepaymentReversed,
)
from ledger.store import NewFact, Recorded, Store
from ledger.terms import Instalment, Split, Terms
from warning.rules import Pack, parse_pack
from warning.watch import Watch

CALENDAR = Calendar()
FIRST = date(2023, 1, 2)
LOANS = 7
EAGER = """
name = "eager"
title = "Eager: short days and much that mutes, so that every path of a warning's life is walked"

[inhibition]
red = ["watch", "yellow"]

[[rule]]
name = "arrears"
title = "a"
source = "this test"
when = "dpd_days >= 1"
until = "dpd_days == 0"
keep_for = 2
severity = { watch = "always", orange = "dpd_days >= 20", red = "dpd_days >= 40" }
on = ["loan.repayment_reversed", "loan.repayment_received"]
expires_after = 5
reason = "{dpd_days} {arrears} {currency}"

[[rule]]
name = "thin"
title = "b"
source = "this test"
when = "coverage_ratio < 0.9"
for = 2
severity = { watch = "always", yellow = "coverage_ratio < 0.2" }
expires_after = 7
cooldown = 2
reason = "{coverage_percent}"

[[rule]]
name = "moves"
title = "c"
source = "this test"
when = "quiet_days <= 1 and balance_minor < 80_000 or bounced_debits_30d > 0"
severity = "yellow"
on = ["account.debited", "account.debit_returned"]
inhibits = ["thin"]
reason = "{balance} {bounced_debits_30d}"
"""


class Diary:
    """Seeded facts of a small, troubled book: late, bounced, backdated, charged, closed."""

    def __init__(self, seed: int, days: int) -> None:
        self.draw = Random(seed)
        self.facts: list[Recorded] = []
        self.paid: dict[str, list[RepaymentReceived]] = {}
        self._versions: dict[str, int] = {}
        for number in range(LOANS):
            self.open(f"L{number}", f"A{number // 2}", f"B{number // 3}")
        for offset in range(days):
            self.day(FIRST + timedelta(days=offset))

    def add(self, stream: str, kind: type, day: date, today: date, /, **fields: Any) -> Any:
        at = len(self.facts) + 1
        version = self._versions[stream] = self._versions.get(stream, 0) + 1
        moment = start_of_day_us(today) + at
        fact = kind(transaction_id=f"t{at}", value_date=day, recorded_at_us=moment, **fields)
        self.facts.append(Recorded(at, stream, version, fact))
        return fact

    def open(self, loan: str, account: str, borrower: str) -> None:
        if f"account:{account}" not in self._versions:
            self.add(
                *(f"account:{account}", AccountOpened, FIRST, FIRST),
                account_id=account,
                borrower_id=borrower,
                currency="CNY",
                opening_balance_minor=200_000,
                overdraft_limit_minor=0,
            )
        rows = [
            Instalment(
                number=n + 1,
                due_date=FIRST + timedelta(days=20 + 30 * n),
                principal_minor=50_000,
                interest_minor=1_000,
            )
            for n in range(5)
        ]
        self.add(
            *(f"loan:{loan}", LoanOpened, FIRST, FIRST),
            loan_id=loan,
            borrower_id=borrower,
            account_id=account,
            product="term",
            currency="CNY",
            principal_minor=250_000,
            terms=Terms(method="given", instalments=5),
            officer_id="O1",
            branch="main",
            industry="",
            region="",
            guarantor_id=None,
        )
        self.add(
            *(f"loan:{loan}", InstalmentsScheduled, FIRST, FIRST),
            loan_id=loan,
            schedule_version=1,
            origin="given",
            instalments=tuple(rows),
        )

    def day(self, today: date) -> None:
        for number in range(LOANS):
            loan, account = f"L{number}", f"A{number // 2}"
            if self.draw.random() < 0.08:
                self.pay(loan, today)
            if self.draw.random() < 0.3:
                self.move(account, today)
            if self.draw.random() < 0.02:
                self.charge(loan, today)
            if self.draw.random() < 0.02 and self.paid.get(loan):
                self.reverse(loan, today)
            if self.draw.random() < 0.02:
                self.add(
                    *(f"account:{account}", AccountDebitReturned, today, today),
                    account_id=account,
                    amount_minor=51_000,
                    flow="loan_repayment",
                )
            if self.draw.random() < 0.002:
                self.add(
                    *(f"loan:{loan}", LoanClosed, today, today),
                    loan_id=loan,
                    reason="refinanced",
                    remaining=Split(),
                )
        if CALENDAR.is_business_day(today):
            self.add("calendar", BusinessDayClosed, today, today + timedelta(days=1))

    def value_day(self, today: date) -> date:
        late = self.draw.random() < 0.3
        return max(FIRST, today - timedelta(days=self.draw.randrange(1, 40) if late else 0))

    def pay(self, loan: str, today: date) -> None:
        amount = self.draw.choice([20_000, 51_000, 51_000, 102_000])
        fact = self.add(
            *(f"loan:{loan}", RepaymentReceived, self.value_day(today), today),
            loan_id=loan,
            amount_minor=amount,
            split=Split(principal_minor=amount),
        )
        self.paid.setdefault(loan, []).append(fact)

    def reverse(self, loan: str, today: date) -> None:
        original = self.paid[loan].pop(self.draw.randrange(len(self.paid[loan])))
        self.add(
            *(f"loan:{loan}", RepaymentReversed, original.value_date, today),
            loan_id=loan,
            reversed_transaction_id=original.transaction_id,
            amount_minor=original.amount_minor,
            split=original.split,
            reason="bounced",
            noticed_date=today,
        )

    def charge(self, loan: str, today: date) -> None:
        self.add(
            *(f"loan:{loan}", ChargeApplied, today, today),
            loan_id=loan,
            kind="fees",
            amount_minor=2_000,
            due_date=today + timedelta(days=self.draw.randrange(10)),
        )

    def move(self, account: str, today: date) -> None:
        amount = self.draw.randrange(-70_000, 60_000) or 1
        self.add(
            f"account:{account}",
            AccountCredited if amount > 0 else AccountDebited,
            self.value_day(today),
            today,
            account_id=account,
            amount_minor=abs(amount),
            balance_minor=0,
            flow="trade",
        )

    def facts_of(self, loan_id: str, position: int) -> list[Recorded]:
        streams = {f"loan:{loan_id}", f"account:A{int(loan_id[1:]) // 2}"}
        return [record for record in self.facts[:position] if record.stream in streams]

    def watch(self, pack: Pack, *, calendar: Calendar = CALENDAR) -> Watch:
        """A new watch over this book."""
        return Watch(pack=pack, calendar=calendar, facts_of=self.facts_of)

    def commit(self, store: Store, produced: Sequence[NewFact]) -> None:
        """Record what a watch said."""
        if produced:
            store.warnings.record(produced)

    def restart(
        self, pack: Pack, store: Store, position: int, *, calendar: Calendar = CALENDAR
    ) -> Watch:
        """A watch that comes back when the ledger log stands at `position`."""
        watch = self.watch(pack, calendar=calendar)
        recorded = store.warnings.read(limit=1_000_000)
        self.commit(store, watch.replay(iter(self.facts[:position]), recorded))
        return watch


@pytest.fixture
def diary() -> type[Diary]:
    return Diary


@pytest.fixture
def eager() -> Pack:
    return parse_pack(EAGER, path="eager.toml")


@pytest.fixture
def stores(tmp_path: Path) -> Any:
    numbers = count()
    opened: list[Store] = []

    def make() -> Store:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        opened.append(Store.open(folder / "ledger.db"))
        return opened[-1]

    yield make
    for store in opened:
        store.close()
