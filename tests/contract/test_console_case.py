"""`loanbell case pack` and `check --pack`: the evidence of a case, and every way to spoil it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from ledger.evidence import sealed, written
from ledger.evidence_check import PackUnreadable, faults_within, read_pack
from streams.cli import commands
from streams.evidence_page import document_in, faults_of_page, page_of

Run = Callable[..., Result]
TERMS = {"method": "annuity", "instalments": 3, "rate_percent": "0"}
WHO = {"borrower_id": "B1", "by": "U1"}
CASE = WHO | {"case_id": "K1"}
MESSAGES: list[dict[str, Any]] = [
    {
        "type": "loan_opened", "loan_id": f"L{number}", "borrower_id": borrower, "product": "sme",
        "currency": "CNY", "principal": "300", "terms": TERMS, "officer_id": "O1", "branch": "杭州",
        "value_date": "2024-06-01",
    }
    for number, borrower in ((1, "B1"), (2, "B2"), (3, "B1"))
] + [
    {"type": "loan_disbursed", "loan_id": "L1", "amount": "300", "currency": "CNY",
     "value_date": "2024-06-01"},
    {"type": "account_opened", "account_id": "A1", "currency": "CNY", "opening_balance": "5",
     "value_date": "2024-06-01", "borrower_id": "B1"},
    CASE | {"type": "case_opened", "loan_ids": ["L1"], "trigger": "person", "stage": "early",
            "owner_id": "U1", "team": "T1", "branch": "杭州", "value_date": "2024-07-02"},
    CASE | {"type": "case_noted", "note_id": "N1", "text": "sealed <b>&amp; more",
            "value_date": "2024-07-02"},
    CASE | {"type": "contact_requested", "contact_id": "C1", "loan_ids": ["L1"], "channel": "call",
            "value_date": "2024-07-02", "sent_at": "2024-07-02T10:00:00+08:00"},
    CASE | {"type": "contact_requested", "contact_id": "C2", "loan_ids": ["L1"], "channel": "call",
            "value_date": "2024-07-02", "sent_at": "2024-07-02T23:00:00+08:00"},
    CASE | {"type": "promise_made", "promise_id": "P1", "loan_id": "L1", "currency": "CNY",
            "parts": [{"due_date": "2024-07-10", "amount": "100"}], "value_date": "2024-07-02"},
    {"type": "repayment_received", "loan_id": "L1", "amount": "60", "currency": "CNY",
     "value_date": "2024-07-05"},
    {"type": "repayment_received", "loan_id": "L2", "amount": "1", "currency": "CNY",
     "value_date": "2024-07-05"},
]  # fmt: skip


def invoke(*words: str) -> Result:
    return CliRunner().invoke(commands(), list(words))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose book has a case, of which evidence was packed. Only read after that."""
    here, before = tmp_path_factory.mktemp("case"), Path.cwd()
    os.chdir(here)
    try:
        packed()
    finally:
        os.chdir(before)
    return here


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("check", …)` in that folder."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "200")
    return invoke


def packed() -> None:
    lines = []
    for number, message in enumerate(MESSAGES):
        sent = f"{message['value_date']}T00:{number:02}:00Z"
        lines.append(json.dumps({"transaction_id": f"T{number}", "sent_at": sent} | message))
    Path("in.jsonl").write_text("\n".join(lines))
    imported = invoke("import", "in.jsonl")
    assert imported.exit_code == 0, imported.output
    assert invoke("anchor", "--out", "early.anchor").exit_code == 0
    done = invoke("case", "pack", "K1", "--out", "evidence")
    assert done.exit_code == 0, done.output


def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(Path("evidence/K1.json").read_bytes())
    return loaded


def test_a_pack_holds_every_fact_of_its_borrower_and_none_of_another(run: Run) -> None:
    found = document()
    assert found["subjects"] == {"borrower_id": "B1", "loan_ids": ["L1", "L3"],
                                 "account_ids": ["A1"]}  # fmt: skip
    streams = {fact["stream"] for fact in found["facts"] if fact["log"] == "ledger"}
    assert streams == {"loan:L1", "loan:L3", "account:A1", "collection:B1"}
    kinds = [fact["topic"] for fact in found["facts"] if fact["stream"] == "collection:B1"]
    assert kinds == [
        "case.opened.v1", "case.noted.v1", "contact.allowed.v1", "contact.refused.v1",
        "promise.made.v1",
    ]  # fmt: skip
    # 60.00 of 100.00 by the 10th, long ago: partial. Nothing else was paid since 1 July.
    (promise,) = found["derived"]["promises"]
    assert (promise["standing"], promise["paid_minor"]) == ("partial", 6_000)
    (clock,) = found["derived"]["limitation"]
    assert clock == {"loan_id": "L1", "began": "2024-07-05", "cause": "payment",
                     "last_day": "2027-07-05"}  # fmt: skip


@pytest.mark.parametrize("name", ["K1.json", "K1.html"])
def test_a_pack_holds_against_itself_the_book_and_an_anchor(run: Run, name: str) -> None:
    alone = run("check", "--pack", f"evidence/{name}")
    assert alone.exit_code == 0, alone.output
    count = len(document()["facts"])
    assert f"{count} facts of case K1 hold, against itself" in alone.output
    both = run("check", "--pack", f"evidence/{name}", "--data", "loanbell-data",
               "--anchor", "early.anchor", "--json")  # fmt: skip
    assert both.exit_code == 0, both.output
    assert json.loads(both.stdout)["against"] == ["itself", "book", "anchors"]
    # The anchor saw the log where the pack was made: that can be said without the book.
    assert run("check", "--pack", f"evidence/{name}", "--anchor", "early.anchor").exit_code == 0


def found_wrong(path: str, spoiled: bytes) -> bool:
    """Whether a check of the bytes by themselves finds anything; as the command, without it."""
    try:
        if path.endswith(".json"):
            return bool(faults_within(spoiled, read_pack(spoiled)))
        document = document_in(spoiled)
        return bool(faults_within(written(document), document) or faults_of_page(spoiled, document))
    except PackUnreadable:
        return True


def test_a_single_changed_byte_is_found_wherever_it_is(run: Run) -> None:
    for path, step in (("evidence/K1.json", 67), ("evidence/K1.html", 131)):
        raw = Path(path).read_bytes()
        assert not found_wrong(path, raw)
        for at in [*range(0, len(raw), step), len(raw) - 1]:
            for bit in (1, 32):
                spoiled = raw[:at] + bytes([raw[at] ^ bit]) + raw[at + 1 :]
                assert found_wrong(path, spoiled), (path, at, bit)
        for longer in (raw + b" ", b" " + raw, raw[:-1], raw + raw):
            assert found_wrong(path, longer)
        Path("spoiled" + path[-5:]).write_bytes(raw[:1000] + b"X" + raw[1001:])
        assert run("check", "--pack", "spoiled" + path[-5:]).exit_code == 1


def resealed(change: Callable[[dict[str, Any]], None]) -> tuple[dict[str, Any], list[str]]:
    """A pack that somebody changed and sealed again, and what is found in it alone."""
    forged = document()
    change(forged)
    forged = sealed(forged)
    return forged, faults_within(written(forged), forged)


def test_who_seals_a_changed_pack_again_is_found_by_the_hash_of_the_fact(run: Run) -> None:
    def lower(forged: dict[str, Any]) -> None:
        fact = next(f for f in forged["facts"] if f["topic"] == "loan.repayment_received.v1")
        fact["state"] = fact["state"].replace('"amount_minor":6000', '"amount_minor":9000')

    def leave_out(forged: dict[str, Any]) -> None:
        forged["facts"] = [f for f in forged["facts"] if f["topic"] != "contact.refused.v1"]

    def promise_kept(forged: dict[str, Any]) -> None:
        forged["derived"]["promises"][0]["standing"] = "kept"

    def other_end(forged: dict[str, Any]) -> None:
        forged["logs"]["ledger"]["position"] = 3

    for change, word in (
        (lower, "its hash does not follow"),
        (leave_out, "a fact is missing"),
        (promise_kept, "does not follow from the facts"),
        (other_end, "which the facts contradict"),
    ):
        _, faults = resealed(change)
        assert any(word in fault for fault in faults), (word, faults)


def test_who_forges_the_last_fact_with_its_hash_is_found_by_the_book_and_the_anchor(
    run: Run,
) -> None:
    def drop_last(forged: dict[str, Any]) -> None:
        # The promise was the last fact of its stream: without it the pack agrees with itself.
        forged["facts"] = [f for f in forged["facts"] if f["topic"] != "promise.made.v1"]
        forged["derived"]["promises"] = []

    def other_head(forged: dict[str, Any]) -> None:
        forged["logs"]["ledger"]["chain"] = hashlib.sha256(b"").hexdigest()

    forged, faults = resealed(drop_last)
    assert faults == []
    Path("forged.json").write_bytes(written(forged))
    assert run("check", "--pack", "forged.json").exit_code == 0
    told = run("check", "--pack", "forged.json", "--data", "loanbell-data")
    assert told.exit_code == 1
    assert "is missing" in told.output

    forged, faults = resealed(other_head)
    assert faults == []
    Path("forged.html").write_bytes(page_of(forged))
    assert run("check", "--pack", "forged.html").exit_code == 0
    assert run("check", "--pack", "forged.html", "--data", "loanbell-data").exit_code == 1
    told = run("check", "--pack", "forged.html", "--anchor", "early.anchor")
    assert told.exit_code == 1
    assert "has another hash there" in told.output


def test_an_anchor_between_the_facts_of_a_pack_says_nothing_without_the_book(run: Run) -> None:
    # Position 3 is the opening of L2, another borrower's: the pack holds hashes 1 to 2 and on.
    chains = {f["position"]: f["chain"] for f in document()["facts"] if f["log"] == "ledger"}
    between = next(n for n in range(1, 30) if n not in chains and n + 1 not in chains)
    Path("between.anchor").write_text(f"ledger {between} {'0' * 64} 2024-07-05\n")
    told = run("check", "--pack", "evidence/K1.json", "--anchor", "between.anchor")
    assert told.exit_code == 1
    assert "check against the book too" in told.output
    told = run("check", "--pack", "evidence/K1.json", "--anchor", "between.anchor",
               "--data", "loanbell-data")  # fmt: skip
    assert "are not those that the anchor saw" in told.output


def test_a_case_or_a_pack_that_is_not_there_is_named(run: Run) -> None:
    for words, error in (
        (("case", "pack", "K9"), "There is no case K9"),
        (("check", "--pack", "none.json"), "none.json cannot be read"),
        (("check", "--pack", "in.jsonl"), "It is not JSON"),
    ):
        assert error in str(run(*words).exception)
