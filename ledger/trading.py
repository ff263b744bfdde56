"""A borrower's trading: decide what an invoice or its voiding becomes.

Invoices move no money and have no postings; who paid them is the account's business. All invoices
of a borrower are in one currency, that of the first. An invoice is voided once, and only if known.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ledger.checks import same_currency, value_day
from ledger.commands import InvoiceCommand, RecordPurchase, RecordSale, VoidInvoice
from ledger.dates import FIRST_DATE, date_of, day_number
from ledger.errors import InvalidAmount, RuleRefused, UnknownEntity
from ledger.events import InvoiceVoided, PurchaseInvoiced, SaleInvoiced
from ledger.events.trading import Side
from ledger.money import MAX_MINOR, exponent
from ledger.totals import check_total, total_of


class Invoice(NamedTuple):
    """What is kept of an invoice to void it."""

    side: Side
    counterparty: str
    net_minor: int
    tax_minor: int
    day: int


class Trading:
    """A borrower's invoices that stand, by transaction id, and the ids of those that do not.

    `total_minor` is the money of all of them, voided ones too.
    """

    __slots__ = ("currency", "standing", "total_minor", "voided")

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.total_minor = 0
        self.standing: dict[str, Invoice] = {}
        self.voided: set[str] = set()


def record_sale(state: Trading | None, command: RecordSale) -> tuple[SaleInvoiced]:
    """A sale is known. Errors: CurrencyMismatch, InvalidAmount, dates."""
    _check(state, command)
    return (SaleInvoiced(**_fields(command)),)


def record_purchase(state: Trading | None, command: RecordPurchase) -> tuple[PurchaseInvoiced]:
    """A purchase is known. Errors: as `record_sale`."""
    _check(state, command)
    return (PurchaseInvoiced(**_fields(command)),)


def _check(state: Trading | None, command: InvoiceCommand) -> None:
    exponent(command.currency)
    value_day(command, not_before=day_number(FIRST_DATE), what="the calendar")
    if state is not None:
        same_currency(command.currency, state.currency)
    if command.net_minor == 0 or abs(command.net_minor) > MAX_MINOR:
        raise InvalidAmount(
            f"An invoice over {command.net_minor} minor units says nothing.",
            way_out=f"Send a net amount other than zero, up to {MAX_MINOR} minor units.",
        )
    if abs(command.tax_minor) > abs(command.net_minor):
        raise InvalidAmount(
            "The tax is more than the net amount.",
            way_out="Send the amount without tax as net, and the tax beside it.",
        )
    borrower, total = command.borrower_id, total_of(state)
    total += abs(command.net_minor) + abs(command.tax_minor)
    check_total(f"borrower {borrower}", total, command.currency, borrower_id=borrower)


def _fields(command: InvoiceCommand) -> dict[str, Any]:
    return {
        "borrower_id": command.borrower_id,
        "counterparty": command.counterparty,
        "currency": command.currency,
        "net_minor": command.net_minor,
        "tax_minor": command.tax_minor,
        "transaction_id": command.transaction_id,
        "value_date": command.value_date,
        "recorded_at_us": command.recorded_at_us,
    }


def void_invoice(state: Trading | None, command: VoidInvoice) -> tuple[InvoiceVoided]:
    """An invoice does not stand. Errors: UnknownEntity; RuleRefused when it was voided; dates."""
    known = command.voided_transaction_id
    if state is not None and known in state.voided:
        raise RuleRefused(
            f"Invoice {known} was voided already.",
            rule="voided_already",
            way_out="Nothing more is to be sent about it.",
        )
    invoice = state.standing.get(known) if state is not None else None
    if state is None or invoice is None:
        raise UnknownEntity(
            f"There is no invoice {known} of borrower {command.borrower_id}.",
            way_out="Send the invoice first.",
        )
    value_day(command, not_before=invoice.day, what="the invoice")
    return (
        InvoiceVoided(
            borrower_id=command.borrower_id,
            voided_transaction_id=known,
            side=invoice.side,
            counterparty=invoice.counterparty,
            currency=state.currency,
            net_minor=invoice.net_minor,
            tax_minor=invoice.tax_minor,
            noticed_date=command.value_date,
            transaction_id=command.transaction_id,
            value_date=date_of(invoice.day),
            recorded_at_us=command.recorded_at_us,
        ),
    )


def sale_invoiced(state: Trading | None, fact: SaleInvoiced) -> Trading:
    """Take in a sale."""
    return _invoiced(state, fact, "sale")


def purchase_invoiced(state: Trading | None, fact: PurchaseInvoiced) -> Trading:
    """Take in a purchase."""
    return _invoiced(state, fact, "purchase")


def _invoiced(state: Trading | None, fact: SaleInvoiced | PurchaseInvoiced, side: Side) -> Trading:
    trading = state if state is not None else Trading(fact.currency)
    trading.total_minor += abs(fact.net_minor) + abs(fact.tax_minor)
    trading.standing[fact.transaction_id] = Invoice(
        side, fact.counterparty, fact.net_minor, fact.tax_minor, day_number(fact.value_date)
    )
    return trading


def invoice_voided(state: Trading, fact: InvoiceVoided) -> Trading:
    """Take in a voided invoice."""
    del state.standing[fact.voided_transaction_id]
    state.voided.add(fact.voided_transaction_id)
    return state
