"""The integer measures behind the indicators, read from the engine's books at the open day.

Each measure is one int64 column; UNKNOWN where it is not known. `batch` comes by the same measures
from the definitions alone, without any of this.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from warning.arrears import OWN, REPORTED_WITHOUT_MONTHS
from warning.books import Books, places
from warning.dues import UNMET
from warning.history import KEPT, LEVELS, MONTHS
from warning.measures_account import ACCOUNT, AccountMeasures
from warning.once import once
from warning.trading import Trades
from warning.windows import NEVER, UNKNOWN, BoolArray, IntArray, month_of

PAID_WINDOWS = (30, 90, 180, 360)
BOUNCE_WINDOWS = (30, 90)
PART_WINDOW = 360
TREND_DUES = 3
"""Lateness compares so many due days with as many before them."""
FIRST_PAYMENT_DAYS = 30


class Measures(AccountMeasures):
    """Reads measures of some rows; what several of them need is worked out once.

    `rows` is an index array, or a slice with both ends. The books must be up to date.
    """

    def __init__(self, books: Books, rows: IntArray | slice) -> None:
        super().__init__(books, rows)
        self._book = books.arrears

    def read(self, name: str) -> IntArray:
        """The measure `name`; (days, rows), t first, where it is told by day.

        Errors: KeyError for a name there is not.
        """
        own = _READ.get(name)
        if own is not None:
            return own(self)
        more = self._books.more.get(name)
        return more(self.rows) if more is not None else self._trades.read(name)

    # What several measures need

    @once
    def dpd(self) -> IntArray:
        """Days past due, 0 where nothing is known."""
        return self._book.dpd(self.rows)

    @once
    def _trades(self) -> Trades:
        """What the loans' borrowers invoice."""
        return self._books.trading.of(self._book.borrower[self.rows].astype(np.int64))

    @once
    def _own(self) -> BoolArray:
        own: BoolArray = self._book.source[self.rows] == OWN
        return own

    @once
    def _unknown(self) -> IntArray:
        """Places at which nothing is known that falls due."""
        book = self._book
        known: BoolArray = np.where(
            self._own,
            book.dues.length[self.rows] > 0,
            book.source[self.rows] != REPORTED_WITHOUT_MONTHS,
        )
        return places(~known)

    @once
    def _start(self) -> IntArray:
        return self._book.dues.start[self.rows]

    @once
    def _passed(self) -> IntArray:
        """Number of due days before t."""
        return self._book.cursor.passed[self.rows].astype(np.int64)

    @once
    def _due_today(self) -> IntArray:
        """Places with a due day at t."""
        return places(self._book.cursor.day[self.rows] == self._book.day)

    def _if_due(self, measure: IntArray) -> IntArray:
        measure[self._unknown] = UNKNOWN
        return measure

    # Dues and payments

    def days_past_due(self) -> IntArray:
        """As the indicator dpd_days."""
        return self._if_due(self.dpd.copy())

    def unmet_day(self) -> IntArray:
        """The oldest due day not met in full, t when none before t is; unknown as reported."""
        days = self._if_due(self._book.day - self.dpd)
        days[~self._own] = UNKNOWN
        return days

    def arrears(self) -> IntArray:
        """As the indicator arrears_minor."""
        owed = self._if_due(self._book.arrears(self.rows))
        reported = places(~self._own)
        if reported.size:
            unstated = self._book.reported_arrears[self.rows][reported] == UNKNOWN
            owed[reported[unstated]] = UNKNOWN
        return owed

    @once
    def _next(self) -> tuple[IntArray, BoolArray]:
        """Arena places of the first unmet due day on or after t, and whether there is one."""
        book = self._book
        at = np.maximum(self._passed, book.unmet_at[self.rows])
        there: BoolArray = (at < book.dues.length[self.rows]) & self._own
        return self._start + at, there

    def next_instalment(self) -> IntArray:
        """As the indicator next_instalment_minor."""
        place, there = self._next
        dues = self._book.dues
        before = np.where(place > self._start, dues.cum_at(place - 1), 0)
        amount = dues.cum_at(place) - np.maximum(before, self._book.paid[self.rows])
        return np.where(there, amount, UNKNOWN)

    def next_due(self) -> IntArray:
        """As the indicator next_due_in_days."""
        place, there = self._next
        days = self._book.dues.day_at(place).astype(np.int64) - self._book.day
        return np.where(there, days, UNKNOWN)

    def paid(self, days: int) -> IntArray:
        """What was paid in (t-days, t], reversals taken off."""
        return self._books.paid.total(days, self.rows)

    def due(self, days: int) -> IntArray:
        """What fell due in (t-days, t]."""
        book, rows, today = self._book, self.rows, self._due_today
        before = book.cursor.before[rows]
        due: IntArray = before - self._books.due_windows[days].before[rows]
        if today.size:
            due[today] += book.dues.cum_at((self._start + self._passed)[today]) - before[today]
        reported = places(~self._own)
        if reported.size:
            due[reported] = self._books.reported_due.total(days, rows)[reported]
        return due

    def partial(self) -> IntArray:
        """As the indicator partial_payments_360d."""
        parts = self._books.columns.parts[self.rows].astype(np.int64)
        today = self._due_today
        if today.size:
            parts[today] += self._book.part_paid(_rows_at(self.rows, today))
        return self._if_due(parts)

    def lateness(self, skip: int) -> IntArray:
        """Days of lateness, added up over TREND_DUES due days before t, less the last `skip`."""
        arena, day = self._book.dues.arena, self._book.day
        enough = places((self._passed >= 2 * TREND_DUES) & self._own)
        last = (self._start + self._passed)[enough] - 1 - skip
        total = np.zeros(len(enough), np.int64)
        for back in range(TREND_DUES):
            late = arena.late[last - back]
            unmet = places(late == UNMET)
            total += late
            if unmet.size:
                total[unmet] += day - arena.day[last[unmet] - back] - UNMET
        found = np.full(len(self._passed), UNKNOWN, np.int64)
        found[enough] = total
        return found

    def payment_default(self, number: int) -> IntArray:
        """As the indicators first_payment_default and second_payment_default."""
        book = self._book
        first = book.first_days[number - 1, self.rows]
        there = places((first != NEVER) & self._own)
        first, place = first[there], self._start[there]
        # Charges and earlier instalments may fall due before it.
        while (earlier := book.dues.day_at(place) < first).any():
            place = place + earlier
        late = book.dues.arena.late.take(place, mode="clip")
        over = np.where(book.day - first >= FIRST_PAYMENT_DAYS, 1, UNKNOWN)
        found = np.full(len(self._own), UNKNOWN, np.int64)
        found[there] = np.where(late == UNMET, over, late > FIRST_PAYMENT_DAYS)
        return found

    def bounced(self, days: int) -> IntArray:
        """As the indicators bounced_debits."""
        books = self._books
        own = books.bounced.total(days, self.rows)
        returned = books.accounts.returned.total(days, self._account)
        returned[books.columns.account[self.rows] < 0] = 0
        return np.maximum(own, returned)

    # History

    def times(self, level: int, months: int) -> IntArray:
        """As the indicators times_plus."""
        history, day = self._books.history, self._book.day
        return self._if_due(history.times(level, months, day, self.dpd, self.rows))

    def worst(self) -> IntArray:
        """As the indicator worst_dpd_12m_days."""
        return self._if_due(self._books.history.worst_dpd(self.dpd, self.rows))

    def months_late(self, level: int) -> IntArray:
        """As the indicators months_plus."""
        history, day = self._books.history, self._book.day
        return self._if_due(history.months_late(level, day, self.dpd, self.rows))

    def months_since_late(self) -> IntArray:
        """As the indicator months_since_30plus."""
        day = self._book.day
        last = self._books.history.last_day_30(day, self.dpd, self.rows)
        found = np.full(len(last), UNKNOWN, np.int64)
        was = places(last != NEVER)
        if was.size:
            days, at = np.unique(last[was], return_inverse=True)
            months = np.array([month_of(known) for known in days.tolist()], np.int64)
            found[was] = month_of(day) - months[at]
        return found

    # Exposure

    def outstanding(self) -> IntArray:
        """As the indicator outstanding_minor."""
        return self._book.outstanding(self.rows)

    @once
    def _days(self) -> tuple[IntArray, IntArray]:
        """(days, rows): outstanding principal, and the line, t first."""
        rows, books = self.rows, self._books
        chosen = np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows
        return books.drawn.days(chosen, books.columns.limit[rows])

    def limit(self) -> IntArray:
        """The agreed amount or line."""
        return self._books.columns.limit[self.rows]

    def planned(self, *, term: bool) -> IntArray:
        """Days from the opening to the last due day, or all that falls due."""
        book = self._book
        last = self._start + book.dues.length[self.rows] - 1
        if term:
            found = book.dues.day_at(last).astype(np.int64) - book.opened_day[self.rows]
        else:
            found = book.dues.cum_at(last)
        return np.where(book.dues.length[self.rows] > 0, found, UNKNOWN)

    def today(self) -> IntArray:
        """The open day."""
        return np.full(len(self._start), self._book.day, np.int64)

    def age(self) -> IntArray:
        """As the indicator loan_age_days."""
        age: IntArray = self._book.day - self._book.opened_day[self.rows].astype(np.int64)
        return age


