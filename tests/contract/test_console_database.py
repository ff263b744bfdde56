"""`check` and `case pack` over a scaled-out book: every partition's logs, and the audit log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import orjson
import psycopg
import pytest
from click.testing import Result
from typer.testing import CliRunner

from ledger.commands import Command
from ledger.errors import UnknownEntity
from ledger.events import SignedIn
from ledger.scenario import read_diary
from ledger.service import Incoming, Ledger
from ledger.store import NewFact, PostgresAudit, PostgresStore
from projections.projector import Projector
from projections.tables import Schema
from streams.cli import commands
from streams.parts import views_of, views_schema
from streams.settings import Settings

pytestmark = pytest.mark.service
LOAN = """\
2024-01-01 open L{n} 300.00 CNY, method annuity, instalments 3, borrower B{n}
2024-01-01 disburse L{n} 300.00
2024-01-02 case B{n} K{n}, loans L{n}
2024-01-02 note B{n} K{n} N{n}
"""


def told(text: str) -> list[Command]:
    lines = read_diary(text, name="book").lines
    return [line.command for line in lines if line.command is not None]


@pytest.fixture
def url(migrated: Callable[..., str]) -> str:
    """Two partitions: B0 lives in the first and B1 in the second. One person signed in twice."""
    address = migrated(partitions=2)
    for partition in (0, 1):
        with PostgresStore.open(address, partition) as store:
            batch = [
                Incoming(c, None, b"", "diary", n, c.recorded_at_us, c.transaction_id)
                for n, c in enumerate(told(LOAN.format(n=partition)), start=1)
            ]
            outcomes = Ledger(store.ledger).record(batch).outcomes
            assert [each.status for each in outcomes] == ["accepted"] * 4
            place = Schema(address, views_schema(partition))
            projector = Projector.open(place, store, views=views_of(Settings()))
            projector.catch_up()
            projector.close()
    audit = PostgresAudit.open(address)
    signed = SignedIn(
        user_id="li.na", way="password", address="::1", value_date=date(2024, 1, 2),
        recorded_at_us=1_704_153_600_000_000,
    )  # fmt: skip
    audit.audit.record([NewFact("person:li.na", 1, signed), NewFact("person:li.na", 2, signed)])
    audit.close()
    return address


def run(*words: str) -> Result:
    return CliRunner().invoke(commands(), list(words), env={"COLUMNS": "200"})


def change(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        assert connection.execute(statement).rowcount == 1  # type: ignore[call-overload]


def test_every_chain_and_every_view_of_a_database_is_walked(url: str, tmp_path: Path) -> None:
    file = tmp_path / "end.anchor"
    whole = run("check", "--database", url, "--json", "--out", str(file))
    assert whole.exit_code == 0, whole.output
    answer = orjson.loads(whole.stdout)
    # A loan is opened, gets its schedule and is paid out; a case and a note: five facts.
    assert [(one["log"], one["facts"], one["fault"]) for one in answer["chains"]] == [
        ("ledger/0", 5, None), ("warnings/0", 0, None),
        ("ledger/1", 5, None), ("warnings/1", 0, None), ("audit", 2, None),
    ]  # fmt: skip
    assert (answer["differences"], answer["views_behind"], answer["views_fault"]) == ([], 0, None)
    later = run("check", "--database", url, "--chains-only", "--json", "--since", str(file),
                "--anchor", str(file))  # fmt: skip
    assert later.exit_code == 0, later.output
    assert [one["facts"] for one in orjson.loads(later.stdout)["chains"]] == [0] * 5


@pytest.mark.parametrize(
    ("table", "log"),
    [
        ("loanbell_audit.audit_facts", "audit"),
        ("loanbell_p1.ledger_facts", "ledger/1"),
        ("loanbell_p0.ledger_facts", "ledger/0"),
    ],
)
def test_a_changed_fact_is_found_in_whichever_log_it_is(url: str, table: str, log: str) -> None:
    change(url, f"UPDATE {table} SET state = state || ' '::bytea WHERE position = 2")
    found = run("check", "--database", url, "--json")
    assert found.exit_code == 1, found.output
    faults = {one["log"]: one["fault"] for one in orjson.loads(found.stdout)["chains"]}
    assert [name for name, fault in faults.items() if fault is not None] == [log]
    assert faults[log]["position"] == 2


def test_a_changed_view_of_one_partition_is_found(url: str) -> None:
    change(url, "UPDATE loanbell_p1_views.cases SET owner_id = 'U9' WHERE case_id = 'K1'")
    found = run("check", "--database", url, "--json")
    assert found.exit_code == 1, found.output
    (difference,) = orjson.loads(found.stdout)["differences"]
    assert "K1" in difference


@pytest.mark.parametrize("number", [0, 1])
def test_evidence_is_packed_from_the_partition_of_its_borrower_and_holds_there(
    url: str, tmp_path: Path, number: int
) -> None:
    file = tmp_path / "pack.json"
    packed = run("case", "pack", f"K{number}", "--out", str(file), "--database", url)
    assert packed.exit_code == 0, packed.output
    document = orjson.loads(file.read_bytes())
    assert document["subjects"]["borrower_id"] == f"B{number}"
    assert len(document["facts"]) == 5
    held = run("check", "--pack", str(file), "--database", url, "--json")
    assert held.exit_code == 0, held.output
    assert orjson.loads(held.stdout)["against"] == ["itself", "book"]
    change(url, f"DELETE FROM loanbell_p{number}.ledger_facts WHERE position = 5")
    assert run("check", "--pack", str(file), "--database", url).exit_code == 1


def test_a_case_that_no_partition_has_is_named(url: str, tmp_path: Path) -> None:
    refused = run("case", "pack", "K9", "--out", str(tmp_path / "x.json"), "--database", url)
    assert isinstance(refused.exception, UnknownEntity)
    assert "There is no case K9" in str(refused.exception)
