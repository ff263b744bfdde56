"""Wall clocks that jump, fall back, and skip whole days: which moment is which."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from ledger.collection.wallclock import (
    first_moment,
    is_zone,
    local_day,
    minute_of_day,
    next_moment,
)
from ledger.dates import moment_us

HOUR = 60


def utc(text: str) -> int:
    return moment_us(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("zone", "day", "minute", "moment"),
    [
        ("Asia/Shanghai", "2024-07-03", 8 * HOUR, "2024-07-03T00:00"),
        ("Asia/Kathmandu", "2024-07-03", 8 * HOUR, "2024-07-03T02:15"),  # UTC+5:45
        ("America/New_York", "2024-03-09", 8 * HOUR, "2024-03-09T13:00"),
        ("America/New_York", "2024-03-10", 8 * HOUR, "2024-03-10T12:00"),
        # 02:30 does not exist: the clock goes from 01:59 to 03:00, at 07:00 UTC.
        ("America/New_York", "2024-03-10", 150, "2024-03-10T07:00"),
        # 01:30 comes twice: at 05:30 UTC and at 06:30 UTC.
        ("America/New_York", "2024-11-03", 90, "2024-11-03T05:30"),
        # In Santiago midnight of 8 September 2024 does not exist: it is 01:00 at 04:00 UTC.
        ("America/Santiago", "2024-09-08", 0, "2024-09-08T04:00"),
        # Samoa skipped 30 December 2011: after the 29th comes the 31st, at 10:00 UTC of the 30th.
        ("Pacific/Apia", "2011-12-30", 0, "2011-12-30T10:00"),
        ("Pacific/Apia", "2011-12-30", 8 * HOUR, "2011-12-30T10:00"),
    ],
)
def test_the_first_moment_of_a_minute(zone: str, day: str, minute: int, moment: str) -> None:
    assert first_moment(date.fromisoformat(day), minute, zone) == utc(moment)


def test_the_next_coming_of_a_minute_is_after_the_moment_and_counts_a_second_coming() -> None:
    zone = "America/New_York"
    first, second = utc("2024-11-03T05:30"), utc("2024-11-03T06:30")
    assert next_moment(first - 1, 90, zone) == first
    assert next_moment(first, 90, zone) == second
    assert next_moment(second, 90, zone) == utc("2024-11-04T06:30")


def test_a_moment_has_a_day_and_a_minute_of_its_own_in_each_zone() -> None:
    moment = utc("2024-07-02T23:30")
    assert local_day(moment, "Asia/Shanghai") == date(2024, 7, 3)
    assert local_day(moment, "Pacific/Pago_Pago") == date(2024, 7, 2)
    assert minute_of_day(moment, "Asia/Shanghai") == 7 * HOUR + 30


@pytest.mark.parametrize("name", ["", "Asia/Atlantis", "../etc/passwd", "/etc/passwd", "Asia"])
def test_what_is_no_zone_is_known_as_such(name: str) -> None:
    assert not is_zone(name)
    assert is_zone("Asia/Shanghai")
