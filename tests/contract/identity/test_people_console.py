"""`loanbell users`, `tokens`, `audit` and `erase`, and what `serve` says about sign-in."""

from __future__ import annotations

import sqlite3
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from click.testing import Result
from typer.testing import CliRunner

from ledger.dates import date_of_us
from ledger.errors import LoanError, StoreUnavailable
from ledger.events import BorrowersRead
from ledger.store import Store
from streams.cli import commands
from streams.cli.people import DAY_US
from streams.cli.serve import refuse_strangers
from streams.identity.directory import Tables, UserRefused
from streams.identity.person import ROLES
from streams.identity.service import SignInFailed
from streams.identity.trail import Trail
from streams.identity.vault import Erased, VaultClosed
from streams.parts import open_vault
from streams.settings import Settings, SettingsError

MESSAGE = (
    '{"type":"account_opened","transaction_id":"T1","value_date":"2024-01-02","account_id":"A1",'
    '"borrower_id":"B1","currency":"CNY","opening_balance":"10.00",'
    '"sent_at":"2024-01-03T08:00:00Z"}\n'
)
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command in a folder with a small book and two passwords in files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    Path("first").write_text("four words nobody said\n", encoding="utf-8")
    Path("second").write_text("another four words unsaid\n", encoding="utf-8")
    Path("book.jsonl").write_text(MESSAGE, encoding="utf-8")

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(commands(), list(words))

    assert invoke("import", "book.jsonl").exit_code == 0
    return invoke


def add(run: Run, name: str, *words: str, file: str = "first") -> Result:
    return run("users", "add", name, "--password-file", file, *words)


def settings() -> Settings:
    return Settings.load({}, environ={})


def told(result: Result) -> str:
    assert isinstance(result.exception, LoanError), result.output
    return str(result.exception)


def test_users_are_added_changed_and_removed_and_no_password_is_shown(run: Run) -> None:
    assert add(run, "li.na", "--role", "officer", "--branch", "杭州").exit_code == 0
    assert add(run, "root", "--role", "operator").exit_code == 0
    assert "There is a user root" in told(add(run, "root", "--role", "operator"))
    listed = orjson.loads(run("users", "list", "--json").output)
    assert [(user["user_id"], user["roles"], user["branches"]) for user in listed] == [
        ("li.na", ["officer"], ["杭州"]),
        ("root", ["operator"], None),
    ]
    assert "argon2" not in run("users", "list").output
    run("users", "change", "li.na", "--role", "auditor", "--role", "supervisor")
    (changed, _) = orjson.loads(run("users", "list", "--json").output)
    assert (changed["roles"], changed["branches"]) == (["auditor", "supervisor"], None)
    assert run("users", "remove", "li.na").exit_code == 0
    assert "no user li.na" in told(run("users", "unlock", "li.na"))


def test_demo_users_have_each_role_and_passwords_of_their_own(run: Run) -> None:
    first = run("users", "demo", "--branch", "north")
    assert first.exit_code == 0
    listed = orjson.loads(run("users", "list", "--json").output)
    assert [user["user_id"] for user in listed] == sorted(ROLES)
    assert [u["branches"] for u in listed if u["user_id"] == "officer"] == [["north"]]
    passwords = [line.split()[1] for line in first.output.splitlines() if "officer" in line]
    assert len(passwords[0]) == 20  # 80 bits as hex digits
    assert isinstance(run("users", "demo", "--branch", "north").exception, UserRefused)


def test_a_user_that_cannot_be_is_refused(run: Run) -> None:
    assert isinstance(add(run, "x", "--role", "officer").exception, UserRefused)
    assert isinstance(add(run, "x", "--role", "king").exception, UserRefused)
    assert isinstance(add(run, "a b", "--role", "auditor").exception, UserRefused)
    both = ("--role", "operator", "--branch", "north")
    assert isinstance(add(run, "x", *both).exception, UserRefused)
    Path("weak").write_text("password1234\n", encoding="utf-8")
    assert "tried first" in told(add(run, "x", "--role", "auditor", file="weak"))
    assert orjson.loads(run("users", "list", "--json").output) == []


def test_whoever_only_looks_makes_no_folder(run: Run) -> None:
    for words in (("users", "list"), ("tokens", "list"), ("users", "remove", "x")):
        assert "no users in mistyped" in told(run(*words, "--data", "mistyped"))
    assert not Path("mistyped").exists()


def test_a_token_is_shown_once_listed_and_revoked(run: Run) -> None:
    add(run, "core", "--role", "publisher")
    made = run("tokens", "add", "core", "--scope", "transactions", "--days", "30")
    secret = made.stdout.strip()
    assert secret.startswith("lb_")
    assert len(secret) == 46  # lb_ and 256 bits, 6 a character
    (token,) = orjson.loads(run("tokens", "list", "--json").output)
    assert (token["user"], token["scopes"], token["state"], token["days left"]) == (
        "core", "transactions", "valid", 29,
    )  # fmt: skip
    assert secret.encode() not in Path("loanbell-data/users.db").read_bytes()
    run("tokens", "revoke", token["token"])
    (token,) = orjson.loads(run("tokens", "list", "--json").output)
    assert token["state"] == "revoked"
    assert "no user nobody" in told(run("tokens", "add", "nobody", "--scope", "read"))
    assert "Scopes" in told(run("tokens", "add", "core", "--scope", "everything"))


