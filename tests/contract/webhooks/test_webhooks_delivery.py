"""Webhooks over real sockets: each event at least once, in order, whatever the receiver does."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

Serving = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def open_book(
    serving: Serving, pack: str, tmp_path: Path
) -> Callable[[Path], AbstractContextManager[Any]]:
    """Serve the same book again and again, with a file of receivers."""
    return lambda file: serving(
        tmp_path / "data", calendar="weekends", pack=pack, webhooks=file, stop_seconds=3.0
    )


def send(served: Any, messages: list[dict[str, Any]]) -> None:
    answer = served.client.post("/v1/transactions", json=messages)
    assert answer.status_code == 200, answer.text
    served.settled()


def fact_ids(served: Any) -> list[str]:
    """The ids of all facts of the warnings log, as receivers know them."""
    return [f"0/warnings/{item.event_id}" for item in served.node.store.warnings.read()]


def ids(events: list[dict[str, Any]]) -> list[str]:
    return [event["id"] for event in events]


def standing(served: Any) -> dict[str, Any]:
    (one,) = served.client.get("/v1/webhooks").json()["receivers"]
    found: dict[str, Any] = one
    return found


def wait_for(true: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_every_warning_arrives_once_in_order_as_a_signed_cloud_event(
    open_book: Any, receiver: Any, told: Any, late: Any, tell: Any
) -> None:
    with open_book(told(receiver.url)) as served:
        send(served, late(3))
        events = receiver.wait(4)  # the rules that were adopted, and a warning a loan
        assert ids(events) == fact_ids(served)
        assert [event["type"] for event in events] == ["rules.adopted.v1"] + 3 * [
            "warning.raised.v1"
        ]
        assert events[1]["subject"] == "loan:L0000"
        assert events[1]["source"] == "/loanbell/0/warnings"
        assert events[1]["specversion"] == "1.0"
        assert events[1]["time"] == "2024-02-17T00:00:00.000000Z"  # the close that raised it
        assert events[1]["data"]["rule"] == "late"
    headers, body = receiver.taken[1]
    assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert headers["webhook-id"] == events[1]["id"]
    seconds = int(headers["webhook-timestamp"])
    assert abs(time.time() - seconds) < 60
    content = b"%s.%d.%s" % (headers["webhook-id"].encode(), seconds, body)
    mac = base64.b64encode(hmac.new(tell.key, content, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{mac}"


def test_errors_hang_ups_and_silence_lose_nothing_and_change_no_order(
    open_book: Any, receiver: Any, told: Any, late: Any
) -> None:
    receiver.moods += [500, "hang up", 204, 429, 302, 204, 1.0, "hang up", 404, 204]
    with open_book(told(receiver.url, timeout_seconds=0.3)) as served:
        send(served, late(6))
        events = receiver.wait(8)
        # The one that was answered after its sender had gone comes again, with the same id.
        assert list(dict.fromkeys(ids(events))) == fact_ids(served)
        assert len(events) == len(fact_ids(served)) + 1
        wait_for(lambda: standing(served)["behind_facts"] == 0)
        assert standing(served)["failures"] == 0
        told_ = served.client.get("/metrics").text
        assert 'loanbell_webhook_events_total{outcome="delivered",receiver="cases"} 7.0' in told_
        # 500, 429, 302, 404, two that hung up, one that was silent
        assert 'loanbell_webhook_events_total{outcome="failed",receiver="cases"} 7.0' in told_
        assert 'loanbell_webhook_behind_facts{receiver="cases"} 0.0' in told_
        assert 'loanbell_webhook_parked{receiver="cases"} 0.0' in told_


def test_a_restart_in_the_middle_goes_on_where_it_was_with_the_same_ids(
    open_book: Any, receiver: Any, receiver_at: Any, told: Any, late: Any
) -> None:
    file = told(receiver.url)
    receiver.moods += [204, 204, 204]
    receiver.moods += [503] * 1_000
    with open_book(file) as served:
        send(served, late(5))
        receiver.wait(3)
        wait_for(lambda: standing(served)["failures"] > 1)
    before = ids(receiver.events())
    receiver.moods.clear()
    with open_book(file) as served:
        receiver.wait(6)
        wait_for(lambda: standing(served)["behind_facts"] == 0)
        # The place was kept with the first failure: nothing came twice.
        assert ids(receiver.events()) == fact_ids(served)
        assert ids(receiver.events())[:3] == before


def test_a_dead_receiver_is_parked_stays_so_over_a_restart_and_resumes(
    open_book: Any, receiver: Any, told: Any, late: Any, caplog: pytest.LogCaptureFixture
) -> None:
    file = told(receiver.url, attempts=3)
    receiver.moods += [500] * 3
    with open_book(file) as served, caplog.at_level(logging.WARNING):
        send(served, late(2))
        wait_for(lambda: standing(served)["parked"] == [0])
        assert len(receiver.tried) == 3
        assert 'loanbell_webhook_parked{receiver="cases"} 1.0' in served.client.get("/metrics").text
        assert "receiver cases is parked at 0: It answered 500." in caplog.text
    with open_book(file) as served:
        assert standing(served)["parked"] == [0]
        time.sleep(0.3)
        assert len(receiver.tried) == 3  # A restart alone sends nothing.
        assert served.client.post("/v1/webhooks/nobody/resume").status_code == 404
        answer = served.client.post("/v1/webhooks/cases/resume")
        assert (answer.status_code, answer.json()) == (200, {"receiver": "cases"})
        assert ids(receiver.wait(3)) == fact_ids(served)
        wait_for(lambda: standing(served)["parked"] == [])
    with open_book(file) as served:
        assert standing(served)["parked"] == []


def test_one_event_that_is_never_taken_can_be_left_out(
    open_book: Any, receiver: Any, told: Any, late: Any
) -> None:
    file = told(receiver.url, attempts=2, types=["warning."])
    receiver.moods += [204, 400, 400]
    with open_book(file) as served:
        send(served, late(3))
        wait_for(lambda: standing(served)["parked"] == [0])
    with open_book(file) as served:
        assert served.client.post("/v1/webhooks/cases/resume?skip=true").status_code == 200
        events = receiver.wait(2)
        wanted = fact_ids(served)[1:]  # without the rules that were adopted
        assert ids(events) == [wanted[0], wanted[2]]


def test_a_receiver_that_asks_to_come_back_later_is_left_alone_until_then(
    open_book: Any, receiver: Any, told: Any, late: Any
) -> None:
    receiver.moods.append("later")
    with open_book(told(receiver.url)) as served:
        send(served, late(1))
        wait_for(lambda: len(receiver.tried) == 1)
        asked = time.monotonic()
        receiver.wait(2)
        assert time.monotonic() - asked > 0.8  # It asked for a second; the pause would be 0.05 s.


def test_a_receiver_that_is_gone_is_parked_at_once(
    open_book: Any, receiver: Any, told: Any, late: Any
) -> None:
    receiver.moods.append(410)
    with open_book(told(receiver.url)) as served:
        send(served, late(1))
        wait_for(lambda: standing(served)["parked"] == [0])
    assert len(receiver.tried) == 1


def test_a_new_receiver_begins_with_what_is_new_even_over_an_empty_book(
    open_book: Any, receiver: Any, told: Any, late: Any, tell: Any
) -> None:
    file = told(receiver.url, start="now", types=["warning."])
    receiver.moods += [503] * 1_000
    with open_book(file) as served:
        send(served, late(1))
        wait_for(lambda: len(receiver.tried) > 1)
    receiver.moods.clear()
    with open_book(file) as served:
        (event,) = receiver.wait(1)  # It began before the warning was raised.
        assert event["id"] == fact_ids(served)[1]
    later = told(receiver.url, start="now", name="later")
    with open_book(later) as served:
        send(served, tell.closes(date(2024, 2, 19), date(2024, 2, 23)))
        events = receiver.wait(2)
        assert [event["type"] for event in events] == ["warning.raised.v1", "warning.escalated.v1"]
        assert "secret" not in str(served.client.get("/v1/webhooks").json())


def test_a_receiver_that_never_answers_slows_nothing_and_holds_one_page(
    open_book: Any, receiver: Any, told: Any, late: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.deliveries.READ_EVENTS", 10)
    receiver.moods += [30.0] * 1_000
    with open_book(told(receiver.url, timeout_seconds=60)) as served:
        log, limits = served.node.store.warnings, []
        raw = log.raw
        monkeypatch.setattr(log, "raw", lambda **how: limits.append(how["limit"]) or raw(**how))
        started = time.monotonic()
        send(served, late(300))
        assert time.monotonic() - started < 15  # It would be 30 s for each of 301 facts.
        assert len(fact_ids(served)) == 301
        wait_for(lambda: len(receiver.tried) == 1)
        assert standing(served)["behind_facts"] == 301
        assert set(limits) == {10}
        stopping = time.monotonic()
    assert time.monotonic() - stopping < 4  # A request under way does not hold up a stop.


def test_neither_secrets_nor_addresses_are_logged(
    open_book: Any, receiver: Any, told: Any, late: Any, tell: Any, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.moods += [500, "hang up", 404]
    with caplog.at_level(logging.DEBUG), open_book(told(receiver.url, attempts=3)) as served:
        send(served, late(1))
        wait_for(lambda: standing(served)["parked"] == [0])
        said = caplog.text + served.client.get("/metrics").text
        said += served.client.get("/v1/webhooks").text + repr(served.node.deliveries.receivers)
    assert "receiver cases is parked" in said
    for secret in (tell.secret, tell.secret[6:], repr(tell.key), "T-secret-url"):
        assert secret not in said
