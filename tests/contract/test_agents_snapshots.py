"""A node begins where its last snapshot stood, reads what came since, and says when it cannot."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.service import Incoming
from ledger.snapshot import freeze
from ledger.store import Store
from projections import rebuild
from streams import keeping, treating, watching
from streams.generate.portfolio import portfolio
from streams.ingest import read_many
from streams.settings import Settings
from streams.wiring import Node
from warning.windows import RollingSums

CLOSED = {"closed_by": "driver"}


@pytest.fixture(scope="module")
def messages() -> list[Incoming]:
    made = portfolio(loans=8, months=4, seed=3).messages()
    return read_many(made, source="core", first_offset=1, accepted_us=1)


@pytest.fixture(autouse=True)
def always_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "AT_STOP_SECONDS", 0.0)


@pytest.fixture
def read_from(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Where each reader of a past began: the watch by log, the views by the ledger's position."""
    found: list[tuple[str, int]] = []
    pages, upto = watching.pages, rebuild.read_up_to

    def watched(source: Any, after: int, **given: Any) -> Iterator[Any]:
        found.append((source.name, after))
        return pages(source, after, **given)

    def viewed(store: Any, fold: Any, upto_: Any, since: Any = rebuild.START) -> Iterator[int]:
        found.append(("views", since["ledger"]))
        return upto(store, fold, upto_, since)

    monkeypatch.setattr(watching, "pages", watched)
    monkeypatch.setattr(rebuild, "read_up_to", viewed)
    return found


def node_of(folder: Path, **given: Any) -> Node:
    return Node.open(Settings.load(CLOSED | {"data": folder} | given, environ={}))


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 60))


async def fed(folder: Path, messages: list[Incoming], **given: Any) -> tuple[bytes, bytes]:
    """Feed a node and stop it; the heads of its logs. Its views are what the facts give."""
    node = node_of(folder, **given)
    await node.start()
    if messages:
        await node.submit(messages)
    await node.settled()
    heads = node.store.ledger.head(), node.store.warnings.head()
    assert node.projector.check() == []
    await node.stop()
    node.close()
    return heads


def test_a_restart_reads_what_came_after_the_snapshot_and_ends_as_if_it_never_stopped(
    tmp_path: Path, messages: list[Incoming], read_from: list[tuple[str, int]]
) -> None:
    half = len(messages) // 2
    whole = run(fed(tmp_path / "whole", messages))
    run(fed(tmp_path / "cut", messages[:half]))
    with Store.open(tmp_path / "cut" / "ledger.db") as store:
        places = {log.name: log.last_position() for log in (store.ledger, store.warnings)}
        assert min(places.values()) > 0
        for name in ("watch", "views"):
            kept = store.snapshots.load(name)
            assert kept is not None
            assert {log: place.position for log, place in kept.at.items()} == places
    read_from.clear()
    assert run(fed(tmp_path / "cut", messages[half:])) == whole
    # The tail after the snapshot is empty; the first pages are asked for behind it.
    begun = {name: at for name, at in read_from if at}
    assert begun == {**places, "views": places["ledger"]}


def test_who_treats_goes_on_from_its_own_snapshot(
    tmp_path: Path, messages: list[Incoming], monkeypatch: pytest.MonkeyPatch
) -> None:
    half, treated = len(messages) // 2, {"strategy": "sme-collections"}
    whole = run(fed(tmp_path / "whole", messages[:half], **treated))
    assert run(fed(tmp_path / "cut", messages[:half], **treated)) == whole
    with Store.open(tmp_path / "cut" / "ledger.db") as store:
        kept = store.snapshots.load("treat")
        assert kept is not None
        place = store.ledger.tracked("treat")
        assert 0 < place <= kept.at["ledger"].position <= store.ledger.last_position()
    begun: list[tuple[str, int]] = []
    pages = treating.pages

    def read(source: Any, after: int, **given: Any) -> Iterator[Any]:
        begun.append((source.name, after))
        return pages(source, after, **given)

    monkeypatch.setattr(treating, "pages", read)
    assert run(fed(tmp_path / "cut", messages[half:], **treated))[0] != whole[0]
    assert begun[0] == ("warnings", kept.at["warnings"].position)
    assert begun[1] == ("ledger", kept.at["ledger"].position)


