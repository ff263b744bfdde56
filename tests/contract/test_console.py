"""The console command as a person uses it: real processes on real folders, and the wrong words."""

from __future__ import annotations

import base64
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

LOANBELL = [sys.executable, "-c", "from streams.cli import main; main()"]
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "COLUMNS": "200"}
ENVIRONMENT["PYTHONPATH"] = str(Path(__file__).parents[2])

COMMANDS = "demo generate import serve watch loan refusals status replay export check".split()
COMMANDS += "anchor rebuild scenario indicators".split()


def run(*words: str | Path, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*LOANBELL, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=240,
        env=ENVIRONMENT,
        cwd=folder,
        check=False,
    )


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `sme.jsonl`, its truth, and a book in `data` that has read it."""
    folder = tmp_path_factory.mktemp("console")
    made = run("generate", "sme.jsonl", "--loans", 60, "--months", 8, "--truth", "t.jsonl",
               folder=folder)  # fmt: skip
    assert made.returncode == 0, made.stderr
    read = run("import", "sme.jsonl", "--data", "data", folder=folder)
    assert read.returncode == 0, read.stderr
    (folder / "import.txt").write_text(read.stdout)
    return folder


def test_help_names_every_command_and_teaches_the_first_steps() -> None:
    shown = run("--help").stdout
    assert all(command in shown for command in COMMANDS)
    assert "Start here" in shown


def test_each_command_explains_itself() -> None:
    from typer.testing import CliRunner

    from streams.cli import commands

    for command in COMMANDS:
        shown = CliRunner().invoke(commands(), [command, "--help"])
        assert shown.exit_code == 0
        assert len(shown.stdout.splitlines()) > 8, command


def test_import_says_what_was_refused_and_on_which_line(book: Path) -> None:
    shown = (book / "import.txt").read_text()
    assert "accepted" in shown
    assert "Where they lie" in shown
    lines = (book / "sme.jsonl").read_bytes().splitlines()
    refused = run("refusals", "--data", "data", "--json", folder=book).stdout.splitlines()
    for row in map(json.loads, refused):
        packed = row["encoding"] == "base64"
        original = base64.b64decode(row["original"]) if packed else row["original"].encode()
        assert original == lines[row["line"] - 1]


def test_import_of_a_file_read_before_changes_nothing(book: Path) -> None:
    before = json.loads(run("check", "--data", "data", "--json", folder=book).stdout)
    again = run("import", "sme.jsonl", "--data", "data", folder=book)
    assert again.returncode == 0
    assert "were read before" in again.stderr
    after = json.loads(run("check", "--data", "data", "--json", folder=book).stdout)
    assert after == before


def test_check_holds_and_finds_a_single_changed_byte(book: Path, tmp_path: Path) -> None:
    sound = run("check", "--data", "data", folder=book)
    assert sound.returncode == 0, sound.stdout
    assert sound.stdout.count("holds") == 4
    copy = tmp_path / "data"
    subprocess.run(["cp", "-r", str(book / "data"), str(copy)], check=True)
    with sqlite3.connect(copy / "ledger.db") as file:
        tables = [row[0] for row in file.execute("SELECT name FROM sqlite_master")]
        table = next(name for name in tables if "ledger" in name and "track" not in name)
        row, state = file.execute(f"SELECT rowid, state FROM {table} WHERE rowid = 100").fetchone()
        changed = bytes(state).replace(b'"amount_minor":', b'"amount_minor":1', 1)
        if changed == state:
            changed = bytes([state[0] ^ 1]) + bytes(state[1:])
        file.execute(f"UPDATE {table} SET state = ? WHERE rowid = ?", (changed, row))
    broken = run("check", "--data", copy)
    assert broken.returncode == 1
    assert "position 100" in broken.stdout
    assert "way out" in broken.stdout


def test_check_names_a_view_row_that_the_facts_do_not_give_and_rebuild_mends_it(
    book: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "data"
    subprocess.run(["cp", "-r", str(book / "data"), str(copy)], check=True)
    with sqlite3.connect(copy / "views.db") as file:
        tables = [row[0] for row in file.execute("SELECT name FROM sqlite_master")]
        table = next(name for name in tables if name.startswith("loans"))
        file.execute(f"UPDATE {table} SET branch = 'NOWHERE' WHERE loan_id = 'L000001'")
    wrong = run("check", "--data", copy)
    assert wrong.returncode == 1
    assert "NOWHERE" in wrong.stdout
    assert run("rebuild", "loans", "--data", copy).returncode == 0
    assert run("check", "--data", copy).returncode == 0


def test_a_loan_tells_its_story_on_both_time_axes(book: Path) -> None:
    whole = run("loan", "L000001", "--data", "data", folder=book).stdout
    assert "Schedule 1" in whole
    assert "risk grade" in whole
    early = json.loads(
        run("loan", "L000001", "--data", "data", "--as-of", "2024-03-01", "--json",
            folder=book).stdout
    )  # fmt: skip
    assert all(line["date"] <= "2024-03-01" for line in early["story"])
    warned = run("watch", "--data", "data", "--once", "--json", folder=book).stdout.splitlines()
    rung = next(d["fact"] for d in map(json.loads, warned) if d["type"] == "WarningRaised")
    then = run("loan", rung["loan_id"], "--data", "data", "--as-of", rung["value_date"],
               folder=book).stdout  # fmt: skip
    assert f"open: {rung['rule']}" in then
    known = run("loan", "L000001", "--data", "data", "--known-on", "2023-01-01", folder=book)
    assert known.returncode == 1
    assert "known on 2023-01-01" in known.stderr


def test_watch_tells_history_as_json_lines(book: Path) -> None:
    words = ("watch", "--data", "data", "--once", "--json", "--pending")
    shown = run(*words, folder=book).stdout.splitlines()
    documents = [json.loads(line) for line in shown]
    assert any(document["type"] == "WarningRaised" for document in documents)
    assert [document["position"] for document in documents] == list(range(1, len(documents) + 1))


def test_replay_under_the_same_rules_differs_in_nothing(book: Path) -> None:
    from streams.settings import PACKS

    same = run("replay", "--rules", PACKS / "sme-early.toml", "--data", "data", "--json",
               folder=book)  # fmt: skip
    document = json.loads(same.stdout)
    assert document["present"] == document["other"] > 0
    assert [document[name] for name in ("rung", "missed", "earlier", "later")] == [[], [], [], []]


def test_demo_refuses_a_folder_that_holds_somebody_elses_book(book: Path) -> None:
    refused = run("demo", "--loans", 5, "--months", 1, "--data", "data", folder=book)
    assert refused.returncode == 1
    assert "not a demo" in refused.stderr
    assert run("check", "--data", "data", folder=book).returncode == 0


def test_demo_reports_and_names_the_next_commands(tmp_path: Path) -> None:
    shown = run("demo", "--loans", 60, "--months", 10, folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    for part in ("Recorded", "refused", "How early the bell rang", "Risk grades", "Next"):
        assert part in shown.stdout
    assert run("check", "--data", "loanbell-demo", folder=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["loan", "L9"], 1, "There is no ledger"),
        (["import", "nothing.jsonl"], 1, "nothing.jsonl"),
        (["rebuild", "everything"], 1, "There is no ledger"),
        (["import"], 2, "Missing argument"),
        (["generate", "x.jsonl", "--loans", "0"], 2, "--loans"),
        (["serve", "--port", "99999", "--data", "d"], 1, "--port"),
        (["wrong"], 2, "No such command"),
    ],
)
def test_wrong_words_get_an_answer_with_a_way_out(
    words: list[str], code: int, said: str, tmp_path: Path
) -> None:
    shown = run(*words, folder=tmp_path)
    assert shown.returncode == code
    assert said in shown.stderr
    assert "Traceback" not in shown.stderr


def test_serve_takes_transactions_shuts_others_out_and_stops_when_told(tmp_path: Path) -> None:
    serving = subprocess.Popen(
        [*LOANBELL, "serve", "--port", "0", "--data", "data"],
        cwd=tmp_path, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert serving.stderr is not None
        first = serving.stderr.readline()
        address = first.split(" at ")[1].strip()
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                with urllib.request.urlopen(address + "/readyz", timeout=5) as answer:
                    if answer.status == 200:
                        break
            except OSError:
                time.sleep(0.1)
        message = {
            "type": "account_opened", "transaction_id": "T1", "value_date": "2024-01-02",
            "account_id": "A1", "borrower_id": "B1", "currency": "CNY", "opening_balance": "10.00",
        }  # fmt: skip
        request = urllib.request.Request(
            address + "/v1/transactions",
            json.dumps(message).encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert b"accepted" in answer.read()
        second = run("import", __file__, "--data", "data", folder=tmp_path)
        assert second.returncode == 1
        assert str(serving.pid) in second.stderr
        began = time.monotonic()
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(timeout=15) == 0
        assert time.monotonic() - began < 10
    finally:
        serving.kill()
        serving.wait()
    assert run("check", "--data", "data", folder=tmp_path).returncode == 0


PACK = """
name = "mine"
title = "Mine"
[[rule]]
name = "late"
title = "Late"
source = "this test"
when = "dpd_days >= 1 and (balance_minor < 0 or not coverage_ratio >= 99)"
severity = "yellow"
reason = "{dpd_days} days"
"""


def test_rules_are_checked_and_what_is_wrong_has_a_place(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(PACK)
    sound = run("rules", "check", tmp_path / "mine.toml")
    assert (sound.returncode, "mine v1: 1 rules" in sound.stdout) == (0, True)
    (tmp_path / "bad.toml").write_text(PACK.replace("dpd_days >=", "dpd_dayz >="))
    wrong = run("rules", "check", tmp_path / "mine.toml", tmp_path / "bad.toml", "--json")
    assert wrong.returncode == 1
    told = json.loads(wrong.stdout)
    assert told[0]["rules"][0]["reads"] == ["balance_minor", "coverage_ratio", "dpd_days"]
    assert (told[1]["line"], told[1]["word"]) == (8, "dpd_dayz")
    assert "did you mean dpd_days" in told[1]["error"]


def test_rules_are_tested_and_a_failure_says_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(PACK)
    text = """