def test_what_commands_changed_is_on_the_trail_once_and_its_chain_is_checked(run: Run) -> None:
    add(run, "li.na", "--role", "auditor")
    run("users", "unlock", "li.na")
    assert "audit" not in run("check", "--chains-only").output  # nothing was told to it yet
    assert "2 changes of users" in run("audit").stderr
    with Store.open(settings().ledger_db) as store:
        tables = Tables.open(settings().users_db)
        trail = Trail(store.audit, lambda: tables)
        now = 20_000 * DAY_US
        seen = BorrowersRead(
            user_id="li.na", what="get_loan", subject="L1", borrower_ids=("B1",), request_id="1",
            value_date=date_of_us(now), recorded_at_us=now,
        )  # fmt: skip
        trail.commit([seen])
        trail.commit([seen])
        tables.close()
    rows = [orjson.loads(line) for line in run("audit", "--json").output.splitlines()]
    assert [(row["kind"], row.get("what")) for row in rows] == [
        ("borrowers_read", "get_loan"),
        ("borrowers_read", "get_loan"),
        ("administered", "user_unlocked"),
        ("administered", "user_added"),
    ]
    assert rows[2]["by"].startswith("os:")
    assert len(run("audit", "--borrower", "B1").output.splitlines()) == 2
    assert run("audit", "--borrower", "B2").output == ""
    assert len(run("audit", "--person", "li.na", "--limit", "1").output.splitlines()) == 1
    assert "chain of audit: 4 facts" in run("check", "--chains-only").output
    with sqlite3.connect("loanbell-data/ledger.db") as database:
        database.execute("DELETE FROM audit_facts WHERE position = 3")
    found = run("check", "--chains-only")
    assert found.exit_code == 1
    assert "position 3 is missing" in found.output


def test_two_people_erase_and_one_does_not(run: Run) -> None:
    add(run, "root", "--role", "operator")
    add(run, "wang", "--role", "risk_manager", file="second")
    add(run, "li", "--role", "auditor", file="second")
    vault = open_vault(settings())
    sealed = vault.seal("B1", "his mother is ill", "note")
    vault.close()

    def erase(by: str, approved_by: str, second: str = "second") -> Result:
        return run(
            "erase", "B1", "--reason", "asked for it", "--by", by, "--approved-by", approved_by,
            "--password-file", "first", "--second-password-file", second,
        )  # fmt: skip

    assert "not two" in told(erase("root", "root"))
    assert "may not approve" in told(erase("root", "li"))
    assert isinstance(erase("root", "wang", "first").exception, SignInFailed)
    vault = open_vault(settings())
    assert vault.unseal(sealed) == "his mother is ill"
    assert erase("root", "wang").exit_code == 0
    vault.close()
    vault = open_vault(settings())
    with pytest.raises(Erased):
        vault.unseal(sealed)
    vault.close()
    (row,) = [
        orjson.loads(line)
        for line in run("audit", "--borrower", "B1", "--json").output.splitlines()
    ]
    assert (row["kind"], row["requested_by"], row["approved_by"], row["reason"]) == (
        "borrower_erased", "root", "wang", "asked for it",
    )  # fmt: skip
    assert run("check", "--chains-only").exit_code == 0


def test_the_master_key_is_this_users_alone_and_another_opens_nothing(run: Run) -> None:
    vault = open_vault(settings())
    sealed = vault.seal("B1", "text", "note")
    assert vault.seal("B1", "text", "note") == sealed  # a message sent again is the same
    assert vault.seal("B2", "text", "note") != sealed
    vault.close()
    assert Path("loanbell-data/master.key").stat().st_mode & 0o777 == 0o600
    master = Path("loanbell-data/master.key")
    kept = master.read_text(encoding="ascii")
    master.unlink()
    with pytest.raises(VaultClosed, match=r"master\.key is gone"):
        open_vault(settings())
    assert not master.exists()  # none is made that would open nothing
    master.write_text(urlsafe_b64encode(bytes(64)).decode(), encoding="ascii")
    vault = open_vault(settings())
    with pytest.raises(VaultClosed, match="another one"):
        vault.unseal(sealed)
    vault.close()
    master.write_text(kept, encoding="ascii")
    vault = open_vault(settings())
    assert vault.unseal(sealed) == "text"
    vault.close()


def test_keys_that_are_lost_are_not_told_as_erased(run: Run) -> None:
    vault = open_vault(settings())
    sealed = vault.seal("B1", "text", "note")
    vault.close()
    for path in Path("loanbell-data").glob("keys.db*"):
        path.unlink()
    vault = open_vault(settings())
    with pytest.raises(VaultClosed, match="nobody erased it"):
        vault.unseal(sealed)
    vault.close()


def test_users_that_cannot_be_read_are_brought_back_and_not_made_anew(run: Run) -> None:
    Path("loanbell-data/users.db").write_bytes(b"no database" * 1_000)
    shown = run("users", "list")
    assert shown.exit_code == 1
    assert isinstance(shown.exception, StoreUnavailable)
    assert str(shown.exception).endswith(
        "Bring back its last copy: no facts are there to make it anew from."
    )


def test_strangers_are_kept_out_unless_somebody_says_otherwise(run: Run) -> None:
    with pytest.raises(SettingsError, match="no user yet"):
        refuse_strangers(Settings(host="0.0.0.0"))
    refuse_strangers(Settings(host="127.0.0.1"))
    refuse_strangers(Settings(host="0.0.0.0", sign_in="open"))
    refuse_strangers(Settings(host="0.0.0.0", sign_in="required"))
    add(run, "li", "--role", "auditor")
    refuse_strangers(Settings(host="0.0.0.0"))
