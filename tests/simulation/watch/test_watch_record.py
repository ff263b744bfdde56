"""What is on record stands, whatever another version, calendar or pack would say about the past."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from ledger.dates import Calendar
from ledger.events import RulesAdopted, WarningRaised, WarningResolved, WarningWithdrawn
from ledger.store import Store
from warning.rules import Pack

Diary = Any  # The class of the fixture `diary`; see conftest.
FIRST = date(2023, 1, 2)


def test_what_is_on_record_stands_when_the_same_rules_would_say_something_else_now(
    diary: Diary, eager: Pack, stores: Callable[[], Store]
) -> None:
    book, store = diary(1, days=90), stores()
    half = len(book.facts) // 2
    said = book.watch(eager).observe(book.facts[:half])
    at = next(n for n, new in enumerate(said) if type(new.fact) is WarningRaised)
    said[at] = said[at]._replace(fact=replace(said[at].fact, reason="In other words."))
    book.commit(store, said)
    watch = book.restart(eager, store, half)
    assert watch.difference.startswith(f"at position {at + 1} {said[at].stream}@")
    assert rules_adopted_at(store) == [0, said[-1].fact.ledger_position]
    standing = open_warnings(store)
    assert standing
    quiet = book.restart(eager, store, half)
    assert quiet.difference == ""
    assert quiet.open_warnings == standing
    book.commit(store, quiet.observe(book.facts))
    assert open_warnings(store) != standing
    assert book.restart(eager, store, len(book.facts)).difference == ""
    assert len(rules_adopted_at(store)) == 2


@pytest.mark.parametrize("seed", range(3), ids=lambda seed: f"seed{seed}")
def test_after_a_holiday_is_added_every_restart_goes_on_from_the_record_and_agrees(
    seed: int, diary: Diary, eager: Pack, stores: Callable[[], Store]
) -> None:
    """Another calendar counts other business days: the past is not concluded the same any more."""
    book, draw, heads = diary(seed, days=100), Random(seed), []
    half = len(book.facts) // 2
    other = Calendar(holidays=[FIRST + timedelta(days=n) for n in (15, 16, 17, 18)])
    said = book.watch(eager).observe(book.facts[:half])
    for kills in (0, 6):
        store = stores()
        book.commit(store, said)
        stops = {half, len(book.facts), *draw.sample(range(half + 1, len(book.facts)), kills)}
        for stop in sorted(stops):
            watch = book.restart(eager, store, stop, calendar=other)
            assert bool(watch.difference) == (stop == half)
        assert [item.fact for item in store.warnings.read(limit=len(said))] == [
            new.fact for new in said
        ]
        heads.append(store.warnings.head())
    assert heads[0] == heads[1]


def test_rules_that_this_version_cannot_read_leave_what_is_on_record_standing(
    diary: Diary, eager: Pack, stores: Callable[[], Store]
) -> None:
    book, store = diary(1, days=60), stores()
    said = book.watch(eager).observe(book.facts)
    text = eager.text.replace("quiet_days", "silent_days")
    old = replace(said[0].fact, text=text, digest="0" * 64)
    book.commit(store, [said[0]._replace(fact=old), *said[1:]])
    again = book.restart(eager, store, len(book.facts))
    assert "silent_days" in again.difference
    assert len(rules_adopted_at(store)) == 2
    assert book.restart(eager, store, len(book.facts)).difference == ""


def rules_adopted_at(store: Store) -> list[int]:
    facts = [record.fact for record in store.warnings.read(limit=100_000)]
    return [fact.ledger_position for fact in facts if isinstance(fact, RulesAdopted)]


def open_warnings(store: Store) -> set[str]:
    """Raised and not ended, by the log alone."""
    found: set[str] = set()
    for record in store.warnings.read(limit=100_000):
        if isinstance(record.fact, WarningRaised):
            found.add(record.fact.warning_id)
        elif isinstance(record.fact, WarningResolved | WarningWithdrawn):
            found.discard(record.fact.warning_id)
    return found
