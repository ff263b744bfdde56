"""A book on a real Kafka and PostgreSQL, worker processes on it, and what they cost.

Messages are packed for their partitions before the clock starts, as the core systems that send them
run elsewhere. The path is done when every fact and warning is recorded, viewed and published.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from bench.services import Kafka, PostgreSQL, Service
from ledger.store import PostgresStore, migrate, unowned
from streams.kafka import Outgoing, Producer, create_topics
from streams.sender import Sender
from streams.settings import Settings
from streams.topics import TOPICS, TRANSACTIONS_TOPIC

PARTITIONS = 4
WAIT_SECONDS = 1_800.0
Pack = tuple[int, Outgoing]
"""A partition and a delivery for it."""
_TICKS = os.sysconf("SC_CLK_TCK")


class Book:
    """An empty book of its own on the services."""

    def __init__(self, postgres: PostgreSQL, kafka: Kafka, name: str) -> None:
        self.postgres, self.kafka = postgres, kafka
        self.settings = Settings(
            database=postgres.create(name), broker=kafka.url, group=name, topic_prefix=f"{name}."
        )
        migrate(self.settings.database, partitions=PARTITIONS)
        wanted = {self.settings.topic(topic): words for topic, words in TOPICS.items()}
        asyncio.run(create_topics(self.settings, wanted, partitions=PARTITIONS, replicas=1))

    @contextmanager
    def worker(self, **more: str) -> Iterator[int]:
        """A worker process that has joined its group; gives its process id."""
        names = ("database", "broker", "group", "topic_prefix")
        values = {name: str(getattr(self.settings, name)) for name in names}
        values |= {"closed_by": "driver", "port": "0", **more}
        process = subprocess.Popen(
            [sys.executable, "-c", "from streams.cli import main; main()", "worker"],
            env={**os.environ, **{f"LOANBELL_{n.upper()}": v for n, v in values.items()}},
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            for line in process.stderr or ():
                if "is ours" in line:
                    break
            with _drained(process):
                yield process.pid
        finally:
            process.kill()
            process.wait()

    def ready(self) -> None:
        """Until every partition is served, so that opening them is not measured."""
        deadline = time.monotonic() + 60.0
        while unowned(self.settings.database) or not self._is_viewed():
            if time.monotonic() > deadline:
                raise TimeoutError("The workers did not open all partitions.")
            time.sleep(0.1)

    def _is_viewed(self) -> bool:
        made = self.postgres.sql(
            "SELECT count(*) FROM pg_tables WHERE schemaname LIKE 'loanbell%' "
            "AND tablename = 'views'",
            self.settings.group,
        )
        return int(made) == PARTITIONS

    def put(self, packs: Iterable[Pack]) -> None:
        """Deliveries into the transactions topic, in order."""
        asyncio.run(self._put(packs))

    async def _put(self, packs: Iterable[Pack]) -> None:
        producer, topic = Producer(self.settings), self.settings.topic(TRANSACTIONS_TOPIC)
        waiting: list[list[Outgoing]] = [[] for _ in range(PARTITIONS)]
        for partition, sent in packs:
            waiting[partition].append(sent)
            if len(waiting[partition]) >= 64:
                await producer.send(topic, partition, waiting[partition])
                waiting[partition] = []
        for partition, left in enumerate(waiting):
            await producer.send(topic, partition, left)
        await producer.stop()

    def standing(self) -> tuple[int, int]:
        """Facts recorded, and those not yet published or viewed, over all partitions."""
        facts = left = 0
        for partition in range(PARTITIONS):
            with PostgresStore.open(self.settings.database, partition, read_only=True) as store:
                last = store.ledger.last_position()
                query = f"SELECT min(ledger_position) FROM loanbell_p{partition}_views.views"
                viewed = store.ledger.rows(query, ())[0][0] or 0
                facts += last
                left += 2 * last - viewed - store.warnings.tracked("outbox:ledger")
        return facts, left

    def through(self, messages: int) -> tuple[int, float]:
        """Until all is recorded, viewed and published -> how many facts, and when that was."""
        deadline = time.monotonic() + WAIT_SECONDS
        facts, since = -1, 0.0
        while time.monotonic() < deadline:
            now, left = self.standing()
            if now != facts or left or now < messages * 0.9:
                facts, since = now, time.perf_counter()
            elif time.perf_counter() - since > 0.5:
                return facts, since
            time.sleep(0.05)
        raise TimeoutError(f"{messages} messages were not through in {WAIT_SECONDS:.0f} s")


@contextmanager
def _drained(process: subprocess.Popen[str]) -> Iterator[None]:
    """Read what a process prints on, so that it never waits for a reader."""
    with subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL) as reader:
        try:
            yield
        finally:
            reader.kill()


def packed(
    messages: Sequence[bytes], borrowers: dict[tuple[str, str], str] | None = None
) -> list[Pack]:
    """Messages as deliveries for their partitions; `borrowers` as for `Sender`."""
    found: list[Pack] = []

    class Collector:
        async def send_all(self, waiting: Mapping[tuple[str, int], Iterable[Outgoing]]) -> None:
            for (_, partition), sent in waiting.items():
                found.extend((partition, each) for each in sent)

    async def collect() -> None:
        collector: Any = Collector()
        sender = Sender(collector, "", PARTITIONS, borrowers=borrowers)
        await sender.send(messages)
        await sender.flush()

    asyncio.run(collect())
    return found


def processor_seconds(pid: int) -> float:
    """Processor time of a process so far; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            fields = stat.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def family_seconds(service: Service) -> float:
    """Processor time of a service and all that it started."""
    return sum(map(processor_seconds, [service.pid, *_children(service.pid)]))


def megabytes(pid: int) -> float:
    """Resident memory of a process."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _children(pid: int) -> list[int]:
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as children:
            found += [int(child) for child in children.read().split()]
    return found
