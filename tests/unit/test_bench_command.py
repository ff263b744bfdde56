"""The bench command: what it finds, what it prints, what it writes."""

from __future__ import annotations

import math
from pathlib import Path

import orjson
import pytest

from bench import __main__ as command
from bench import history, latency, rebuild
from bench.latency import percentile
from bench.machine import describe
from projections.views import all_views


def test_every_module_with_a_run_is_a_question_and_no_other() -> None:
    assert {"path", "latency"} <= set(command.names())
    assert not {"drive", "machine", "datasets", "__main__"} & set(command.names())


def test_the_machine_names_processor_cores_and_versions() -> None:
    machine = describe()
    assert {"processor", "cores", "memory", "python", "sqlite", "numpy"} <= machine.keys()
    assert all(machine.values())


def test_results_are_printed_and_written_with_machine_and_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "figures.json"
    assert command.main(["path", "--quick", "--seed", "3", "--json", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "whole path, one process" in printed
    written = orjson.loads(out.read_bytes())
    assert written["machine"]["seed"] == "3"
    assert written["quick"] is True
    assert {row["bench"] for row in written["results"]} == {"path"}
    assert all(row["value"] > 0 for row in written["results"])
    assert [row["measure"] for row in written["results"] if row["unit"] == "µs/message"] == [
        "part: bytes to commands",
        "part: decide and record, durable",
        "part: indicators, rules, warnings",
        "part: views and grades",
    ]


def test_the_rebuild_names_every_view_and_its_share() -> None:
    rows = rebuild.run(seed=3, quick=True)
    named = {row["measure"] for row in rows}
    assert {f"part: view {factory().name}" for factory in all_views()} < named
    assert {"part: reading facts", "part: writing rows", "dearest function"} < named
    shares = [int(row["note"].removesuffix("%")) for row in rows if row["unit"] == "µs/fact"]
    assert 90 <= sum(shares) <= 110  # each is rounded to a whole percent
    assert all(row["value"] > 0 for row in rows if row["unit"] == "facts/s")


def test_the_history_of_a_small_book_takes_a_few_bytes_a_loan_and_close() -> None:
    found = {row["measure"]: row["value"] for row in history.run(seed=3, quick=True)}
    assert 0.5 < found["packed columns alone"] < 4
    assert found["on disk"] < 1
    assert all(value > 0 for value in found.values())


def test_the_latency_tells_of_warnings_and_of_the_rows_of_views() -> None:
    rows = latency.run(seed=3, quick=True)
    told = [row["measure"] for row in rows if row["question"] == "fact's commit to view's row"]
    assert told == ["all facts, p50", "all facts, p99"]
    assert 0 < rows[-2]["value"] <= rows[-1]["value"]


def test_an_unknown_question_is_answered_with_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        command.main(["nonsense"])
    assert "latency" in capsys.readouterr().err


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(n) for n in range(1, 101)]
    assert (percentile(values, 50), percentile(values, 99)) == (50.0, 99.0)
    assert percentile([7.0], 99) == 7.0
    assert math.isnan(percentile([], 50))
