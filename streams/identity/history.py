"""Reading the audit log: who saw and did what, by person, borrower and day, newest first."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, timedelta
from typing import Any

from ledger.codec import topic_of
from ledger.dates import date_of_us
from ledger.store import FactLog, Recorded

_AT_ONCE = 5_000
MOST_SCANNED = 50_000
"""Facts looked at for one page; a page may come back short, with a cursor to go on from."""
_PEOPLE = ("user_id", "by", "proposed_by", "requested_by", "approved_by")
_BORROWERS = ("borrower_id", "subject")


def find(
    log: FactLog,
    *,
    person: str | None = None,
    borrower: str | None = None,
    day: date | None = None,
    before: int | None = None,
    limit: int = 100,
) -> tuple[list[dict[str, Any]], int | None]:
    """A page of the log behind position `before`, and where the next one begins; None: the end."""
    end = log.last_position() + 1 if before is None else before
    lowest = max(0, end - 1 - MOST_SCANNED)
    rows: list[dict[str, Any]] = []
    while end > 1 and end - 1 > lowest:
        start = max(lowest, end - 1 - _AT_ONCE)
        page = log.read(after=start, limit=end - 1 - start)
        for item in reversed(page):
            if day is not None and _day(item) < day - timedelta(1):
                return rows, None  # the log is in the order of time, but for a moment
            if _matches(item.fact, person, borrower, day):
                rows.append(row_of(item))
                if len(rows) == limit:
                    return rows, item.position if item.position > 1 else None
        end = start + 1
    return rows, end if end > 1 else None


def row_of(item: Recorded) -> dict[str, Any]:
    """A fact for the outside: its place, what it is, and its fields."""
    told = {each.name: getattr(item.fact, each.name) for each in fields(item.fact)}
    kind = topic_of(item.fact).split(".")[1]
    return {"position": item.position, "kind": kind, **told}


def _day(item: Recorded) -> date:
    return date_of_us(item.fact.recorded_at_us)


def _matches(fact: Any, person: str | None, borrower: str | None, day: date | None) -> bool:
    if day is not None and fact.value_date != day:
        return False
    if person is not None and person not in {getattr(fact, name, None) for name in _PEOPLE}:
        return False
    if borrower is None:
        return True
    named = {getattr(fact, name, None) for name in _BORROWERS}
    return borrower in named or borrower in getattr(fact, "borrower_ids", ())
