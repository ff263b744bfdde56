"""A real Prometheus scrapes a real worker: its own metrics, Faust's beside them, and our rules."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = [pytest.mark.service, pytest.mark.slow]
DEPLOY = Path(__file__).resolve().parents[2] / "deploy" / "prometheus"
SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


def ask(client: httpx.Client, query: str) -> list[float]:
    found = client.get(
        "/api/v1/query", params={"query": query}
    ).raise_for_status()  # 503: it starts
    answer = found.json()
    assert answer["status"] == "success", answer
    return sorted(float(row["value"][1]) for row in answer["data"]["result"])


def wait_for(client: httpx.Client, query: str, wanted: list[float]) -> None:
    deadline = time.monotonic() + 40
    found: list[float] = []
    while time.monotonic() < deadline:
        try:
            found = ask(client, query)
        except httpx.HTTPError:
            found = []
        if found == wanted:
            return
        time.sleep(0.3)
    raise AssertionError(f"{query}: {found}, not {wanted}")


def test_prometheus_sees_partitions_receivers_and_faust(
    scale: Callable[..., Any], portfolio_messages: list[bytes], receiver: Any,
    binary: Callable[[str, str], Path], free_port: Callable[[], int], tmp_path: Path,
) -> None:  # fmt: skip
    (tmp_path / "s").write_text(SECRET)
    (tmp_path / "webhooks.toml").write_text(
        f'[[webhook]]\nname = "cases"\nurl = "{receiver.url}"\nsecret_file = "s"\n'
        'start = "beginning"\nattempts = 1\n'
    )
    receiver.moods.append(410)  # gone: parked at once
    scaled = scale(partitions=1)
    worker = scaled.joined(scaled.start(webhooks=str(tmp_path / "webhooks.toml")))
    scaled.send(portfolio_messages)
    scaled.wait()
    config = tmp_path / "prometheus.yml"
    config.write_text(
        (DEPLOY / "prometheus.yml").read_text(encoding="utf-8")
        .replace("127.0.0.1:8321", worker.removeprefix("http://"))
        .replace("15s", "1s")
        .replace("rules/*.yml", f"{DEPLOY}/rules/*.yml"),
        encoding="utf-8",
    )  # fmt: skip
    address = f"127.0.0.1:{free_port()}"
    program = binary("prometheus", "prometheus")
    with (tmp_path / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [program, f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}",
             f"--web.listen-address={address}"], stdout=log, stderr=log,
        )  # fmt: skip
    try:
        with httpx.Client(base_url=f"http://{address}", timeout=10) as client:
            wait_for(client, 'up{job="loanbell"}', [1])
            wait_for(client, 'loanbell_partition_up{partition="0"}', [1])
            wait_for(client, "loanbell_partition_waiting_messages", [0])
            wait_for(client, "loanbell_partition_unpublished_facts", [0])
            deliveries = len(scaled.read("loanbell.transactions.v1"))
            wait_for(client, "faust_messages_received_total", [deliveries])
            rung = len(scaled.read("loanbell.warnings.v1"))
            wait_for(client, "receiver:loanbell_webhook_behind_facts:sum", [rung])
            wait_for(client, 'loanbell_webhook_parked{receiver="cases"}', [1])
            wait_for(client, 'count(ALERTS{alertname="LoanBellReceiverParked"})', [1])
            groups = client.get("/api/v1/rules").json()["data"]["groups"]
            assert {group["name"] for group in groups} >= {"loanbell-workers", "loanbell-webhooks"}
            broken = [
                rule for group in groups for rule in group["rules"] if rule["health"] == "err"
            ]
            assert broken == []
    finally:
        process.kill()
        process.wait()
    scaled.stop()
