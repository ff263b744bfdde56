"""Reads over HTTP from a real book: documented shapes, filters, pages, time axes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta
from typing import Any

import pytest


def get(served: Any, path: str, *, status: int = 200, **query: Any) -> Any:
    answer = served.client.get(path, params=query or None)
    assert answer.status_code == status, answer.text
    return answer.json()


# -- shapes ---------------------------------------------------------------------------------------

KINDS: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int,),
    "number": (int, float), "boolean": (bool,), "null": (type(None),),
}  # fmt: skip


def faults(
    value: Any, schema: dict[str, Any], document: dict[str, Any], at: str = "$"
) -> list[str]:
    """Where `value` is not of the documented shape: the part of JSON Schema that we use."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return faults(value, document["components"]["schemas"][name], document, at)
    if "anyOf" in schema:
        tried = [faults(value, option, document, at) for option in schema["anyOf"]]
        return [] if [] in tried else min(tried, key=len)
    kinds = schema.get("type", [])
    wanted = [kinds] if isinstance(kinds, str) else kinds
    if wanted and not any(type(value) in KINDS[kind] for kind in wanted):
        return [f"{at}: {value!r} is not {wanted}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{at}: {value!r}"]
    found: list[str] = []
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            found += faults(item, schema["items"], document, f"{at}[{number}]")
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        found += [
            f"{at}.{name} is missing" for name in schema.get("required", ()) if name not in value
        ]
        if schema.get("additionalProperties") is False:
            found += [f"{at}.{name} is not documented" for name in value.keys() - known.keys()]
        for name in value.keys() & known.keys():
            found += faults(value[name], known[name], document, f"{at}.{name}")
    return found


def test_every_answer_has_the_documented_shape(book: Any) -> None:
    warning = get(book, "/v1/warnings")["warnings"][0]["warning_id"]
    document = get(book, "/openapi.json")
    paths = {
        "/v1/loans": "/v1/loans",
        "/v1/loans/L1": "/v1/loans/{loan_id}",
        "/v1/loans/L1?as_of=2024-03-01": "/v1/loans/{loan_id}",
        "/v1/loans/L1?known_on=2024-03-01": "/v1/loans/{loan_id}",
        "/v1/loans/L1/story": "/v1/loans/{loan_id}/story",
        "/v1/warnings": "/v1/warnings",
        "/v1/warnings/groups": "/v1/warnings/groups",
        f"/v1/warnings/{warning}": "/v1/warnings/{warning_id}",
        "/v1/grades": "/v1/grades",
        "/v1/grades?as_of=2024-03-01": "/v1/grades",
        "/v1/portfolio": "/v1/portfolio",
        "/v1/portfolio?as_of=2024-03-01": "/v1/portfolio",
        "/v1/trial-balance": "/v1/trial-balance",
        "/v1/refusals": "/v1/refusals",
        "/v1/worklist?officer=O1": "/v1/worklist",
        "/v1/cases?open=true": "/v1/cases",
        "/v1/cases/K1?language=zh": "/v1/cases/{case_id}",
        "/v1/team?until=2024-03-19": "/v1/team",
        "/v1/team?by=team&until=2024-03-19": "/v1/team",
        "/v1/team/right_party?name=O1&until=2024-03-19": "/v1/team/{figure}",
        "/v1/overrides": "/v1/overrides",
        "/v1/trials": "/v1/trials",
        "/v1/trials/bot": "/v1/trials/{trial}",
    }
    for path, template in paths.items():
        answer = document["paths"][template]["get"]["responses"]["200"]
        schema = answer["content"]["application/json"]["schema"]
        assert faults(get(book, path), schema, document) == [], path


def test_every_page_is_described_with_a_refusal_and_an_id(book: Any) -> None:
    document = get(book, "/openapi.json")
    ids = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            ids.append(operation["operationId"])
            refusal = operation["responses"]["default"]["content"]["application/problem+json"]
            assert refusal["schema"] == {"$ref": "#/components/schemas/Problem"}, (method, path)
            assert operation["summary"]
    assert len(ids) == len(set(ids)) >= 20
    assert "Transaction" in document["components"]["schemas"]


