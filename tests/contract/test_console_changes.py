"""Changes of a loan from a file to `loanbell loan`, as known on a day and as corrected since."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from streams.cli import commands

EUR = {"currency": "EUR"}


def run(*words: str, folder: Path) -> str:
    """What the command prints; it must succeed."""
    result = CliRunner().invoke(commands(), [*words, "--data", str(folder / "data")])
    assert result.exit_code == 0, result.output
    return result.stdout


def message(type_: str, name: str, day: str, sent: str = "", /, **fields: Any) -> str:
    common = {"type": type_, "transaction_id": name, "value_date": day}
    sent_at = {"sent_at": f"{sent or day}T12:00:00Z"}
    loan = {} if type_ in ("business_day_closed", "period_closed") else {"loan_id": "L1"}
    return json.dumps(common | sent_at | loan | fields)


MESSAGES = [
    message(
        "loan_opened", "open", "2024-01-01", borrower_id="B1", product="term", principal="1200.00",
        terms={"method": "equal_principal", "instalments": 12, "rate_percent": "12"},
        officer_id="O1", branch="main", **EUR,
    ),
    message("loan_disbursed", "out", "2024-01-01", amount="1200.00", **EUR),
    message(
        "repayment_received", "R1", "2024-02-01", amount="312.00", prepayment="reduce_term", **EUR
    ),
    message("business_day_closed", "d1", "2024-02-01"),
    message(
        "loan_revised", "X1", "2024-03-10", kind="extended", revised_terms={"instalments": 16},
        reason="flood", **EUR,
    ),
    message("delinquency_paused", "P1", "2024-03-11", until="2024-04-01"),
    message("business_day_closed", "d2", "2024-03-11"),
    message("period_closed", "C1", "2024-01-31", "2024-03-12"),
    message("repayment_received", "R0", "2024-01-31", "2024-03-12", amount="1.00", **EUR),
    message(
        "repayment_reversed", "U1", "2024-03-15", reversed_transaction_id="R1", reason="bounced"
    ),
    message("business_day_closed", "d3", "2024-03-15"),
    message("loan_closed", "W1", "2024-03-20", reason="written_off"),
    message("recovery_received", "V1", "2024-03-22", amount="112.00", **EUR),
    message("business_day_closed", "d4", "2024-03-25"),
    message("write_off_cancelled", "U2", "2024-03-26", reason="wrong loan"),
    message("business_day_closed", "d5", "2024-03-27"),
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("changes")
    (made / "in.jsonl").write_text("\n".join(MESSAGES) + "\n", encoding="utf-8")
    run("import", str(made / "in.jsonl"), folder=made)
    return made


def balance(folder: Path, *axes: str) -> tuple[int, int, int]:
    """Days past due, arrears and outstanding, in minor units."""
    shown = run("loan", "L1", "--json", *axes, folder=folder)
    held = json.loads(shown)["loan"]["balance"]
    return held["dpd_days"], held["arrears_minor"], held["outstanding_minor"]


def test_what_was_known_and_what_is_corrected_are_both_answered(folder: Path) -> None:
    # Known on 11 March: R1 paid February and 200 early, March's 100 + 9 are overdue since the 1st.
    assert balance(folder, "--known-on", "2024-03-11") == (10, 10_900, 90_000)
    # R1 had bounced: as corrected, February's 112 and March's 111 were overdue then.
    assert balance(folder, "--as-of", "2024-03-11") == (39, 22_300, 120_000)
    # Written off on the 20th, as was known on the 25th.
    assert balance(folder, "--known-on", "2024-03-25") == (0, 0, 0)
    # The write-off was cancelled: V1 met interest 12 + 11 and 89 of principal. By totals February
    # is met, and March is 21 days late.
    assert balance(folder, "--as-of", "2024-03-22") == (21, 11_100, 111_100)
    assert balance(folder) == (26, 11_100, 111_100)


def test_the_story_tells_every_change_and_the_refusal_names_its_rule(folder: Path) -> None:
    told = run("loan", "L1", folder=folder)
    for words in (
        "an early part is to reduce the term",
        "Contract extended (flood): 16 instalments more.",
        "Delinquency paused until 2024-04-01.",
        "did not stand (bounced)",
        "Closed: written off.",
        "Recovered 112.00 EUR.",
        "Write-off cancelled (wrong loan)",
    ):
        assert words in told
    early = run("loan", "L1", "--known-on", "2024-03-10", folder=folder)
    assert "Contract extended" in early
    assert "paused" not in early
    refused = run("refusals", "--json", folder=folder)
    (only,) = [json.loads(line) for line in refused.splitlines()]
    assert "[rule period_closed]" in only["reason"]
    assert "2024-02-01 or later" in only["reason"]


def test_the_books_and_views_hold_after_all_of_it(folder: Path) -> None:
    assert run("check", folder=folder).count("holds") == 4
