"""What waits to ring, as of any close, by what was known then and by all that is known now."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ledger.dates import Calendar
from warning.explain import lived_through
from warning.rules import parse_pack

RULES = """
name = "waits"
title = "Waits"
[[rule]]
name = "late"
title = "Late"
source = "this test"
when = "dpd_days >= 1"
for = 3
severity = "yellow"
reason = "{dpd_days} days"
"""
Bank = Any


@pytest.fixture
def bank(bank: Bank) -> Bank:
    waits = type(bank)(parse_pack(RULES, path="waits.toml"))
    waits.loan("L1", date(2024, 1, 1), dues={date(2024, 1, 10): 100})
    waits.close_through(date(2024, 1, 2), date(2024, 1, 12))
    return waits


def told(pending: list[Any]) -> list[tuple[str, str, str, int]]:
    return [(one.loan_id, one.rule.name, one.since.isoformat(), one.days) for one in pending]


def test_a_rule_waits_from_the_first_close_at_which_it_held(bank: Bank) -> None:
    # Due on Wednesday the 10th, late at the close of the 11th; the 12th is one business day later.
    assert told(bank.watch.pending()) == [("L1", "late", "2024-01-11", 1)]
    bank.close(date(2024, 1, 15))
    assert told(bank.watch.pending()) == [("L1", "late", "2024-01-11", 2)]
    bank.close(date(2024, 1, 16))  # Three business days: it rings and waits no more.
    assert told(bank.watch.pending()) == []


def test_what_waited_is_told_by_what_was_known_then_or_corrected(bank: Bank) -> None:
    bank.pay("L1", date(2024, 1, 10), 100, known=date(2024, 1, 15))
    asked: dict[str, Any] = {"calendar": Calendar(), "facts_of": bank.facts_of}
    then = lived_through(bank.pack, bank.ledger, date(2024, 1, 12), **asked)
    assert told(then.watch.pending()) == [("L1", "late", "2024-01-11", 1)]
    corrected = lived_through(bank.pack, bank.ledger, date(2024, 1, 12), corrected=True, **asked)
    assert told(corrected.watch.pending()) == []
