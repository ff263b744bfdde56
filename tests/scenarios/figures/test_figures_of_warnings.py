"""Figures of warnings that people answered, worked out by hand on the four loans of this folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import pytest

from ledger.codec import codecs
from ledger.dates import day_number
from ledger.events import (
    WarningActionStarted,
    WarningDeferred,
    WarningFoundFalse,
    WarningRaised,
    WarningReferred,
)
from projections.queries import Ask, Queries
from projections.regime_file import FOLDER, parse
from projections.signals import lowered
from projections.warnings import STATE_AFTER, STATES, state_after
from warning.reached import ANSWERS, RINGS

JUNE = date(2024, 6, 30)
Views = Callable[[Sequence[Any]], Queries]
Telling = Callable[..., Any]


def rows(queries: Queries, name: str, *columns: str, as_of: date = JUNE) -> list[tuple[Any, ...]]:
    found = queries.figure(name, Ask(as_of=as_of)).rows
    return [tuple(row[column] for column in columns) for row in found]


WHO = [("A", "L1"), ("B", "L2")]


@pytest.fixture(scope="module")
def answered(views_of: Views, telling: Telling) -> Queries:
    """A on L1 is found false; B on L2 is acted on, and referred: open still, and L2 defaults."""
    raised = [telling(WarningRaised, name, loan, date(2024, 3, 1)) for name, loan in WHO]
    return views_of(
        [
            *raised,
            telling(WarningFoundFalse, "A", "L1", date(2024, 3, 4), actor="li", reason="misread"),
            telling(WarningActionStarted, "B", "L2", date(2024, 3, 5), actor="li", action="visit"),
            telling(
                WarningReferred,
                *("B", "L2", date(2024, 3, 8)),
                role="head",
                severity="yellow",
                reason="unanswered",
            ),
        ]
    )


def test_a_false_alarm_leaves_the_watch_list(answered: Queries) -> None:
    # L2 owes 300.00 and comes before L1, which owes 200.00.
    assert rows(answered, "watchlist", "loan_id", as_of=date(2024, 3, 3)) == [("L2",), ("L1",)]
    assert rows(answered, "watchlist", "loan_id", as_of=date(2024, 3, 31)) == [("L2",)]


def test_the_watch_list_says_why_a_warning_rang_also_after_it_was_referred(
    answered: Queries,
) -> None:
    rang = rows(answered, "watchlist", "loan_id", "reason", as_of=date(2024, 3, 3))[0]
    assert "unanswered" not in rang
    assert rows(answered, "watchlist", "loan_id", "reason", as_of=date(2024, 3, 31)) == [rang]


def test_the_funnel_tells_false_alarms_from_open_warnings(answered: Queries) -> None:
    # A on L1 was found false, B on L2 is open; a person answered both. Nothing defaulted yet.
    columns = ("raised", "acted", "false_alarm", "defaulted", "cured", "open", "hit_rate")
    march = rows(answered, "funnel", *columns, as_of=date(2024, 3, 31))
    assert march == [(2, 2, 1, 0, 0, 1, 0.0)]
    # L2 owes since 03-01 and defaults on 05-31, 91 days later: 1 of 2.
    assert rows(answered, "funnel", *columns) == [(2, 2, 1, 1, 0, 0, 0.5)]


def test_a_false_alarm_warned_of_nothing(views_of: Views, telling: Telling) -> None:
    # L3 owes since 02-01 and defaults on 05-02. Its one warning was found false on 03-04.
    found = views_of(
        [
            telling(WarningRaised, "C", "L3", date(2024, 3, 1)),
            telling(WarningFoundFalse, "C", "L3", date(2024, 3, 4), actor="li", reason="misread"),
        ]
    )
    assert rows(found, "lead_time", "lead_days", "loans", as_of=date(2024, 5, 10)) == [
        ("not warned", 1)
    ]


def test_a_cure_is_not_by_itself_where_a_person_took_action(
    views_of: Views, telling: Telling
) -> None:
    # L3 is over 90 days from 05-02, pays all on 05-20, and is clean for 30 days on 06-19.
    ring = telling(WarningRaised, "C", "L3", date(2024, 3, 1))
    act = telling(WarningActionStarted, "C", "L3", date(2024, 5, 6), actor="li", action="visit")
    columns = ("loans", "cured_loans", "self_cured_loans")
    alone, helped = (rows(views_of(facts), "cure", *columns) for facts in ([ring], [ring, act]))
    assert alone == [(2, 1, 1)]
    assert helped == [(2, 1, 0)]


def test_a_warning_that_waits_waits_on_when_it_becomes_graver() -> None:
    assert state_after("escalated", "deferred") == "deferred"
    assert state_after("escalated", "acknowledged") == "raised"
    assert state_after("raised", "deferred") == "raised"


def test_every_change_of_a_warning_leaves_it_where_it_can_stand() -> None:
    words = {c.name.split(".")[1] for c in codecs() if c.name.startswith("warning.")}
    # A referral moves nothing; what waits, or ends so, never was a warning that rang.
    assert set(STATE_AFTER) == words - {"referred", "pending", "lapsed"}
    assert set(STATE_AFTER.values()) == set(STATES)
    assert words >= {*ANSWERS, *RINGS}


def test_a_false_alarm_lowers_no_grade(answered: Queries) -> None:
    text = (FOLDER / "cn-2023.toml").read_text(encoding="utf-8")
    text = text.replace("enabled = false", "enabled = true")
    rules = text.split("[warnings]")[1].split("rules = ")[1].split("\n")[0]
    regime = parse(text.replace(rules, '["late"]').encode(), path="mine.toml")
    asked = [
        {"loan_id": loan, "rank": 0, "grade": "normal", "reason": "Nothing is due."}
        for loan in ("L1", "L2")
    ]
    database = answered._database
    with database.reading() as connection:
        # A on L1 was found false on 03-04; B on L2 is open: one notch down.
        found = lowered(database, connection, regime, asked, day_number(date(2024, 3, 31)))
    assert [row["grade"] for row in found] == ["normal", "special_mention"]


@pytest.fixture(scope="module")
def waited(views_of: Views, telling: Telling) -> Queries:
    """On L3 one warning waits from 02-10 and rings on 03-03; on L2 one waits and one is muted."""
    full = {"officer_id": "B1-officer", "severity": "yellow", "place": 1, "reason": "full"}
    begun, rang = date(2024, 2, 10), date(2024, 3, 3)
    return views_of(
        [
            telling(WarningRaised, "C", "L3", begun),
            telling(WarningDeferred, "C", "L3", begun, **full),
            telling(WarningRaised, "D", "L2", begun),
            telling(WarningDeferred, "D", "L2", begun, **full),
            telling(WarningRaised, "E", "L2", begun, inhibited_by="D"),
            telling(WarningRaised, "C", "L3", rang),
        ]
    )


def test_lead_time_begins_when_a_person_was_called(waited: Queries) -> None:
    # L3 defaults on 05-02: 60 days after 03-03, 82 after 02-10. L2 defaults on 05-31, none called.
    assert rows(waited, "lead_time", "lead_days", "loans", "median_days") == [
        ("not warned", 1, 60),
        ("60-89", 1, 60),
    ]


def test_the_funnel_counts_warnings_that_reached_a_person(waited: Queries) -> None:
    columns = ("raised", "defaulted", "open", "hit_rate")
    assert rows(waited, "funnel", *columns) == [(1, 1, 0, 1.0)]
    assert rows(waited, "funnel", *columns, as_of=date(2024, 3, 2)) == []


def test_a_warning_on_the_day_of_the_default_warned_of_nothing(
    views_of: Views, telling: Telling
) -> None:
    # L3 defaults on 05-02. Rung a day earlier it has a lead of 1.
    same, before = (
        views_of([telling(WarningRaised, "C", "L3", date(2024, 5, day))]) for day in (2, 1)
    )
    may = date(2024, 5, 10)
    assert rows(same, "lead_time", "lead_days", as_of=may) == [("not warned",)]
    assert rows(before, "lead_time", "lead_days", "median_days", as_of=may) == [("1-29", 1)]
    assert rows(same, "funnel", "already", "defaulted", as_of=may) == [(1, 0)]
