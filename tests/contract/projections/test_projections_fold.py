"""The views' contract: their rows follow from the facts, however the facts arrive."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ledger.errors import InvariantBroken, StoreUnavailable
from ledger.events import RepaymentReceived, RepaymentReversed
from ledger.store import LEDGER_LOG, WARNINGS_LOG, Recorded, Store
from projections.projector import Projector
from projections.tables import Database

Dump = Callable[[Path], dict[str, list[tuple[Any, ...]]]]


def batches(facts: list[Recorded], random: Random) -> list[list[Recorded]]:
    """The facts in batches of 1 to 400, mostly small."""
    cut: list[list[Recorded]] = []
    at = 0
    while at < len(facts):
        size = random.choice([1, 2, 7, 50, 400])
        cut.append(facts[at : at + size])
        at += size
    return cut


def test_the_book_has_late_reversed_and_refused_messages(book: Store) -> None:
    """Without them the tests of this folder would say little."""
    facts = [item.fact for item in book.ledger.read(limit=10**6)]
    late = [
        fact
        for fact in facts
        if isinstance(fact, RepaymentReceived)
        and fact.recorded_at_us // 86_400_000_000 - (fact.value_date.toordinal() - 719_163) > 3
    ]
    assert len(late) >= 3
    assert sum(isinstance(fact, RepaymentReversed) for fact in facts) >= 3
    assert book.warnings.last_position() > 20


@pytest.mark.parametrize("seed", [1, 2])
def test_rows_do_not_depend_on_how_facts_are_batched(
    book: Store, tmp_path: Path, dump: Dump, seed: int
) -> None:
    at_once = Projector.open(tmp_path / "whole.db", book)
    at_once.project(LEDGER_LOG, book.ledger.read(limit=10**6))
    at_once.project(WARNINGS_LOG, book.warnings.read(limit=10**6))
    at_once.close()
    random = Random(seed)
    queues = {
        LEDGER_LOG: batches(book.ledger.read(limit=10**6), random),
        WARNINGS_LOG: batches(book.warnings.read(limit=10**6), random),
    }
    cut = Projector.open(tmp_path / "cut.db", book)
    while any(queues.values()):
        log = random.choice([name for name, queue in queues.items() if queue])
        cut.project(log, queues[log].pop(0))
        if random.random() < 0.03:  # a restart: everything in memory is gone
            cut.close()
            cut = Projector.open(tmp_path / "cut.db", book)
    cut.close()
    assert dump(tmp_path / "cut.db") == dump(tmp_path / "whole.db")


def test_every_view_equals_its_rebuild(projected: Projector, dump: Dump, views_path: Path) -> None:
    before = dump(views_path)
    assert all(before.values()), "every table has rows"
    assert projected.check() == []
    report = projected.rebuild("all")
    assert (report.outcome, report.differing) == ("swapped", ())
    assert dump(views_path) == before


def test_facts_projected_twice_change_nothing(
    projected: Projector, book: Store, dump: Dump, views_path: Path
) -> None:
    before = dump(views_path)
    projected.project(LEDGER_LOG, book.ledger.read(limit=500))
    projected.project(WARNINGS_LOG, book.warnings.read(limit=10))
    assert dump(views_path) == before


def test_a_gap_between_batches_is_refused(book: Store, views_path: Path) -> None:
    projector = Projector.open(views_path, book)
    projector.project(LEDGER_LOG, book.ledger.read(limit=100))
    with pytest.raises(InvariantBroken, match="up to 100, the batch starts at 151"):
        projector.project(LEDGER_LOG, book.ledger.read(after=150, limit=100))
    assert projector.position(LEDGER_LOG) == 100
    projector.catch_up()
    assert projector.position(LEDGER_LOG) == book.ledger.last_position()
    assert projector.check() == []
    projector.close()


def test_a_full_disk_writes_nothing_and_the_next_call_writes_it_all(
    book: Store, views_path: Path, tmp_path: Path, dump: Dump
) -> None:
    projector = Projector.open(views_path, book)
    facts = book.ledger.read(limit=10**6)
    projector.project(LEDGER_LOG, facts[:1500])
    before = dump(views_path)
    limit_pages(projector, by=4)
    with pytest.raises(StoreUnavailable, match="full") as refused:
        projector.project(LEDGER_LOG, facts[1500:])
    assert "free some space" in refused.value.way_out
    assert dump(views_path) == before
    assert projector.position(LEDGER_LOG) == 1500
    limit_pages(projector, by=100_000)
    projector.project(LEDGER_LOG, [])
    projector.close()
    whole = Projector.open(tmp_path / "whole.db", book)
    whole.project(LEDGER_LOG, facts)
    whole.close()
    assert dump(views_path) == dump(tmp_path / "whole.db")


def limit_pages(projector: Projector, *, by: int) -> None:
    """Let the file grow by some pages only, as a disk that fills up would."""
    database: Database = projector._database
    with database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar() or 0
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + by}")


def test_a_second_fold_that_fails_half_way_leaves_the_rows_of_the_first(
    book: Store, views_path: Path, dump: Dump
) -> None:
    """A fact that no view can take stops the projector; the facts before it stay projected."""
    projector = Projector.open(views_path, book)
    facts = book.ledger.read(limit=2000)
    projector.project(LEDGER_LOG, facts[:1000])
    before = dump(views_path)
    lost = [item for item in facts[1000:] if not item.stream.startswith("account:")]
    torn = [Recorded(1001 + at, item.stream, 99, item.fact) for at, item in enumerate(lost)]
    unknown = Recorded(1001 + len(torn), "loan:NOBODY", 1, orphan(facts))
    with pytest.raises(KeyError):
        projector.project(LEDGER_LOG, [*torn, unknown])
    assert dump(views_path) == before
    projector.catch_up()
    assert projector.check() == []
    projector.close()


def orphan(facts: list[Recorded]) -> Any:
    """A repayment to a loan that was never opened."""
    from dataclasses import replace

    paid = next(item.fact for item in facts if isinstance(item.fact, RepaymentReceived))
    return replace(paid, loan_id="NOBODY")
