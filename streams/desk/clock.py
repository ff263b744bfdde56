"""The clock of what people do at the desk: the wall's, or the book's where the book is of old days.

A book that a driver feeds with the past (a replay, an import of last year) stands on an earlier
day. What is done in it counts for that day, at the time of day at which it is done; else contacts
would be judged, and lines told, years after the loans they are about.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ledger.dates import date_of_us, now_us, start_of_day_us

if TYPE_CHECKING:
    from streams.wiring import Node

FAR_DAYS = 7
"""So far from today a business day is of the past: no calendar has a longer rest."""
DAY_US = 86_400_000_000


def clock_of(node: Node) -> Callable[[], int]:
    """Microseconds of UTC, as the desk over `node` counts them."""

    def moment_us() -> int:
        wall = now_us()
        day = node.health().business_date
        if day is None or abs((date_of_us(wall) - day).days) <= FAR_DAYS:
            return wall
        return start_of_day_us(day) + wall % DAY_US

    return moment_us
