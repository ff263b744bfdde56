"""Grades that people set: which of them stands on a loan on a day. Judges nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ledger.dates import day_number
from ledger.events import LoanGradeOverridden, LoanGradeOverrideEnded
from ledger.store import Recorded
from projections.book import LoanBook
from projections.facts import Facts
from projections.regime import Regime, RegimeError


class Override(NamedTuple):
    """A grade set by two people, or `lifted`; ordered by value day, then transaction id."""

    day: int
    tie: str
    lifted: bool
    rank: int
    until: int
    text: str
    event_id: str


class OverrideLog:
    """All overrides of one regime, by row."""

    def __init__(self, regime: Regime) -> None:
        self._regime = regime
        self._known: dict[int, list[Override]] = {}
        self.standing: dict[int, Override] = {}
        """Those that stand at the close that is judged."""

    @property
    def any(self) -> bool:
        """Whether there ever was one."""
        return bool(self._known)

    def fold(self, facts: Facts, book: LoanBook) -> None:
        """Take in facts. Errors: RegimeError for a grade that the regime does not have."""
        for kind in (LoanGradeOverridden, LoanGradeOverrideEnded):
            for item in facts.of(kind):
                if item.fact.regime == self._regime.name:
                    known = self._known.setdefault(book.arrears.row_of(item.fact.loan_id), [])
                    known.append(self._override(item))
                    known.sort(key=lambda one: one[:2])

    def close(self, day: int, ended: Iterable[int]) -> None:
        """Say which stand at the end of `day`, but not on loans that ended."""
        over = set(ended)
        self.standing = {}
        for row, known in self._known.items():
            newest = [one for one in known if one.day <= day][-1:]
            for one in newest:
                if not one.lifted and day <= one.until and row not in over:
                    self.standing[row] = one

    def _override(self, item: Recorded) -> Override:
        fact = item.fact
        day = day_number(fact.value_date)
        if isinstance(fact, LoanGradeOverrideEnded):
            return Override(day, fact.transaction_id, True, 0, 0, "", item.event_id)
        rank = self._regime.ranks.get(fact.grade)
        if rank is None:
            raise RegimeError(
                f"{item.event_id} sets the grade {fact.grade!r}, which {self._regime.name} does "
                "not have.",
                way_out=f"Keep the names of grades that were used; {self._regime.name} has "
                f"{', '.join(self._regime.ranks)}.",
            )
        text = (
            f"Set by {fact.requested_by}, approved by {fact.approved_by}, until {fact.until}: "
            f"{fact.reason}"
        )
        until = day_number(fact.until)
        return Override(day, fact.transaction_id, False, rank, until, text, item.event_id)