@pytest.mark.parametrize("other", [{"pack": "sme-trading"}, {"calendar": "weekends"}], ids=str)
def test_under_other_rules_or_days_all_facts_are_read_and_the_log_says_so(
    tmp_path: Path,
    messages: list[Incoming],
    caplog: pytest.LogCaptureFixture,
    other: dict[str, str],
) -> None:
    run(fed(tmp_path / "book", messages))
    run(only_started(node_of(tmp_path / "book", **other)))
    reason = "it is of another version, other rules or another calendar"
    assert f"watch: the snapshot is put aside, all facts are read: {reason}" in caplog.text


async def only_started(node: Node) -> None:
    await node.start()
    await node.settled()
    await node.stop()
    node.close()


def test_a_snapshot_of_another_book_is_put_aside(
    tmp_path: Path, messages: list[Incoming], caplog: pytest.LogCaptureFixture
) -> None:
    """As after a backup was put back and the book went on otherwise."""
    half = len(messages) // 2
    run(fed(tmp_path / "book", messages[: half + 40]))
    run(fed(tmp_path / "other", messages[:half]))
    with Store.open(tmp_path / "book" / "ledger.db") as store:
        kept = store.snapshots.load("watch")
        assert kept is not None
    with Store.open(tmp_path / "other" / "ledger.db") as store:
        store.snapshots.save(kept)
    shutil.rmtree(tmp_path / "book")
    run(only_started(node_of(tmp_path / "other")))
    assert "it is not of this ledger log" in caplog.text


def test_while_it_runs_one_is_kept_when_the_work_since_is_worth_it(
    tmp_path: Path, messages: list[Incoming], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(keeping, "TIMES_ITS_COST", 0.0)

    async def work() -> None:
        async with node_of(tmp_path / "book", batch_messages=200) as node:
            await node.submit(messages)
            await node.settled()
            while node.busy:
                await asyncio.sleep(0.01)
            standings = keeping.standings_of(node.derivers, 0)
            assert [*standings] == [("watch", 0), ("project", 0)]
            for name, standing in zip(("watch", "views"), standings.values(), strict=True):
                kept = node.store.snapshots.load(name)
                assert kept is not None
                assert standing.position == kept.at["ledger"].position
                assert standing.size_bytes == len(kept.state)
                assert standing.write_seconds > 0

    run(work())


def test_what_cannot_be_kept_is_said_once_and_stops_nothing(
    tmp_path: Path,
    messages: list[Incoming],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(*_: Any) -> Any:
        raise TypeError("No snapshot holds this.")

    monkeypatch.setattr(watching, "frozen", refuse)
    run(fed(tmp_path / "book", messages))
    assert caplog.text.count("no snapshots are made: No snapshot holds this.") == 1
    run(fed(tmp_path / "book", []))


def test_what_no_snapshot_holds_counts_until_one_is_written(tmp_path: Path) -> None:
    async def work() -> None:
        with Store.open(tmp_path / "ledger.db") as store:
            keeper = keeping.Keeper("watch", store, key="k")
            keeper.worked(3.0)
            keeper.save(freeze(RollingSums((30,)), {}), keeper.at({"ledger": 0}))
            keeper.worked(0.5)
            assert keeper.standing.unkept_seconds == 3.5  # until it is written
            while keeper.is_saving:
                await asyncio.sleep(0.01)
            assert keeper.standing.unkept_seconds == 0.5
            kept = store.snapshots.load("watch")
            assert kept is not None
            assert keeper.standing.size_bytes == len(kept.state)
            keeper.refuse("of no use")
            assert keeper.standing.size_bytes == 0
            keeper.give_up(TypeError("cannot be kept"))
            keeper.worked(100.0)
            assert not keeper.is_due
            assert keeper.standing.unkept_seconds == 100.5

    run(work())
