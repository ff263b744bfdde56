"""The close of a business day closes interest: of every loan that accrues, once a month's end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from ledger.change_commands import ClosePeriod
from ledger.closings import month_ends
from ledger.commands import (
    CloseBusinessDay,
    CloseLoan,
    Command,
    DisburseLoan,
    OpenLoan,
    ReceiveRepayment,
)
from ledger.dates import start_of_day_us
from ledger.errors import StoreBlocked
from ledger.events import AccrualBegun, InterestAccrued, MessageRefused
from ledger.service import Incoming, Ledger
from ledger.store import MemoryLog, NewFact, Recorded
from ledger.terms import Penalty, Terms

JAN_1 = date(2024, 1, 1)
ACCRUED = Terms(
    method="interest_only",
    instalments=6,
    rate_ppm=100_000,
    day_count="act/360",
    recognition="accrued",
)


def common(transaction_id: str, day: date) -> dict[str, Any]:
    at_us = start_of_day_us(day)
    return {"transaction_id": transaction_id, "value_date": day, "recorded_at_us": at_us}


def opened(loan: str, terms: Terms = ACCRUED) -> list[Command]:
    """A loan of 3600.00, paid out: 1.00 a day."""
    return [
        OpenLoan(
            loan_id=loan,
            borrower_id="B",
            account_id=None,
            product="line",
            currency="CNY",
            principal_minor=360_000,
            terms=terms,
            officer_id="O",
            branch="b",
            industry="",
            region="",
            guarantor_id=None,
            **common(f"open-{loan}", JAN_1),
        ),
        DisburseLoan(
            loan_id=loan, amount_minor=360_000, currency="CNY", **common(f"out-{loan}", JAN_1)
        ),
    ]


def closed(day: date) -> CloseBusinessDay:
    return CloseBusinessDay(**common(f"close-{day}", day))


def sent(*commands: Command) -> list[Incoming]:
    return [
        Incoming(c, None, b"{}", "t", offset, c.recorded_at_us, c.transaction_id)
        for offset, c in enumerate(commands, 1)
    ]


def accrued(recorded: Sequence[Recorded]) -> list[tuple[str, str, int]]:
    return [
        (item.stream, str(item.fact.value_date), item.fact.interest_minor)
        for item in recorded
        if isinstance(item.fact, InterestAccrued)
    ]


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog("ledger")


CASH = replace(ACCRUED, recognition="received")


def test_only_loans_that_accrue_are_closed_and_only_at_a_months_end(log: MemoryLog) -> None:
    ledger = Ledger(log)
    penal = replace(CASH, penalty=Penalty(markup_ppm=500_000))
    first = ledger.record(sent(*opened("A"), *opened("B", CASH), *opened("C", penal)))
    begun = [item.fact.loan_id for item in first.recorded if isinstance(item.fact, AccrualBegun)]
    assert begun == ["A", "C"]
    assert accrued(ledger.record(sent(closed(date(2024, 1, 30)))).recorded) == []
    january = ledger.record(sent(closed(date(2024, 1, 31))))
    assert [outcome.status for outcome in january.outcomes] == ["accepted"]
    assert accrued(january.recorded) == [
        ("loan:A", "2024-01-31", 3_100),
        ("loan:C", "2024-01-31", 0),
    ]
    assert accrued(ledger.record(sent(closed(date(2024, 2, 1)))).recorded) == []


def test_a_month_that_ended_on_a_rest_day_is_closed_with_the_next_business_day(
    log: MemoryLog,
) -> None:
    ledger = Ledger(log)
    ledger.record(sent(*opened("A"), closed(date(2024, 3, 29))))
    # 30 and 31 March are a weekend. The close of 1 April takes in the 91 days up to 31 March only.
    batch = ledger.record(sent(closed(date(2024, 4, 1))))
    assert accrued(batch.recorded) == [("loan:A", "2024-03-31", 9_100)]


def test_several_months_at_once_are_closed_one_by_one(log: MemoryLog) -> None:
    ledger = Ledger(log)
    ledger.record(sent(*opened("A"), closed(date(2024, 1, 15))))
    batch = ledger.record(sent(closed(date(2024, 3, 31))))
    assert accrued(batch.recorded) == [
        ("loan:A", "2024-01-31", 3_100),
        ("loan:A", "2024-02-29", 2_900),
        ("loan:A", "2024-03-31", 3_100),
    ]


def test_the_facts_are_the_same_whatever_the_batches_and_after_a_restart(log: MemoryLog) -> None:
    repaid = ReceiveRepayment(
        loan_id="A", amount_minor=3_100, currency="CNY", **common("pay", date(2024, 2, 1))
    )
    commands = [*opened("A"), *opened("B"), closed(date(2024, 1, 31)), repaid]
    commands.append(closed(date(2024, 2, 29)))
    at_once = MemoryLog("ledger")
    Ledger(at_once).record(sent(*commands))
    for command in commands:
        Ledger(log, cached_entities=1).record(sent(command))
    assert [item.fact for item in log.read()] == [item.fact for item in at_once.read()]
    assert [item.stream for item in log.read()] == [item.stream for item in at_once.read()]


def test_loans_that_ended_take_no_part(log: MemoryLog) -> None:
    ledger = Ledger(log)
    ended = CloseLoan(loan_id="A", reason="written_off", **common("end", date(2024, 1, 20)))
    ledger.record(sent(*opened("A"), *opened("B"), ended))
    batch = ledger.record(sent(closed(date(2024, 1, 31))))
    assert accrued(batch.recorded) == [("loan:B", "2024-01-31", 3_100)]


def test_a_closing_in_a_period_that_is_final_is_kept_as_a_refusal(log: MemoryLog) -> None:
    ledger = Ledger(log)
    final = ClosePeriod(**common("final", date(2024, 1, 31)))
    ledger.record(sent(*opened("A"), final))
    batch = ledger.record(sent(closed(date(2024, 1, 31))))
    assert [outcome.status for outcome in batch.outcomes] == ["accepted"]
    assert accrued(batch.recorded) == []
    (refused,) = [item.fact for item in batch.recorded if isinstance(item.fact, MessageRefused)]
    assert refused.transaction_id == "accrue-2024-01-31-A"
    assert "period_closed" in refused.reason
    # February is closed with what January earned.
    batch = ledger.record(sent(closed(date(2024, 2, 29))))
    assert accrued(batch.recorded) == [("loan:A", "2024-02-29", 6_000)]


class BlockedOnce(MemoryLog):
    """A log that takes nothing while `blocked`."""

    blocked = False

    def record(
        self, facts: Sequence[NewFact], *, tracking: Mapping[str, int] | None = None
    ) -> list[Recorded]:
        if self.blocked:
            raise StoreBlocked("The disk is full.")
        return super().record(facts, tracking=tracking)


def test_a_close_that_could_not_be_recorded_leaves_no_trace_in_memory() -> None:
    log = BlockedOnce("ledger")
    ledger = Ledger(log)
    ledger.record(sent(*opened("A")))
    log.blocked = True
    with pytest.raises(StoreBlocked):
        ledger.record(sent(closed(date(2024, 1, 31)), *opened("B")))
    log.blocked = False
    batch = ledger.record(sent(closed(date(2024, 1, 31))))
    assert accrued(batch.recorded) == [("loan:A", "2024-01-31", 3_100)]


def test_months_end_between_two_closes() -> None:
    leap = [date(2024, 1, 31), date(2024, 2, 29)]
    assert list(month_ends(date(2024, 1, 30), date(2024, 3, 30))) == leap
    assert list(month_ends(date(2024, 1, 31), date(2024, 2, 28))) == []
    assert list(month_ends(None, date(2024, 2, 29))) == [date(2024, 2, 29)]
    assert list(month_ends(None, date(2024, 2, 28))) == []
