"""A book on a real Kafka and a real PostgreSQL, worker processes, and an undisturbed run beside."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from ledger.service import Ledger
from ledger.store import MemoryStore, PostgresStore, migrate
from streams.generate.portfolio import Portfolio
from streams.ingest import read_many
from streams.kafka import Outgoing, Producer, create_topics, servers_of
from streams.parts import pack_of
from streams.sender import Sender
from streams.settings import Settings
from streams.topics import TOPICS, TRANSACTIONS_TOPIC
from streams.watching import facts_of
from warning.watch import Watch

Facts = dict[str, list[Any]]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Any:
    """Below a failure, the command that replays it with its seed."""
    report = yield
    if report.failed:
        report.sections.append(("replay", f"python -m pytest '{item.nodeid}'"))
    return report


@dataclass(slots=True)
class Book:
    """What came of messages: facts by stream, closed days by partition, refusals counted."""

    ledger: Facts = field(default_factory=dict)
    warnings: Facts = field(default_factory=dict)
    days: list[list[date]] = field(default_factory=list)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    event_ids: set[str] = field(default_factory=set)
    store: Any = None

    def take(self, store: Any) -> None:
        """Add a store's facts; where the watch stood when it rang differs between partitions."""
        days = []
        for log, streams in ((store.ledger, self.ledger), (store.warnings, self.warnings)):
            assert log.verify().holds
            for item in log.read(limit=10**7):
                self.event_ids.add(f"{log.name}/{item.event_id}")
                if item.stream == "calendar":
                    days.append(item.fact.value_date)
                elif item.stream == "refusals":
                    self.refused[item.fact.code, item.fact.original] += 1
                elif ":" in item.stream:
                    fact = item.fact
                    if hasattr(fact, "ledger_position"):
                        fact = replace(fact, ledger_position=0)
                    streams.setdefault(item.stream, []).append(fact)
        self.days.append(days)


@pytest.fixture(scope="session")
def portfolio_messages() -> list[bytes]:
    """60 loans over 5 months, with late, repeated, contradicting and unreadable messages."""
    return list(Portfolio(loans=60, months=5, seed=9, start=date(2024, 1, 2)).messages())


@pytest.fixture(scope="session")
def undisturbed(portfolio_messages: list[bytes]) -> Book:
    """What one process makes of them, without broker, database or trouble."""
    store, settings = MemoryStore(), Settings()
    messages = read_many(portfolio_messages, source="t", first_offset=1, accepted_us=0)
    Ledger(store.ledger).record(messages)
    calendar = Portfolio(loans=1, months=1, seed=1, start=date(2024, 1, 2)).calendar
    watch = Watch(pack=pack_of(settings), calendar=calendar, facts_of=facts_of(store.ledger))
    store.warnings.record(watch.observe(store.ledger.read(limit=10**7)))
    book = Book()
    book.take(store)
    book.store = store
    return book