# -- lists ----------------------------------------------------------------------------------------


def test_a_case_is_ranked_told_and_counted_over_http(book: Any) -> None:
    (ranked,) = get(book, "/v1/worklist", officer="O1")["cases"]
    assert ranked["rank"] == sum(why["points"] for why in ranked["why"])
    case = get(book, "/v1/cases/K1")
    assert (case["rank"], case["promise_state"], case["contacts_made"]) == (
        *(ranked["rank"], "open"),
        1,
    )
    figures = get(book, "/v1/team", until="2024-03-19")["rows"]
    (mine,) = [row for row in figures if row["officer"] == "O1"]
    assert (mine["right_party"]["part"], mine["promise"]["part"]) == (1, 1)
    assert get(book, "/v1/team/promise", name="O1", until="2024-03-19")["rows"] == [
        {"reference": "K1", "segment": "early", "part": 1, "whole": 1}
    ]
    (exempted,) = get(book, "/v1/overrides")["overrides"]
    assert (exempted["kind"], exempted["actor"], exempted["approver"]) == (
        *("officer_exempted", "O8"),
        "O9",
    )
    assert get(book, "/v1/team/glory", name="O1", status=422)["code"] == "malformed"
    assert get(book, "/v1/cases/K9", status=404)["code"] == "unknown_entity"
    assert get(book, "/v1/worklist", after="x", status=422)["code"] == "malformed"


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, ["L0", "L1", "L2", "L3", "L4", "L5", "L6", "L7"]),
        ({"branch": "north"}, ["L0", "L2", "L4", "L6"]),
        ({"officer": "O1"}, ["L1", "L4", "L7"]),
        ({"borrower": "B3"}, ["L6", "L7"]),
        ({"loan": "L5"}, ["L5"]),
        ({"rule": "very_late"}, ["L1", "L2", "L3", "L4", "L5", "L6", "L7"]),
        ({"rule": "no_such_rule"}, []),
        ({"state": "resolved"}, []),
        ({"branch": "south", "officer": "O1"}, ["L1", "L7"]),
        ({"since": "2030-01-01"}, []),
    ],
)
def test_warnings_are_filtered(book: Any, query: dict[str, str], wanted: list[str]) -> None:
    rows = get(book, "/v1/warnings", limit=1_000, **query)["warnings"]
    assert sorted({row["loan_id"] for row in rows}) == wanted
    positions = [row["position"] for row in rows]
    assert positions == sorted(positions, reverse=True)


def test_severity_filters_by_what_a_warning_is_now(book: Any) -> None:
    every = get(book, "/v1/warnings", limit=1_000)["warnings"]
    for severity in ("watch", "yellow", "orange", "red"):
        rows = get(book, "/v1/warnings", severity=severity, limit=1_000)["warnings"]
        assert rows == [row for row in every if row["severity"] == severity]


@pytest.mark.parametrize(
    "query",
    [
        {"sevrity": "red"},
        {"severity": "crimson"},
        {"limit": "0"},
        {"limit": "1001"},
        {"since": "yesterday"},
        {"loan": "L1 OR 1=1"},
    ],
)
def test_a_wrong_filter_is_refused_never_ignored(book: Any, query: dict[str, str]) -> None:
    problem = get(book, "/v1/warnings", status=422, **query)
    assert problem["code"] == "invalid_request"
    assert problem["errors"][0]["where"].startswith(f"query.{next(iter(query))}")
    assert next(iter(query.values())) not in problem["detail"]


def test_a_cursor_that_is_none_is_refused(book: Any) -> None:
    assert get(book, "/v1/warnings", status=422, after="abc")["code"] == "malformed"


