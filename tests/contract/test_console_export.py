"""`loanbell export` as a person uses it: to a file, to a pipe, of a period, in wrong words."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from streams.cli import commands

MESSAGES = """\
{"type":"account_opened","transaction_id":"T1","value_date":"2024-01-02","account_id":"A1",\
"borrower_id":"B1","currency":"CNY","opening_balance":"10.00","sent_at":"2024-01-02T08:00:00Z"}
{"type":"account_credited","transaction_id":"T2","value_date":"2024-02-02","account_id":"A1",\
"currency":"CNY","amount":"2.50","flow":"trade","sent_at":"2024-02-02T08:00:00Z"}
{"type":"account_opened","transaction_id":"T3","value_date":"2024-02-03","account_id":"A2",\
"borrower_id":"B1","currency":"JPY","opening_balance":"7","sent_at":"2024-02-03T08:00:00Z"}
"""
FEBRUARY = [
    "2024-01-31 * Opening balances",
    "equity:opening_balances 10.00 CNY",
    "liabilities:deposits -10.00 CNY",
    "",
    "2024-02-02 * (account:A1@2) Account credited: trade ; account:A1, transaction:T2, "
    "recorded:2024-02-02",
    "assets:clearing 2.50 CNY",
    "liabilities:deposits -2.50 CNY",
]

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("--format", "hledger")` in a folder with a book of two accounts."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    Path("in.jsonl").write_text(MESSAGES)
    assert CliRunner().invoke(commands(), ["import", "in.jsonl"]).exit_code == 0
    return lambda *words: CliRunner().invoke(commands(), ["export", *words])


def test_a_period_goes_to_standard_output_and_the_summary_does_not(run: Run) -> None:
    words = ("--format", "hledger", "--from", "2024-02-01", "--to", "2024-02-29")
    shown = run(*words, "--currency", "CNY")
    assert shown.exit_code == 0
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert lines[lines.index(FEBRUARY[0]) :][: len(FEBRUARY)] == FEBRUARY
    assert "JPY" not in shown.stdout
    assert "1 transactions from 2024-02-01 to 2024-02-29 in CNY" in shown.stderr
    assert "transactions from" not in shown.stdout


def test_a_file_holds_the_same_bytes_each_time_packed_or_not(run: Run) -> None:
    plain = run("--format", "beancount").stdout
    for _ in range(2):
        assert run("--format", "beancount", "--out", "books.beancount").exit_code == 0
        assert Path("books.beancount").read_text() == plain
    run("--format", "beancount", "--out", "books.gz")
    assert gzip.decompress(Path("books.gz").read_bytes()).decode() == plain
    assert sorted(path.name for path in Path().iterdir()) == [
        "books.beancount", "books.gz", "in.jsonl", "loanbell-data"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "2024-03-01", "--to", "2024-02-01"), "ends before it begins"),
        (("--currency", "XXX"), "Unknown currency 'XXX'"),
        (("--to", "1980-01-01"), "outside the calendar"),
        (("--out", "in.jsonl/x"), "cannot be written"),
        (("--data", "nowhere"), "There is no ledger"),
    ],
)
def test_what_cannot_be_exported_is_refused_with_a_way_out(
    run: Run, words: tuple[str, ...], said: str
) -> None:
    refused = run("--format", "hledger", *words)
    assert refused.exit_code == 1
    assert said in str(refused.exception)
    assert getattr(refused.exception, "way_out", "")
    assert "*" not in refused.stdout


def test_a_currency_without_postings_is_an_empty_book(run: Run) -> None:
    shown = run("--format", "hledger", "--currency", "EUR")
    assert shown.exit_code == 0
    assert "the file has no transactions" in shown.stderr
