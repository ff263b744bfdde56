"""Workers, database and broker are killed, stopped, frozen and cut off: the book stays the same.

Every fault is drawn from the seed in the test's name, so `pytest -k` with that name replays it.
After each storm the facts, warnings, closed days and published ids equal an undisturbed run's.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest

from streams.topics import LEDGER_TOPIC, REJECTS_TOPIC, WARNINGS_TOPIC

pytestmark = [pytest.mark.service, pytest.mark.slow]

Scale = Callable[..., Any]
Survived = Callable[..., None]
QUICK = {"session_seconds": "2"}
PARTITIONS = 3


@pytest.fixture
def own_postgres() -> Iterator[Any]:
    """A PostgreSQL that a test may kill."""
    from bench.services import PostgreSQL

    with PostgreSQL(durable=False) as service:
        yield service


@contextmanager
def sending(scaled: Any, messages: list[bytes], *, pieces: int, pause: float) -> Iterator[None]:
    """Send messages in pieces, beside the block, and until all are sent."""

    def send() -> None:
        size = len(messages) // pieces + 1
        for start in range(0, len(messages), size):
            scaled.send(messages[start : start + size])
            time.sleep(pause)

    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(send)
        yield
        sent.result(timeout=120)


def assert_same_book(scaled: Any, undisturbed: Any) -> None:
    book = scaled.book()
    assert book.ledger == undisturbed.ledger
    assert book.warnings == undisturbed.warnings
    assert book.refused == undisturbed.refused
    assert book.days == undisturbed.days * PARTITIONS
    published = [
        dict(record.headers)["ce_id"].decode().partition("/")[2]
        for topic in (LEDGER_TOPIC, REJECTS_TOPIC, WARNINGS_TOPIC)
        for record in scaled.read(topic)
    ]
    assert set(published) == book.event_ids  # At least once: repeats have the same id.


@pytest.mark.parametrize("seed", [1])
def test_workers_killed_at_random_moments(
    scale: Scale, portfolio_messages: list[bytes], undisturbed: Any, seed: int, survived: Survived
) -> None:
    random, scaled = Random(seed), scale(PARTITIONS)
    alive = [scaled.start(**QUICK), scaled.start(**QUICK)]
    kills = 5
    with sending(scaled, portfolio_messages, pieces=8, pause=0.3):
        for _ in range(kills):
            time.sleep(random.uniform(0.3, 3.0))
            victim = alive.pop(random.randrange(len(alive)))
            victim.kill()
            victim.wait()
            alive.append(scaled.start(**QUICK))
    scaled.wait()
    scaled.stop()
    assert [worker.returncode for worker in scaled.processes].count(-signal.SIGKILL) == kills
    assert_same_book(scaled, undisturbed)
    survived(kills_of_workers=kills)


def test_workers_come_and_go_under_load(
    scale: Scale, portfolio_messages: list[bytes], undisturbed: Any, survived: Survived
) -> None:
    random, scaled = Random(3), scale(PARTITIONS)
    scaled.start(**QUICK)
    with sending(scaled, portfolio_messages, pieces=8, pause=0.3):
        newcomer = scaled.start(**QUICK)
        scaled.joined(newcomer)
        time.sleep(random.uniform(0.1, 1.5))
        newcomer.send_signal(signal.SIGTERM)
        started = time.monotonic()
        assert newcomer.wait(timeout=20) == 0
        assert time.monotonic() - started < 10
    scaled.wait()
    scaled.stop()
    assert_same_book(scaled, undisturbed)
    survived(workers_come_and_gone=2)


@pytest.mark.parametrize("seed", [4])
def test_the_database_is_killed_restarted_and_cuts_connections(
    scale: Scale,
    own_postgres: Any,
    portfolio_messages: list[bytes],
    undisturbed: Any,
    seed: int,
    survived: Survived,
) -> None:
    random, scaled = Random(seed), scale(PARTITIONS, own=own_postgres)
    scaled.start(**QUICK)
    with sending(scaled, portfolio_messages, pieces=8, pause=0.3):
        scaled.until(lambda: scaled.recorded() > 0)
        for _ in range(4):
            own_postgres.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            time.sleep(random.uniform(0.2, 1.0))
        for sign in (signal.SIGKILL, signal.SIGINT):
            own_postgres.stop(sign)
            time.sleep(random.uniform(0.2, 1.0))
            own_postgres.start()
            time.sleep(random.uniform(0.5, 1.5))
    scaled.wait()
    scaled.stop()
    assert_same_book(scaled, undisturbed)
    survived(cuts_by_the_database=4, restarts_of_the_database=2)


def test_the_broker_is_stopped_and_started(
    scale: Scale, kafka: Any, portfolio_messages: list[bytes], undisturbed: Any, survived: Survived
) -> None:
    scaled = scale(PARTITIONS)
    worker = scaled.start(**QUICK)
    scaled.joined(worker)
    half = len(portfolio_messages) // 2
    scaled.send(portfolio_messages[:half])
    scaled.until(lambda: scaled.recorded() > 0)
    kafka.kill()
    before = len(scaled.printed(worker))
    scaled.until(lambda: len(scaled.printed(worker)) > before)  # It misses the broker.
    kafka.start()
    scaled.send(portfolio_messages[half:])
    scaled.wait()
    scaled.stop()
    assert_same_book(scaled, undisturbed)
    survived(restarts_of_the_broker=1)


def test_a_worker_that_was_frozen_cannot_write_to_a_partition_that_another_took_over(
    scale: Scale, portfolio_messages: list[bytes], undisturbed: Any, survived: Survived
) -> None:
    scaled = scale(PARTITIONS)
    frozen = scaled.start(**QUICK)
    half = len(portfolio_messages) // 2
    scaled.send(portfolio_messages[:half])
    scaled.wait()
    frozen.send_signal(signal.SIGSTOP)  # To the broker and the database as if it were cut off.
    scaled.start(**QUICK)
    scaled.send(portfolio_messages[half:])
    scaled.wait()
    frozen.send_signal(signal.SIGCONT)
    scaled.until(lambda: "is given back" in scaled.printed(frozen))
    scaled.stop()
    assert_same_book(scaled, undisturbed)
    survived(frozen_workers=1)
