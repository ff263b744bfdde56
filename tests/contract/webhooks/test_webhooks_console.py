"""`loanbell webhooks`, as an operator types it, beside a running book."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from typer.testing import CliRunner

from ledger.errors import LoanError
from streams.cli import commands

Say = Callable[..., tuple[int, str]]


@pytest.fixture
def loanbell(tmp_path: Path) -> Say:
    """Run a command over this test's folder; its exit code and what it said."""
    variables = {
        "LOANBELL_DATA": str(tmp_path / "data"),
        "LOANBELL_WEBHOOKS": str(tmp_path / "webhooks.toml"),
        "COLUMNS": "200",
    }

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(commands(["webhooks"]), ["webhooks", *words], env=variables)
        if isinstance(done.exception, LoanError):
            return 1, str(done.exception)
        return done.exit_code, done.output

    return run


def test_an_operator_tests_lists_and_resumes_a_receiver(
    serving: Callable[..., AbstractContextManager[Any]],
    loanbell: Say, receiver: Any, told: Any, late: Any, pack: str, tmp_path: Path,
) -> None:  # fmt: skip
    file = told(receiver.url, attempts=2)
    code, said = loanbell("test", "cases")
    assert code == 0
    assert said.startswith("cases answered 204 in ")
    (event,) = receiver.events()
    assert (event["type"], event["data"]) == ("receiver.tested.v1", {"receiver": "cases"})
    receiver.moods += [401, 500, 500]
    assert "cases answered 401" in loanbell("test", "cases")[1]
    assert loanbell("test", "other") == (1, "There is no receiver other. Known: cases.")
    node = serving(tmp_path / "data", calendar="weekends", pack=pack, webhooks=file)
    with node as served:
        served.client.post("/v1/transactions", json=late(2))
        served.settled()
        for _ in range(200):
            code, said = loanbell("list", "--json")
            (one,) = orjson.loads(said)
            if one["parked"]:
                break
            time.sleep(0.05)
        assert one == {
            "receiver": "cases",
            "kind": "webhook",
            "place": receiver.url.partition("/hook")[0],
            "feed": "warnings",
            "behind_facts": 3,  # the rules that were adopted, and two warnings
            "parked": [0],
            "begun": True,
            "failures": 0,
            "last_error": "",
        }
        code, said = loanbell("list")
        assert "parked in partition 0" in said
        assert "T-secret-url" not in said
        assert loanbell("resume", "cases", "--at", served.url) == (0, "cases is resumed\n")
        receiver.wait(1 + 3)
        code, said = loanbell("resume", "other", "--at", served.url)
        assert (code, said.partition(".")[0]) == (1, "There is no receiver other there")
    assert "parked" not in loanbell("list")[1]
    assert "does not answer there" in loanbell("resume", "cases", "--at", served.url)[1]
    with pytest.raises(httpx.ConnectError):
        httpx.get(served.url)
