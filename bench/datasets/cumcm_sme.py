"""Invoices of Chinese small enterprises (CUMCM 2020, problem C) as invoices of borrowers.

A sale is `sale_invoiced`, a purchase `purchase_invoiced`, a negative invoice a return. The set has
no loans, so each firm gets one undrawn line, on which its trading can be watched.

`void` is the final state of an invoice, unknown on its day. A Chinese VAT invoice can be voided
only in the month in which it was issued (later a red invoice is needed), so `invoice_voided` is
sent at the end of that month; those of the last month of the set are never sent. A transaction id
is made of the invoice itself, so the rows that repeat exactly are recognised by the ledger as
resent. The bank's rating in the labels is never read.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from bench.datasets.source import DataSet, Mapper, Message, Row, Tally
from ledger.dates import add_months

_LINE = "1000000.00"  # the largest loan of the contest's problem statement, in yuan


def mapper() -> Mapper:
    """A fresh mapper; it remembers the firms it has introduced and what the month end voids."""
    known: set[str] = set()
    voids: dict[str, list[Message]] = {}

    def mapped(row: Row, tally: Tally) -> list[Message]:
        messages = [] if row.entity_id in known else [_introduced(row)]
        known.add(row.entity_id)
        for month in [month for month in voids if month < row.day[:7]]:
            messages += voids.pop(month)
        invoice = _invoice(row)
        if invoice is None:
            if not messages:
                tally.aside["invoice over 0.00: says nothing"] += 1
            else:
                tally.assumed["row of an invoice over 0.00 gives other messages only"] += 1
            return messages
        if row.facts()["void"]:
            tally.assumed["voided at the end of the month of issue"] += 1
            later = voids.setdefault(row.day[:7], [])
            if all(void["voided_transaction_id"] != invoice["transaction_id"] for void in later):
                later.append(_voided(row, invoice))
        return [*messages, invoice]

    return mapped


def _invoice(row: Row) -> Message | None:
    facts = row.facts()
    net, tax = _amount(facts["net"]), _amount(facts["tax"])
    if not Decimal(net):
        return None
    sold = row.event_type == "SaleInvoiced"
    key = f"{row.entity_id}-{'S' if sold else 'P'}-{facts['invoice_no']}-{row.day}-{row.amount}"
    return {
        "type": "sale_invoiced" if sold else "purchase_invoiced",
        "transaction_id": f"{key}-{facts['counterparty']}",
        "value_date": row.day,
        "borrower_id": row.entity_id,
        "counterparty": facts["counterparty"],
        "net": net,
        "tax": tax,
        "currency": row.currency,
    }


def _amount(number: float) -> str:
    return f"{number:.2f}".replace("-0.00", "0.00")


def _voided(row: Row, invoice: Message) -> Message:
    day = date.fromisoformat(row.day)
    return {
        "type": "invoice_voided",
        "transaction_id": f"{invoice['transaction_id']}-void",
        "value_date": (add_months(day.replace(day=1), 1) - timedelta(days=1)).isoformat(),
        "borrower_id": row.entity_id,
        "voided_transaction_id": invoice["transaction_id"],
    }


def _introduced(row: Row) -> Message:
    return {
        "type": "loan_opened",
        "transaction_id": f"{row.entity_id}-line",
        "value_date": row.day,
        "borrower_id": row.entity_id,
        "currency": row.currency,
        "loan_id": f"L-{row.entity_id}",
        "product": "undrawn-line",
        "principal": _LINE,
        "terms": {"method": "given", "instalments": 0, "rate_percent": "0"},
        "officer_id": "nobody",
        "branch": "cumcm",
    }


CUMCM_SME = DataSet("cumcm_sme", "Chinese SME invoices", mapper, "cumcm_sme")
CUMCM_UNLABELLED = DataSet(
    "cumcm_unlabelled",
    "Chinese SME invoices, more firms",
    mapper,
    "cumcm_sme",
    file="events_unlabelled.csv.gz",
)
