"""Workers on a real broker and a real database make the same book as one process alone."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from projections.projector import Projector
from projections.queries import Queries
from streams.books import Books
from streams.kafka import Outgoing, partition_of
from streams.topics import GRADES_TOPIC, LEDGER_TOPIC, REJECTS_TOPIC, WARNINGS_TOPIC

pytestmark = [pytest.mark.service, pytest.mark.slow]

Scale = Callable[..., Any]


def ids(records: list[Any]) -> Counter[str]:
    return Counter(dict(record.headers)["ce_id"].decode() for record in records)


def assert_worker_tells(url: str) -> None:
    """Probes, status and metrics of a worker that has nothing left to do."""
    assert httpx.get(f"{url}/healthz").json() == {"status": "alive"}
    for _ in range(100):  # The workers may have shared out the partitions anew just now.
        ready = httpx.get(f"{url}/readyz").json()
        if ready["status"] == "ready":
            break
        time.sleep(0.2)
    assert ready == {"status": "ready", "waiting_partitions": []}
    lanes = httpx.get(f"{url}/v1/status").json()["lanes"]
    assert lanes
    assert {(lane["ready"], lane["waiting_messages"]) for lane in lanes} == {(True, 0)}
    metrics = httpx.get(f"{url}/metrics").text
    for lane in lanes:
        label = f'{{partition="{lane["partition"]}"}}'
        assert f"loanbell_partition_up{label} 1.0" in metrics
        assert f"loanbell_partition_waiting_messages{label} 0.0" in metrics
        assert f"loanbell_partition_unpublished_facts{label} 0.0" in metrics


def assert_same_answers(url: str, settings: Any, store: Any, folder: Path) -> None:
    """All partitions read as one, over HTTP too, say what one process says."""
    projector = Projector.open(folder / "views.db", store)
    projector.catch_up()
    projector.close()
    alone, together = Queries.open(folder / "views.db", store), Books.open(settings)
    asked: list[Callable[[Queries], Any]] = [
        lambda q: q.portfolio(),
        lambda q: q.ageing(),
        lambda q: q.trial_balance(),
        lambda q: q.loans(limit=1_000).rows,
        lambda q: q.loans(limit=5).next_cursor,
        lambda q: q.grades(limit=1_000).rows,
        lambda q: q.loan("L000003"),
        lambda q: q.story("L000003"),
        lambda q: [
            q.story(loan_id, known_on=date(2024, 5, 31))
            for loan_id in sorted({row["loan_id"] for row in paged(q.warnings, 50)})
        ],
        lambda q: sorted(row["warning_id"] for row in paged(q.warnings, 3)),
        lambda q: sorted(row["original_sha256"] for row in paged(q.refusals, 3)),
        lambda q: q.status()["loans"],
        lambda q: q.status()["closed_date"],
    ]
    for ask in asked:
        assert placeless(ask(together.queries)) == placeless(ask(alone))
    portfolio = httpx.get(f"{url}/v1/portfolio").json()
    assert orjson.dumps(portfolio) == orjson.dumps(alone.portfolio())
    assert httpx.get(f"{url}/v1/loans/L000003").status_code == 200
    assert httpx.get(f"{url}/v1/loans/NOBODY").status_code == 404
    assert httpx.get(f"{url}/readyz").json()["status"] == "ready"
    assert "loanbell_portfolio_gross_minor" in httpx.get(f"{url}/metrics").text
    assert httpx.post(f"{url}/v1/transactions", json=[]).json()["code"] == "empty_body"
    alone.close()
    together.close()


def paged(read: Callable[..., Any], limit: int) -> Iterator[Any]:
    """All rows of a list that comes in pages."""
    cursor: str | None = None
    while True:
        page = read(after=cursor, limit=limit)
        yield from page.rows
        cursor = page.next_cursor
        if cursor is None:
            return


def placeless(answer: Any) -> Any:
    """An answer without positions, which count within a partition."""
    if isinstance(answer, dict):
        return {k: placeless(v) for k, v in answer.items() if not k.endswith("position")}
    if isinstance(answer, str) and answer.startswith("ledger#"):
        return "ledger#"
    if isinstance(answer, list):
        return [placeless(each) for each in answer]
    return answer


def test_two_workers_make_the_book_that_one_process_makes_and_publish_it(
    scale: Scale, portfolio_messages: list[bytes], undisturbed: Any, tmp_path: Path
) -> None:
    scaled = scale(partitions=3)
    workers = [scaled.start(), scaled.start()]
    scaled.send(portfolio_messages)
    reader = scaled.start("api")
    scaled.wait()
    assert_worker_tells(scaled.joined(workers[0]))
    assert_same_answers(scaled.joined(reader), scaled.settings, undisturbed.store, tmp_path)
    scaled.stop()
    assert [process.returncode for process in scaled.processes] == [0, 0, 0]
    book = scaled.book()
    assert book.ledger == undisturbed.ledger
    assert book.warnings == undisturbed.warnings
    assert len(book.warnings) > 5
    assert book.refused == undisturbed.refused
    # Every partition closed every day once, in order.
    assert book.days == undisturbed.days * 3
    published = scaled.read(LEDGER_TOPIC) + scaled.read(REJECTS_TOPIC)
    rung, graded = scaled.read(WARNINGS_TOPIC), scaled.read(GRADES_TOPIC)
    names = Counter(name.partition("/")[2] for name in ids(published + rung).elements())
    # Calendar, refusals and rules are streams of each partition: the same name up to three times.
    assert names.keys() == book.event_ids
    assert max(ids(published + rung + graded).values()) == 1
    assert {record.key for record in graded} == {
        stream.partition(":")[2].encode() for stream in book.ledger if stream.startswith("loan:")
    }
    one = next(record for record in rung if record.key.startswith(b"L"))
    headers = dict(one.headers)
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_type"].endswith(b".v1")
    assert headers["content-type"] == b"application/json"
    assert isinstance(orjson.loads(one.value), dict)


def test_messages_keyed_otherwise_and_sent_twice_end_in_their_borrowers_partition(
    scale: Scale, portfolio_messages: list[bytes], undisturbed: Any
) -> None:
    scaled = scale(partitions=3)
    deliveries = [Outgoing(None, message) for message in portfolio_messages]
    # All of it into the wrong place, unpacked and packed, and again.
    scaled.put(1, deliveries)
    packed = [
        Outgoing(None, b"\n".join(portfolio_messages[at : at + 50]))
        for at in range(0, len(portfolio_messages), 50)
    ]
    scaled.put(1, packed)
    scaled.start()
    scaled.wait()
    scaled.stop()
    book = scaled.book()
    assert book.ledger == undisturbed.ledger
    assert book.days == undisturbed.days * 3
    assert book.refused.keys() == undisturbed.refused.keys()
    homes = {}
    for partition, days in enumerate(book.days):
        assert days == sorted(set(days)), partition
    for stream, facts in book.ledger.items():
        borrower = getattr(facts[0], "borrower_id", None)
        if borrower is not None:
            homes.setdefault(borrower, set()).add(stream)
    assert len(homes) > 10
    assert {partition_of(borrower, 3) for borrower in homes} == {0, 1, 2}


def test_a_close_from_one_sender_reaches_every_partition_once(scale: Scale) -> None:
    scaled = scale(partitions=3)
    days = [date(2024, 3, day) for day in (4, 5, 6)]
    closes = [
        orjson.dumps(
            {"type": "business_day_closed", "transaction_id": f"close-{day}", "value_date": day}
        )
        for day in days
    ]
    worker = scaled.start()
    for partition in (2, 0):
        scaled.put(partition, [Outgoing(None, close) for close in closes])
    scaled.wait()
    assert scaled.book().days == [days] * 3
    assert scaled.book().refused == Counter()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=10) == 0


def test_the_timer_closes_the_day_in_every_partition_once_whoever_owns_it(scale: Scale) -> None:
    scaled = scale(partitions=2)
    timed = {"closed_by": "timer", "close_time": "00:00", "calendar": "weekends"}
    for _ in range(2):  # The second worker finds the day closed.
        worker = scaled.start(weekmask="1111111", **timed)
        scaled.joined(worker)
        for _ in range(100):
            days = scaled.book().days
            if all(days):
                break
            time.sleep(0.2)
        scaled.wait()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=10) == 0
    days = scaled.book().days
    assert [len(of_partition) for of_partition in days] == [1, 1]
    assert days[0] == days[1]
    assert scaled.book().refused == Counter()
