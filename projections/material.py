"""Material arrears: since when they have stood above both limits, by borrower or by loan.

The counter starts on the first day at whose end arrears are over the absolute limit and over the
share of what is owed, and from nothing once either is not. Judged at each close for all loans at
once; only who is above the limits is looked at day by day. Money of different currencies is never
added up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ledger.dates import day_number
from ledger.events import (
    InstalmentsScheduled,
    LoanClosed,
    LoanDisbursed,
    PositionReported,
    RepaymentReceived,
    RepaymentReversed,
    RepaymentsReallocated,
)
from projections.book import LoanBook
from projections.facts import Facts
from projections.owed import Owed, PrincipalLog
from projections.regime import Edition, Materiality
from warning.intake import effective_day
from warning.windows import NEVER, BoolArray, DayArray, Growing, IntArray

_MOVING = (
    RepaymentReceived,
    RepaymentReversed,
    RepaymentsReallocated,
    LoanDisbursed,
    InstalmentsScheduled,
    PositionReported,
    LoanClosed,
)
"""Facts that may put arrears back below a limit."""


class Above(NamedTuple):
    """Arrears above the limits: of all loans that count together, minor units."""

    rule: Materiality
    arrears_minor: int
    owed_minor: int
    currency: int


class Material(Growing):
    """`start`: the day before the counter's first, so that it counts like an unmet due day; NEVER
    while arrears are not material."""

    start: DayArray

    def __init__(self) -> None:
        super().__init__()
        self.add_column("start", np.int32, fill=NEVER)
        self.above: dict[int, Above] = {}
        """Rows whose arrears are above the limits at this close."""
        self._principal = PrincipalLog()
        self._touched: dict[int, set[int]] = {}
        self._rows_of: dict[int, list[int]] = {}

    def fold(self, facts: Facts, book: LoanBook) -> None:
        """Take in what moves principal, and note whose arrears may have fallen."""
        for kind in _MOVING:
            for item in facts.of(kind):
                row = book.arrears.row_of(item.fact.loan_id)
                self._touched.setdefault(effective_day(item.fact), set()).add(row)
                amount = _principal(item.fact)
                if amount:
                    self._principal.add(row, day_number(item.fact.value_date), amount)

    def welcome(self, book: LoanBook) -> None:
        """Take in new rows."""
        for row in range(self.rows, book.rows):
            self._rows_of.setdefault(int(book.arrears.borrower[row]), []).append(row)
        self.grow(book.rows)

    def together(self, book: LoanBook, rows: Sequence[int]) -> list[int]:
        """`rows` and all loans of their borrowers."""
        borrowers = {int(book.arrears.borrower[row]) for row in rows}
        return sorted(row for borrower in borrowers for row in self._rows_of[borrower])

    def close(self, edition: Edition, book: LoanBook, kinds: Sequence[BoolArray]) -> None:
        """Judge all loans at the book's standing; `kinds[i]` says which the i-th rule speaks of."""
        standing, self.above = book.standing, {}
        touched = self._take_touched(standing.day) | set(book.corrected)
        before = self.start[: self.rows].copy()
        self.start[: self.rows] = NEVER
        for rule, of_rule in zip(edition.materiality, kinds, strict=True):
            for group in self._groups_above(rule, book, np.flatnonzero(of_rule & standing.counted)):
                known = self.group_of(rule, book, int(group[0]), of_rule)
                start = int(before[group[0]])
                if start == NEVER or (before[group] != start).any() or touched & set(known):
                    start = self._first_day(rule, book, known) - 1
                self.start[group] = start

    def path(
        self, rule: Materiality, book: LoanBook, group: Sequence[int], closes: IntArray
    ) -> IntArray:
        """`start` at each of the past `closes`, by what is known now."""
        found = np.full(len(closes), NEVER, np.int64)
        for first, end in self._spans(rule, book, group):
            found[np.searchsorted(closes, first) : np.searchsorted(closes, end)] = first - 1
        return found

    def group_of(self, rule: Materiality, book: LoanBook, row: int, kinds: BoolArray) -> list[int]:
        """The loans that count together with `row`, ended ones too; `kinds` as for `close`."""
        if rule.per == "loan":
            return [row]
        same = self._rows_of[int(book.arrears.borrower[row])]
        return [one for one in same if kinds[one] and book.currency[one] == book.currency[row]]

    def _groups_above(
        self, rule: Materiality, book: LoanBook, rows: IntArray
    ) -> Iterator[IntArray]:
        """Loans that count together and are above the limits now."""
        standing, arrears = book.standing, book.arrears
        borrowers = arrears.borrower[rows]
        late = np.zeros(len(arrears.borrower_ids), np.bool_)
        late[borrowers[standing.arrears[rows] > 0]] = True
        rows = rows[late[borrowers]]
        if not rows.size:
            return
        key = rows if rule.per == "loan" else arrears.borrower[rows].astype(np.int64)
        key = key * len(book.currencies.names) + book.currency[rows]
        order = np.argsort(key, kind="stable")
        rows, key = rows[order], key[order]
        first = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
        owed = np.add.reduceat(standing.arrears[rows], first)
        whole = np.add.reduceat(standing.outstanding[rows], first)
        ends = [*first[1:].tolist(), len(rows)]
        for place in np.flatnonzero(owed * 100 > whole * rule.over_percent).tolist():
            group = rows[first[place] : ends[place]]
            currency = int(book.currency[group[0]])
            if owed[place] > rule.absolute.get(book.currencies.names[currency], 0):
                above = Above(rule, int(owed[place]), int(whole[place]), currency)
                self.above.update(dict.fromkeys(group.tolist(), above))
                yield group

    def _first_day(self, rule: Materiality, book: LoanBook, group: Sequence[int]) -> int:
        """Since when, without a day between, the group has been above the limits."""
        today = book.standing.day
        spans = self._spans(rule, book, group)
        return spans[-1][0] if spans and spans[-1][1] == today + 1 else today

    def _spans(
        self, rule: Materiality, book: LoanBook, group: Sequence[int]
    ) -> list[tuple[int, int]]:
        """Stretches of days [first, end) above both limits, up to the close that is judged."""
        past = [Owed(book, row, self._principal.of(row)) for row in group]
        last = book.standing.day
        days = sorted({day for owed in past for day in owed.days if day <= last})
        limit = rule.absolute.get(book.currencies.names[int(book.currency[group[0]])], 0)
        spans: list[tuple[int, int]] = []
        for day, end in zip(days, [*days[1:], last + 1], strict=True):
            sums = [owed.at(day) for owed in past]
            late, whole = sum(one for one, _ in sums), sum(one for _, one in sums)
            if late <= limit or late * 100 <= whole * rule.over_percent:
                continue
            if spans and spans[-1][1] == day:
                spans[-1] = (spans[-1][0], end)
            else:
                spans.append((day, end))
        return spans

    def _take_touched(self, day: int) -> set[int]:
        reached = [known for known in self._touched if known <= day]
        return set().union(*(self._touched.pop(known) for known in reached))


def _principal(fact: object) -> int:
    """What a fact adds to the principal outstanding."""
    if isinstance(fact, LoanDisbursed):
        return fact.amount_minor
    if isinstance(fact, RepaymentReceived):
        return -fact.split.principal_minor
    if isinstance(fact, RepaymentReversed):
        return fact.split.principal_minor
    if isinstance(fact, RepaymentsReallocated):
        return -sum(c.split.principal_minor - c.before.principal_minor for c in fact.changes)
    return 0