pack = "mine.toml"
start = 2024-01-01
[[test]]
name = "late"
series = { dpd_days = "0 1", balance_minor = "5x9", coverage_ratio = "0x9" }
expect = [{ date = 2024-01-02, rule = "late", is = "STATE" }]
"""
    (tmp_path / "test.toml").write_text(text.replace("STATE", "yellow"))
    assert run("rules", "test", tmp_path / "test.toml").stdout == "1 tests, 0 failed\n"
    (tmp_path / "test.toml").write_text(text.replace("STATE", "quiet"))
    failed = run("rules", "test", tmp_path / "test.toml")
    assert failed.returncode == 1
    assert "2024-01-02 late about L1: expected quiet, found yellow" in failed.stdout


def test_a_rule_is_explained_part_by_part_on_both_time_axes(book: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(PACK)
    shown = run("watch", "--data", "data", "--once", "--json", folder=book).stdout.splitlines()
    facts = [json.loads(line)["fact"] for line in shown if '"WarningRaised"' in line]
    assert not [line for line in shown if '"WarningPending"' in line or '"WarningLapsed"' in line]
    late = next(fact for fact in facts if fact["rule"] == "arrears")
    words = ("rules", "explain", "late", late["loan_id"], late["value_date"], "--data", "data",
             "--rules", tmp_path / "mine.toml", "--json")  # fmt: skip
    for axis in ("known then", "corrected"):
        asked = words if axis == "known then" else (*words, "--corrected")
        told = json.loads(run(*asked, folder=book).stdout)
        assert (told["axis"], told["closed_date"]) == (axis, late["value_date"])
        parts = told["conditions"]["when"]
        assert [part["depth"] for part in parts] == [0, 1, 1, 2, 2, 3]
        assert parts[1]["text"] == "dpd_days >= 1"
    recorded = run("rules", "explain", "arrears", late["loan_id"], late["value_date"], "--data",
                   "data", "--json", folder=book)  # fmt: skip
    told = json.loads(recorded.stdout)
    assert told["state"] == late["severity"]
    assert told["recorded"][0]["what"] == "WarningRaised"
    assert told["reason"] == late["reason"]
    unknown = run("rules", "explain", "nonsense", "L1", "2024-01-01", "--data", "data", folder=book)
    assert (unknown.returncode, "Rules: " in unknown.stderr) == (1, True)


def test_what_is_pending_is_on_record_as_living_through_the_ledger_tells_it(book: Path) -> None:
    from streams.settings import PACKS

    words = ("--data", "data", "--once", "--json", "--pending")
    shown = run("watch", *words, folder=book).stdout.splitlines()
    told = [json.loads(line) for line in shown]
    pending = [line["fact"] for line in told if line["type"] == "WarningPending"]
    one = pending[len(pending) // 2]
    day = ("rules", "pending", one["value_date"], "--data", "data", "--json")
    recorded = json.loads(run(*day, folder=book).stdout)
    row = next(r for r in recorded if (r["loan_id"], r["rule"]) == (one["loan_id"], one["rule"]))
    assert (row["since"], row["business_days"], row["of"]) == (one["value_date"], 0, one["days"])
    lived = run(*day, "--rules", PACKS / "sme-early.toml", folder=book)
    assert json.loads(lived.stdout) == recorded
    loan = run("loan", one["loan_id"], "--data", "data", "--json", folder=book)
    line = next(line for line in json.loads(loan.stdout)["story"] if line["what"] == "pending")
    assert line["text"].startswith(f"Warning pending: {one['rule']}: Rings if it holds for ")


def test_replay_under_other_rules_tells_what_reaches_each_officer(book: Path) -> None:
    from streams.settings import PACKS

    other = run("replay", "--rules", PACKS / "early-arrears.toml", "--data", "data", "--json",
                folder=book)  # fmt: skip
    document = json.loads(other.stdout)
    assert set(document["rules"]["other"]) <= set(document["rules"]["present"])
    assert sum(document["rules"]["other"].values()) == document["other"]
    reached = document["officers_a_month"]
    assert sum(reached["other"].values()) < sum(reached["present"].values())


def test_the_indicators_are_listed() -> None:
    rows = json.loads(run("indicators", "--json").stdout)
    assert {"name", "unit", "window", "meaning", "unknown", "source"} == set(rows[0])
    assert len(rows) > 90


def test_a_warning_is_answered_from_the_console_and_refusals_are_clear(
    book: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "data"
    subprocess.run(["cp", "-r", str(book / "data"), str(copy)], check=True)
    shown = run("watch", "--data", copy, "--once", "--json").stdout.splitlines()
    ended = {json.loads(line)["fact"].get("warning_id") for line in shown
             if '"WarningResolved"' in line or '"WarningWithdrawn"' in line}  # fmt: skip
    raised = [json.loads(line)["fact"]["warning_id"] for line in shown if '"WarningRaised"' in line]
    one = next(warning_id for warning_id in raised if warning_id not in ended)
    start = ("answer", "start", one, "--actor", "Li Na", "--action", "visit", "--data", copy)
    assert "recorded warnings:" in run(*start).stdout
    again = run(*start)
    assert (again.returncode, "about it already" in again.stderr) == (1, True)
    dismiss = ("answer", "dismiss", one, "--actor", "Li Na", "--reason", "paid", "--data", copy)
    assert run(*dismiss).returncode == 0
    gone = run(*dismiss)
    assert (gone.returncode, "No open warning" in gone.stderr) == (1, True)
    assert run("check", "--data", copy).returncode == 0
