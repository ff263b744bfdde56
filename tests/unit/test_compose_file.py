"""compose.yaml starts what is there: commands, settings, files and addresses that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command
from typer.testing import CliRunner

from streams.cli import commands
from streams.receivers import receivers_in
from streams.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
OURS = ("topics", "migrate", "worker", "api")


@pytest.fixture(scope="module")
def compose() -> Any:
    """The file, its anchors and merges resolved."""
    return yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))


def test_every_service_has_an_image_or_is_built_and_waits_for_what_exists(compose: Any) -> None:
    services = compose["services"]
    assert set(services) == {
        *OURS, "kafka", "postgres", "prometheus", "alertmanager", "grafana",
    }  # fmt: skip
    for name, service in services.items():
        assert ("image" in service) != ("build" in service), name
        for other, condition in service.get("depends_on", {}).items():
            wanted = condition["condition"]
            assert wanted in ("service_healthy", "service_completed_successfully")
            assert other in services
            assert wanted != "service_healthy" or "healthcheck" in services[other]
        for secret in service.get("secrets", []):
            assert secret in compose["secrets"]
        assert ":latest" not in service.get("image", ":latest" if "image" in service else "")
    assert (ROOT / services["api"]["build"]["dockerfile"]).is_file()


def test_every_command_and_its_options_are_ours(compose: Any) -> None:
    known = get_command(commands())
    for name in OURS:
        words = compose["services"][name]["command"]
        done = CliRunner().invoke(commands(), [*(w for w in words if w[0] != "-" and not w.isdigit()
                                                ), "--help"])  # fmt: skip
        assert done.exit_code == 0, done.output
        command: Any = known
        for word in words:
            if hasattr(command, "commands") and word in command.commands:
                command = command.commands[word]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options


def test_every_variable_is_a_setting_that_is_taken(compose: Any) -> None:
    for name in OURS:
        given = compose["services"][name]["environment"]
        assert all(variable.startswith("LOANBELL_") for variable in given)
        settings = Settings.load(environ={k: str(v) for k, v in given.items()})
        assert settings.broker == "kafka://kafka:9092"
        password = settings.database_password_file
        assert password is not None
        assert password.name in compose["services"][name]["secrets"]
        assert settings.log_format == "json"
    # A secret stands in a variable of the caller, never in the file.
    assert compose["secrets"] == {
        "database_password": {"environment": "LOANBELL_DATABASE_PASSWORD"}
    }


def test_every_file_that_is_mounted_is_there_and_named_where_it_is_mounted(compose: Any) -> None:
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source, target, *mode = volume.split(":")
            if source.startswith("./") and source != "./data":
                assert (ROOT / source).exists(), source
                assert mode == ["ro"]
            elif not source.startswith("./"):
                assert source in compose["volumes"]
            assert target.startswith("/")
    mounted = [v.split(":")[1] for v in compose["services"]["worker"]["volumes"]]
    assert compose["services"]["worker"]["environment"]["LOANBELL_WEBHOOKS"] in mounted
    (oncall,) = receivers_in(ROOT / "deploy" / "webhooks.toml", {})
    host = re.fullmatch(r"http://(\w+):9093", oncall.url)
    assert host is not None
    assert host[1] in compose["services"]


def test_prometheus_scrapes_and_alerts_services_of_the_file(compose: Any) -> None:
    told = yaml.safe_load((ROOT / "deploy/prometheus/compose.yml").read_text(encoding="utf-8"))
    (job,) = told["scrape_configs"]
    (discovery,) = job["dns_sd_configs"]
    assert set(discovery["names"]) <= set(compose["services"])
    assert discovery["port"] == Settings().port
    (target,) = told["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    assert target.partition(":")[0] in compose["services"]


def test_nothing_is_open_to_other_machines(compose: Any) -> None:
    ports = [p for service in compose["services"].values() for p in service.get("ports", [])]
    assert len(ports) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)
