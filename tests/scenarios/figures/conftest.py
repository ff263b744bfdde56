"""Four loans and three warnings that a person can follow by hand; closed every calendar day.

Each loan: 400.00 CNY paid out on 2024-01-02, four dues of 100.00 principal on 02-01, 03-01, 04-01
and 05-01, no interest. L1 pays every due on its day. L2 pays the first on 02-11, then nothing. L3
pays nothing until 05-20, then all 400.00. L4, of branch B2, pays 400.00 on 01-10 and is closed as
repaid on 03-10. Day counts: 2024-02 has 29 days.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.dates import start_of_day_us
from ledger.events import (
    BusinessDayClosed,
    InstalmentsScheduled,
    LoanClosed,
    LoanDisbursed,
    LoanOpened,
    RepaymentReceived,
    WarningAcknowledged,
    WarningRaised,
    WarningResolved,
    WarningWithdrawn,
)
from ledger.store import MemoryStore, NewFact
from ledger.terms import Instalment, Split, Terms
from projections.projector import Projector
from projections.queries import Queries

Telling = Callable[..., Any]
Views = Callable[..., Queries]
OPENED = date(2024, 1, 2)
LAST = date(2024, 6, 30)
DUES = [date(2024, month, 1) for month in (2, 3, 4, 5)]
LOANS = {"L1": "B1", "L2": "B1", "L3": "B1", "L4": "B2"}
PAID = {
    "L1": [(due, 10_000) for due in DUES],
    "L2": [(date(2024, 2, 11), 10_000)],
    "L3": [(date(2024, 5, 20), 40_000)],
    "L4": [(date(2024, 1, 10), 40_000)],
}


def fact(kind: type, on: date, **fields: Any) -> Any:
    return kind(value_date=on, recorded_at_us=start_of_day_us(on) + 1, **fields)


def opening(loan_id: str, branch: str) -> list[Any]:
    rows = tuple(
        Instalment(number=n, due_date=due, principal_minor=10_000, interest_minor=0)
        for n, due in enumerate(DUES, start=1)
    )
    return [
        fact(
            LoanOpened,
            OPENED,
            loan_id=loan_id,
            borrower_id=f"borrower-{loan_id}",
            account_id=None,
            product="term",
            currency="CNY",
            principal_minor=40_000,
            terms=Terms(method="given", instalments=4),
            officer_id=f"{branch}-officer",
            branch=branch,
            industry="retail" if loan_id == "L3" else "mining",
            region="east",
            guarantor_id=None,
            transaction_id=f"{loan_id}-open",
        ),
        fact(
            InstalmentsScheduled,
            OPENED,
            loan_id=loan_id,
            schedule_version=1,
            origin="given",
            instalments=rows,
            transaction_id=f"{loan_id}-plan",
        ),
        fact(
            LoanDisbursed,
            OPENED,
            loan_id=loan_id,
            amount_minor=40_000,
            transaction_id=f"{loan_id}-out",
        ),
    ]


def paying(loan_id: str, on: date, amount: int) -> Any:
    return fact(
        RepaymentReceived,
        on,
        loan_id=loan_id,
        amount_minor=amount,
        split=Split(principal_minor=amount),
        transaction_id=f"{loan_id}-{on}",
    )


def ledger_facts(more: Sequence[Any] = ()) -> list[Any]:
    """The facts of the book, with `more` each before the close of its day."""
    found = [each for loan_id, branch in LOANS.items() for each in opening(loan_id, branch)]
    on = OPENED
    while on <= LAST:
        for loan_id, payments in PAID.items():
            found += [paying(loan_id, on, amount) for day, amount in payments if day == on]
        found += [each for each in more if each.value_date == on]
        if on == date(2024, 3, 10):
            ended = {"reason": "repaid", "remaining": Split(), "transaction_id": "L4-end"}
            found.append(fact(LoanClosed, on, loan_id="L4", **ended))
        found.append(fact(BusinessDayClosed, on, transaction_id=f"close-{on}"))
        on += timedelta(days=1)
    return found


def ringing(warning_id: str, loan_id: str, on: date) -> Any:
    return fact(
        WarningRaised,
        on,
        warning_id=warning_id,
        loan_id=loan_id,
        borrower_id=f"borrower-{loan_id}",
        officer_id="B1-officer",
        rule="late",
        pack="p@1",
        severity="yellow",
        episode=1,
        reason=f"{loan_id} is late.",
        readings=(),
        cause_event_ids=(),
        inhibited_by=None,
        ledger_position=1,
    )


def warning_facts() -> list[Any]:
    """W3 rings on L3 and is acknowledged; W1 on L1 is resolved; W2 on L2 is withdrawn."""
    told = {"ledger_position": 1}
    return [
        ringing("W3", "L3", date(2024, 3, 1)),
        fact(
            WarningAcknowledged,
            date(2024, 3, 5),
            warning_id="W3",
            loan_id="L3",
            actor="li",
            note="called",
            **told,
        ),
        ringing("W1", "L1", date(2024, 3, 10)),
        fact(
            WarningResolved,
            date(2024, 3, 20),
            warning_id="W1",
            loan_id="L1",
            reason="paid",
            readings=(),
            **told,
        ),
        ringing("W2", "L2", date(2024, 4, 5)),
        fact(
            WarningWithdrawn,
            date(2024, 4, 6),
            warning_id="W2",
            loan_id="L2",
            reason="late fact",
            cause_event_ids=(),
            **told,
        ),
    ]


def streamed(facts: list[Any], stream: str) -> list[NewFact]:
    return [NewFact(stream, version, each) for version, each in enumerate(facts, start=1)]


@pytest.fixture(scope="module")
def views_of(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Views]:
    """The views of the four loans with the facts given: of warnings, and `more` of loans."""
    made: list[Queries] = []

    def views(warnings: Sequence[Any], *, more: Sequence[Any] = ()) -> Queries:
        store = MemoryStore()
        store.ledger.record(streamed(ledger_facts(more), "all"))
        store.warnings.record(streamed(list(warnings), "all"))
        path: Path = tmp_path_factory.mktemp("figures") / "views.db"
        projector = Projector.open(path, store)
        projector.catch_up()
        projector.close()
        made.append(Queries.open(path, store))
        return made[-1]

    yield views
    for each in made:
        each.close()


@pytest.fixture(scope="module")
def queries(views_of: Views) -> Queries:
    """The views of the book above."""
    return views_of(warning_facts())


@pytest.fixture(scope="session")
def telling() -> Telling:
    """A fact of the warnings log: `telling(kind, warning_id, loan_id, on, ...)`."""

    def told(kind: type, warning_id: str, loan_id: str, on: date, **fields: Any) -> Any:
        if kind is WarningRaised:
            return replace(ringing(warning_id, loan_id, on), **fields)
        names = {"warning_id": warning_id, "loan_id": loan_id, "ledger_position": 1}
        return fact(kind, on, **names, **fields)

    return told
