"""The book that the benches lay out in columns is the one that its facts would have given."""

from __future__ import annotations

from typing import Any

from bench.columns import AMOUNT, DUES, FIRST, STEP_DAYS, open_book
from ledger.dates import date_of
from ledger.events import (
    AccountCredited,
    AccountDebited,
    AccountOpened,
    InstalmentsScheduled,
    LoanDisbursed,
    LoanOpened,
    RepaymentReceived,
)
from ledger.store import Recorded
from ledger.terms import Instalment, Split, Terms
from warning.engine import Engine
from warning.indicators import CATALOGUE

NOT_LAID_OUT = {
    # The split of a repayment, and so the principal, is no business of a bench of day closes,
    *("outstanding_minor", "utilisation_ratio", "headroom_minor"),
    *("utilisation_mean_90d_ratio", "utilisation_peak_90d_ratio", "utilisation_high_days_90d"),
    *("paid_90d_to_outstanding_ratio", "paid_180d_to_outstanding_ratio"),
    # nor is who borrowed what before.
    *("borrower_known_days", "earlier_pace_ratio"),
}


def record(kind: Any, day: int, **fields: Any) -> Recorded:
    fact = kind(transaction_id="t", value_date=date_of(day), recorded_at_us=0, **fields)
    return Recorded(1, "s", 1, fact)


def opening(row: int, first_due: int, balance: int) -> list[Recorded]:
    """The facts of one loan and its account on the first day."""
    rows = tuple(
        Instalment(
            number=number + 1,
            due_date=date_of(first_due + STEP_DAYS * number),
            principal_minor=AMOUNT,
            interest_minor=0,
        )
        for number in range(DUES)
    )
    loan = {"loan_id": f"L{row}"}
    account = {"account_id": f"A{row}", "borrower_id": f"B{row}", "currency": "CNY"}
    return [
        record(
            AccountOpened,
            FIRST,
            **account,
            opening_balance_minor=balance,
            overdraft_limit_minor=0,
        ),
        record(
            LoanOpened,
            FIRST,
            **loan,
            **account,
            product="term",
            principal_minor=DUES * AMOUNT,
            terms=Terms(method="given", instalments=DUES),
            officer_id="o",
            branch="b",
            industry="",
            region="",
            guarantor_id=None,
        ),
        record(LoanDisbursed, FIRST, **loan, amount_minor=DUES * AMOUNT),
        record(
            InstalmentsScheduled,
            FIRST,
            **loan,
            schedule_version=1,
            origin="given",
            instalments=rows,
        ),
    ]


def test_columns_laid_out_for_a_bench_are_those_of_the_facts() -> None:
    book = open_book(30, seed=3)
    engine = Engine()
    engine.advance(FIRST)
    for row in range(30):
        engine.apply(opening(row, int(book.first_due[row]), int(book.balances[row])))
    names = [name for name in CATALOGUE if name not in NOT_LAID_OUT]
    for _ in range(250):
        flows, day = book.flows(), engine.day
        book.take(flows)
        for row, net in zip(flows.movers.tolist(), flows.nets.tolist(), strict=True):
            kind = AccountCredited if net > 0 else AccountDebited
            engine.apply(
                [
                    record(
                        kind,
                        day,
                        account_id=f"A{row}",
                        amount_minor=abs(net),
                        balance_minor=0,
                        flow="trade",
                    )
                ]
            )
        for row in flows.payers.tolist():
            split = Split(principal_minor=AMOUNT)
            paid = {"loan_id": f"L{row}", "amount_minor": AMOUNT, "split": split}
            engine.apply([record(RepaymentReceived, day, **paid)])
        for each in (book.engine, engine):
            each.advance(day + 1)
    laid_out, told = book.engine.values(names), engine.values(names)
    assert {name: column.tobytes() for name, column in laid_out.items()} == {
        name: column.tobytes() for name, column in told.items()
    }
