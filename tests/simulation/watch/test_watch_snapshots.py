"""A watch brought back from a snapshot is the one that read every fact: in answers and in bytes.

Replay one seed: `python -m pytest tests/simulation/watch/test_watch_snapshots.py -k "seed3"`.
"""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

import numpy as np
import pytest

from ledger.dates import Calendar
from ledger.errors import LoanError
from ledger.events import WarningRaised
from ledger.snapshot import SnapshotUnusable
from ledger.store import MemoryStore
from warning.indicators import CATALOGUE
from warning.pack import Pack
from warning.remembered import bring_back, frozen, key_of
from warning.rules import DEFAULT_PACK, load_pack, parse_pack
from warning.watch import AcknowledgeWarning, FindFalse, StartAction, SuppressWarning, Watch
from warning.windows import Growing

Diary = Any  # The class of the fixture `diary`; see conftest.
Book = Any  # One of them.


def run(
    book: Book, pack: Pack, store: MemoryStore, draw: Random, *, killed: float
) -> tuple[Watch, int]:
    """All facts in batches with people in between; `killed`: the chance of a kill at each.

    A killed watch comes back from the last snapshot, taken some batches before, and the tail.
    """
    watch, at, restarts = book.watch(pack), 0, 0
    kept: tuple[bytes, int] | None = None
    lots = Random(draw.random())
    while at < len(book.facts):
        at = min(at + draw.choice([1, 3, 9, 30]), len(book.facts))
        book.commit(store, watch.observe(book.facts[:at]))
        people(watch, book, store, draw, at)
        if lots.random() < 0.2:
            kept = frozen(watch).packed(), store.warnings.last_position()
        if lots.random() < killed and kept is not None:
            state, warned = kept
            watch = book.watch(pack)
            bring_back(watch, state)
            tail = store.warnings.read(after=warned, limit=10**6)
            assert watch.replay(iter(book.facts[watch.position : at]), tail) == []
            assert watch.position == at
            restarts += 1
    return watch, restarts


def people(watch: Watch, book: Book, store: MemoryStore, draw: Random, at: int) -> None:
    if draw.random() < 0.5 or not watch.open_warnings:
        return
    warning_id = draw.choice(sorted(watch.open_warnings))
    until = book.facts[at - 1].fact.value_date + timedelta(days=draw.randrange(1, 30))
    action = draw.choice(
        [
            AcknowledgeWarning(warning_id=warning_id, actor="O1", note="seen"),
            StartAction(warning_id=warning_id, actor="O1", action="called"),
            FindFalse(warning_id=warning_id, actor="O1", reason="paid elsewhere"),
            SuppressWarning(warning_id=warning_id, actor="O1", reason="known", until=until),
        ]
    )
    try:
        book.commit(store, watch.act(action, recorded_at_us=at))
    except LoanError:
        return


@pytest.mark.parametrize("seed", [0, 1, 2, 3], ids=lambda seed: f"seed{seed}")
def test_brought_back_anywhere_the_log_and_all_answers_are_the_same(
    seed: int, diary: Diary, eager: Pack, busy: Pack
) -> None:
    pack = (eager, load_pack(DEFAULT_PACK), busy)[seed % 3]
    book = diary(seed, days=110)
    quiet, rough = MemoryStore(), MemoryStore()
    undisturbed, _ = run(book, pack, quiet, Random(seed), killed=0.0)
    restarted, restarts = run(book, pack, rough, Random(seed), killed=0.3)
    assert restarts >= 3
    assert quiet.warnings.last_position() > 20
    assert rough.warnings.head() == quiet.warnings.head()
    one, other = (watch.engine.values(CATALOGUE) for watch in (undisturbed, restarted))
    for name in CATALOGUE:
        assert np.array_equal(one[name], other[name], equal_nan=True), name


@pytest.mark.parametrize("seed", [0, 1, 2], ids=lambda seed: f"seed{seed}")
def test_nothing_that_a_watch_holds_is_forgotten(
    seed: int, diary: Diary, eager: Pack, busy: Pack
) -> None:
    """Every attribute of everything, by `==`: an attribute added later cannot be left out."""
    pack = (eager, load_pack(DEFAULT_PACK), busy)[seed]
    book = diary(seed, days=80)
    watch, _ = run(book, pack, MemoryStore(), Random(seed), killed=0.0)
    there = book.watch(pack)
    bring_back(there, frozen(watch).packed())
    seen: set[tuple[int, int]] = set()
    differ(watch, there, "watch", seen)
    assert len(seen) > 100


