"""Looking back: whether a fact about the past took away what a warning, or a wait, stands on.

A rule is baseless about a loan when it does not hold now, and on one of the days that led here it
held by all facts before that fact and no longer does with it. Where the loan's facts cannot be had
nothing is baseless. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from warning.bulletin import Sight
from warning.episodes import Episode
from warning.expressions import Condition
from warning.lifecycle import Lifecycle
from warning.pack import Rule
from warning.readings import Readings


class Doubted(NamedTuple):
    """What a late fact may have taken away: warnings, and rules that wait about rows."""

    episodes: list[Episode]
    waits: list[tuple[Rule, int]]

    def rules(self) -> list[Rule]:
        """The rules of all of it."""
        return [*(each.rule for each in self.episodes), *(rule for rule, _ in self.waits)]


def doubted(
    life: Lifecycle, rows: Iterable[int], *, day: int, ordinal: int, closed: int
) -> Doubted:
    """What a fact of an earlier `day` about `rows` may take away.

    Open or resting warnings that rang on its day or later, and rules that wait where that day was
    closed (`closed`: the last day that is). `ordinal`: of today's business day.
    """
    found = Doubted([], [])
    for row in rows:
        resting = (rest.episode for rest in life.episodes.rests_of_row(row, ordinal))
        there = (*life.episodes.of_row(row), *resting)
        found.episodes.extend(each for each in there if each.raised_day >= day)
        if day <= closed:
            found.waits.extend((rule, row) for rule in life.waiting(row))
    return found


class Hindsight(NamedTuple):
    """What a late fact shows of the days that were closed before it."""

    readings: Readings
    loan_id_of: Callable[[int], str]
    closes: Mapping[int, int]
    sight: Sight

    def baseless(self, rule: Rule, row: int, first: int, end: int, *days: int) -> bool:
        """Whether a rule lost its cause on one of `days` or of the closes from `first` to `end`.

        `first` and `end` are ordinals of business days, `end` not among them.
        """
        led = [self.closes[each] for each in range(first, end) if each in self.closes]
        at = self.sight.record.position
        return not rule.when.holds_in(self.sight.of(rule.when.names, row)) and any(
            self._held(rule.when, row, day, at) is False
            and self._held(rule.when, row, day, at - 1) is True
            for day in (*led, *days)
        )

    def _held(self, when: Condition, row: int, day: int, by: int) -> bool | None:
        """Whether a condition held on a day by the facts up to a position; None: not to be had."""
        then = self.readings.as_of(when.names, self.loan_id_of(row), day, by)
        return None if then is None else when.holds_in(then)
