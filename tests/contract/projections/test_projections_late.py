"""Late facts: whatever was late, the book ends as if everything had arrived in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ledger.dates import day_number, start_of_day_us
from ledger.events import (
    ArrearsCapitalised,
    BusinessDayClosed,
    ChargeApplied,
    InstalmentsScheduled,
    LoanDisbursed,
    LoanOpened,
    LoanStatusChanged,
    OverpaymentRefunded,
    RepaymentChargedBack,
    RepaymentReceived,
    RepaymentReversed,
)
from ledger.store import LEDGER_LOG, MemoryStore, NewFact, Recorded
from ledger.terms import Instalment, Split, Terms
from projections.facts import Close
from projections.grades import CHANGES, Grades
from projections.grading import Grading
from projections.history import History
from projections.projector import Projector
from projections.queries import Ask, Queries
from projections.rebuild import Fold
from projections.regime_file import load, shipped
from projections.regrade import regrade
from projections.views import all_views
from warning.windows import NEVER

START = date(2024, 1, 1)
DAYS = 700
DUE = 100_000


@dataclass(frozen=True)
class Told:
    """A fact, and the day on which it became known."""

    known: date
    fact: Any


def said(kind: type, on: date, /, **fields: Any) -> Any:
    moment = start_of_day_us(on)
    return kind(value_date=on, recorded_at_us=moment, **fields)


def loan_facts(loan_id: str, random: Random, *, borrower: str = "") -> list[Told]:
    """A loan of 20 monthly dues whose borrower pays late, in part, not at all, and bounces."""
    dues = [START + timedelta(days=30 * n + random.randrange(3)) for n in range(1, 21)]
    rows = tuple(
        Instalment(number=n, due_date=due, principal_minor=DUE, interest_minor=0)
        for n, due in enumerate(dues, start=1)
    )
    whole = DUE * len(dues)
    facts = [
        said(
            LoanOpened,
            START,
            loan_id=loan_id,
            borrower_id=borrower or f"B-{loan_id}",
            account_id=None,
            product="p",
            currency="CNY",
            principal_minor=whole,
            terms=Terms(method="given", instalments=len(dues)),
            officer_id="O",
            branch="HQ",
            industry="",
            region="",
            guarantor_id=None,
            transaction_id=f"{loan_id}-open",
        ),
        said(
            LoanDisbursed,
            START,
            loan_id=loan_id,
            amount_minor=whole,
            transaction_id=f"{loan_id}-out",
        ),
        said(
            InstalmentsScheduled,
            START,
            loan_id=loan_id,
            schedule_version=1,
            origin="given",
            instalments=rows,
            transaction_id=f"{loan_id}-plan",
        ),
    ]
    told = [Told(START, fact) for fact in facts]
    unpaid, stops = 0, random.randrange(2, 20)
    for number, due in enumerate(dues):
        unpaid += DUE
        if stops <= number < stops + random.randrange(8):
            continue
        on = due + timedelta(days=random.choice([0, 0, 0, 1, 5, 20]))
        amount = random.choice([unpaid, unpaid, unpaid, unpaid // 2])
        told += payment(loan_id, f"{loan_id}-p{number}", on, amount, random)
        unpaid -= amount
    if random.random() < 0.3:
        on = START + timedelta(days=random.randrange(100, 600))
        told.append(Told(on, finding(loan_id, on, random)))
    return told + changes(loan_id, Random(f"changes of {loan_id}"))


def changes(loan_id: str, random: Random) -> list[Told]:
    """What else moves dues, principal and payments of some loans."""
    made: list[tuple[type, dict[str, Any]]] = [
        (RepaymentChargedBack, {"charged_back_transaction_id": f"{loan_id}-p1"}),
        (ArrearsCapitalised, {"split": Split(principal_minor=DUE - 1, interest_minor=1)}),
        (OverpaymentRefunded, {}),
        (ChargeApplied, {"kind": "fees", "due_date": START + timedelta(days=330)}),
    ]
    told = []
    for number, (kind, fields) in enumerate(made):
        if random.random() < 0.15:
            on = START + timedelta(days=random.randrange(100, 330))
            known = {"loan_id": loan_id, "amount_minor": DUE, **fields}
            told.append(Told(on, said(kind, on, transaction_id=f"{loan_id}-x{number}", **known)))
    return told


def payment(loan_id: str, tie: str, on: date, amount: int, random: Random) -> list[Told]:
    split = Split(principal_minor=amount)
    paid = said(
        RepaymentReceived, on, loan_id=loan_id, amount_minor=amount, split=split, transaction_id=tie
    )
    if random.random() > 0.1:
        return [Told(on, paid)]
    noticed = on + timedelta(days=2)
    bounced = said(
        RepaymentReversed,
        on,
        loan_id=loan_id,
        reversed_transaction_id=tie,
        amount_minor=amount,
        split=split,
        reason="bounced",
        noticed_date=noticed,
        transaction_id=f"{tie}-back",
    )
    again = replace(paid, transaction_id=f"{tie}-again", value_date=noticed)
    return [Told(on, paid), Told(noticed, bounced), Told(noticed, again)]


def finding(loan_id: str, on: date, random: Random) -> Any:
    name = random.choice(["restructured", "misuse_of_funds", "credit_impaired"])
    return said(
        LoanStatusChanged,
        on,
        loan_id=loan_id,
        finding=name,
        active=True,
        reason="reviewed",
        transaction_id=f"{loan_id}-found",
    )


def closed_book(told: list[Told], *regimes: str) -> Fold:
    """Fold the facts in the order they became known, closing every third day of the book.

    By all regimes and with all views, or by `regimes` alone.
    """
    views = [factory() for factory in all_views(*(regimes or shipped()))]
    fold = Fold([view for view in views if not regimes or view.name == "grades"])
    for batch in batches(told):
        fold.take(LEDGER_LOG, batch)
    return fold


def batches(told: list[Told]) -> Iterator[list[Recorded]]:
    """The facts of each day in the order they became known, every third day with its close."""
    waiting = sorted(told, key=lambda item: item.known)
    position = 0
    for number in range(DAYS):
        today = START + timedelta(days=number)
        batch = []
        while waiting and waiting[0].known <= today:
            position += 1
            batch.append(Recorded(position, "loan:x", position, waiting.pop(0).fact))
        if number % 3 == 0:
            position += 1
            close = said(BusinessDayClosed, today, transaction_id=f"close-{today}")
            batch.append(Recorded(position, "calendar", position, close))
        yield batch


def delayed(told: list[Told], random: Random) -> list[Told]:
    """A third of the payments and findings become known up to four months late.

    What undoes a payment still comes behind it.
    """
    late: dict[str, date] = {}
    out = []
    for item in told:
        known = item.known
        if not isinstance(item.fact, LoanOpened | LoanDisbursed | InstalmentsScheduled):
            if random.random() < 0.33:
                known += timedelta(days=random.randrange(1, 120))
            known = min(known, START + timedelta(days=DAYS - 10))
            known = max(known, late.get(getattr(item.fact, "reversed_transaction_id", ""), known))
        late[item.fact.transaction_id] = known
        out.append(Told(known, item.fact))
    return out


@pytest.mark.parametrize("seed", range(3))
def test_grades_and_balances_end_as_if_nothing_had_been_late(seed: int) -> None:
    """In every regime, with all that it remembers of a loan's own past."""
    random = Random(seed)
    told = [item for n in range(25) for item in loan_facts(f"L{n}", random)]
    in_order, late = closed_book(told), closed_book(delayed(told, random))
    for name, grading in gradings(in_order).items():
        other = gradings(late)[name]
        for column in ("grade", "own", "clean_since", "stepped", "excused"):
            assert of_loans(late, getattr(other, column)) == of_loans(
                in_order, getattr(grading, column)
            ), (name, column)
        spread = set(of_loans(in_order, grading.grade).values())
        assert len(spread) >= (3 if name == "cn-2023" else 2), f"a telling book, not {spread}"
    for name in ("balances", "trial_balance"):
        assert rows(late, name) == rows(in_order, name)
    assert material_days(late) == material_days(in_order)


