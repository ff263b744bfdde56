"""Buckets and pauses by themselves, and periods that are closed, through the service."""

from __future__ import annotations

from datetime import date

import pytest

from ledger.arrears import USUAL_BUCKETS, Buckets
from ledger.change_commands import ClosePeriod, ReopenPeriod
from ledger.commands import Command, CreditAccount, OpenAccount
from ledger.errors import RuleRefused
from ledger.pauses import Pauses
from ledger.service import Incoming, Ledger, Outcome
from ledger.store import MemoryLog

NOON_US = 1_711_713_600_000_000  # 2024-03-29


def test_buckets_hold_every_day_once_and_say_so() -> None:
    labels = [USUAL_BUCKETS.label(USUAL_BUCKETS.of(days)) for days in (0, 1, 30, 31, 90, 91, 361)]
    assert labels == ["0", "1-30", "1-30", "31-60", "61-90", "91-180", ">360"]
    own = Buckets.between([(0, 0), (1, 7), (8, None)])
    assert own.ends == (0, 7)
    assert [own.label(number) for number in range(3)] == ["0", "1-7", ">7"]


@pytest.mark.parametrize("ends", [(), (-1, 5), (0, 30, 30), (0, 60, 30)])
def test_buckets_that_do_not_rise_are_refused(ends: tuple[int, ...]) -> None:
    with pytest.raises(RuleRefused) as refused:
        Buckets(ends)
    assert refused.value.rule == "buckets_not_contiguous"


@pytest.mark.parametrize(
    ("ranges", "day"),
    [
        ([(1, 30), (31, None)], 0),  # nothing holds day 0
        ([(0, 0), (2, 30), (31, None)], 1),  # a gap at day 1
        ([(0, 0), (1, 30), (30, None)], 31),  # day 30 twice
        ([(0, 0), (1, None), (31, None)], 1),  # open in the middle
        ([(0, 0), (1, 30)], 1),  # nothing holds day 31
    ],
)
def test_ranges_with_a_gap_or_an_overlap_are_refused_with_the_day_that_should_follow(
    ranges: list[tuple[int, int | None]], day: int
) -> None:
    with pytest.raises(RuleRefused) as refused:
        Buckets.between(ranges)
    assert f"begin on day {day}," in refused.value.way_out


def test_pauses_merge_and_end_with_the_first_resumption_in_whatever_order_they_came() -> None:
    one, other = Pauses(), Pauses()
    one.pause(10, 20)
    one.pause(18, 25)
    one.pause(40, 50)
    one.resume(45)
    other.resume(45)
    other.pause(40, 50)
    other.pause(18, 25)
    other.pause(10, 20)
    assert one.spans() == other.spans() == [(10, 25), (40, 45)]
    assert one.days_between(12, 42) == 13 + 2
    assert [one.runs_on(day) for day in (9, 10, 24, 25, 45)] == [False, True, True, False, False]


def credit(name: str, day: date) -> CreditAccount:
    return CreditAccount(
        transaction_id=name,
        value_date=day,
        recorded_at_us=NOON_US,
        account_id="A",
        amount_minor=100,
        currency="CNY",
        balance_minor=None,
        flow="trade",
    )


def recorded(ledger: Ledger, *commands: Command) -> list[Outcome]:
    sent = [Incoming(c, None, b"{}", "t", 1, NOON_US, c.transaction_id) for c in commands]
    return ledger.record(sent).outcomes


def test_a_closed_period_takes_nothing_until_it_is_reopened_and_outlives_a_restart() -> None:
    log = MemoryLog("ledger")
    ledger = Ledger(log, cached_entities=1)
    january, february = date(2024, 1, 31), date(2024, 2, 1)
    opened = OpenAccount(
        transaction_id="open",
        value_date=date(2024, 1, 1),
        recorded_at_us=NOON_US,
        account_id="A",
        borrower_id="B",
        currency="CNY",
        opening_balance_minor=0,
        overdraft_limit_minor=0,
    )
    close = ClosePeriod(transaction_id="c", value_date=january, recorded_at_us=NOON_US)
    first = recorded(
        ledger, opened, credit("T1", january), close, credit("T2", january), credit("T3", february)
    )
    assert [o.status for o in first] == ["accepted", "accepted", "accepted", "refused", "accepted"]
    assert (first[3].rule, first[3].code) == ("period_closed", "rule_refused")
    assert "2024-02-01 or later" in first[3].way_out
    again = Ledger(log, cached_entities=1)
    assert [o.rule for o in recorded(again, credit("T2", january))] == ["period_closed"]
    less = ClosePeriod(transaction_id="d", value_date=date(2024, 1, 15), recorded_at_us=NOON_US)
    reopen = ReopenPeriod(
        transaction_id="r", value_date=january, recorded_at_us=NOON_US, reason="audit"
    )
    after = recorded(again, less, reopen, credit("T2", january), credit("T4", date(2024, 1, 30)))
    assert [o.status for o in after] == ["duplicate", "accepted", "accepted", "refused"]
