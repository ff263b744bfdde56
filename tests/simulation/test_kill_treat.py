"""Treated and contacted while it is killed with SIGKILL at random moments: the same facts.

An attempt goes on where the store says that the last one came to, a day at a time, with strategies,
contacts and the answers of simulated borrowers; the last attempt is left alone. Compared are all
facts of the ledger with their places and bytes, the files that were dropped, and all rows of the
views with a rebuild. Some attempts keep a snapshot after every step and die when so many are kept,
so that the next one begins with it. More of it:

    LOANBELL_TEST_KILLS=60 pytest tests/simulation/test_kill_treat.py
"""

from __future__ import annotations

import os
import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from ledger.store import Store

BODY = """
import os, signal
from pathlib import Path
from ledger.store.snapshots import Snapshots
from streams import keeping, wiring
from streams.drive import _days
from streams.ingest import read_many
from streams.settings import Settings

def die_after(kept):
    keeping.LEAST_SECONDS = keeping.TIMES_ITS_COST = 0.0
    save, left = Snapshots.save, [kept]

    def saved(self, snapshot):
        save(self, snapshot)
        left[0] -= snapshot.name == "treat"
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    Snapshots.save = saved

async def run(order):
    if order["kept"]:
        die_after(order["kept"])
    given = {"data": order["data"], "closed_by": "driver", "calendar": "weekends"}
    given |= {"strategy": "sme-collections", "outbound": order["ways"]}
    node = wiring.Node.open(Settings.load(given, environ={}))
    lines = Path(order["file"]).read_bytes().splitlines()
    messages = read_many(lines, source="test", first_offset=1, accepted_us=0)
    async with node:
        await node.settled()
        done = node.tracked("test")
        for piece in _days(messages):
            if piece[-1].offset > done:
                await node.submit(piece, tracking={"test": piece[-1].offset})
                await node.settled()
        if order["check"]:
            assert [str(found) for found in node.projector.check()] == []
"""
WAYS = """\
bank = "Test Bank"

[[way]]
kind = "simulator"
channels = ["sms"]

[[way]]
kind = "file"
channels = ["voice_bot", "app_push"]
folder = "outbox"
"""


def messages() -> Iterator[dict[str, Any]]:
    """Eight loans of which two pay late and the others not at all, and the closes of 16 days."""
    for number in range(8):
        common = {"value_date": "2024-01-02", "loan_id": f"L{number}", "currency": "CNY"}
        yield {
            **common,
            "type": "loan_opened",
            "transaction_id": f"open-{number}",
            "sent_at": "2024-01-02T08:00:00Z",
            "borrower_id": f"B{number}",
            "product": "working_capital",
            "principal": "12000.00",
            "terms": {"method": "annuity", "instalments": 12, "rate_percent": "9.4822"},
            "officer_id": f"O{number % 2}",
            "branch": "north",
        }
        yield {
            **common,
            "type": "loan_disbursed",
            "transaction_id": f"pay-out-{number}",
            "sent_at": "2024-01-02T08:00:01Z",
            "amount": "12000.00",
        }
    for day in (date(2024, 2, 1) + timedelta(days) for days in range(22)):
        if day == date(2024, 2, 9):
            for number in range(2):
                yield {
                    "type": "repayment_received",
                    "transaction_id": f"paid-{number}",
                    "sent_at": "2024-02-09T09:00:00Z",
                    "value_date": str(day),
                    "loan_id": f"L{number}",
                    "currency": "CNY",
                    "amount": "1100.00",
                }
        if day.weekday() < 5:
            yield {
                "type": "business_day_closed",
                "transaction_id": f"close-{day}",
                "value_date": str(day),
                "sent_at": f"{day + timedelta(1)}T00:00:00Z",
            }


KILLS = int(os.environ.get("LOANBELL_TEST_KILLS", "4"))
LONGEST_SECONDS = max(0.3, 8.0 / KILLS)
"""Of an attempt that is killed: short enough that many kills strike before the work is done."""
Runner = Callable[..., int]


@pytest.fixture(scope="module")
def runner(forking: Callable[[str], Runner]) -> Runner:
    return forking(BODY)


def attempt(runner: Runner, folder: Path, file: Path, **order: Any) -> int:
    """Run once in `folder`; the status with which the child ended."""
    ways = folder / "ways.toml"
    folder.mkdir(exist_ok=True)
    ways.write_text(WAYS, encoding="utf-8")
    given: dict[str, Any] = {
        "data": str(folder / "data"), "ways": str(ways), "file": str(file),
    }  # fmt: skip
    given |= {"check": False, "kept": 0}
    return runner(**{**given, **order})


def facts(folder: Path) -> list[tuple[Any, ...]]:
    """Every row of the ledger's log."""
    with sqlite3.connect(f"file:{folder / 'data' / 'ledger.db'}?mode=ro", uri=True) as connection:
        tables = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
            if "ledger" in name
        ]
        return sorted(
            (table, *row)
            for table in tables
            for row in connection.execute(f'SELECT * FROM "{table}"')
        )


def test_the_same_facts_whenever_it_is_killed(runner: Runner, tmp_path: Path) -> None:
    file = tmp_path / "messages.jsonl"
    file.write_bytes(b"".join(orjson.dumps(message) + b"\n" for message in messages()))
    assert attempt(runner, tmp_path / "whole", file, check=True) == 0
    kinds = Counter(kind_of(row) for row in facts(tmp_path / "whole"))
    # A case each; some are treated by message, others by voice bot.
    assert kinds["case.opened"] == 8
    assert kinds["case.strategy_assigned"] > 8
    assert kinds["contact.outcome_recorded"] >= 8
    draws, killed = random.Random(f"treat {KILLS}"), 0
    for number in range(KILLS):
        longest = draws.uniform(LONGEST_SECONDS / 10, LONGEST_SECONDS)
        kept = {"kept": draws.randint(1, 5)} if number % 2 else {"kill_after": longest}
        killed += attempt(runner, tmp_path / "torn", file, **kept) != 0
    assert killed >= KILLS // 2
    with Store.open(tmp_path / "torn" / "data" / "ledger.db", read_only=True) as store:
        assert store.snapshots.load("treat") is not None
    assert attempt(runner, tmp_path / "torn", file, check=True) == 0
    whole, torn = facts(tmp_path / "whole"), facts(tmp_path / "torn")
    assert len(torn) == len(whole)
    assert torn == whole
    sent = sorted(path.name for path in (tmp_path / "whole" / "outbox").glob("*.csv"))
    assert sorted(path.name for path in (tmp_path / "torn" / "outbox").glob("*.csv")) == sent


def kind_of(row: tuple[Any, ...]) -> str:
    """The stored name of a fact, without its version; "" for another table's row."""
    names = [each for each in row if isinstance(each, str) and each.count(".") == 2]
    return names[0].rpartition(".")[0] if names else ""
