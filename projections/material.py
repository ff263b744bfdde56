"""Material arrears: since when they have stood above both limits, by borrower or by loan.

The counter starts on the first day at whose end arrears are over the absolute limit and over the
share of the exposure (principal, and interest and charges due and unpaid), and from nothing once
either is not, or, where the regime says so, once nothing is past due. Judged at each close for all
loans at once; only who may count is looked at day by day. Money of different currencies is never
added up.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from ledger.dates import day_number
from ledger.events import (
    ArrearsCapitalised,
    ChargeApplied,
    InstalmentsScheduled,
    InterestAccrued,
    LoanClosed,
    LoanDisbursed,
    LoanReopened,
    OverpaymentRefunded,
    PositionReported,
    RepaymentChargedBack,
    RepaymentReceived,
    RepaymentReversed,
    RepaymentsReallocated,
    WriteOffCancelled,
)
from projections.book import LoanBook
from projections.facts import Facts
from projections.owed import Owed
from projections.regime import Edition, Kind, Materiality
from projections.unpaid import Unpaid
from warning.intake import effective_day
from warning.payments import PaymentLog
from warning.windows import NEVER, BoolArray, DayArray, Growing, IntArray


class Above(NamedTuple):
    """Arrears that count as material: of all loans that count together, minor units."""

    rule: Materiality
    arrears_minor: int
    owed_minor: int


class Material(Growing):
    """`start`: the day before the counter's first, so that it counts like an unmet due day; NEVER
    while arrears are not material. `arrears` and `owed`: of all loans that count together, where
    they are above the limits."""

    start: DayArray
    arrears: IntArray
    owed: IntArray
    latest: DayArray

    def __init__(self) -> None:
        super().__init__()
        self.add_column("start", np.int32, fill=NEVER)
        self.add_column("arrears", np.int64)
        self.add_column("owed", np.int64)
        self.add_column("latest", np.int32, fill=-1)
        self._principal = PaymentLog()
        self._unpaid = Unpaid()
        self._held = (array("q"), array("q"), array("q"))
        self._touched = (array("q"), array("q"))
        self._rows_of: dict[int, list[int]] = {}
        self._closed = 0
        self._edition_since: date | None = None

    def fold(self, facts: Facts, book: LoanBook) -> None:
        """Take in what moves what is owed, and note whose arrears may have fallen."""
        self._unpaid.fold(facts, book)
        rows, days, amounts = self._held
        touched, effective = self._touched
        row_of = book.arrears.row_of
        for kind, moves_of in _MOVING.items():
            for item in facts.of(kind):
                row = row_of(item.fact.loan_id)
                touched.append(row)
                effective.append(effective_day(item.fact))
                for day, amount in moves_of(item.fact):
                    if amount:
                        rows.append(row)
                        days.append(day_number(day))
                        amounts.append(amount)

    def welcome(self, book: LoanBook) -> None:
        """Take in new rows."""
        for row in range(self.rows, book.rows):
            self._rows_of.setdefault(int(book.arrears.borrower[row]), []).append(row)
        self.grow(book.rows)

    def together(self, book: LoanBook, rows: Sequence[int]) -> list[int]:
        """`rows` and all loans of their borrowers."""
        borrowers = {int(book.arrears.borrower[row]) for row in rows}
        return sorted(row for borrower in borrowers for row in self._rows_of[borrower])

    def above(self, edition: Edition, row: int, kind: Kind) -> Above | None:
        """The arrears above the limits that a loan counts with; None while they are not."""
        if self.start[row] == NEVER:
            return None
        rule = next(rule for rule in edition.materiality if rule.speaks_of(kind))
        return Above(rule, int(self.arrears[row]), int(self.owed[row]))

    def close(self, edition: Edition, book: LoanBook, kinds: Sequence[BoolArray]) -> None:
        """Judge all loans at the book's standing; `kinds[i]` says which the i-th rule speaks of.

        Between two closes on consecutive days a counter goes on or begins today, but for late
        facts; else who was paid or is new is looked at day by day.
        """
        day, rows = book.standing.day, self.rows
        self.settle(day)
        doubtful = np.zeros(len(book.arrears.borrower_ids), np.bool_)
        doubtful[book.arrears.borrower[book.corrected]] = True
        touched, last = self._take_touched(day), self._closed
        if day - last > 1:
            doubtful[book.arrears.borrower[touched]] = True
        if not last:
            doubtful[:] = True
        self._closed = day
        turned, self._edition_since = edition.since != self._edition_since, edition.since
        before = self.start[:rows].copy()
        self.start[:rows] = NEVER
        for rule, of_rule in zip(edition.materiality, kinds, strict=True):
            above = self._above(rule, book, np.flatnonzero(of_rule & book.standing.counted))
            if not above.rows.size:
                continue
            leads = above.rows[above.first]
            start = before[leads].astype(np.int64)
            same = before[above.rows] == np.repeat(start, above.sizes)
            walk = doubtful[book.arrears.borrower[leads]]
            walk |= ~np.logical_and.reduceat(same, above.first)
            walk |= turned and rule.until_paid
            for place in np.flatnonzero(walk).tolist():
                group = self.group_of(rule, book, int(leads[place]), of_rule)
                start[place] = self._start(rule, book, group, over=bool(above.over[place]))
            for place in np.flatnonzero((start == NEVER) & ~walk & above.over).tolist():
                start[place] = self._began(rule, book, above, place, last) - 1
            self.start[above.rows] = np.repeat(start, above.sizes)
            self.arrears[above.rows] = np.repeat(above.arrears, above.sizes)
            self.owed[above.rows] = np.repeat(above.owed, above.sizes)

    def exposure(self, book: LoanBook, rows: Sequence[int]) -> IntArray:
        """What is owed at the book's standing: principal, interest and charges due and unpaid."""
        at, day = np.array(rows, np.int64), book.standing.day
        exposure: IntArray = book.standing.outstanding[at] + self._unpaid.at(rows, day)
        exposure[book.arrears.closed_day[at] <= day] = 0
        return exposure

    def owed_by(self, book: LoanBook, row: int) -> Owed:
        """A loan's past: its arrears and exposure on any day, by what is known now."""
        principal = self._principal.by_day(int(self.latest[row])).items()
        return Owed(book, row, principal, self._unpaid.past(row))

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

    def _above(self, rule: Materiality, book: LoanBook, rows: IntArray) -> _Groups:
        """The groups of loans that count together and are above the limits now; where a count goes
        on until all is paid, all with arrears."""
        standing, borrower = book.standing, book.arrears.borrower
        late = np.zeros(len(book.arrears.borrower_ids), np.bool_)
        late[borrower[rows[standing.arrears[rows] > 0]]] = True
        rows = rows[late[borrower[rows]]]
        if not rows.size:
            return _Groups(rows, rows, rows, rows, rows, np.zeros(0, np.bool_))
        key = rows if rule.per == "loan" else borrower[rows].astype(np.int64)
        key = key * len(book.currencies.names) + book.currency[rows]
        order = np.argsort(key, kind="stable")
        rows, key = rows[order], key[order]
        first = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
        sizes = np.diff(np.append(first, len(rows)))
        arrears = np.add.reduceat(standing.arrears[rows], first)
        owed = np.add.reduceat(self.exposure(book, rows.tolist()), first)
        names = book.currencies.names
        limits = np.array([rule.absolute.get(name, 0) for name in names], np.int64)
        over = (arrears > limits[book.currency[rows[first]]]) & (
            arrears * 100 > owed * rule.over_percent
        )
        kept = arrears > 0 if rule.until_paid else over
        rows, sizes = rows[np.repeat(kept, sizes)], sizes[kept]
        starts = np.cumsum(sizes) - sizes
        return _Groups(rows, starts, sizes, arrears[kept], owed[kept], over[kept])

    def _began(
        self, rule: Materiality, book: LoanBook, above: _Groups, place: int, last: int
    ) -> int:
        """The first day after the close of `last` above the limits: only dues moved since."""
        day, first = book.standing.day, int(above.first[place])
        at = above.rows[first : first + int(above.sizes[place])]
        rows, principal = at.tolist(), int(book.standing.outstanding[at].sum())
        currency = book.currencies.names[int(book.currency[rows[0]])]
        dues = [(int(book.standing.arrears[row]), *book.arrears.dues.of(row)) for row in rows]
        for earlier in range(last + 1, day):
            arrears = sum(max(now - _due(days, cums, earlier, day), 0) for now, days, cums in dues)
            owed = principal + int(self._unpaid.at(rows, earlier).sum())
            if rule.exceeded(arrears, owed, currency):
                return earlier
        return day

    def _start(self, rule: Materiality, book: LoanBook, group: Sequence[int], *, over: bool) -> int:
        """`start` of a group from its past; `over`: it is above the limits now."""
        today = book.standing.day
        spans = self._spans(rule, book, group)
        if spans and spans[-1][1] == today + 1:
            return spans[-1][0] - 1
        return today - 1 if over else NEVER

    def _spans(
        self, rule: Materiality, book: LoanBook, group: Sequence[int]
    ) -> list[tuple[int, int]]:
        """Stretches of days [first, end) that count, up to the close that is judged."""
        past = [self.owed_by(book, row) for row in group]
        last = book.standing.day
        days = sorted({day for owed in past for day in owed.days if day <= last})
        ends = [*days[1:], last + 1] if days else []
        currency = book.currencies.names[int(book.currency[group[0]])]
        spans: list[tuple[int, int]] = []
        for day, end in zip(days, ends, strict=True):
            sums = [owed.at(day) for owed in past]
            late, whole = sum(one for one, _ in sums), sum(one for _, one in sums)
            goes_on = bool(spans) and spans[-1][1] == day
            held = goes_on and rule.until_paid and late > 0
            if not held and not rule.exceeded(late, whole, currency):
                continue
            if goes_on:
                spans[-1] = (spans[-1][0], end)
            else:
                spans.append((day, end))
        return spans

    def settle(self, day: int) -> None:
        """Take in what moved until the close of `day`: the exposure then stands at its end."""
        self._unpaid.close(day, self.rows)
        rows, days, amounts = (np.array(held, np.int64) for held in self._held)
        self._held = (array("q"), array("q"), array("q"))
        if rows.size:
            self._principal.append(self.latest, rows, days, amounts)

    def _take_touched(self, day: int) -> IntArray:
        """The rows whose arrears may have fallen by the end of `day`, since the last close."""
        rows, days = (np.array(held, np.int64) for held in self._touched)
        later = days > day
        self._touched = (array("q", rows[later].tolist()), array("q", days[later].tolist()))
        return rows[~later]


