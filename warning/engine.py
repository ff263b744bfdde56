"""The indicator engine: facts in, indicators of every loan out, one vectorised pass a day.

It composes the books (`arrears`, `history`, `accounts`) and rolling sums, hands each fact to them
and reads `measures` through the formulas of `indicators`. What it says is a function of the set of
facts and the open day: neither the order nor the batches in which facts came can matter. Rings no
bell and keeps no warnings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import nan
from typing import Any

import numpy as np

from ledger.dates import day_number
from ledger.events import (
    LoanClosed,
    LoanLimitChanged,
    LoanOfficerChanged,
    LoanOpened,
    RepaymentReversed,
)
from warning import batch
from warning.accounts import AccountBook
from warning.arrears import ArrearsBook
from warning.books import Books
from warning.drawn import DrawnBook
from warning.dues import Cursor
from warning.earlier import READ as EARLIER
from warning.earlier import EarlierLoans
from warning.history import History, paid_of, rederive_dues, stretches_of
from warning.indicators import ACCOUNT_PAST, BORROWER_WIDE, PAST, evaluate
from warning.indicators_score import needed, scored
from warning.indicators_trading import TRADED
from warning.intake import NOT_STARTED, Handler, Intake, RecordedFact
from warning.loan_columns import LoanColumns, code_of, is_newest
from warning.measures import (
    BOUNCE_WINDOWS,
    PAID_WINDOWS,
    PART_WINDOW,
    Measures,
)
from warning.pausing import PauseBook
from warning.promises import READ as PROMISES
from warning.promises import PromiseBook
from warning.scorecard import Model
from warning.signals import SignalBook
from warning.trading import TradingBook
from warning.valuations import READ as STATED
from warning.valuations import TAKEN, Valuations
from warning.windows import BoolArray, FloatArray, IntArray, RollingSums

FactsOf = Callable[[str, int], Sequence[RecordedFact]]
"""(loan id, position) -> the facts of the loan and its account up to that position."""
AT_ONCE = 16_384
"""Rows evaluated at once: few enough that what is worked out stays in the processor's cache."""


