"""Business dates, day numbers, calendars, and the only clock of the project.

A day number is days since 1970-01-01, the unit of every numpy array of days. Nothing else reads
the clock: time arrives as `BusinessDayClosed`.
"""

from __future__ import annotations

import time
from calendar import monthrange
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

from ledger.errors import DateOutOfRange
from ledger.terms import Convention

_EPOCH = date(1970, 1, 1).toordinal()
_IN_EVERY_MONTH = 28
FIRST_DATE = date(1990, 1, 1)
LAST_DATE = date(2199, 12, 31)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - _EPOCH


def date_of(day: int) -> date:
    """The date of a day number."""
    return date.fromordinal(int(day) + _EPOCH)


def checked_date(day: date) -> date:
    """`day` itself, or DateOutOfRange outside 1990-01-01 … 2199-12-31."""
    if not FIRST_DATE <= day <= LAST_DATE:
        raise DateOutOfRange(
            f"{day.isoformat()} is outside the calendar.",
            way_out=f"Dates from {FIRST_DATE} to {LAST_DATE} are accepted.",
        )
    return day


def add_months(day: date, months: int, *, anchor_day: int | None = None) -> date:
    """`day` moved by whole months, kept at `anchor_day` (default: its own) or the month's end.

    31 January + 1 month is 28 or 29 February; + 2 months with anchor 31 is 31 March.
    """
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    wanted = anchor_day if anchor_day is not None else day.day
    if wanted > _IN_EVERY_MONTH:
        wanted = min(wanted, monthrange(year, month + 1)[1])
    return date(year, month + 1, wanted)


def now_us() -> int:
    """The wall clock in microseconds of UTC: for acceptance times, and nothing else."""
    return time.time_ns() // 1000


def today() -> date:
    """Today's date by the wall clock, UTC: for the live business-day timer only."""
    return datetime.now(UTC).date()


def date_of_us(moment_us: int) -> date:
    """The UTC date of a moment in microseconds."""
    return date.fromordinal(moment_us // 86_400_000_000 + _EPOCH)


def moment_us(moment: datetime) -> int:
    """An aware datetime -> microseconds of UTC. Errors: DateOutOfRange without a time zone."""
    if moment.tzinfo is None:
        raise DateOutOfRange(
            f"{moment.isoformat()} has no time zone.", way_out="Write it as 2024-03-31T10:00:00Z."
        )
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def start_of_day_us(day: date) -> int:
    """Midnight UTC at the start of `day`, in microseconds."""
    return day_number(day) * 86_400_000_000


class Calendar:
    """Business days: a weekly rest, `holidays`, and rest days that are `working`. Immutable.

    `weekmask` is Monday to Sunday, "1" for a business day. `working` lists weekend days that are
    worked (China moves working days to weekends around long holidays).
    """

    def __init__(
        self,
        *,
        weekmask: str = "1111100",
        holidays: Iterable[date] = (),
        working: Iterable[date] = (),
    ) -> None:
        self.weekmask = weekmask
        self.working = frozenset(working)
        self.holidays = frozenset(holidays) - self.working
        self._numpy = np.busdaycalendar(
            weekmask=weekmask, holidays=np.array(sorted(self.holidays), dtype="datetime64[D]")
        )

    @classmethod
    def read(cls, path: Path, *, weekmask: str = "1111100") -> Calendar:
        """Read a holidays file: one ISO date a line, `+` before a worked weekend day, `#` remarks.

        Errors: DateOutOfRange naming the file, the line and the word that is wrong.
        """
        holidays: list[date] = []
        working: list[date] = []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            word = line.partition("#")[0].strip()
            if not word:
                continue
            try:
                day = date.fromisoformat(word.removeprefix("+"))
            except ValueError:
                raise DateOutOfRange(
                    f"{path}:{number}: {word!r} is not a date.",
                    way_out="Write one date a line, as 2024-10-01, or +2024-09-29 for a worked "
                    "weekend day.",
                ) from None
            (working if word.startswith("+") else holidays).append(day)
        return cls(weekmask=weekmask, holidays=holidays, working=working)

    def is_business_day(self, day: date) -> bool:
        """Whether the bank works on `day`."""
        return day in self.working or bool(np.is_busday(day, busdaycal=self._numpy))

    def next_business_day(self, day: date) -> date:
        """The first business day after `day`."""
        day += timedelta(days=1)
        while not self.is_business_day(day):
            day += timedelta(days=1)
        return day

    def roll_forward(self, day: date) -> date:
        """`day` itself if a business day, else the next one (the "following" convention)."""
        return day if self.is_business_day(day) else self.next_business_day(day)

    def roll_back(self, day: date) -> date:
        """`day` itself if a business day, else the one before it (the "preceding" convention)."""
        while not self.is_business_day(day):
            day -= timedelta(days=1)
        return day

    def roll(self, day: date, convention: Convention) -> date:
        """`day`, moved by `convention` when it is no business day.

        Modified following goes back where going on would reach the next month.
        Source: ISDA 2006 Definitions, section 4.12.
        """
        if convention == "preceding":
            return self.roll_back(day)
        forward = self.roll_forward(day)
        if convention == "modified_following" and forward.month != day.month:
            return self.roll_back(day)
        return forward

    def business_days(self, start: date, end: date) -> int:
        """How many business days lie in [start, end)."""
        plain = int(np.busday_count(start, end, busdaycal=self._numpy))
        extra = sum(
            start <= day < end and not np.is_busday(day, busdaycal=self._numpy)
            for day in self.working
        )
        return plain + extra
