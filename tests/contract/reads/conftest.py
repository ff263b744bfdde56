"""A book of eight loans behind HTTP, with two rules, and how it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

PACK = """
name = "two-rules"
version = 1
title = "Two rules"
language = "en"

[[rule]]
name = "late"
title = "Late"
source = "this test"
mark = "unverified"
when = "dpd_days >= 1"
severity = { watch = "always", yellow = "dpd_days >= 15" }
reason = "{dpd_days} days past due."

[[rule]]
name = "very_late"
title = "Very late"
source = "this test"
mark = "unverified"
when = "dpd_days >= 30"
severity = "orange"
reason = "{dpd_days} days past due."
"""
TERMS = {"method": "annuity", "instalments": 12, "rate_percent": "9.4822"}


def opened(number: int, **changes: Any) -> list[dict[str, Any]]:
    """A loan of 12,000.00 CNY paid out on 15 January; officers O0 to O2, two branches."""
    common = {"value_date": "2024-01-15", "loan_id": f"L{number}", "currency": "CNY"}
    loan = {
        **common,
        "type": "loan_opened",
        "transaction_id": f"open-{number}",
        "sent_at": "2024-01-15T08:00:00Z",
        "borrower_id": f"B{number // 2}",
        "product": "working_capital",
        "principal": "12000.00",
        "terms": TERMS,
        "officer_id": f"O{number % 3}",
        "branch": ("north", "south")[number % 2],
    }
    paid = {
        **common,
        "type": "loan_disbursed",
        "transaction_id": f"pay-out-{number}",
        "sent_at": "2024-01-15T08:00:01Z",
        "amount": "12000.00",
    }
    return [{**loan, **changes}, paid]


def closes(first: date, last: date) -> list[dict[str, Any]]:
    """The closes of every weekday."""
    days = [first + timedelta(n) for n in range((last - first).days + 1)]
    return [
        {
            "type": "business_day_closed",
            "transaction_id": f"close-{day}",
            "value_date": str(day),
            "sent_at": f"{day + timedelta(1)}T00:00:00Z",
        }
        for day in days
        if day.weekday() < 5
    ]


def collected() -> list[dict[str, Any]]:
    """A case about L1, treated, called, and promised to pay."""
    common = {
        "value_date": "2024-03-19",
        "sent_at": "2024-03-19T02:00:00Z",
        "borrower_id": "B0",
        "case_id": "K1",
        "by": "O1",
    }
    of_case: list[dict[str, Any]] = [
        {"type": "case_opened", "loan_ids": ["L1"], "trigger": "person", "stage": "mid",
         "owner_id": "O1", "team": "T1", "branch": "south"},
        {"type": "strategy_assigned", "strategy": "mine", "version": "v1", "segment": "early",
         "treatment": "call;0/3/8;soft;call;none;5", "arm": "bot.champion"},
        {"type": "contact_requested", "contact_id": "C1", "loan_ids": ["L1"], "channel": "call"},
        {"type": "contact_outcome_recorded", "contact_id": "C1", "outcome": "promised",
         "seconds": 60, "cost": "1.50", "currency": "CNY"},
        {"type": "promise_made", "promise_id": "P1", "loan_id": "L1", "currency": "CNY",
         "parts": [{"due_date": "2024-03-25", "amount": "100.00"}]},
        {"type": "officer_exempted", "officer_id": "O1", "approved_by": "O9", "reason": "in time",
         "by": "O8"},
    ]  # fmt: skip
    return [
        {**common, "transaction_id": f"collected-{number}", **message}
        for number, message in enumerate(of_case)
    ]


def send(served: Any, messages: list[dict[str, Any]]) -> None:
    answer = served.client.post("/v1/transactions", json=messages)
    assert answer.status_code == 200, answer.text
    served.settled()


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a pack of two rules."""
    path = tmp_path_factory.mktemp("pack") / "two-rules.toml"
    path.write_text(PACK, encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def book(
    serving: Callable[..., AbstractContextManager[Any]],
    pack: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Any]:
    """Eight loans; L0 paid its first instalment, the others paid nothing until 18 March."""
    with serving(tmp_path_factory.mktemp("book"), calendar="weekends", pack=pack) as served:
        send(served, [message for number in range(8) for message in opened(number)])
        paid = {
            "type": "repayment_received",
            "transaction_id": "paid-0",
            "value_date": "2024-02-15",
            "sent_at": "2024-02-15T10:00:00Z",
            "loan_id": "L0",
            "amount": "1052.10",
            "currency": "CNY",
        }
        send(served, closes(date(2024, 2, 12), date(2024, 2, 14)))
        send(served, [paid, *closes(date(2024, 2, 15), date(2024, 3, 18))])
        send(served, collected())
        yield served


@pytest.fixture(scope="module")
def tell() -> SimpleNamespace:
    """`opened`, `closes` and `send`, for tests that tell a book of their own."""
    return SimpleNamespace(opened=opened, closes=closes, send=send)
