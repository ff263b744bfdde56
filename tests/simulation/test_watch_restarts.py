"""A watch that is killed, fed in other batches and restarted writes the same log, byte for byte.

Replay one seed: `python -m pytest tests/simulation/test_watch_restarts.py -k "seed3"`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ledger.dates import Calendar, start_of_day_us
from ledger.errors import LoanError
from ledger.events import (
    AccountCredited,
    AccountDebited,
    AccountDebitReturned,
    AccountOpened,
    BusinessDayClosed,
    ChargeApplied,
    InstalmentsScheduled,
    LoanClosed,
    LoanOpened,
    RepaymentReceived,
    RepaymentReversed,
    RulesAdopted,
    WarningRaised,
    WarningResolved,
    WarningWithdrawn,
)
from ledger.store import NewFact, Recorded, Store
from ledger.terms import Instalment, Split, Terms
from warning.rules import DEFAULT_PACK, Pack, load_pack, parse_pack
from warning.watch import AcknowledgeWarning, SuppressWarning, WarningAction, Watch

CALENDAR = Calendar()
FIRST = date(2023, 1, 2)
LOANS = 7
EAGER = """
name = "eager"
title = "Eager: short days and much that mutes, so that every path of a warning's life is walked"

[inhibition]
red = ["watch", "yellow"]

[[rule]]
name = "arrears"
title = "a"
source = "this test"
when = "dpd_days >= 1"
until = "dpd_days == 0"
keep_for = 2
severity = { watch = "always", orange = "dpd_days >= 20", red = "dpd_days >= 40" }
on = ["loan.repayment_reversed", "loan.repayment_received"]
expires_after = 5
reason = "{dpd_days} {arrears} {currency}"

[[rule]]
name = "thin"
title = "b"
source = "this test"
when = "coverage_ratio < 0.9"
for = 2
severity = { watch = "always", yellow = "coverage_ratio < 0.2" }
expires_after = 7
cooldown = 2
reason = "{coverage_percent}"