class Engine:
    """Indicators of all loans at the open day `day`; 1970-01-01 (0) before the first `advance`.

    Rows are loans in the order in which they first appeared. `facts_of` serves `values_as_of`.
    `score` is the score in force, if any: its indicators are unknown without it.
    """

    def __init__(self, *, facts_of: FactsOf | None = None) -> None:
        self.day = NOT_STARTED
        self.score: Model | None = None
        self.officers: dict[str, int] = {}
        self.branches: dict[str, int] = {}
        self.industries: dict[str, int] = {}
        self.regions: dict[str, int] = {}
        self.currencies: dict[str, int] = {}
        self.book = ArrearsBook()
        self.accounts = AccountBook(self.currencies)
        self.history = History()
        self.trading = TradingBook()
        self.valuations = Valuations()
        self.promises, self.pauses = PromiseBook(self.book), PauseBook(self.book)
        self.columns = LoanColumns()
        self.drawn, self.signals = DrawnBook(self.book), SignalBook(self.book)
        self._facts_of = facts_of
        self.due_windows = {days: Cursor(lag=days) for days in PAID_WINDOWS}
        self._paid = RollingSums(PAID_WINDOWS)
        self._bounced = RollingSums(BOUNCE_WINDOWS)
        self._reported_due = RollingSums(PAID_WINDOWS)
        self._held_bounces: list[tuple[int, int, int]] = []
        self._held_due: list[tuple[int, int, int]] = []
        self._officer_since: dict[int, tuple[int, str]] = {}
        self.earlier = EarlierLoans(self.book, lambda row: int(self.columns.limit[row]))
        self._books = Books(
            arrears=self.book,
            history=self.history,
            accounts=self.accounts,
            columns=self.columns,
            drawn=self.drawn,
            due_windows=self.due_windows,
            paid=self._paid,
            bounced=self._bounced,
            reported_due=self._reported_due,
            trading=self.trading,
            more={
                **{name: partial(self.earlier.read, name) for name in EARLIER},
                **{name: partial(self.valuations.read, name) for name in STATED},
                **{name: partial(self.promises.read, name) for name in PROMISES},
                "spared": self.pauses.read,
                "signs": self.signals.read,
            },
        )
        self.book.on_row = self._grow
        self.book.on_dues = self._dues_replaced
        self.book.on_payments = self._paid_in
        self.book.on_drawn = self.drawn.drawn
        self.book.on_report = self._reported
        self._intake = Intake(self._handlers(), announce=self._announce)

    # What callers use

    def apply(self, recorded: Sequence[RecordedFact]) -> None:
        """Take in facts of the ledger log, in any order; those that move no indicator pass by.

        A fact counts from its value day on, a reversal once it was noticed; earlier it waits.
        """
        self._intake.take(recorded)

    def advance(self, day: int) -> None:
        """Move the open day on to `day`, over every calendar day; never back.

        The first call opens the books and takes in what waited.
        """
        if self.day == NOT_STARTED:
            self._start(day)
        while self.day < day:
            self._next_day()

    def rows(self) -> int:
        """How many loans there are."""
        return self.book.rows

    @property
    def loan_ids(self) -> list[str]:
        """Loan ids by row."""
        return self.book.loan_ids

    @property
    def borrower_ids(self) -> list[str]:
        """Borrower ids by number, as `borrower_row` uses them."""
        return self.book.borrower_ids

    def row_of(self, loan_id: str) -> int:
        """The row of a loan, or -1."""
        return self.book.row_of(loan_id)

    def borrower_row(self) -> IntArray:
        """The borrower's number of each loan; -1 when the loan was not opened yet."""
        return self.book.borrower[: self.book.rows].astype(np.int64)

    def words(self, segment: str, rows: IntArray) -> list[str]:
        """The branch, industry or region of loans."""
        codes = {"branch": self.branches, "industry": self.industries, "region": self.regions}
        known = [*codes[segment], ""]
        return [known[code] for code in getattr(self.columns, segment)[rows].tolist()]

    def open(self) -> BoolArray:
        """Which loans run at the open day."""
        return self.book.open()

    def values(self, names: Sequence[str], rows: IntArray | None = None) -> dict[str, FloatArray]:
        """The indicators `names` at the open day, of all loans or of `rows`. NaN is unknown.

        Errors: KeyError for a name that the catalogue does not have.
        """
        names = list(dict.fromkeys(names))
        asked = needed(names, self.score)
        self._flush()
        self._refresh(asked, rows)
        if rows is not None:
            return scored(names, self.score, self._evaluate(asked, rows))
        count = self.book.rows
        # One block for all columns: large enough that the system hands it out in huge pages.
        values = dict(zip(names, np.empty((len(names), count)), strict=True))
        for first in range(0, count, AT_ONCE):
            piece = slice(first, min(first + AT_ONCE, count))
            read = scored(names, self.score, self._evaluate(asked, piece))
            for name, column in read.items():
                values[name][piece] = column
        return values

    def _evaluate(self, names: Sequence[str], rows: IntArray | slice) -> dict[str, FloatArray]:
        open_now = self.book.open(rows)
        ended = (~open_now).nonzero()[0]
        told = names if self.trading.rows else [name for name in names if name not in TRADED]
        found = evaluate(told, Measures(self._books, rows).read, ended)
        if len(told) < len(names):  # Nobody invoices: all of that is unknown.
            count = len(open_now)
            found |= {name: np.full(count, np.nan) for name in names if name in TRADED}
        return found

    def values_as_of(
        self, names: Sequence[str], loan_id: str, day: int, position: int
    ) -> dict[str, float] | None:
        """One loan's indicators at an earlier day by all facts up to `position`.

        None where its facts cannot be had.
        """
        if self._facts_of is None:
            return None
        facts = self._facts_of(loan_id, position)
        if not facts:
            return None
        row = batch.loan_ids(facts).index(loan_id)
        found = batch.fold(facts, day, names)
        # Of the borrower's other loans nothing is known here.
        return {n: nan if n in BORROWER_WIDE else float(found[n][row]) for n in found}

    def nbytes(self) -> dict[str, int]:
        """Bytes held in numpy columns, by part; ids and Python objects not counted."""
        cursors = (self.book.cursor, *self.due_windows.values())
        sums = (self._paid, self._bounced, self._reported_due)
        accounts = self.accounts
        return {
            "loan columns": self.book.nbytes() + self.columns.nbytes(),
            "dues": self.book.dues.nbytes() + sum(cursor.nbytes() for cursor in cursors),
            "payments": self.book.payments.nbytes(),
            "payment windows": sum(part.nbytes() for part in sums),
            "drawn": self.drawn.nbytes(),
            "history": self.history.nbytes(),
            "trading": self.trading.nbytes(),
            "valuations": self.valuations.nbytes(),
            "account columns": accounts.nbytes(),
            "account windows": sum(part.nbytes() for part in accounts.windows()),
        }

    # Days

    def _start(self, day: int) -> None:
        self.day = self.book.day = day
        self.accounts.start(day)
        self.trading.start(day)
        self.drawn.start(day)
        for sums in (self._paid, self._bounced, self._reported_due):
            sums.start(day)
        self._intake.open_day(day)

    def _next_day(self) -> None:
        """Close the open day for good, as far as is known, and open the next calendar day."""
        self._flush()
        self._rederive(sorted(self.book.dirty))
        self.history.close_day(self.day, self.book.dpd())
        parts, flags = self.columns.parts, self.book.dues.arena.part
        rows, at = self.book.next_day()
        parts[rows] += flags[at]
        self.day = self.book.day
        for days, cursor in self.due_windows.items():
            rows, at = cursor.advance(self.book.dues, self.day)
            if days == PART_WINDOW:
                parts[rows] -= flags[at]
        for sums in (self._paid, self._bounced, self._reported_due):
            sums.advance()
        self.accounts.next_day()
        self.trading.next_day()
        self.drawn.next_day()
        self.valuations.turn(self.day)
        self._intake.open_day(self.day)

    def _flush(self) -> None:
        """Count everything that was held back for a vectorised step."""
        self.book.flush()
        self.accounts.flush()
        self.trading.flush()
        for held, sums in (
            (self._held_bounces, self._bounced),
            (self._held_due, self._reported_due),
        ):
            if held:
                rows, days, amounts = np.array(held, np.int64).T
                held.clear()
                sums.add(rows, days, amounts)

    def _refresh(self, names: Sequence[str], rows: IntArray | None) -> None:
        """Derive anew what late facts changed, as far as `names` look at the past of `rows`."""
        dirty = self.book.dirty
        if dirty and not PAST.isdisjoint(names):
            late = dirty if rows is None else dirty.intersection(rows.tolist())
            self._rederive(sorted(late))
        if not BORROWER_WIDE.isdisjoint(names):
            self.earlier.refresh()
        if self.accounts.dirty and not ACCOUNT_PAST.isdisjoint(names):
            self.accounts.refresh()

    def _rederive(self, rows: Sequence[int]) -> None:
        book, ending = self.book, self.due_windows[PART_WINDOW]
        for row in rows:
            paid = paid_of(book, row)
            rederive_dues(book, row, paid)
            end = int(book.closed_day[row])  # after its end a loan has no day counts
            stretches = stretches_of(book, row, paid)
            self.history.rederive(
                row, self.day, ((a, min(b, end), unmet) for a, b, unmet in stretches if a < end)
            )
            start = int(book.dues.start[row])
            passed = slice(start + int(ending.passed[row]), start + int(book.cursor.passed[row]))
            self.columns.parts[row] = book.dues.arena.part[passed].sum()
        book.dirty.difference_update(rows)

    # Facts

    def _handlers(self) -> dict[type, Handler]:
        return {
            **self.book.handlers,
            **self.accounts.handlers,
            **self.trading.handlers,
            **self.promises.handlers,
            **self.pauses.handlers,
            **self.signals.handlers,
            LoanOpened: self._opened,
            LoanClosed: self._closed,
            LoanOfficerChanged: self._officer_changed,
            LoanLimitChanged: self._limit_changed,
            RepaymentReversed: self._reversed,
            **dict.fromkeys(TAKEN, self._stated),
        }

    def _announce(self, fact: Any) -> None:
        loan_id = getattr(fact, "loan_id", None)
        if loan_id is not None:
            self.book.row(loan_id)

    def _grow(self, rows: int) -> None:
        sums = (self._paid, self._bounced, self._reported_due)
        for part in (self.columns, self.history, self.promises, self.drawn, *sums):
            part.grow(rows)
        for cursor in self.due_windows.values():
            cursor.grow(rows)
        self.valuations.grow(rows)

    def _dues_replaced(self, row: int, days: list[int], cums: list[int]) -> None:
        for cursor in self.due_windows.values():
            cursor.place(row, self.day, days, cums)
        self.earlier.touched(row)

    def _paid_in(self, rows: IntArray, days: IntArray, amounts: IntArray) -> None:
        self._paid.add(rows, days, amounts)
        self.earlier.paid(rows)
        self.promises.paid(rows)

    def _opened(self, fact: LoanOpened, day: int) -> None:
        row = self.book.row(fact.loan_id)
        self.book.handlers[LoanOpened](fact, day)
        columns = self.columns
        columns.limit[row] = self.drawn.agreed(row, fact.principal_minor)
        if row not in self._officer_since:
            columns.officer[row] = code_of(self.officers, fact.officer_id)
            columns.branch[row] = code_of(self.branches, fact.branch)
        columns.industry[row] = code_of(self.industries, fact.industry)
        columns.region[row] = code_of(self.regions, fact.region)
        columns.currency[row] = code_of(self.currencies, fact.currency)
        if fact.account_id is not None:
            columns.account[row] = self.accounts.row(fact.account_id)
        self.valuations.opened(row, day, fact.terms.rate_ppm, self.day)
        self.pauses.opened(row, fact.terms.grace.arrears_days)
        self.earlier.opened(row)
        self.trading.borrower(int(self.book.borrower[row]), fact.borrower_id)

    def _closed(self, fact: LoanClosed, day: int) -> None:
        self.book.handlers[LoanClosed](fact, day)
        self.earlier.touched(self.book.row(fact.loan_id))

    def _officer_changed(self, fact: LoanOfficerChanged, day: int) -> None:
        row = self.book.row(fact.loan_id)
        if is_newest(self._officer_since, row, (day, fact.transaction_id)):
            self.columns.officer[row] = code_of(self.officers, fact.officer_id)
            self.columns.branch[row] = code_of(self.branches, fact.branch)

    def _limit_changed(self, fact: LoanLimitChanged, day: int) -> None:
        row = self.book.row(fact.loan_id)
        line = day, fact.transaction_id, fact.limit_minor
        limits = self.columns.limit
        limits[row] = self.drawn.changed(row, line, int(limits[row]))
        self.earlier.touched(row)

    def _reversed(self, fact: RepaymentReversed, day: int) -> None:
        self.book.handlers[RepaymentReversed](fact, day)
        if fact.reason == "bounced":
            row = self.book.row(fact.loan_id)
            self._held_bounces.append((row, day_number(fact.noticed_date), 1))

    def _stated(self, fact: Any, _: int) -> None:
        self.valuations.take(self.book.row(fact.loan_id), fact, self.day)

    def _reported(self, row: int, day: int, due_change: int) -> None:
        self._held_due.append((row, day, due_change))
