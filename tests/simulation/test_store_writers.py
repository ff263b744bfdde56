"""Several writers of one log: who comes second loads and decides again, and no reader sees a gap.

The file's lock lets one process write. Here it is taken away, so that what lies under it is tried:
each log's positions follow one another, and a place that another writer took is never taken twice.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger.account import Account
from ledger.commands import CloseBusinessDay, Command, CreditAccount, OpenAccount
from ledger.dates import start_of_day_us
from ledger.decide import state_of
from ledger.errors import StaleVersion
from ledger.service import ATTEMPTS, Incoming, Ledger
from ledger.store import MemoryLog, NewFact, Recorded, Store

DAY = date(2024, 3, 29)
WRITERS, CREDITS, BATCH = 3, 40, 4


class NoLock:
    """A lock that everybody gets."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def release(self) -> None:
        """Nothing to give back."""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("ledger.store.sqlite.WriterLock", NoLock)
    return tmp_path / "ledger.db"


def common(transaction: str) -> dict[str, Any]:
    return {
        "transaction_id": transaction,
        "value_date": DAY,
        "recorded_at_us": start_of_day_us(DAY),
    }


def opening(account: str = "A") -> OpenAccount:
    return OpenAccount(
        account_id=account, borrower_id="B", currency="CNY", opening_balance_minor=0,
        overdraft_limit_minor=0, **common(f"open-{account}"),
    )  # fmt: skip


def credit(transaction: str, account: str = "A", balance: int | None = None) -> CreditAccount:
    return CreditAccount(
        account_id=account, amount_minor=1, currency="CNY", balance_minor=balance, flow="trade",
        **common(transaction),
    )  # fmt: skip


def sent(commands: list[Command], *, source: str = "t", first: int = 1) -> list[Incoming]:
    return [
        Incoming(c, None, b"{}", source, offset, c.recorded_at_us, c.transaction_id)
        for offset, c in enumerate(commands, first)
    ]


def recorded(path: Path) -> list[Recorded]:
    """All facts, as somebody sees them who writes nothing; the chain over them holds."""
    with Store.open(path, read_only=True) as store:
        assert store.ledger.verify().holds
        return store.ledger.read()


def balance(path: Path) -> int | None:
    """The balance of account A by all that was recorded."""
    facts = [item.fact for item in recorded(path) if item.stream == "account:A"]
    state = state_of(facts)
    assert isinstance(state, Account)
    return state.balance_on(state.opened_day + 100)


def test_two_writers_that_take_turns_meet_conflicts_and_lose_nothing(path: Path) -> None:
    with Store.open(path) as one, Store.open(path) as two:
        first, second = Ledger(one.ledger), Ledger(two.ledger)
        first.record(sent([opening(), opening("C")]))
        for number in range(10):
            ledger = (first, second)[number % 2]
            (outcome,) = ledger.record(sent([credit(f"T{number}", balance=number + 1)])).outcomes
            assert (outcome.status, outcome.event_id) == ("accepted", f"account:A@{number + 2}")
            ledger.record(sent([credit(f"C{number}", "C")]))
        assert balance(path) == 10
        assert one.ledger.head() == two.ledger.head()


def test_without_another_attempt_the_second_writer_would_be_refused(path: Path) -> None:
    """The conflict is real: the same facts, decided before the other writer's, are not taken."""
    with Store.open(path) as one, Store.open(path) as two:
        Ledger(one.ledger).record(sent([opening()]))
        fact = two.ledger.read()[0].fact
        one.ledger.record([NewFact("account:B", 1, fact)])
        two.ledger.record([NewFact("account:D", 1, fact)])
        for _ in range(2):
            with pytest.raises(StaleVersion):
                one.ledger.record([NewFact("account:D", 1, fact)])
        assert [item.stream[-1] for item in recorded(path)] == ["A", "B", "D"]


def test_a_transaction_that_the_other_writer_recorded_is_a_duplicate(path: Path) -> None:
    with Store.open(path) as one, Store.open(path) as two:
        first, second = Ledger(one.ledger), Ledger(two.ledger)
        first.record(sent([opening(), credit("T1")]))
        second.record(sent([credit("T2")]))
        again = first.record(sent([credit("T2"), credit("T3")])).outcomes
        assert [outcome.status for outcome in again] == ["duplicate", "accepted"]
        assert balance(path) == 3


def test_a_batch_that_both_were_given_is_recorded_once(path: Path) -> None:
    """As when a partition changes hands while its old owner still works."""
    with Store.open(path) as one, Store.open(path) as two:
        first, second = Ledger(one.ledger), Ledger(two.ledger)
        batch = sent([opening(), credit("T1"), credit("T2")], source="topic:0")
        first.record(batch, tracking={"topic:0": 3})
        again = second.record(batch, tracking={"topic:0": 3}).outcomes
        assert [outcome.code for outcome in again] == ["already_tracked"] * 3
        more = sent([credit("T2"), credit("T3")], source="topic:0", first=3)
        second.record(more, tracking={"topic:0": 4})
        first.record(more, tracking={"topic:0": 4})
        assert balance(path) == 3
        assert one.ledger.tracked("topic:0") == two.ledger.tracked("topic:0") == 4


def test_a_refusal_is_judged_by_what_the_other_writer_recorded(path: Path) -> None:
    with Store.open(path) as one, Store.open(path) as two:
        first, second = Ledger(one.ledger), Ledger(two.ledger)
        assert first.record(sent([credit("T0")])).outcomes[0].code == "unknown_entity"
        second.record(sent([opening()]))
        assert first.record(sent([credit("T0")])).outcomes[0].status == "accepted"


