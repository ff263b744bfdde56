"""By the log: from a request to its transactions, their facts, and the warnings of these."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from streams.logs import JsonLines, TextLines, set_up
from streams.settings import Settings

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PACK = """
name = "one-rule"
version = 1
title = "One rule"
language = "en"

[[rule]]
name = "bounced"
title = "Bounced"
source = "this test"
mark = "unverified"
when = "bounced_debits_30d >= 1"
severity = "orange"
reason = "{bounced_debits_30d} debits returned."
"""


@pytest.fixture
def lines() -> Iterator[Callable[[], list[Any]]]:
    """Set the process's log up as `serve` does; then read its JSON lines."""
    root, ours, said = logging.getLogger(), logging.getLogger("loanbell"), io.StringIO()
    handlers, level = root.handlers[:], ours.level
    set_up(Settings(log_format="json", log_level="debug"), said)
    yield lambda: [json.loads(line) for line in said.getvalue().splitlines()]
    root.handlers[:] = handlers
    ours.setLevel(level)


def test_a_warning_leads_back_to_the_transaction_and_the_request_that_caused_it(
    serving: Callable[..., AbstractContextManager[Any]], lines: Any, tmp_path: Path
) -> None:
    (tmp_path / "rules.toml").write_text(PACK)
    common = {"currency": "CNY", "sent_at": "2024-03-29T08:00:00Z", "value_date": "2024-03-29"}
    loan = {
        **common, "type": "loan_opened", "transaction_id": "open-1", "loan_id": "L1",
        "borrower_id": "B1", "account_id": "A1", "product": "working_capital",
        "principal": "12000.00", "officer_id": "O1", "branch": "north",
        "terms": {"method": "annuity", "instalments": 12, "rate_percent": "9.4822"},
    }  # fmt: skip
    account = {
        **common, "type": "account_opened", "transaction_id": "open-2", "account_id": "A1",
        "borrower_id": "B1", "opening_balance": "1.00",
    }  # fmt: skip
    paid = {**common, "type": "loan_disbursed", "transaction_id": "out-1", "loan_id": "L1",
            "amount": "12000.00"}  # fmt: skip
    bounced = {
        **common, "type": "account_debit_returned", "transaction_id": "bounce-1",
        "account_id": "A1", "amount": "50.00",
    }  # fmt: skip
    close = {"type": "business_day_closed", "transaction_id": "c1", "value_date": "2024-03-29",
             "sent_at": "2024-03-29T23:59:00Z"}  # fmt: skip
    pack = str(tmp_path / "rules.toml")
    with serving(tmp_path / "data", calendar="weekends", pack=pack) as served:
        served.client.post("/v1/transactions", json=[account, loan, paid])
        answer = served.client.post(
            "/v1/transactions",
            json=[bounced],
            headers={"X-Request-ID": "core-42", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"},
        )
        assert answer.status_code == 200, answer.text
        served.client.post("/v1/transactions", json=close)
        served.settled()
        said = lines()
        (rung,) = [line for line in said if line["message"] == "raised"]
        (found,) = [line for line in said if line.get("transaction_id") == "bounce-1"]
        assert found["event_id"] in rung["cause_event_ids"]
        assert found["source"] == "http:core-42"
        (request,) = [line for line in said if line.get("request_id") == "core-42"]
        assert (request["trace_id"], request["accepted"]) == (TRACE, 1)
        assert {line["level"] for line in said} <= {"debug", "info"}
        # The same over HTTP, for whoever has only the transaction's id.
        traced = served.client.get("/v1/transactions/bounce-1").json()
        assert traced["event_id"] == found["event_id"]
        assert [w["warning_id"] for w in traced["warnings"]] == [rung["warning_id"]]
        assert served.client.get("/v1/transactions/open-1").json()["warnings"] == []
        assert served.client.get("/v1/transactions/never").status_code == 404


def test_a_trace_that_is_none_is_not_carried(
    serving: Callable[..., AbstractContextManager[Any]], lines: Any, tmp_path: Path
) -> None:
    with serving(tmp_path / "data") as served:
        for trace in ("00-zz", f"00-{'0' * 32}-00f067aa0ba902b7-01", "x" * 300):
            headers = {"X-Request-ID": "one", "traceparent": trace}
            served.client.post("/v1/transactions", json={"type": "nothing"}, headers=headers)
    told = [line for line in lines() if line.get("request_id") == "one"]
    assert len(told) == 3
    assert not any("trace_id" in line for line in told)


def test_a_line_for_people_has_the_ids_behind_it() -> None:
    record = logging.makeLogRecord(
        {"msg": "said %d", "args": (3,), "levelname": "INFO", "name": "n", "loan_id": "L1"}
    )
    assert TextLines().format(record).endswith(" INFO n said 3 loan_id=L1")
    assert json.loads(JsonLines().format(record))["loan_id"] == "L1"
