"""How fast are facts recorded durably, and does it stay so?

Rates are of whole batches committed with synchronous=FULL, from facts in memory to the disk: bytes,
hash chain, index and tracking included. Variants take turns, batch by batch, so that a slow moment
of the machine meets all of them. Kept here are also the experiments that chose the tables' layout.
"""

from __future__ import annotations

import random
import sqlite3
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from ledger import decide as book
from ledger.codec import encode
from ledger.commands import Command, CreditAccount, OpenAccount
from ledger.events import AccountCredited
from ledger.process import settle
from ledger.service import Incoming, Ledger
from ledger.store import Log, NewFact, Store

Result = dict[str, Any]
_DAY = date(2024, 3, 29)
_NOON_US = 1_711_713_600_000_000
_DIGEST = bytes(range(16))
_CHAIN = bytes(32)
_MILLIONS = (500_000, 5_000_000)
_RAW = (
    "CREATE TABLE facts (position INTEGER PRIMARY KEY, originator_id TEXT NOT NULL, "
    "originator_version INTEGER NOT NULL, topic TEXT NOT NULL, state BLOB NOT NULL, "
    "previous INTEGER NOT NULL, command_id TEXT, command_digest BLOB, chain BLOB NOT NULL{})"
)
_ROW = "INSERT INTO facts VALUES (?,?,?,?,?,?,?,?,?)"


def run(*, seed: int, quick: bool) -> list[Result]:
    """All questions about recording; about ten minutes in full, one when `quick`."""
    settle()
    results: list[Result] = []
    for question in (_durable, _flat, _layouts, _busy, _service, _reading):
        with tempfile.TemporaryDirectory(prefix="loanbell-bench-") as folder:
            results += question(Path(folder), seed, quick)
    return results


