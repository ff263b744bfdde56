"""Contacts of a running node: none goes out before it is allowed; what waits goes at its time."""

from __future__ import annotations

import asyncio
import csv
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from ledger.events import (
    ContactAllowed,
    ContactOutcomeRecorded,
    ContactQueued,
    StrategyAssigned,
)
from streams.ingest import read_many
from streams.outbound import ways
from streams.outbound.dispatch import Dispatch
from streams.outbound.letter import Adapter, Letter, NotSent, Sent
from streams.settings import Settings
from streams.wiring import Node

WAYS = """\
bank = "Test Bank"
language = "en"
addresses = "addresses.csv"

[[way]]
kind = "file"
channels = ["sms", "voice_bot"]
folder = "outbox"
"""
LOAN = [
    {
        "type": "loan_opened", "transaction_id": "open", "sent_at": "2024-01-02T08:00:00Z",
        "value_date": "2024-01-02", "loan_id": "L1", "currency": "CNY", "borrower_id": "B1",
        "product": "working_capital", "principal": "12000.00", "officer_id": "O1",
        "branch": "north",
        "terms": {"method": "annuity", "instalments": 12, "rate_percent": "9.4822"},
    },
    {
        "type": "loan_disbursed", "transaction_id": "out", "sent_at": "2024-01-02T08:00:01Z",
        "value_date": "2024-01-02", "loan_id": "L1", "currency": "CNY", "amount": "12000.00",
    },
]  # fmt: skip


def close(day: date, at: str) -> dict[str, Any]:
    return {
        "type": "business_day_closed",
        "transaction_id": f"close-{day}",
        "value_date": str(day),
        "sent_at": at,
    }


def facts(node: Node, *kinds: type) -> list[Any]:
    found = node.store.ledger.read(limit=10_000)
    return [item.fact for item in found if type(item.fact) in kinds]


async def tell(node: Node, *messages: dict[str, Any]) -> None:
    lines: Sequence[bytes] = [orjson.dumps(message) for message in messages]
    await node.submit(read_many(lines, source="test", first_offset=1, accepted_us=0))
    await node.settled()


def settings(folder: Path) -> Settings:
    (folder / "ways.toml").write_text(WAYS, encoding="utf-8")
    rows = "borrower_id,channel,address\nB1,sms,+8613800000000\nB1,voice_bot,+8613800000000\n"
    (folder / "addresses.csv").write_text(rows, encoding="utf-8")
    given = {"data": folder / "data", "closed_by": "driver", "calendar": "weekends"}
    ways = {"strategy": "sme-collections", "outbound": folder / "ways.toml"}
    return Settings.load(given | ways, environ={})


def test_a_contact_asked_for_at_night_goes_out_when_the_day_begins(tmp_path: Path) -> None:
    outbox = tmp_path / "outbox"

    async def run() -> None:
        async with Node.open(settings(tmp_path)) as node:
            await tell(node, *LOAN)
            # First due 2024-02-02, one day past due at the close of the 5th: 23:00 in Shanghai.
            await tell(node, close(date(2024, 2, 5), "2024-02-05T15:00:00Z"))
            (queued,) = facts(node, ContactQueued)
            assert queued.rule == "quiet_hours"
            assert facts(node, ContactAllowed) == []
            assert not outbox.exists()
            row = node.queries.worklist(owner_id="O1").rows[0]
            assert row["queued_until_us"] == queued.until_us
            # 07:59: still quiet, and nothing goes out, whoever else is heard of.
            account = {
                "type": "account_opened", "transaction_id": "a", "value_date": "2024-02-06",
                "account_id": "A1", "currency": "CNY", "opening_balance": "1.00",
                "borrower_id": "B9",
            }  # fmt: skip
            await tell(node, {**account, "sent_at": "2024-02-05T23:59:00Z"})
            assert facts(node, ContactAllowed) == []
            # 08:01: the time has come.
            later = {**account, "transaction_id": "b", "account_id": "A2"}
            await tell(node, {**later, "sent_at": "2024-02-06T00:01:00Z"})
            (allowed,) = facts(node, ContactAllowed)
            assert allowed.contact_id == queued.contact_id
            assert str(allowed.value_date) == "2024-02-06"
            (path,) = outbox.iterdir()
            assert path.name == f"{allowed.contact_id}.csv"
            with path.open(encoding="utf-8", newline="") as file:
                (told,) = csv.DictReader(file)
            assert told["address"] == "'+8613800000000"
            assert told["borrower_id"] == "B1"
            # 3 days past due on the 5th: due 2024-02-02. The instalment of an annuity of 12,000.00
            # at 9.4822 % over 12 months is 1,052.10.
            assert told["text"].startswith("1052.10 CNY on L1 has been due for 3 days.")
            # A call centre says later what came of it; nothing is made up here.
            assert facts(node, ContactOutcomeRecorded) == []
            assert node.queries.worklist(owner_id="O1").rows[0]["queued_until_us"] is None
            (assigned,) = facts(node, StrategyAssigned)
            assert assigned.by == "treat"

    asyncio.run(run())


def test_a_node_that_starts_again_sends_nothing_twice(tmp_path: Path) -> None:
    async def first() -> int:
        async with Node.open(settings(tmp_path)) as node:
            await tell(node, *LOAN, close(date(2024, 2, 5), "2024-02-06T02:00:00Z"))
            return node.store.ledger.last_position()

    async def again() -> int:
        async with Node.open(settings(tmp_path)) as node:
            await node.settled()
            return node.store.ledger.last_position()

    end = asyncio.run(first())
    (path,) = (tmp_path / "outbox").iterdir()
    path.unlink()
    assert asyncio.run(again()) == end
    assert list((tmp_path / "outbox").iterdir()) == []


