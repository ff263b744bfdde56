"""A bank with one loan L1 on account A1, told in a few words; values come from stream and batch."""

from __future__ import annotations

from datetime import date
from math import isnan
from typing import Any

import pytest

from ledger.dates import day_number
from ledger.events import (
    AccountCredited,
    AccountDebited,
    AccountDebitReturned,
    AccountOpened,
    ChargeApplied,
    InstalmentsScheduled,
    LoanClosed,
    LoanDisbursed,
    LoanLimitChanged,
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


class Bank:
    """Dates are texts as "2024-03-31"; amounts are minor units."""

    def __init__(self) -> None:
        self.recorded: list[Recorded] = []
        self.engine = Engine(facts_of=lambda _, upto: self.recorded[:upto])
        self._schedules = 0

    def tell(self, kind: Any, day: str, /, **fields: Any) -> str:
        number = len(self.recorded) + 1
        fact = kind(
            transaction_id=f"t{number}",
            value_date=date.fromisoformat(day),
            recorded_at_us=0,
            **fields,
        )
        record = Recorded(number, "stream", number, fact)
        self.recorded.append(record)
        self.engine.apply([record])
        return f"t{number}"

    def opens(
        self,
        day: str,
        *,
        account_id: str | None = "A1",
        principal: int = 12_000,
        terms: Terms = Terms(method="given", instalments=1),  # noqa: B008 (never changes)
    ) -> None:
        self.tell(
            LoanOpened,
            day,
            loan_id="L1",
            borrower_id="B1",
            account_id=account_id,
            product="term",
            currency="CNY",
            principal_minor=principal,
            terms=terms,
            officer_id="O1",
            branch="X",
            industry="",
            region="",
            guarantor_id=None,
        )

    def disbursed(self, day: str, amount: int) -> None:
        self.tell(LoanDisbursed, day, loan_id="L1", amount_minor=amount)

    def schedule(self, day: str, dues: dict[str, int]) -> None:
        self._schedules += 1
        rows = tuple(
            Instalment(
                number=number,
                due_date=date.fromisoformat(due),
                principal_minor=amount,
                interest_minor=0,
            )
            for number, (due, amount) in enumerate(dues.items(), start=1)
        )
        self.tell(
            InstalmentsScheduled,
            day,
            loan_id="L1",
            schedule_version=self._schedules,
            origin="given",
            instalments=rows,
        )

    def pays(self, day: str, amount: int, *, principal: int | None = None) -> str:
        split = Split(principal_minor=amount if principal is None else principal)
        return self.tell(RepaymentReceived, day, loan_id="L1", amount_minor=amount, split=split)

    def reverses(
        self, repayment: str, *, noticed: str, amount: int, day: str, reason: str = "bounced"
    ) -> None:
        self.tell(
            RepaymentReversed,
            day,
            loan_id="L1",
            reversed_transaction_id=repayment,
            amount_minor=amount,
            split=Split(principal_minor=amount),
            reason=reason,
            noticed_date=date.fromisoformat(noticed),
        )

    def charges(self, day: str, amount: int, *, due: str) -> None:
        due_date = date.fromisoformat(due)
        self.tell(
            ChargeApplied, day, loan_id="L1", kind="fees", amount_minor=amount, due_date=due_date
        )

    def reports(self, day: str, *, months: int | None, due: int | None, outstanding: int) -> None:
        self.tell(
            PositionReported,
            day,
            loan_id="L1",
            outstanding_minor=outstanding,
            payment_due_minor=due,
            months_past_due=months,
        )

    def limits(self, day: str, limit: int) -> None:
        self.tell(LoanLimitChanged, day, loan_id="L1", limit_minor=limit)

    def closes(self, day: str) -> None:
        self.tell(LoanClosed, day, loan_id="L1", reason="repaid", remaining=Split())

    def account(self, day: str, balance: int, *, currency: str = "CNY", limit: int = 0) -> None:
        self.tell(
            AccountOpened,
            day,
            account_id="A1",
            borrower_id="B1",
            currency=currency,
            opening_balance_minor=balance,
            overdraft_limit_minor=limit,
        )

    def credit(self, day: str, amount: int, *, flow: str = "trade") -> None:
        self.tell(
            AccountCredited, day, account_id="A1", amount_minor=amount, balance_minor=0, flow=flow
        )

    def debit(self, day: str, amount: int, *, flow: str = "trade") -> None:
        self.tell(
            AccountDebited, day, account_id="A1", amount_minor=amount, balance_minor=0, flow=flow
        )

    def returns(self, day: str, amount: int, *, flow: str = "loan_repayment") -> None:
        self.tell(AccountDebitReturned, day, account_id="A1", amount_minor=amount, flow=flow)

    def at(self, day: str, name: str) -> float | None:
        """The indicator at the close of `day`, None when unknown; the batch must say the same."""
        number = day_number(date.fromisoformat(day))
        self.engine.advance(number)
        value = float(self.engine.values([name])[name][self.engine.row_of("L1")])
        told = float(batch.fold(self.recorded, number, [name])[name][0])
        assert repr(told) == repr(value), f"the batch says {told}, the stream {value}"
        return None if isnan(value) else value

    def all_unknown(self, day: str) -> bool:
        """Whether every indicator is unknown at the close of `day`."""
        return all(self.at(day, name) is None for name in CATALOGUE)


@pytest.fixture
def bank() -> Bank:
    """An empty bank, whose first day is not open yet."""
    return Bank()
