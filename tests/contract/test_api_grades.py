"""Grades over HTTP: regimes side by side, overrides by two people, warnings as an input."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from projections.regime_file import FOLDER

PACK = """
name = "one-rule"
version = 1
title = "One rule"
language = "en"

[[rule]]
name = "very_late"
title = "Very late"
source = "this test"
mark = "unverified"
when = "dpd_days >= 30"
severity = "orange"
reason = "{dpd_days} days past due."
"""


@pytest.fixture
def served(serving: Callable[..., AbstractContextManager[Any]], tmp_path: Path) -> Iterator[Any]:
    """A node graded by a cn-2023 that listens to the warning very_late, and by ifrs9."""
    text = (FOLDER / "cn-2023.toml").read_text(encoding="utf-8")
    text = text.replace("enabled = false", "enabled = true")
    rules = 'rules = ["turnover_falls", "overdraft_days", "account_quiet", "debit_bounced"]'
    assert rules in text
    (tmp_path / "mine.toml").write_text(text.replace(rules, 'rules = ["very_late"]'), "utf-8")
    (tmp_path / "pack.toml").write_text(PACK, encoding="utf-8")
    regimes = f"{tmp_path / 'mine.toml'}, ifrs9"
    with serving(tmp_path / "data", regime=regimes, pack=str(tmp_path / "pack.toml")) as running:
        send(running, opening("L1"))
        yield running


def opening(loan_id: str) -> list[dict[str, Any]]:
    """A loan of 12,000.00 CNY paid out on 15 January 2024, first due on 15 February, day 0."""
    common = {"loan_id": loan_id, "currency": "CNY", "value_date": "2024-01-15"}
    said = {"sent_at": "2024-01-15T08:00:00Z"}
    terms = {"method": "annuity", "instalments": 12, "rate_percent": "9.4822"}
    return [
        {
            **common, **said, "type": "loan_opened", "transaction_id": f"open-{loan_id}",
            "borrower_id": f"B-{loan_id}", "product": "sme", "principal": "12000.00",
            "terms": terms, "officer_id": "O1", "branch": "north",
        },
        {
            **common, **said, "type": "loan_disbursed", "transaction_id": f"out-{loan_id}",
            "amount": "12000.00",
        },
    ]  # fmt: skip


def send(served: Any, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answer = served.client.post("/v1/transactions", json=messages)
    served.settled()
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def close(served: Any, *days: str) -> None:
    for day in days:
        after = date.fromisoformat(day) + timedelta(days=1)
        message = {"type": "business_day_closed", "transaction_id": f"close-{day}"}
        send(served, [{**message, "value_date": day, "sent_at": f"{after}T00:00:00Z"}])


def override(**changes: Any) -> dict[str, Any]:
    return {
        "type": "grade_overridden", "transaction_id": "set-1", "value_date": "2024-01-16",
        "sent_at": "2024-01-16T08:00:00Z", "loan_id": "L1", "regime": "cn-2023",
        "grade": "doubtful", "reason": "the owner left", "requested_by": "Li Na",
        "approved_by": "Wang Fang", "until": "2024-01-31",
    } | changes  # fmt: skip


def get(served: Any, path: str, status: int = 200, **params: Any) -> Any:
    answer = served.client.get(path, params=params)
    assert answer.status_code == status, answer.text
    return answer.json()


def one(served: Any, **params: Any) -> dict[str, Any]:
    (row,) = get(served, "/v1/grades", loan="L1", **params)["grades"]
    found: dict[str, Any] = row
    return found


def test_grades_are_read_by_regime_and_unknown_ones_are_told(served: Any) -> None:
    close(served, "2024-03-15")  # 15 February + 29
    assert one(served)["grade"] == "special_mention"
    assert one(served, regime="ifrs9")["grade"] == "stage_1"
    names = [row["regime"] for row in get(served, "/v1/regimes")["regimes"]]
    assert names == ["cn-2023", "ifrs9"]
    problem = get(served, "/v1/grades", 404, regime="eba-dod")
    assert problem["code"] == "unknown_regime"
    assert "Graded by: cn-2023, ifrs9;" in problem["way_out"]
    assert get(served, "/v1/grades", 422, grade="stage_2")["code"] == "unknown_grade"
    assert get(served, "/v1/loans/L1/grades/anew", 404, regime="etc.toml")["code"] == (
        "unknown_regime"
    )
    assert get(served, "/v1/loans/L9/grades", 404)["code"] == "unknown_entity"
    assert get(served, "/v1/loans/L9/grades/anew", 404)["code"] == "unknown_entity"


def test_every_change_is_told_with_its_article_facts_and_numbers(served: Any) -> None:
    close(served, "2024-02-15", "2024-02-16")
    first, second = get(served, "/v1/loans/L1/grades")["changes"]
    assert (first["grade"], second["grade"]) == ("normal", "special_mention")
    assert (second["article"], second["dpd_days"]) == ("Art. 10", 1)
    assert second["causes"] == ["loan:L1@3"], "the schedule behind the day count"
    anew = get(served, "/v1/loans/L1/grades/anew", as_of="2024-02-15")
    assert (anew["grade"], anew["asking"]) == ("normal", [])
    coming = get(served, "/v1/loans/L1/grades/anew", regime="us-call-report", as_of="2024-03-16")
    assert (coming["grade"], coming["projected"]) == ("past_due_30_89", True)


@pytest.mark.parametrize(
    ("changes", "rule", "said"),
    [
        ({"approved_by": "LI  NA"}, "same_person", "Name who asks for it, and a second"),
        ({"until": None}, "override_without_end", "Send until, the last day"),
        ({"until": "2024-01-15"}, "override_ends_before_it_begins", "Let it end on 2024-01-16"),
        ({"reason": " "}, "no_reason", "Say why in a sentence"),
        ({"regime": "eba-dod"}, "unknown_regime", "Loans are graded here by cn-2023, ifrs9."),
        ({"grade": "stage_2"}, "unknown_grade", "Its grades are normal, special_mention, "),
        ({"loan_id": "L9"}, "", "Send loan_opened first."),
        ({"until": "2024-02-30"}, "", "should be a valid date"),
        ({"amount": "1.00"}, "", ""),
    ],
)
def test_an_override_that_breaks_a_rule_is_refused_whole(
    served: Any, changes: dict[str, Any], rule: str, said: str
) -> None:
    (item,) = send(served, [override(**changes)])
    assert (item["status"], item.get("rule") or "") == ("refused", rule)
    assert said in item["way_out"]
    close(served, "2024-01-16")
    assert one(served)["grade"] == "normal"


def test_two_people_set_a_grade_until_a_day_and_a_closed_loan_takes_none(served: Any) -> None:
    (item,) = send(served, [override()])
    assert item["status"] == "accepted"
    assert send(served, [override()])[0]["status"] == "duplicate"
    close(served, "2024-01-31")
    row = one(served)
    assert (row["grade"], row["rule"]) == ("doubtful", "override")
    assert row["reason"] == (
        "Set by Li Na, approved by Wang Fang, until 2024-01-31: the owner left."
    )
    story = get(served, "/v1/loans/L1/story")["lines"]
    assert "Grade in cn-2023 set to doubtful until 2024-01-31 by Li Na, approved by Wang Fang " in (
        " ".join(line["text"] for line in story)
    )
    close(served, "2024-02-01")
    assert one(served)["grade"] == "normal"
    ended = {"type": "loan_closed", "transaction_id": "end-1", "loan_id": "L1"}
    said = {"value_date": "2024-02-02", "sent_at": "2024-02-02T08:00:00Z"}
    assert send(served, [{**ended, **said, "reason": "written_off"}])[0]["status"] == "accepted"
    late = override(transaction_id="set-2", until="2024-12-31", **said)
    (item,) = send(served, [late])
    assert (item["status"], item["rule"]) == ("refused", "loan_closed")


def test_an_open_warning_lowers_the_grade_where_the_regime_lets_it(served: Any) -> None:
    """30 days past due on 16 March: the rules say special mention, the warning one notch down."""
    close(served, "2024-03-15", "2024-03-16")
    row = one(served)
    assert (row["grade"], row["grade_by_rules"], row["rank"]) == (
        "substandard", "special_mention", 2,
    )  # fmt: skip
    assert (row["rule"], row["article"], row["mark"]) == (
        "warning", "银监发〔2007〕63号 Art. 6", "unverified",
    )  # fmt: skip
    assert row["reason"].startswith(
        "The warning very_late is open since 2024-03-16: 1 notch down from special mention, which "
        "the rules ask for. 29 days past due"
    )
    (warning,) = get(served, "/v1/warnings")["warnings"]
    assert row["causes"] == [warning["warning_id"]]
    assert one(served, as_of="2024-03-15")["grade"] == "special_mention", "not open then"
    assert get(served, "/v1/loans/L1")["grade"] == row
    then = get(served, "/v1/loans/L1", as_of="2024-03-15")["grade"]
    assert (then["grade"], then["grade_by_rules"]) == ("special_mention", "special_mention")
    assert one(served, regime="ifrs9")["grade"] == "stage_1", "off there"
    found = get(served, "/v1/grades", grade="substandard")["grades"]
    assert [row["loan_id"] for row in found] == ["L1"]
    assert get(served, "/v1/grades", grade="special_mention")["grades"] == []


def test_pages_of_lowered_grades_hold_each_loan_once(served: Any) -> None:
    send(served, [message for n in range(2, 8) for message in opening(f"L{n}")])
    close(served, "2024-03-16")
    seen, after = [], None
    while True:
        params = {"grade": "substandard", "limit": 3} | ({"after": after} if after else {})
        page = get(served, "/v1/grades", **params)
        seen += [row["loan_id"] for row in page["grades"]]
        after = page["next_cursor"]
        if after is None:
            break
    assert seen == [f"L{n}" for n in range(1, 8)]
