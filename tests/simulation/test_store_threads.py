"""One thread records, others read: every reader sees whole batches, in order, without gaps."""

from __future__ import annotations

import threading
from datetime import date
from pathlib import Path

import pytest

from ledger.events import BusinessDayClosed
from ledger.store import NewFact, Store

BATCH, BATCHES, STREAMS = 50, 60, 13


def fact(number: int) -> NewFact:
    day = BusinessDayClosed(
        transaction_id=f"c{number}", value_date=date(2024, 3, 29), recorded_at_us=number
    )
    stream, version = f"calendar{number % STREAMS}", number // STREAMS + 1
    return NewFact(stream, version, day, f"c{number}", b"0123456789abcdef")


@pytest.mark.parametrize("tail", [30, 100_000])
def test_readers_beside_the_writer_see_whole_batches(
    tmp_path: Path, tail: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.store.recorder.TAIL_FACTS", tail)
    errors: list[BaseException] = []
    done = threading.Event()

    def watch(store: Store) -> None:
        try:
            after = 0
            while after < BATCH * BATCHES:
                finished = done.is_set()
                facts = store.ledger.read(after=after, limit=10_000)
                assert len(facts) % BATCH == 0
                assert [f.position for f in facts] == list(range(after + 1, after + 1 + len(facts)))
                after += len(facts)
                stream = store.ledger.stream(f"calendar{after % STREAMS}")
                assert [f.version for f in stream] == list(range(1, len(stream) + 1))
                if after:
                    known = store.ledger.known_commands([f"c{after - 1}"])
                    assert known.keys() == {f"c{after - 1}"}
                if finished and not facts:
                    assert after == BATCH * BATCHES
        except BaseException as error:
            errors.append(error)

    with (
        Store.open(tmp_path / "ledger.db") as store,
        Store.open(tmp_path / "ledger.db", read_only=True) as other,
    ):
        readers = [threading.Thread(target=watch, args=(s,)) for s in (store, store, other)]
        for reader in readers:
            reader.start()
        for first in range(0, BATCH * BATCHES, BATCH):
            store.ledger.record([fact(number) for number in range(first, first + BATCH)])
        done.set()
        for reader in readers:
            reader.join(timeout=60)
        assert not errors
        assert not any(reader.is_alive() for reader in readers)
        assert store.ledger.verify().holds
