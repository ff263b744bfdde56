"""Invoices of Chinese small enterprises (CUMCM 2020, problem C) as account movements.

A sale is money coming in, a purchase money going out, a negative invoice the other way round. That
is accrual, not cash: turnover indicators mean something here, balances do not. The set has no
loans, so each firm gets one undrawn line, on which its account can be watched.

`void` is the final state of an invoice, unknown on its day: it is never used, and voided invoices
count as issued. A transaction id is made of the invoice itself, so the rows that repeat exactly
are recognised by the ledger as resent. The bank's rating in the labels is never read.
"""

from __future__ import annotations

from bench.datasets.source import DataSet, Mapper, Message, Row, Tally

_LINE = "1000000.00"  # the largest loan of the contest's problem statement, in yuan
_NO_LIMIT = "999999999999"


def mapper() -> Mapper:
    """A fresh mapper; it remembers which firms it has introduced."""
    known: set[str] = set()

    def mapped(row: Row, tally: Tally) -> list[Message]:
        messages = [] if row.entity_id in known else _introduced(row)
        known.add(row.entity_id)
        movement = _movement(row)
        if movement is None:
            if not messages:
                tally.aside["invoice over 0.00: no money moves"] += 1
            else:
                tally.assumed["first invoice over 0.00 opens the account only"] += 1
            return messages
        return [*messages, movement]

    return mapped


def _movement(row: Row) -> Message | None:
    invoice = row.facts()
    returned = row.amount.startswith("-")
    amount = row.amount.removeprefix("-")
    if not amount.strip("0."):
        return None
    sold = row.event_type == "SaleInvoiced"
    side = "S" if sold else "P"
    key = f"{row.entity_id}-{side}-{invoice['invoice_no']}-{row.day}-{row.amount}"
    return {
        "type": "account_credited" if sold != returned else "account_debited",
        "transaction_id": f"{key}-{invoice['counterparty']}",
        "value_date": row.day,
        "borrower_id": row.entity_id,
        "account_id": f"A-{row.entity_id}",
        "amount": amount,
        "currency": row.currency,
        "flow": "trade",
    }


def _introduced(row: Row) -> list[Message]:
    firm = row.entity_id
    common = {"value_date": row.day, "borrower_id": firm, "currency": row.currency}
    return [
        {
            "type": "account_opened",
            "transaction_id": f"{firm}-account",
            "account_id": f"A-{firm}",
            "opening_balance": "0",
            "overdraft_limit": _NO_LIMIT,
            **common,
        },
        {
            "type": "loan_opened",
            "transaction_id": f"{firm}-line",
            "loan_id": f"L-{firm}",
            "account_id": f"A-{firm}",
            "product": "undrawn-line",
            "principal": _LINE,
            "terms": {"method": "given", "instalments": 0, "rate_percent": "0"},
            "officer_id": "nobody",
            "branch": "cumcm",
            **common,
        },
    ]


CUMCM_SME = DataSet("cumcm_sme", "Chinese SME invoices", mapper, "cumcm_sme")
CUMCM_UNLABELLED = DataSet(
    "cumcm_unlabelled",
    "Chinese SME invoices, more firms",
    mapper,
    "cumcm_sme",
    file="events_unlabelled.csv.gz",
)
