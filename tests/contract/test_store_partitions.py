"""Partitions in PostgreSQL commit side by side, and no reader passes a gap that is filled later."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.errors import StaleVersion, StoreLost, StoreUnavailable
from ledger.events import AccountCredited
from ledger.store import (
    AlreadyTracked,
    NewFact,
    PostgresStore,
    Store,
    migrate,
    partitions_of,
    unowned,
)

pytestmark = pytest.mark.service

DIGEST = b"0123456789abcdef"


def new(account: str, version: int) -> NewFact:
    fact = AccountCredited(
        account_id=account,
        amount_minor=100,
        balance_minor=version,
        flow="trade",
        transaction_id=f"{account}-{version}",
        value_date=date(2024, 3, 29),
        recorded_at_us=version,
    )
    return NewFact(f"account:{account}", version, fact, f"{account}-{version}", DIGEST)


@contextmanager
def held_up(url: str, partition: int) -> Iterator[Callable[[], None]]:
    """No commit of the partition's ledger ends before the block does, or the call lets it."""
    with psycopg.connect(url) as blocker:
        blocker.execute(f"LOCK TABLE loanbell_p{partition}.ledger_facts IN SHARE MODE")
        yield blocker.commit


def wait_for_waiters(url: str, count: int) -> None:
    """Until `count` sessions of the database wait for a lock."""
    query = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(2_000):
            row = connection.execute(query).fetchone()
            if row is not None and row[0] >= count:
                return
            threading.Event().wait(0.005)
    raise AssertionError(f"{count} sessions never waited")


def test_a_slow_commit_holds_up_no_other_partition_and_no_reader_passes_it(
    migrated: Callable[..., str],
) -> None:
    url = migrated(partitions=2)
    with (
        PostgresStore.open(url, 0) as slow,
        PostgresStore.open(url, 1) as fast,
        PostgresStore.open(url, 0, read_only=True) as reader,
        ThreadPoolExecutor(1) as pool,
        held_up(url, 0) as let_go,
    ):
        committing = pool.submit(slow.ledger.record, [new("A", 1), new("A", 2)], tracking={"t": 2})
        wait_for_waiters(url, 1)
        fast.ledger.record([new("B", 1)])
        assert [fact.stream for fact in fast.ledger.read()] == ["account:B"]
        # The end of the slow log is moved already, but to nobody else's eyes.
        assert (reader.ledger.read(), reader.ledger.last_position()) == ([], 0)
        assert reader.ledger.tracked("t") == 0
        let_go()
        committing.result(timeout=10)
        assert [fact.position for fact in reader.ledger.read()] == [1, 2]
        assert reader.ledger.tracked("t") == 2
        assert fast.ledger.read()[0].position == 1


def test_a_writer_that_was_overtaken_is_refused_and_leaves_no_gap(
    migrated: Callable[..., str],
) -> None:
    url = migrated()
    with PostgresStore.open(url) as zombie:
        zombie.ledger.record([new("A", 1)])
        assert zombie._lock is not None
        zombie._lock.close()  # As when the database cut the connection that holds the lock.
        with (
            PostgresStore.open(url) as owner,
            ThreadPoolExecutor(2) as pool,
            held_up(url, 0) as let_go,
        ):
            first = pool.submit(owner.ledger.record, [new("A", 2), new("B", 1)])
            wait_for_waiters(url, 1)
            second = pool.submit(zombie.ledger.record, [new("C", 1)], tracking={"t": 9})
            wait_for_waiters(url, 2)
            let_go()
            assert [fact.position for fact in first.result(timeout=10)] == [2, 3]
            with pytest.raises(StaleVersion):
                second.result(timeout=10)
            assert [f.stream for f in owner.ledger.read(after=1)] == ["account:A", "account:B"]
            assert owner.ledger.tracked("t") == 0
            assert owner.ledger.verify().holds


def test_an_overtaken_writer_may_not_even_move_its_tracking(migrated: Callable[..., str]) -> None:
    url = migrated()
    with PostgresStore.open(url) as zombie:
        zombie.ledger.last_position()
        zombie.ledger.record([new("A", 1)])
        assert zombie._lock is not None
        zombie._lock.close()
        with PostgresStore.open(url) as owner:
            owner.ledger.record([new("A", 2)])
            # What it made of these messages it decided on a state that is gone.
            with pytest.raises(StaleVersion):
                zombie.ledger.record([], tracking={"t": 9})
            assert owner.ledger.tracked("t") == 0


def test_a_partition_has_one_writer_and_any_number_of_readers(migrated: Callable[..., str]) -> None:
    url = migrated(partitions=2)
    assert unowned(url) == [0, 1]
    with PostgresStore.open(url, 1) as writer:
        assert unowned(url) == [0]
        with pytest.raises(StoreUnavailable, match=r"writes to partition 1 .*already"):
            PostgresStore.open(url, 1)
        with PostgresStore.open(url, 1, read_only=True) as reader:
            writer.ledger.record([new("A", 1)])
            assert reader.ledger.stream("account:A") == writer.ledger.read()
            with pytest.raises(StoreUnavailable, match="opened to read"):
                reader.ledger.record([new("A", 2)])
    PostgresStore.open(url, 1).close()


def test_an_account_has_one_home_among_all_partitions(migrated: Callable[..., str]) -> None:
    url = migrated(partitions=2)
    with PostgresStore.open(url, 0) as one, PostgresStore.open(url, 1) as two:
        one.ledger.record([new("A", 1)])
        assert two.homes(["account:A", "account:B", "loan:A"]) == {"account:A": 0}
        with pytest.raises(StaleVersion):
            two.ledger.record([new("B", 1), new("A", 1)])
        assert two.ledger.last_position() == 0
        two.ledger.record([new("B", 1)])
        assert one.homes(["account:A", "account:B"]) == {"account:A": 0, "account:B": 1}


