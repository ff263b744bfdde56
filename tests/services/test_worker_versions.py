"""A rolling upgrade: a worker that meets a fact of a newer version stops there; nothing is lost."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import httpx
import pytest

from ledger import codec
from ledger.events import RepaymentReceived
from ledger.store import PostgresStore

pytestmark = [pytest.mark.service, pytest.mark.slow]

Scale = Callable[..., Any]
NEWER = Path(__file__).with_name("newer.py")
PRELUDE = f"import runpy; runpy.run_path({str(NEWER)!r})['upgrade']()"
QUICK = {"session_seconds": "2"}


@pytest.fixture
def upgraded() -> Iterator[Callable[[], None]]:
    """Lets this process read what the newer version wrote, until the end of the test."""
    registers = (codec._by_topic, codec._documents, codec._upcasts)
    before = [dict(register) for register in registers]
    known = codec._by_class[RepaymentReceived]
    attributes = copy.copy(vars(known))
    spec = spec_from_file_location("newer", NEWER)
    assert spec is not None
    assert spec.loader is not None
    newer: Any = module_from_spec(spec)
    spec.loader.exec_module(newer)
    yield newer.upgrade
    vars(known).update(attributes)
    for register, entries in zip(registers, before, strict=True):
        register.clear()
        register.update(entries)  # type: ignore[arg-type]


def new_facts(scaled: Any) -> list[int]:
    """How many facts of the newer version each partition holds."""
    found = []
    for partition in range(scaled.partitions):
        with PostgresStore.open(scaled.settings.database, partition, read_only=True) as store:
            query = "SELECT count(*) FROM ledger_facts WHERE topic = 'loan.repayment_received.v2'"
            found.append(store.ledger.rows(query, ())[0][0])
    return found


def until(met: Callable[[], Any], seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := met()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def test_an_old_worker_that_meets_a_new_event_stops_clearly_and_nothing_is_dropped(
    scale: Scale,
    portfolio_messages: list[bytes],
    undisturbed: Any,
    upgraded: Callable[[], None],
    survived: Callable[..., None],
) -> None:
    scaled = scale(partitions=2)
    third = len(portfolio_messages) // 3
    old = scaled.start(**QUICK)
    place = scaled.joined(old)
    scaled.send(portfolio_messages[:third])
    scaled.wait()
    new = scaled.start(prelude=PRELUDE, **QUICK)
    scaled.joined(new)
    until(lambda: len(httpx.get(f"{place}/v1/status").json()["lanes"]) == 1)
    scaled.send(portfolio_messages[third : 2 * third])
    scaled.wait()
    # Each version wrote in its own partition; the old one goes on beside the new one.
    written = new_facts(scaled)
    assert sorted(map(bool, written)) == [False, True]
    theirs = written.index(max(written))
    new.kill()
    new.wait()
    # The old one takes the partition over, meets what it cannot read, and says so.
    log = scaled.folder / "worker0.log"
    until(lambda: f"partition {theirs} stops" in log.read_text())
    assert "newer than this LoanBell" in log.read_text()
    assert httpx.get(f"{place}/readyz").status_code == 503
    before = scaled.tracked("ledger", "loanbell.transactions.v1:{}")
    scaled.send(portfolio_messages[2 * third :])
    ours = 1 - theirs
    until(lambda: scaled.tracked("ledger", "loanbell.transactions.v1:{}")[ours] > before[ours])
    assert scaled.tracked("ledger", "loanbell.transactions.v1:{}")[theirs] == before[theirs]
    # The upgrade goes on: what waited is recorded, in order, by a worker that can read it.
    scaled.start(prelude=PRELUDE, **QUICK)
    old.terminate()
    assert old.wait(timeout=10) == 0
    scaled.wait()
    scaled.stop()
    upgraded()
    book = scaled.book()
    assert book.ledger == undisturbed.ledger
    assert book.warnings == undisturbed.warnings
    assert book.refused == undisturbed.refused
    assert book.days == undisturbed.days * 2
    survived(facts_of_a_newer_version=1)
