"""What every fact log promises, on SQLite, on PostgreSQL and in memory alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from ledger.errors import StaleVersion
from ledger.events import (
    AccountCredited,
    AccountDebitReturned,
    BusinessDayClosed,
    MessageRefused,
)
from ledger.store import (
    AlreadyTracked,
    Checkpoint,
    FactLog,
    KnownCommand,
    MemoryStore,
    NewFact,
    PostgresStore,
    Store,
)
from projections.facts import ColumnLog

DIGEST = b"0123456789abcdef"


Opened = Store | PostgresStore | MemoryStore
STORES = [
    "sqlite",
    "sqlite, index moved often",
    "postgres",
    "postgres, index moved often",
    "memory",
]


@pytest.fixture(params=[pytest.param(s, marks=pytest.mark.service) if "post" in s else s
                        for s in STORES])  # fmt: skip
def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Opened]:
    if "index moved often" in request.param:
        monkeypatch.setattr("ledger.store.recorder.TAIL_FACTS", 1)
    opened: Opened
    if request.param == "memory":
        opened = MemoryStore()
    elif "sqlite" in request.param:
        opened = Store.open(tmp_path / "ledger.db")
    else:
        migrated: Callable[..., str] = request.getfixturevalue("migrated")
        opened = PostgresStore.open(migrated())
    yield opened
    opened.close()


@pytest.fixture
def log(store: Opened) -> FactLog:
    return store.ledger


def credit(account: str, number: int) -> AccountCredited:
    return AccountCredited(
        account_id=account,
        amount_minor=100 + number,
        balance_minor=number,
        flow="trade",
        transaction_id=f"T{number}",
        value_date=date(2024, 3, 29),
        recorded_at_us=1_711_700_000_000_000 + number,
    )


def new(account: str, version: int, *, command: str | None = None) -> NewFact:
    digest = DIGEST if command is not None else None
    return NewFact(f"account:{account}", version, credit(account, version), command, digest)


def test_an_empty_log_has_nothing_and_holds(log: FactLog) -> None:
    assert log.read() == []
    assert log.stream("account:A") == []
    assert log.streams(["account:A"]) == {}
    assert log.versions(["account:A"]) == {}
    assert log.known_commands(["T1"]) == {}
    assert (log.last_position(), log.head(), log.tracked("t")) == (0, bytes(32), 0)
    report = log.verify()
    assert report.holds
    assert report.checkpoint == Checkpoint()


def test_facts_come_back_as_they_went_in_with_gapless_positions(log: FactLog) -> None:
    recorded = log.record([new("A", 1), new("B", 1), new("A", 2)])
    recorded += log.record([new("B", 2)])
    assert [fact.position for fact in recorded] == [1, 2, 3, 4]
    assert [fact.event_id for fact in recorded] == [
        "account:A@1",
        "account:B@1",
        "account:A@2",
        "account:B@2",
    ]
    assert recorded[0].fact == credit("A", 1)
    assert log.read() == recorded
    assert log.read(after=1, limit=2) == recorded[1:3]
    assert log.read(after=4) == []
    assert log.last_position() == 4


def test_a_stream_is_read_in_order_and_many_at_once(log: FactLog) -> None:
    recorded = log.record([new("A", 1), new("B", 1), new("A", 2), new("C", 1), new("A", 3)])
    assert log.stream("account:A") == [recorded[0], recorded[2], recorded[4]]
    assert log.streams(["account:A", "account:C", "account:nobody"]) == {
        "account:A": [recorded[0], recorded[2], recorded[4]],
        "account:C": [recorded[3]],
    }
    assert log.versions(["account:A", "account:B", "account:nobody"]) == {
        "account:A": 3,
        "account:B": 1,
    }


@pytest.mark.parametrize("version", [0, 1, 3, 4])
def test_a_version_that_is_not_the_next_is_stale_and_nothing_is_kept(
    log: FactLog, version: int
) -> None:
    log.record([new("A", 1)])
    with pytest.raises(StaleVersion):
        log.record([new("B", 1), new("A", version)], tracking={"t": 5})
    assert log.last_position() == 1
    assert log.tracked("t") == 0
    assert log.stream("account:B") == []
    assert log.record([new("B", 1), new("A", 2)])[1].position == 3


def test_tracking_moves_with_the_facts_and_only_ahead(log: FactLog) -> None:
    log.record([new("A", 1)], tracking={"topic:0": 10, "topic:1": 3})
    assert (log.tracked("topic:0"), log.tracked("topic:1"), log.tracked("other")) == (10, 3, 0)
    for last in (9, 10):
        with pytest.raises(AlreadyTracked):
            log.record([new("A", 2)], tracking={"topic:1": 4, "topic:0": last})
    assert (log.last_position(), log.tracked("topic:1")) == (1, 3)
    log.record([], tracking={"topic:1": 4})
    assert (log.last_position(), log.tracked("topic:1")) == (1, 4)


def test_a_batch_sent_again_is_already_tracked_rather_than_stale(log: FactLog) -> None:
    log.record([new("A", 1)], tracking={"t": 1})
    with pytest.raises(AlreadyTracked):
        log.record([new("A", 1)], tracking={"t": 1})


def test_a_command_is_known_by_its_digest_and_first_fact(log: FactLog) -> None:
    log.record([new("A", 1, command="T1"), new("A", 2), new("B", 1, command="T2")])
    assert log.known_commands(["T1", "T2", "T3"]) == {
        "T1": KnownCommand(DIGEST, "account:A", 1),
        "T2": KnownCommand(DIGEST, "account:B", 1),
    }


def test_a_known_command_is_not_recorded_again(log: FactLog) -> None:
    log.record([new("A", 1, command="T1")])
    with pytest.raises(StaleVersion):
        log.record([new("A", 2, command="T1")])
    with pytest.raises(StaleVersion):
        log.record([new("A", 2, command="T2"), new("A", 3, command="T2")])
    assert log.known_commands(["T2"]) == {}
    assert log.last_position() == 1


def test_the_two_logs_have_their_own_positions_tracking_and_chain(
    store: Opened,
) -> None:
    store.ledger.record([new("A", 1, command="T1")], tracking={"t": 7})
    assert store.warnings.last_position() == 0
    assert store.warnings.tracked("t") == 0
    assert store.warnings.known_commands(["T1"]) == {}
    store.warnings.record([new("A", 1)], tracking={"t": 2})
    assert store.ledger.tracked("t") == 7
    assert store.warnings.read()[0].position == 1
    assert (store.ledger.name, store.warnings.name) == ("ledger", "warnings")


def test_the_chain_does_not_depend_on_batches(log: FactLog, tmp_path: Path) -> None:
    facts = [new(account, version) for version in (1, 2, 3) for account in "ABC"]
    with Store.open(tmp_path / "one" / "ledger.db") as other:
        other.ledger.record(facts)
        for fact in facts:
            log.record([fact])
        assert log.head() == other.ledger.head()
        assert log.head() != bytes(32)


def test_verification_resumes_from_its_checkpoint(log: FactLog) -> None:
    log.record([new("A", 1), new("A", 2)])
    first = log.verify()
    assert (first.facts, first.checkpoint) == (2, Checkpoint(2, log.head()))
    log.record([new("A", 3)])
    seen: list[int] = []
    later = log.verify(since=first.checkpoint, progress=seen.append)
    assert later.holds
    assert later.facts == 1
    assert later.checkpoint == Checkpoint(3, log.head())
    assert seen[-1] == 3


def test_a_checkpoint_of_another_history_does_not_verify(log: FactLog) -> None:
    log.record([new("A", 1), new("A", 2)])
    report = log.verify(since=Checkpoint(1, b"x" * 32))
    assert not report.holds
    assert report.fault is not None
    assert (report.fault.position, report.fault.stream) == (2, "account:A")


def test_long_and_strange_texts_survive(log: FactLog) -> None:
    original = "贷款\n\0\\\"{}'\x7f" * 3_000
    refused = MessageRefused(
        source="topic:0",
        offset=1,
        code="malformed",
        reason="não",
        original=original,
        encoding="utf-8",
        original_bytes=len(original.encode()),
        original_sha256="0" * 64,
        transaction_id=None,
        value_date=date(2024, 3, 29),
        recorded_at_us=1,
    )
    closed = BusinessDayClosed(transaction_id="c", value_date=date(2024, 3, 29), recorded_at_us=2)
    log.record([NewFact("refusals", 1, refused), NewFact("calendar", 1, closed)])
    assert [fact.fact for fact in log.read()] == [refused, closed]
    assert log.verify().holds


def test_columns_and_the_rest_are_the_facts_as_they_are_read_one_by_one(store: Opened) -> None:
    log = store.ledger
    if isinstance(store, MemoryStore):
        assert not isinstance(log, ColumnLog), "views read it fact by fact"
        return
    assert isinstance(log, ColumnLog)
    closed = BusinessDayClosed(transaction_id="C1", value_date=date(2024, 3, 29), recorded_at_us=1)
    strange = replace(credit("账户,'A\\", 5), transaction_id='%s ? "x", {y} \u2028')
    back = AccountDebitReturned(
        account_id="A",
        amount_minor=7,
        flow="loan_repayment",
        transaction_id="T7",
        value_date=date(2024, 4, 1),
        recorded_at_us=2,
    )
    log.record([new("A", 1), new("A", 2), NewFact("calendar:main", 1, closed)])
    log.record([NewFact("account:S", 1, strange), NewFact("account:A", 3, back), new("B", 1)])
    asked = {AccountCredited: ("transaction_id", "value_date", "amount_minor", "account_id"),
             AccountDebitReturned: ("amount_minor", "flow")}  # fmt: skip
    facts = log.read()
    for after in range(7):
        for upto in range(after, 8):
            between = [item for item in facts if after < item.position <= upto]
            rest = [item for item in between if type(item.fact) not in asked]
            assert log.read_without(asked, after=after, upto=upto) == rest
            columns = log.columns(asked, after=after, upto=upto)
            for kind, names in asked.items():
                assert len(columns[kind]) == len(names)
                expected = [
                    tuple(getattr(item.fact, name) for name in names)
                    for item in between
                    if type(item.fact) is kind
                ]
                assert sorted(zip(*columns[kind], strict=True)) == sorted(expected)
