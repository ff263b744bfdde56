"""What is kept beside the facts may be thrown away at any moment, and no answer changes."""

from __future__ import annotations

import sqlite3
from datetime import date
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from ledger.service import Ledger, Outcome
from ledger.store import Store
from projections.projector import Projector
from projections.queries import Queries
from projections.trial_balance import TrialBalance
from streams.generate.portfolio import Portfolio
from streams.ingest import read_many

BATCH = 150


def recorded(path: Path, drop: Random | None) -> list[Outcome]:
    """Record a portfolio in batches; with `drop`, forget something after each of them."""
    messages = Portfolio(loans=25, months=5, seed=11, start=date(2024, 1, 2)).messages()
    outcomes: list[Outcome] = []
    store, offset = Store.open(path), 1
    ledger = Ledger(store.ledger)
    while batch := list(islice(messages, BATCH)):
        told = read_many(batch, source="made", first_offset=offset, accepted_us=0)
        outcomes += ledger.record(told).outcomes
        offset += len(batch)
        what = drop.choice(["states", "memory", "index", "none"]) if drop is not None else "none"
        if what == "states":
            ledger = Ledger(store.ledger, cached_entities=2)
        elif what == "index":
            store.ledger.reindex()
        elif what == "memory":
            store.close()
            store = Store.open(path)
            ledger = Ledger(store.ledger)
    assert store.ledger.verify().holds
    store.close()
    return outcomes


@pytest.mark.parametrize("seed", range(2))
def test_states_and_indexes_dropped_at_any_moment_change_no_byte(tmp_path: Path, seed: int) -> None:
    plain = recorded(tmp_path / "plain" / "ledger.db", None)
    dropped = recorded(tmp_path / "dropped" / "ledger.db", Random(seed))
    assert dropped == plain
    with (
        Store.open(tmp_path / "plain" / "ledger.db", read_only=True) as one,
        Store.open(tmp_path / "dropped" / "ledger.db", read_only=True) as two,
    ):
        assert one.ledger.head() == two.ledger.head()
        assert one.ledger.last_position() > len(plain) > 1_000


def test_an_index_that_is_gone_altogether_is_built_again_from_the_facts(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    recorded(path, None)
    with Store.open(path) as store:
        before = store.ledger.streams(["loan:L000001", "loan:L000002"])
        store.ledger.reindex()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("DELETE FROM ledger_heads")
    connection.execute("DELETE FROM ledger_commands")
    connection.close()
    with Store.open(path) as store:
        assert not store.ledger.verify().holds
        store.ledger.reindex()
        assert store.ledger.verify().holds
        assert store.ledger.streams(["loan:L000001", "loan:L000002"]) == before


def test_views_thrown_away_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    recorded(path, None)
    balances = []
    with Store.open(path, read_only=True) as store:
        for _ in range(2):
            projector = Projector.open(tmp_path / "views.db", store, views=(TrialBalance,))
            projector.catch_up()
            projector.close()
            reads = Queries.open(tmp_path / "views.db", store)
            balances.append(reads.trial_balance(None))
            reads.close()
            for file in tmp_path.glob("views.db*"):
                file.unlink()
    assert balances[0] == balances[1]
    assert len(balances[0]) > 4
