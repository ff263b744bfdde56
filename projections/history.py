"""The history of the portfolio: what each loan was at every close, as known at that close.

Partitioned by day. A day holds, column by column, only the loans whose value differs from the day
before; the first close of each calendar month holds all of them, so that any day is at most a month
of small steps away. A loan is a row, numbered as the ledger first named it, for ever. All portfolio
figures as of a day, by any attribute, are read from here (`snapshot`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ledger.events import LoanClosed, LoanOfficerChanged, LoanOpened
from projections.base import Change, Close, Facts, View
from projections.book import LoanBook
from projections.marks import Marks
from projections.packing import pack, pack_rows
from projections.tables import Row, TableSpec, integer, packed, words
from projections.words import Codes
from warning.windows import NEVER, DayArray, Growing, IntArray, month_of

BAND_ENDS = (0, 1, 30, 60, 90, 180, 270, 360)
"""Last day of each band of days past due: the buckets of `ageing`, day 1 by itself for PAR 1."""
STATES = ("unknown", "open", "repaid", "refinanced", "written_off", "cancelled")
"""What a loan can be: not in the portfolio yet, in it, or ended, and how."""
PARTS = {
    "state": 0,
    "band": 0,
    "outstanding": 0,
    "arrears": 0,
    "branch": -1,
    "officer": -1,
    "late_day": NEVER,
    "late_minor": 0,
    "default_day": NEVER,
    "firsts": 0,
}
"""The columns of the history, each with the value of a loan that nothing was said of yet.

`band` counts the BAND_ENDS that the days past due exceed; amounts are minor units; `branch` and
`officer` are numbers of HISTORY_WORDS; the rest is from `marks`.
"""

HISTORY = TableSpec(
    "history",
    (
        integer("closed_day"),
        words("part"),
        integer("whole"),
        integer("changes"),
        packed("loan_rows"),
        packed("numbers"),
    ),
    key=2,
)
HISTORY_LOANS = TableSpec("history_loans", (integer("loan_row"), words("loan_id")))
HISTORY_WORDS = TableSpec("history_words", (integer("code"), words("word")))


class History(View):
    """The view `history`."""

    name = "history"
    schema_version = 1
    tables = (HISTORY, HISTORY_LOANS, HISTORY_WORDS)

    def __init__(self) -> None:
        self._marks = Marks()
        self._people = _People()
        self._shown = _Shown()
        self._month = 0
        self._known = 0
        self._new: list[Row] = []
        self._loans: list[Row] = []

    def fold(self, facts: Facts, book: LoanBook) -> None:
        self._loans += ((row, book.loan_ids[row]) for row in range(self._known, book.rows))
        self._known = book.rows
        self._people.fold(facts, book)
        self._shown.grow(book.rows)
        for item in facts.of(LoanClosed):
            row = book.arrears.row_of(item.fact.loan_id)
            self._shown.ending[row] = STATES.index(item.fact.reason)
        self._marks.fold(facts, book)

    def closed(self, close: Close, book: LoanBook) -> None:
        self._marks.close(book)
        now = self._now(close.day, book)
        month = month_of(close.day)
        whole, self._month = month != self._month, month
        for part, values in now.items():
            before = getattr(self._shown, part)
            if whole:
                rows = np.arange(book.rows)
                packed_rows = b""
            else:
                rows = np.flatnonzero(before[: book.rows] != values)
                packed_rows = pack_rows(rows)
            if whole or rows.size or part == "state":  # so that every close is there
                numbers = pack(values[rows])
                line = (close.day, part, int(whole), len(rows), packed_rows, numbers)
                self._new.append(line)
                before[: book.rows] = values

    def changes(self, book: LoanBook) -> Iterator[Change]:
        if self._loans:
            yield HISTORY_LOANS, self._loans
        if self._people.new_names:
            yield HISTORY_WORDS, self._people.new_names
        if self._new:
            yield HISTORY, self._new

    def committed(self) -> None:
        self._new, self._loans, self._people.new_names = [], [], []

    def _now(self, day: int, book: LoanBook) -> dict[str, IntArray]:
        """Every column at this close, in the order of PARTS."""
        standing, marks, people = book.standing, self._marks, self._people
        open_now = standing.counted
        over = book.arrears.closed_day[: book.rows] <= day
        state = np.where(over, self._shown.ending[: book.rows], open_now)
        columns = {
            "state": state,
            "band": np.where(open_now, np.searchsorted(BAND_ENDS, standing.dpd), 0),
            "outstanding": np.where(open_now, standing.outstanding, 0),
            "arrears": np.where(open_now, standing.arrears, 0),
            "branch": people.branch,
            "officer": people.officer,
            "late_day": marks.late_day,
            "late_minor": marks.late_minor,
            "default_day": marks.default_day,
            "firsts": marks.firsts,
        }
        return {part: column[: book.rows].astype(np.int64) for part, column in columns.items()}


class _Shown(Growing):
    """What the history last said of each loan, and how it ended or will have."""

    ending: IntArray

    def __init__(self) -> None:
        super().__init__()
        for part, fill in PARTS.items():
            self.add_column(part, np.int64, fill=fill)
        self.add_column("ending", np.int64)


class _People(Growing):
    """Who answers for each loan, by what is known: of two changes the one valued later counts."""

    branch: DayArray
    officer: DayArray

    def __init__(self) -> None:
        super().__init__()
        self.add_column("branch", np.int32, fill=-1)
        self.add_column("officer", np.int32, fill=-1)
        self.new_names: list[Row] = []
        self._names = Codes()
        self._marks: dict[int, tuple[object, str]] = {}

    def fold(self, facts: Facts, book: LoanBook) -> None:
        """Take in a run of facts, which `book` has taken in already."""
        self.grow(book.rows)
        for item in facts.of(LoanOpened):
            row = book.arrears.row_of(item.fact.loan_id)
            if row not in self._marks:
                self._put(row, item.fact)
        for item in facts.of(LoanOfficerChanged):
            fact, row = item.fact, book.arrears.row_of(item.fact.loan_id)
            mark = (fact.value_date, fact.transaction_id)
            if mark >= self._marks.get(row, mark):
                self._marks[row] = mark
                self._put(row, fact)

    def _put(self, row: int, fact: LoanOpened | LoanOfficerChanged) -> None:
        self.branch[row] = self._code(fact.branch)
        self.officer[row] = self._code(fact.officer_id)

    def _code(self, name: str) -> int:
        known = len(self._names.names)
        code = self._names.of(name)
        if code == known:
            self.new_names.append((code, name))
        return code
