"""When a warning reached a person, and what the figures of the bell make of it: by hand.

The loan L1 defaults on 2024-12-31; 60 days before is 2024-11-01, 365 days before is 2024-01-01.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ledger.dates import date_of
from ledger.events import (
    WarningAcknowledged,
    WarningDeferred,
    WarningEscalated,
    WarningFoundFalse,
    WarningRaised,
    WarningReopened,
    WarningResolved,
    WarningWithdrawn,
)
from warning.evaluate import Outcome, Quality, measure
from warning.reached import reached, told

DEFAULT = date(2024, 12, 31)


def fact(kind: type, on: date, *, muted: bool = False, warning_id: str = "W") -> Any:
    common: dict[str, Any] = {
        "warning_id": warning_id,
        "loan_id": "L1",
        "ledger_position": 1,
        "value_date": on,
        "recorded_at_us": 1,
    }
    said = {"severity": "yellow", "reason": "late", "readings": (), "cause_event_ids": ()}
    rung = {**said, "officer_id": "O", "rule": "late", "pack": "p", "inhibited_by": None}
    rung["inhibited_by"] = "other" if muted else None
    more: dict[type, dict[str, Any]] = {
        WarningRaised: {**rung, "borrower_id": "B", "episode": 1},
        WarningReopened: rung,
        WarningEscalated: {**said, "severity_before": "watch"},
        WarningDeferred: {"officer_id": "O", "severity": "yellow", "place": 1, "reason": "full"},
        WarningResolved: {"reason": "over", "readings": ()},
        WarningWithdrawn: {"reason": "late fact", "cause_event_ids": ()},
        WarningFoundFalse: {"actor": "li", "reason": "misread"},
        WarningAcknowledged: {"actor": "li", "note": ""},
    }
    return kind(**common, **more[kind])


def ring(month: int, day: int, **how: Any) -> Any:
    return fact(WarningRaised, date(2024, month, day), **how)


def day_of(*facts: Any) -> date | None:
    alarm = reached(told(each) for each in facts).get("W")
    return None if alarm is None else date_of(alarm.day)


def quality(*facts: Any, default: date | None = DEFAULT) -> Quality:
    outcome = Outcome(default_date=default, first_missed_due=None, observed_until=DEFAULT)
    return measure(facts, {"L1": outcome}, loan_months=100)


MARCH_1, MARCH_2, MARCH_5 = (date(2024, 3, day) for day in (1, 2, 5))


@pytest.mark.parametrize(
    ("facts", "day"),
    [
        ([ring(3, 1)], MARCH_1),
        ([ring(3, 1), ring(3, 5)], MARCH_1),  # Again, after a silence.
        ([ring(3, 1), fact(WarningDeferred, MARCH_1)], None),
        ([ring(3, 1), fact(WarningDeferred, MARCH_1), ring(3, 5)], MARCH_5),
        ([ring(3, 1), fact(WarningDeferred, MARCH_1), fact(WarningEscalated, MARCH_2)], None),
        ([ring(3, 1), ring(3, 5), fact(WarningDeferred, MARCH_5)], MARCH_1),
        ([ring(3, 1, muted=True)], None),
        ([ring(3, 1, muted=True), fact(WarningEscalated, MARCH_2)], None),
        ([ring(3, 1, muted=True), ring(3, 5)], MARCH_5),
        ([ring(3, 1, muted=True), fact(WarningAcknowledged, MARCH_2)], MARCH_2),
        ([ring(3, 1), fact(WarningResolved, MARCH_2), fact(WarningReopened, MARCH_5)], MARCH_1),
        (
            [
                ring(3, 1, muted=True),
                fact(WarningResolved, MARCH_2),
                fact(WarningReopened, MARCH_5),
            ],
            MARCH_5,
        ),
    ],
)
def test_a_warning_reached_a_person_on_the_day_it_first_called_one(
    facts: list[Any], day: date | None
) -> None:
    assert day_of(*facts) == day


def test_the_lead_of_a_warning_that_waited_begins_where_it_rang() -> None:
    # Written down 2024-10-02, rung 2024-11-01: 30 + 30 days of November and December = 60.
    waited = [ring(10, 2), fact(WarningDeferred, date(2024, 10, 2)), ring(11, 1)]
    assert quality(*waited).leads_days == (60,)
    assert quality(*waited[:2]).leads_days == ()
    assert quality(*waited[:2]).alarms == 0


def test_a_default_is_warned_of_one_to_365_days_before() -> None:
    # 2024 has 366 days: 01-01 is 365 days before 12-31.
    assert quality(ring(1, 1)).leads_days == (365,)
    assert quality(fact(WarningRaised, date(2023, 12, 31))).leads_days == ()
    assert quality(fact(WarningRaised, date(2023, 12, 31))).false_alarms == 1
    assert quality(ring(12, 30)).leads_days == (1,)
    assert quality(ring(12, 31)).leads_days == ()


def test_an_alarm_found_false_is_false_whatever_came_later_and_warned_of_nothing() -> None:
    dismissed = [ring(11, 1), fact(WarningFoundFalse, date(2024, 11, 4))]
    found = quality(*dismissed)
    assert (found.alarms, found.false_alarms, found.leads_days) == (1, 1, ())
    # Without a default it counts at once; another must have been watched for 180 days.
    assert quality(*dismissed, default=None).false_alarms == 1
    assert quality(ring(11, 1), default=None).false_alarms == 0


def test_a_withdrawn_warning_counts_for_nothing() -> None:
    found = quality(ring(3, 1), fact(WarningWithdrawn, MARCH_5))
    assert (found.alarms, found.false_alarms, found.leads_days) == (0, 0, ())
