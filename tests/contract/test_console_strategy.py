"""The console's words about strategies, cases and people."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "warning" / "strategies" / "sme-collections.toml"
TESTS = ROOT / "tests" / "scenarios" / "strategies" / "sme-collections.toml"


def said(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from streams.console import main; main()", *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )


def test_the_shipped_strategy_passes_its_tests_and_tells_its_overlaps() -> None:
    checked = said("strategy", "check", str(TABLE), "--json")
    assert checked.returncode == 0, checked.stderr
    (told,) = orjson.loads(checked.stdout)
    assert told["strategy"] == "sme-collections v1"
    assert {"first": "early_bot", "second": "early"} in told["overlaps"]
    ran = said("strategy", "test", str(TESTS))
    assert (ran.returncode, ran.stdout.strip()) == (0, "12 tests, 0 failed"), ran.stdout


def test_a_test_that_is_not_met_says_what_was_found(tmp_path: Path) -> None:
    text = TESTS.read_text(encoding="utf-8").replace("../../..", str(ROOT))
    path = tmp_path / "tests.toml"
    path.write_text(text.replace('row = "court"', 'row = "demand"'), encoding="utf-8")
    ran = said("strategy", "test", str(path), "--json")
    assert ran.returncode == 1
    (failure,) = orjson.loads(ran.stdout)["failures"]
    assert (failure["what"], failure["expected"], failure["found"]) == ("row", "demand", "court")


@pytest.mark.parametrize(
    ("words", "row"),
    [
        (["dpd_days=40", "borrower_known_days=800", "times_30plus_12m=0", "times_1plus_12m=1"],
         "loyal_31_60"),
        (["dpd_days=40"], "visit_31_60"),
    ],
)  # fmt: skip
def test_a_case_is_explained_row_by_row(words: list[str], row: str) -> None:
    told = orjson.loads(said("strategy", "explain", *words, "--json").stdout)
    assert [each["row"] for each in told if each["decides"]] == [row]
    before = [each["row"] for each in told].index(row)
    assert not any(all(t["columns"].values()) and t["condition"] for t in told[:before])


def test_words_that_tell_nothing_are_refused_with_a_way_out() -> None:
    refused = said("strategy", "explain", "colour=red")
    assert refused.returncode == 1
    assert "tells nothing of a case" in refused.stderr
