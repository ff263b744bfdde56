"""The hash chain finds whatever is changed behind the ledger's back."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import fields
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.events import AccountCredited
from ledger.store import ChainReport, Checkpoint, NewFact, Store
from ledger.store.verify import Walk

Verify = Callable[..., ChainReport]
FACTS = 40
COLUMNS = [
    "position",
    "originator_id",
    "originator_version",
    "topic",
    "state",
    "previous",
    "command_id",
    "command_digest",
    "chain",
]


def fact(number: int) -> NewFact:
    account, version = ("D", 1) if number == 0 else ("ABC"[number % 3], (number + 2) // 3)
    credited = AccountCredited(
        account_id=account,
        amount_minor=number + 1,
        balance_minor=number,
        flow="trade",
        transaction_id=f"T{number}",
        value_date=date(2024, 3, 29),
        recorded_at_us=number,
    )
    command = (f"T{number}", bytes(range(16))) if number % 2 else (None, None)
    return NewFact(f"account:{account}", version, credited, *command)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed ledger of 40 facts, some of them with an index in the tables."""
    path = tmp_path_factory.mktemp("pristine") / "ledger.db"
    with pytest.MonkeyPatch.context() as patch, Store.open(path) as store:
        patch.setattr(store.ledger._recorder._tail, "_capacity", 10)
        for number in range(FACTS):
            store.ledger.record([fact(number)])
        assert store.ledger._recorder.indexed_heads()[0] > 10
        assert store.ledger.verify().holds
    return path


@pytest.fixture(scope="module")
def tampered(
    pristine: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., ChainReport]:
    """Run SQL on a fresh copy, then verify it."""
    folder = tmp_path_factory.mktemp("tampered")

    def check(*statements: tuple[str, tuple[object, ...]]) -> ChainReport:
        for old in folder.iterdir():
            old.unlink()
        path = folder / "ledger.db"
        shutil.copy(pristine, path)
        connection = sqlite3.connect(path, isolation_level=None)
        for sql, parameters in statements:
            assert connection.execute(sql, parameters).rowcount != 0
        connection.close()
        with Store.open(path, read_only=True) as store:
            return store.ledger.verify()

    return check


def test_an_untouched_ledger_holds(tampered: Verify) -> None:
    report = tampered()
    assert report.holds
    assert report.facts == FACTS


def test_facts_that_come_while_it_is_walked_are_no_fault(tmp_path: Path) -> None:
    with Store.open(tmp_path / "ledger.db") as store:
        store.ledger.record([fact(0)])
        sql, rows = store.ledger._sql, store.ledger._recorder.rows
        coming = [fact(2), fact(1)]

        def note() -> Checkpoint:
            if coming:  # Recorded when all rows were read, and before the end is asked for.
                store.ledger.record([coming.pop()])
            return Checkpoint(*rows(sql.select_log)[0][:2])

        walked = Walk("ledger", None).run(
            lambda after, limit: rows(sql.verify, (after, limit)), note, None
        )
        assert (walked.holds, walked.facts) == (True, 3)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    position=st.integers(1, FACTS),
    column=st.sampled_from(COLUMNS[1:]),
    at=st.integers(0, 200),
    bit=st.integers(0, 7),
)
def test_a_changed_bit_is_found_where_it_is(
    tampered: Verify,
    pristine: Path,
    position: int,
    column: str,
    at: int,
    bit: int,
) -> None:
    read = sqlite3.connect(pristine)
    query = f"SELECT {column}, originator_id FROM ledger_facts WHERE position = ?"
    value, stream = read.execute(query, (position,)).fetchone()
    changed = flipped(value, at, bit)
    report = tampered(
        (f"UPDATE ledger_facts SET {column} = ? WHERE position = ?", (changed, position))
    )
    assert report.fault is not None
    assert report.fault.position == position
    assert report.checkpoint.position == position - 1
    if column != "originator_id":
        assert report.fault.stream == stream


def flipped(value: object, at: int, bit: int) -> object:
    """`value` with one bit changed; None becomes something."""
    if value is None:
        return b"\0" * 16 if bit % 2 else "T"
    if isinstance(value, int):
        return value ^ (1 << bit)
    raw = bytearray(value.encode() if isinstance(value, str) else bytes(value))
    raw[at % len(raw)] ^= 1 << (bit % 7 if isinstance(value, str) else bit)
    return raw.decode() if isinstance(value, str) else bytes(raw)


