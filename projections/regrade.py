"""Grading a borrower's loans anew from their facts: any regime, any day, as corrected.

Every fact is taken in on the day from which it counts, whenever it became known, and every business
day that was closed is judged again; a payment that did not stand never was. So the outcome is what
the grades would have been had everything arrived in order. What was said at the time stays in the
view's own history.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from ledger.dates import date_of, day_number
from ledger.events import (
    LoanClosed,
    LoanReopened,
    Recovered,
    RepaymentReceived,
    RepaymentReversed,
    RepaymentsReallocated,
    WriteOffCancelled,
)
from ledger.store import LEDGER_LOG, Recorded
from projections.book import LoanBook
from projections.facts import Close, Facts
from projections.grade_reasons import Explainer, Reason
from projections.grades import CHANGES, Grades
from projections.reading import Answer, answers
from projections.regime import Regime
from projections.regime_text import sentence
from warning.intake import effective_day


@dataclass(frozen=True, slots=True)
class Regraded:
    """One loan's grades in a regime. `asking` is everything that asks for a worse grade on `day`,
    `projected` says that no business day was closed on it."""

    regime: Regime
    loan_id: str
    day: int | None
    projected: bool
    changes: list[Answer]
    asking: list[Reason]


def regrade(
    regime: Regime,
    loan_id: str,
    facts: Iterable[Recorded],
    closes: Sequence[Close],
    *,
    as_of: date | None = None,
) -> Regraded:
    """Grade `loan_id` by `regime`, from the facts of all loans of its borrower.

    Days after the last close are judged as if nothing else happened and `as_of` were closed.
    """
    view, book = Grades(regime), LoanBook()
    last = day_number(as_of) if as_of is not None else None
    judged, projected = _judged(closes, last)
    waiting = sorted(in_order(facts), key=lambda item: (effective_day(item.fact), item.position))
    changes: list[Answer] = []
    for close in judged:
        due = [item for item in waiting if effective_day(item.fact) <= close.day]
        waiting = waiting[len(due) :]
        if due:
            run = Facts(LEDGER_LOG, due)
            book.apply(run)
            view.fold(run, book)
        book.close(close.day)
        view.closed(close, book)
        changes += _changes_of(loan_id, view, book)
    row = book.arrears.row_of(loan_id)
    asking: list[Reason] = []
    if judged and row >= 0:
        explainer = Explainer(view.gradings[0], book, view.cited(book))
        asking = [*explainer.asking(row), *explainer.reviews(row)]
        asking.sort(key=lambda reason: -reason.rank)
    day = judged[-1].day if judged else None
    return Regraded(regime, loan_id, day, projected, changes, asking)


def explained(found: Regraded) -> Answer:
    """A regrading for the outside: the grade, all that asked for one, and every change."""
    names = [grade.name for grade in found.regime.grades]
    last = found.changes[-1] if found.changes else None
    edition = found.regime.on(found.day) if found.day is not None else found.regime.latest
    return {
        "loan_id": found.loan_id,
        "regime": found.regime.name,
        "version": found.regime.version,
        "judged_date": None if found.day is None else date_of(found.day),
        "projected": found.projected,
        "grade": last["grade"] if last else None,
        "rank": last["rank"] if last else None,
        "reason": last,
        "asking": [
            {
                "rule": reason.rule,
                "asks_for": names[reason.rank],
                "text": reason.text,
                "article": reason.origin.article,
                "source": reason.origin.source,
                "mark": reason.origin.mark,
                "causes": list(reason.causes),
            }
            for reason in found.asking
        ],
        "rules": [sentence(found.regime, rule) for rule in edition.rules],
        "changes": found.changes,
    }


def in_order(facts: Iterable[Recorded]) -> Iterator[Recorded]:
    """`facts` without payments and ends that did not stand, and without what they did to others.

    What was recovered before a write-off was cancelled is a repayment of its own day.
    """
    known = list(facts)
    undone = _undone(known)
    for item in known:
        fact: Any = item.fact
        if isinstance(fact, RepaymentReversed | LoanReopened):
            continue
        if isinstance(fact, RepaymentReceived) and (item.stream, fact.transaction_id) in undone:
            continue
        if isinstance(fact, LoanClosed) and (item.stream, item.version) in undone:
            continue
        if isinstance(fact, RepaymentsReallocated):
            kept = (one for one in fact.changes if (item.stream, one.transaction_id) not in undone)
            yield item._replace(fact=replace(fact, changes=tuple(kept)))
        elif isinstance(fact, WriteOffCancelled):
            for one in fact.recovered:
                if (item.stream, one.transaction_id) not in undone:
                    yield item._replace(fact=_repaid(fact, one))
        else:
            yield item


def _undone(known: Iterable[Recorded]) -> set[tuple[str, str | int]]:
    """Streams with the payments that did not stand and the versions of ends that did not."""
    undone: set[tuple[str, str | int]] = set()
    ended: dict[str, int] = {}
    for stream, version, fact in ((item.stream, item.version, item.fact) for item in known):
        if isinstance(fact, RepaymentReversed):
            undone.add((stream, fact.reversed_transaction_id))
        elif isinstance(fact, LoanClosed):
            ended[stream] = version
        elif isinstance(fact, LoanReopened | WriteOffCancelled) and stream in ended:
            undone.add((stream, ended.pop(stream)))
    return undone


def _repaid(cancelled: WriteOffCancelled, recovered: Recovered) -> RepaymentReceived:
    return RepaymentReceived(
        loan_id=cancelled.loan_id,
        amount_minor=recovered.amount_minor,
        split=recovered.split,
        transaction_id=recovered.transaction_id,
        value_date=recovered.value_date,
        recorded_at_us=cancelled.recorded_at_us,
    )


def _judged(closes: Sequence[Close], last: int | None) -> tuple[list[Close], bool]:
    """The closes up to `last`, and a supposed one where it lies behind all of them."""
    if last is None:
        return list(closes), False
    judged = [close for close in closes if close.day <= last]
    if not closes or last <= closes[-1].day:
        return judged, False
    at = closes[-1]
    return [*judged, Close(last, at.position, at.recorded_at_us)], True


def _changes_of(loan_id: str, view: Grades, book: LoanBook) -> list[Answer]:
    rows = [row for spec, found in view.changes(book) if spec is CHANGES for row in found]
    view.committed()
    place = CHANGES.column_names.index("loan_id")
    return answers(CHANGES, [row for row in rows if row[place] == loan_id])
