"""What a borrower owes, to grades and to the ledger: one definition, held by every diary."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.arrears import exposure_minor
from ledger.decide import state_of
from ledger.events import RepaymentsReallocated
from ledger.loan import Loan
from ledger.store import LEDGER_LOG, MemoryStore
from projections.book import LoanBook
from projections.facts import Close, runs
from projections.material import Material

from .test_views_of_diaries import DIARIES, told

LENDING = [path for path in DIARIES if " open " in path.read_text(encoding="utf-8")]


def stood(store: MemoryStore) -> tuple[LoanBook, Material]:
    """The book and its material arrears at the last close."""
    book, material = LoanBook(), Material()
    for run in runs(LEDGER_LOG, store.ledger.read(limit=10**6)):
        if isinstance(run, Close):
            book.close(run.day)
            material.welcome(book)
            material.settle(book.standing.day)
        else:
            book.apply(run)
            material.fold(run, book)
    return book, material


@pytest.mark.parametrize("path", LENDING, ids=lambda path: path.stem)
def test_grades_and_ledger_mean_the_same_by_exposure_on_every_day(path: Path) -> None:
    """Where payments were reallocated, today only: how they were split in between is not kept."""
    store = told(path)
    book, material = stood(store)
    last, compared = book.standing.day, 0
    for row, loan_id in enumerate(book.loan_ids):
        facts = [item.fact for item in store.ledger.stream(f"loan:{loan_id}")]
        loan = state_of(facts)
        assert isinstance(loan, Loan)
        owed = material.owed_by(book, row)
        known_at_once = not any(isinstance(fact, RepaymentsReallocated) for fact in facts)
        days = [last, *(day for day in owed.days if day <= last and known_at_once)]
        known = [exposure_minor(loan, day) for day in days]
        assert [owed.at(day)[1] for day in days] == known, loan_id
        assert [owed.at(day)[0] for day in days] == [loan.arrears_minor(d) for d in days], loan_id
        assert material.exposure(book, [row]).tolist() == [known[0]], loan_id
        compared += len(days)
    assert compared
