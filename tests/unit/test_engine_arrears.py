"""The arrears book by itself, as views use it, and the arena of dues beneath it."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from ledger.dates import date_of, day_number
from ledger.events import (
    InstalmentsScheduled,
    LoanClosed,
    LoanDisbursed,
    LoanOpened,
    Reallocation,
    RepaymentReceived,
    RepaymentsReallocated,
)
from ledger.store import Recorded
from ledger.terms import Instalment, Split, Terms
from warning.arrears import ArrearsBook
from warning.buckets import bucket
from warning.dues import Cursor, Dues

DAY = day_number(date(2024, 1, 1))


def record(kind: Any, day: int, number: int = 1, **fields: Any) -> Recorded:
    when = {"transaction_id": f"t{number}", "value_date": date_of(day), "recorded_at_us": 0}
    return Recorded(number, "s", number, kind(**when, **fields))


def opened(loan_id: str, borrower_id: str, day: int) -> Recorded:
    return record(
        LoanOpened,
        day,
        loan_id=loan_id,
        borrower_id=borrower_id,
        account_id=None,
        product="term",
        currency="CNY",
        principal_minor=1_000,
        terms=Terms(method="given", instalments=1),
        officer_id="o",
        branch="b",
        industry="",
        region="",
        guarantor_id=None,
    )


def scheduled(loan_id: str, day: int, due: int, amount: int) -> Recorded:
    row = Instalment(number=1, due_date=date_of(due), principal_minor=amount, interest_minor=0)
    return record(
        InstalmentsScheduled,
        day,
        loan_id=loan_id,
        schedule_version=1,
        origin="given",
        instalments=(row,),
    )


@pytest.fixture
def book() -> ArrearsBook:
    """L1 owes 400 on day 10; L2, of the same borrower, nothing."""
    book = ArrearsBook()
    book.apply([opened("L1", "B1", DAY), opened("L2", "B1", DAY)])
    book.apply([record(LoanDisbursed, DAY, loan_id="L1", amount_minor=1_000)])
    book.apply([scheduled("L1", DAY, DAY + 10, 400)])
    book.advance(DAY)
    return book


def test_facts_wait_for_the_first_day_and_rows_do_not() -> None:
    book = ArrearsBook()
    book.apply([opened("L1", "B1", DAY)])
    assert book.loan_ids == ["L1"]
    assert book.open().tolist() == [False]
    book.advance(DAY)
    assert book.open().tolist() == [True]


def test_days_past_due_and_arrears_follow_the_days(book: ArrearsBook) -> None:
    book.advance(DAY + 10)
    assert (book.dpd().tolist(), book.arrears().tolist()) == ([0, 0], [0, 0])
    book.advance(DAY + 75)
    assert (book.dpd().tolist(), book.arrears().tolist()) == ([65, 0], [400, 0])
    assert bucket(book.dpd()).tolist() == [3, 0]
    split = Split(principal_minor=150)
    book.apply([record(RepaymentReceived, DAY + 60, loan_id="L1", amount_minor=150, split=split)])
    assert book.arrears().tolist() == [250, 0]
    assert book.outstanding().tolist() == [850, 0]
    assert book.dpd(np.array([1, 0])).tolist() == [0, 65]


def test_a_new_split_of_an_earlier_repayment_moves_the_principal(book: ArrearsBook) -> None:
    before, after = Split(principal_minor=150), Split(interest_minor=50, principal_minor=100)
    change = Reallocation(transaction_id="t9", before=before, split=after)
    book.apply(
        [
            record(RepaymentReceived, DAY, 9, loan_id="L1", amount_minor=150, split=before),
            record(RepaymentsReallocated, DAY, 10, loan_id="L1", changes=(change,)),
        ]
    )
    assert book.outstanding().tolist() == [900, 0]


def test_borrowers_are_numbered_and_a_closed_loan_owes_nothing(book: ArrearsBook) -> None:
    assert book.borrower[: book.rows].tolist() == [0, 0]
    assert book.borrower_ids == ["B1"]
    book.advance(DAY + 40)
    closed = {"reason": "written_off", "remaining": Split(principal_minor=1_000)}
    book.apply([record(LoanClosed, DAY + 40, loan_id="L1", **closed)])
    assert book.open().tolist() == [False, True]
    assert book.dpd().tolist() == book.arrears().tolist() == book.outstanding().tolist() == [0, 0]


def test_buckets_hold_their_last_day() -> None:
    days = np.array([0, 1, 30, 31, 60, 61, 90, 91, 180, 181, 270, 271, 360, 361])
    assert bucket(days).tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7]


def test_replaced_dues_leave_no_gap_for_ever() -> None:
    dues = Dues()
    dues.grow(200)
    for turn in range(60):
        for row in range(200):
            count = 1 + (row + turn) % 12
            dues.replace(row, list(range(count)), [turn + 1] * count)
    for row in range(200):
        count = 1 + (row + 59) % 12
        assert dues.of(row) == (list(range(count)), [60 * (at + 1) for at in range(count)])
    held = int(dues.length.sum())
    assert dues.arena.rows <= 2 * held + 4_096 + 12


def test_a_cursor_passes_each_due_on_its_day() -> None:
    dues, cursor = Dues(), Cursor(lag=1)
    dues.grow(1)
    cursor.grow(1)
    dues.replace(0, [5, 8], [10, 20])
    cursor.place(0, 4, *dues.of(0))
    seen = []
    for today in range(5, 11):
        rows, _ = cursor.advance(dues, today)
        seen.append((today, rows.tolist(), int(cursor.before[0])))
    assert seen == [(5, [], 0), (6, [0], 10), (7, [], 10), (8, [], 10), (9, [0], 30), (10, [], 30)]
