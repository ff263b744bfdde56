"""When a business day closes by the clock. Live use only: in replays the driver says so.

Pure, but for the sleep: the present moment is passed in. A close is a transaction like any other;
its id comes from its date, so that a timer that runs twice closes a day once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ledger.dates import Calendar, moment_us, now_us, start_of_day_us
from ledger.service import Incoming
from streams.blocked import insisted
from streams.ingest import close_of_day
from streams.settings import Settings

SOURCE = "clock"
LONGEST_SLEEP_SECONDS = 30.0
"""The wall clock may be set; look at it this often at least."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """At what moment each business day closes: `close_time` of that day in `zone`."""

    calendar: Calendar
    close_time: time
    zone: ZoneInfo

    def closes_at_us(self, day: date) -> int:
        """The moment at which `day` closes, in microseconds of UTC."""
        return moment_us(datetime.combine(day, self.close_time, tzinfo=self.zone))

    def next_day(self, last_closed: date | None, at_us: int) -> date:
        """The business day to close next; a book that never closed one begins today, in `zone`."""
        if last_closed is not None:
            return self.calendar.next_business_day(last_closed)
        today = datetime.fromtimestamp(at_us // 1_000_000, self.zone).date()
        return self.calendar.roll_forward(today)

    def missed(
        self, last_closed: date | None, at_us: int, *, began_us: int | None = None
    ) -> list[date]:
        """The business days whose closing time has passed, oldest first.

        A book that never closed one begins on the day of `began_us`, by default of `at_us`.
        """
        days = []
        day = self.next_day(last_closed, at_us if began_us is None else began_us)
        while self.closes_at_us(day) <= at_us:
            days.append(day)
            day = self.calendar.next_business_day(day)
        return days

    def wait_seconds(self, last_closed: date | None, at_us: int) -> float:
        """How long to sleep before looking at the clock again."""
        due = self.closes_at_us(self.next_day(last_closed, at_us))
        return min(max(due - at_us, 0) / 1_000_000, LONGEST_SLEEP_SECONDS)


class BusinessDayTimer:
    """Closes business days as the clock passes their closing time.

    `last_closed` tells the last closed day; `submit` records closes. More than `most_missed` days
    at once are not closed but told to `behind`: a book that is far behind the clock holds old data,
    and closing its days by the clock would make every loan of it look overdue.
    """

    def __init__(
        self,
        timetable: Timetable,
        *,
        last_closed: Callable[[], date | None],
        submit: Callable[[list[Incoming]], Awaitable[object]],
        behind: Callable[[int], None],
        most_missed: int,
    ) -> None:
        self._timetable, self._last_closed = timetable, last_closed
        self._submit, self._behind, self._most_missed = submit, behind, most_missed
        self._began_us: int | None = None

    async def run(self) -> None:
        """Until cancelled. A day that a blocked store does not take is closed when it does."""
        while True:
            await insisted(lambda: self.look(now_us()), "the timer")
            wait = self._timetable.wait_seconds(self._last_closed(), now_us())
            await asyncio.sleep(max(wait, 1.0))

    async def look(self, at_us: int) -> list[date]:
        """Close what is due at `at_us`, one day after the other; returns the days closed."""
        self._began_us = began_us = at_us if self._began_us is None else self._began_us
        days = self._timetable.missed(self._last_closed(), at_us, began_us=began_us)
        self._behind(len(days) if len(days) > self._most_missed else 0)
        if len(days) > self._most_missed:
            return []
        for day in days:
            close = close_of_day(day, recorded_at_us=at_us, source=SOURCE, offset=1)
            await self._submit([close])
        return days


def timer_of(
    settings: Settings,
    calendar: Calendar,
    *,
    last_closed: Callable[[], date | None],
    submit: Callable[[list[Incoming]], Awaitable[object]],
    behind: Callable[[int], None],
) -> BusinessDayTimer:
    """The timer that `settings` ask for."""
    return BusinessDayTimer(
        Timetable(calendar, settings.close_time, ZoneInfo(settings.time_zone)),
        last_closed=last_closed,
        submit=submit,
        behind=behind,
        most_missed=settings.most_missed_days,
    )


def days_between(first: date, before: date, calendar: Calendar) -> list[date]:
    """The business days from `first` on and before `before`."""
    days = (first + timedelta(days=n) for n in range((before - first).days))
    return [day for day in days if calendar.is_business_day(day)]


def end_of_day_us(day: date) -> int:
    """Midnight UTC at the end of `day`: when a close by the driver counts as recorded."""
    return start_of_day_us(day + timedelta(days=1))
