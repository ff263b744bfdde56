"""promtool, as an operator would run it: configuration, rules, their tests, and our metrics."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

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
    assert len(rules) == 2
    assert "2 rule files found" in promtool("check", "config", str(DEPLOY / "prometheus.yml"))
    promtool("check", "rules", *rules)


def test_every_alert_fires_when_it_should_and_not_before(promtool: Callable[..., str]) -> None:
    alerts = (DEPLOY / "rules" / "alerts.yml").read_text(encoding="utf-8")
    names = [line.split()[-1] for line in alerts.splitlines() if "- alert:" in line]
    tests = sorted((DEPLOY / "tests").glob("*.yml"))
    spoken = "".join(path.read_text(encoding="utf-8") for path in tests)
    assert len(names) == 13
    assert not [name for name in names if f"alertname: {name}" not in spoken]
    assert promtool("test", "rules", *map(str, tests)).count("SUCCESS") == len(tests)
