"""Sign-in and audit where all partitions share one database: two processes, one trail."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import date
from typing import Any

import httpx
import orjson
import pytest

from ledger.dates import now_us
from ledger.events import SignedOut
from ledger.store import PostgresAudit
from streams.api.app import create_reading_api
from streams.books import Books
from streams.identity.directory import Directory, Tables, User
from streams.identity.service import Identity
from streams.identity.trail import Trail
from streams.ingest import read
from streams.parts import people_place
from streams.settings import Settings
from streams.wiring import Node

pytestmark = pytest.mark.service
NOW: dict[str, Any] = {"value_date": date(2026, 11, 26), "recorded_at_us": 1}


def loan(number: int) -> bytes:
    return orjson.dumps({
        "type": "loan_opened", "transaction_id": f"open-{number}", "value_date": "2024-01-15",
        "loan_id": f"L{number}", "borrower_id": f"B{number}", "product": "working_capital",
        "currency": "CNY", "principal": "12000.00",
        "terms": {"method": "annuity", "instalments": 12, "rate_percent": "9.4822"},
        "officer_id": "O1", "branch": ("north", "south")[number],
        "sent_at": "2024-01-15T08:00:00Z",
    })  # fmt: skip


async def fill(settings: Settings) -> None:
    """One loan to each of two partitions, in another branch each."""
    for partition in (0, 1):
        node = Node.open(settings, partition=partition)
        async with node:
            message = read(loan(partition), source="t", offset=1, accepted_us=now_us())
            await node.submit([message])
            await node.settled()


async def ask(books: Books, sessions: dict[str, str]) -> None:
    transport = httpx.ASGITransport(create_reading_api(books, hosts=()))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:

        async def get(path: str, who: str = "") -> httpx.Response:
            headers = {"Cookie": f"loanbell={sessions[who]}"} if who else {}
            return await client.get(path, headers=headers)

        assert (await get("/v1/loans")).status_code == 401
        own = (await get("/v1/loans", "north")).json()["loans"]
        assert [row["loan_id"] for row in own] == ["L0"]
        assert (await get("/v1/loans/L0/story", "north")).status_code == 200
        assert (await get("/v1/loans/L1", "north")).status_code == 404
        facts = (await get("/v1/audit?person=north", "whole")).json()["facts"]
        assert [(row["kind"], row["what"]) for row in facts] == [
            ("access_refused", "get_loan"),
            ("borrowers_read", "get_story"),
            ("borrowers_read", "list_loans"),
        ]


def test_the_reading_side_asks_who_it_is_and_keeps_the_trail(migrated: Callable[..., str]) -> None:
    settings = Settings(database=migrated(partitions=2), closed_by="driver")
    asyncio.run(fill(settings))
    directory = Directory(Tables.open(people_place(settings)))
    for name, branches in (("north", frozenset({"north"})), ("whole", None)):
        user = User(user_id=name, name=name, roles=frozenset({"auditor"}), branches=branches)
        directory.add(user, by="test")
    sessions = {user.user_id: Identity(people_place(settings)).begin(user)
                for user in directory.users()}  # fmt: skip
    books = Books.open(settings)
    asyncio.run(ask(books, sessions))
    books.close()
    directory.tables.close()


def test_processes_that_write_the_trail_at_once_lose_and_repeat_nothing(
    migrated: Callable[..., str],
) -> None:
    url = migrated(partitions=1)
    opened = [PostgresAudit.open(url) for _ in range(3)]
    place = people_place(Settings(database=url))
    people = [Tables.open(place) for _ in range(3)]
    for name in ("d", "e", "f"):  # told by one of them, whichever is first
        user = User(user_id=name, name=name, roles=frozenset({"auditor"}), branches=None)
        Directory(people[0]).add(user, by="test")

    def write(audit: PostgresAudit, who: str) -> None:
        trail = Trail(audit.audit, lambda: people["abc".index(who)])
        for number in range(20):
            mine = SignedOut(user_id=f"{who}{number % 2}", **NOW)
            trail.commit([mine, SignedOut(user_id="x", **NOW)])

    threads = [
        threading.Thread(target=write, args=(audit, who))
        for audit, who in zip(opened, "abc", strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    report = opened[0].audit.verify()
    # 3 processes x 20 commits x 2 facts, and 3 users that were added
    assert (report.facts, report.fault) == (123, None)
    assert len(opened[0].audit.stream("person:test")) == 3
    assert len(opened[1].audit.stream("person:x")) == 60
    assert len(opened[2].audit.stream("person:a0")) == 10
    for each in (*opened, *people):
        each.close()
