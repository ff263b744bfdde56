"""promtool, as an operator would run it: configuration, rules, their tests, and our metrics."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from faust.sensors.prometheus import FaustMetrics

from streams.metrics import Metrics

pytestmark = pytest.mark.service
DEPLOY = Path(__file__).resolve().parents[2] / "deploy" / "prometheus"


@pytest.fixture
def promtool(binary: Callable[[str, str], Path]) -> Callable[..., str]:
    """Run promtool; its output, or a failure that shows it."""
    program = binary("promtool", "prometheus")

    def run(*arguments: str, given: bytes = b"") -> str:
        done = subprocess.run(
            [program, *arguments], input=given, capture_output=True, timeout=120, check=False
        )
        output = (done.stdout + done.stderr).decode()
        assert done.returncode == 0, output
        return output

    return run


def test_the_configuration_and_every_rule_file_are_valid(promtool: Callable[..., str]) -> None:
    rules = sorted(map(str, (DEPLOY / "rules").glob("*.yml")))
    assert len(rules) == 4
    assert "4 rule files found" in promtool("check", "config", str(DEPLOY / "prometheus.yml"))
    scraped = promtool("check", "config", "--syntax-only", str(DEPLOY / "compose.yml"))
    assert "SUCCESS" in scraped
    promtool("check", "rules", *rules)


def alert_names() -> list[str]:
    """Of all rule files, in their order."""
    files = (DEPLOY / "rules" / name for name in ("alerts.yml", "workers.yml", "webhooks.yml"))
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return [line.split()[-1] for line in lines if "- alert:" in line]


def test_every_alert_has_its_place_in_the_runbook() -> None:
    runbook = (DEPLOY.parent / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^### (\w+)$", runbook, re.MULTILINE) == alert_names()


def test_the_dashboard_asks_for_metrics_that_exist() -> None:
    metrics = Metrics(version="1")
    FaustMetrics.create(metrics.beside(), "faust")  # as in a worker
    told = metrics.exposition()[0].decode()
    known = set(re.findall(r"^# TYPE (\w+)", told, re.MULTILINE))
    assert {name.partition("_")[0] for name in known} == {"loanbell", "faust", "process"}
    board = json.loads((DEPLOY.parent / "grafana" / "loanbell.json").read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    names = {name for expr in asked for name in re.findall(r"(?:loanbell|faust)_\w+", expr)}
    assert len(asked) > 10
    assert {re.sub("_bucket$", "", name) for name in names} <= known


def test_every_alert_fires_when_it_should_and_not_before(promtool: Callable[..., str]) -> None:
    names = alert_names()
    tests = sorted((DEPLOY / "tests").glob("*.yml"))
    spoken = "".join(path.read_text(encoding="utf-8") for path in tests)
    assert len(names) == 22
    assert not [name for name in names if f"alertname: {name}" not in spoken]
    assert promtool("test", "rules", *map(str, tests)).count("SUCCESS") == len(tests)
