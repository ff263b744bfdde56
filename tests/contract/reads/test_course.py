"""A loan's course: what fell due and what was paid, and its indicators, on both time axes.

L1 of 12,000.00 CNY without interest: 1,000.00 a month from 15 February 2024. 400.00 came in for
1 March and were recorded on 8 March; days are closed up to Friday, 8 March.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

TERMS = {
    "method": "equal_principal", "instalments": 12, "rate_percent": "0",
    "first_due_date": "2024-02-15",
}  # fmt: skip


@pytest.fixture
def loan(served: Any) -> Any:
    """The queries of a node that has heard all of it."""
    common = {"loan_id": "L1", "currency": "CNY", "value_date": "2024-01-15"}
    days = [date(2024, 2, 12) + timedelta(n) for n in range(26)]
    closes = [
        {"type": "business_day_closed", "transaction_id": f"close-{day}", "value_date": str(day),
         "sent_at": f"{day}T15:00:00Z"}
        for day in days if day.weekday() < 5
    ]  # fmt: skip
    told = [
        {**common, "type": "loan_opened", "transaction_id": "t1", "borrower_id": "B1",
         "product": "equipment", "principal": "12000.00", "terms": TERMS, "officer_id": "O1",
         "branch": "north", "sent_at": "2024-01-15T08:00:00Z"},
        {**common, "type": "loan_disbursed", "transaction_id": "t2", "amount": "12000.00",
         "sent_at": "2024-01-15T08:00:01Z"},
        *closes,
        {**common, "type": "repayment_received", "transaction_id": "t3", "amount": "400.00",
         "value_date": "2024-03-01", "sent_at": "2024-03-08T15:30:00Z"},
    ]  # fmt: skip
    assert served.client.post("/v1/transactions", json=told).status_code == 200
    served.settled()
    return served.node.queries


def test_the_course_is_running_totals_of_dues_and_payments(loan: Any) -> None:
    found = loan.course("L1")
    assert (found.currency, found.first, found.until) == (
        "CNY",
        date(2024, 1, 15),
        date(2024, 3, 8),
    )
    assert found.paid == [(date(2024, 3, 1), 40_000)]
    assert found.due[:2] == [(date(2024, 2, 15), 100_000), (date(2024, 3, 15), 200_000)]
    assert found.due[-1] == (date(2025, 1, 15), 1_200_000)  # 12 x 1,000.00


def test_the_course_moves_along_both_axes(loan: Any) -> None:
    assert loan.course("L1", as_of=date(2024, 2, 29)).paid == []
    assert loan.course("L1", as_of=date(2024, 3, 1)).paid == [(date(2024, 3, 1), 40_000)]
    assert loan.course("L1", known_on=date(2024, 3, 7)).paid == []
    assert loan.course("L1", known_on=date(2024, 3, 7)).until == date(2024, 3, 7)
    assert loan.course("L1", as_of=date(2024, 1, 14)) is None
    assert loan.course("L9") is None


def test_indicators_are_read_every_seven_days_back_from_the_last_close(loan: Any) -> None:
    """8 March: 22 days after 15 February, 1,000.00 less 400.00; 1 March: 15 days, the same;
    23 February: 8 days, 1,000.00; before the first due day nothing is owed."""
    found = loan.traces("L1", ["dpd_days", "arrears_minor"])
    assert found.days[-4:] == [
        date(2024, 2, 16), date(2024, 2, 23), date(2024, 3, 1), date(2024, 3, 8),
    ]  # fmt: skip
    assert found.values["dpd_days"][-4:] == [1.0, 8.0, 15.0, 22.0]
    assert found.values["arrears_minor"][-4:] == [100_000.0, 100_000.0, 60_000.0, 60_000.0]
    assert found.values["dpd_days"][-5] == 0.0


def test_indicators_are_cut_off_by_the_day_and_by_what_was_known(loan: Any) -> None:
    names = ["arrears_minor"]
    assert loan.traces("L1", names, as_of=date(2024, 3, 2)).days[-1] == date(2024, 3, 1)
    before = loan.traces("L1", names, known_on=date(2024, 3, 7))
    assert before.days[-1] == date(2024, 3, 7)
    assert before.values["arrears_minor"][-1] == 100_000.0
    again = loan.traces("L1", names)  # known anew: the later fact is not forgotten
    assert again.values["arrears_minor"][-1] == 60_000.0
    assert loan.traces("L9", names) is None
    with pytest.raises(KeyError):
        loan.traces("L1", ["no_such"])
