"""Every diary of the ledger, told to the views and to the watch's engine: they say what it says."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import Any

import pytest

from ledger.dates import day_number
from ledger.day import check_period
from ledger.decide import decide, evolve
from ledger.errors import LoanError
from ledger.ids import CALENDAR_STREAM
from ledger.loan import Loan
from ledger.scenario import read_diary
from ledger.store import LEDGER_LOG, Recorded
from projections.balances import LOAN_BALANCES, Balances
from projections.book import LoanBook
from projections.facts import Facts
from projections.reading import answers
from projections.register import LOANS, Register
from projections.story import fact_lines
from warning.engine import Engine

DIARIES = sorted(Path(__file__).parents[2].glob("scenarios/ledger_*.txt"))
NAMES = ["dpd_days", "arrears_minor", "outstanding_minor"]


def happened(path: Path) -> tuple[dict[str, Any], list[Recorded], int]:
    """The states and facts of a diary, and its last day."""
    states: dict[str, Any] = {}
    recorded: list[Recorded] = []
    versions: dict[str, int] = {}
    diary = read_diary(path.read_text(encoding="utf-8"), name=path.name)
    for line in diary.lines:
        if line.command is None:
            continue
        stream = line.command.stream
        try:
            facts = decide(states.get(stream), line.command)
            check_period(states.get(CALENDAR_STREAM), facts)
        except LoanError:
            continue
        for fact in facts:
            states[stream] = evolve(states.get(stream), fact)
            versions[stream] = versions.get(stream, 0) + 1
            recorded.append(Recorded(len(recorded) + 1, stream, versions[stream], fact))
    return states, recorded, day_number(diary.lines[-1].day)


@pytest.mark.parametrize("path", DIARIES, ids=lambda path: path.stem)
def test_views_and_engine_say_of_every_loan_what_the_ledger_says(path: Path) -> None:
    states, recorded, day = happened(path)
    facts, book = Facts(LEDGER_LOG, recorded), LoanBook()
    balances, register, engine = Balances(), Register(), Engine()
    book.apply(facts)
    for view in (balances, register):
        view.fold(facts, book)
    shown = {row["loan_id"]: row for row in _rows(balances, book, LOAN_BALANCES)}
    entries = {row["loan_id"]: row for row in _rows(register, book, LOANS)}
    engine.apply(recorded)
    engine.advance(day)
    values = engine.values(NAMES)
    loans = [state for state in states.values() if isinstance(state, Loan)]
    assert shown.keys() == entries.keys() == {loan.loan_id for loan in loans}
    for loan in loans:
        row, at = shown[loan.loan_id], engine.row_of(loan.loan_id)
        assert row["outstanding_minor"] == loan.outstanding_minor(day)
        assert row["paid_minor"] == loan.book.paid_until(day)
        assert row["unapplied_minor"] == loan.book.position.unapplied_minor
        assert entries[loan.loan_id]["close_reason"] == loan.closed
        assert entries[loan.loan_id]["rate_ppm"] == loan.rate_ppm
        said = [float(values[name][at]) for name in NAMES]
        held = [loan.dpd(day), loan.arrears_minor(day), loan.outstanding_minor(day)]
        for one, other in zip(said, held, strict=True):
            assert one == other or (isnan(one) and not other), (loan.loan_id, said, held)


@pytest.mark.parametrize("path", DIARIES, ids=lambda path: path.stem)
def test_every_fact_of_a_loan_is_told_in_its_story(path: Path) -> None:
    _, recorded, _ = happened(path)
    of_loans = [item for item in recorded if item.stream.startswith("loan:")]
    assert len(fact_lines(of_loans, "CNY")) == len(of_loans)


def _rows(view: Any, book: LoanBook, table: Any) -> list[dict[str, Any]]:
    changed = [rows for spec, rows in view.changes(book) if spec is table]
    return answers(table, changed[0]) if changed else []
