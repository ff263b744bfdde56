"""The warnings stream over real HTTP: resume without loss, slow readers, limits, stop."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from ledger.codec import encode, topic_of
from ledger.events import WAITS, WarningAcknowledged
from ledger.ids import warning_stream
from ledger.store import NewFact, Recorded, Store
from streams.api.feed import Feed
from streams.metrics import Metrics

ADDED = ("position", "event_id", "transition")
Serving = Callable[..., AbstractContextManager[Any]]


def messages(loans: int, first: date, days: int) -> Iterator[list[dict[str, Any]]]:
    """Loans that never pay, then one close a request: each close rings or moves warnings."""
    for number in range(loans):
        common = {"value_date": "2024-01-15", "loan_id": f"L{number}", "currency": "CNY"}
        terms = {"method": "annuity", "instalments": 12, "rate_percent": "9.4822"}
        yield [
            {
                **common,
                "type": "loan_opened",
                "transaction_id": f"open-{number}",
                "sent_at": "2024-01-15T08:00:00Z",
                "borrower_id": f"B{number}",
                "product": "working_capital",
                "principal": "12000.00",
                "terms": terms,
                "officer_id": "O1",
                "branch": "north",
            },
            {
                **common,
                "type": "loan_disbursed",
                "transaction_id": f"pay-out-{number}",
                "sent_at": "2024-01-15T08:00:01Z",
                "amount": "12000.00",
            },
        ]
    for day in (first + timedelta(n) for n in range(days)):
        if day.weekday() < 5:
            yield [
                {
                    "type": "business_day_closed",
                    "transaction_id": f"close-{day}",
                    "value_date": str(day),
                    "sent_at": f"{day + timedelta(1)}T00:00:00Z",
                }
            ]


def events(url: str, *, last_id: int | None, upto: int, after: int | None = None) -> list[Any]:
    """(id, name, data) of the events until the stream ends or `upto` of them were read."""
    headers = {} if last_id is None else {"Last-Event-ID": str(last_id)}
    query = {} if after is None else {"after": after}
    found: list[Any] = []
    path = f"{url}/v1/warnings/stream"
    with httpx.stream("GET", path, headers=headers, params=query, timeout=10) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        fields: dict[str, str] = {}
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            fields[name] = value
            if not line and "data" in fields:
                found.append((int(fields["id"]), fields["event"], orjson.loads(fields["data"])))
                if len(found) >= upto:
                    break
            if not line:
                fields = {}
    return found


def about_warnings(item: Recorded) -> bool:
    """Whether a fact of the warnings log is about a warning: what is pending is none yet."""
    return topic_of(item.fact).startswith("warning.") and type(item.fact) not in WAITS


def test_a_reader_that_reconnects_at_random_sees_the_log_once_and_in_order(
    serving: Serving, tmp_path: Path
) -> None:
    seed = 20240331
    draw = random.Random(seed)
    with serving(tmp_path / "data", calendar="weekends") as served:
        read: list[Any] = []
        finished = threading.Event()

        def follow() -> None:
            last = 0
            while not finished.is_set() or last < served.node.store.warnings.last_position():
                new = served.node.store.warnings.read(after=last)
                told = sum(map(about_warnings, new))
                if told:
                    upto = draw.randint(1, min(told, 7))
                    read.extend(events(served.url, last_id=last, upto=upto, after=0))
                    last = read[-1][0]
                else:
                    last += len(new)
                time.sleep(0.01)

        reader = threading.Thread(target=follow)
        reader.start()
        for batch in messages(6, date(2024, 2, 12), 60):
            assert served.client.post("/v1/transactions", json=batch).status_code == 200
        served.settled()
        finished.set()
        reader.join(timeout=60)
        assert not reader.is_alive()
        log = [item for item in served.node.store.warnings.read(after=0) if about_warnings(item)]
        assert len(log) > 20, f"seed {seed}"
        assert [event[0] for event in read] == [item.position for item in log], f"seed {seed}"
        for (_, name, data), item in zip(read, log, strict=True):
            assert data["transition"] == name
            assert data["event_id"] == item.event_id
            told = {
                key: data[key] for key in data if key not in ("position", "event_id", "transition")
            }
            assert orjson.dumps(told, option=orjson.OPT_SORT_KEYS) == encode(item.fact)[1]


def test_a_reader_that_waits_is_told_of_a_warning_when_it_is_committed(
    serving: Serving, tmp_path: Path
) -> None:
    with serving(tmp_path / "data", calendar="weekends") as served:
        read: list[Any] = []
        reader = threading.Thread(
            target=lambda: read.extend(events(served.url, last_id=None, upto=1))
        )
        reader.start()
        while "loanbell_sse_clients 1.0" not in served.client.get("/metrics").text:
            time.sleep(0.01)
        for batch in messages(1, date(2024, 2, 12), 30):
            served.client.post("/v1/transactions", json=batch)
        reader.join(timeout=20)
        assert read[0][1] == "raised"


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"Last-Event-ID": "99"}, 409, "ahead_of_log"),
        ({"Last-Event-ID": "-1"}, 422, "invalid_request"),
        ({"Last-Event-ID": "one"}, 422, "invalid_request"),
        ({"Last-Event-ID": "9" * 40}, 422, "invalid_request"),
    ],
)
def test_a_position_that_is_none_is_refused(
    served: Any, given: dict[str, str], status: int, code: str
) -> None:
    answer = served.client.get("/v1/warnings/stream", headers=given)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    answer = served.client.get("/v1/warnings/stream", params={"after": "-1"})
    assert answer.status_code == 422


@pytest.fixture
def long_log(tmp_path: Path) -> Iterator[Store]:
    """A warnings log of 30,000 facts, about 20 MB as events: more than any socket buffers."""
    with Store.open(tmp_path / "long" / "ledger.db") as store:
        stream = warning_stream("L1")
        for start in range(0, 30_000, 5_000):
            store.warnings.record(
                [
                    NewFact(
                        stream,
                        version,
                        WarningAcknowledged(
                            warning_id="w1",
                            loan_id="L1",
                            actor="Li Na",
                            note="x" * 400,
                            ledger_position=version,
                            value_date=date(2024, 3, 29),
                            recorded_at_us=1_711_700_000_000_000,
                        ),
                    )
                    for version in range(start + 1, start + 5_001)
                ]
            )
        yield store


def test_a_reader_that_stops_reading_is_let_go_and_the_others_are_not_held_up(
    serving: Serving, tmp_path: Path, long_log: Store
) -> None:
    metrics = Metrics(version="test")
    feed = Feed(
        lambda after, limit: long_log.warnings.read(after=after, limit=limit),
        metrics,
        last_position=30_000,
        patience_seconds=1.0,
    )
    with serving(tmp_path / "data", api={"feed": feed}) as served:
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        slow.connect(("127.0.0.1", int(served.url.rpartition(":")[2])))
        slow.sendall(b"GET /v1/warnings/stream?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        read = events(served.url, last_id=None, after=0, upto=30_000)
        assert [event[0] for event in read] == list(range(1, 30_001))
        deadline = time.monotonic() + 10
        while "loanbell_sse_clients 0.0" not in metrics.exposition()[0].decode():
            assert time.monotonic() < deadline, "the slow reader is still served"
            time.sleep(0.05)
        assert 'clients_dropped_total{reason="slow"} 1.0' in metrics.exposition()[0].decode()
        slow.close()


def test_more_readers_than_allowed_get_a_problem_and_come_back_later(
    serving: Serving, tmp_path: Path, long_log: Store
) -> None:
    feed = Feed(
        lambda after, limit: long_log.warnings.read(after=after, limit=limit),
        Metrics(version="test"),
        last_position=30_000,
        readers=1,
    )
    with serving(tmp_path / "data", api={"feed": feed}) as served:
        path = f"{served.url}/v1/warnings/stream"
        with httpx.stream("GET", path) as first:
            assert first.status_code == 200
            second = httpx.get(path)
            assert (second.status_code, second.json()["code"]) == (503, "busy")
            assert second.headers["retry-after"]
        deadline = time.monotonic() + 5
        status = 503
        while status == 503 and time.monotonic() < deadline:
            with httpx.stream("GET", path) as again:
                status = again.status_code
        assert status == 200


def test_a_stop_of_the_node_ends_the_stream_at_once(serving: Serving, tmp_path: Path) -> None:
    with serving(tmp_path / "data") as served:
        ended = threading.Event()

        def follow() -> None:
            with httpx.stream("GET", f"{served.url}/v1/warnings/stream", timeout=30) as answer:
                for _ in answer.iter_bytes():
                    pass
            ended.set()

        reader = threading.Thread(target=follow)
        reader.start()
        while "loanbell_sse_clients 1.0" not in served.client.get("/metrics").text:
            time.sleep(0.01)
        started = time.monotonic()
        served.wait(served.node.stop())
        reader.join(timeout=10)
        assert ended.is_set()
        assert time.monotonic() - started < 3
