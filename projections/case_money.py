"""What a close finds out about cases from their loans: standing, money that came in, promises kept.

Reads the book at a close, when all that was recorded before is in it. Keeps no rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from ledger.dates import day_number
from ledger.events import (
    OverpaymentRefunded,
    RecoveryReceived,
    RecoveryReversed,
    RepaymentChargedBack,
    RepaymentReceived,
    RepaymentReversed,
)
from projections.book import LoanBook
from projections.case_state import Case
from warning.buckets import bucket

PAYING = (
    *(RepaymentReceived, RepaymentReversed, RepaymentChargedBack, OverpaymentRefunded),
    *(RecoveryReceived, RecoveryReversed),
)
"""Facts that change what came in on a loan."""


class CaseMoney:
    """Recoveries after write-offs, which the arrears book does not have, and readings of both."""

    def __init__(self) -> None:
        self._recovered: defaultdict[str, dict[int, int]] = defaultdict(dict)

    def note(self, fact: Any) -> None:
        """Take in a recovery, or one that did not stand; other payments are in the book."""
        if type(fact) in (RecoveryReceived, RecoveryReversed):
            sign = 1 if type(fact) is RecoveryReceived else -1
            known, day = self._recovered[fact.loan_id], day_number(fact.value_date)
            known[day] = known.get(day, 0) + sign * fact.amount_minor

    def came_in(self, loan_id: str, book: LoanBook) -> dict[int, int]:
        """What was paid on a loan on each value day; what was taken back is off its day."""
        row = book.arrears.row_of(loan_id)
        paid = book.arrears.payments.by_day(int(book.arrears.latest_payment[row]))
        for day, amount in self._recovered.get(loan_id, {}).items():
            paid[day] = paid.get(day, 0) + amount
        return paid

    def in_case(self, case: Case, book: LoanBook) -> dict[int, int]:
        """What came in on a case's loans, in its currency, from its opening to its closing."""
        found: defaultdict[int, int] = defaultdict(int)
        for loan_id in case.loans:
            if _currency(book, loan_id) == case.currency:
                for day, amount in self.came_in(loan_id, book).items():
                    if case.opened_day <= day <= (case.closed_day or day):
                        found[day] += amount
        return found


def _currency(book: LoanBook, loan_id: str) -> str:
    return book.currencies.names[int(book.currency[book.arrears.row_of(loan_id)])]


def stand(cases: Sequence[Case], day: int, book: LoanBook) -> list[Case]:
    """Let each case know how its loans stand at the close of `day`; those that were paid on.

    One pass over the columns. Amounts are those of loans in the case's currency; the worst days
    past due are of all its loans.
    """
    if not cases:
        return []
    standing = book.standing
    sizes = [len(case.loans) for case in cases]
    starts = np.cumsum([0, *sizes])[:-1]
    rows = [book.arrears.row_of(loan_id) for case in cases for loan_id in case.loans]
    at = np.array(rows, np.int64)
    own = np.repeat([book.currencies.of(case.currency) for case in cases], sizes)
    same = book.currency[at] == own
    dpd = np.where(standing.counted[at], standing.dpd[at], 0)
    worst = np.maximum.reduceat(dpd, starts)
    arrears = np.add.reduceat(
        np.where(standing.counted[at] & same, standing.arrears[at], 0), starts
    )
    outstanding = np.add.reduceat(np.where(same, standing.outstanding[at], 0), starts)
    paid = np.add.reduceat(book.arrears.paid[at], starts).tolist()
    columns = (worst.tolist(), bucket(worst).tolist(), arrears.tolist(), outstanding.tolist())
    moved = []
    for case, seen, late, number, owed, left in zip(cases, paid, *columns, strict=True):
        case.stand(day, dpd=late, bucket=number, arrears=owed, outstanding=left)
        if case.paid_seen != seen:
            case.paid_seen = seen
            moved.append(case)
    return moved


def stood_at(case: Case, day: int, book: LoanBook) -> None:
    """Let a new case know how its loans stood at the last close: where it begins."""
    standing = book.standing
    rows = [book.arrears.row_of(loan_id) for loan_id in case.loans]
    own = book.currencies.of(case.currency)
    known = np.array([row for row in rows if row < len(standing.dpd)], np.int64)
    known = known[standing.counted[known]] if known.size else known
    if known.size:
        same = known[book.currency[known] == own]
        dpd = int(standing.dpd[known].max())
        case.bucket_at_open = int(bucket(np.array([dpd]))[0])
        case.stand(
            day,
            dpd=dpd,
            bucket=case.bucket_at_open,
            arrears=int(standing.arrears[same].sum()),
            outstanding=int(standing.outstanding[same].sum()),
        )
