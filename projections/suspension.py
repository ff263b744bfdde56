"""Pauses of loans, for regimes in whose count of days they stand still. Judges nothing."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.dates import day_number
from ledger.events import DelinquencyPaused, DelinquencyResumed
from ledger.pauses import Pauses
from projections.book import LoanBook
from projections.days import DaysLate
from projections.facts import Facts
from projections.regime import Edition
from warning.windows import IntArray


class PauseLog:
    """The pauses of all loans, by row. `late` holds rows whose pauses changed behind a close."""

    def __init__(self, first_count: int) -> None:
        self._counts = first_count
        self.late: set[int] = set()
        self._known: dict[int, Pauses] = {}

    def fold(self, facts: Facts, book: LoanBook) -> None:
        """Take in a run of facts, which `book` has taken in already."""
        for item in facts.among(DelinquencyPaused, DelinquencyResumed):
            fact, day = item.fact, day_number(item.fact.value_date)
            row = book.arrears.row_of(fact.loan_id)
            pauses = self._known.setdefault(row, Pauses())
            if isinstance(fact, DelinquencyPaused):
                pauses.pause(day, day_number(fact.until))
            else:
                pauses.resume(day)
            if book.closed_day is not None and day <= book.closed_day:
                self.late.add(row)

    def runs_on(self, row: int, day: int) -> bool:
        """Whether a loan is paused on a day."""
        return row in self._known and self._known[row].runs_on(day)

    def until(self, row: int, day: int) -> int:
        """The first day that counts again after `day`, on which the loan is paused."""
        return next(end for start, end in self._known[row].spans() if start <= day < end)

    def stood_still(self, edition: Edition, row: int, late: int, day: int) -> int:
        """How many days from the due day that makes `late` days at `day` do not count."""
        rule, pauses = edition.pauses, self._known.get(row)
        if rule is None or not rule.stands_still or pauses is None or not late:
            return 0
        return min(pauses.days_between(day - late + self._counts, day), late)

    def shorten(self, edition: Edition, late: DaysLate, day: int) -> None:
        """Take the days that do not count off all counts of all loans at a close."""
        for row in self._known if edition.pauses is not None else ():
            for counter in late:
                counter[row] -= self.stood_still(edition, row, int(counter[row]), day)

    def shorten_past(
        self, editions: list[tuple[Edition, int, int]], row: int, late: DaysLate, closes: IntArray
    ) -> None:
        """The same for one loan at its past closes."""
        if row not in self._known:
            return
        for edition, place in _places(editions):
            for counter in late:
                days = int(counter[place])
                counter[place] -= self.stood_still(edition, row, days, int(closes[place]))


def _places(editions: list[tuple[Edition, int, int]]) -> Iterator[tuple[Edition, int]]:
    for edition, start, end in editions:
        for place in range(start, end):
            yield edition, place
