"""The batch fold's view of a loan's principal and line, on any day: straight from the facts."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from ledger.dates import day_number
from ledger.events import (
    ArrearsCapitalised,
    LoanDisbursed,
    LoanLimitChanged,
    RepaymentChargedBack,
    RepaymentReceived,
    RepaymentReversed,
    RepaymentsReallocated,
)
from warning.batch_account import only, table, total
from warning.windows import UNKNOWN, IntArray


class OfLine:
    """The measures of a loan that are made of what was drawn and agreed."""

    day: int
    facts: list[Any]
    opened: Any
    recovered: list[Any]
    reported: bool
    reports: list[Any]

    @cached_property
    def _principal(self) -> IntArray:
        """(day, amount): lent, less repaid."""
        lent = only(self.facts, LoanDisbursed, ArrearsCapitalised, RepaymentChargedBack)
        paid = [*only(self.facts, RepaymentReceived, ArrearsCapitalised), *self.recovered]
        undone = only(self.facts, RepaymentReversed)
        return table(
            [(fact.value_date, fact.amount_minor) for fact in lent]
            + [(fact.value_date, -fact.split.principal_minor) for fact in paid]
            + [(fact.value_date, fact.split.principal_minor) for fact in undone]
            + [
                (fact.value_date, change.before.principal_minor - change.split.principal_minor)
                for fact in only(self.facts, RepaymentsReallocated)
                for change in fact.changes
            ]
        )

    def _outstanding_on(self, day: int) -> int:
        if not self.reported:
            return total(self._principal, self._principal[:, 0] <= day)
        known = [fact for fact in self.reports if day_number(fact.value_date) <= day]
        return int(known[-1].outstanding_minor) if known else UNKNOWN

    def _limit_on(self, day: int) -> int:
        changes = only(self.facts, LoanLimitChanged)
        known = [fact for fact in changes if day_number(fact.value_date) <= day]
        last = max(known, key=lambda fact: (fact.value_date, fact.transaction_id), default=None)
        if last is not None:
            return int(last.limit_minor)
        return self.opened.principal_minor if self.opened else 0

    def _by_day(self, on: Callable[[int], int]) -> list[int]:
        """What `on` says of each of the last 90 days, the latest first; of none before it began."""
        first = day_number(self.opened.value_date) if self.opened else self.day + 1
        days = range(self.day, self.day - 90, -1)
        return [on(day) if day >= first else UNKNOWN for day in days]

    def outstanding(self) -> int:
        return self._outstanding_on(self.day)

    def limit(self) -> int:
        return self._limit_on(self.day)

    def drawn(self) -> list[int]:
        return self._by_day(self._outstanding_on)

    def lines(self) -> list[int]:
        return self._by_day(self._limit_on)
