"""Snapshots lie beside the facts, on SQLite, on PostgreSQL and in memory alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.store import Checkpoint, MemoryStore, PostgresStore, Snapshot, Store

Opened = Store | PostgresStore | MemoryStore


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.service), "memory"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Opened]:
    monkeypatch.setattr("ledger.store.snapshots.PIECE_BYTES", 100)
    opened: Opened
    if request.param == "memory":
        opened = MemoryStore()
    elif request.param == "sqlite":
        opened = Store.open(tmp_path / "ledger.db")
    else:
        migrated: Callable[..., str] = request.getfixturevalue("migrated")
        opened = PostgresStore.open(migrated())
    yield opened
    opened.close()


def of(position: int, *, name: str = "watch", size: int = 250) -> Snapshot:
    at = {"ledger": Checkpoint(position, bytes([7]) * 32), "warnings": Checkpoint(3, bytes(32))}
    return Snapshot(name, "this code", at, bytes(range(250)) * (size // 250))


def test_what_was_kept_is_found_whole_and_the_last_one_counts(store: Opened) -> None:
    assert store.snapshots.load("watch") is None
    store.snapshots.save(of(10))
    assert store.snapshots.load("watch") == of(10)
    store.snapshots.save(of(20, size=500))
    assert store.snapshots.load("watch") == of(20, size=500)
    store.snapshots.save(of(20, size=0))
    assert store.snapshots.load("watch") == of(20, size=0)


def test_each_name_has_its_own(store: Opened) -> None:
    store.snapshots.save(of(10))
    store.snapshots.save(of(5, name="views"))
    assert store.snapshots.load("watch") == of(10)
    assert store.snapshots.load("views") == of(5, name="views")
    assert store.snapshots.load("grades") is None


def rows(store: Store | PostgresStore) -> list[tuple[str, int, int]]:
    return store.ledger.rows("SELECT name, number, part FROM snapshots ORDER BY 1, 2, 3", ())


def change(store: Store | PostgresStore, statement: str) -> None:
    with store.ledger._recorder.datastore.transaction(commit=True) as cursor:
        cursor.execute(statement)


def test_older_ones_are_taken_away_piece_by_piece(store: Opened) -> None:
    if isinstance(store, MemoryStore):
        return
    for position in (10, 20):
        store.snapshots.save(of(position))
    # 250 bytes in pieces of 100: the head and three parts; numbered by both places, 20 + 3.
    assert rows(store) == [("watch", 23, part) for part in range(4)]


def test_one_that_was_cut_off_while_it_was_written_leaves_the_one_before(store: Opened) -> None:
    if isinstance(store, MemoryStore):
        return
    store.snapshots.save(of(10))
    change(store, "INSERT INTO snapshots SELECT name, 99, part, state FROM snapshots WHERE part=1")
    assert store.snapshots.load("watch") == of(10)
    store.snapshots.save(of(100))
    assert rows(store) == [("watch", 103, part) for part in range(4)]


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM snapshots WHERE part = 2",
        "UPDATE snapshots SET state = (SELECT state FROM snapshots WHERE part = 1) WHERE part = 2",
        "UPDATE snapshots SET state = (SELECT state FROM snapshots WHERE part = 1) WHERE part = 0",
    ],
)
def test_one_that_is_not_what_was_written_is_as_none(store: Opened, damage: str) -> None:
    if isinstance(store, MemoryStore):
        return
    store.snapshots.save(of(10))
    change(store, damage)
    assert store.snapshots.load("watch") is None
