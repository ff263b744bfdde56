"""Money of currencies without two digits behind the point: lists and pictures count whole units."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from projections.worklist import A_DIGIT, Why, reasons
from streams.desk.chart import trace_chart

CASE: dict[str, Any] = {
    "dpd_days": 0,
    "holds": "",
    "legal_due_day": None,
    "promise_state": None,
    "promise_due_day": None,
    "next_contact_day": None,
    "contacts_made": 1,
}


@pytest.mark.parametrize(
    ("currency", "digits"),
    [("CNY", 4), ("JPY", 6), ("KWD", 3)],  # 1,234.56 yuan; 123,456 yen; 123.456 dinar
)
def test_the_size_of_arrears_is_weighed_in_whole_units(currency: str, digits: int) -> None:
    found = reasons({**CASE, "currency": currency, "arrears_minor": 123_456}, today=0)
    assert found == [Why("amount", A_DIGIT * digits, 123_456)]


@pytest.mark.parametrize(
    ("currency", "told"),
    [("CNY", ">5k<"), ("JPY", ">500k<"), ("KWD", ">500<"), (None, ">500,000<")],
)
def test_the_axis_of_an_amount_is_in_whole_units(currency: str | None, told: str) -> None:
    # 500,000 minor units: 5,000.00 yuan, 500,000 yen, 500.000 dinar; without a currency a number.
    days, values = [date(2024, 1, 1), date(2024, 1, 2)], [0.0, 500_000.0]
    chart = trace_chart(days, values, as_percent=False, currency=currency, label="arrears")
    assert told in chart