class Counting:
    """A log that counts how often something was to be recorded."""

    def __init__(self, log: Any) -> None:
        self.log, self.tries = log, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.log, name)

    def record(self, facts: Any, *, tracking: Any = None) -> Any:
        """Record, and give the others a moment to be first."""
        self.tries += 1
        time.sleep(0.001)
        return self.log.record(facts, tracking=tracking)


def test_many_writers_at_once_end_with_every_fact_once_and_a_chain_that_holds(path: Path) -> None:
    errors: list[BaseException] = []
    with Store.open(path) as store:
        Ledger(store.ledger).record(sent([opening()]))
    stores = [Store.open(path) for _ in range(WRITERS)]
    tries: list[int] = []

    def write(number: int) -> None:
        try:
            log = Counting(stores[number].ledger)
            ledger = Ledger(log)  # type: ignore[arg-type]
            for start in range(0, CREDITS, BATCH):
                ids = [f"T{number}-{one}" for one in range(start, start + BATCH)]
                outcomes = ledger.record(sent([credit(one) for one in ids])).outcomes
                assert {outcome.status for outcome in outcomes} == {"accepted"}
            tries.append(log.tries)
        except BaseException as error:
            errors.append(error)

    watched: list[int] = []
    done = threading.Event()

    def watch() -> None:
        try:
            with Store.open(path, read_only=True) as reader:
                while not done.is_set() or reader.ledger.read(after=len(watched)):
                    for item in reader.ledger.read(after=len(watched)):
                        watched.append(item.position)
        except BaseException as error:
            errors.append(error)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    reader = threading.Thread(target=watch)
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join(timeout=60)
    done.set()
    reader.join(timeout=60)
    assert not errors
    assert watched == list(range(1, 2 + WRITERS * CREDITS))
    assert balance(path) == WRITERS * CREDITS
    assert sum(tries) > WRITERS * CREDITS // BATCH, "nobody was ever second"
    for store in stores:
        store.close()


def test_a_reader_never_passes_a_place_that_is_not_committed(path: Path) -> None:
    """A writer stops between its rows and its commit; readers see what came before, then all."""
    with Store.open(path) as writer, Store.open(path) as other, Store.open(
        path, read_only=True
    ) as reader:  # fmt: skip
        Ledger(writer.ledger).record(sent([opening()]))
        within, go_on = threading.Event(), threading.Event()
        with stopping(writer, within, go_on):
            slow = threading.Thread(
                target=Ledger(writer.ledger).record, args=(sent([credit("T1"), credit("T2")]),)
            )
            slow.start()
            assert within.wait(timeout=10)
            fast = threading.Thread(
                target=Ledger(other.ledger).record, args=(sent([credit("T3")]),)
            )
            fast.start()
            for _ in range(20):
                assert [item.position for item in reader.ledger.read()] == [1]
                assert reader.ledger.last_position() == 1
                assert reader.ledger.verify().holds
            go_on.set()
            slow.join(timeout=20)
            fast.join(timeout=20)
        facts = reader.ledger.read()
        assert [item.position for item in facts] == [1, 2, 3, 4]
        assert [item.fact.transaction_id for item in facts][1:] == ["T1", "T2", "T3"]
        assert reader.ledger.verify().holds


@contextmanager
def stopping(store: Store, within: threading.Event, go_on: threading.Event) -> Iterator[None]:
    """Let the next commit of `store` wait, with its rows written, until it may go on."""
    datastore = store.ledger._recorder.datastore
    transaction = datastore.transaction

    @contextmanager
    def slow(*, commit: bool) -> Iterator[Any]:
        with transaction(commit=commit) as cursor:
            yield cursor
            if commit:
                within.set()
                assert go_on.wait(timeout=10)

    datastore.transaction = slow  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        datastore.transaction = transaction  # type: ignore[method-assign]


def test_a_commit_that_fails_leaves_no_gap_behind(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(path) as store, Store.open(path) as other:
        ledger = Ledger(store.ledger)
        ledger.record(sent([opening()]))
        datastore = store.ledger._recorder.datastore
        transaction = datastore.transaction

        @contextmanager
        def failing(*, commit: bool) -> Iterator[Any]:
            with transaction(commit=commit) as cursor:
                yield cursor
                if commit:
                    raise sqlite3.OperationalError("disk I/O error")

        monkeypatch.setattr(datastore, "transaction", failing)
        with pytest.raises(Exception, match="disk I/O error"):
            ledger.record(sent([credit("T1")]))
        monkeypatch.undo()
        Ledger(other.ledger).record(sent([credit("T2")]))
        ledger.record(sent([credit("T1")]))
        facts = recorded(path)
        assert [item.fact.transaction_id for item in facts] == ["open-A", "T2", "T1"]
        assert [item.position for item in facts] == [1, 2, 3]


def test_a_writer_that_always_comes_second_gives_up_at_last() -> None:
    class Moving(MemoryLog):
        tries = 0

        def record(self, facts: Any, *, tracking: Any = None) -> Any:
            self.tries += 1
            raise StaleVersion("The log has moved on.", way_out="Load again.")

    log = Moving("ledger")
    closing = CloseBusinessDay(**common("close"))
    with pytest.raises(StaleVersion):
        Ledger(log).record(sent([closing]))
    assert log.tries == ATTEMPTS
