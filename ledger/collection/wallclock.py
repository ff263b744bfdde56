"""Wall clocks of the world: moments of UTC as local days and minutes, and back.

Where a clock jumps forward a time may not exist, where it falls back one may come twice; both are
decided here and nowhere else. Reads no clock.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ledger.dates import moment_us

MINUTE_US = 60_000_000
DAY_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_MINUTES = 1_440


def is_zone(name: str) -> bool:
    """Whether there is a time zone of that IANA name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def local(at_us: int, zone: str) -> datetime:
    """A moment as the wall clock of `zone` shows it."""
    return (_EPOCH + timedelta(microseconds=at_us)).astimezone(ZoneInfo(zone))


def local_day(at_us: int, zone: str) -> date:
    """The day on which a moment lies in `zone`."""
    return local(at_us, zone).date()


def minute_of_day(at_us: int, zone: str) -> int:
    """The minute of the day that the wall clock of `zone` shows, 0 to 1439."""
    shown = local(at_us, zone)
    return shown.hour * 60 + shown.minute


@lru_cache(maxsize=4096)
def first_moment(day: date, minute: int, zone: str) -> int:
    """The first moment at which the clock of `zone` shows `minute` on `day`, or has jumped past it.

    Where it comes twice, the first of the two.
    """
    wanted = datetime.combine(day, time(*divmod(minute, 60)))
    there = wanted.replace(tzinfo=ZoneInfo(zone))
    after = moment_us(there)
    if local(after, zone).replace(tzinfo=None) == wanted:
        return after
    before = moment_us(there.replace(fold=1))
    while after - before > 1:  # the clock jumps between the two: halve the time that is left
        middle = (before + after) // 2
        if local(middle, zone).replace(tzinfo=None) < wanted:
            before = middle
        else:
            after = middle
    return after


def next_moment(at_us: int, minute: int, zone: str) -> int:
    """The next moment after `at_us` at which the clock of `zone` comes to `minute` of the day."""
    day = local_day(at_us, zone)
    for ahead in range(-1, 3):
        of_day = day + timedelta(days=ahead)
        for moment in _comings(of_day, minute % _DAY_MINUTES, zone):
            if moment > at_us:
                return moment
    raise ValueError(f"The clock of {zone} never comes to minute {minute} after {at_us}.")


def _comings(day: date, minute: int, zone: str) -> tuple[int, ...]:
    """When the clock shows a minute of a day: once, or twice where it falls back in between."""
    first = first_moment(day, minute, zone)
    wanted = datetime.combine(day, time(*divmod(minute, 60)))
    second = moment_us(wanted.replace(tzinfo=ZoneInfo(zone), fold=1))
    return (first, second) if second > first else (first,)
