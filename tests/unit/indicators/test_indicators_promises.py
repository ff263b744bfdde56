"""Promises to pay as indicators: broken in 90 and 365 days, the kept share, and what is unknown."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from ledger.events import EvasionSignalNoted, PromiseCancelled, PromiseMade, PromisePart
from ledger.store import Recorded
from warning.causes import RecentFacts

SAID = {"borrower_id": "B1", "case_id": "K1", "by": "U1", "loan_id": "L1"}
NAMES = ("promises_broken_90d", "promises_broken_365d", "promises_kept_ratio")


def promise(bank: Any, day: str, name: str, *parts: tuple[str, int], **more: Any) -> None:
    fields: dict[str, Any] = {"tolerance_days": 0, "tolerance_bps": 0, "currency": "CNY"}
    made = tuple(
        PromisePart(due_date=date.fromisoformat(due), amount_minor=amount) for due, amount in parts
    )
    bank.tell(PromiseMade, day, promise_id=name, parts=made, **(SAID | fields | more))


def values(bank: Any, day: str) -> tuple[float | None, ...]:
    return tuple(bank.at(day, name) for name in NAMES)


def later(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def test_without_a_promise_all_is_unknown_and_while_one_is_open_the_share_is(bank: Any) -> None:
    bank.opens("2024-01-01")
    assert values(bank, "2024-01-10") == (None, None, None)
    promise(bank, "2024-01-10", "P1", ("2024-01-20", 100))
    assert values(bank, "2024-01-10") == (0, 0, None)


def test_a_promise_breaks_on_the_day_after_its_last_one_and_leaves_the_windows(bank: Any) -> None:
    # Last day 22 January with two days of tolerance. Broken on the 23rd; (t-90, t] holds the 23rd
    # up to 21 April (89 days later), (t-365, t] up to 364 days later.
    bank.opens("2024-01-01")
    promise(bank, "2024-01-10", "P1", ("2024-01-20", 100), tolerance_days=2)
    bank.pays("2024-01-15", 99)
    assert values(bank, "2024-01-22") == (0, 0, None)
    assert values(bank, "2024-01-23") == (1, 1, 0)
    assert values(bank, later("2024-01-23", 89)) == (1, 1, 0)
    assert values(bank, later("2024-01-23", 90)) == (0, 1, 0)
    assert values(bank, later("2024-01-23", 364)) == (0, 1, 0)
    assert values(bank, later("2024-01-23", 365)) == (0, 0, None)


def test_a_late_payment_keeps_it_after_all_and_its_reversal_breaks_it(bank: Any) -> None:
    bank.opens("2024-01-01")
    promise(bank, "2024-01-10", "P1", ("2024-01-20", 100))
    assert values(bank, "2024-01-25") == (1, 1, 0)
    paid = bank.pays("2024-01-19", 100)
    assert values(bank, "2024-01-25") == (0, 0, 1)
    bank.reverses(paid, noticed="2024-01-27", amount=100, day="2024-01-19")
    assert values(bank, "2024-01-26") == (0, 0, 1)
    assert values(bank, "2024-01-27") == (1, 1, 0)


def test_of_a_plan_each_part_has_its_day_and_the_share_counts_whole_promises(bank: Any) -> None:
    # P1: 50 by the 15th and 60 more by the 25th, ten percent tolerated: 45, then 99. P2 is not
    # paid. P3 is cancelled on its day and does not count.
    bank.opens("2024-01-01")
    promise(bank, "2024-01-10", "P1", ("2024-01-15", 50), ("2024-01-25", 60), tolerance_bps=1_000)
    bank.pays("2024-01-15", 45)
    assert values(bank, "2024-01-20") == (0, 0, None)
    bank.pays("2024-01-25", 54)
    assert values(bank, "2024-01-25") == (0, 0, 1)
    promise(bank, "2024-02-01", "P2", ("2024-02-10", 100))
    assert values(bank, "2024-02-11") == (1, 1, 0.5)
    promise(bank, "2024-02-12", "P3", ("2024-02-20", 100))
    bank.tell(PromiseCancelled, "2024-02-20", promise_id="P3", reason="anew", **SAID)
    assert values(bank, "2024-03-01") == (1, 1, 0.5)


def test_the_facts_behind_a_broken_promise_are_the_promise_and_the_payments(bank: Any) -> None:
    bank.opens("2024-01-01")
    promise(bank, "2024-01-10", "P1", ("2024-01-20", 100))
    bank.pays("2024-01-15", 99)
    opened, made, paid = [item.fact for item in bank.recorded]
    recent = RecentFacts()
    recent.note(
        [
            Recorded(1, "loan:L1", 1, opened),
            Recorded(2, "collection:B1", 2, made),
            Recorded(3, "loan:L1", 2, paid),
        ]
    )

    def behind(name: str) -> tuple[str, ...]:
        return recent.behind([name], loan_id="L1", account_id=None, borrower_id="B1", first=[])

    assert behind("promises_broken_90d") == ("loan:L1@2", "collection:B1@2")
    assert behind("dpd_days") == ("loan:L1@2",)


def test_signs_of_evasion_are_kinds_noted_of_the_borrower(bank: Any) -> None:
    bank.opens("2024-01-01", account_id=None)
    case = {"borrower_id": "B1", "case_id": "K1", "by": "u", "reference": "", "remark": ""}
    assert bank.at("2024-01-02", "evasion_signs_365d") is None
    for day, sign in (
        ("2024-01-03", "unreachable"),
        ("2024-01-05", "unreachable"),
        ("2024-01-05", "accounts_emptied"),
    ):
        bank.tell(EvasionSignalNoted, day, signal_id=day + sign, signal=sign, **case)
    other = case | {"borrower_id": "B2"}
    bank.tell(EvasionSignalNoted, "2024-01-04", signal_id="s", signal="sham_merger", **other)
    assert bank.at("2024-01-03", "evasion_signs_365d") == 1
    assert bank.at("2024-01-05", "evasion_signs_365d") == 2
    # (t-365, t] holds 5 January 2024 until 3 January 2025 (2024 had 366 days).
    assert bank.at("2025-01-03", "evasion_signs_365d") == 2
    assert bank.at("2025-01-04", "evasion_signs_365d") == 0
    # Learnt late: a false document of 1 February 2024.
    bank.tell(EvasionSignalNoted, "2024-02-01", signal_id="f", signal="false_documents", **case)
    assert bank.at("2025-01-04", "evasion_signs_365d") == 1