@dataclass
class Scaled:
    """Topics, a database, and as many worker processes as a test starts."""

    settings: Settings
    partitions: int
    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    borrowers: dict[tuple[str, str], str] = field(default_factory=dict)

    def start(
        self,
        command: str = "worker",
        *,
        within: Sequence[str] = (),
        prelude: str = "",
        **more: str,
    ) -> subprocess.Popen[bytes]:
        """A process of its own. What it prints lies in the test's folder.

        `within`: the command that runs it; `prelude`: what its Python does first.
        """
        values = {
            "database": self.settings.database,
            "broker": self.settings.broker,
            "group": self.settings.group,
            "topic_prefix": self.settings.topic_prefix,
            "closed_by": "driver",
            "port": "0",
            **more,
        }
        variables = {f"LOANBELL_{name.upper()}": value for name, value in values.items()}
        with (self.folder / f"worker{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                [
                    *within,
                    sys.executable,
                    "-c",
                    f"{prelude}\nfrom streams.cli import main; main()",
                    command,
                ],
                env={**os.environ, **variables},
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def joined(self, process: subprocess.Popen[bytes]) -> str:
        """Until a process serves; returns its address."""
        said = r"LoanBell .* at (http://\S+)"
        self.until(lambda: re.search(said, self.printed(process)) is not None)
        found = re.search(said, self.printed(process))
        assert found is not None
        return found[1]

    def printed(self, process: subprocess.Popen[bytes]) -> str:
        """What a process has printed."""
        return (self.folder / f"worker{self.processes.index(process)}.log").read_text()

    def recorded(self) -> int:
        """How far all partitions have read the transactions topic, together."""
        return sum(self.tracked("ledger", f"{TRANSACTIONS_TOPIC}:{{}}"))

    def until(self, holds: Callable[[], bool], *, seconds: float = 60.0) -> None:
        """Wait until something holds; fails with what the processes printed."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, "\n".join(map(self.printed, self.processes))
            time.sleep(0.05)

    def send(self, messages: Iterable[bytes]) -> None:
        """Messages as a core system sends them: by borrower, closes to every partition."""

        async def sending() -> None:
            producer = Producer(self.settings)
            topic = self.settings.topic(TRANSACTIONS_TOPIC)
            sender = Sender(producer, topic, self.partitions, borrowers=self.borrowers)
            await sender.send(messages)
            await sender.flush()
            await producer.stop()

        asyncio.run(sending())

    def put(self, partition: int, deliveries: Sequence[Outgoing]) -> None:
        """Deliveries as they are, into a partition of the transactions topic."""

        async def putting() -> None:
            producer = Producer(self.settings)
            topic = self.settings.topic(TRANSACTIONS_TOPIC)
            await producer.send(topic, partition, deliveries)
            await producer.stop()

        asyncio.run(putting())

    def ends(self) -> list[int]:
        """Where the transactions topic ends, in each partition."""
        return asyncio.run(_ends(self.settings, self.partitions))

    def remove_topics(self, names: Iterable[str]) -> None:
        """Take topics away from the broker."""

        async def removing() -> None:
            admin = AIOKafkaAdminClient(bootstrap_servers=servers_of(self.settings))
            await admin.start()
            await admin.delete_topics(list(names))
            await admin.close()

        asyncio.run(removing())

    def read(self, topic: str) -> list[Any]:
        """Everything that is in a topic now."""
        return asyncio.run(_read(self.settings, self.settings.topic(topic), self.partitions))

    def tracked(self, log: str, source: str) -> list[int]:
        """How far each partition has read a source."""
        found = []
        for partition in range(self.partitions):
            with PostgresStore.open(self.settings.database, partition, read_only=True) as store:
                found.append(getattr(store, log).tracked(source.format(partition)))
        return found

    def wait(self, seconds: float = 120.0) -> None:
        """Until all that is in the topic was recorded, watched and published."""
        deadline = time.monotonic() + seconds
        while not self._finished():
            dead = [p for p in self.processes if p.poll() not in (None, -9, 0)]
            if dead or time.monotonic() > deadline:
                logs = sorted(self.folder.glob("worker*.log"))
                tails = "\n".join(f"{log.name}: {log.read_text()[-3_000:]}" for log in logs)
                raise AssertionError(f"not finished, {len(dead)} ended by themselves:\n{tails}")
            time.sleep(0.2)

    def _finished(self) -> bool:
        ends = self.ends()
        if self.tracked("ledger", f"{TRANSACTIONS_TOPIC}:{{}}") != ends or self._is_watching():
            return False
        published = self.tracked("warnings", "outbox:ledger")
        for partition in range(self.partitions):
            with PostgresStore.open(self.settings.database, partition, read_only=True) as store:
                last = store.ledger.last_position()
                rung = store.warnings.last_position()
                if published[partition] != last:
                    return False
                if store.warnings.tracked("outbox:warnings") != rung:
                    return False
                watched = store.ledger.rows(
                    f"SELECT coalesce(min(ledger_position), 0) "
                    f"FROM loanbell_p{partition}_views.views",
                    (),
                )
                if watched[0][0] != last:
                    return False
        return True

    def _is_watching(self) -> bool:
        """Whether a worker's watch has facts to read: how far it has is not in the database."""
        for number, process in enumerate(self.processes):
            log = (self.folder / f"worker{number}.log").read_text()
            place = re.search(r"LoanBell worker .* at (http://\S+)", log)
            if process.poll() is not None or place is None:
                continue
            with contextlib.suppress(httpx.HTTPError):  # frozen, or in a network of its own
                status = httpx.get(f"{place[1]}/v1/status", timeout=2).json()
                lags = [lane.get("lags", {}) for lane in status["lanes"]]
                if any(lag.get("watch/ledger") for lag in lags):
                    return True
        return False

    def book(self) -> Book:
        """What the partitions hold together."""
        found = Book()
        for partition in range(self.partitions):
            with PostgresStore.open(self.settings.database, partition, read_only=True) as store:
                found.take(store)
        return found

    def stop(self) -> None:
        """Ask all workers to end."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait(timeout=20)


async def _ends(settings: Settings, partitions: int) -> list[int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=servers_of(settings))
    await consumer.start()
    topic = settings.topic(TRANSACTIONS_TOPIC)
    wanted = [TopicPartition(topic, partition) for partition in range(partitions)]
    found = await consumer.end_offsets(wanted)
    await consumer.stop()
    return [found[each] for each in wanted]


async def _read(settings: Settings, topic: str, partitions: int) -> list[Any]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers_of(settings), auto_offset_reset="earliest"
    )
    await consumer.start()
    wanted = [TopicPartition(topic, partition) for partition in range(partitions)]
    ends = await consumer.end_offsets(wanted)
    consumer.assign(wanted)
    found: list[Any] = []
    for each in wanted:
        while await consumer.position(each) < ends[each]:
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                found += records
    await consumer.stop()
    return found


@pytest.fixture
def scale(kafka: Any, postgres: Any, tmp_path: Path) -> Iterator[Callable[..., Scaled]]:
    """`scale(partitions=3)` -> an empty book; its workers end with the test."""
    made: list[Scaled] = []

    @contextmanager
    def closing() -> Iterator[None]:
        try:
            yield
        finally:
            for scaled in made:
                for process in scaled.processes:
                    process.kill()
                    process.wait()

    def make(partitions: int, *, own: Any = None, broker: Any = None) -> Scaled:
        name = f"s{uuid4().hex[:12]}"
        url = (own or postgres).create(name)
        migrate(url, partitions=partitions)
        settings = Settings(
            database=url,
            broker=(broker or kafka).url,
            group=name,
            topic_prefix=f"{name}.",
            closed_by="driver",
        )
        wanted = {settings.topic(topic): words for topic, words in TOPICS.items()}
        asyncio.run(create_topics(settings, wanted, partitions=partitions, replicas=1))
        made.append(Scaled(settings, partitions, tmp_path))
        return made[-1]

    with closing():
        yield make
