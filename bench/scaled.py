"""How fast are facts recorded in PostgreSQL, and messages from Kafka to Kafka through workers?

Broker, database, sender and workers share this machine's cores. The path is timed from the first
message sent until every fact and warning is recorded, viewed and published; workers have joined
before. Where Kafka or PostgreSQL is not installed the questions are left out, and say so.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from typing import Any

from eventsourcing.application import Application
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from bench.recording import Counter, Credits, record_by_library, result, seconds_of
from bench.services import Kafka, PostgreSQL, ServiceMissing
from ledger.codec import encode
from ledger.process import settle
from ledger.store import NewFact, PostgresStore, migrate
from streams.generate.portfolio import Portfolio
from streams.kafka import Producer, create_topics
from streams.sender import Sender
from streams.settings import Settings
from streams.topics import TOPICS, TRANSACTIONS_TOPIC

Result = dict[str, Any]
PARTITIONS = 4
WAIT_SECONDS = 300.0


def run(*, seed: int, quick: bool) -> list[Result]:
    """Recording, then the path with one and with two workers."""
    settle()
    try:
        with PostgreSQL() as postgres:
            results = _recording(postgres, seed, quick)
            with Kafka() as kafka:
                for workers in (1, 2):
                    results += _path(postgres, kafka, workers, seed, quick)
            return results
    except ServiceMissing as error:
        return [result("left out", error.message, 0.0, "", error.way_out)]


def _recording(postgres: PostgreSQL, seed: int, quick: bool) -> list[Result]:
    size, rounds = (1_000, 3) if quick else (5_000, 20)
    source = Credits(seed, 100_000)
    url = postgres.create("recording")
    migrate(url, partitions=1)
    app = Application[uuid.UUID](env=_environment(postgres))
    counters = [Counter() for _ in range(100)]
    app.save(*counters)
    bulk = _bulk(postgres)
    seconds: dict[str, list[float]] = {"ours": [], "bulk": [], "library": []}
    with PostgresStore.open(url) as store:
        for _ in range(rounds):
            facts = source.batch(size)
            taken = seconds_of(store.ledger.record, facts, tracking={"bench": source.made})
            seconds["ours"].append(taken / size)
            events = [_stored(fact) for fact in facts]
            seconds["bulk"].append(seconds_of(bulk.insert_events, events) / size)
            taken = seconds_of(record_by_library, app, counters)
            seconds["library"].append(taken / len(counters))
    rate = {name: 1 / statistics.median(each) for name, each in seconds.items()}
    question, what = "durable recording", f"{rounds} rounds of {size:,}, medians"
    ratio = rate["ours"] / rate["library"]
    bulk_ratio = rate["ours"] / rate["bulk"]
    return [
        result(question, "FactLog.record on PostgreSQL", rate["ours"], "facts/s", what),
        result(question, "library: get, trigger, save", rate["library"], "facts/s", what),
        result(question, "library: bulk insert_events", rate["bulk"], "facts/s", "bytes ready"),
        result(question, "times the library's save", ratio, "×", "aim 60"),
        result(question, "times the library's bulk insert", bulk_ratio, "×", ""),
    ]


def _environment(postgres: PostgreSQL) -> dict[str, str]:
    parts = conninfo_to_dict(postgres.create("library"))
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(parts["dbname"]),
        "POSTGRES_HOST": str(parts["host"]),
        "POSTGRES_PORT": str(parts["port"]),
        "POSTGRES_USER": str(parts["user"]),
        "POSTGRES_PASSWORD": "none",
    }


def _bulk(postgres: PostgreSQL) -> PostgresApplicationRecorder:
    parts = conninfo_to_dict(postgres.create("bulk"))
    datastore = PostgresDatastore(
        str(parts["dbname"]), str(parts["host"]), str(parts["port"]), str(parts["user"]), "none",
        originator_id_type="text",
    )  # fmt: skip
    recorder = PostgresApplicationRecorder(datastore)
    recorder.create_table()
    return recorder


def _stored(new: NewFact) -> StoredEvent:
    return StoredEvent(new.stream, new.version, *encode(new.fact))


def _path(postgres: PostgreSQL, kafka: Kafka, workers: int, seed: int, quick: bool) -> list[Result]:
    loans, months = (40, 2) if quick else (200, 12)
    portfolio = Portfolio(loans=loans, months=months, seed=seed, start=date(2024, 1, 2))
    messages = list(portfolio.messages())
    name = f"path{workers}"
    settings = Settings(
        database=postgres.create(name), broker=kafka.url, group=name, topic_prefix=f"{name}."
    )
    migrate(settings.database, partitions=PARTITIONS)
    wanted = {settings.topic(topic): words for topic, words in TOPICS.items()}
    asyncio.run(create_topics(settings, wanted, partitions=PARTITIONS, replicas=1))
    with ExitStack() as stack:
        for _ in range(workers):
            stack.enter_context(_worker(settings))
        started = time.perf_counter()
        asyncio.run(_send(settings, messages))
        sent = time.perf_counter() - started
        facts = _await_published(settings, len(messages))
        taken = time.perf_counter() - started
    noun = "worker" if workers == 1 else "workers"
    what = f"{len(messages):,} messages, {facts:,} facts, {PARTITIONS} partitions"
    question = "Kafka → ledger → warnings, views → Kafka"
    return [
        result(question, f"{workers} {noun}", len(messages) / taken, "messages/s", what),
        result(question, f"{workers} {noun}: sent", len(messages) / sent, "messages/s", "packed"),
    ]


@contextmanager
def _worker(settings: Settings) -> Iterator[None]:
    """A worker process that has joined its group."""
    names = ("database", "broker", "group", "topic_prefix")
    variables = {f"LOANBELL_{name.upper()}": str(getattr(settings, name)) for name in names}
    command = [sys.executable, "-c", "from streams.cli import main; main()", "worker"]
    process = subprocess.Popen(
        command,
        env={**os.environ, **variables, "LOANBELL_CLOSED_BY": "driver", "LOANBELL_PORT": "0"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for line in process.stderr or ():
            if "is ours" in line:
                break
        yield
    finally:
        process.kill()
        process.wait()


async def _send(settings: Settings, messages: list[bytes]) -> None:
    producer = Producer(settings)
    sender = Sender(producer, settings.topic(TRANSACTIONS_TOPIC), PARTITIONS)
    await sender.send(messages)
    await sender.flush()
    await producer.stop()


def _await_published(settings: Settings, messages: int) -> int:
    """Until all is recorded, viewed and published; returns how many facts that makes."""
    deadline = time.monotonic() + WAIT_SECONDS
    still, last = 0, -1
    while still < 3:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{messages} messages were not through in {WAIT_SECONDS:.0f} s")
        facts, open_facts = _standing(settings)
        still = still + 1 if facts == last and facts >= messages * 0.9 and not open_facts else 0
        last = facts
        time.sleep(0.1)
    return last


def _standing(settings: Settings) -> tuple[int, int]:
    """Facts recorded, and those not yet published or viewed, over all partitions."""
    facts = left = 0
    for partition in range(PARTITIONS):
        with PostgresStore.open(settings.database, partition, read_only=True) as store:
            last = store.ledger.last_position()
            query = f"SELECT min(ledger_position) FROM loanbell_p{partition}_views.views"
            viewed = store.ledger.rows(query, ())[0][0] or 0
            facts += last
            left += 2 * last - viewed - store.warnings.tracked("outbox:ledger")
    return facts, left
