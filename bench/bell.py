"""How soon after a message is a warning published, and how does a Faust agent with tables compare?

At an even 2,000 messages a second a sender, a worker, the broker and the database share this
machine. A warning's time runs from when its cause was due to be sent, whenever it was, until a
consumer of the warnings topic holds it. The peer is what Faust's documentation shows: an agent that
takes one event at a time, keeps what it knows in a table, and sends a warning when a rule holds. It
judges far less: one balance, two windows and three rules an account, without books, reasons or
history.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import faust
import orjson
from aiokafka import AIOKafkaConsumer

from bench.latency import percentile
from bench.recording import result
from bench.services import Kafka, PostgreSQL, ServiceMissing
from bench.workers import PARTITIONS, Book, packed
from streams.generate.portfolio import Portfolio
from streams.ingest import read
from streams.kafka import Outgoing, Producer, create_topics, servers_of
from streams.sender import Sender
from streams.topics import TRANSACTIONS_TOPIC, WARNINGS_TOPIC

Result = dict[str, Any]
PER_SECOND, HANDFUL = 2_000, 20
AIM_MS = 250.0
ALARMS = "alarms"


def run(*, seed: int, quick: bool, size: int | None = None) -> list[Result]:
    """Percentiles, and both rates on the same messages; `size` in messages."""
    loans = max(40, (size or 0) // 36) if size else 40 if quick else 1_000
    messages = list(Portfolio(loans=loans, months=2, seed=seed, start=date(2024, 1, 2)).messages())
    try:
        with PostgreSQL() as postgres, Kafka() as kafka:
            rows = _latency(Book(postgres, kafka, "bell"), messages)
            ours = _ours(Book(postgres, kafka, "ours"), messages)
            peer = _peer(Book(postgres, kafka, "peer"), messages)
    except ServiceMissing as error:
        return [result("left out", error.message, 0.0, "", error.way_out)]
    question = "a Faust agent with a table"
    what = f"{len(messages):,} messages, one process each"
    return [
        *rows,
        result(question, "worker: record, watch, views, publish", ours, "messages/s", what),
        result(question, "Faust agent: one event, one table entry", peer, "events/s", what),
        result(question, "times the Faust agent", ours / peer, "×", "aim 5"),
    ]


# -- from a message to its warning ---------------------------------------------------------------


def _latency(book: Book, messages: Sequence[bytes]) -> list[Result]:
    live = min(PER_SECOND * 30, len(messages) // 2)
    before, evenly = messages[:-live], messages[-live:]
    borrowers: dict[tuple[str, str], str] = {}
    with book.worker():
        book.ready()
        book.put(packed(before, borrowers))
        book.through(len(before))
        took = asyncio.run(_rung(book, evenly, borrowers, expected=len(messages)))
    note = f"{len(took):,} warnings; {live:,} messages at {PER_SECOND:,}/s"
    question = "accept to published warning"
    return [
        result(question, f"p{percent}", percentile(took, percent), "ms",
               note + (f"; aim {AIM_MS:g}" if percent == 99 else ""))
        for percent in (50, 99)
    ]  # fmt: skip


async def _rung(
    book: Book, live: Sequence[bytes], borrowers: dict[tuple[str, str], str], *, expected: int
) -> list[float]:
    """Milliseconds of each warning whose cause is among `live`; `expected` are all messages."""
    settings, due = book.settings, dict[int, float]()
    took: list[float] = []
    consumer = AIOKafkaConsumer(
        settings.topic(WARNINGS_TOPIC), bootstrap_servers=servers_of(settings)
    )
    await consumer.start()
    listening = asyncio.create_task(_listen(consumer, due, took))
    producer = Producer(settings)
    topic = settings.topic(TRANSACTIONS_TOPIC)
    sender = Sender(producer, topic, PARTITIONS, borrowers=borrowers)
    causes = [read(each, source="", offset=1, accepted_us=0).recorded_at_us for each in live]
    began, sent = time.perf_counter() + 0.5, 0
    for number, cause in enumerate(causes):
        due.setdefault(cause, began + number / PER_SECOND)
    while sent < len(live):
        await asyncio.sleep(began + (sent + HANDFUL) / PER_SECOND - time.perf_counter())
        upto = int((time.perf_counter() - began) * PER_SECOND)
        await sender.send(live[sent:upto])  # Also what fell due while the broker took the last.
        await sender.flush()
        sent = upto
    await asyncio.to_thread(book.through, expected)
    await asyncio.sleep(0.5)
    listening.cancel()
    await consumer.stop()
    await producer.stop()
    return took


async def _listen(consumer: AIOKafkaConsumer, due: dict[int, float], took: list[float]) -> None:
    async for record in consumer:
        headers = dict(record.headers)
        cause = orjson.loads(record.value).get("recorded_at_us")
        if headers["ce_type"].startswith(b"warning.raised") and cause in due:
            took.append((time.perf_counter() - due[cause]) * 1_000)


# -- the same messages by a worker, and by a Faust agent ------------------------------------------


def _ours(book: Book, messages: Sequence[bytes]) -> float:
    packs = packed(messages)
    with book.worker():
        book.ready()
        began = time.perf_counter()
        book.put(packs)
        _, done = book.through(len(messages))
    return len(messages) / (done - began)


def _peer(book: Book, messages: Sequence[bytes]) -> float:
    """Events a second: each a message of its own, keyed by borrower, as Faust wants them."""
    events = list(_events(messages))
    asyncio.run(_topics(book))
    with _agent(book) as lines:
        book.put(events)
        found = dict(line.split() for line in lines if line.startswith(("first", "last")))
    return len(events) / (float(found["last"]) - float(found["first"]))


def _events(messages: Sequence[bytes]) -> Iterator[tuple[int, Outgoing]]:
    borrowers: dict[tuple[str, str], str] = {}
    for partition, pack in packed(messages, borrowers):
        for line in (pack.value or b"").split(b"\n"):
            yield partition, Outgoing(_key(line, borrowers), line)


def _key(line: bytes, borrowers: dict[tuple[str, str], str]) -> bytes:
    try:
        document = orjson.loads(line)
        entity = next((kind, document[kind]) for kind in ("loan_id", "account_id")
                      if kind in document)  # fmt: skip
    except (orjson.JSONDecodeError, StopIteration, TypeError):
        return b""
    return str(borrowers.get(entity, "")).encode()


async def _topics(book: Book) -> None:
    wanted: dict[str, dict[str, str]] = {
        book.settings.topic(ALARMS): {},
        f"{book.settings.group}-accounts-changelog": {"cleanup.policy": "compact"},
    }
    await create_topics(book.settings, wanted, partitions=PARTITIONS, replicas=1)


@contextmanager
def _agent(book: Book) -> Iterator[Iterator[str]]:
    """The peer's process, which has its partitions; its lines say when the first and last came."""
    with tempfile.TemporaryDirectory(prefix="loanbell-peer-") as folder:
        given = {"PEER_BROKER": servers_of(book.settings), "PEER_GROUP": book.settings.group,
                 "PEER_PREFIX": book.settings.topic_prefix, "PEER_FOLDER": folder}  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-c", "from bench.bell import peer; peer()"],
            env={**os.environ, **given},
            stdout=subprocess.PIPE,
            text=True,
        )
        lines = iter(process.stdout or ())
        try:
            for line in lines:
                if line.startswith("ready"):
                    break
            yield lines
        finally:
            process.kill()
            process.wait()


