"""Invoices: what is taken, what is refused, and that a voided one is taken off its own day."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ledger import decide as book
from ledger.commands import RecordPurchase, RecordSale, VoidInvoice
from ledger.dates import day_number
from ledger.errors import (
    CurrencyMismatch,
    DateOutOfRange,
    InvalidAmount,
    LoanError,
    RuleRefused,
    UnknownEntity,
)
from ledger.events import InvoiceVoided, PurchaseInvoiced, SaleInvoiced
from ledger.ids import trading_stream

DAY = date(2024, 3, 29)
LATER = date(2024, 3, 31)
NOON_US = (day_number(LATER) * 24 + 12) * 3_600_000_000
COMMON: dict[str, Any] = {"borrower_id": "B1", "value_date": DAY, "recorded_at_us": NOON_US}
INVOICE: dict[str, Any] = COMMON | {
    "counterparty": "C7", "currency": "CNY", "net_minor": 10_000, "tax_minor": 1_300,
}  # fmt: skip
SALE = RecordSale(**INVOICE, transaction_id="S1")


def after(*commands: Any) -> Any:
    state = None
    for command in commands:
        for fact in book.decide(state, command):
            book.check(state, [fact])
            state = book.evolve(state, fact)
    return state


def sale(**changes: Any) -> RecordSale:
    return RecordSale(**(INVOICE | {"transaction_id": "S2"} | changes))


def void(**changes: Any) -> VoidInvoice:
    fields = COMMON | {"transaction_id": "V1", "voided_transaction_id": "S1", "value_date": LATER}
    return VoidInvoice(**(fields | changes))


def test_an_invoice_becomes_a_fact_of_the_borrowers_trading() -> None:
    assert SALE.stream == trading_stream("B1")
    assert book.decide(None, SALE) == (SaleInvoiced(**INVOICE, transaction_id="S1"),)
    bought = RecordPurchase(**INVOICE, transaction_id="P1")
    assert book.decide(after(SALE), bought) == (PurchaseInvoiced(**INVOICE, transaction_id="P1"),)


def test_a_voided_invoice_is_taken_off_its_own_day() -> None:
    assert book.decide(after(SALE), void()) == (
        InvoiceVoided(
            **INVOICE, transaction_id="V1", voided_transaction_id="S1", side="sale",
            noticed_date=LATER,
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("state", "command", "error"),
    [
        (after(SALE), sale(currency="EUR"), CurrencyMismatch),
        (None, sale(currency="XXY"), CurrencyMismatch),
        (None, sale(net_minor=0), InvalidAmount),
        (None, sale(net_minor=10**18), InvalidAmount),
        (None, sale(tax_minor=-10_001), InvalidAmount),
        (None, sale(value_date=date(2024, 4, 2)), DateOutOfRange),
        (None, void(), UnknownEntity),
        (after(SALE), void(voided_transaction_id="S9"), UnknownEntity),
        (after(SALE), void(value_date=date(2024, 3, 28)), DateOutOfRange),
        (after(SALE, void()), void(transaction_id="V2"), RuleRefused),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_a_way_out(
    state: Any, command: Any, error: type[LoanError]
) -> None:
    with pytest.raises(error) as caught:
        book.decide(state, command)
    assert caught.value.way_out