def _rows_at(rows: IntArray | slice, at: IntArray) -> IntArray:
    return at + rows.start if isinstance(rows, slice) else rows[at]


_READ: dict[str, Callable[[Measures], IntArray]] = {
    **ACCOUNT,
    "unmet_day": Measures.unmet_day,
    "dpd": Measures.days_past_due,
    "arrears": Measures.arrears,
    "next_instalment": Measures.next_instalment,
    "next_due": Measures.next_due,
    **{f"paid_{days}d": partial(Measures.paid, days=days) for days in PAID_WINDOWS},
    **{f"due_{days}d": partial(Measures.due, days=days) for days in PAID_WINDOWS},
    "partial": Measures.partial,
    "late_recent": lambda of: of.lateness(0),
    "late_before": lambda of: of.lateness(TREND_DUES),
    "instalment_default_1": lambda of: of.payment_default(1),
    "instalment_default_2": lambda of: of.payment_default(2),
    "bounced_30d": lambda of: of.bounced(30),
    "bounced_90d": lambda of: of.bounced(90),
    **{
        f"times_{months}m_{level}": partial(Measures.times, level=level, months=months)
        for months in (MONTHS, KEPT)
        for level in LEVELS
    },
    **{f"months_late_{level}": partial(Measures.months_late, level=level) for level in LEVELS},
    "planned_term": lambda of: of.planned(term=True),
    "planned_due": lambda of: of.planned(term=False),
    "worst_dpd": Measures.worst,
    "months_since_late": Measures.months_since_late,
    "outstanding": Measures.outstanding,
    "limit": Measures.limit,
    "drawn": lambda of: of._days[0],
    "lines": lambda of: of._days[1],
    "age": Measures.age,
    "today": Measures.today,
}