@pytest.mark.parametrize("seed", range(4))
def test_lateness_is_remembered_as_if_nothing_had_been_late(seed: int) -> None:
    random = Random(seed)
    told = [item for n in range(25) for item in loan_facts(f"L{n}", random)]
    in_order, late = marks(closed_book(told)), marks(closed_book(delayed(told, random)))
    assert late == in_order
    assert len({mark for loan in in_order.values() for mark in loan}) > 20, "a telling book"


@pytest.mark.parametrize("seed", range(3))
def test_late_and_reversed_facts_leave_every_view_equal_to_its_rebuild_and_to_the_books(
    seed: int, tmp_path: Path
) -> None:
    random = Random(seed)
    told = delayed([item for n in range(12) for item in loan_facts(f"L{n}", random)], random)
    store, path, views = MemoryStore(), tmp_path / "views.db", all_views(*shipped())
    facts = [item.fact for batch in batches(told) for item in batch]
    store.ledger.record([NewFact("all", at, fact) for at, fact in enumerate(facts, start=1)])
    projector, after = Projector.open(path, store, views=views), 0
    while found := store.ledger.read(after=after, limit=random.choice([1, 9, 120])):
        projector.project(LEDGER_LOG, found)
        after = found[-1].position
        if random.random() < 0.02:  # a restart: everything in memory is gone
            projector.close()
            projector = Projector.open(path, store, views=views)
    assert projector.check() == []
    assert all(total.holds for total in projector.rebuild("all").books)
    projector.close()
    queries = Queries.open(path)
    for back in (0, 100, 333):
        ask = Ask(as_of=START + timedelta(days=DAYS - 1 - back))
        whole = {row["gross_minor"] for row in queries.figure("par", ask).rows}
        for name in ("ageing", "concentration"):
            parts = sum(row["outstanding_minor"] for row in queries.figure(name, ask).rows)
            assert {parts} == whole
        (books,) = queries.portfolio(ask.as_of)["currencies"]
        assert {books["outstanding_minor"]} == whole
    queries.close()