class _Groups(NamedTuple):
    """Loans that count together: their rows, group by group, and where each group begins."""

    rows: IntArray
    first: IntArray
    sizes: IntArray
    arrears: IntArray
    owed: IntArray
    over: BoolArray


def _due(days: list[int], cums: list[int], start: int, end: int) -> int:
    """What falls due on days [start, end)."""
    before, after = bisect_left(days, start), bisect_left(days, end)
    return (cums[after - 1] if after else 0) - (cums[before - 1] if before else 0)


Moves = list[tuple[date, int]]
"""What a fact adds to the principal, and on which days."""


def _paid(fact: Any) -> Moves:
    return [(fact.value_date, -fact.split.principal_minor)]


def _taken_back(fact: RepaymentReversed) -> Moves:
    return [(fact.value_date, fact.split.principal_minor)]


def _drawn(fact: Any) -> Moves:
    return [(fact.value_date, fact.amount_minor)]


def _capitalised(fact: ArrearsCapitalised) -> Moves:
    return _drawn(fact) + _paid(fact)


def _reallocated(fact: RepaymentsReallocated) -> Moves:
    more = sum(one.split.principal_minor - one.before.principal_minor for one in fact.changes)
    return [(fact.value_date, -more)]


def _write_off_cancelled(fact: WriteOffCancelled) -> Moves:
    return [move for recovered in fact.recovered for move in _paid(recovered)]


def _still(_: Any) -> Moves:
    return []


_MOVING: dict[type, Callable[[Any], Moves]] = {
    RepaymentReceived: _paid,
    RepaymentReversed: _taken_back,
    RepaymentsReallocated: _reallocated,
    RepaymentChargedBack: _drawn,
    ArrearsCapitalised: _capitalised,
    OverpaymentRefunded: _still,
    LoanDisbursed: _drawn,
    InstalmentsScheduled: _still,
    ChargeApplied: _still,
    InterestAccrued: _still,
    PositionReported: _still,
    LoanClosed: _still,
    LoanReopened: _still,
    WriteOffCancelled: _write_off_cancelled,
}
"""Facts that may put arrears back below a limit or move the past, and what each adds."""
