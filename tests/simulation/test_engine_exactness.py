"""Stream == batch == shuffled, by `==`: whatever facts come, late, reversed, in any batches."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.dates import date_of, day_number
from ledger.events import (
    AccountCredited,
    AccountDebited,
    AccountDebitReturned,
    AccountOpened,
    ChargeApplied,
    CollateralValued,
    DelinquencyPaused,
    DelinquencyResumed,
    EvasionSignalNoted,
    FigureReported,
    InstalmentsScheduled,
    InvoiceVoided,
    LoanClosed,
    LoanDisbursed,
    LoanLimitChanged,
    LoanOfficerChanged,
    LoanOpened,
    LoanRateChanged,
    LoanStatusChanged,
    PositionReported,
    PromiseCancelled,
    PromiseMade,
    PromisePart,
    PurchaseInvoiced,
    Reallocation,
    RepaymentReceived,
    RepaymentReversed,
    RepaymentsReallocated,
    SaleInvoiced,
)
from ledger.store import Recorded
from ledger.terms import Grace, Instalment, Split, Terms
from warning import batch
from warning.engine import Engine
from warning.indicators import CATALOGUE

NAMES = list(CATALOGUE)
FIRST = day_number(date(2023, 11, 20))
DAYS = st.integers(0, 520)
DELAYS = st.sampled_from([-1, 0, 0, 0, 0, 0, 1, 3, 40, 300])
AMOUNTS = st.sampled_from([5, 10, 10, 20, 35, 100])
Arriving = list[tuple[int, Any]]


def common(day: int, number: int) -> dict[str, Any]:
    return {"transaction_id": f"t{number}", "value_date": date_of(FIRST + day), "recorded_at_us": 0}


class Draw:
    """Draws the facts of one book, each with the day on which it arrives."""

    def __init__(self, data: st.DataObject) -> None:
        self.draw = data.draw
        self.number = 0
        self.facts: Arriving = []

    def add(self, kind: Any, day: int, /, *, not_before: int = 0, **fields: Any) -> int:
        self.number += 1
        arrival = max(day + self.draw(DELAYS), not_before)
        self.facts.append((arrival, kind(**common(day, self.number), **fields)))
        return arrival

    def account(self, account_id: str) -> None:
        draw = self.draw
        opened = draw(st.integers(0, 200))
        currency = draw(st.sampled_from(["CNY", "CNY", "EUR"]))
        self.add(
            AccountOpened,
            opened,
            account_id=account_id,
            borrower_id="b",
            currency=currency,
            opening_balance_minor=draw(st.integers(-20, 60)),
            overdraft_limit_minor=draw(st.sampled_from([0, 15])),
        )
        for _ in range(draw(st.integers(0, 25))):
            kind = draw(st.sampled_from([AccountCredited, AccountDebited, AccountDebitReturned]))
            flow = draw(
                st.sampled_from(
                    ["trade", "trade", "own_transfer", "loan_proceeds", "loan_repayment"]
                )
            )
            fields = {} if kind is AccountDebitReturned else {"balance_minor": 0}
            day = opened + draw(st.integers(0, 320))
            self.add(
                kind, day, account_id=account_id, amount_minor=draw(AMOUNTS), flow=flow, **fields
            )

    def loan(self, loan_id: str) -> None:
        draw = self.draw
        opened = draw(st.integers(0, 150))
        self.add(
            LoanOpened,
            opened,
            loan_id=loan_id,
            borrower_id=draw(st.sampled_from(["b", "c"])),
            account_id=draw(st.sampled_from([None, "a0", "a1", "unknown"])),
            product="term",
            currency="CNY",
            principal_minor=draw(st.sampled_from([0, 100, 300])),
            terms=Terms(
                method="given",
                instalments=1,
                rate_ppm=draw(st.sampled_from([0, 5])),
                grace=Grace(arrears_days=draw(st.sampled_from([0, 0, 3]))),
            ),
            officer_id="o",
            branch="x",
            industry="",
            region="",
            guarantor_id=None,
        )
        for _ in range(draw(st.integers(0, 2))):
            day = opened + draw(st.integers(0, 100))
            self.add(LoanDisbursed, day, loan_id=loan_id, amount_minor=draw(AMOUNTS))
        self.schedules(loan_id, opened)
        for _ in range(draw(st.integers(0, 2))):
            due = opened + draw(st.integers(0, 400))
            self.add(
                ChargeApplied,
                max(0, due - draw(st.integers(0, 20))),
                loan_id=loan_id,
                kind="fees",
                amount_minor=draw(AMOUNTS),
                due_date=date_of(FIRST + due),
            )
        for _ in range(draw(st.integers(0, 10))):
            self.repayment(loan_id, opened)
        for _ in range(draw(st.sampled_from([0, 0, 1, 3]))):
            self.promise(loan_id, opened)
        self.rare(loan_id, opened)

    def promise(self, loan_id: str, opened: int) -> None:
        draw = self.draw
        day, due = opened + draw(st.integers(0, 380)), draw(st.integers(0, 20))
        parts = []
        for _ in range(draw(st.integers(1, 3))):
            amount = draw(AMOUNTS)
            parts.append(PromisePart(due_date=date_of(FIRST + day + due), amount_minor=amount))
            due += draw(st.integers(1, 40))
        said = {"borrower_id": "b", "case_id": "k", "by": "u", "loan_id": loan_id}
        name = f"p{self.number}"
        arrived = self.add(
            PromiseMade,
            day,
            promise_id=name,
            currency="CNY",
            parts=tuple(parts),
            tolerance_days=draw(st.integers(0, 3)),
            tolerance_bps=draw(st.sampled_from([0, 0, 1_000, 3_333])),
            **said,
        )
        if draw(st.integers(0, 3)) == 0:
            cancelled = day + draw(st.integers(0, 40))
            self.add(
                PromiseCancelled, cancelled, not_before=arrived, promise_id=name, reason="", **said
            )

    def sign(self, borrower_id: str) -> None:
        signal = self.draw(st.sampled_from(["unreachable", "accounts_emptied"]))
        said = {"case_id": "k", "by": "u", "signal_id": "s", "reference": "", "remark": ""}
        day = self.draw(DAYS)
        self.add(EvasionSignalNoted, day, borrower_id=borrower_id, signal=signal, **said)

    def schedules(self, loan_id: str, opened: int) -> None:
        draw = self.draw
        for version in range(1, draw(st.sampled_from([0, 1, 1, 1, 2, 3])) + 1):
            day = (
                opened + draw(st.integers(0, 30)) + draw(st.sampled_from([0, 150])) * (version > 1)
            )
            step, due = draw(st.sampled_from([1, 7, 30, 30])), opened + draw(st.integers(0, 60))
            rows = []
            for number in range(1, draw(st.integers(1, 12)) + 1):
                rows.append(
                    Instalment(
                        number=number,
                        due_date=date_of(FIRST + due),
                        principal_minor=draw(st.sampled_from([0, 10, 10, 20])),
                        interest_minor=draw(st.sampled_from([0, 1])),
                    )
                )
                due += step + draw(st.sampled_from([0, 0, 1, -1]))
            self.add(
                InstalmentsScheduled,
                day,
                loan_id=loan_id,
                schedule_version=version,
                origin="given",
                instalments=tuple(rows),
            )

    def repayment(self, loan_id: str, opened: int) -> None:
        draw = self.draw
        day, amount = opened + draw(st.integers(0, 380)), draw(AMOUNTS)
        split = Split(principal_minor=amount - 2, interest_minor=2)
        arrived = self.add(
            RepaymentReceived, day, loan_id=loan_id, amount_minor=amount, split=split
        )
        repayment = f"t{self.number}"
        if draw(st.integers(0, 5)) == 0:
            other = Split(principal_minor=amount - 4, interest_minor=4)
            change = Reallocation(transaction_id=repayment, before=split, split=other)
            split = other
            arrived = self.add(
                RepaymentsReallocated, day, not_before=arrived, loan_id=loan_id, changes=(change,)
            )
        if draw(st.integers(0, 3)) == 0:
            noticed = day + draw(st.integers(0, 60))
            self.add(
                RepaymentReversed,
                day,
                not_before=max(arrived, noticed - 1),
                loan_id=loan_id,
                reversed_transaction_id=repayment,
                amount_minor=amount,
                split=split,
                reason=draw(st.sampled_from(["bounced", "booking_error"])),
                noticed_date=date_of(FIRST + noticed),
            )

    def rare(self, loan_id: str, opened: int) -> None:
        draw = self.draw
        for _ in range(draw(st.sampled_from([0, 0, 1, 5]))):
            self.add(
                PositionReported,
                opened + 30 * draw(st.integers(0, 12)) + draw(st.sampled_from([0, 0, 1])),
                loan_id=loan_id,
                outstanding_minor=draw(AMOUNTS),
                payment_due_minor=draw(st.sampled_from([None, 10, 20])),
                months_past_due=draw(st.sampled_from([None, 0, 0, 1, 2, 3])),
            )
        for _ in range(draw(st.integers(0, 2))):
            day = opened + draw(st.integers(0, 300))
            self.add(LoanLimitChanged, day, loan_id=loan_id, limit_minor=draw(AMOUNTS))
            self.add(LoanOfficerChanged, day, loan_id=loan_id, officer_id="p", branch="y")
        for _ in range(draw(st.sampled_from([0, 0, 1, 3]))):
            day = opened + draw(st.integers(0, 300))
            until = date_of(FIRST + day + draw(st.integers(1, 60)))
            self.add(DelinquencyPaused, day, loan_id=loan_id, until=until, reason="")
            if draw(st.booleans()):
                self.add(DelinquencyResumed, day + draw(st.integers(0, 40)), loan_id=loan_id)
        for _ in range(draw(st.sampled_from([0, 0, 1, 4]))):
            day = opened + draw(st.sampled_from([-5, 0, 0, 10, 40, 100]))
            worth = draw(st.sampled_from([0, 10, 20]))
            self.add(CollateralValued, day, loan_id=loan_id, value_minor=worth, source="")
            self.add(LoanRateChanged, day, loan_id=loan_id, rate_ppm=worth)
            self.add(
                FigureReported,
                day,
                loan_id=loan_id,
                figure=draw(st.sampled_from(["external_score", "growth_percent"])),
                value_micro=worth - 10,
                source="",
            )
            self.add(
                LoanStatusChanged,
                day,
                loan_id=loan_id,
                finding=draw(st.sampled_from(["evasion", "restructured", "default_observed"])),
                active=draw(st.booleans()),
                reason="",
            )
        if draw(st.integers(0, 2)) == 0:
            self.add(
                LoanClosed,
                opened + draw(st.integers(100, 400)),
                loan_id=loan_id,
                reason="repaid",
                remaining=Split(),
            )

    def trading(self, borrower_id: str) -> None:
        draw = self.draw
        for _ in range(draw(st.integers(0, 25))):
            kind = draw(st.sampled_from([SaleInvoiced, SaleInvoiced, PurchaseInvoiced]))
            net = draw(st.sampled_from([10, 25, 25, 40, -10]))
            fields: dict[str, Any] = {
                "borrower_id": borrower_id,
                "counterparty": draw(st.sampled_from(["c", "d", "e"])),
                "currency": "CNY",
                "net_minor": net,
                "tax_minor": net // 5,
            }
            day = draw(st.integers(0, 480))
            arrived = self.add(kind, day, **fields)
            if draw(st.integers(0, 4)) == 0:
                noticed = day + draw(st.integers(0, 40))
                self.add(
                    InvoiceVoided,
                    day,
                    not_before=max(arrived, noticed - 1),
                    voided_transaction_id=f"t{self.number}",
                    side="sale" if kind is SaleInvoiced else "purchase",
                    noticed_date=date_of(FIRST + noticed),
                    **fields,
                )


def book(data: st.DataObject) -> Arriving:
    draw = Draw(data)
    for borrower_id in data.draw(st.sampled_from([[], ["b"], ["b", "c"], ["b", "z"]])):
        draw.trading(borrower_id)
        draw.sign(borrower_id)
    for number in range(data.draw(st.integers(0, 2))):
        draw.account(f"a{number}")
    for number in range(data.draw(st.integers(1, 3))):
        draw.loan(f"L{number}")
    return draw.facts


def records(facts: list[Any]) -> list[Recorded]:
    return [Recorded(at, "s", at, fact) for at, fact in enumerate(facts, start=1)]


def by_loan(ids: list[str], values: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Values as text, so that NaN equals NaN and nothing else is rounded."""
    return {
        loan_id: {name: repr(float(column[row])) for name, column in values.items()}
        for row, loan_id in enumerate(ids)
    }


