"""Months late by the conventions MBA and OTS, against calendars read by hand."""

from __future__ import annotations

from typing import Any


def test_mba_is_late_on_the_eve_of_the_next_due_day_and_ots_on_that_day(bank: Any) -> None:
    bank.opens("2023-12-10", account_id=None)
    bank.schedule("2023-12-10", {f"2024-{month:02d}-10": 1_000 for month in range(1, 7)})
    # Due on 10 January: the next due day is 10 February, its eve the 9th.
    for day, mba, ots in (
        ("2024-01-10", 0, 0),
        ("2024-02-08", 0, 0),
        ("2024-02-09", 1, 0),
        ("2024-02-10", 1, 1),
        ("2024-03-08", 1, 1),
        ("2024-03-09", 2, 1),
        ("2024-03-10", 2, 2),
    ):
        assert bank.at(day, "mba_late_months") == mba
        assert bank.at(day, "ots_late_months") == ots
    # Learnt late: January was paid on 20 February, so February is the oldest, due on the 10th.
    bank.pays("2024-02-20", 1_000)
    assert bank.at("2024-03-10", "mba_late_months") == 1
    assert bank.at("2024-03-10", "ots_late_months") == 1
    bank.pays("2024-03-11", 2_000)
    assert bank.at("2024-03-11", "mba_late_months") == 0


def test_a_due_day_at_the_end_of_a_month_stays_at_its_end(bank: Any) -> None:
    bank.opens("2023-12-31", account_id=None)
    bank.schedule("2023-12-31", {"2024-01-31": 1_000})
    # A month on from 31 January is 29 February 2024, two months 31 March, three 30 April.
    for day, mba, ots in (
        ("2024-02-27", 0, 0),
        ("2024-02-28", 1, 0),
        ("2024-02-29", 1, 1),
        ("2024-03-29", 1, 1),
        ("2024-03-30", 2, 1),
        ("2024-03-31", 2, 2),
        ("2024-04-29", 3, 2),
        ("2024-04-30", 3, 3),
    ):
        assert bank.at(day, "mba_late_months") == mba
        assert bank.at(day, "ots_late_months") == ots


def test_without_due_days_neither_is_known(bank: Any) -> None:
    bank.opens("2024-01-01", account_id=None)
    bank.reports("2024-01-31", months=2, due=100, outstanding=900)
    assert bank.at("2024-02-10", "dpd_days") == 70
    assert bank.at("2024-02-10", "mba_late_months") is None
    assert bank.at("2024-02-10", "ots_late_months") is None
