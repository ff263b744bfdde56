"""The way back: whether a loan may be upgraded, and to what at best. Pure, one loan at a time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

from ledger.dates import add_months, date_of, day_number
from projections.evidence import Active
from projections.regime import Cure, Edition, Kind
from warning.windows import NEVER


def cures_of(edition: Edition, rank: int, kind: Kind) -> tuple[Cure, ...]:
    """The rules that speak of a loan of `rank`: those of the worst grade not worse than it."""
    rules = [rule for rule in edition.cure if rule.rank <= rank and rule.speaks_of(kind)]
    worst = max((rule.rank for rule in rules), default=None)
    return tuple(rule for rule in rules if rule.rank == worst)


def counted_from(rule: Cure, since: int, active: Callable[[], Active]) -> int | None:
    """The day from which the rule counts; None while its evidence does not stand."""
    if rule.word is None:
        return since
    found = active().get(rule.word)
    return None if found is None else max(since, found.day)


def eased_to(
    edition: Edition,
    rank: int,
    kind: Kind,
    *,
    since: int,
    day: int,
    dues: Sequence[int],
    active: Callable[[], Active],
    repaid: Callable[[int], bool],
) -> int | None:
    """The best rank that a loan of `rank` may have at the close of `day`; None while it must wait.

    `since`: the day from which it has been clean, NEVER while it is not. `dues`: its due days.
    `active` gives the evidence on it, where a rule asks for it, `repaid` whether as much was paid
    after a day as had been past due before it.
    """
    best = 0
    for rule in cures_of(edition, rank, kind):
        start = counted_from(rule, since, active)
        if start is None:
            continue
        if start == NEVER or not _met(rule, start, day, dues):
            return None
        if rule.arrears_paid and rule.word and not repaid(active()[rule.word].day):
            return None
        best = max(best, rule.to_rank)
    return best


def _met(rule: Cure, start: int, day: int, dues: Sequence[int]) -> bool:
    waited = day >= day_number(add_months(date_of(start), rule.months))
    if not dues:  # the core system keeps the schedule: months alone can count
        return waited
    met = bisect_left(dues, day) - bisect_right(dues, start) >= rule.periods
    return met or waited if rule.shorter else met and waited
