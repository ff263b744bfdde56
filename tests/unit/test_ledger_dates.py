"""Day numbers, months, moments, business days; and ids that follow from the facts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.dates import (
    FIRST_DATE,
    LAST_DATE,
    Calendar,
    add_months,
    checked_date,
    date_of,
    date_of_us,
    day_number,
    moment_us,
    now_us,
    start_of_day_us,
    today,
)
from ledger.errors import DateOutOfRange
from ledger.ids import (
    account_stream,
    event_id,
    loan_stream,
    stable_id,
    warning_stream,
)


def test_day_numbers_count_from_1970() -> None:
    assert day_number(date(1970, 1, 1)) == 0
    assert day_number(date(1969, 12, 31)) == -1
    assert day_number(date(2024, 3, 1)) - day_number(date(2024, 2, 28)) == 2


@given(st.dates(FIRST_DATE, LAST_DATE))
def test_a_date_and_its_day_number_tell_the_same(day: date) -> None:
    assert date_of(day_number(day)) == day
    assert date_of_us(start_of_day_us(day)) == day
    assert date_of_us(start_of_day_us(day) - 1) == day - timedelta(days=1)
    assert checked_date(day) is day


@pytest.mark.parametrize("day", [FIRST_DATE - timedelta(days=1), LAST_DATE + timedelta(days=1)])
def test_dates_outside_the_calendar_are_refused_with_its_bounds(day: date) -> None:
    with pytest.raises(DateOutOfRange, match=r"1990-01-01 to 2199-12-31"):
        checked_date(day)


@pytest.mark.parametrize(
    ("day", "months", "anchor", "expected"),
    [
        (date(2024, 1, 31), 1, None, date(2024, 2, 29)),
        (date(2023, 1, 31), 1, None, date(2023, 2, 28)),
        (date(2024, 2, 29), 1, 31, date(2024, 3, 31)),
        (date(2024, 2, 29), 12, None, date(2025, 2, 28)),
        (date(2024, 11, 30), 2, None, date(2025, 1, 30)),
        (date(2024, 3, 31), -1, None, date(2024, 2, 29)),
        (date(2024, 1, 15), -13, None, date(2022, 12, 15)),
        (date(2024, 12, 31), 0, 30, date(2024, 12, 30)),
    ],
)
def test_months_are_added_up_to_the_last_day_of_a_short_one(
    day: date, months: int, anchor: int | None, expected: date
) -> None:
    assert add_months(day, months, anchor_day=anchor) == expected


def test_moments_are_microseconds_of_utc_and_need_a_zone() -> None:
    moment = datetime(2024, 3, 31, 2, 30, tzinfo=timezone(timedelta(hours=8)))
    assert moment_us(moment) == start_of_day_us(date(2024, 3, 30)) + (18 * 60 + 30) * 60_000_000
    assert date_of_us(moment_us(moment)) == date(2024, 3, 30)
    assert moment_us(datetime(2024, 1, 1, 0, 0, 0, 7, tzinfo=UTC)) % 1_000_000 == 7
    with pytest.raises(DateOutOfRange, match="time zone"):
        moment_us(datetime(2024, 3, 31, 10, 0))  # noqa: DTZ001


def test_the_wall_clock_is_utc() -> None:
    before = now_us()
    day = today()
    assert before <= now_us()
    assert day in (date_of_us(before), date_of_us(now_us()))


def test_a_calendar_knows_weekends_holidays_and_worked_weekends() -> None:
    # 2024-10-01 is a Tuesday; Sunday the 29th of September is worked before the holiday week.
    week = [date(2024, 10, day) for day in range(1, 8)]
    calendar = Calendar(holidays=week, working=[date(2024, 9, 29)])
    assert calendar.is_business_day(date(2024, 9, 29))
    assert not calendar.is_business_day(date(2024, 9, 28))
    assert not calendar.is_business_day(date(2024, 10, 7))
    assert calendar.next_business_day(date(2024, 9, 27)) == date(2024, 9, 29)
    assert calendar.next_business_day(date(2024, 9, 30)) == date(2024, 10, 8)
    assert calendar.roll_forward(date(2024, 10, 3)) == date(2024, 10, 8)
    assert calendar.roll_forward(date(2024, 9, 30)) == date(2024, 9, 30)
    # From Friday the 27th: 27, 29, 30 before October.
    assert calendar.business_days(date(2024, 9, 27), date(2024, 10, 8)) == 3


def test_a_day_that_is_a_holiday_and_worked_is_worked() -> None:
    day = date(2024, 10, 1)
    calendar = Calendar(holidays=[day], working=[day])
    assert calendar.is_business_day(day)
    assert calendar.business_days(day, day + timedelta(days=1)) == 1


@given(st.dates(date(2024, 1, 1), date(2025, 12, 31)), st.integers(0, 60))
def test_counting_business_days_equals_walking_over_them(start: date, length: int) -> None:
    calendar = Calendar(holidays=[date(2024, 10, 1)], working=[date(2024, 9, 29)])
    days = [start + timedelta(days=n) for n in range(length)]
    walked = sum(calendar.is_business_day(day) for day in days)
    assert calendar.business_days(start, start + timedelta(days=length)) == walked


def test_a_holidays_file_is_read_and_a_wrong_word_is_named(tmp_path: Path) -> None:
    path = tmp_path / "holidays.txt"
    path.write_text("# National Day\n2024-10-01\n\n+2024-09-29  # worked\n", encoding="utf-8")
    calendar = Calendar.read(path)
    assert not calendar.is_business_day(date(2024, 10, 1))
    assert calendar.is_business_day(date(2024, 9, 29))
    path.write_text("2024-10-01\n2024-13-01\n", encoding="utf-8")
    with pytest.raises(DateOutOfRange, match=r"holidays\.txt:2: '2024-13-01' is not a date"):
        Calendar.read(path)


def test_ids_follow_from_the_facts() -> None:
    assert loan_stream("L1") == "loan:L1"
    assert account_stream("A1") == "account:A1"
    assert warning_stream("L1") == "warnings:L1"
    assert event_id("loan:L1", 3) == "loan:L1@3"
    assert stable_id("L1", "rule", 1) == stable_id("L1", "rule", "1")
    assert stable_id("L1", "rule") != stable_id("L1rule")
    # Frozen: ids that people have written down must stay the same for ever.
    assert stable_id("L1", "missed_instalment", 1) == STABLE


STABLE = "dfc117c5-840e-5d0b-833b-11fd4be56293"


def test_a_day_is_rolled_by_each_convention() -> None:
    # Saturday 29 and Sunday 30 June 2024 lie at a month's end; Sunday 7 July does not.
    plain = Calendar()
    sunday, mid = date(2024, 6, 30), date(2024, 7, 7)
    assert plain.roll(sunday, "following") == date(2024, 7, 1)
    assert plain.roll(sunday, "modified_following") == date(2024, 6, 28)
    assert plain.roll(sunday, "preceding") == date(2024, 6, 28)
    assert plain.roll(mid, "modified_following") == date(2024, 7, 8)
    assert plain.roll(mid, "preceding") == date(2024, 7, 5)
    # A holiday on the Monday, and a Sunday that is worked.
    kept = Calendar(holidays=[date(2024, 7, 1)], working=[mid])
    assert kept.roll(sunday, "following") == date(2024, 7, 2)
    assert kept.roll(mid, "following") == kept.roll(mid, "preceding") == mid
    assert kept.holidays == {date(2024, 7, 1)}
    assert kept.working == {mid}
