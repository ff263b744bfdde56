"""Movements read as columns: the same book as fact by fact, and no byte of an old fact lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest

from ledger import codec
from ledger.errors import InvariantBroken, StoredFactUnreadable
from ledger.events import AccountCredited, AccountDebited, BusinessDayClosed, RepaymentReceived
from ledger.store import FactLog, NewFact, Recorded, Store
from projections.facts import MOVEMENTS, Facts, runs, runs_between
from projections.projector import Projector

Dump = Callable[[Path], dict[str, list[tuple[Any, ...]]]]


@dataclass(frozen=True)
class FactByFact:
    """A log that can only be read fact by fact, as one in memory."""

    log: FactLog

    def read(self, *, after: int = 0, limit: int = 10_000) -> list[Recorded]:
        return self.log.read(after=after, limit=limit)

    def last_position(self) -> int:
        return self.log.last_position()


@dataclass(frozen=True)
class Plain:
    """Both logs of a store, fact by fact."""

    ledger: Any
    warnings: Any


def test_views_built_from_columns_equal_those_built_fact_by_fact(
    projected: Projector, book: Store, views_path: Path, dump: Dump, tmp_path: Path
) -> None:
    projected.rebuild("all")
    plain = Plain(FactByFact(book.ledger), FactByFact(book.warnings))
    other = Projector.open(tmp_path / "plain.db", plain)
    other.catch_up()
    other.rebuild("all")
    other.close()
    found = dump(views_path)
    assert found == dump(tmp_path / "plain.db")
    assert sum(row[5] for row in found["account_balances"]) > 4_000, "movements there are"


def test_columns_and_the_other_facts_are_together_all_facts(book: Store) -> None:
    facts = book.ledger.read(limit=10**6)
    last = facts[-1].position
    rest = book.ledger.read_without(MOVEMENTS, after=100, upto=last - 50)
    columns = book.ledger.columns(MOVEMENTS, after=100, upto=last - 50)
    between = [item for item in facts if 100 < item.position <= last - 50]
    assert rest == [item for item in between if type(item.fact) not in MOVEMENTS]
    for kind in (AccountCredited, AccountDebited):
        expected = [
            (item.fact.account_id, item.fact.value_date, item.fact.amount_minor)
            for item in between
            if type(item.fact) is kind
        ]
        assert sorted(zip(*columns[kind], strict=True)) == sorted(expected)
    nothing = book.ledger.columns(MOVEMENTS, after=last, upto=last)
    assert nothing == {AccountCredited: [[], [], []], AccountDebited: [[], [], []]}


def test_runs_are_cut_at_the_same_closes_with_the_same_movements(book: Store) -> None:
    facts = book.ledger.read(after=1_000, limit=3_000)
    plain = list(runs("ledger", facts))
    columned = list(runs_between("ledger", book.ledger, 1_000, 4_000))
    closes = [run for run in plain if not isinstance(run, Facts)]
    assert len(closes) > 3
    assert [run for run in columned if not isinstance(run, Facts)] == closes
    assert [moved(run) for run in columned if isinstance(run, Facts) and moved(run)] == [
        moved(run) for run in plain if isinstance(run, Facts) and moved(run)
    ]


def moved(run: Facts) -> list[tuple[Any, ...]]:
    return sorted(row for kind in MOVEMENTS for row in zip(*run.columns(kind), strict=True))


def test_a_view_cannot_take_movements_for_facts_by_mistake() -> None:
    with pytest.raises(InvariantBroken, match="AccountCredited comes as columns"):
        Facts("ledger", []).of(AccountCredited)
    assert Facts("ledger", []).of(RepaymentReceived) == ()


def test_a_movement_stored_in_an_older_version_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Version 0 had no `flow`; what was stored so is upcast and counted with the others."""
    day = date(2024, 3, 1)
    fact = AccountCredited(
        account_id="A",
        amount_minor=700,
        balance_minor=700,
        flow="trade",
        transaction_id="T1",
        value_date=day,
        recorded_at_us=1,
    )
    document = orjson.loads(codec.encode(fact)[1])
    del document["flow"]

    def as_before(said: Any) -> tuple[str, bytes]:
        if said is fact:
            return "account.credited.v0", orjson.dumps(document)
        return codec.encode(said)

    steps = {("account.credited", 0): lambda old: {**old, "flow": "other"}}
    monkeypatch.setattr(codec, "_upcasts", steps)
    monkeypatch.setattr("ledger.store.log.encode", as_before)
    closed = BusinessDayClosed(transaction_id="C", value_date=day, recorded_at_us=2)
    with Store.open(tmp_path / "ledger.db") as store:
        again = AccountCredited(**{**document, "flow": "trade", "transaction_id": "T2"})
        store.ledger.record(
            [
                NewFact("account:A", 1, fact),
                NewFact("account:A", 2, AccountCredited(**fields(again, value_date=day))),
                NewFact("days", 1, closed),
            ]
        )
        first, close, rest = runs_between("ledger", store.ledger, 0, 3)
    assert isinstance(first, Facts)
    assert not isinstance(close, Facts)
    assert isinstance(rest, Facts)
    assert first.columns(AccountCredited) == [["A", "A"], [day, day], [700, 700]]
    assert [item.fact.flow for item in first.recorded] == ["other"]
    assert rest.recorded == []


def fields(fact: AccountCredited, **changed: Any) -> dict[str, Any]:
    names: Sequence[str] = AccountCredited.__slots__  # type: ignore[attr-defined]
    return {name: getattr(fact, name) for name in names} | changed


@pytest.mark.parametrize("state", ['{"account_id":"A"}', '{"account_id":', "7"])
def test_columns_of_bytes_that_are_no_such_fact_are_refused(state: str) -> None:
    with pytest.raises(StoredFactUnreadable, match=r"account\.credited\.v1"):
        codec.columns(AccountCredited, ("account_id", "amount_minor"), state)