def differ(one: Any, other: Any, place: str, seen: set[tuple[int, int]]) -> None:
    """Fails where two graphs differ; functions are wiring and may."""
    if (id(one), id(other)) in seen or one is other:
        return
    seen.add((id(one), id(other)))
    assert type(one) is type(other), place
    if isinstance(one, (FunctionType, MethodType, BuiltinFunctionType)) or callable(one):
        return
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype, place
        assert np.array_equal(one, other, equal_nan=one.dtype.kind == "f"), place
    elif isinstance(one, dict):
        assert list(map(str, one)) == list(map(str, other)), place
        for key, here, there in zip(one, one.values(), other.values(), strict=True):
            differ(here, there, f"{place}[{key!r}]", seen)
    elif isinstance(one, (set, frozenset, str, int, float, date)) or one is None:
        assert one == other, place
    elif hasattr(one, "__iter__"):
        assert len(one) == len(other), place
        for at, (here, there) in enumerate(zip(one, other, strict=True)):
            differ(here, there, f"{place}[{at}]", seen)
    else:
        slots = [name for base in type(one).__mro__ for name in getattr(base, "__slots__", ())]
        for name in {*slots, *getattr(one, "__dict__", ())}:
            differ(getattr(one, name), getattr(other, name), f"{place}.{name}", seen)


def test_a_column_that_grows_later_grows_as_in_the_original(diary: Diary, busy: Pack) -> None:
    book = diary(1, days=30)
    watch, _ = run(book, busy, MemoryStore(), Random(1), killed=0.0)
    there = book.watch(busy)
    bring_back(there, frozen(watch).packed())
    for engine in (watch.engine, there.engine):
        assert isinstance(engine.columns, Growing)
        engine.columns.grow(1_000)
        assert engine.columns.account[-1] == -1
    assert np.array_equal(watch.engine.columns.limit, there.engine.columns.limit)


def test_a_record_that_does_not_follow_is_refused_and_all_facts_are_the_way_out(
    diary: Diary, busy: Pack
) -> None:
    book, store = diary(5, days=100), MemoryStore()
    half = len(book.facts) // 2
    watch = book.watch(busy)
    book.commit(store, watch.observe(book.facts[:half]))
    state, warned = frozen(watch).packed(), store.warnings.last_position()
    book.commit(store, watch.observe(book.facts))
    tail = store.warnings.read(after=warned, limit=10**6)
    rung = next(at for at, item in enumerate(tail) if isinstance(item.fact, WarningRaised))
    changed = [*tail[:rung], *tail[rung + 1 :]]
    there = book.watch(busy)
    bring_back(there, state)
    with pytest.raises(SnapshotUnusable, match="Something else follows"):
        there.replay(iter(book.facts[half:]), changed)
    there.begin()
    assert there.replay(iter(book.facts), store.warnings.read(limit=10**6)) == []
    assert there.open_warnings == watch.open_warnings


def test_rules_that_were_adopted_since_make_it_useless(diary: Diary, busy: Pack) -> None:
    book, store = diary(6, days=60), MemoryStore()
    half = len(book.facts) // 2
    watch = book.watch(busy)
    book.commit(store, watch.observe(book.facts[:half]))
    state, warned = frozen(watch).packed(), store.warnings.last_position()
    other = parse_pack(busy.text.replace("dpd_days >= 10", "dpd_days >= 12"), path="other.toml")
    book.restart(other, store, half)
    there = book.watch(busy)
    bring_back(there, state)
    with pytest.raises(SnapshotUnusable, match="adopted since"):
        there.replay(iter(()), store.warnings.read(after=warned))


def test_other_rules_days_or_code_have_another_key(busy: Pack, eager: Pack) -> None:
    holidays = Calendar(holidays=[date(2024, 1, 1)])
    keys = [key_of(busy, Calendar()), key_of(eager, Calendar()), key_of(busy, holidays)]
    assert len({*keys}) == 3
    assert key_of(busy, Calendar()) == keys[0]


def test_what_people_did_after_the_last_fact_is_taken_in(diary: Diary, busy: Pack) -> None:
    book, store = diary(5, days=100), MemoryStore()
    watch = book.watch(busy)
    book.commit(store, watch.observe(book.facts))
    state, warned = frozen(watch).packed(), store.warnings.last_position()
    seen = AcknowledgeWarning(warning_id=min(watch.open_warnings), actor="O1", note="seen")
    book.commit(store, watch.act(seen, recorded_at_us=1))
    there = book.watch(busy)
    bring_back(there, state)
    assert there.replay(iter(()), store.warnings.read(after=warned)) == []
    with pytest.raises(LoanError, match="answered already"):
        there.act(seen, recorded_at_us=2)