def peer() -> None:
    """The Faust agent: prints when it is ready, and when its first and last event were done."""
    asyncio.run(_run_peer())


async def _run_peer() -> None:
    env = os.environ
    app = faust.App(
        env["PEER_GROUP"], broker=f"kafka://{env['PEER_BROKER']}", store="memory://",
        datadir=env["PEER_FOLDER"], web_enabled=False, topic_disable_leader=True,
        autodiscover=False, consumer_auto_offset_reset="earliest",
    )  # fmt: skip
    events = app.topic(env["PEER_PREFIX"] + TRANSACTIONS_TOPIC, value_serializer="raw")
    alarms = app.topic(env["PEER_PREFIX"] + ALARMS, value_serializer="raw")
    table = app.Table("accounts", default=dict, partitions=PARTITIONS)
    seen = {"count": 0, "first": 0.0, "last": 0.0}
    ready = asyncio.Event()

    async def judge(stream: Any) -> None:
        async for value in stream:
            entry, alarm = _judged(value, table)
            if entry is not None:
                table[entry[0]] = entry[1]
            if alarm is not None:
                await alarms.send(key=alarm[0], value=alarm[1])
            seen["last"] = time.perf_counter()
            seen["first"] = seen["first"] or seen["last"]
            seen["count"] += 1

    async def assigned(_app: Any, *_: Any, **__: Any) -> None:
        ready.set()

    app.agent(events)(judge)
    app.on_partitions_assigned.connect(assigned, weak=False)  # type: ignore[arg-type]
    await app.start()
    await ready.wait()
    await asyncio.sleep(2.0)
    print("ready", flush=True)
    while not seen["last"] or time.perf_counter() - seen["last"] < 3.0:
        await asyncio.sleep(0.1)
    print(f"first {seen['first']}\nlast {seen['last']}", flush=True)
    await app.stop()


def _judged(value: bytes, table: Any) -> tuple[Any, Any]:
    """An event's table entry, and an alarm where one of three rules holds."""
    try:
        event = orjson.loads(value)
        name = event.get("account_id") or event.get("loan_id")
        day = date.fromisoformat(event["value_date"]).toordinal()
    except (orjson.JSONDecodeError, AttributeError, KeyError, ValueError):
        return None, None
    if name is None:
        return None, None
    entry = dict(table[name])
    cents = round(float(event.get("amount", 0)) * 100)
    sign = -1 if event["type"] in ("account_debited", "loan_disbursed") else 1
    entry["balance"] = entry.get("balance", 0) + sign * cents
    moves = [*entry.get("moves", ()), [day, sign * cents]]
    entry["moves"] = [move for move in moves if move[0] > day - 90]
    bounced = event["type"] in ("account_debit_returned", "repayment_reversed")
    days = [each for each in entry.get("bounced", ()) if each > day - 30]
    entry["bounced"] = [*days, day] if bounced else days
    lately = sum(amount for at, amount in entry["moves"] if at > day - 30)
    before = sum(amount for at, amount in entry["moves"] if at <= day - 30)
    rings = entry["balance"] < 0 or len(entry["bounced"]) >= 2 or (before > 0 and lately < 0)
    alarm = (name, orjson.dumps({"account_id": name, **entry})) if rings else None
    return (name, entry), alarm
