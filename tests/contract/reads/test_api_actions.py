"""What people do about warnings over HTTP, and open warnings by officer and borrower."""

from __future__ import annotations

from typing import Any

import pytest


def get(served: Any, path: str, *, status: int = 200, **query: Any) -> Any:
    answer = served.client.get(path, params=query)
    assert answer.status_code == status, answer.text
    return answer.json()


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
