"""What the console answers when data, files and folders are not as it would wish."""

from __future__ import annotations

import base64
import gzip
import json
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from rich.text import Text
from typer.testing import CliRunner, Result

from ledger.events import WarningAcknowledged
from ledger.store import Recorded
from ledger.store.lock import WriterLock
from streams.cli import commands
from streams.cli.care import opened
from streams.cli.look import _line
from streams.cli.screen import Screen
from streams.cli.serve import address, warn_of_strangers
from streams.generate.portfolio import portfolio
from streams.settings import PACKS
from warning.rules import RuleError

Run = Callable[..., Result]
ACCOUNT = (
    b'{"type":"account_opened","transaction_id":"%b","value_date":"2024-01-02","account_id":"%b",'
    b'"borrower_id":"B1","currency":"CNY","opening_balance":"10.00"}\n'
)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("status")` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(commands(), [str(word) for word in words])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose loans are of the product "[/wc]"."""
    folder = tmp_path_factory.mktemp("made")
    text = b"\n".join(portfolio(loans=2, months=2, seed=7).messages())
    file = folder / "in.jsonl"
    file.write_bytes(text.replace(b'"product":"equipment"', b'"product":"[/wc]"'))
    done = CliRunner().invoke(commands(), ["import", str(file), "--data", str(folder / "data")])
    assert done.exit_code == 0, done.output
    return folder / "data"


@pytest.fixture
def book(made: Path, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    return Path(shutil.copytree(made, tmp_path / "data"))


def failure(shown: Result, kind: str) -> str:
    """The error that would be explained."""
    assert shown.exit_code == 1
    assert type(shown.exception).__name__ == kind, shown.exception
    return str(shown.exception)


# -- data is text --------------------------------------------------------------------------------


def test_markup_in_data_is_printed_as_it_came(run: Run, made: Path) -> None:
    folder = Path("s[/x]")
    folder.mkdir(parents=True)
    (folder / "in[b].jsonl").write_bytes(b'{"type":"[/x]","transaction_id":"h"}\n')
    read = run("import", folder / "in[b].jsonl", "--data", folder)
    assert read.exit_code == 0, read.output
    assert "s[/x]/in[b].jsonl: 0 accepted" in read.stdout
    listed = run("refusals", "--data", folder)
    assert listed.exit_code == 0, listed.exception
    assert "[/x]" in listed.stdout
    assert "s[/x]" in run("status", "--data", folder).stdout
    assert "[/wc], 1,940,000.00 CNY" in run("loan", "L000001", "--data", made).stdout


def test_no_control_of_a_sender_reaches_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    screen.print("\x1b]0;title\x07", Text("\x1b[31mred\x9b2J\u202e"), ":smile: [bold]x[/bold]")
    told = capsys.readouterr().out  # rich itself drops the bell
    assert told == "␛]0;title ␛[31mred\ufffd2J\ufffd :smile: [bold]x[/bold]\n"


def test_a_note_of_many_lines_is_one_line_of_watch() -> None:
    forged = "seen\n2024-03-01 red    raised         L9  forged"
    fact = WarningAcknowledged(
        warning_id="w", loan_id="L1", actor="a", note=forged, ledger_position=1,
        value_date=date(2024, 3, 1), recorded_at_us=0,
    )  # fmt: skip
    line = _line(Recorded(1, "warning:L1", 1, fact)).plain
    assert "\n" not in line
    assert "seen␤2024-03-01" in line


# -- the data folder -----------------------------------------------------------------------------


def test_the_data_folder_of_the_settings_file_is_used(run: Run, book: Path) -> None:
    Path("bank.toml").write_text('data = "data"\n')
    assert "holds" in run("check", "--config", "bank.toml").stdout
    Path("one.jsonl").write_bytes(ACCOUNT % (b"T1", b"Z1"))
    assert "1 accepted" in run("import", "one.jsonl", "--config", "bank.toml").stdout
    assert not Path("loanbell-data").exists()
    chosen = run("import", "one.jsonl", "--config", "bank.toml", "--data", "other")
    assert "1 accepted" in chosen.stdout
    assert Path("other/ledger.db").exists()


def test_a_demo_leaves_the_book_of_a_running_process_alone(run: Run) -> None:
    assert run("demo", "--data", "d", "--loans", 1, "--months", 1).exit_code == 0
    before = Path("d/ledger.db").stat()
    lock = WriterLock(Path("d/lock"))
    try:
        refused = failure(run("demo", "--data", "d", "--loans", 1, "--months", 1),
                          "StoreUnavailable")  # fmt: skip
    finally:
        lock.release()
    assert f"Process {os.getpid()} is writing" in refused
    assert Path("d/ledger.db").stat() == before
    assert Path("d/views.db").exists()
    assert run("demo", "--data", "d", "--loans", 1, "--months", 1).exit_code == 0


def test_a_demo_does_not_overwrite_a_truth_that_is_not_its_own(run: Run) -> None:
    Path("d").mkdir()
    Path("d/truth.jsonl").write_text("mine\n")
    Path("d/demo.json").write_text('{"of": "another program"}')
    assert "truth.jsonl" in failure(run("demo", "--data", "d", "--loans", 1), "NotADemo")
    assert Path("d/truth.jsonl").read_text() == "mine\n"
    assert Path("d/demo.json").read_text() == '{"of": "another program"}'


# -- rules ---------------------------------------------------------------------------------------


def test_a_pack_that_does_not_exist_is_named_with_those_that_do(run: Run) -> None:
    Path("bank.toml").write_text('pack = "nope"\n')
    Path("none.jsonl").write_text("")
    told = failure(run("import", "none.jsonl", "--config", "bank.toml"), "SettingsError")
    assert "There is no rule pack 'nope'." in told
    assert "sme-early" in told


def test_a_broken_pack_is_an_answer_with_file_line_and_word(run: Run) -> None:
    text = (PACKS / "early-arrears.toml").read_text()
    Path("mine.toml").write_text(text.replace("[[rule]]", '[[rule]]\ncolour = "red"', 1))
    line = text[: text.index("[[rule]]")].count("\n") + 2
    Path("bank.toml").write_text('pack = "mine.toml"\n')
    Path("none.jsonl").write_text("")
    shown = run("import", "none.jsonl", "--config", "bank.toml")
    assert failure(shown, "RuleError").startswith(f"mine.toml:{line}: 'colour': ")
    assert isinstance(shown.exception, RuleError)
    assert shown.exception.message == str(shown.exception)


# -- files ---------------------------------------------------------------------------------------


def test_a_pipe_is_read_to_its_end_and_known_when_it_comes_again(run: Run) -> None:
    os.mkfifo("pipe")
    for expected in ("2 accepted", "all 2 lines were read before"):
        body = gzip.compress(ACCOUNT % (b"T1", b"A1") + ACCOUNT % (b"T2", b"A2"), mtime=0)
        sender = threading.Thread(target=Path("pipe").write_bytes, args=(body,))
        sender.start()
        shown = run("import", "pipe", "--data", "d")
        sender.join()
        assert shown.exit_code == 0
        assert f"pipe: {expected}" in shown.output


def test_what_was_read_before_a_missing_file_is_told(run: Run) -> None:
    Path("good.jsonl").write_bytes(ACCOUNT % (b"T1", b"A1"))
    shown = run("import", "good.jsonl", "missing.jsonl", "--data", "d")
    assert "missing.jsonl cannot be read" in failure(shown, "FileUnreadable")
    assert "good.jsonl: 1 accepted" in shown.stdout


def test_a_refused_message_is_an_answer_and_no_failure(run: Run) -> None:
    Path("in.jsonl").write_bytes(b"{}\n")
    assert run("import", "in.jsonl", "--data", "d").exit_code == 0
    assert "and the exit code is 0" in " ".join(run("import", "--help").stdout.split())


def test_originals_come_back_byte_for_byte_and_a_cut_is_named(run: Run) -> None:
    odd, long = b'{"type":"\xff\xe9"}', b'{"type":"' + b"x" * 70_000 + b'"}'
    Path("in.jsonl").write_bytes(odd + b"\n" + long + b"\n")
    run("import", "in.jsonl", "--data", "d")
    first, second = map(json.loads, run("refusals", "--data", "d", "--json").stdout.splitlines())
    assert (first["encoding"], first["cut"]) == ("base64", False)
    assert base64.b64decode(first["original"]) == odd
    assert (second["encoding"], second["cut"]) == ("utf-8", True)
    assert second["original"].encode() == long[:65_536]  # 64 KiB
    assert second["original_bytes"] == 70_011  # 9 before the 70,000, 2 behind them


def test_a_device_is_written_to_and_not_replaced(run: Run) -> None:
    os.mkfifo("pipe")
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(Path("pipe").read_bytes()))
    reader.start()
    assert run("generate", "pipe", "--loans", 1, "--months", 1).exit_code == 0
    reader.join()
    assert Path("pipe").is_fifo()
    assert found[0].splitlines() == list(portfolio(loans=1, months=1, seed=7).messages())
    full = run("generate", "/dev/full", "--loans", 1, "--months", 1)
    assert "/dev/full cannot be written: No space left" in failure(full, "NotWritable")
    assert Path("/dev/full").is_char_device()


def test_a_folder_that_cannot_be_made_is_named(run: Run) -> None:
    Path("file").write_text("")
    told = failure(run("generate", "file/x.jsonl", "--loans", 1, "--months", 1), "NotWritable")
    assert told.startswith("file/x.jsonl cannot be written")


def test_a_position_no_log_can_have_is_a_wrong_word(run: Run, made: Path) -> None:
    shown = run("watch", "--once", "--data", made, "--after", 10**23)
    assert shown.exit_code == 2
    assert "--after" in shown.output


# -- check ---------------------------------------------------------------------------------------


def test_check_says_that_the_views_are_behind(run: Run, book: Path) -> None:
    shutil.copytree(book, "old")
    Path("one.jsonl").write_bytes(ACCOUNT % (b"T1", b"Z1"))
    run("import", "one.jsonl", "--data", book)
    shutil.copy("old/views.db", book / "views.db")
    shown = run("check", "--data", book)
    assert shown.exit_code == 0
    assert "BEHIND views: 1 facts are not in them yet" in shown.stdout
    assert "every row equals" not in shown.stdout
    assert json.loads(run("check", "--data", book, "--json").stdout)["views_behind"] == 1


def test_check_tells_of_the_chains_when_the_views_are_damaged(run: Run, book: Path) -> None:
    (book / "views.db").write_bytes(b"no database at all " * 1_000)
    shown = run("check", "--data", book)
    assert shown.exit_code == 1
    assert shown.stdout.count("holds") == 2
    assert "UNREAD views: " in shown.stdout
    assert "views.db" in json.loads(run("check", "--data", book, "--json").stdout)["views_fault"]


def test_check_makes_no_views_where_there_are_none(run: Run, book: Path) -> None:
    (book / "views.db").unlink()
    shown = run("check", "--data", book)
    assert shown.exit_code == 1
    assert shown.stdout.count("holds") == 2
    assert "does not exist" in shown.stdout
    assert not (book / "views.db").exists()


def test_a_wrong_index_names_the_command_that_mends_it(run: Run, book: Path) -> None:
    assert run("rebuild", "index", "--data", book).exit_code == 0
    file = sqlite3.connect(book / "ledger.db", isolation_level=None)
    assert file.execute("UPDATE ledger_commands SET position = 1").rowcount > 0
    file.close()
    shown = run("check", "--data", book, "--chains-only")
    assert shown.exit_code == 1
    assert "way out: stop what writes there, then `loanbell rebuild index`" in shown.stdout
    assert run("rebuild", "index", "--data", book).exit_code == 0
    assert run("check", "--data", book).stdout.count("holds") == 4


# -- the network ---------------------------------------------------------------------------------


def test_an_address_of_version_6_stands_in_brackets() -> None:
    assert address("::1", 8321) == "http://[::1]:8321"
    assert address("127.0.0.1", 8321) == "http://127.0.0.1:8321"


def test_who_listens_to_strangers_is_warned(capsys: pytest.CaptureFixture[str]) -> None:
    for host in ("127.0.0.1", "::1", "localhost"):
        warn_of_strangers(host)
    assert capsys.readouterr().err == ""
    warn_of_strangers("0.0.0.0")
    assert "there is no sign-in" in capsys.readouterr().err


def test_the_folder_looked_in_is_named(run: Run) -> None:
    with pytest.raises(Exception, match="no ledger in loanbell-data"):
        opened(None, read_only=True)
