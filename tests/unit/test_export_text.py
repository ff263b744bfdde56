"""The journals that an export writes, character by character, for books small enough to add up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from io import BytesIO
from typing import Any

import pytest

from ledger.dates import start_of_day_us
from ledger.errors import CurrencyMismatch, DateOutOfRange, InvariantBroken
from ledger.events import (
    AccountDebitReturned,
    AccountOpened,
    ChargeApplied,
    LoanClosed,
    LoanDisbursed,
    LoanOpened,
    RepaymentReceived,
)
from ledger.store import Recorded
from ledger.terms import Split, Terms
from projections.export import Export, Period, PeriodImpossible, Written
from projections.journals import JOURNALS

TERMS = Terms(method="given", instalments=0)


def happened(number: int, day: date, *, learned: date | None = None) -> dict[str, Any]:
    return {
        "transaction_id": f"T{number}",
        "value_date": day,
        "recorded_at_us": start_of_day_us(learned or day),
    }


def loan_opened(loan_id: str, currency: str, **common: Any) -> LoanOpened:
    return LoanOpened(
        loan_id=loan_id, borrower_id="B1", account_id=None, product="loan", currency=currency,
        principal_minor=100, terms=TERMS, officer_id="O1", branch="main", industry="", region="",
        guarantor_id=None, **common,
    )  # fmt: skip


JAN = [date(2024, 1, day) for day in range(1, 32)]
BOOK = [
    Recorded(1, "loan:L1", 1, loan_opened("L1", "EUR", **happened(1, JAN[1]))),
    Recorded(2, "loan:L1", 2,
             LoanDisbursed(loan_id="L1", amount_minor=10_000, **happened(2, JAN[1]))),
    Recorded(3, "account:A1", 1,
             AccountOpened(account_id="A1", borrower_id="B1", currency="JPY",
                           opening_balance_minor=-700, overdraft_limit_minor=0,
                           **happened(3, JAN[9]))),
    Recorded(4, "loan:L1", 3,
             ChargeApplied(loan_id="L1", kind="fees", amount_minor=50, due_date=JAN[9],
                           **happened(4, JAN[9]))),
    Recorded(5, "account:A1", 2,
             AccountDebitReturned(account_id="A1", amount_minor=9, flow="loan_repayment",
                                  **happened(5, JAN[9]))),
    Recorded(6, "loan:L1", 4,
             RepaymentReceived(loan_id="L1", amount_minor=2_050,
                               split=Split(fees_minor=50, principal_minor=2_000),
                               **happened(6, JAN[4], learned=JAN[10]))),
]  # fmt: skip

HLEDGER = """\
; The books from 2024-01-05 to 2024-01-31, by value date, in EUR, JPY; debit is positive.
; One transaction a fact: 3 of them. Last fact counted: loan:L1@4 at position 6.
; The balances stated in the end are those of the trial balance.
; What was posted before the period is the opening transaction of the day before.

decimal-mark .
commodity 1000.00 EUR
commodity 1000. JPY
account assets:clearing
account assets:loans:principal
account assets:receivable:fees
account equity:opening_balances
account income:fees
account liabilities:deposits
payee Account opened
payee Loan charge applied: fees
payee Loan repayment received
payee Opening balances
payee Stated balances

2024-01-04 * Opening balances
    assets:clearing                           -100.00 EUR
    assets:loans:principal                     100.00 EUR

2024-01-05 * (loan:L1@4) Loan repayment received  ; loan:L1, transaction:T6, recorded:2024-01-11
    assets:clearing                             20.50 EUR
    assets:receivable:fees                      -0.50 EUR
    assets:loans:principal                     -20.00 EUR

2024-01-10 * (account:A1@1) Account opened  ; account:A1, transaction:T3, recorded:2024-01-10
    equity:opening_balances                      -700 JPY
    liabilities:deposits                          700 JPY

2024-01-10 * (loan:L1@3) Loan charge applied: fees  ; loan:L1, transaction:T4, recorded:2024-01-10
    assets:receivable:fees                       0.50 EUR
    income:fees                                 -0.50 EUR

2024-01-31 * Stated balances
    assets:clearing                       0.00 EUR = -79.50 EUR
    assets:loans:principal                0.00 EUR = 80.00 EUR
    assets:receivable:fees                0.00 EUR = 0.00 EUR
    income:fees                           0.00 EUR = -0.50 EUR
    equity:opening_balances                  0 JPY = -700 JPY
    liabilities:deposits                     0 JPY = 700 JPY

"""

BEANCOUNT = """\
; The books to 2024-01-05, by value date, in EUR; debit is positive.
; One transaction a fact: 2 of them. Last fact counted: loan:L1@4 at position 6.
; The balances stated in the end are those of the trial balance.

