"""Interest from a file of messages to `loanbell loan` and `loanbell export`, by month and day."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from streams.cli import commands


def run(*words: str, folder: Path) -> str:
    """What the command prints; it must succeed."""
    result = CliRunner().invoke(commands(), [*words, "--data", str(folder / "data")])
    assert result.exit_code == 0, result.output
    return result.stdout


def message(type_: str, name: str, day: str, /, **fields: Any) -> str:
    common = {"type": type_, "transaction_id": name, "value_date": day}
    loan = {} if type_ == "business_day_closed" else {"loan_id": "L1"}
    return json.dumps(common | {"sent_at": f"{day}T12:00:00Z"} | loan | fields)


TERMS = {
    "method": "interest_only", "instalments": 12, "rate_percent": "10", "day_count": "act/360",
    "recognition": "accrued", "penalty": {"markup_percent": "50", "compound": True},
}  # fmt: skip
OPENED = {
    "borrower_id": "B1", "product": "line", "principal": "36000.00", "terms": TERMS,
    "officer_id": "O1", "branch": "main", "currency": "CNY",
}  # fmt: skip
# 10.00 a day. January's 310.00 stay unpaid from 1 February: at 15 % 0.1291666 a day.
MESSAGES = [
    message("loan_opened", "open", "2024-01-01", **OPENED),
    message("loan_disbursed", "out", "2024-01-01", amount="36000.00", currency="CNY"),
    message("business_day_closed", "d1", "2024-01-30"),
    message("business_day_closed", "d2", "2024-01-31"),
    message("business_day_closed", "d3", "2024-02-29"),
    message("repayment_received", "R1", "2024-03-01", amount="603.75", currency="CNY"),
    message("business_day_closed", "d4", "2024-03-01"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("interest")
    (made / "in.jsonl").write_text("\n".join(MESSAGES) + "\n", encoding="utf-8")
    run("import", str(made / "in.jsonl"), folder=made)
    return made


def balance(folder: Path, day: str) -> dict[str, Any]:
    shown = run("loan", "L1", "--json", "--as-of", day, folder=folder)
    held: dict[str, Any] = json.loads(shown)["loan"]["balance"]
    return held


def test_interest_by_day_is_answered_for_any_day(folder: Path) -> None:
    # Ten days of January; 15 days of February overdue by 1 (the 1st) to 15: 1.9375.
    early, late = balance(folder, "2024-01-10"), balance(folder, "2024-02-15")
    assert (early["interest_earned_minor"], early["compound_minor"]) == (10_000, 0)
    assert (late["interest_earned_minor"], late["compound_minor"]) == (46_000, 194)
    assert late["penalty_minor"] == 0
    assert (late["dpd_days"], late["arrears_minor"]) == (14, 31_000)


def test_it_is_shown_to_people_with_the_warnings_that_stood_then(folder: Path) -> None:
    shown = run("loan", "L1", "--as-of", "2024-02-15", folder=folder)
    assert "interest earned    460.00 CNY" in shown
    assert "compound interest  1.94 CNY" in shown
    assert "Booked up to 2024-02-01: interest 310.00 CNY." in shown


def test_the_exported_books_hold_each_month_and_its_reversal_by_the_payment(folder: Path) -> None:
    # February: 290.00 earned; 29 days of 0.1291666 are 3.7458, which the payment of 1 March meets.
    books = folder / "books.journal"
    run("export", "--format", "hledger", "--out", str(books), folder=folder)
    lines = [line.split() for line in books.read_text(encoding="utf-8").splitlines()]
    receivable = [words[1] for words in lines if words[:1] == ["assets:receivable:interest"]]
    penalty = [words[1] for words in lines if words[:1] == ["assets:receivable:penalty"]]
    assert receivable == ["310.00", "290.00", "-600.00", "0.00"]
    assert penalty == ["3.75", "-3.75", "0.00"]
    assert "holds" in run("check", folder=folder)
