"""`loanbell scenario` as a person uses it: what came true, what did not, what cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from click.testing import Result
from typer.testing import CliRunner

from ledger.scenario import run_scenario, run_table, vocabulary
from streams.cli import commands
from streams.cli.scenario import scenario

GOOD = """\
2024-01-01 open L1 1200.00 EUR, method annuity, instalments 12, rate 12
2024-01-01 disburse L1 1200.00
2024-02-05 expect L1 dpd 4, arrears 106.62
"""
WRONG = GOOD.replace("dpd 4", "dpd 5")
TABLE = """\
date,fact,loan,dpd
2024-01-01,open L1 100.00 EUR,,
2024-01-02,disburse L1 100.00,L1,0
"""

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run({"a.txt": text}, "--json")` writes the files and runs them all."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(files: dict[str, str | bytes], *words: str) -> Result:
        for name, text in files.items():
            Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return CliRunner().invoke(commands(), ["scenario", *words, *files])

    return invoke


def test_diaries_that_come_true_are_counted_and_nothing_is_stored(run: Run, tmp_path: Path) -> None:
    shown = run({"a.txt": GOOD, "b.txt": GOOD, "c.csv": TABLE})
    assert (shown.exit_code, shown.output) == (0, "3 diaries, 11 checks, 0 failed\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "b.txt", "c.csv"]


def test_what_failed_is_shown_with_its_line_and_both_sides(run: Run) -> None:
    shown = run({"a.txt": GOOD, "b.txt": WRONG})
    assert shown.exit_code == 1
    assert shown.stdout == (
        "b.txt:3: 2024-02-05 expect L1 dpd 5, arrears 106.62\n"
        "    expected 5, found 4\n"
        "2 diaries, 8 checks, 1 failed\n"
    )


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a.txt": "2024-01-01 lend L1 5.00"}, "a.txt:1: 'lend' cannot happen"),
        ({"a.csv": TABLE + "2024-01-03,,L1,x\n"}, "a.csv:4: 'dpd x' has a word that is no number"),
        ({"a.txt": b"2024-01-01 \xff"}, "a.txt: byte 11 is not UTF-8"),
        ({"a.txt": "# nothing yet\n"}, "a.txt: nothing happens in it"),
    ],
)
def test_a_diary_that_cannot_be_read_is_named_and_the_others_run(
    run: Run, files: dict[str, str | bytes], said: str
) -> None:
    shown = run({**files, "z.txt": GOOD})
    assert shown.exit_code == 1
    assert said in shown.stderr
    assert "way out:" in shown.stderr
    assert shown.stdout == "1 diary, 4 checks, 0 failed, 1 not run\n"


def test_a_file_that_is_not_there_is_named(run: Run) -> None:
    shown = CliRunner().invoke(commands(), ["scenario", "none.txt"])
    assert shown.exit_code == 1
    assert "none.txt: No such file or directory." in shown.stderr


def test_machines_read_the_same(run: Run) -> None:
    shown = run({"a.txt": WRONG, "b.txt": "2024-01-01 lend L1 5.00"}, "--json")
    wrong, unreadable = orjson.loads(shown.stdout)
    assert wrong == {
        "file": "a.txt",
        "checks": 4,
        "failures": [
            {
                "line": 3,
                "text": "2024-02-05 expect L1 dpd 5, arrears 106.62",
                "expected": "5",
                "found": "4",
            }
        ],
    }
    assert unreadable["error"].startswith("b.txt:1: 'lend' cannot happen")


def test_the_words_are_printed_without_a_file(run: Run) -> None:
    shown = run({}, "--words")
    assert (shown.exit_code, shown.stdout) == (0, vocabulary.text() + "\n")


def test_the_examples_of_the_help_come_true() -> None:
    blocks = (scenario.__doc__ or "").split("```")
    diary, table = ("\n".join(line[4:] for line in block.splitlines()) for block in blocks[1::2])
    for report, checks in (
        (run_scenario(diary, name="d"), 12),
        (run_table(table[1:], name="t"), 8),
    ):
        assert report.checks == checks
        assert not report.failures, str(report)
