"""Reads over HTTP from a real book: documented shapes, filters, pages, time axes, actions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta
from typing import Any

import pytest

PACK = """
name = "two-rules"
version = 1
title = "Two rules"
language = "en"

[[rule]]
name = "late"
title = "Late"
source = "this test"
mark = "unverified"
when = "dpd_days >= 1"
severity = { watch = "always", yellow = "dpd_days >= 15" }
reason = "{dpd_days} days past due."

[[rule]]
name = "very_late"
title = "Very late"
source = "this test"
mark = "unverified"
when = "dpd_days >= 30"
severity = "orange"
reason = "{dpd_days} days past due."
"""
TERMS = {"method": "annuity", "instalments": 12, "rate_percent": "9.4822"}


def opened(number: int, **changes: Any) -> list[dict[str, Any]]:
    """A loan of 12,000.00 CNY paid out on 15 January; officers O0 to O2, two branches."""
    common = {"value_date": "2024-01-15", "loan_id": f"L{number}", "currency": "CNY"}
    loan = {
        **common,
        "type": "loan_opened",
        "transaction_id": f"open-{number}",
        "sent_at": "2024-01-15T08:00:00Z",
        "borrower_id": f"B{number // 2}",
        "product": "working_capital",
        "principal": "12000.00",
        "terms": TERMS,
        "officer_id": f"O{number % 3}",
        "branch": ("north", "south")[number % 2],
    }
    paid = {
        **common,
        "type": "loan_disbursed",
        "transaction_id": f"pay-out-{number}",
        "sent_at": "2024-01-15T08:00:01Z",
        "amount": "12000.00",
    }
    return [{**loan, **changes}, paid]


def closes(first: date, last: date) -> list[dict[str, Any]]:
    """The closes of every weekday."""
    days = [first + timedelta(n) for n in range((last - first).days + 1)]
    return [
        {
            "type": "business_day_closed",
            "transaction_id": f"close-{day}",
            "value_date": str(day),
            "sent_at": f"{day + timedelta(1)}T00:00:00Z",
        }
        for day in days
        if day.weekday() < 5
    ]


def send(served: Any, messages: list[dict[str, Any]]) -> None:
    answer = served.client.post("/v1/transactions", json=messages)
    assert answer.status_code == 200, answer.text
    served.settled()


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a pack of two rules."""
    path = tmp_path_factory.mktemp("pack") / "two-rules.toml"
    path.write_text(PACK, encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def book(
    serving: Callable[..., AbstractContextManager[Any]],
    pack: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Any]:
    """Eight loans; L0 paid its first instalment, the others paid nothing until 18 March."""
    with serving(tmp_path_factory.mktemp("book"), calendar="weekends", pack=pack) as served:
        send(served, [message for number in range(8) for message in opened(number)])
        paid = {
            "type": "repayment_received",
            "transaction_id": "paid-0",
            "value_date": "2024-02-15",
            "sent_at": "2024-02-15T10:00:00Z",
            "loan_id": "L0",
            "amount": "1052.10",
            "currency": "CNY",
        }
        send(served, closes(date(2024, 2, 12), date(2024, 2, 14)))
        send(served, [paid, *closes(date(2024, 2, 15), date(2024, 3, 18))])
        yield served


def get(served: Any, path: str, *, status: int = 200, **query: Any) -> Any:
    answer = served.client.get(path, params=query)
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
    assert len(ids) == len(set(ids)) == 20
    assert "Transaction" in document["components"]["schemas"]


# -- lists ----------------------------------------------------------------------------------------


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
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with serving(tmp_path_factory.mktemp("paging"), calendar="weekends", pack=pack) as served:
        send(served, [message for number in range(8) for message in opened(number)])
        send(served, closes(date(2024, 2, 12), date(2024, 2, 29)))
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
            send(served, closes(day, day + timedelta(6)))
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


# -- actions --------------------------------------------------------------------------------------


def test_a_warning_is_acknowledged_once_then_suppressed_and_both_are_kept(book: Any) -> None:
    found = get(book, "/v1/warnings", loan="L3", rule="very_late", state="open")["warnings"][0]
    path = f"/v1/warnings/{found['warning_id']}"
    body = {"actor": "Li Na", "note": "called, promises Friday"}
    done = book.client.post(f"{path}/acknowledge", json=body)
    assert done.status_code == 200
    assert done.json()["event_ids"][0].startswith("warnings:L3@")
    again = book.client.post(f"{path}/acknowledge", json=body)
    assert (again.status_code, again.json()["code"]) == (409, "rule_refused")
    quiet = {"actor": "Li Na", "reason": "restructuring agreed", "until": "2024-04-30"}
    assert book.client.post(f"{path}/suppress", json=quiet).status_code == 200
    book.settled()
    row = get(book, path)
    assert (row["state"], row["actor"]) == ("suppressed", "Li Na")
    assert row["suppressed_until_date"] == "2024-04-30"
    assert [change["change"] for change in row["history"]][-2:] == ["acknowledged", "suppressed"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"actor": "Li Na", "reason": "x", "until": "2020-01-01"}, 409, "rule_refused"),
        ({"actor": "Li Na", "reason": "", "until": "2024-04-30"}, 422, "invalid_request"),
        ({"actor": "Li Na", "reason": "x"}, 422, "invalid_request"),
        ({"actor": "", "reason": "x", "until": "2024-04-30"}, 422, "invalid_request"),
        ({"actor": "a", "reason": "x", "until": "2024-04-30", "by": 1}, 422, "invalid_request"),
    ],
)
def test_a_suppression_that_cannot_be_taken_is_refused(
    book: Any, body: dict[str, Any], status: int, code: str
) -> None:
    found = get(book, "/v1/warnings", loan="L5", rule="very_late")["warnings"][0]
    answer = book.client.post(f"/v1/warnings/{found['warning_id']}/suppress", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["way_out"]


def test_an_action_on_an_unknown_warning_is_not_found(book: Any) -> None:
    answer = book.client.post("/v1/warnings/none/acknowledge", json={"actor": "Li Na"})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_entity")


def test_work_is_started_once_and_a_false_alarm_ends_a_warning(book: Any) -> None:
    found = get(book, "/v1/warnings", loan="L2", rule="very_late", state="open")["warnings"][0]
    path = f"/v1/warnings/{found['warning_id']}"
    body = {"actor": "Li Na", "action": "visit on Tuesday"}
    assert book.client.post(f"{path}/start", json=body).status_code == 200
    again = book.client.post(f"{path}/start", json=body)
    assert (again.status_code, again.json()["code"]) == (409, "rule_refused")
    book.settled()
    row = get(book, path)
    assert (row["state"], row["actor"], row["ended_date"]) == ("in_action", "Li Na", None)
    wrong = {"actor": "Wang", "reason": "paid over the counter"}
    assert book.client.post(f"{path}/dismiss", json=wrong).status_code == 200
    book.settled()
    row = get(book, path)
    assert (row["state"], row["actor"]) == ("false_alarm", "Wang")
    assert row["ended_date"] == row["changed_date"]
    history = [(each["change"], each["reason"]) for each in row["history"]][-2:]
    assert history == [("action_started", "visit on Tuesday"), ("found_false", wrong["reason"])]
    gone = book.client.post(f"{path}/acknowledge", json={"actor": "Li Na"})
    assert (gone.status_code, gone.json()["code"]) == (404, "unknown_entity")
    assert row not in get(book, "/v1/warnings", loan="L2", state="open")["warnings"]


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("start", {"actor": "Li Na"}),
        ("start", {"actor": "Li Na", "action": ""}),
        ("start", {"actor": "", "action": "call"}),
        ("dismiss", {"actor": "Li Na"}),
        ("dismiss", {"actor": "Li Na", "reason": ""}),
        ("dismiss", {"actor": "Li Na", "reason": "x", "until": "2024-04-30"}),
    ],
)
def test_an_action_without_who_or_what_is_refused(
    book: Any, what: str, body: dict[str, Any]
) -> None:
    found = get(book, "/v1/warnings", loan="L5", rule="very_late")["warnings"][0]
    answer = book.client.post(f"/v1/warnings/{found['warning_id']}/{what}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_open_warnings_are_grouped_by_officer_and_borrower(book: Any) -> None:
    rows = get(book, "/v1/warnings", state="open", inhibited="false", limit=1_000)["warnings"]
    groups = get(book, "/v1/warnings/groups", limit=1_000)["groups"]
    assert sum(group["warnings"] for group in groups) == len(rows)
    places = [(group["officer_id"], group["borrower_id"]) for group in groups]
    assert sorted(places) == sorted({(row["officer_id"], row["borrower_id"]) for row in rows})
    order = ("watch", "yellow", "orange", "red")
    gravest = [order.index(group["severity"]) for group in groups]
    assert gravest == sorted(gravest, reverse=True)
    one = groups[0]
    people = ("officer_id", "borrower_id")
    mine = [row for row in rows if all(row[name] == one[name] for name in people)]
    assert one["first_raised_date"] == min(row["raised_date"] for row in mine)
    assert one["unanswered"] == sum(row["state"] in ("raised", "expired") for row in mine)
    officer = get(book, "/v1/warnings/groups", officer=one["officer_id"])["groups"]
    assert {group["officer_id"] for group in officer} == {one["officer_id"]}
    assert get(book, "/v1/warnings/groups", officer="nobody")["groups"] == []