def test_without_a_strategy_nobody_is_treated(tmp_path: Path) -> None:
    async def run() -> None:
        given = {"data": tmp_path / "data", "closed_by": "driver", "calendar": "weekends"}
        async with Node.open(Settings.load(given, environ={})) as node:
            days = [date(2024, 2, 5) + timedelta(n) for n in range(3)]
            await tell(node, *LOAN, *(close(day, f"{day}T23:00:00Z") for day in days))
            assert facts(node, StrategyAssigned) == []
            assert node.queries.cases().rows == []

    asyncio.run(run())


class Gateway:
    """One that is down at first, until the test lets it come up."""

    def __init__(self) -> None:
        self.asked, self.answers = threading.Event(), threading.Event()
        self.taken: list[Letter] = []

    def send(self, letter: Letter) -> Sent:
        if self.asked.is_set():
            self.taken.append(letter)
            return Sent("delivered")
        self.asked.set()
        assert self.answers.wait(20)
        raise NotSent("The gateway is down.")


def all_ways_lead_to(gateway: Adapter, monkeypatch: pytest.MonkeyPatch) -> None:
    def load_ways(path: Path) -> ways.Ways:
        found = ways.load_ways(path)
        return replace(found, by_channel=dict.fromkeys(found.by_channel, gateway))

    monkeypatch.setattr("streams.followers.load_ways", load_ways)


SAID = {"borrower_id": "B1", "by": "O1", "value_date": "2024-02-06", "transaction_id": "said"}
MEANWHILE: dict[str, dict[str, Any]] = {
    "consent_withdrawn": {"type": "contact_consent_changed", "channel": "sms", "allowed": False},
    "dispute_hold": {"type": "contact_held", "reason": "dispute"},
    "bankruptcy_hold": {"type": "contact_held", "reason": "bankruptcy"},
    "promise_pause": {
        "type": "promise_made", "promise_id": "P1", "loan_id": "L1", "currency": "CNY",
        "parts": [{"due_date": "2024-02-09", "amount": "1052.10"}],
    },
    "": {"type": "contact_consent_changed", "channel": "letter", "allowed": False},
}  # fmt: skip


@pytest.mark.parametrize("rule", MEANWHILE)
def test_what_is_forbidden_after_it_was_allowed_and_before_it_left_is_not_sent(
    rule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = Gateway()
    all_ways_lead_to(gateway, monkeypatch)

    async def run() -> tuple[str, list[str]]:
        async with Node.open(settings(tmp_path)) as node:
            await tell(node, *LOAN)
            lines = [orjson.dumps(close(date(2024, 2, 5), "2024-02-06T02:00:00Z"))]
            await node.submit(read_many(lines, source="test", first_offset=1, accepted_us=0))
            assert await asyncio.to_thread(gateway.asked.wait, 20)
            (allowed,) = facts(node, ContactAllowed)
            assert allowed.channel == "sms"
            case = {"case_id": allowed.case_id} if rule == "promise_pause" else {}
            said = {**SAID, **MEANWHILE[rule], **case, "sent_at": "2024-02-06T02:01:00Z"}
            lines = [orjson.dumps(said)]
            answer = await node.submit(
                read_many(lines, source="test", first_offset=1, accepted_us=0)
            )
            assert [(each.status, each.reason) for each in answer.outcomes] == [("accepted", "")]
            gateway.answers.set()
            await node.settled()
            outcomes = facts(node, ContactOutcomeRecorded)
            assert [each.contact_id for each in outcomes] == [allowed.contact_id]
            return allowed.contact_id, [each.outcome for each in outcomes]

    contact_id, outcomes = asyncio.run(run())
    assert len(gateway.taken) == (0 if rule else 1)
    assert outcomes == ["undelivered" if rule else "delivered"]
    told = [record.getMessage() for record in caplog.records]
    assert (f"sms {contact_id} is not sent: {rule}" in told) == bool(rule)


class Picky:
    """A gateway that answers an error to whatever goes to B1."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def send(self, letter: Letter) -> Sent:
        self.asked.append(letter.contact.borrower_id)
        if letter.contact.borrower_id == "B1":
            raise NotSent("The receiver answered 500.")
        return Sent("delivered")


@pytest.mark.parametrize("by_clock", [False, True])
def test_a_contact_that_no_gateway_takes_is_given_up_and_the_next_has_its_turn(
    by_clock: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = Picky()
    all_ways_lead_to(gateway, monkeypatch)
    at = datetime(2024, 2, 6, 2, 0, 1, tzinfo=UTC)
    monkeypatch.setattr("streams.outbound.dispatch.now_us", lambda: int(at.timestamp()) * 1_000_000)
    monkeypatch.setattr("streams.outbound.dispatch.FIRST_PAUSE_SECONDS", 0.001)
    other = [{**each, "transaction_id": f"{n}", "loan_id": "L2"} for n, each in enumerate(LOAN)]
    other[0]["borrower_id"] = "B2"

    async def run() -> dict[str, str]:
        async with Node.open(settings(tmp_path)) as node:
            for each in node._followers._all:
                if isinstance(each, Dispatch):
                    each._by_clock = by_clock
            await tell(node, *LOAN, *other)
            async with asyncio.timeout(20):
                await tell(node, close(date(2024, 2, 5), "2024-02-06T02:00:00Z"))
            found = facts(node, ContactOutcomeRecorded)
            assert len(found) == 2
            return {each.borrower_id: each.outcome for each in found}

    assert asyncio.run(run()) == {"B1": "undelivered", "B2": "delivered"}
    # Six attempts at B1's, one at B2's.
    assert sorted(gateway.asked) == ["B1"] * 6 + ["B2"]
