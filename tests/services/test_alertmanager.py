"""Warnings as alerts of a real Alertmanager: they fire, become graver, and end."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.service

CONFIG = Path(__file__).resolve().parents[2] / "deploy" / "alertmanager" / "alertmanager.yml"
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
severity = { yellow = "always", orange = "dpd_days >= 4", red = "dpd_days >= 8" }
reason = "{dpd_days} days past due."
"""


class Alertmanager:
    """The program with the configuration that is shipped. `stop` forgets all alerts."""

    def __init__(self, program: Path, folder: Path, address: str) -> None:
        self._command = [
            program, f"--config.file={CONFIG}", f"--storage.path={folder}",
            f"--web.listen-address={address}", "--cluster.listen-address=",
        ]  # fmt: skip
        self._folder = folder
        self.client = httpx.Client(base_url=f"http://{address}", timeout=10)

    def start(self) -> None:
        with (self._folder / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        for _ in range(400):
            try:
                if self.client.get("/-/ready").status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.05)
        raise AssertionError((self._folder / "log.txt").read_text())

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def alerts(self) -> dict[tuple[str, str], dict[str, Any]]:
        """The alerts that fire, by rule and severity."""
        found = self.client.get("/api/v2/alerts").json()
        return {(a["labels"]["rule"], a["labels"]["severity"]): a for a in found}


@pytest.fixture
def alertmanager(
    binary: Callable[[str, str], Path], free_port: Callable[[], int], tmp_path: Path
) -> Iterator[Alertmanager]:
    """A running Alertmanager."""
    program = binary("prometheus-alertmanager", "prometheus-alertmanager")
    folder = tmp_path / "alertmanager"
    folder.mkdir()
    made = Alertmanager(program, folder, f"127.0.0.1:{free_port()}")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def book(
    serving: Callable[..., AbstractContextManager[Any]], alertmanager: Any, tmp_path: Path
) -> Iterator[Any]:
    """A loan of 12,000.00 CNY whose first instalment is due on 15 February."""
    (tmp_path / "rules.toml").write_text(PACK)
    receivers = tmp_path / "webhooks.toml"
    receivers.write_text(
        f'[[alertmanager]]\nname = "oncall"\nurl = "{alertmanager.client.base_url}"\n'
        'start = "beginning"\npage = "https://loanbell.bank.example"\nfirst_pause_seconds = 0.1\n'
    )
    common = {"value_date": "2024-01-15", "loan_id": "L-secret-1", "currency": "CNY"}
    loan = {
        **common, "type": "loan_opened", "transaction_id": "open-1",
        "sent_at": "2024-01-15T08:00:00Z", "borrower_id": "B-secret-1",
        "product": "working_capital", "principal": "12000.00",
        "terms": {"method": "annuity", "instalments": 12, "rate_percent": "9.4822"},
        "officer_id": "O-secret-1", "branch": "north",
    }  # fmt: skip
    paid = {**common, "type": "loan_disbursed", "transaction_id": "out-1", "amount": "12000.00"}
    with serving(
        tmp_path / "data", calendar="weekends", weekmask="1111111",
        pack=str(tmp_path / "rules.toml"), webhooks=receivers,
    ) as served:  # fmt: skip
        send(served, [loan, {**paid, "sent_at": "2024-01-15T08:00:01Z"}])
        yield served


def send(served: Any, messages: list[dict[str, Any]]) -> None:
    answer = served.client.post("/v1/transactions", json=messages)
    assert answer.status_code == 200, answer.text
    served.settled()


def close(served: Any, first: date, last: date) -> None:
    days = [first + timedelta(n) for n in range((last - first).days + 1)]
    closes = [
        {
            "type": "business_day_closed", "transaction_id": f"close-{day}",
            "value_date": str(day), "sent_at": f"{day + timedelta(1)}T00:00:00Z",
        }
        for day in days
    ]  # fmt: skip
    send(served, closes)


def wait_for(true: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def delivered(served: Any) -> None:
    """Until nothing waits for the receiver."""
    wait_for(lambda: served.client.get("/v1/webhooks").json()["receivers"][0]["behind_facts"] == 0)


def test_a_warning_fires_becomes_graver_outlives_a_restart_and_ends(
    alertmanager: Alertmanager, book: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    close(book, date(2024, 2, 14), date(2024, 2, 18))  # 3 days past due: yellow, not for oncall
    delivered(book)
    assert alertmanager.alerts() == {}
    close(book, date(2024, 2, 19), date(2024, 2, 19))  # 4 days: orange
    wait_for(lambda: list(alertmanager.alerts()) == [("late", "orange")])
    alert = alertmanager.alerts()["late", "orange"]
    (warning,) = book.client.get("/v1/warnings").json()["warnings"]
    assert alert["labels"] == {
        "alertname": "LoanBellWarning", "rule": "late", "severity": "orange",
        "warning_id": warning["warning_id"],
    }  # fmt: skip
    assert alert["startsAt"].startswith("2024-02-17")  # the close of the 16th raised it
    assert alert["generatorURL"].endswith(f"/v1/warnings/{warning['warning_id']}")
    assert alert["annotations"] == {"summary": "orange warning by rule late"}
    assert alert["receivers"] == [{"name": "nobody"}]
    assert "secret" not in alertmanager.client.get("/api/v2/alerts").text
    close(book, date(2024, 2, 20), date(2024, 2, 23))  # 8 days: red, and orange no more
    wait_for(lambda: list(alertmanager.alerts()) == [("late", "red")])
    alertmanager.stop()
    alertmanager.start()
    assert alertmanager.alerts() == {}  # It keeps alerts in memory only.
    book.node.deliveries.each["oncall"]._again_at = 0.0  # a minute later
    wait_for(lambda: list(alertmanager.alerts()) == [("late", "red")])
    # All that is owed is paid: the warning resolves within the next days.
    common = {"loan_id": "L-secret-1", "currency": "CNY", "value_date": "2024-02-24"}
    send(
        book,
        [{**common, "type": "repayment_received", "transaction_id": "paid-1",
          "sent_at": "2024-02-24T08:00:00Z", "amount": "1100.00"}],
    )  # fmt: skip
    close(book, date(2024, 2, 24), date(2024, 3, 3))
    assert book.client.get("/v1/warnings?state=open").json()["warnings"] == []
    wait_for(lambda: alertmanager.alerts() == {})
    delivered(book)
