"""Files of receivers, and a book whose loans are late on one day."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
PACK = """
name = "one-rule"
version = 1
title = "One rule"
language = "en"

[[rule]]
name = "late"
title = "Late"
source = "this test"
mark = "unverified"
when = "dpd_days >= 1"
severity = { yellow = "always", red = "dpd_days >= 8" }
reason = "{dpd_days} days past due."
"""


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., Path]:
    """`told(url, name=…, …)` -> the file of receivers with one webhook; more tables as text."""

    def write(url: str, *, kind: str = "webhook", more: str = "", **fields: Any) -> Path:
        (tmp_path / "cases.secret").write_text(f"{SECRET}\n")
        given = {
            "name": "cases",
            "url": url,
            "start": "beginning",
            "first_pause_seconds": 0.05,
            **({"secret_file": "cases.secret"} if kind == "webhook" else {}),
            **fields,
        }
        lines = [f"{name} = {orjson.dumps(value).decode()}" for name, value in given.items()]
        file = tmp_path / "webhooks.toml"
        file.write_text(f"[[{kind}]]\n" + "\n".join(lines) + f"\n{more}\n")
        return file

    return write


@pytest.fixture
def pack(tmp_path: Path) -> str:
    """The path of a pack with one rule: late is yellow, red after eight days."""
    path = tmp_path / "one-rule.toml"
    path.write_text(PACK, encoding="utf-8")
    return str(path)


def _loan(number: int) -> list[dict[str, Any]]:
    common = {"value_date": "2024-01-15", "loan_id": f"L{number:04}", "currency": "CNY"}
    opened = {
        **common,
        "type": "loan_opened",
        "transaction_id": f"open-{number}",
        "sent_at": "2024-01-15T08:00:00Z",
        "borrower_id": f"B-secret-{number}",
        "product": "working_capital",
        "principal": "12000.00",
        "terms": {"method": "annuity", "instalments": 12, "rate_percent": "9.4822"},
        "officer_id": "O-secret-1",
        "branch": "north",
    }
    paid = {
        **common,
        "type": "loan_disbursed",
        "transaction_id": f"pay-out-{number}",
        "sent_at": "2024-01-15T08:00:01Z",
        "amount": "12000.00",
    }
    return [opened, paid]


def _closes(first: date, last: date) -> list[dict[str, Any]]:
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


@pytest.fixture
def late() -> Callable[[int], list[dict[str, Any]]]:
    """`late(5)`: five loans whose first instalment, due on 15 February, is missed.

    Closed up to Friday the 16th: the day after the due day one warning a loan has been raised.
    """
    return lambda count: [
        *[message for number in range(count) for message in _loan(number)],
        *_closes(date(2024, 2, 14), date(2024, 2, 16)),
    ]


@pytest.fixture
def tell() -> SimpleNamespace:
    """The signing key, and the closes of days."""
    return SimpleNamespace(key=KEY, secret=SECRET, closes=_closes)
