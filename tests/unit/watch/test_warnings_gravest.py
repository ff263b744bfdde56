"""The demo counts each warning once, at its gravest: however it came to be grave."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ledger.events import Severity, WarningEscalated, WarningRaised, WarningReopened
from streams.report import gravest


def told(kind: type, severity: Severity, *, warning_id: str = "W", **more: Any) -> Any:
    return kind(
        warning_id=warning_id,
        loan_id="L1",
        severity=severity,
        reason="late",
        readings=(),
        cause_event_ids=(),
        ledger_position=1,
        value_date=date(2024, 3, 1),
        recorded_at_us=1,
        **more,
    )


def raised(severity: Severity, warning_id: str = "W") -> Any:
    more = {"officer_id": "O", "rule": "late", "pack": "p", "inhibited_by": None}
    return told(WarningRaised, severity, warning_id=warning_id, borrower_id="B", episode=1, **more)


def reopened(severity: Severity) -> Any:
    more = {"officer_id": "O", "rule": "late", "pack": "p", "inhibited_by": None}
    return told(WarningReopened, severity, **more)


def graver(severity: Severity) -> Any:
    return told(WarningEscalated, severity, severity_before="watch")


@pytest.mark.parametrize(
    ("facts", "counted"),
    [
        ([raised("yellow"), raised("red", "V")], {"yellow": 1, "red": 1}),
        ([raised("yellow"), graver("orange")], {"orange": 1}),
        ([raised("yellow"), reopened("red")], {"red": 1}),
        ([raised("yellow"), graver("orange"), reopened("watch")], {"orange": 1}),
    ],
)
def test_a_warning_counts_once_at_its_gravest(facts: list[Any], counted: dict[str, int]) -> None:
    assert gravest(facts) == counted
