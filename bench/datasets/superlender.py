"""Micro-loans of returning clients (SuperLender, Nigeria) as loans with given schedules.

A loan of 15 or 30 days has one instalment, one of 60 two and one of 90 three; total_due is spread
evenly over them, a month apart. The source knows only the first due date and the first repayment.
Assumptions, each counted: the first repayment of a loan with several instalments has the amount of
the first; what is still open when the source closes a loan is paid then, since every loan that it
closes was repaid. The loans of July 2017 carry no repayments: the source ends at their opening, so
what the days after it say about them means nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from bench.datasets.source import DataSet, Mapper, Message, Row, Tally
from ledger.dates import add_months
from ledger.money import format_minor, parse_minor, split

_INSTALMENTS = {15: 1, 30: 1, 60: 2, 90: 3}


@dataclass(slots=True)
class _Open:
    """A loan of which money is still to come: the first instalment and what is left, in minor."""

    first_minor: int
    several: bool
    left_minor: int


def mapper() -> Mapper:
    """A fresh mapper; it remembers what is left of each loan."""
    loans: dict[str, _Open] = {}

    def mapped(row: Row, tally: Tally) -> list[Message]:
        if row.event_type == "LoanOpened":
            return _opened(row, loans)
        if row.event_type == "InstalmentDue":
            tally.aside["instalment due: the schedule holds it already"] += 1
            return []
        if row.event_type == "RepaymentReceived":
            return _repaid(row, loans, tally)
        return _closed(row, loans, tally)

    return mapped


def _opened(row: Row, loans: dict[str, _Open]) -> list[Message]:
    facts = row.facts()
    principal = parse_minor(row.amount, row.currency)
    total = parse_minor(f"{facts['total_due']:.2f}", row.currency)
    count = facts.get("n_instalments") or _INSTALMENTS[facts["term_days"]]
    first = facts.get("first_due_date")
    opened = date.fromisoformat(row.day)
    due = (
        date.fromisoformat(first) if first else opened + timedelta(days=facts["term_days"] // count)
    )
    even = [1] * count
    parts = list(zip(split(principal, even), split(total - principal, even), strict=True))
    loans[row.loan_id] = _Open(sum(parts[0]), count > 1, total)
    common = _common(row)
    return [
        {
            "type": "loan_opened",
            "transaction_id": row.event_id,
            "product": f"micro-{facts['term_days']}",
            "principal": row.amount,
            "terms": {"method": "given", "instalments": count, "rate_percent": "0"},
            "officer_id": "online",
            "branch": "superlender",
            "currency": row.currency,
            **common,
        },
        {
            "type": "instalments_scheduled",
            "transaction_id": f"{row.event_id}-schedule",
            "currency": row.currency,
            "instalments": [
                {
                    "number": number,
                    "due_date": add_months(due, number - 1).isoformat(),
                    "principal": format_minor(part, row.currency),
                    "interest": format_minor(interest, row.currency),
                }
                for number, (part, interest) in enumerate(parts, start=1)
            ],
            **common,
        },
        {
            "type": "loan_disbursed",
            "transaction_id": f"{row.event_id}-payout",
            "amount": row.amount,
            "currency": row.currency,
            **common,
        },
    ]


def _repaid(row: Row, loans: dict[str, _Open], tally: Tally) -> list[Message]:
    loan = loans[row.loan_id]
    if row.amount:
        minor = parse_minor(row.amount, row.currency)
    elif loan.several:
        tally.assumed["first of several repayments: amount of the first instalment"] += 1
        minor = loan.first_minor
    else:
        tally.aside["first of several payments of one instalment: amount not in the source"] += 1
        return []
    return [_payment(row, loan, minor, row.event_id)]


def _closed(row: Row, loans: dict[str, _Open], tally: Tally) -> list[Message]:
    loan = loans[row.loan_id]
    messages = []
    if loan.left_minor > 0:
        tally.assumed["what was left open is paid when the loan closes"] += 1
        messages.append(_payment(row, loan, loan.left_minor, f"{row.event_id}-rest"))
    messages.append(
        {
            "type": "loan_closed",
            "transaction_id": row.event_id,
            "reason": "repaid",
            **_common(row),
        }
    )
    return messages


def _payment(row: Row, loan: _Open, minor: int, transaction_id: str) -> Message:
    loan.left_minor -= minor
    return {
        "type": "repayment_received",
        "transaction_id": transaction_id,
        "amount": format_minor(minor, row.currency),
        "currency": row.currency,
        **_common(row),
    }


def _common(row: Row) -> Message:
    return {"loan_id": row.loan_id, "borrower_id": row.entity_id, "value_date": row.day}


SUPERLENDER = DataSet("superlender", "Micro-loans, Nigeria", mapper, "superlender")
