"""The integer measures behind the indicators, read from the engine's books at the open day.

Each measure is one int64 column; UNKNOWN where it is not known. `batch` comes by the same measures
from the definitions alone, without any of this.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from warning.accounts import AccountBook
from warning.arrears import OWN, REPORTED_WITHOUT_MONTHS, ArrearsBook
from warning.dues import UNMET, Cursor
from warning.history import LEVELS, History
from warning.windows import NEVER, UNKNOWN, BoolArray, Growing, IntArray, RollingSums, month_of

PAID_WINDOWS = (30, 90, 180, 360)
BOUNCE_WINDOWS = (30, 90)
PART_WINDOW = 360
TREND_DUES = 3
"""Lateness compares so many due days with as many before them."""
FIRST_PAYMENT_DAYS = 30


class LoanColumns(Growing):
    """What the engine keeps for a loan beside its dues: line, officer, account, names by code."""

    limit: IntArray
    account: IntArray
    currency: IntArray
    officer: IntArray
    branch: IntArray
    industry: IntArray
    region: IntArray
    parts: IntArray

    def __init__(self) -> None:
        super().__init__()
        self.add_column("limit", np.int64)
        self.add_column("parts", np.int32)
        for name in ("account", "officer", "branch", "industry", "region"):
            self.add_column(name, np.int32, fill=-1)
        self.add_column("currency", np.int16, fill=-1)


class Measures:
    """Reads measures for `rows`, which may be a slice of all; books must be up to date."""

    def __init__(
        self,
        *,
        book: ArrearsBook,
        history: History,
        accounts: AccountBook,
        columns: LoanColumns,
        due_windows: dict[int, Cursor],
        paid: RollingSums,
        bounced: RollingSums,
        reported_due: RollingSums,
        refresh: Callable[[IntArray], None],
    ) -> None:
        self._refresh = refresh
        self._book, self._history, self._accounts = book, history, accounts
        self._columns, self._due_windows = columns, due_windows
        self._paid, self._bounced, self._reported_due = paid, bounced, reported_due
        self._all: dict[str, Callable[[IntArray], IntArray]] = {
            "dpd": lambda rows: self._if_due(rows, book.dpd(rows)),
            "arrears": self._arrears,
            "next_instalment": lambda rows: self._next(rows)[0],
            "next_due": lambda rows: self._next(rows)[1],
            "balance": lambda rows: self._account(rows, accounts.closing),
            "balance_same_currency": self._balance_same_currency,
            "partial": self._partial,
            "late_recent": lambda rows: self._lateness(rows, 0),
            "late_before": lambda rows: self._lateness(rows, TREND_DUES),
            "first_payment": self._first_payment,
            "worst_dpd": self._worst,
            "months_since_late": self._months_since_late,
            "inflow_recent": lambda rows: self._inflow(rows, recent=True),
            "inflow_before": lambda rows: self._inflow(rows, recent=False),
            "held_recent": lambda rows: self._held(rows, recent=True),
            "held_before": lambda rows: self._held(rows, recent=False),
            "lowest_balance": lambda rows: self._account(rows, accounts.lowest),
            "overdraft_days": lambda rows: self._days_below(rows, limit=False),
            "over_limit_days": lambda rows: self._days_below(rows, limit=True),
            "quiet": self._quiet,
            "outstanding": book.outstanding,
            "limit": lambda rows: columns.limit[rows],
            "age": lambda rows: (book.day - book.opened_day[rows]).astype(np.int64),
        }
        for days in PAID_WINDOWS:
            self._all[f"paid_{days}d"] = partial(paid.total, days)
            self._all[f"due_{days}d"] = partial(self._due, days)
        for days in BOUNCE_WINDOWS:
            self._all[f"bounced_{days}d"] = partial(self._bounces, days)
        for level in LEVELS:
            self._all[f"times_{level}"] = partial(self._times, level)

    def read(self, name: str, rows: IntArray) -> IntArray:
        """The measure `name` of `rows`. Errors: KeyError for a name there is not."""
        return self._all[name](rows)

    # Dues and payments

    def _known(self, rows: IntArray) -> BoolArray:
        """Whether anything is known that falls due."""
        book = self._book
        source = book.source[rows]
        known: BoolArray = np.where(
            source == OWN, book.dues.length[rows] > 0, source != REPORTED_WITHOUT_MONTHS
        )
        return known

    def _if_due(self, rows: IntArray, measure: IntArray) -> IntArray:
        measure[~self._known(rows)] = UNKNOWN
        return measure

    def _arrears(self, rows: IntArray) -> IntArray:
        owed = self._if_due(rows, self._book.arrears(rows))
        book = self._book
        unstated = (book.source[rows] != OWN) & (book.reported_arrears[rows] == UNKNOWN)
        owed[unstated] = UNKNOWN
        return owed

    def _next(self, rows: IntArray) -> tuple[IntArray, IntArray]:
        """Unpaid part of the next unmet due day on or after t, and days until it."""
        book = self._book
        passed = book.cursor.passed[rows]
        at = np.maximum(passed, book.unmet_at[rows])
        there = (at < book.dues.length[rows]) & (book.source[rows] == OWN)
        place = book.dues.start[rows] + at
        before = np.where(at > 0, book.dues.cum_at(place - 1), 0)
        amount = book.dues.cum_at(place) - np.maximum(before, book.paid[rows])
        days = book.dues.day_at(place).astype(np.int64) - book.day
        return np.where(there, amount, UNKNOWN), np.where(there, days, UNKNOWN)

    def _due(self, days: int, rows: IntArray) -> IntArray:
        """What fell due in (t-days, t]."""
        book = self._book
        before = book.cursor.before[rows]
        today = np.flatnonzero(book.cursor.day[rows] == book.day)
        due = before - self._due_windows[days].before[rows]
        if today.size:
            place = book.dues.start[rows][today] + book.cursor.passed[rows][today]
            due[today] += book.dues.cum_at(place) - before[today]
        reported = np.flatnonzero(book.source[rows] != OWN)
        if reported.size:
            due[reported] = self._reported_due.total(days, rows)[reported]
        return due

    def _partial(self, rows: IntArray) -> IntArray:
        self._refresh(rows)
        book = self._book
        parts = self._columns.parts[rows].astype(np.int64)
        today = np.flatnonzero(book.cursor.day[rows] == book.day)
        if today.size:
            parts[today] += book.part_paid(rows[today])
        return self._if_due(rows, parts)

    def _lateness(self, rows: IntArray, skip: int) -> IntArray:
        """Days of lateness, added up over TREND_DUES due days before t, `skip` the latest."""
        self._refresh(rows)
        book = self._book
        total = np.zeros(len(rows), np.int64)
        passed = book.cursor.passed[rows]
        last = book.dues.start[rows] + passed - 1 - skip
        for back in range(TREND_DUES):
            late = book.dues.arena.late.take(last - back, mode="clip")
            since = book.day - book.dues.day_at(last - back)
            total += np.where(late == UNMET, since, late)
        total[passed < 2 * TREND_DUES] = UNKNOWN
        total[book.source[rows] != OWN] = UNKNOWN
        return total

    def _first_payment(self, rows: IntArray) -> IntArray:
        self._refresh(rows)
        book = self._book
        first = book.first_day[rows]
        found = np.full(len(rows), UNKNOWN, np.int64)
        there = np.flatnonzero((first != NEVER) & (book.source[rows] == OWN))
        place = book.dues.start[rows[there]].copy()
        for _ in range(int(book.dues.length[rows[there]].max(initial=0))):
            behind = book.dues.day_at(place) < first[there]
            if not behind.any():
                break
            place += behind
        late = book.dues.arena.late.take(place, mode="clip")
        over = book.day - first[there] >= FIRST_PAYMENT_DAYS
        found[there] = np.where(
            late == UNMET, np.where(over, 1, UNKNOWN), late > FIRST_PAYMENT_DAYS
        )
        return found

    # History

    def _worst(self, rows: IntArray) -> IntArray:
        self._refresh(rows)
        return self._if_due(rows, self._history.worst_dpd(self._book.dpd(rows), rows))

    def _times(self, level: int, rows: IntArray) -> IntArray:
        self._refresh(rows)
        dpd = self._book.dpd(rows)
        return self._if_due(rows, self._history.times(level, self._book.day, dpd, rows))

    def _months_since_late(self, rows: IntArray) -> IntArray:
        self._refresh(rows)
        day = self._book.day
        last = self._history.last_day_30(day, self._book.dpd(rows), rows)
        found = np.full(len(rows), UNKNOWN, np.int64)
        was = np.flatnonzero(last != NEVER)
        months, at = np.unique(last[was], return_inverse=True)
        month = np.array([month_of(known) for known in months.tolist()], np.int64)
        found[was] = month_of(day) - month[at]
        return found

    def _bounces(self, days: int, rows: IntArray) -> IntArray:
        own = self._bounced.total(days, rows)
        account = self._columns.account[rows]
        returned = self._accounts.returned.total(days, np.maximum(account, 0))
        return np.where(account >= 0, np.maximum(own, returned), own)

    # Accounts

    def _account(self, rows: IntArray, measure: Callable[[IntArray], IntArray]) -> IntArray:
        """A measure of each loan's account; UNKNOWN where no open account is known."""
        account = self._columns.account[rows]
        at = np.maximum(account, 0)
        opened = self._accounts.opened_day[at] <= self._accounts.day
        return np.where((account >= 0) & opened, measure(at), UNKNOWN)

    def _balance_same_currency(self, rows: IntArray) -> IntArray:
        account = np.maximum(self._columns.account[rows], 0)
        same = self._accounts.currency[account] == self._columns.currency[rows]
        return np.where(same, self._account(rows, self._accounts.closing), UNKNOWN)

    def _inflow(self, rows: IntArray, *, recent: bool) -> IntArray:
        turnover = self._accounts.turnover

        def measure(at: IntArray) -> IntArray:
            if recent:
                return turnover.total(30, at)
            return turnover.total(120, at) - turnover.total(30, at)

        return self._known_for(120, rows, self._account(rows, measure))

    def _held(self, rows: IntArray, *, recent: bool) -> IntArray:
        sums = self._account(rows, lambda at: self._accounts.held_sums(at)[0 if recent else 1])
        return self._known_for(120, rows, sums)

    def _known_for(self, window: int, rows: IntArray, measure: IntArray) -> IntArray:
        account = np.maximum(self._columns.account[rows], 0)
        measure[~self._accounts.known_for(window, account)] = UNKNOWN
        return measure

    def _days_below(self, rows: IntArray, *, limit: bool) -> IntArray:
        return self._account(rows, lambda at: self._accounts.days_below(90, at, limit=limit))

    def _quiet(self, rows: IntArray) -> IntArray:
        accounts = self._accounts

        def measure(at: IntArray) -> IntArray:
            since = np.maximum(accounts.last_move[at], accounts.opened_day[at])
            return accounts.day - since.astype(np.int64)

        return self._account(rows, measure)
