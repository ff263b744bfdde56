"""How fast are facts recorded in PostgreSQL, and messages from Kafka to Kafka through workers?

Broker, database and workers share this machine's cores: beside the rate stands what each of them
spends on a message, which tells the rate where nothing else runs. Where Kafka or PostgreSQL is not
installed the questions are left out, and say so.
"""

from __future__ import annotations

import os
import statistics
import time
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date
from typing import Any

from eventsourcing.application import Application
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from bench.recording import Counter, Credits, record_by_library, result, seconds_of
from bench.services import Kafka, PostgreSQL, ServiceMissing
from bench.workers import PARTITIONS, Book, family_seconds, packed, processor_seconds
from ledger.codec import encode
from ledger.process import settle
from ledger.store import NewFact, PostgresStore, migrate
from streams.generate.portfolio import Portfolio

Result = dict[str, Any]
AIM_PER_SECOND = 10_000


def run(*, seed: int, quick: bool, size: int | None = None) -> list[Result]:
    """Recording, then the path with one and with two workers; `size` in messages of the path."""
    settle()
    try:
        with PostgreSQL() as postgres:
            results = _recording(postgres, seed, quick)
            with Kafka() as kafka:
                messages = _sample(seed, quick=quick, size=size)
                # Once for nothing: a broker and a database that have just started compile and grow.
                _path(postgres, kafka, 1, messages, book="warm")
                for workers in (1, 2):
                    results += _path(postgres, kafka, workers, messages)
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


def _path(
    postgres: PostgreSQL, kafka: Kafka, workers: int, messages: Sequence[bytes], *, book: str = ""
) -> list[Result]:
    """Messages a second, and who spends the processor time of each."""
    place, packs = Book(postgres, kafka, book or f"path{workers}"), packed(messages)
    with ExitStack() as stack:
        pids = [stack.enter_context(place.worker()) for _ in range(workers)]
        place.ready()
        before = _spent(pids, postgres, kafka)
        started = time.perf_counter()
        place.put(packs)
        facts, done = place.through(len(messages))
        after = _spent(pids, postgres, kafka)
    costs = {name: after[name] - before[name] for name in after}
    count, noun = len(messages), "worker" if workers == 1 else "workers"
    what = f"{count:,} messages, {facts:,} facts, {PARTITIONS} partitions; aim 10,000"
    question = "Kafka → ledger → warnings, views → Kafka"
    rows = [result(question, f"{workers} {noun}", count / (done - started), "messages/s", what)]
    for name, seconds in costs.items():
        measure = f"{workers} {noun}: processor time of {name}"
        rows.append(result(question, measure, seconds / count * 1e6, "µs/message", ""))
    each = {name: seconds / count * 1e6 for name, seconds in costs.items()}
    most, why = budget_of(each, workers=workers, cores=os.cpu_count() or 1)
    return [*rows, result(question, f"{workers} {noun}: what that allows", most, "messages/s", why)]


def budget_of(costs: dict[str, float], *, workers: int, cores: int) -> tuple[float, str]:
    """Microseconds of each part -> messages a second that they allow, and a sentence saying why.

    A worker is one interpreter and uses one core; all parts share `cores`.
    """
    whole, by_worker = sum(costs.values()), costs["workers"]
    shared, alone = cores * 1e6 / whole, workers * 1e6 / by_worker
    parts = " + ".join(f"{name} {cost:.0f}" for name, cost in costs.items())
    dearest = max(costs, key=lambda name: costs[name])
    room = cores * 1e6 / AIM_PER_SECOND
    said = f"{parts} = {whole:.0f} µs a message; {AIM_PER_SECOND:,}/s on {cores} cores leave"
    limit = (
        f"one interpreter a worker is the limit: it takes {by_worker:.0f} µs"
        if alone < shared
        else f"the cores are the limit, {dearest} take {100 * costs[dearest] / whole:.0f} %"
    )
    return min(shared, alone), f"{said} {room:.0f}; {limit}"


def _spent(workers: Sequence[int], postgres: PostgreSQL, kafka: Kafka) -> dict[str, float]:
    """Seconds of processor time so far."""
    return {
        "workers": sum(map(processor_seconds, workers)),
        "PostgreSQL": family_seconds(postgres),
        "Kafka": family_seconds(kafka),
    }


def _sample(seed: int, *, quick: bool, size: int | None) -> list[bytes]:
    """Two months of a portfolio: nine in ten messages are movements of accounts."""
    loans = max(10, size // 36) if size else 40 if quick else 2_000
    portfolio = Portfolio(loans=loans, months=2, seed=seed, start=date(2024, 1, 2))
    return list(portfolio.messages())