def test_the_chain_is_that_of_sqlite(migrated: Callable[..., str], tmp_path: Path) -> None:
    facts = [new("A", 1), new("B", 1), new("A", 2)]
    with PostgresStore.open(migrated()) as there, Store.open(tmp_path / "ledger.db") as here:
        there.ledger.record(facts)
        here.ledger.record(facts)
        assert there.ledger.head() == here.ledger.head()


@pytest.mark.parametrize(
    ("change", "position"),
    [
        ("UPDATE ledger_facts SET state = state || ' ' WHERE position = 2", 2),
        ("UPDATE ledger_facts SET command_digest = '\\x00' WHERE position = 2", 2),
        ("DELETE FROM ledger_facts WHERE position = 2", 2),
        ("UPDATE logs SET position = 1 WHERE name = 'ledger'", 4),
    ],
)
def test_a_change_behind_its_back_is_found(
    migrated: Callable[..., str], change: str, position: int
) -> None:
    url = migrated()
    with PostgresStore.open(url) as store:
        store.ledger.record([new("A", 1), new("A", 2), new("A", 3)])
        with psycopg.connect(url, options="-c search_path=loanbell_p0") as connection:
            assert connection.execute(change).rowcount == 1
        fault = store.ledger.verify().fault
        assert fault is not None
        assert fault.position == position


def test_a_connection_cut_in_a_commit_keeps_nothing_and_the_batch_can_be_sent_again(
    migrated: Callable[..., str],
) -> None:
    url = migrated()
    with PostgresStore.open(url) as store, ThreadPoolExecutor(1) as pool:
        store.ledger.record([new("A", 1)])
        with held_up(url, 0):
            cut = pool.submit(store.ledger.record, [new("A", 2)], tracking={"t": 1})
            wait_for_waiters(url, 1)
            with psycopg.connect(url, autocommit=True) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )
            with pytest.raises(StoreLost, match="let go of the connection"):
                cut.result(timeout=10)
        assert (store.ledger.last_position(), store.ledger.tracked("t")) == (1, 0)
        assert store.ledger.record([new("A", 2)], tracking={"t": 1})[0].position == 2


def test_a_commit_whose_answer_was_lost_is_told_by_its_tracking(
    migrated: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with PostgresStore.open(migrated()) as store:
        datastore = store.ledger._recorder.datastore
        whole = datastore.transaction

        @contextmanager
        def unanswered(*, commit: bool) -> Iterator[Any]:
            with whole(commit=commit) as cursor:
                yield cursor
            raise psycopg.OperationalError("the connection is lost")

        with monkeypatch.context() as patch:
            patch.setattr(datastore, "transaction", unanswered)
            with pytest.raises(StoreLost):
                store.ledger.record([new("A", 1)], tracking={"t": 1})
        with pytest.raises(AlreadyTracked):
            store.ledger.record([new("A", 1)], tracking={"t": 1})
        assert store.ledger.record([new("A", 2)], tracking={"t": 2})[0].position == 2


def test_migrations_go_forth_and_back_and_keep_every_fact(postgres: Any) -> None:
    url = postgres.create("migrations")
    assert partitions_of(url) == 0
    with pytest.raises(StoreUnavailable, match="loanbell migrate"):
        PostgresStore.open(url)
    with pytest.raises(StoreUnavailable, match="number of partitions is not known"):
        migrate(url)
    assert [line[:7] for line in migrate(url, partitions=2)] == [
        "1 taken",
        "2 taken",
        "3 taken",
        "4 taken",
    ]
    assert (partitions_of(url), migrate(url), migrate(url, partitions=2)) == (2, [], [])
    with pytest.raises(StoreUnavailable, match="2 partitions, not 3"):
        migrate(url, partitions=3)
    with PostgresStore.open(url, 1) as store:
        store.ledger.record([new("A", 1), new("A", 2)])
        head = store.ledger.head()
    assert migrate(url, to=1) == [
        "4 taken back: snapshots of the watch and the views",
        "3 taken back: the audit log",
        "2 taken back: the homes of loans and accounts",
    ]
    with pytest.raises(StoreUnavailable, match="has schema 1, this LoanBell needs 4"):
        PostgresStore.open(url)
    with pytest.raises(StoreUnavailable, match="Partition 1 holds facts"):
        migrate(url, to=0)
    migrate(url)
    with PostgresStore.open(url, 1) as store:
        assert store.ledger.head() == head
        assert store.ledger.verify().holds
        assert store.homes(["account:A"]) == {"account:A": 1}
    with pytest.raises(StoreUnavailable, match="none of 2 partitions"):
        PostgresStore.open(url, 2)


def test_an_empty_database_goes_all_the_way_back(migrated: Callable[..., str]) -> None:
    url = migrated(partitions=3)
    assert len(migrate(url, to=0)) == 4
    with psycopg.connect(url) as connection:
        query = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'loanbell%'"
        assert connection.execute(query).fetchone() == (0,)


def test_no_password_gets_into_an_error(free_port: Callable[[], int]) -> None:
    with pytest.raises(StoreLost) as caught:
        PostgresStore.open(f"postgresql://bank:open-sesame@127.0.0.1:{free_port()}/ledger")
    assert "ledger at 127.0.0.1" in str(caught.value)
    assert "sesame" not in str(caught.value)
