"""Credit card clients in Taiwan, 2005, as revolving lines that report their own position.

A statement is a position: the bill is what is owed, `pay_status` from 1 on the months past due
(0, -1 and -2 mean revolving, paid in full, not used: none). A bill below zero is a credit balance
and is reported as nothing owed. The card keeps no schedule, so payments only lower what is owed.
"""

from __future__ import annotations

from bench.datasets.source import DataSet, Mapper, Message, Row, Tally


def mapper() -> Mapper:
    """A mapper; cards need no memory."""
    return _mapped


def _mapped(row: Row, tally: Tally) -> list[Message]:
    common: Message = {
        "transaction_id": row.event_id,
        "loan_id": row.loan_id,
        "borrower_id": row.entity_id,
        "value_date": row.day,
        "currency": row.currency,
    }
    if row.event_type == "LoanOpened":
        opened = {
            "type": "loan_opened",
            "product": "credit-card",
            "principal": row.amount,
            "terms": {"method": "given", "instalments": 0, "rate_percent": "0"},
            "officer_id": "cards",
            "branch": "taiwan",
        }
        return [{**opened, **common}]
    if row.event_type == "RepaymentReceived":
        return [{"type": "repayment_received", "amount": row.amount, **common}]
    if row.amount.startswith("-"):
        tally.assumed["credit balance reported as nothing owed"] += 1
    return [
        {
            "type": "position_reported",
            "outstanding": "0" if row.amount.startswith("-") else row.amount,
            "months_past_due": max(0, row.facts()["pay_status"]),
            **common,
        }
    ]


TAIWAN_CARD = DataSet("taiwan_card", "Credit cards, Taiwan 2005", mapper, "taiwan_card")
