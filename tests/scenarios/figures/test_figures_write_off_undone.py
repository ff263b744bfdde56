"""A write-off that was cancelled is no default in the figures, by hand on the four loans."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from ledger.dates import start_of_day_us
from ledger.events import LoanClosed, WarningRaised, WriteOffCancelled
from ledger.terms import Split
from projections.queries import Ask, Queries

LEFT = Split(principal_minor=40_000)
Views = Callable[..., Queries]


def told(kind: type, on: date, **fields: Any) -> Any:
    at = {"value_date": on, "recorded_at_us": start_of_day_us(on) + 1}
    return kind(loan_id="L3", remaining=LEFT, transaction_id=f"{on}", **at, **fields)


def leads(views: Queries, on: date) -> Sequence[tuple[str, int | None]]:
    found = views.figure("lead_time", Ask(as_of=on)).rows
    return [(row["lead_days"], row["median_days"]) for row in found]


def test_a_write_off_counts_until_it_is_cancelled(views_of: Views, telling: Any) -> None:
    # L3 owes since 02-01. Written off on 03-11, 10 days after the ring; cancelled on 04-01. Then it
    # is 60 days past due, and defaults on 05-02, day 91: 62 days after the ring.
    ring = telling(WarningRaised, "C", "L3", date(2024, 3, 1))
    off = told(LoanClosed, date(2024, 3, 11), reason="written_off")
    back = told(WriteOffCancelled, date(2024, 4, 1), recovered=(), reason="mistake")
    views = views_of([ring], more=[off, back])
    assert leads(views, date(2024, 3, 31)) == [("1-29", 10)]
    assert leads(views, date(2024, 4, 30)) == []
    assert leads(views, date(2024, 5, 10)) == [("60-89", 62)]
