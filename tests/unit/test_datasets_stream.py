"""A set streamed through a node: the figures that the table shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from bench.datasets.__main__ import main, stream, table


@pytest.fixture(autouse=True)
def without_the_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOANBELL_DATASETS", str(tmp_path / "nowhere"))


def test_a_stand_in_goes_through_the_node_and_every_row_is_accounted_for() -> None:
    console = Console(record=True, width=160, file=None)
    row = stream("superlender", seed=3, console=console)
    assert "not on this machine" in console.export_text()
    assert row["stand_in"]
    assert row["refused"] == {}
    assert row["outcomes"] == {"accepted": row["messages"]}
    assert sum(row["rows_without_message"].values()) < row["rows"] < row["messages"]
    assert sum(row["grades"].values()) <= row["loans"]
    console.print(table([row]))
    assert "superlender (stand-in)" in console.export_text()


def test_an_unknown_set_is_answered_with_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["nonsense"])
    assert "cumcm_sme" in capsys.readouterr().err
