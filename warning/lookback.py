"""Looking back: whether a fact about the past took away what a warning, or a wait, stands on.

A rule is baseless about a loan when it does not hold now, and on one of the days that led here it
held by all facts before that fact and no longer does with it. Where the loan's facts cannot be had
nothing is baseless. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from warning.episodes import Episode
from warning.expressions import Condition
from warning.pack import Rule
from warning.readings import Readings


class Doubted(NamedTuple):
    """What a late fact may have taken away: warnings, and rules that wait about rows."""

    episodes: list[Episode]
    waits: list[tuple[Rule, int]]

    def rules(self) -> list[Rule]:
        """The rules of all of it."""
        return [*(each.rule for each in self.episodes), *(rule for rule, _ in self.waits)]


def baseless(
    readings: Readings,
    when: Condition,
    now: Mapping[str, float],
    *,
    loan_id: str,
    days: Iterable[int],
    position: int,
) -> bool:
    """Whether the fact at `position` left `when` without a cause on one of `days`.

    `now` are the loan's values by all facts up to it.
    """

    def held(day: int, by: int) -> bool | None:
        then = readings.as_of(when.names, loan_id, day, by)
        return None if then is None else when.holds_in(then)

    return not when.holds_in(now) and any(
        held(day, position) is False and held(day, position - 1) is True for day in days
    )
