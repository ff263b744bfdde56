"""The batch fold's view of a loan's promises: straight from the definitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from fractions import Fraction
from typing import Any

from ledger.dates import day_number
from ledger.events import PromiseCancelled, PromiseMade
from warning.batch_account import only
from warning.windows import UNKNOWN


class BatchPromises:
    """One loan's promises that count by `day`; `paid_by` gives all that was paid by a day."""

    def __init__(self, facts: Sequence[Any], day: int, paid_by: Callable[[int], int]) -> None:
        self._day, self._paid_by = day, paid_by
        self._made = only(facts, PromiseMade)
        self._gone = {
            fact.promise_id: day_number(fact.value_date) for fact in only(facts, PromiseCancelled)
        }

    def read(self, name: str) -> int:
        """One measure by its name in `warning.promises`; UNKNOWN without any promise."""
        if not self._made:
            return UNKNOWN
        if name == "promises":
            return len(self._made)
        what, _, window = name.rpartition("_")
        first = self._day - int(window.removesuffix("d")) + 1
        came_on = self._kept_on if what == "promise_kept" else self._failed_on
        came = [came_on(made) for made in self._made]
        return sum(day is not None and first <= day <= self._day for day in came)

    def _paid(self, made: PromiseMade, day: int) -> int:
        return self._paid_by(day) - self._paid_by(day_number(made.value_date) - 1)

    def _ends(self, made: PromiseMade) -> list[tuple[int, Fraction]]:
        """The last day of each part, and the least that must be there on it."""
        share = Fraction(10_000 - made.tolerance_bps, 10_000)
        tolerance, asked, ends = timedelta(days=made.tolerance_days), 0, []
        for part in made.parts:
            asked += part.amount_minor
            ends.append((day_number(part.due_date + tolerance), asked * share))
        return ends

    def _failed_on(self, made: PromiseMade) -> int | None:
        """The day after the first that is over and unmet; None where it never came to that."""
        cancelled = self._gone.get(made.promise_id, self._day + 1)
        for end, needed in self._ends(made):
            if end < min(self._day, cancelled) and self._paid(made, end) < needed:
                return end + 1
        return None

    def _kept_on(self, made: PromiseMade) -> int | None:
        """The first day from which on all was there, up to the last one that counts."""
        cancelled = self._gone.get(made.promise_id, self._day + 1)
        last = min(self._day, cancelled - 1)
        ends = self._ends(made)
        if any(self._paid(made, min(end, last)) < needed for end, needed in ends):
            return None
        end, needed = ends[-1]
        days = range(day_number(made.value_date), min(end, last) + 1)
        short = [day for day in days if self._paid(made, day) < needed]
        return short[-1] + 1 if short else day_number(made.value_date)
