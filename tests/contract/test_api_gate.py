"""What holds for every page: host names, origins, request ids, and errors that nobody foresaw."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest


def test_a_foreign_host_header_is_refused(served: Any) -> None:
    answer = served.client.get("/v1/loans", headers={"Host": "attacker.example"})
    assert (answer.status_code, answer.json()["code"]) == (400, "wrong_host")
    assert served.client.get("/v1/loans", headers={"Host": "localhost:1"}).status_code == 200


def test_a_page_from_another_origin_gets_no_permission(served: Any) -> None:
    asked = {"Origin": "https://attacker.example", "Access-Control-Request-Method": "POST"}
    answer = served.client.options("/v1/transactions", headers=asked)
    assert answer.status_code == 405
    assert "access-control-allow-origin" not in answer.headers


def test_a_request_keeps_its_id_and_unknown_pages_say_where_to_look(served: Any) -> None:
    answer = served.client.get("/v2/loans", headers={"X-Request-Id": "core-77"})
    assert answer.status_code == 404
    assert answer.headers["x-request-id"] == "core-77"
    assert "/docs" in answer.json()["way_out"]
    odd = served.client.get("/healthz", headers={"X-Request-Id": "a b\t<script>"})
    assert "<" not in odd.headers["x-request-id"]
    assert served.client.put("/v1/loans").headers["allow"] == "GET"


@pytest.mark.parametrize("page", ["/healthz", "/readyz", "/metrics", "/v1/loans", "/docs"])
def test_head_answers_as_get_without_the_body(served: Any, page: str) -> None:
    full, head = served.client.get(page), served.client.head(page)
    assert (full.status_code, head.status_code, head.content) == (200, 200, b"")
    assert head.headers["content-type"] == full.headers["content-type"]
    assert 'method="HEAD"' in served.client.get("/metrics").text


def test_head_is_refused_where_there_is_nothing_to_get_or_no_end(served: Any) -> None:
    for page, allowed in (("/v1/transactions", "POST"), ("/v1/warnings/stream", "GET")):
        answer = served.client.head(page)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert served.client.head("/v1/loans/NONE").status_code == 404


def test_an_unforeseen_error_tells_its_id_and_nothing_else(
    serving: Callable[..., AbstractContextManager[Any]],
    tmp_path_factory: pytest.TempPathFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serving(tmp_path_factory.mktemp("broken")) as served:
        served.node.queries.close()
        served.node.queries._database = None  # reads now fail in a way that nobody foresaw
        answer = served.client.get("/v1/loans/Wang-Wei")
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (500, "internal")
        assert problem["request_id"] == answer.headers["x-request-id"]
        assert "Traceback" not in answer.text
        assert problem["request_id"] in caplog.text
        assert "Wang-Wei" not in caplog.text
        served.node.queries = served.node.queries.open(served.node.settings.views_db)
        assert served.client.get("/v1/loans").status_code == 200
