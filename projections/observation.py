"""Observation of a restructured loan: when it began, what restarts it, and when it is over.

It begins on the first due date after the change. A missed due date restarts it from that date, a
non-performing test or another restructuring from the next due date. It is over when enough due
dates have been met and enough months have passed. Source: Order 2023 No. 1 of CBIRC, Art. 20-22.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from ledger.dates import add_months, date_of, day_number
from projections.book import Finding
from projections.regime import Observation


class Observed:
    """One loan under observation by `rule`. `findings` is the loan's list, by value dates.

    `since`: the change that observation follows; None when there is none. `start`: the due date
    from which it counts, None before that date. `grace_days`: days past due that do not count.
    """

    def __init__(
        self,
        rule: Observation,
        findings: Sequence[Finding],
        *,
        nonperforming_rank: int,
        grace_days: int = 0,
    ) -> None:
        self.since: int | None = None
        self.start: int | None = None
        self.again = False
        self.over = False
        self.rule = rule
        self._bad = nonperforming_rank
        self._grace = grace_days
        self._findings = findings
        self._read = 0

    def step(self, day: int, dpd: int, floor: int, due_days: Sequence[int]) -> int:
        """Go on to the close of `day`; returns the least rank that observation asks for.

        `floor` is the least rank by everything else, `due_days` the loan's due days in order.
        """
        self._take_findings(day)
        if self.since is None or self.over:
            return 0
        self._begin(day, due_days)
        if floor >= self._bad:
            self.since, self.start = day, None
        elif self.start is not None and dpd > 0:
            self.start = max(self.start, day - dpd - self._grace)
        elif self.start is not None and self._served(day, due_days):
            self.over = True
            return 0
        return self.rule.again_rank if self.again else self.rule.rank

    def met(self, day: int, due_days: Sequence[int]) -> int:
        """Due dates met since the start: those after it and before `day`."""
        if self.start is None:
            return 0
        return max(0, bisect_left(due_days, day) - bisect_right(due_days, self.start))

    def _take_findings(self, day: int) -> None:
        while self._read < len(self._findings) and self._findings[self._read].day <= day:
            finding = self._findings[self._read]
            self._read += 1
            if finding.name != self.rule.finding:
                continue
            if not finding.active:
                self.since, self.start, self.again, self.over = None, None, False, False
                continue
            self.again = self.since is not None and not self.over
            self.since, self.start, self.over = finding.day, None, False

    def _begin(self, day: int, due_days: Sequence[int]) -> None:
        if self.start is None and self.since is not None:
            following = bisect_right(due_days, self.since)
            first = due_days[following] if following < len(due_days) else None
            if not due_days:  # the core system keeps the schedule: months alone can count
                first = self.since
            if first is not None and first <= day:
                self.start = first

    def _served(self, day: int, due_days: Sequence[int]) -> bool:
        if self.start is None:
            return False
        end = add_months(date_of(self.start), self.rule.months)
        enough = not due_days or self.met(day, due_days) >= self.rule.periods
        return enough and day >= day_number(end)