option "title" "LoanBell"
option "inferred_tolerance_default" "*:0"
option "operating_currency" "EUR"
2024-01-02 commodity EUR
2024-01-02 open Assets:Clearing EUR
2024-01-02 open Assets:Loans:Principal EUR
2024-01-02 open Assets:Receivable:Fees EUR

2024-01-02 * "Loan disbursed"
  event: "loan:L1@2"
  loan: "L1"
  transaction: "T2"
  recorded: "2024-01-02"
  Assets:Loans:Principal                     100.00 EUR
  Assets:Clearing                           -100.00 EUR

2024-01-05 * "Loan repayment received"
  event: "loan:L1@4"
  loan: "L1"
  transaction: "T6"
  recorded: "2024-01-11"
  Assets:Clearing                             20.50 EUR
  Assets:Receivable:Fees                      -0.50 EUR
  Assets:Loans:Principal                     -20.00 EUR

2024-01-06 balance Assets:Clearing                            -79.50 ~ 0 EUR
2024-01-06 balance Assets:Loans:Principal                      80.00 ~ 0 EUR
2024-01-06 balance Assets:Receivable:Fees                      -0.50 ~ 0 EUR
"""


def exported(
    book: Sequence[Recorded], form: str = "hledger", *, pages: int = 100, **options: Any
) -> tuple[str, Written]:
    export, file = Export(JOURNALS[form], BytesIO(), **options), BytesIO()
    for first in range(0, len(book), pages):
        export.take(book[first : first + pages])
    written = export.write(file)
    return file.getvalue().decode(), written


def test_an_hledger_journal_of_a_period_opens_with_what_was_and_ends_with_what_must_be() -> None:
    text, written = exported(BOOK, period=Period(JAN[4], JAN[30]))
    assert text == HLEDGER
    assert written == Written(3, ("EUR", "JPY"), JAN[4], JAN[9])


def test_a_beancount_ledger_of_one_currency_up_to_a_day() -> None:
    text, written = exported(BOOK, "beancount", period=Period(last=JAN[4]), currencies=["EUR"])
    assert text == BEANCOUNT
    assert written == Written(2, ("EUR",), JAN[1], JAN[4])


@pytest.mark.parametrize("form", JOURNALS)
def test_the_bytes_do_not_depend_on_how_the_facts_were_paged(form: str) -> None:
    whole = exported(BOOK, form)
    assert all(exported(BOOK, form, pages=pages) == whole for pages in (1, 2, 5))


@pytest.mark.parametrize("form", JOURNALS)
def test_a_fact_outside_the_period_leaves_no_trace_in_the_file(form: str) -> None:
    early = Period(last=JAN[3])
    assert exported(BOOK, form, period=early) == exported(BOOK[:2], form, period=early)


def test_a_closing_that_left_nothing_is_no_transaction() -> None:
    closed = LoanClosed(loan_id="L1", reason="repaid", remaining=Split(), **happened(7, JAN[30]))
    text, written = exported([*BOOK, Recorded(7, "loan:L1", 5, closed)])
    assert "Loan closed" not in text
    assert written.transactions == 4


def test_an_id_cannot_add_a_tag_or_break_out_of_its_place() -> None:
    common = happened(1, JAN[1]) | {"transaction_id": 'T,loan:L9;")(\\'}
    fact = LoanDisbursed(loan_id="L1", amount_minor=1, **common)
    book = [BOOK[0], Recorded(2, "loan:L1", 2, fact)]
    for form, after in (("hledger", ", recorded"), ("beancount", '"\n')):
        assert f"T%2Cloan:L9%3B%22%29%28%5C{after}" in exported(book, form)[0]


def test_a_period_without_postings_is_an_empty_book() -> None:
    text, written = exported(BOOK, period=Period(last=date(2023, 12, 31)))
    assert written == Written(0, (), None, None)
    assert "*" not in text


@pytest.mark.parametrize(
    ("first", "last", "error"),
    [
        (JAN[2], JAN[1], PeriodImpossible),
        (date(1980, 1, 1), None, DateOutOfRange),
        (None, date(9999, 12, 31), DateOutOfRange),
    ],
)
def test_a_period_that_cannot_be_is_refused(first: Any, last: Any, error: Any) -> None:
    with pytest.raises(error) as refused:
        Period(first, last)
    assert refused.value.way_out


def test_an_unknown_currency_is_refused() -> None:
    with pytest.raises(CurrencyMismatch, match="Unknown currency 'XXX'"):
        exported(BOOK, currencies=["EUR", "XXX"])


def test_money_that_moves_before_its_loan_was_opened_stops_the_export() -> None:
    with pytest.raises(InvariantBroken, match="loan:L1@2"):
        exported(BOOK[1:])