def marks(fold: Fold) -> dict[str, tuple[int, int, int]]:
    """First close over 30 and over 90 days late, and how the first two payments went."""
    (view,) = [view for view in fold.views if isinstance(view, History)]
    columns = (view._marks.late_day, view._marks.default_day, view._marks.firsts)
    return {
        loan_id: (int(columns[0][row]), int(columns[1][row]), int(columns[2][row]))
        for row, loan_id in enumerate(fold.book.loan_ids)
    }


@pytest.mark.parametrize("seed", range(3))
def test_material_days_of_a_borrower_end_as_if_nothing_had_been_late(seed: int) -> None:
    """Three loans a borrower: their arrears and what they owe are added up on each day."""
    random = Random(100 + seed)
    told = [item for n in range(30) for item in loan_facts(f"L{n}", random, borrower=f"B{n // 3}")]
    in_order, late = (closed_book(one, "eba-dod") for one in (told, delayed(told, random)))
    assert material_days(late) == material_days(in_order)
    running = {day for day in material_days(in_order).values() if day != NEVER}
    assert len(running) >= 3, "a telling book has counters of several ages"


@pytest.mark.parametrize("name", shipped())
def test_a_loan_graded_anew_from_its_borrowers_facts_tells_what_the_view_told(name: str) -> None:
    """Of a book where everything arrived in order, and every payment stood; in every regime."""
    random = Random(7)
    told = [item for n in range(12) for item in loan_facts(f"L{n}", random, borrower=f"B{n // 2}")]
    told = [item for item in told if stood(item.fact, told)]
    fold = closed_book(told, name)
    (view,) = fold.views
    history = next(rows for spec, rows in view.changes(fold.book) if spec is CHANGES)
    columns = ("loan_id", "since_day", "grade_before", "grade", "rule", "dpd_days", "arrears_minor")
    places = [CHANGES.column_names.index(column) for column in columns]
    said = sorted(tuple(row[place] for place in places) for row in history)
    closes = [Close(day, 0, 0) for day in fold.book.closes]
    anew = []
    for n in range(12):
        pair = (f"L{n - n % 2}", f"L{n - n % 2 + 1}")
        facts = [
            Recorded(at, f"loan:{item.fact.loan_id}", at, item.fact)
            for at, item in enumerate(sorted(told, key=lambda item: item.known), start=1)
            if item.fact.loan_id in pair
        ]
        for row in regrade(load(name), f"L{n}", facts, closes).changes:
            numbered = {**row, "since_day": day_number(row["since_date"])}
            anew.append(tuple(numbered[column] for column in columns))
    assert sorted(anew) == said
    assert len(said) > 30


def stood(fact: Any, told: list[Told]) -> bool:
    """Whether a fact is no payment that came back, nor its coming back."""
    undone = {getattr(item.fact, "reversed_transaction_id", "") for item in told}
    return fact.transaction_id not in undone and not isinstance(fact, RepaymentReversed)


def gradings(fold: Fold) -> dict[str, Grading]:
    (view,) = [view for view in fold.views if isinstance(view, Grades)]
    return {grading.regime.name: grading for grading in view.gradings}


def of_loans(fold: Fold, column: Any) -> dict[str, Any]:
    """A column's last axis by loan id."""
    return {loan: column[..., row].tolist() for row, loan in enumerate(fold.book.loan_ids)}


def material_days(fold: Fold) -> dict[str, int]:
    material = gradings(fold)["eba-dod"].material
    assert material is not None
    return of_loans(fold, material.start)


def rows(fold: Fold, name: str) -> dict[str, list[Any]]:
    (view,) = [view for view in fold.views if view.name == name]
    return {spec.name: sorted(found) for spec, found in view.changes(fold.book)}


def test_a_book_without_late_facts_is_never_rewritten() -> None:
    """The other half of the test above: corrections come from late facts alone."""
    random = Random(9)
    told = [item for n in range(10) for item in loan_facts(f"L{n}", random)]
    quiet = [item for item in told if not isinstance(item.fact, RepaymentReversed)]
    fold = closed_book(quiet)
    (view,) = [view for view in fold.views if isinstance(view, Grades)]
    changes = next(found for spec, found in view.changes(fold.book) if spec.name == "grade_changes")
    corrected = view.tables[1].column_names.index("corrected")
    assert [change for change in changes if change[corrected]] == []
    assert day_number(START) == fold.book.closes[0]
