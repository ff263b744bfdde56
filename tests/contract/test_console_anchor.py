"""`loanbell anchor` and `check` with anchors and checkpoints, as an auditor uses them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from click.testing import Result
from typer.testing import CliRunner

from streams.cli import commands

MESSAGE = (
    '{"type":"account_opened","transaction_id":"T%s","value_date":"2024-01-02","account_id":"A%s",'
    '"borrower_id":"B1","currency":"CNY","opening_balance":"10.00",'
    '"sent_at":"2024-01-03T08:00:00Z"}'
)

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("check", "--chains-only")` in a folder whose book has three accounts."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(commands(), list(words))

    imported(invoke, 1, 2, 3)
    return invoke


def imported(run: Run, *numbers: int) -> None:
    name = f"{numbers[0]}.jsonl"
    Path(name).write_text("\n".join(MESSAGE % (number, number) for number in numbers))
    assert run("import", name).exit_code == 0


def changed(sql: str) -> None:
    connection = sqlite3.connect("loanbell-data/ledger.db", isolation_level=None)
    assert connection.execute(sql).rowcount == 1
    connection.close()


def test_an_anchor_is_two_short_lines_and_a_remark(run: Run) -> None:
    shown = run("anchor").stdout
    remark, ledger, warnings = shown.splitlines()
    assert remark.startswith("# LoanBell anchor, version 1")
    assert ledger.startswith("ledger 3 ")
    assert ledger.endswith(" 2024-01-03")
    assert warnings.startswith("warnings ")
    assert run("anchor", "--out", "kept").exit_code == 0
    assert Path("kept").read_text() == shown


def test_a_kept_anchor_is_proved_and_a_rewritten_history_is_not(run: Run) -> None:
    run("anchor", "--out", "kept")
    imported(run, 4)
    sound = run("check", "--chains-only", "--anchor", "kept")
    assert sound.exit_code == 0, sound.stdout
    assert "holds  anchor ledger 3 " in sound.stdout
    Path("kept").write_text(Path("kept").read_text().replace("ledger 3 ", "ledger 4 "))
    wrong = run("check", "--chains-only", "--anchor", "kept")
    assert wrong.exit_code == 1
    assert "BROKEN anchor ledger 4 " in wrong.stdout
    assert "way out:" in wrong.stdout
    document = orjson.loads(run("check", "--chains-only", "--anchor", "kept", "--json").stdout)
    assert [bool(one["fault"]) for one in document["anchors"]] == [True, False]


def test_a_check_resumes_where_the_one_before_ended(run: Run) -> None:
    assert "ledger: 3 facts" in run("check", "--chains-only", "--out", "last").stdout
    imported(run, 4, 5)
    resumed = run("check", "--chains-only", "--since", "last", "--out", "last")
    assert resumed.exit_code == 0
    assert "ledger: 2 facts" in resumed.stdout
    assert Path("last").read_text() == run("anchor").stdout
    changed("UPDATE ledger_facts SET topic = 'x.v1' WHERE position = 2")
    assert run("check", "--chains-only", "--since", "last").exit_code == 0
    assert run("check", "--chains-only").exit_code == 1


def test_a_checkpoint_is_not_moved_past_a_fault(run: Run) -> None:
    run("check", "--chains-only", "--out", "last")
    before = Path("last").read_bytes()
    imported(run, 4, 5)
    changed("UPDATE ledger_facts SET originator_version = 7 WHERE position = 5")
    broken = run("check", "--chains-only", "--since", "last", "--out", "last")
    assert broken.exit_code == 1
    assert "position 5" in broken.stdout
    assert Path("last").read_bytes() == before


def test_books_and_views_are_checked_unless_left_out(run: Run) -> None:
    assert run("check").stdout.count("holds") == 4
    assert run("check", "--chains-only").stdout.count("holds") == 2


@pytest.mark.parametrize("option", ["--since", "--anchor"])
def test_a_file_that_is_no_anchor_is_refused(run: Run, option: str) -> None:
    Path("none").write_text("hello\n")
    for name in ("none", "absent"):
        refused = run("check", option, name)
        assert refused.exit_code == 1
        assert type(refused.exception).__name__ == "AnchorUnreadable"
        assert name in str(refused.exception)
