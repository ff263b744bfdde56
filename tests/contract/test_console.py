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
COMMANDS += "anchor rebuild scenario".split()


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

    from streams.cli.app import cli

    for command in COMMANDS:
        shown = CliRunner().invoke(cli, [command, "--help"])
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
    shown = run("watch", "--data", "data", "--once", "--json", folder=book).stdout.splitlines()
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
