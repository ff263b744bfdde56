"""One embedded node: real agents on a real SQLite file, from submit to warning and view."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import UnknownEntity
from ledger.service import Incoming
from ledger.store import Recorded
from projections.queries import WarningFilter
from streams.agents import NodeStopped
from streams.generate.portfolio import portfolio
from streams.ingest import read, read_many
from streams.settings import Settings
from streams.wiring import Node
from warning.actions import AcknowledgeWarning

EAGER = """
name = "eager"
title = "Eager: short days, so that warnings are raised, graver, answered, resolved and withdrawn"

[[rule]]
name = "arrears"
title = "Arrears"
source = "this test"
when = "dpd_days >= 1"
until = "dpd_days == 0"
keep_for = 2
severity = { watch = "always", orange = "dpd_days >= 20", red = "dpd_days >= 40" }
on = ["loan.repayment_reversed", "loan.repayment_received"]
expires_after = 5
reason = "{dpd_days} {arrears} {currency}"

[[rule]]
name = "bounced"
title = "Bounced debit"
source = "this test"
when = "bounced_debits_30d > 0"
severity = "yellow"
on = ["account.debit_returned"]
reason = "{bounced_debits_30d}"

[[rule]]
name = "grown"
title = "A loan of more than ten days: stays open, so that people have something to answer"
source = "this test"
when = "loan_age_days > 10"
severity = { watch = "always", yellow = "loan_age_days > 60" }
reason = "{loan_age_days}"
"""


@pytest.fixture(scope="module")
def messages() -> list[Incoming]:
    """A small portfolio, seven months long, trouble and garbage included."""
    made = portfolio(loans=12, months=7, seed=3).messages()
    return read_many(made, source="core", first_offset=1, accepted_us=1)


def node_of(folder: Path, **given: Any) -> Node:
    pack = folder.with_name(folder.name + "-eager.toml")
    pack.write_text(EAGER)
    defaults = {"data": folder, "closed_by": "driver", "calendar": "weekends", "pack": str(pack)}
    return Node.open(Settings.load(defaults | given, environ={}))


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 60))


def account(number: int, *, name: str = "A") -> Incoming:
    document = {
        "type": "account_opened", "transaction_id": f"open-{name}{number}", "currency": "CNY",
        "value_date": "2024-03-29", "account_id": f"{name}{number}", "borrower_id": "B1",
        "opening_balance": "0",
    }  # fmt: skip
    body = json.dumps(document).encode()
    return read(body, source="test", offset=number, accepted_us=1_711_700_000_000_000)


def test_messages_are_answered_in_order_after_their_commit(tmp_path: Path) -> None:
    async def work() -> None:
        async with node_of(tmp_path) as node:
            bad = read(b"garbage", source="test", offset=2, accepted_us=1_711_700_000_000_000)
            batch = await node.submit([account(1), bad, account(1), account(2)])
            statuses = [outcome.status for outcome in batch.outcomes]
            assert statuses == ["accepted", "refused", "duplicate", "accepted"]
            assert batch.outcomes[1].code == "not_json"
            assert node.store.ledger.last_position() == 3
            assert batch.outcomes[2].event_id == batch.outcomes[0].event_id == "account:A1@1"

    run(work())


def test_what_waits_together_is_committed_together_and_answered_apart(tmp_path: Path) -> None:
    async def work() -> None:
        async with node_of(tmp_path) as node:
            batches = await asyncio.gather(
                *(node.submit([account(n), account(n, name="X")]) for n in range(1, 101))
            )
            for number, batch in enumerate(batches, start=1):
                ids = [outcome.event_id for outcome in batch.outcomes]
                assert ids == [f"account:A{number}@1", f"account:X{number}@1"]
            exposed = node.metrics.exposition()[0].decode()
            commits = [
                float(line.split()[1])
                for line in exposed.splitlines()
                if line.startswith("loanbell_record_batch_seconds_count")
            ]
            assert commits[0] < 50

    run(work())


def test_how_messages_were_batched_leaves_no_trace(
    messages: list[Incoming], tmp_path: Path
) -> None:
    async def heads(folder: Path, size: int) -> tuple[Any, ...]:
        async with node_of(folder, batch_messages=size, project_facts=size) as node:
            for start in range(0, len(messages), size):
                await node.submit(messages[start : start + size])
            await node.settled()
            store = node.store
            grades = node.queries.grades(limit=1_000).rows
            assert store.warnings.last_position() > 0
            return store.ledger.head(), store.warnings.head(), grades

    found = [run(heads(tmp_path / str(size), size)) for size in (13, 400, 100_000)]
    assert found[0] == found[1] == found[2]


def test_a_batch_that_was_tracked_changes_nothing_when_it_comes_again(tmp_path: Path) -> None:
    async def work() -> None:
        async with node_of(tmp_path) as node:
            messages = [account(1), account(2)]
            assert node.tracked("test") == 0
            await node.submit(messages, tracking={"test": 2})
            again = await node.submit(messages, tracking={"test": 2})
            assert [outcome.status for outcome in again.outcomes] == ["duplicate", "duplicate"]
            assert node.tracked("test") == 2
            assert node.store.ledger.last_position() == 2

    run(work())


def test_listeners_hear_every_warning_once_and_in_order(
    messages: list[Incoming], tmp_path: Path
) -> None:
    async def work() -> None:
        heard: list[Recorded] = []
        node = node_of(tmp_path)
        end = node.on_warning(heard.extend)
        async with node:
            half = len(messages) // 2
            await node.submit(messages[:half])
            await node.settled()
            assert heard == node.store.warnings.read()
            assert [item.position for item in heard] == list(range(1, len(heard) + 1))
            end()
            await node.submit(messages[half:])
            await node.settled()
            assert node.store.warnings.last_position() > len(heard) > 0

    run(work())


def test_people_act_on_warnings_and_a_refused_action_stops_nothing(
    messages: list[Incoming], tmp_path: Path
) -> None:
    async def work() -> None:
        async with node_of(tmp_path) as node:
            await node.submit(messages)
            await node.settled()
            row = node.queries.warnings(WarningFilter(state="open"), limit=1).rows[0]
            seen = AcknowledgeWarning(warning_id=row["warning_id"], actor="officer-7")
            (fact,) = await node.act(seen)
            assert fact.position == node.store.warnings.last_position()
            assert fact.fact.actor == "officer-7"
            with pytest.raises(UnknownEntity):
                await node.act(AcknowledgeWarning(warning_id="none", actor="officer-7"))
            await node.submit([account(1)])
            await node.settled()
            assert node.health().ready

    run(work())


def test_agents_make_up_what_was_recorded_without_them(
    messages: list[Incoming], tmp_path: Path
) -> None:
    async def straight() -> tuple[bytes, list[Any]]:
        async with node_of(tmp_path / "straight") as node:
            await node.submit(messages)
            await node.settled()
            return node.store.warnings.head(), node.queries.grades(limit=1_000).rows

    async def with_gaps() -> tuple[bytes, list[Any]]:
        third = len(messages) // 3
        node = node_of(tmp_path / "gaps")
        node.ledger.record(messages[:third])  # before the start: replayed and caught up
        async with node:
            await node.settled()
            assert node.health().lags["watch", "ledger"] == 0
            node.ledger.record(messages[third : 2 * third])  # behind the agents' backs: a gap
            await node.submit(messages[2 * third :])
            await node.settled()
            return node.store.warnings.head(), node.queries.grades(limit=1_000).rows

    assert run(with_gaps()) == run(straight())


def test_health_tells_positions_lags_and_both_business_dates(
    messages: list[Incoming], tmp_path: Path
) -> None:
    async def work() -> None:
        node = node_of(tmp_path)
        assert node.health().state == "opened"
        assert node.health().closed_through is None
        async with node:
            await node.submit(messages)
            await node.settled()
            health = node.health()
            assert health.ready
            assert set(health.lags.values()) == {0}
            assert health.positions["ledger"] == node.store.ledger.last_position()
            assert health.closed_through is not None
            assert health.business_date == node.calendar.next_business_day(health.closed_through)
        assert node.health().state == "stopped"
        with pytest.raises(NodeStopped):
            await node.submit([account(1)])

    run(work())


def test_stop_finishes_what_was_taken_and_lasts_less_than_ten_seconds(
    messages: list[Incoming], tmp_path: Path
) -> None:
    async def work() -> None:
        node = node_of(tmp_path, waiting_batches=2)
        await node.start()
        sent = [asyncio.ensure_future(node.submit(messages[n::7])) for n in range(7)]
        await asyncio.sleep(0)
        started = time.monotonic()
        assert await node.stop()
        assert time.monotonic() - started < 10
        batches = await asyncio.gather(*sent)
        assert sum(len(batch.outcomes) for batch in batches) == len(messages)
        node.close()
        with node_of(tmp_path).store as store:
            assert store.ledger.verify().holds

    run(work())


def test_a_node_serves_its_own_web_app_and_never_that_of_faust(tmp_path: Path) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"hello"})

    async def get(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        answer = await reader.read()
        writer.close()
        return answer

    async def work() -> None:
        node = node_of(tmp_path, port=0)
        port = node.serve(app)
        stopping: list[str] = []
        node.on_stopping(lambda: stopping.append("told"))
        async with node:
            assert b"hello" in await get(port)
            with pytest.raises(OSError, match="Connect call failed"):
                await get(6066)
        assert stopping == ["told"]
        with pytest.raises(OSError, match="Connect call failed"):
            await get(port)

    run(work())


def test_no_thread_is_left_when_a_node_is_closed(tmp_path: Path) -> None:
    async def work() -> None:
        async with node_of(tmp_path) as node:
            await node.submit([account(1)])
            await node.settled()

    run(work())
    assert [t.name for t in threading.enumerate() if t.name.startswith("loanbell")] == []
