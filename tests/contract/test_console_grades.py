"""`loanbell regimes` and `loanbell grade`: what a person reads, and exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from projections.regime_file import FOLDER, shipped
from streams.cli import commands

ROOT = Path(__file__).resolve().parents[2]


def run(*words: str | Path) -> Any:
    return CliRunner().invoke(commands(), [str(word) for word in words])


def test_the_shipped_regimes_are_listed_with_their_grades() -> None:
    listed = json.loads(run("regimes", "list", "--json").stdout)
    assert [regime["regime"] for regime in listed] == shipped()
    first = {regime["regime"]: regime["grades"][0]["grade"] for regime in listed}
    assert (first["cn-2023"], first["ifrs9"]) == ("normal", "stage_1")
    assert all(rule["article"] and rule["source"] for rule in listed[1]["rules"])


@pytest.mark.parametrize("name", shipped())
def test_each_shipped_regime_is_right_and_told_in_sentences(name: str) -> None:
    assert run("regimes", "check", name).exit_code == 0
    shown = run("regimes", "show", name)
    assert shown.exit_code == 0
    assert "days past due: " in shown.stdout
    assert "In force from" in shown.stdout


def test_a_wrong_file_is_told_by_line_and_word_and_fails(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    text = (FOLDER / "ifrs9.toml").read_text(encoding="utf-8")
    mine.write_text(text.replace("from_days = 90", "from_day = 90"), encoding="utf-8")
    found = run("regimes", "check", mine, "--json")
    assert found.exit_code == 1
    (fault,) = json.loads(found.stdout)["faults"]
    line = text.splitlines().index("from_days = 90") - 1
    assert fault["fault"].startswith(f"{mine}:{line + 1}: past_due[2].over_days or from_days must ")
    assert run("regimes", "check", tmp_path / "none.toml").exit_code == 1


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A loan due on 31 January 2024 and never paid; its days closed to 2 March (31 days)."""
    folder = tmp_path_factory.mktemp("graded")
    loan = {"loan_id": "L1", "currency": "CNY", "value_date": "2024-01-01"}
    said = {"sent_at": "2024-01-01T08:00:00Z"}
    row = {"number": 1, "due_date": "2024-01-31", "principal": "100.00", "interest": "0"}
    terms = {"method": "given", "instalments": 1, "rate_percent": "0"}
    messages: list[dict[str, Any]] = [
        {
            **loan, **said, "type": "loan_opened", "transaction_id": "t1", "borrower_id": "B1",
            "product": "sme", "principal": "100.00", "terms": terms, "officer_id": "O1",
            "branch": "north",
        },
        {**loan, **said, "type": "loan_disbursed", "transaction_id": "t2", "amount": "100.00"},
        {**loan, **said, "type": "instalments_scheduled", "transaction_id": "t3",
         "instalments": [row]},
    ]  # fmt: skip
    for day in (date(2024, 2, 1), date(2024, 3, 2)):
        after = f"{day + timedelta(days=1)}T00:00:00Z"
        closed = {"type": "business_day_closed", "transaction_id": f"close-{day}"}
        messages.append({**closed, "value_date": str(day), "sent_at": after})
    lines = "\n".join(json.dumps(message) for message in messages)
    (folder / "book.jsonl").write_text(lines + "\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", "from streams.cli import main; main()", "import", "book.jsonl",
         "--data", "data"],
        env={**os.environ, "LOANBELL_REGIME": "cn-2023,ifrs9", "PYTHONPATH": str(ROOT)},
        cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "data"


def test_a_loan_is_graded_in_every_regime_of_the_book(book: Path) -> None:
    first, second = json.loads(run("grade", "L1", "--data", book, "--json").stdout)
    assert (first["regime"], first["grade"]) == ("cn-2023", "special_mention")
    assert (second["regime"], second["grade"]) == ("ifrs9", "stage_2")


def test_what_if_explains_article_numbers_and_facts(book: Path) -> None:
    words = ("--regime", "us-call-report", "--as-of", "2024-04-30", "--explain")
    shown = run("grade", "L1", "--data", book, *words)
    assert shown.exit_code == 0
    said = " ".join(shown.stdout.split())
    assert "past_due_90 past_due: 90 days past due, 90 or more; arrears 100.00 CNY." in said
    assert "RC-N column B, verified: callreportresources.com; andenick.github.io; facts" in said
    assert "loan:L1@3" in said
    assert "2024-04-30 (if nothing else happens)" in said
    assert "2024-03-02 past_due_30_89 31 days past due, 30 or more" in said


def test_a_loan_or_regime_that_is_not_there_is_told(book: Path) -> None:
    assert "The book has no loan L9." in str(run("grade", "L9", "--data", book).exception)
    wrong = run("grade", "L1", "--data", book, "--regime", "cn-1998")
    assert "There is no regime 'cn-1998'." in str(wrong.exception)


def test_a_check_under_other_regimes_says_so_and_compares_nothing(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOANBELL_REGIME", "cn-2023")
    shown = run("check", "--data", book)
    assert shown.exit_code == 1
    assert shown.stdout.count("holds") == 2  # the chains
    refused = " ".join(shown.stdout.split())
    assert "The view grades follows cn-2023@" in refused
    assert "the settings name cn-2023@" in refused
    monkeypatch.setenv("LOANBELL_REGIME", "cn-2023,ifrs9")
    assert run("check", "--data", book).exit_code == 0