def batch_says(known: list[Recorded], day: int) -> dict[str, dict[str, str]]:
    return by_loan(batch.loan_ids(known), batch.fold(known, day, NAMES))


def engine_says(engine: Engine) -> dict[str, dict[str, str]]:
    return by_loan(engine.loan_ids, engine.values(NAMES))


def feed(engine: Engine, known: list[Recorded], data: st.DataObject) -> None:
    """Hand facts over in drawn batches, reading values between some of them."""
    while known:
        size = data.draw(st.integers(1, len(known)))
        engine.apply(known[:size])
        known = known[size:]
        if data.draw(st.booleans()) and engine.rows():
            row = data.draw(st.integers(0, engine.rows() - 1))
            engine.values(data.draw(st.lists(st.sampled_from(NAMES))), np.array([row]))


@settings(max_examples=60, deadline=None, suppress_health_check=[*HealthCheck], derandomize=True)
@given(st.data())
def test_the_stream_equals_the_batch_at_every_day_it_is_asked(data: st.DataObject) -> None:
    facts = sorted(book(data), key=lambda arriving: arriving[0])
    known = records([fact for _, fact in facts])
    arrivals = [arrival for arrival, _ in facts]
    engine = Engine()
    at = 0
    for day in sorted(data.draw(st.lists(DAYS, min_size=1, max_size=6, unique=True))):
        # All that arrived before the close of the day, while days went by one or many at a time.
        while at < len(known) and arrivals[at] <= day:
            opened = max(arrivals[at], 0)
            if data.draw(st.booleans()):
                engine.advance(FIRST + opened)
            upto = at + 1
            while upto < len(known) and arrivals[upto] <= opened:
                upto += 1
            feed(engine, known[at:upto], data)
            at = upto
        engine.advance(FIRST + day)
        assert engine_says(engine) == batch_says(known[:at], FIRST + day)


@settings(max_examples=40, deadline=None, suppress_health_check=[*HealthCheck], derandomize=True)
@given(st.data())
def test_shuffled_facts_give_the_same_values(data: st.DataObject) -> None:
    facts = [fact for _, fact in book(data)]
    known = records(data.draw(st.permutations(facts)))
    last = FIRST + data.draw(DAYS)
    engine = Engine()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(known)), max_size=3)))
    days = sorted(data.draw(st.lists(st.integers(FIRST, last), min_size=3, max_size=3)))
    at = 0
    for cut, day in zip(cuts, days, strict=False):
        feed(engine, known[at:cut], data)
        engine.advance(day)
        at = cut
    feed(engine, known[at:], data)
    engine.advance(last)
    assert engine_says(engine) == batch_says(known, last)
