"""How a borrower paid earlier loans, worked out by hand; stream and batch must agree."""

from __future__ import annotations

from datetime import date
from math import isnan
from typing import Any

import numpy as np

from ledger.dates import date_of, day_number
from ledger.events import InstalmentsScheduled, LoanClosed, LoanOpened, RepaymentReceived
from ledger.store import Recorded
from ledger.terms import Instalment, Split, Terms
from warning import batch
from warning.engine import Engine

TODAY = day_number(date(2024, 6, 30))


class Client:
    """A borrower; days are told as days ago."""

    def __init__(self) -> None:
        self.recorded: list[Recorded] = []

    def tell(self, kind: Any, ago: int, **fields: Any) -> None:
        number = len(self.recorded) + 1
        fact = kind(
            transaction_id=f"t{number}", value_date=date_of(TODAY - ago), recorded_at_us=0, **fields
        )
        self.recorded.append(Recorded(number, "s", number, fact))

    def borrows(self, loan_id: str, ago: int, due_ago: int, amount: int = 100) -> None:
        self.tell(
            LoanOpened, ago, loan_id=loan_id, borrower_id="B1", account_id=None, product="p",
            currency="CNY", principal_minor=amount, terms=Terms(method="given", instalments=1),
            officer_id="o", branch="b", industry="", region="", guarantor_id=None,
        )  # fmt: skip
        row = Instalment(
            number=1, due_date=date_of(TODAY - due_ago), principal_minor=amount, interest_minor=10
        )
        self.tell(
            InstalmentsScheduled, ago, loan_id=loan_id, schedule_version=1, origin="given",
            instalments=(row,),
        )  # fmt: skip

    def repays(self, loan_id: str, ago: int, amount: int = 110) -> None:
        split = Split(principal_minor=amount - 10, interest_minor=10)
        self.tell(RepaymentReceived, ago, loan_id=loan_id, amount_minor=amount, split=split)
        self.tell(LoanClosed, ago, loan_id=loan_id, reason="repaid", remaining=Split())

    def says(self, *names: str) -> list[float]:
        """Indicators of the last loan today."""
        engine = Engine()
        engine.apply(self.recorded)
        engine.advance(TODAY)
        row = engine.rows() - 1
        stream = engine.values(names, np.array([row]))
        folded = batch.fold(self.recorded, TODAY, names)
        assert {n: repr(v[0]) for n, v in stream.items()} == {
            n: repr(v[row]) for n, v in folded.items()
        }
        return [float(stream[name][0]) for name in names]


def test_lateness_of_earlier_loans_is_signed_and_in_the_order_of_their_ends() -> None:
    client = Client()
    client.borrows("L1", 200, due_ago=170)
    client.repays("L1", 180)  # ten days early
    client.borrows("L2", 150, due_ago=120)
    client.repays("L2", 116)  # four days late
    client.borrows("L3", 100, due_ago=70, amount=300)
    client.repays("L3", 69, amount=310)  # one day late
    client.borrows("L4", 0, due_ago=-30, amount=600)
    assert client.says("earlier_loans", "late_earlier_loans") == [3, 2]
    assert client.says("earlier_late_last_days", "earlier_late_before_days") == [1, 4]
    assert client.says("earlier_late_worst_days", "earlier_late_share_ratio") == [4, 2 / 3]
    # (-10 + 4 + 1) / 3; (0 + 4 + 1) / 3; squares 117, (3 * 117 - 25) under the root, over 3.
    assert client.says("earlier_late_mean_days", "earlier_overdue_mean_days") == [-5 / 3, 5 / 3]
    assert client.says("earlier_late_spread_days") == [np.sqrt(3 * 117 - 25) / 3]
    # Ran 20, 34 and 31 days, agreed for 30 each; ended 69 days ago; known for 200 days.
    assert client.says("earlier_duration_last_days", "earlier_held_ratio") == [31, 85 / 90]
    assert client.says("since_earlier_loan_days", "borrower_known_days") == [69, 200]
    assert client.says("limit_to_earlier_ratio", "earlier_pace_ratio") == [2, 365 * 3 / 200]
    assert client.says("planned_term_days", "planned_cost_ratio") == [30, 610 / 600 - 1]


def test_a_first_loan_knows_nothing_of_earlier_ones_and_a_running_one_is_none() -> None:
    client = Client()
    client.borrows("L1", 60, due_ago=30)
    client.borrows("L2", 0, due_ago=-30)
    assert client.says("earlier_loans", "borrower_known_days") == [0, 60]
    assert isnan(client.says("earlier_late_last_days")[0])
    assert isnan(client.says("earlier_held_ratio")[0])