class Credits:
    """Seeded credits to `accounts` accounts in random order, as facts with their versions."""

    def __init__(self, seed: int, accounts: int, *, random_ids: bool = False) -> None:
        self._random = random.Random(seed)
        self._versions = [0] * accounts
        self._random_ids = random_ids
        self.made = 0

    def batch(self, size: int) -> list[NewFact]:
        """The next `size` facts, each with its own command."""
        return [self._one() for _ in range(size)]

    def _one(self) -> NewFact:
        draw, versions = self._random, self._versions
        number = draw.randrange(len(versions))
        versions[number] += 1
        self.made += 1
        known = uuid.UUID(int=draw.getrandbits(128)).hex if self._random_ids else None
        command_id = known or f"T-{self.made:010d}"
        fact = AccountCredited(
            account_id=f"A{number:07d}",
            amount_minor=draw.randrange(1, 10**7),
            balance_minor=draw.randrange(10**9),
            flow="trade",
            transaction_id=command_id,
            value_date=_DAY + timedelta(days=self.made // 50_000),
            recorded_at_us=_NOON_US + self.made,
        )
        return NewFact(f"account:A{number:07d}", versions[number], fact, command_id, _DIGEST)


class Counter(Aggregate):
    """The smallest aggregate that the library's own way of saving can be measured with."""

    def __init__(self) -> None:
        self.total_minor = 0

    @event("Credited")
    def credit(self, amount_minor: int, transaction_id: str, value_date: str) -> None:
        """Take in an amount."""
        self.total_minor += amount_minor


def _durable(folder: Path, seed: int, quick: bool) -> list[Result]:
    """The log's record against the library's own saving and against bare SQLite."""
    size, rounds = (1_000, 5) if quick else (5_000, 30)
    source = Credits(seed, 100_000)
    log = Store.open(folder / "ledger.db").ledger
    bare = _database(folder / "bare.db", _RAW.format(""))
    indexed = _database(
        folder / "indexed.db", _RAW.format(", UNIQUE (originator_id, originator_version)")
    )
    app = Application[uuid.UUID](
        env={"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(folder / "app.db")}
    )
    counters = [Counter() for _ in range(100)]
    app.save(*counters)
    seconds: dict[str, list[float]] = {}
    for _ in range(rounds):
        facts = source.batch(size)
        rows = _rows(facts, source.made - size)
        ours = seconds_of(log.record, facts, tracking={"bench": source.made})
        seconds.setdefault("ours", []).append(ours / size)
        for name, database in (("bare", bare), ("indexed", indexed)):
            taken = seconds_of(_each, database, rows)
            seconds.setdefault(name, []).append(taken / size)
        taken = seconds_of(record_by_library, app, counters)
        seconds.setdefault("library", []).append(taken / len(counters))
    rate = {name: 1 / statistics.median(each) for name, each in seconds.items()}
    what = f"{rounds} rounds of {size:,}, 100,000 streams, medians"
    question = "durable recording"
    return [
        result(question, "FactLog.record", rate["ours"], "facts/s", what),
        result(question, "library: get, trigger, save", rate["library"], "facts/s", what),
        result(question, "raw executemany, same table", rate["bare"], "facts/s", "rows ready"),
        result(question, "raw executemany, unique stream index", rate["indexed"], "facts/s", ""),
        result(question, "times the library", rate["ours"] / rate["library"], "×", "aim 40"),
        result(question, "share of raw, same table", rate["ours"] / rate["bare"], "", "aim 0.6"),
        result(question, "share of raw, indexed", rate["ours"] / rate["indexed"], "", ""),
    ]


def _flat(folder: Path, seed: int, quick: bool) -> list[Result]:
    """Whether the rate holds as a log grows: a small and a large one take turns."""
    sizes, size, rounds = ((70_000, 280_000), 1_000, 70) if quick else (_MILLIONS, 5_000, 60)
    results: list[Result] = []
    for name, random_ids in (("ascending ids", False), ("random ids", True)):
        seconds: dict[int, list[float]] = {count: [] for count in sizes}
        with ExitStack() as stack:
            grown = {}
            for count in sizes:
                source = Credits(seed, 100_000, random_ids=random_ids)
                store = stack.enter_context(Store.open(folder / name / str(count) / "ledger.db"))
                while source.made < count:
                    store.ledger.record(source.batch(5_000))
                grown[count] = source, store.ledger
            for _ in range(rounds):
                for count, (source, log) in grown.items():
                    seconds[count].append(seconds_of(_known_and_record, log, source.batch(size)))
        rates = {count: size * rounds / sum(taken) for count, taken in seconds.items()}
        for count, rate in rates.items():
            slowest = f"slowest batch of {size:,}: {max(seconds[count]) * 1e3:.0f} ms"
            results.append(result("flat", f"{name}, {count:,} facts", rate, "facts/s", slowest))
        kept = rates[sizes[1]] / rates[sizes[0]]
        results.append(result("flat", f"{name}: kept", kept, "", f"aim 0.7; {rounds} rounds"))
    return results


def _known_and_record(log: Log, facts: Sequence[NewFact]) -> None:
    """As the service does: look the commands up, then record."""
    log.known_commands([new.command_id for new in facts if new.command_id is not None])
    log.record(facts)


def _layouts(folder: Path, seed: int, quick: bool) -> list[Result]:
    """What an index on every commit costs: bare inserts into tables with more and more of them."""
    total, size = (20_000, 1_000) if quick else (500_000, 5_000)
    stream, command = (
        ", UNIQUE (originator_id, originator_version)",
        "CREATE UNIQUE INDEX known ON facts (command_id)",
    )
    variants = {
        "append-only": ("", "", False),
        "unique (stream, version)": (stream, "", False),
        "both unique, ascending ids": (stream, command, False),
        "both unique, random ids": (stream, command, True),
    }
    results: list[Result] = []
    for name, (unique, index, random_ids) in variants.items():
        database = _database(folder / f"{len(results)}.db", _RAW.format(unique), index)
        source = Credits(seed, 100_000, random_ids=random_ids)
        seconds = []
        while source.made < total:
            rows = _rows(source.batch(size), source.made - size)
            seconds.append(seconds_of(_each, database, rows))
        late = seconds[len(seconds) // 2 :]
        rate = size * len(late) / sum(late)
        note = f"raw executemany, second half of {total:,}"
        results.append(result("table layout", name, rate, "rows/s", note))
    return results


def _busy(folder: Path, seed: int, quick: bool) -> list[Result]:
    """Statements of one row and of many, alone and beside a thread that computes."""
    size = 200 if quick else 1_000
    source = Credits(seed, 100_000)
    database = _database(folder / "busy.db", _RAW.format(""))
    log = Store.open(folder / "ledger.db").ledger
    results = []
    stop = threading.Event()
    other = threading.Thread(target=_compute, args=(stop,), daemon=True)
    for beside in ("alone", "beside a busy thread"):
        if beside != "alone":
            other.start()
        one, many = [], []
        for _ in range(3):
            facts = source.batch(size)
            rows = _rows(facts, source.made - size)
            one.append(seconds_of(_each, database, rows))
            many.append(seconds_of(log.record, facts))
        for name, seconds in (("a statement a row", one), ("FactLog.record", many)):
            rate = size / statistics.median(seconds)
            note = f"batches of {size:,}"
            results.append(result("busy process", f"{name}, {beside}", rate, "facts/s", note))
    stop.set()
    other.join()
    return results


def _service(folder: Path, seed: int, quick: bool) -> list[Result]:
    """Message to committed fact through the service, and what of it is deciding."""
    accounts, size, rounds = (2_000, 1_000, 5) if quick else (50_000, 1_000, 60)
    draw = random.Random(seed)
    log = Store.open(folder / "ledger.db").ledger
    ledger = Ledger(log)
    states: dict[str, Any] = {}
    for number in range(accounts):
        opened = book.decide(None, _opening(number))[0]
        states[f"account:A{number:07d}"] = book.evolve(None, opened)
    openings = [_incoming(_opening(number), number + 1) for number in range(accounts)]
    for start in range(0, accounts, size):
        ledger.record(openings[start : start + size], tracking={"bench": start + size})
    whole, deciding = [], []
    for offset in range(accounts, accounts + rounds * size, size):
        batch = [
            _incoming(_credit(draw, number, accounts), number)
            for number in range(offset + 1, offset + 1 + size)
        ]
        deciding.append(seconds_of(_decide, states, batch) / size)
        tracking = {"bench": offset + size}
        whole.append(seconds_of(ledger.record, batch, tracking=tracking) / size)
    all_us, core_us = statistics.median(whole) * 1e6, statistics.median(deciding) * 1e6
    note = f"{rounds} batches of {size:,} account credits, {accounts:,} accounts"
    return [
        result("service", "Ledger.record", 1e6 / all_us, "messages/s", note),
        result("service", "of it deciding, checking, evolving", core_us, "µs/message", ""),
        result("service", "of it the rest", all_us - core_us, "µs/message", "aim 12"),
    ]


def _reading(folder: Path, seed: int, quick: bool) -> list[Result]:
    """Reading back: by position, by stream, the chain, and an open after a crash."""
    total = 20_000 if quick else 300_000
    source = Credits(seed, 20_000)
    path = folder / "ledger.db"
    with Store.open(path) as store:
        while source.made < total:
            store.ledger.record(source.batch(5_000))
    started = time.perf_counter()
    with Store.open(path) as store:
        opening = time.perf_counter() - started
        log = store.ledger
        by_position = seconds_of(_read_all, log.read)
        names = [f"account:A{number:07d}" for number in range(0, 20_000, 10)]
        found: dict[str, Any] = {}
        by_stream = seconds_of(lambda: found.update(log.streams(names)))
        chain = seconds_of(log.verify)
    note = f"{total:,} facts"
    return [
        result("reading", "by position, decoded", total / by_position, "facts/s", note),
        result(
            "reading",
            "2,000 streams, decoded",
            sum(map(len, found.values())) / by_stream,
            "facts/s",
            note,
        ),
        result("reading", "chain verified", total / chain, "facts/s", note),
        result("reading", "open, newest index read again", opening, "s", note),
    ]


def _database(path: Path, *statements: str) -> sqlite3.Connection:
    """A database with the durability of the store."""
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536"):
        database.execute(f"PRAGMA {pragma}")
    for statement in filter(None, statements):
        database.execute(statement)
    return database


def _rows(facts: Sequence[NewFact], before: int) -> list[tuple[Any, ...]]:
    """Rows ready to be inserted: nothing of them is in the measured time."""
    return [
        (
            before + at,
            new.stream,
            new.version,
            *encode(new.fact),
            at,
            new.command_id,
            _DIGEST,
            _CHAIN,
        )
        for at, new in enumerate(facts, 1)
    ]


def _each(database: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    database.execute("BEGIN")
    database.executemany(_ROW, rows)
    database.execute("COMMIT")


def record_by_library(app: Application[uuid.UUID], counters: Sequence[Counter]) -> None:
    """The library's own way, once for each aggregate."""
    for number, counter in enumerate(counters):
        loaded: Counter = app.repository.get(counter.id)
        loaded.credit(number, f"T{number}", "2024-03-29")
        app.save(loaded)


def _opening(number: int) -> OpenAccount:
    return OpenAccount(
        transaction_id=f"open-{number:07d}",
        value_date=_DAY,
        recorded_at_us=_NOON_US,
        account_id=f"A{number:07d}",
        borrower_id="B",
        currency="CNY",
        opening_balance_minor=0,
        overdraft_limit_minor=0,
    )


def _credit(draw: random.Random, number: int, accounts: int) -> CreditAccount:
    return CreditAccount(
        transaction_id=f"T-{number:010d}",
        value_date=_DAY,
        recorded_at_us=_NOON_US + number,
        account_id=f"A{draw.randrange(accounts):07d}",
        amount_minor=draw.randrange(1, 10**7),
        currency="CNY",
        balance_minor=None,
        flow="trade",
    )


def _incoming(command: Command, offset: int) -> Incoming:
    at_us, known = command.recorded_at_us, command.transaction_id
    return Incoming(command, None, b"{}", "bench", offset, at_us, known)


def _decide(states: dict[str, Any], batch: Sequence[Incoming]) -> None:
    for message in batch:
        command = message.command
        if command is not None:
            state = states[command.stream]
            facts = book.decide(state, command)
            book.check(state, facts)
            for fact in facts:
                state = book.evolve(state, fact)


def _read_all(read: Callable[..., Sequence[Any]]) -> None:
    after = 0
    while facts := read(after=after):
        after = facts[-1].position


def _compute(stop: threading.Event) -> None:
    value = 1
    while not stop.is_set():
        for _ in range(10_000):
            value = (value * 31 + 7) % 1_000_003


def seconds_of(work: Callable[..., object], *arguments: Any, **options: Any) -> float:
    """How long `work` takes."""
    started = time.perf_counter()
    work(*arguments, **options)
    return time.perf_counter() - started


def result(question: str, measure: str, value: float, unit: str, note: str) -> Result:
    """One row of the results."""
    names = ("question", "measure", "value", "unit", "note")
    return dict(zip(names, (question, measure, value, unit, note), strict=True))
