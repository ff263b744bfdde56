"""How soon does a worker serve a partition that another one left behind?

A partition of a real PostgreSQL holds loans of 24 monthly dues, some weeks old; its last owner kept
a snapshot, and a day of repayments came after it. Timed is what the next owner does, in a process
of its own: open, know again what the watch and the views knew, and record its first repayment.
Beside it the same without snapshots, reading every fact.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from numpy.random import default_rng

from bench.history import fact_on, told
from bench.recording import result
from bench.services import PostgreSQL, ServiceMissing
from ledger.commands import ReceiveRepayment
from ledger.dates import start_of_day_us
from ledger.events import BusinessDayClosed
from ledger.ids import CALENDAR_STREAM, loan_stream
from ledger.process import settle
from ledger.service import Incoming
from ledger.store import NewFact, PostgresStore, migrate
from streams.settings import Settings
from streams.wiring import Node

Result = dict[str, Any]
QUESTION = "takeover of a partition"


def run(*, seed: int, quick: bool, size: int | None = None) -> list[Result]:
    """Seconds until it is served, with snapshots and without; `size` in loans."""
    loans, days = size or (2_000 if quick else 250_000), 40
    settle()
    try:
        with PostgreSQL() as postgres:
            return _measured(postgres, loans, days, seed)
    except ServiceMissing as error:
        return [result("left out", error.message, 0.0, "", error.way_out)]


def _measured(postgres: PostgreSQL, loans: int, days: int, seed: int) -> list[Result]:
    url = postgres.create("takeover")
    migrate(url, partitions=1)
    settings = Settings(database=url, closed_by="driver", calendar="weekends", stop_seconds=600.0)
    *before, last = _days(loans, days, seed)
    facts = _record(url, before)
    print(f"{facts:,} facts of {loans:,} loans recorded; the first owner reads them …", flush=True)
    asyncio.run(_own(settings))
    facts += _record(url, [last])
    rows = []
    for turn, way in enumerate(("with snapshots", "reading every fact"), start=1):
        if way != "with snapshots":
            postgres.sql("TRUNCATE loanbell_p0.snapshots", "takeover")
        took = _take_over(url, turn)
        what = f"{loans:,} loans, {facts:,} facts, {len(last):,} of them after the snapshot"
        rows += [
            result(QUESTION, f"{way}: first repayment recorded", took["recorded"], "s", what),
            result(QUESTION, f"{way}: watch ready", took["watch"], "s", "aim 5"),
            result(QUESTION, f"{way}: views ready", took["views"], "s", ""),
            result(QUESTION, f"{way}: memory", took["megabytes"], "MB", "at its highest"),
        ]
    return rows


def _days(loans: int, days: int, seed: int) -> Iterator[list[NewFact]]:
    """Facts by working day, each with its close."""
    versions: dict[str, int] = {}
    for number, (today, facts) in enumerate(told(default_rng(seed), loans, days), start=1):
        made = []
        for each in facts:
            stream = loan_stream(each.fact.loan_id)
            version = versions[stream] = versions.get(stream, 0) + 1
            made.append(NewFact(stream, version, each.fact))
        close = fact_on(BusinessDayClosed, today, transaction_id=f"close-{today}")
        yield [*made, NewFact(CALENDAR_STREAM, number, close)]


def _record(url: str, days: list[list[NewFact]]) -> int:
    with PostgresStore.open(url) as store:
        for facts in days:
            for start in range(0, len(facts), 5_000):
                store.ledger.record(facts[start : start + 5_000])
    return sum(map(len, days))


async def _own(settings: Settings) -> None:
    """Serve the partition until all is read, and leave it in peace."""
    node = await asyncio.to_thread(Node.open, settings, partition=0)
    await node.start()
    await node.settled()
    await node.stop()
    node.close()


def _take_over(url: str, turn: int) -> dict[str, float]:
    """What a new process measures."""
    work = f"from bench.takeover import serve; serve({turn})"
    done = subprocess.run(
        [sys.executable, "-c", work],
        env={**os.environ, "LOANBELL_DATABASE": url},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def serve(turn: int) -> None:
    """Take the partition over and print the seconds from the start of this function."""
    settings = Settings(
        database=os.environ["LOANBELL_DATABASE"], closed_by="driver", calendar="weekends"
    )
    print(json.dumps(asyncio.run(_serve(settings, turn))))


async def _serve(settings: Settings, turn: int) -> dict[str, float]:
    took: dict[str, float] = {}
    began = time.perf_counter()
    node = await asyncio.to_thread(Node.open, settings, partition=0)
    await node.start()
    await node.submit([_repayment(turn)], tracking={"takeover": turn})
    took["recorded"] = time.perf_counter() - began
    while len(took) < 3:
        lags = node.health().lags
        for agent in ("watch", "views"):
            name = "project" if agent == "views" else agent
            if agent not in took and not any(lag for (who, _), lag in lags.items() if who == name):
                took[agent] = time.perf_counter() - began
        await asyncio.sleep(0.01)
    await node.stop()
    node.close()
    return {**took, "megabytes": _highest_megabytes()}


def _repayment(turn: int) -> Incoming:
    today = date(2024, 1, 1) + timedelta(days=45)
    command = ReceiveRepayment(
        loan_id="L000001",
        transaction_id=f"takeover-{turn}",
        value_date=today,
        recorded_at_us=start_of_day_us(today),
        amount_minor=100_000,
        currency="CNY",
    )
    at_us, name = command.recorded_at_us, command.transaction_id
    return Incoming(command, None, b"", "takeover", turn, at_us, name)


def _highest_megabytes() -> float:
    with open("/proc/self/status", encoding="ascii") as status:
        kilobytes = next(line.split()[1] for line in status if line.startswith("VmHWM"))
    return int(kilobytes) / 1_000
