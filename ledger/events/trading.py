"""What a firm invoices: its sales and purchases, as its tax records or its accounts tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from ledger.codec import event_type

Side = Literal["sale", "purchase"]
"""Whether the borrower issued the invoice or received it."""


@event_type("trading.sale_invoiced", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class SaleInvoiced:
    """The borrower invoiced a customer. A negative `net_minor` is a return (a red invoice)."""

    borrower_id: str
    counterparty: str
    currency: str
    net_minor: int
    tax_minor: int
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("trading.purchase_invoiced", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseInvoiced:
    """A supplier invoiced the borrower; signs as for sales."""

    borrower_id: str
    counterparty: str
    currency: str
    net_minor: int
    tax_minor: int
    transaction_id: str
    value_date: date
    recorded_at_us: int


@event_type("trading.invoice_voided", version=1)
@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceVoided:
    """An invoice did not stand; it is taken off its own day, once this is known.

    `value_date` is that of the invoice; `noticed_date` is when it was voided. The rest repeats the
    invoice.
    """

    borrower_id: str
    voided_transaction_id: str
    side: Side
    counterparty: str
    currency: str
    net_minor: int
    tax_minor: int
    noticed_date: date
    transaction_id: str
    value_date: date
    recorded_at_us: int