def test_pages_neither_shift_nor_repeat_while_warnings_ring(
    serving: Callable[..., AbstractContextManager[Any]],
    pack: str,
    tell: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with serving(tmp_path_factory.mktemp("paging"), calendar="weekends", pack=pack) as served:
        tell.send(served, [message for number in range(8) for message in tell.opened(number)])
        tell.send(served, tell.closes(date(2024, 2, 12), date(2024, 2, 29)))
        before = [row["warning_id"] for row in get(served, "/v1/warnings")["warnings"]]
        read: list[str] = []
        day, cursor = date(2024, 3, 1), None
        while True:
            query = {"limit": 2} if cursor is None else {"limit": 2, "after": cursor}
            page = get(served, "/v1/warnings", **query)
            read += [row["warning_id"] for row in page["warnings"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
            tell.send(served, tell.closes(day, day + timedelta(6)))
            day += timedelta(7)
        assert read == before
        assert len(read) == 8
        assert len(get(served, "/v1/warnings")["warnings"]) > len(before)


def test_loans_and_grades_come_in_pages_too(book: Any) -> None:
    for name in ("loans", "grades"):
        first = get(book, f"/v1/{name}", limit=5)
        second = get(book, f"/v1/{name}", limit=5, after=first["next_cursor"])
        ids = [row["loan_id"] for row in first[name] + second[name]]
        assert ids == [f"L{number}" for number in range(8)]
        assert second["next_cursor"] is None


# -- time axes ------------------------------------------------------------------------------------


def test_a_loan_is_told_as_of_a_day_and_as_known_on_a_day(book: Any) -> None:
    assert get(book, "/v1/loans/L1")["balance"]["dpd_days"] == 32
    assert get(book, "/v1/loans/L1", as_of="2024-02-20")["balance"]["dpd_days"] == 5
    assert get(book, "/v1/loans/L1", as_of="2024-02-15")["balance"]["dpd_days"] == 0
    paid = get(book, "/v1/loans/L0", as_of="2024-02-15", known_on="2024-02-15")["balance"]
    assert paid["paid_minor"] == 105_210
    before = get(book, "/v1/loans/L0", as_of="2024-02-15", known_on="2024-02-14")["balance"]
    assert before["paid_minor"] == 0


def test_a_loan_that_is_not_in_the_book_is_not_found(book: Any) -> None:
    for path in ("/v1/loans/L404", "/v1/loans/L404/story", "/v1/warnings/none"):
        assert get(book, path, status=404)["code"] == "unknown_entity"
    problem = get(book, "/v1/loans/L1", status=404, as_of="2023-12-31")
    assert "had none then" in problem["detail"]
    assert get(book, "/v1/loans/L1", status=422, as_of="2024-02-30")["code"] == "invalid_request"


def test_the_book_as_a_whole_agrees_with_its_loans(book: Any) -> None:
    total = get(book, "/v1/portfolio")["currencies"][0]
    loans = [get(book, f"/v1/loans/L{number}")["balance"] for number in range(8)]
    assert total["outstanding_minor"] == sum(loan["outstanding_minor"] for loan in loans)
    assert total["arrears_minor"] == sum(loan["arrears_minor"] for loan in loans)
    over_30 = sum(loan["outstanding_minor"] for loan in loans if loan["dpd_days"] > 30)
    assert {par["over_days"]: par["outstanding_minor"] for par in total["par"]}[30] == over_30
    accounts = get(book, "/v1/trial-balance")["accounts"]
    assert accounts
    assert sum(account["balance_minor"] for account in accounts) == 0


def test_status_and_metrics_name_the_position_of_every_view(book: Any) -> None:
    told, text = get(book, "/v1/status"), book.client.get("/metrics").text
    last = {log["log"]: log["last_position"] for log in told["logs"]}
    assert (last.keys(), last["ledger"] > 0) == ({"ledger", "warnings"}, True)
    assert {"grades", "history", "loans"} < {view["view"] for view in told["views"]}
    for view in told["views"]:
        assert view["lag_facts"] == 0
        for log, position in last.items():
            assert view[f"{log}_position"] == position
            name = f'loanbell_view_position{{log="{log}",view="{view["view"]}"}}'
            assert f"{name} {float(position)}" in text
