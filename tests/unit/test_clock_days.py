"""The timer closes business days at their time, makes up a few, and leaves old books alone."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from ledger.dates import Calendar, moment_us
from ledger.service import Incoming
from streams.clock import BusinessDayTimer, Timetable, days_between, end_of_day_us

WEEKENDS = Calendar()
FRIDAY, MONDAY, TUESDAY = date(2024, 3, 29), date(2024, 4, 1), date(2024, 4, 2)
SHANGHAI = Timetable(WEEKENDS, time(23, 59), ZoneInfo("Asia/Shanghai"))


def at(*when: int) -> int:
    return moment_us(datetime(*when, tzinfo=UTC))  # type: ignore[arg-type, misc]


def test_a_day_closes_at_the_time_of_the_banks_own_zone() -> None:
    assert SHANGHAI.closes_at_us(FRIDAY) == at(2024, 3, 29, 15, 59)


def test_a_day_closes_at_the_same_hour_in_summer_and_in_winter() -> None:
    berlin = Timetable(WEEKENDS, time(18, 0), ZoneInfo("Europe/Berlin"))
    assert berlin.closes_at_us(date(2024, 1, 5)) == at(2024, 1, 5, 17)
    assert berlin.closes_at_us(date(2024, 7, 5)) == at(2024, 7, 5, 16)


def test_days_are_missed_from_the_last_closed_one_to_now_without_weekends() -> None:
    assert SHANGHAI.missed(FRIDAY, at(2024, 4, 1, 15, 58)) == []
    assert SHANGHAI.missed(FRIDAY, at(2024, 4, 1, 15, 59)) == [MONDAY]
    assert SHANGHAI.missed(FRIDAY, at(2024, 4, 2, 23)) == [MONDAY, TUESDAY]
    assert SHANGHAI.missed(TUESDAY, at(2024, 4, 1, 23)) == []


def test_a_book_without_any_close_begins_with_the_present_business_day() -> None:
    assert SHANGHAI.missed(None, at(2024, 3, 30, 20)) == []
    assert SHANGHAI.next_day(None, at(2024, 3, 30, 20)) == MONDAY
    assert SHANGHAI.missed(None, at(2024, 3, 29, 15, 58)) == []
    assert SHANGHAI.missed(None, at(2024, 3, 29, 15, 59)) == [FRIDAY]


def test_a_new_book_begins_on_the_day_of_its_own_zone_and_does_not_close_yesterday() -> None:
    half_past_midnight = at(2024, 4, 1, 16, 30)  # Tuesday 00:30 in Shanghai, Monday in UTC
    assert SHANGHAI.next_day(None, half_past_midnight) == TUESDAY
    assert SHANGHAI.missed(None, half_past_midnight) == []
    assert SHANGHAI.missed(None, at(2024, 4, 2, 15, 59)) == [TUESDAY]
    new_york = Timetable(WEEKENDS, time(18, 0), ZoneInfo("America/New_York"))
    evening = at(2024, 4, 3, 1)  # Tuesday 21:00 in New York, Wednesday in UTC
    assert new_york.next_day(None, evening) == TUESDAY
    assert new_york.missed(None, evening) == [TUESDAY]


def test_the_timer_sleeps_until_the_close_but_never_long() -> None:
    assert SHANGHAI.wait_seconds(FRIDAY, at(2024, 4, 1, 15, 58, 50)) == 10
    assert SHANGHAI.wait_seconds(FRIDAY, at(2024, 4, 1, 3)) == 30
    assert SHANGHAI.wait_seconds(FRIDAY, at(2024, 4, 1, 17)) == 0


class Bank:
    """Where the timer's closes go."""

    def __init__(self, last_closed: date | None) -> None:
        self.last_closed = last_closed
        self.closes: list[Incoming] = []
        self.behind: list[int] = []
        self.timer = BusinessDayTimer(
            SHANGHAI, last_closed=lambda: self.last_closed, submit=self.submit,
            behind=self.behind.append, most_missed=5,
        )  # fmt: skip

    async def submit(self, batch: list[Incoming]) -> None:
        self.closes += batch


def test_missed_days_are_closed_one_by_one_under_ids_made_of_their_dates() -> None:
    bank = Bank(FRIDAY)
    now_us = at(2024, 4, 2, 16)
    assert asyncio.run(bank.timer.look(now_us)) == [MONDAY, TUESDAY]
    assert [close.transaction_id for close in bank.closes] == [
        "close-2024-04-01", "close-2024-04-02",
    ]  # fmt: skip
    assert [close.recorded_at_us for close in bank.closes] == [now_us, now_us]
    assert bank.behind == [0]


def test_the_first_day_of_a_new_book_is_closed_even_when_its_midnight_has_passed() -> None:
    bank = Bank(None)
    assert asyncio.run(bank.timer.look(at(2024, 4, 1, 15, 58))) == []
    midnight_passed = at(2024, 4, 1, 16, 5)  # Tuesday 00:05 in Shanghai; Monday is still open
    assert asyncio.run(bank.timer.look(midnight_passed)) == [MONDAY]


def test_a_book_far_behind_the_clock_is_left_alone_and_says_so() -> None:
    bank = Bank(date(2023, 3, 29))
    assert asyncio.run(bank.timer.look(at(2024, 4, 2, 16))) == []
    assert bank.closes == []
    assert bank.behind[0] > 250


def test_business_days_between_two_dates_leave_out_the_second() -> None:
    assert days_between(FRIDAY, TUESDAY, WEEKENDS) == [FRIDAY, MONDAY]
    assert days_between(TUESDAY, FRIDAY, WEEKENDS) == []


def test_a_close_by_the_driver_counts_from_the_midnight_after_it() -> None:
    assert end_of_day_us(FRIDAY) == at(2024, 3, 30)
