"""A watch that is killed, fed in other batches and restarted writes the same log, byte for byte.

Replay one seed: `python -m pytest tests/simulation/watch/test_watch_restarts.py -k "seed3"`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from ledger.errors import LoanError
from ledger.events import BusinessDayClosed, WarningLapsed, WarningRaised, WarningWithdrawn
from ledger.store import NewFact, Store
from warning.rules import DEFAULT_PACK, Pack, load_pack, parse_pack
from warning.waiting import pending_in
from warning.watch import (
    AcknowledgeWarning,
    FindFalse,
    StartAction,
    SuppressWarning,
    WarningAction,
    Watch,
)

Diary = Any  # The class of the fixture `diary`; see conftest.
Book = Any  # One of them.
PATIENT = """
name = "patient"
title = "Patient"
[[rule]]
name = "late"
title = "Late"
source = "this test"
when = "dpd_days >= 1"
for = 6
severity = "watch"
reason = "{dpd_days} days past due"
[[rule]]
name = "unmoved"
title = "Unmoved"
source = "this test"
when = "quiet_days >= 2 or balance_minor < 60_000"
for = 8
severity = "watch"
reason = "{quiet_days} days"
"""
Planned = dict[int, list[tuple[WarningAction, int]]]


def undisturbed(book: Book, pack: Pack, store: Store, draw: Random) -> Planned:
    """One fact at a time, never killed; people act now and then. Returns who acted where."""
    watch = book.watch(pack)
    planned: Planned = {}
    for record in book.facts:
        book.commit(store, watch.observe([record]))
        if draw.random() < 0.05 and store.warnings.last_position():
            known = [r.fact for r in store.warnings.read(limit=100_000)]
            raised = [fact.warning_id for fact in known if isinstance(fact, WarningRaised)]
            if not raised:
                continue
            action = some_action(draw, draw.choice(raised[-8:]), record.fact.value_date)
            moment = record.fact.recorded_at_us + 5
            try:
                book.commit(store, watch.act(action, recorded_at_us=moment))
            except LoanError:
                continue
            planned.setdefault(record.position, []).append((action, moment))
    return planned


def some_action(draw: Random, warning_id: str, day: date) -> WarningAction:
    kind = draw.randrange(4)
    if kind == 0:
        return AcknowledgeWarning(warning_id=warning_id, actor="O1", note="seen")
    if kind == 1:
        return StartAction(warning_id=warning_id, actor="O1", action="called")
    if kind == 2:
        return FindFalse(warning_id=warning_id, actor="O1", reason="paid elsewhere")
    until = day + timedelta(days=draw.randrange(1, 30))
    return SuppressWarning(warning_id=warning_id, actor="O1", reason="known", until=until)


def disturbed(book: Book, pack: Pack, store: Store, planned: Planned, draw: Random) -> int:
    """Random batches, and a kill before or after a commit now and then. Returns the restarts."""
    restarts, at = 0, 0
    watch = book.watch(pack)
    while at < len(book.facts):
        stops = [position for position in planned if position > at]
        end = min(at + draw.choice([1, 7, 40, 100, 300]), min(stops, default=len(book.facts)))
        for step in [None, *planned.get(end, ())]:
            produced = take(step, watch, book, end)
            fate = draw.random()
            if fate < 0.1:  # Killed before the commit: what it concluded is lost.
                watch = book.restart(pack, store, end)
                produced = take(step, watch, book, end) if step else []
            book.commit(store, produced)
            if 0.1 <= fate < 0.2:  # Killed after the commit.
                watch = book.restart(pack, store, end)
            restarts += fate < 0.2
        at = end
    return restarts


def take(
    step: tuple[WarningAction, int] | None, watch: Watch, book: Book, end: int
) -> list[NewFact]:
    if step is None:
        return watch.observe(book.facts[:end])
    action, moment = step
    return watch.act(action, recorded_at_us=moment)


@pytest.mark.parametrize("seed", [0, 1, 2, 5, 6, 8], ids=lambda seed: f"seed{seed}")
def test_killed_anywhere_and_cut_anyhow_the_log_is_the_same(
    seed: int, diary: Diary, eager: Pack, busy: Pack, stores: Callable[[], Store]
) -> None:
    pack = (eager, load_pack(DEFAULT_PACK), busy)[seed % 3]
    book = diary(seed, days=110)
    quiet, rough = stores(), stores()
    planned = undisturbed(book, pack, quiet, Random(seed))
    restarts = disturbed(book, pack, rough, planned, Random(seed + 100))
    assert restarts >= 3
    assert quiet.warnings.last_position() > 20
    assert rough.warnings.last_position() == quiet.warnings.last_position()
    assert rough.warnings.head() == quiet.warnings.head()


def test_what_is_pending_on_record_is_what_the_watch_counts_at_every_close(
    diary: Diary, stores: Callable[[], Store]
) -> None:
    """Late facts and restarts included: at each close both tell the same waits."""
    book, pack, store = diary(6, days=110), parse_pack(PATIENT, path="patient.toml"), stores()
    watch, facts, waited, causes = book.watch(pack), [], 0, 0
    for record in book.facts:
        produced = watch.observe([record])
        book.commit(store, produced)
        facts += [new.fact for new in produced]
        causes += sum(bool(getattr(new.fact, "cause_event_ids", ())) for new in produced
                      if type(new.fact) is WarningLapsed)  # fmt: skip
        if type(record.fact) is BusinessDayClosed:
            told = pending_in(facts, record.fact.value_date, calendar=watch.calendar)
            assert told == watch.pending()
            waited += len(told)
        if record.position % 150 == 0:
            watch = book.restart(pack, store, record.position)
    assert waited > 100
    assert causes == 3  # Waits that never were, by late facts.


def test_the_two_packs_walk_every_path(
    diary: Diary, eager: Pack, busy: Pack, stores: Callable[[], Store]
) -> None:
    kinds: set[str] = set()
    for seed, pack in enumerate((eager, busy)):
        store = stores()
        undisturbed(diary(seed, days=150), pack, store, Random(seed))
        kinds |= {type(record.fact).__name__ for record in store.warnings.read(limit=100_000)}
    assert kinds == {
        *("WarningPending", "WarningLapsed"),
        *("RulesAdopted", "WarningRaised", "WarningEscalated", "WarningReopened"),
        *("WarningAcknowledged", "WarningActionStarted", "WarningSuppressed", "WarningFoundFalse"),
        *("WarningDeferred", "WarningReferred", "WarningExpired"),
        *("WarningResolved", "WarningWithdrawn"),
    }


@pytest.mark.parametrize("seed", [3, 8], ids=lambda seed: f"seed{seed}")
def test_under_other_rules_what_waits_and_rests_goes_on_from_the_record(
    seed: int, diary: Diary, eager: Pack, busy: Pack, stores: Callable[[], Store]
) -> None:
    """Deferred, referred, acted on, found false and resolved ones live on after rules change."""
    book, draw, heads = diary(seed, days=120), Random(seed), []
    other = parse_pack(busy.text.replace("dpd_days >= 10", "dpd_days >= 12"), path="other.toml")
    early, first = diary(seed, days=60), stores()
    half = len(early.facts)
    assert early.facts == book.facts[:half]
    undisturbed(early, busy, first, Random(seed))
    said = list(first.warnings.read(limit=100_000))
    for kills in (0, 6):
        store = stores()
        store.warnings.record([NewFact(i.stream, i.version, i.fact) for i in said])
        stops = {half, len(book.facts), *draw.sample(range(half, len(book.facts)), kills)}
        for stop in sorted(stops):
            watch = book.restart(other, store, stop)
            assert watch.pack.digest == other.digest
        heads.append(store.warnings.head())
    assert heads[0] == heads[1]


def test_rules_that_change_between_two_runs_are_adopted_once_and_survive_every_restart(
    diary: Diary, eager: Pack, stores: Callable[[], Store]
) -> None:
    other = load_pack(DEFAULT_PACK)
    book, draw, heads = diary(6, days=100), Random(6), []
    half = len(book.facts) // 2
    for kills in (0, 5):
        store = stores()
        watch = book.watch(eager)
        stops = sorted({half, len(book.facts), *draw.sample(range(len(book.facts)), kills)})
        for stop in stops:
            book.commit(store, watch.observe(book.facts[:stop]))
            watch = book.restart(eager if stop < half else other, store, stop)
        heads.append(store.warnings.head())
        adopted = [r for r in store.warnings.read(limit=100_000) if r.stream == "rules"]
        assert [r.fact.ledger_position for r in adopted] == [0, half]
        assert [r.fact.digest for r in adopted] == [eager.digest, other.digest]
    assert heads[0] == heads[1]


def test_withdrawals_name_the_late_fact_and_it_was_late(
    diary: Diary, eager: Pack, stores: Callable[[], Store]
) -> None:
    book, store = diary(4, days=150), stores()
    undisturbed(book, eager, store, Random(4))
    facts = {record.event_id: record.fact for record in book.facts}
    withdrawn = [
        record.fact
        for record in store.warnings.read(limit=100_000)
        if isinstance(record.fact, WarningWithdrawn)
    ]
    assert withdrawn
    for fact in withdrawn:
        (cause,) = fact.cause_event_ids
        assert facts[cause].value_date < fact.value_date
