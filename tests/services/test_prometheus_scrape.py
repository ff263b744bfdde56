"""A real Prometheus scrapes a real node, keeps our rules, and answers PromQL over its HTTP API."""

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
DEPLOY = Path(__file__).resolve().parents[2] / "deploy" / "prometheus"
SOON_SECONDS = 40.0


@pytest.fixture(scope="module")
def book(
    serving: Callable[..., AbstractContextManager[Any]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """A node whose one borrower missed two instalments, with a refused message besides."""
    with serving(tmp_path_factory.mktemp("book"), calendar="weekends") as served:
        common = {"value_date": "2024-01-15", "loan_id": "L-secret-1", "currency": "CNY"}
        loan = {
            **common,
            "type": "loan_opened",
            "transaction_id": "open-1",
            "sent_at": "2024-01-15T08:00:00Z",
            "borrower_id": "B-secret-1",
            "product": "working_capital",
            "principal": "12000.00",
            "terms": {"method": "annuity", "instalments": 12, "rate_percent": "9.4822"},
            "officer_id": "O-secret-1",
            "branch": "north",
        }
        paid = {
            **common,
            "type": "loan_disbursed",
            "transaction_id": "pay-out-1",
            "sent_at": "2024-01-15T08:00:01Z",
            "amount": "12000.00",
        }
        served.client.post("/v1/transactions", json=[loan, paid, {"type": "nonsense"}])
        for day in (date(2024, 2, 12) + timedelta(n) for n in range(38)):
            if day.weekday() < 5:
                close = {
                    "type": "business_day_closed",
                    "transaction_id": f"close-{day}",
                    "value_date": str(day),
                    "sent_at": f"{day + timedelta(1)}T00:00:00Z",
                }
                assert served.client.post("/v1/transactions", json=close).status_code == 200
        served.settled()
        yield served


def test_promtool_finds_nothing_to_say_about_our_metrics(
    binary: Callable[[str, str], Path], book: Any
) -> None:
    promtool = binary("promtool", "prometheus")
    text = book.client.get("/metrics").text
    ours = "".join(f"{line}\n" for line in text.splitlines() if "process_" not in line)
    done = subprocess.run(
        [promtool, "check", "metrics"], input=ours.encode(), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_no_borrower_loan_or_officer_is_told_to_prometheus(book: Any) -> None:
    book.client.get("/v1/loans/L-secret-1")
    book.client.get("/v1/loans/L-secret-2")
    assert "secret" not in book.client.get("/metrics").text
    assert 'route="/v1/loans/{loan_id}"' in book.client.get("/metrics").text


@pytest.fixture(scope="module")
def prometheus(
    binary: Callable[[str, str], Path],
    free_port: Callable[[], int],
    book: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[httpx.Client]:
    """Prometheus with our own configuration, but for the target's port and a quicker pace."""
    folder = tmp_path_factory.mktemp("prometheus")
    shipped = (DEPLOY / "prometheus.yml").read_text(encoding="utf-8")
    config = folder / "prometheus.yml"
    target = book.url.removeprefix("http://")
    config.write_text(
        shipped.replace("127.0.0.1:8321", target)
        .replace("15s", "1s")
        .replace("rules/*.yml", f"{DEPLOY}/rules/*.yml"),
        encoding="utf-8",
    )
    address = f"127.0.0.1:{free_port()}"
    program = binary("prometheus", "prometheus")
    log = folder / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=output,
            stderr=output,
        )
        try:
            with httpx.Client(base_url=f"http://{address}", timeout=5) as client:
                wait_for(lambda: ready(client), log)
                yield client
        finally:
            process.terminate()
            process.wait(timeout=20)


def ready(client: httpx.Client) -> bool:
    try:
        return client.get("/-/ready").status_code == 200
    except httpx.TransportError:
        return False


def wait_for(happened: Callable[[], Any], log: Path | None = None) -> Any:
    """What `happened` gives once it gives something."""
    deadline = time.monotonic() + SOON_SECONDS
    while not (found := happened()):
        said = log.read_text(encoding="utf-8") if log is not None else ""
        assert time.monotonic() < deadline, f"not within {SOON_SECONDS} s. {said}"
        time.sleep(0.1)
    return found


def ask(client: httpx.Client, query: str) -> list[tuple[dict[str, str], float]]:
    """The labels and values of an instant query."""
    answer = client.get("/api/v1/query", params={"query": query}).json()
    assert answer["status"] == "success", answer
    return [(row["metric"], float(row["value"][1])) for row in answer["data"]["result"]]


def test_a_real_prometheus_scrapes_a_node_and_answers_about_the_book(
    prometheus: httpx.Client, book: Any
) -> None:
    up = wait_for(lambda: [value for _, value in ask(prometheus, 'up{job="loanbell"} == 1')])
    assert up == [1.0]

    def one(query: str) -> float:
        rows = wait_for(lambda: ask(prometheus, query))
        assert len(rows) == 1, rows
        return float(rows[0][1])

    balance = book.client.get("/v1/loans/L-secret-1").json()["balance"]
    assert one("loanbell_portfolio_gross_minor") == balance["outstanding_minor"]
    assert one('loanbell_portfolio_at_risk_minor{over_days="30"}') == balance["outstanding_minor"]
    assert one('sum(loanbell_transactions_total{outcome="refused"})') == 1
    assert one("loanbell_business_date_timestamp_seconds") == 1_710_892_800  # 2024-03-20
    assert one('sum(loanbell_lag_positions{agent="watch"})') == 0
    assert one("loanbell_ready") == 1
    raised = book.client.get("/v1/warnings").json()["warnings"]
    assert one('sum(loanbell_warnings_total{transition="raised"})') == len(raised) > 0
    assert ask(prometheus, 'loanbell_warnings_total{transition="rulesadopted"}') == []
    assert one("loanbell_day_close_seconds_count") == 28
    assert one("sum(loanbell_graded_loans)") == 1
    story = book.client.get("/v1/loans/L-secret-1/story").json()["lines"]
    grades = [line for line in story if line["kind"] == "grade"]
    assert one("sum(loanbell_grade_changes_total)") == len(grades) > 1


def test_the_shipped_rules_run_on_real_samples(prometheus: httpx.Client) -> None:
    ratio = 'currency_days:loanbell_portfolio_at_risk:ratio{over_days="30"}'
    rows = wait_for(lambda: ask(prometheus, ratio))
    assert [value for _, value in rows] == [1.0]
    groups = wait_for(
        lambda: [
            group
            for group in prometheus.get("/api/v1/rules").json()["data"]["groups"]
            if all(rule["health"] == "ok" for rule in group["rules"])
        ]
    )
    assert {group["name"] for group in groups} >= {"loanbell-recording", "loanbell-book"}
    # The book was last closed in March 2024: the alert about a late business day is right.
    late = wait_for(lambda: ask(prometheus, 'ALERTS{alertname="LoanBellBusinessDayLate"}'))
    assert late[0][0]["alertstate"] == "firing"
