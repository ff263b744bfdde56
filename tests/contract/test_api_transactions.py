"""`POST /v1/transactions` against a real node: every message is answered, bad ones stop nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from streams.api.body import Budget

LINES = {"Content-Type": "application/x-ndjson"}
TERMS = {"method": "annuity", "instalments": 12, "rate_percent": "9.4822"}


def loan(number: int = 1, **changes: Any) -> dict[str, Any]:
    opened = {
        "type": "loan_opened",
        "transaction_id": f"open-{number}",
        "value_date": "2024-01-15",
        "sent_at": "2024-01-15T08:00:00Z",
        "loan_id": f"L{number}",
        "borrower_id": f"B{number}",
        "product": "working_capital",
        "currency": "CNY",
        "principal": "12000.00",
        "terms": TERMS,
        "officer_id": "O1",
        "branch": "north",
    }
    return {**opened, **changes}


def paid_out(number: int = 1, **changes: Any) -> dict[str, Any]:
    paid = {
        "type": "loan_disbursed",
        "transaction_id": f"pay-out-{number}",
        "value_date": "2024-01-15",
        "sent_at": "2024-01-15T08:00:01Z",
        "loan_id": f"L{number}",
        "amount": "12000.00",
        "currency": "CNY",
    }
    return {**paid, **changes}


def repayment(**changes: Any) -> dict[str, Any]:
    received = {
        "type": "repayment_received",
        "transaction_id": "r-1",
        "value_date": "2024-02-15",
        "sent_at": "2024-02-15T10:00:00Z",
        "loan_id": "L1",
        "amount": "1000.00",
        "currency": "CNY",
    }
    return {**received, **changes}


def post(served: Any, content: Any, *, status: int) -> dict[str, Any]:
    answer: httpx.Response = served.client.post("/v1/transactions", json=content)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def lines(*messages: Any) -> bytes:
    return b"".join(
        (message if isinstance(message, bytes) else json.dumps(message).encode()) + b"\n"
        for message in messages
    )


def test_one_transaction_is_answered_with_its_first_fact(served: Any) -> None:
    assert post(served, loan(), status=200) == {
        "accepted": 1,
        "duplicate": 0,
        "refused": 0,
        "items": [
            {
                "index": 0,
                "status": "accepted",
                "transaction_id": "open-1",
                "event_id": "loan:L1@1",
            }
        ],
    }


def test_the_same_transaction_sent_again_gets_the_first_answer_and_adds_no_fact(
    served: Any,
) -> None:
    post(served, [loan(), paid_out()], status=200)
    before = served.node.store.ledger.last_position()
    again = post(served, [loan(), paid_out()], status=200)
    assert (again["accepted"], again["duplicate"]) == (0, 2)
    assert [item["event_id"] for item in again["items"]] == ["loan:L1@1", "loan:L1@2"]
    assert served.node.store.ledger.last_position() == before


def test_a_known_id_with_other_content_is_a_conflict_with_a_way_out(served: Any) -> None:
    post(served, loan(), status=200)
    problem = post(served, loan(principal="1.00"), status=422)
    assert (problem["code"], problem["refused"]) == ("all_refused", 1)
    item = problem["items"][0]
    assert item["code"] == "transaction_conflict"
    assert "loan:L1@1" in item["reason"]
    assert item["way_out"]


def test_an_array_is_answered_in_its_order_and_bad_elements_stop_nothing(served: Any) -> None:
    answer = post(served, [loan(1), 17, loan(2), {"type": "no_such"}, loan(3)], status=207)
    assert [item["index"] for item in answer["items"]] == [0, 1, 2, 3, 4]
    expected = ["accepted", "refused", "accepted", "refused", "accepted"]
    assert [item["status"] for item in answer["items"]] == expected
    assert answer["items"][3]["code"] == "unknown_type"


def test_a_bad_line_in_the_middle_is_refused_and_kept_and_the_rest_goes_on(served: Any) -> None:
    broken = b'{"type": "repayment_received", "amount": '
    body = lines(loan(), paid_out(), broken, b"\xff\xfe", repayment())
    answer = served.client.post("/v1/transactions", content=body, headers=LINES)
    assert answer.status_code == 207
    found = answer.json()
    codes = [item.get("code", "") for item in found["items"]]
    assert codes == ["", "", "not_json", "not_utf8", ""]
    assert (found["accepted"], found["refused"]) == (3, 2)
    served.settled()
    kept = served.client.get("/v1/refusals").json()["refusals"]
    assert [row["code"] for row in kept] == ["not_utf8", "not_json"]
    assert kept[1]["excerpt"] == broken.decode()
    assert {row["event_id"] for row in kept} == {"refusals@1", "refusals@2"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": 1000}, "invalid_amount"),
        ({"amount": "-5.00"}, "invalid_amount"),
        ({"amount": "0.00"}, "invalid_amount"),
        ({"amount": "1.005"}, "invalid_amount"),
        ({"amount": "1e3"}, "invalid_amount"),
        ({"amuont": "5.00"}, "unknown_field"),
        ({"loan_id": None}, "missing_field"),
        ({"loan_id": "L404"}, "unknown_entity"),
        ({"currency": "EUR"}, "currency_mismatch"),
        ({"borrower_id": "B404"}, "borrower_mismatch"),
        ({"value_date": "2024-02-30"}, "invalid_value"),
        ({"value_date": "1900-01-01"}, "date_out_of_range"),
        ({"value_date": "2024-02-17"}, "date_out_of_range"),
        ({"value_date": "2024-01-01"}, "date_out_of_range"),
        ({"sent_at": "2024-02-15T10:00:00"}, "invalid_value"),
        ({"sent_at": "2150-01-01T10:00:00Z"}, "date_out_of_range"),  # the future
        ({"transaction_id": "has space"}, "invalid_value"),
        ({"loan_id": "L1'; DROP TABLE loans; --"}, "invalid_value"),
    ],
)
def test_a_bad_repayment_is_refused_with_code_reason_and_way_out(
    served: Any, changes: dict[str, Any], code: str
) -> None:
    post(served, [loan(), paid_out()], status=200)
    before = served.node.store.ledger.last_position()
    sent = {name: value for name, value in repayment(**changes).items() if value is not None}
    item = post(served, sent, status=422)["items"][0]
    assert (item["status"], item["code"]) == ("refused", code)
    assert item["reason"]
    assert item["way_out"]
    assert served.node.store.ledger.last_position() == before + 1  # the refusal itself, kept
    assert post(served, repayment(), status=200)["accepted"] == 1


def test_a_message_over_the_limit_is_refused_and_its_neighbours_are_not(served: Any) -> None:
    huge = {**loan(2), "product": "x" * 300_000}
    answer = post(served, [loan(1), huge, loan(3)], status=207)
    assert [item["status"] for item in answer["items"]] == ["accepted", "refused", "accepted"]
    assert answer["items"][1]["code"] == "message_too_large"


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b'{"type": ', {"Content-Type": "application/json"}, 400, "bad_json"),
        (b'"text"', {"Content-Type": "application/json"}, 400, "bad_json"),
        (b"", {"Content-Type": "application/json"}, 400, "empty_body"),
        (b"[]", {"Content-Type": "application/json"}, 400, "empty_body"),
        (b"\n\n", LINES, 400, "empty_body"),
        (b"{}", {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        (b"{}", {}, 415, "unsupported_media_type"),
        (
            b"{}",
            {"Content-Type": "application/json; charset=gbk"},
            415,
            "unsupported_media_type",
        ),
        (
            b"\x1f\x8b",
            {"Content-Type": "application/json", "Content-Encoding": "gzip"},
            415,
            "unsupported_media_type",
        ),
    ],
)
def test_a_bad_envelope_is_a_problem_document_and_records_nothing(
    served: Any, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = served.client.post("/v1/transactions", content=content, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["code"], problem["status"]) == (code, status)
    assert problem["type"] == f"/docs#problem-{code}"
    assert problem["way_out"]
    assert served.node.store.ledger.last_position() == 0


@pytest.mark.parametrize("announced", [True, False])
def test_a_huge_body_is_refused_whether_its_length_is_announced_or_not(
    served: Any, announced: bool
) -> None:
    body = b" " * (17 * 1024 * 1024)
    content: Any = (
        body if announced else (body[at : at + 65_536] for at in range(0, len(body), 65_536))
    )
    answer = served.client.post(
        "/v1/transactions", content=content, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert post(served, loan(), status=200)["accepted"] == 1


def test_a_body_that_never_ends_is_given_up_and_its_memory_given_back(
    serving: Callable[..., Any], tmp_path: Path
) -> None:
    budget = Budget(body_bytes=1000, all_bytes=1500, patience_seconds=0.3)
    with serving(tmp_path / "data", api={"budget": budget}) as served:

        def drip() -> Any:
            yield b"[" * 900
            yield b" "
            time.sleep(1)
            yield b"]"

        for _ in range(2):  # a second one finds the memory of the first given back
            answer = served.client.post(
                "/v1/transactions", content=drip(), headers={"Content-Type": "application/json"}
            )
            assert (answer.status_code, answer.json()["code"]) == (408, "body_too_slow")


def test_when_bodies_fill_the_memory_set_aside_the_next_is_asked_to_come_back(
    serving: Callable[..., Any], tmp_path: Path
) -> None:
    budget = Budget(body_bytes=2000, all_bytes=100, patience_seconds=5)
    with serving(tmp_path / "data", api={"budget": budget}) as served:
        answer = served.client.post("/v1/transactions", json=loan())
        assert (answer.status_code, answer.json()["code"]) == (503, "busy")
        assert int(answer.headers["retry-after"]) > 0


def test_posts_at_the_same_time_record_every_transaction_once(served: Any) -> None:
    post(served, [loan(n) for n in range(20)] + [paid_out(n) for n in range(20)], status=200)

    def send(sender: int) -> list[str]:
        with httpx.Client(base_url=served.url, timeout=30) as client:
            statuses = []
            for n in range(20):
                shared = repayment(transaction_id=f"shared-{n}", loan_id=f"L{n}")
                own = repayment(transaction_id=f"own-{sender}-{n}", loan_id=f"L{n}", amount="1.00")
                answer = client.post("/v1/transactions", json=[shared, own]).json()
                statuses += [item["status"] for item in answer["items"]]
            return statuses

    before = served.node.store.ledger.last_position()
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(send, range(8)))
    shared = [status for statuses in results for status in statuses[0::2]]
    own = [status for statuses in results for status in statuses[1::2]]
    assert (shared.count("accepted"), shared.count("duplicate")) == (20, 140)
    assert own.count("accepted") == 160
    recorded = served.node.store.ledger.read(after=before)
    assert len({item.fact.transaction_id for item in recorded}) == 180


def test_a_request_larger_than_one_commit_keeps_its_order(served: Any) -> None:
    opened = [loan(n) for n in range(250)] + [paid_out(n) for n in range(250)]
    paid = [
        repayment(transaction_id=f"r-{n}", loan_id=f"L{n % 250}", amount="0.01")
        for n in range(2_000)
    ]
    body = lines(*opened, *paid)
    answer = served.client.post("/v1/transactions", content=body, headers=LINES)
    assert answer.status_code == 200
    items = answer.json()["items"]
    assert [item["index"] for item in items] == list(range(2_500))
    recorded = served.node.store.ledger.read(after=0)
    order = list(dict.fromkeys(item.fact.transaction_id for item in recorded))
    assert [item["transaction_id"] for item in items] == order


def test_an_answer_on_a_kept_connection_does_not_wait_for_an_acknowledgement(served: Any) -> None:
    # Without TCP_NODELAY each answer but the first takes at least the 40 ms of a delayed ACK.
    took = []
    for _ in range(30):
        started = time.perf_counter()
        served.client.get("/healthz")
        took.append(time.perf_counter() - started)
    assert min(took[1:]) < 0.03


def test_a_node_that_stopped_asks_to_send_again_and_says_it_is_not_ready(
    serving: Callable[..., Any], tmp_path: Path
) -> None:
    with serving(tmp_path / "data") as served:
        served.node._fail(RuntimeError("the borrower's name is Wang Wei"))
        answer = served.client.post("/v1/transactions", json=loan())
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.headers["retry-after"]
        for page in ("/readyz", "/healthz"):
            found = served.client.get(page)
            assert found.status_code == 503
            assert "Wang Wei" not in found.text
        assert "Wang Wei" not in answer.text
