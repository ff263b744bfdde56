"""The commands around workers, as an operator types them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from typer.testing import CliRunner

from ledger.errors import LoanError
from streams.cli import commands

pytestmark = pytest.mark.service


@pytest.fixture
def loanbell(postgres: Any, kafka: Any) -> Callable[..., tuple[int, str]]:
    """Run a command on a database and topics of this test; its exit code and what it printed."""
    name = f"c{uuid4().hex[:12]}"
    variables = {
        "LOANBELL_DATABASE": postgres.create(name),
        "LOANBELL_BROKER": kafka.url,
        "LOANBELL_TOPIC_PREFIX": f"{name}.",
        "COLUMNS": "200",
    }

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(commands(), arguments, env=variables)
        if isinstance(done.exception, LoanError):
            return 1, str(done.exception)
        return done.exit_code, done.output.replace(f"{name}.", "")

    run.topic = f"{name}.loanbell.transactions.v1"  # type: ignore[attr-defined]
    return run


async def records(broker: str, topic: str, partitions: int) -> list[list[Any]]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=broker.removeprefix("kafka://"), auto_offset_reset="earliest"
    )
    await consumer.start()
    found: list[list[Any]] = []
    for partition in range(partitions):
        place = TopicPartition(topic, partition)
        consumer.assign([place])
        end = (await consumer.end_offsets([place]))[place]
        of_partition: list[Any] = []
        while len(of_partition) < end:
            for some in (await consumer.getmany(timeout_ms=1_000)).values():
                of_partition += some
        found.append(of_partition)
    await consumer.stop()
    return found


def test_database_and_topics_are_made_once_and_files_sent_to_their_partitions(
    loanbell: Any, kafka: Any, tmp_path: Path
) -> None:
    code, said = loanbell("worker", "--port", "0")
    assert code == 1  # It says what to do instead of making tables by itself.
    assert "loanbell migrate" in said
    assert loanbell("migrate", "--partitions", "2") == (
        0,
        "1 taken: the logs of each partition\n2 taken: the homes of loans and accounts\n"
        "3 taken: the audit log\n4 taken: snapshots of the watch and the views\nschema 4\n",
    )
    assert loanbell("migrate") == (0, "schema 4: nothing to do\n")
    code, said = loanbell("topics", "create", "--partitions", "2", "--replicas", "1")
    assert (code, said.count(": made\n")) == (0, 5)
    code, said = loanbell("topics", "create", "--partitions", "2", "--replicas", "1")
    assert (code, said.count(": there already\n")) == (0, 5)
    code, said = loanbell("topics", "create", "--partitions", "3", "--replicas", "1")
    assert code == 1
    assert "has 2 partitions, not 3" in said
    # Kafka's own clients put the keys B1 and B5 into partitions 0 and 1 of two.
    opened = {"type": "account_opened", "currency": "CNY", "opening_balance": "1.00",
              "value_date": "2024-03-29"}  # fmt: skip
    lines = [
        {**opened, "transaction_id": "T1", "account_id": "A1", "borrower_id": "B1"},
        {**opened, "transaction_id": "T2", "account_id": "A2", "borrower_id": "B5"},
        {"type": "business_day_closed", "transaction_id": "c", "value_date": "2024-03-29"},
        {"type": "account_credited", "transaction_id": "T3", "account_id": "A2",
         "amount": "1.00", "currency": "CNY", "value_date": "2024-04-01"},
    ]  # fmt: skip
    file = tmp_path / "messages.jsonl"
    file.write_bytes(b"\n".join(map(orjson.dumps, lines)))
    assert loanbell("send", "--partitions", "2", str(file)) == (0, "4 messages sent\n")
    found = asyncio.run(records(kafka.url, loanbell.topic, 2))
    ids = [[orjson.loads(record.value)["transaction_id"] for record in part] for part in found]
    assert ids == [["T1", "c"], ["T2", "c", "T3"]]