def test_a_text_where_bytes_were_is_found(tampered: Verify) -> None:
    report = tampered(
        ("UPDATE ledger_facts SET state = CAST(state AS TEXT) WHERE position = 5", ())
    )
    assert report.fault is not None
    assert (report.fault.position, report.fault.what) == (5, "state holds a str")


@pytest.mark.parametrize("position", [1, 17, FACTS])
def test_a_missing_row_is_found(tampered: Verify, position: int) -> None:
    report = tampered(("DELETE FROM ledger_facts WHERE position = ?", (position,)))
    assert report.fault is not None
    assert report.fault.position == position
    assert "missing" in report.fault.what


def test_two_rows_that_changed_places_are_found(tampered: Verify) -> None:
    report = tampered(
        ("UPDATE ledger_facts SET position = 1000 WHERE position = 7", ()),
        ("UPDATE ledger_facts SET position = 7 WHERE position = 8", ()),
        ("UPDATE ledger_facts SET position = 8 WHERE position = 1000", ()),
    )
    assert report.fault is not None
    assert report.fault.position == 7


def test_a_row_added_at_the_end_is_found(tampered: Verify) -> None:
    report = tampered(
        (
            f"INSERT INTO ledger_facts SELECT {FACTS + 1}, {', '.join(COLUMNS[1:])} "
            "FROM ledger_facts WHERE position = 3",
            (),
        ),
    )
    assert report.fault is not None
    assert report.fault.position == FACTS + 1


def test_a_history_cut_short_together_with_its_note_fails_an_anchor_kept_elsewhere(
    tampered: Verify, pristine: Path, tmp_path: Path
) -> None:
    path = tmp_path / "ledger.db"
    shutil.copy(pristine, path)
    with Store.open(path) as store:
        anchor = Checkpoint(store.ledger.last_position(), store.ledger.head())
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("DELETE FROM ledger_facts WHERE position > 30")
    connection.execute(
        "UPDATE logs SET position = 30, "
        "chain = (SELECT chain FROM ledger_facts WHERE position = 30) WHERE name = 'ledger'"
    )
    connection.close()
    with Store.open(path, read_only=True) as store:
        assert not store.ledger.verify(since=anchor).holds


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE ledger_heads SET position = position - 3 WHERE originator_id = 'account:A'",
        "UPDATE ledger_heads SET originator_version = 1 WHERE originator_id = 'account:B'",
        "UPDATE ledger_heads SET originator_id = 'account:Z' WHERE originator_id = 'account:B'",
        "DELETE FROM ledger_heads WHERE originator_id = 'account:D'",
        "UPDATE ledger_commands SET position = position + 1 WHERE command_id = 'T3'",
        "UPDATE ledger_commands SET command_id = 'T4' WHERE command_id = 'T3'",
        "DELETE FROM ledger_commands WHERE command_id = 'T1'",
        "UPDATE logs SET position = position - 1 WHERE name = 'ledger'",
        "UPDATE logs SET chain = zeroblob(32) WHERE name = 'ledger'",
    ],
)
def test_a_changed_index_or_note_is_found(tampered: Verify, sql: str) -> None:
    assert not tampered((sql, ())).holds


def test_an_index_can_be_built_again_from_the_facts(pristine: Path, tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    shutil.copy(pristine, path)
    with Store.open(path) as store:
        expected = store.ledger.streams(["account:A", "account:B"])
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("DELETE FROM ledger_heads")
    connection.execute("UPDATE ledger_commands SET position = 1")
    connection.close()
    with Store.open(path) as store:
        assert not store.ledger.verify().holds
        store.ledger.reindex()
        assert store.ledger.verify().holds
        assert store.ledger.streams(["account:A", "account:B"]) == expected
        assert store.ledger.known_commands(["T3"])["T3"].stream == "account:A"
        store.ledger.record([fact(FACTS)])


def test_every_column_is_covered(pristine: Path) -> None:
    read = sqlite3.connect(pristine)
    names = [row[1] for row in read.execute("PRAGMA table_info(ledger_facts)")]
    assert names == COLUMNS
    assert [field.name for field in fields(Checkpoint)] == ["position", "chain"]