[[rule]]
name = "moves"
title = "c"
source = "this test"
when = "quiet_days <= 1 and balance_minor < 80_000 or bounced_debits_30d > 0"
severity = "yellow"
on = ["account.debited", "account.debit_returned"]
inhibits = ["thin"]
reason = "{balance} {bounced_debits_30d}"
"""


class Diary:
    """Seeded facts of a small, troubled book: late, bounced, backdated, charged, closed."""

    def __init__(self, seed: int, days: int) -> None:
        self.draw = Random(seed)
        self.facts: list[Recorded] = []
        self.paid: dict[str, list[RepaymentReceived]] = {}
        self._versions: dict[str, int] = {}
        for number in range(LOANS):
            self.open(f"L{number}", f"A{number // 2}", f"B{number // 3}")
        for offset in range(days):
            self.day(FIRST + timedelta(days=offset))

    def add(self, stream: str, kind: type, day: date, today: date, /, **fields: Any) -> Any:
        at = len(self.facts) + 1
        version = self._versions[stream] = self._versions.get(stream, 0) + 1
        moment = start_of_day_us(today) + at
        fact = kind(transaction_id=f"t{at}", value_date=day, recorded_at_us=moment, **fields)
        self.facts.append(Recorded(at, stream, version, fact))
        return fact

    def open(self, loan: str, account: str, borrower: str) -> None:
        if f"account:{account}" not in self._versions:
            self.add(
                *(f"account:{account}", AccountOpened, FIRST, FIRST),
                account_id=account,
                borrower_id=borrower,
                currency="CNY",
                opening_balance_minor=200_000,
                overdraft_limit_minor=0,
            )
        rows = [
            Instalment(
                number=n + 1,
                due_date=FIRST + timedelta(days=20 + 30 * n),
                principal_minor=50_000,
                interest_minor=1_000,
            )
            for n in range(5)
        ]
        self.add(
            *(f"loan:{loan}", LoanOpened, FIRST, FIRST),
            loan_id=loan,
            borrower_id=borrower,
            account_id=account,
            product="term",
            currency="CNY",
            principal_minor=250_000,
            terms=Terms(method="given", instalments=5),
            officer_id="O1",
            branch="main",
            industry="",
            region="",
            guarantor_id=None,
        )
        self.add(
            *(f"loan:{loan}", InstalmentsScheduled, FIRST, FIRST),
            loan_id=loan,
            schedule_version=1,
            origin="given",
            instalments=tuple(rows),
        )

    def day(self, today: date) -> None:
        for number in range(LOANS):
            loan, account = f"L{number}", f"A{number // 2}"
            if self.draw.random() < 0.08:
                self.pay(loan, today)
            if self.draw.random() < 0.3:
                self.move(account, today)
            if self.draw.random() < 0.02:
                self.charge(loan, today)
            if self.draw.random() < 0.02 and self.paid.get(loan):
                self.reverse(loan, today)
            if self.draw.random() < 0.02:
                self.add(
                    *(f"account:{account}", AccountDebitReturned, today, today),
                    account_id=account,
                    amount_minor=51_000,
                    flow="loan_repayment",
                )
            if self.draw.random() < 0.002:
                self.add(
                    *(f"loan:{loan}", LoanClosed, today, today),
                    loan_id=loan,
                    reason="refinanced",
                    remaining=Split(),
                )
        if CALENDAR.is_business_day(today):
            self.add("calendar", BusinessDayClosed, today, today + timedelta(days=1))

    def value_day(self, today: date) -> date:
        late = self.draw.random() < 0.3
        return max(FIRST, today - timedelta(days=self.draw.randrange(1, 40) if late else 0))

    def pay(self, loan: str, today: date) -> None:
        amount = self.draw.choice([20_000, 51_000, 51_000, 102_000])
        fact = self.add(
            *(f"loan:{loan}", RepaymentReceived, self.value_day(today), today),
            loan_id=loan,
            amount_minor=amount,
            split=Split(principal_minor=amount),
        )
        self.paid.setdefault(loan, []).append(fact)

    def reverse(self, loan: str, today: date) -> None:
        original = self.paid[loan].pop(self.draw.randrange(len(self.paid[loan])))
        self.add(
            *(f"loan:{loan}", RepaymentReversed, original.value_date, today),
            loan_id=loan,
            reversed_transaction_id=original.transaction_id,
            amount_minor=original.amount_minor,
            split=original.split,
            reason="bounced",
            noticed_date=today,
        )

    def charge(self, loan: str, today: date) -> None:
        self.add(
            *(f"loan:{loan}", ChargeApplied, today, today),
            loan_id=loan,
            kind="fees",
            amount_minor=2_000,
            due_date=today + timedelta(days=self.draw.randrange(10)),
        )

    def move(self, account: str, today: date) -> None:
        amount = self.draw.randrange(-70_000, 60_000) or 1
        self.add(
            f"account:{account}",
            AccountCredited if amount > 0 else AccountDebited,
            self.value_day(today),
            today,
            account_id=account,
            amount_minor=abs(amount),
            balance_minor=0,
            flow="trade",
        )

    def facts_of(self, loan_id: str, position: int) -> list[Recorded]:
        streams = {f"loan:{loan_id}", f"account:A{int(loan_id[1:]) // 2}"}
        return [record for record in self.facts[:position] if record.stream in streams]


Planned = dict[int, list[tuple[WarningAction, int]]]


def undisturbed(diary: Diary, pack: Pack, store: Store, draw: Random) -> Planned:
    """One fact at a time, never killed; people act now and then. Returns who acted where."""
    watch = Watch(pack=pack, calendar=CALENDAR, facts_of=diary.facts_of)
    planned: Planned = {}
    for record in diary.facts:
        commit(store, watch.observe([record]))
        if draw.random() < 0.05 and store.warnings.last_position():
            known = [r.fact for r in store.warnings.read(limit=100_000)]
            raised = [fact.warning_id for fact in known if isinstance(fact, WarningRaised)]
            if not raised:
                continue
            action = some_action(draw, draw.choice(raised[-8:]), record.fact.value_date)
            moment = record.fact.recorded_at_us + 5
            try:
                commit(store, watch.act(action, recorded_at_us=moment))
            except LoanError:
                continue
            planned.setdefault(record.position, []).append((action, moment))
    return planned


def some_action(draw: Random, warning_id: str, day: date) -> WarningAction:
    if draw.random() < 0.5:
        return AcknowledgeWarning(warning_id=warning_id, actor="O1", note="seen")
    until = day + timedelta(days=draw.randrange(1, 30))
    return SuppressWarning(warning_id=warning_id, actor="O1", reason="known", until=until)


def commit(store: Store, produced: list[NewFact]) -> None:
    if produced:
        store.warnings.record(produced)


def disturbed(diary: Diary, pack: Pack, store: Store, planned: Planned, draw: Random) -> int:
    """Random batches, and a kill before or after a commit now and then. Returns the restarts."""
    restarts, at = 0, 0
    watch = Watch(pack=pack, calendar=CALENDAR, facts_of=diary.facts_of)
    while at < len(diary.facts):
        stops = [position for position in planned if position > at]
        end = min(at + draw.choice([1, 7, 40, 100, 300]), min(stops, default=len(diary.facts)))
        for step in [None, *planned.get(end, ())]:
            produced = take(step, watch, diary, end)
            fate = draw.random()
            if fate < 0.1:  # Killed before the commit: what it concluded is lost.
                watch = restart(diary, pack, store, end)
                produced = take(step, watch, diary, end) if step else []
            commit(store, produced)
            if 0.1 <= fate < 0.2:  # Killed after the commit.
                watch = restart(diary, pack, store, end)
            restarts += fate < 0.2
        at = end
    return restarts


def take(
    step: tuple[WarningAction, int] | None, watch: Watch, diary: Diary, end: int
) -> list[NewFact]:
    if step is None:
        return watch.observe(diary.facts[:end])
    action, moment = step
    return watch.act(action, recorded_at_us=moment)


def restart(diary: Diary, pack: Pack, store: Store, position: int) -> Watch:
    watch = Watch(pack=pack, calendar=CALENDAR, facts_of=diary.facts_of)
    recorded = store.warnings.read(limit=1_000_000)
    commit(store, watch.replay(iter(diary.facts[:position]), recorded))
    return watch


@pytest.fixture
def stores(tmp_path: Path) -> Any:
    numbers = count()
    opened: list[Store] = []

    def make() -> Store:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        opened.append(Store.open(folder / "ledger.db"))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.mark.parametrize("seed", range(4), ids=lambda seed: f"seed{seed}")
def test_killed_anywhere_and_cut_anyhow_the_log_is_the_same(
    seed: int, stores: Callable[[], Store]
) -> None:
    pack = parse_pack(EAGER, path="eager.toml") if seed % 2 == 0 else load_pack(DEFAULT_PACK)
    diary = Diary(seed, days=110)
    quiet, rough = stores(), stores()
    planned = undisturbed(diary, pack, quiet, Random(seed))
    restarts = disturbed(diary, pack, rough, planned, Random(seed + 100))
    assert restarts >= 3
    assert quiet.warnings.last_position() > 20
    assert rough.warnings.last_position() == quiet.warnings.last_position()
    assert rough.warnings.head() == quiet.warnings.head()


def test_the_eager_pack_walks_every_path(stores: Callable[[], Store]) -> None:
    store = stores()
    pack = parse_pack(EAGER, path="eager.toml")
    for seed in (0, 2):
        undisturbed(Diary(seed, days=150), pack, store if seed == 0 else stores(), Random(seed))
    kinds = {type(record.fact).__name__ for record in store.warnings.read(limit=100_000)}
    assert kinds == {
        "RulesAdopted",
        *("WarningRaised", "WarningEscalated", "WarningAcknowledged", "WarningSuppressed"),
        *("WarningResolved", "WarningExpired", "WarningWithdrawn"),
    }


def test_what_is_on_record_stands_when_the_same_rules_would_say_something_else_now(
    stores: Callable[[], Store],
) -> None:
    diary, store = Diary(1, days=90), stores()
    pack = parse_pack(EAGER, path="eager.toml")
    half = len(diary.facts) // 2
    watch = Watch(pack=pack, calendar=CALENDAR, facts_of=diary.facts_of)
    said = watch.observe(diary.facts[:half])
    at = next(n for n, new in enumerate(said) if type(new.fact) is WarningRaised)
    said[at] = said[at]._replace(fact=replace(said[at].fact, reason="In other words."))
    commit(store, said)
    watch = restart(diary, pack, store, half)
    assert watch.difference.startswith(f"at position {at + 1} {said[at].stream}@")
    assert "WarningRaised" in watch.difference
    assert rules_adopted_at(store) == [0, said[-1].fact.ledger_position]
    standing = open_warnings(store)
    assert standing
    assert {e.warning_id for row in range(LOANS) for e in watch._life.of_row(row)} == standing
    quiet = restart(diary, pack, store, half)
    assert quiet.difference == ""
    commit(store, quiet.observe(diary.facts))
    assert open_warnings(store) != standing
    assert restart(diary, pack, store, len(diary.facts)).difference == ""
    assert len(rules_adopted_at(store)) == 2


@pytest.mark.parametrize("seed", range(3), ids=lambda seed: f"seed{seed}")
def test_after_a_holiday_is_added_every_restart_goes_on_from_the_record_and_agrees(
    seed: int, stores: Callable[[], Store]
) -> None:
    """Another calendar counts other business days: the past is not concluded the same any more."""
    diary, draw, heads = Diary(seed, days=100), Random(seed), []
    pack = parse_pack(EAGER, path="eager.toml")
    half = len(diary.facts) // 2
    other = Calendar(holidays=frozenset(FIRST + timedelta(days=n) for n in (15, 16, 17, 18)))
    for kills in (0, 6):
        store = stores()
        planned = undisturbed_until(half, diary, pack, store)
        watch = Watch(pack=pack, calendar=other, facts_of=diary.facts_of)
        stops = sorted({half, len(diary.facts), *draw.sample(range(half, len(diary.facts)), kills)})
        for stop in stops:
            watch = Watch(pack=pack, calendar=other, facts_of=diary.facts_of)
            recorded = store.warnings.read(limit=1_000_000)
            commit(store, watch.replay(iter(diary.facts[:stop]), recorded))
            assert bool(watch.difference) == (stop == half)
        assert store.warnings.read(limit=planned) == planned_facts(diary, pack, half)
        heads.append(store.warnings.head())
    assert heads[0] == heads[1]


def undisturbed_until(half: int, diary: Diary, pack: Pack, store: Store) -> int:
    """The first half, under the old calendar. Returns how many facts were recorded."""
    watch = Watch(pack=pack, calendar=CALENDAR, facts_of=diary.facts_of)
    commit(store, watch.observe(diary.facts[:half]))
    return store.warnings.last_position()


def planned_facts(diary: Diary, pack: Pack, half: int) -> list[Recorded]:
    watch = Watch(pack=pack, calendar=CALENDAR, facts_of=diary.facts_of)
    said = watch.observe(diary.facts[:half])
    return [Recorded(at, new.stream, new.version, new.fact) for at, new in enumerate(said, 1)]


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


def test_rules_that_this_version_cannot_read_leave_what_is_on_record_standing(
    stores: Callable[[], Store],
) -> None:
    diary, store = Diary(1, days=60), stores()
    pack = parse_pack(EAGER, path="eager.toml")
    watch = Watch(pack=pack, calendar=CALENDAR, facts_of=diary.facts_of)
    said = watch.observe(diary.facts)
    old = replace(said[0].fact, text=EAGER.replace("quiet_days", "silent_days"), digest="0" * 64)
    commit(store, [said[0]._replace(fact=old), *said[1:]])
    again = restart(diary, pack, store, len(diary.facts))
    assert "silent_days" in again.difference
    assert len(rules_adopted_at(store)) == 2
    assert restart(diary, pack, store, len(diary.facts)).difference == ""


def test_rules_that_change_between_two_runs_are_adopted_once_and_survive_every_restart(
    stores: Callable[[], Store],
) -> None:
    eager, other = parse_pack(EAGER, path="eager.toml"), load_pack(DEFAULT_PACK)
    diary, draw, heads = Diary(6, days=100), Random(6), []
    half = len(diary.facts) // 2
    for kills in (0, 5):
        store = stores()
        watch = Watch(pack=eager, calendar=CALENDAR, facts_of=diary.facts_of)
        stops = sorted({half, len(diary.facts), *draw.sample(range(len(diary.facts)), kills)})
        for stop in stops:
            commit(store, watch.observe(diary.facts[:stop]))
            watch = restart(diary, eager if stop < half else other, store, stop)
        heads.append(store.warnings.head())
        adopted = [r for r in store.warnings.read(limit=100_000) if r.stream == "rules"]
        assert [r.fact.ledger_position for r in adopted] == [0, half]
        assert [r.fact.digest for r in adopted] == [eager.digest, other.digest]
    assert heads[0] == heads[1]


def test_withdrawals_name_the_late_fact_and_it_was_late(stores: Callable[[], Store]) -> None:
    diary, store = Diary(4, days=150), stores()
    undisturbed(diary, parse_pack(EAGER, path="eager.toml"), store, Random(4))
    facts = {record.event_id: record.fact for record in diary.facts}
    withdrawn = [
        record.fact
        for record in store.warnings.read(limit=100_000)
        if isinstance(record.fact, WarningWithdrawn)
    ]
    assert withdrawn
    for fact in withdrawn:
        (cause,) = fact.cause_event_ids
        assert facts[cause].value_date < fact.value_date
