"""A small bank for watch tests: writes ledger facts like a diary and lets a watch read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from ledger.dates import Calendar, start_of_day_us
from ledger.events import (
    AccountCredited,
    AccountDebited,
    AccountDebitReturned,
    AccountOpened,
    BusinessDayClosed,
    InstalmentsScheduled,
    LoanClosed,
    LoanOfficerChanged,
    LoanOpened,
    RepaymentReceived,
    RepaymentReversed,
)
from ledger.ids import CALENDAR_STREAM, account_stream, loan_stream
from ledger.store import NewFact, Recorded
from ledger.terms import Instalment, Split, Terms
from warning.rules import Pack, parse_pack
from warning.watch import Watch

CALENDAR = Calendar()


class Bank:
    """Facts of the ledger log in their order, and the log that a watch writes from them."""

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self.ledger: list[Recorded] = []
        self.log: list[Recorded] = []
        self.watch = self.new_watch()
        self._versions: dict[str, int] = {}
        self._balances: dict[str, int] = {}

    def new_watch(self) -> Watch:
        return Watch(pack=self.pack, calendar=CALENDAR, facts_of=self.facts_of)

    def facts_of(self, loan_id: str, position: int) -> list[Recorded]:
        opened = next(r.fact for r in self.ledger if getattr(r.fact, "loan_id", "") == loan_id)
        streams = {loan_stream(loan_id), account_stream(opened.account_id or "")}
        return [r for r in self.ledger[:position] if r.stream in streams]

    def write(self, stream: str, kind: type, day: date, **fields: Any) -> list[Any]:
        """Record a fact and let the watch see it; the facts about warnings that came of it."""
        version = self._versions[stream] = self._versions.get(stream, 0) + 1
        at = len(self.ledger) + 1
        known = fields.pop("known", day)
        moment = start_of_day_us(known) + at
        fact = kind(transaction_id=f"t{at}", value_date=day, recorded_at_us=moment, **fields)
        self.ledger.append(Recorded(at, stream, version, fact))
        return self.keep(self.watch.observe(self.ledger[-1:]))

    def keep(self, produced: Sequence[NewFact]) -> list[Any]:
        for new in produced:
            self.log.append(Recorded(len(self.log) + 1, new.stream, new.version, new.fact))
        return [new.fact for new in produced]

    def loan(self, name: str, day: date, *, dues: dict[date, int], borrower: str = "B1") -> None:
        """A loan with an account of its own and instalments of principal alone."""
        account = f"A-{name}"
        self.write(
            *(account_stream(account), AccountOpened, day),
            account_id=account,
            borrower_id=borrower,
            currency="CNY",
            opening_balance_minor=100_000,
            overdraft_limit_minor=0,
        )
        self._balances[account] = 100_000
        self.write(
            *(loan_stream(name), LoanOpened, day),
            loan_id=name,
            borrower_id=borrower,
            account_id=account,
            product="term",
            currency="CNY",
            principal_minor=sum(dues.values()),
            terms=Terms(method="given", instalments=len(dues)),
            officer_id="O1",
            branch="main",
            industry="trade",
            region="north",
            guarantor_id=None,
        )
        rows = [
            Instalment(number=n, due_date=due, principal_minor=amount, interest_minor=0)
            for n, (due, amount) in enumerate(dues.items(), start=1)
        ]
        self.write(
            *(loan_stream(name), InstalmentsScheduled, day),
            loan_id=name,
            schedule_version=1,
            origin="given",
            instalments=tuple(rows),
        )

    def pay(self, name: str, day: date, amount: int, *, known: date | None = None) -> list[Any]:
        return self.write(
            *(loan_stream(name), RepaymentReceived, day),
            loan_id=name,
            amount_minor=amount,
            split=Split(principal_minor=amount),
            known=known or day,
        )

    def bounce(self, name: str, paid: date, noticed: date, amount: int) -> list[Any]:
        """The repayment of `paid` bounced, as was noticed later."""
        original = next(
            r.fact
            for r in self.ledger
            if isinstance(r.fact, RepaymentReceived) and r.fact.value_date == paid
        )
        return self.write(
            *(loan_stream(name), RepaymentReversed, paid),
            loan_id=name,
            reversed_transaction_id=original.transaction_id,
            amount_minor=amount,
            split=original.split,
            reason="bounced",
            noticed_date=noticed,
            known=noticed,
        )

    def move(self, name: str, day: date, amount: int, *, known: date | None = None) -> list[Any]:
        account = f"A-{name}"
        self._balances[account] += amount
        return self.write(
            account_stream(account),
            AccountCredited if amount > 0 else AccountDebited,
            day,
            account_id=account,
            amount_minor=abs(amount),
            balance_minor=self._balances[account],
            flow="trade",
            known=known or day,
        )

    def debit_returned(self, name: str, day: date, amount: int) -> list[Any]:
        account = f"A-{name}"
        return self.write(
            *(account_stream(account), AccountDebitReturned, day),
            account_id=account,
            amount_minor=amount,
            flow="loan_repayment",
        )

    def officer(self, name: str, day: date, officer: str) -> list[Any]:
        return self.write(
            *(loan_stream(name), LoanOfficerChanged, day),
            loan_id=name,
            officer_id=officer,
            branch="main",
        )

    def end(self, name: str, day: date) -> list[Any]:
        fields = {"loan_id": name, "reason": "repaid", "remaining": Split()}
        return self.write(loan_stream(name), LoanClosed, day, **fields)

    def close(self, day: date) -> list[Any]:
        known = day + timedelta(days=1)
        return self.write(CALENDAR_STREAM, BusinessDayClosed, day, known=known)

    def close_through(self, first: date, last: date) -> list[Any]:
        """Close every business day from `first` to `last`."""
        return [fact for day in business_days(first, last) for fact in self.close(day)]

    def act(self, action: Any, *, at: date) -> list[Any]:
        return self.keep(self.watch.act(action, recorded_at_us=start_of_day_us(at)))


def business_days(first: date, last: date) -> Iterator[date]:
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return (day for day in days if CALENDAR.is_business_day(day))


RULES = """
name = "test"
version = 7
title = "Test"

[inhibition]
red = ["watch", "yellow"]

[[rule]]
name = "arrears"
title = { en = "Past due", zh = "逾期" }
source = "this test"
when = "dpd_days >= 1"
severity = { yellow = "always", orange = "dpd_days >= 30", red = "dpd_days >= 60" }
reason = { en = "{dpd_days} days past due, {arrears} {currency} in arrears", zh = "{dpd_days}" }
expires_after = 30

[[rule]]
name = "bounced"
title = "Bounced"
source = "this test"
when = "bounced_debits_30d >= 1"
severity = { yellow = "always", orange = "bounced_debits_30d >= 3" }
on = ["account.debit_returned", "loan.repayment_reversed"]
reason = "{bounced_debits_30d} debits came back"

[[rule]]
name = "drained"
title = "Drained"
source = "this test"
when = "balance_minor < 45_000"
keep_for = 5
severity = "watch"
on = ["account.debited"]
reason = "{balance} {currency} left"

[[rule]]
name = "thin"
title = "Thin"
source = "this test"
when = "balance_minor < 50_000"
severity = "watch"
for = 2
keep_for = 1
reason = "{balance} {currency} on the account"
"""


@pytest.fixture
def pack() -> Pack:
    return parse_pack(RULES, path="test.toml")


@pytest.fixture
def bank(pack: Pack) -> Bank:
    return Bank(pack)
