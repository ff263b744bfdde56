"""Does the memory of a worker stay bounded while millions wait for it, and how fast are they?

The topic is filled before the worker joins: credits of a thousand accounts, packed as a core system
would. While the worker catches up its resident memory is printed every few seconds, with how many
messages still wait by its own lag metric. `--size 5000000` takes minutes an hour of a busy bank.
"""

from __future__ import annotations

import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from bench.recording import result
from bench.services import Kafka, PostgreSQL, ServiceMissing, free_port
from bench.workers import Book, Pack, megabytes, packed
from streams.kafka import Outgoing

Result = dict[str, Any]
ACCOUNTS = 1_000
PACK = 250
LOOK_SECONDS = 2.0
_DAY = date(2024, 1, 2)


def run(*, seed: int, quick: bool, size: int | None = None) -> list[Result]:
    """Memory and rate while `size` messages are caught up with."""
    waiting = size or (20_000 if quick else 5_000_000)
    try:
        with PostgreSQL() as postgres, Kafka() as kafka:
            return _caught_up(Book(postgres, kafka, "backlog"), waiting)
    except ServiceMissing as error:
        return [result("left out", error.message, 0.0, "", error.way_out)]


def _caught_up(book: Book, waiting: int) -> list[Result]:
    began = time.perf_counter()
    packs, homes = _accounts()
    book.put(packs)
    book.put(_credits(waiting, homes))
    filled = time.perf_counter() - began
    print(f"{waiting:,} messages wait; the worker joins", flush=True)
    port = free_port()
    with book.worker(port=str(port)) as pid:
        began = time.perf_counter()
        seen = [(0.0, megabytes(pid))]
        while (left := _left(port)) != 0:
            time.sleep(LOOK_SECONDS)
            seen.append((time.perf_counter() - began, megabytes(pid)))
            print(f"{seen[-1][0]:7.1f} s  {seen[-1][1]:7.1f} MB  {left or waiting:>11,} wait",
                  file=sys.stderr, flush=True)  # fmt: skip
        _, done = book.through(waiting)
    half = [memory for _, memory in seen[len(seen) // 2 :]]
    question = "catching up with a backlog"
    what = f"{waiting:,} messages waited, one worker"
    return [
        result(question, "caught up", waiting / (done - began), "messages/s", what),
        result(question, "memory at its highest", max(m for _, m in seen), "MB", "resident"),
        result(question, "second half: least", min(half), "MB", "flat where memory is bounded"),
        result(question, "second half: most", max(half), "MB", ""),
        result(question, "filling the topic", waiting / filled, "messages/s", "sent packed"),
    ]


def _left(port: int) -> int | None:
    """Messages that wait, by the worker's own metric; None while it cannot tell."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return None
    lines = [line for line in text.splitlines() if line.startswith(_LAG)]
    return round(sum(float(line.rpartition(" ")[2]) for line in lines)) if lines else None


_LAG = "loanbell_partition_waiting_messages{"


def _accounts() -> tuple[list[Pack], list[int]]:
    """The accounts' openings, and the partition of each."""
    openings = [
        (
            f'{{"type":"account_opened","transaction_id":"open-{number}","value_date":"{_DAY}",'
            f'"account_id":"A{number}","borrower_id":"B{number}","currency":"CNY",'
            f'"opening_balance":"100.00","overdraft_limit":"0.00"}}'
        ).encode()
        for number in range(ACCOUNTS)
    ]
    homes = [packed([opening])[0][0] for opening in openings]
    return packed(openings), homes


def _credits(count: int, homes: list[int]) -> Iterator[Pack]:
    """So many credits, a pack of one partition after the other."""
    by_partition: dict[int, list[int]] = {}
    for number, home in enumerate(homes):
        by_partition.setdefault(home, []).append(number)
    made = 0
    while made < count:
        for home, accounts in by_partition.items():
            lines = [
                _credit(made + at, accounts[(made + at) % len(accounts)])
                for at in range(min(PACK, count - made))
            ]
            made += len(lines)
            if lines:
                yield home, Outgoing(None, b"\n".join(lines))


def _credit(number: int, account: int) -> bytes:
    day = _DAY + timedelta(days=number % 5)
    return (
        f'{{"type":"account_credited","transaction_id":"c{number}","value_date":"{day}",'
        f'"account_id":"A{account}","amount":"1.00","currency":"CNY","flow":"trade"}}'
    ).encode()
