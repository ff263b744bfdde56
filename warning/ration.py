"""The daily budget: how many rings an officer gets in a business day, and who waits for the next.

The gravest ring first, then those that wait longest. What does not fit is kept in that order and
takes its turn at a later close; what ended meanwhile calls nobody. Without a budget everything
rings at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from warning.episodes import Change, Episode, Kind, change
from warning.pack import Budget


class Ration:
    """Rings of the day by officer, and the warnings that wait for their turn."""

    def __init__(self, budget: Budget | None, officer_of: Callable[[int], str]) -> None:
        """`officer_of(row)` answers for a loan now."""
        self._budget, self._officer_of = budget, officer_of
        self._spent: dict[str, tuple[int, int]] = {}
        self._waiting: dict[str, Episode] = {}

    def spend(self, episode: Episode, ordinal: int) -> None:
        """It called its officer on that business day."""
        if self._budget is not None:
            officer = self._officer_of(episode.row)
            self._spent[officer] = (ordinal, self._used(officer, ordinal) + 1)

    def defer(self, episode: Episode, ordinal: int, *, rang: bool) -> None:
        """It waits for its turn; `rang`: it was counted as a ring of that day, and is not."""
        episode.deferred = True
        self._waiting[episode.warning_id] = episode
        officer = self._officer_of(episode.row)
        if rang and self._budget is not None:
            self._spent[officer] = (ordinal, max(0, self._used(officer, ordinal) - 1))

    def waiting(self) -> list[Episode]:
        """The warnings that wait, in the order in which they began."""
        self._waiting = {name: each for name, each in self._waiting.items() if each.deferred}
        return list(self._waiting.values())

    def share(
        self, fresh: Iterable[Episode], waiting: Iterable[Episode], ordinal: int
    ) -> tuple[list[Episode], list[Change]]:
        """Who of `fresh` and `waiting` rings now -> (of the waiting those that do, new deferrals).

        Counts what rings as spent.
        """
        if self._budget is None:
            return [], []
        budget, new = self._budget, {id(episode) for episode in fresh}
        candidates = sorted([*fresh, *waiting], key=lambda each: (-each.rank, each.order))
        queued: dict[str, int] = {}
        released: list[Episode] = []
        deferred: list[Change] = []
        for episode in candidates:
            officer = self._officer_of(episode.row)
            full = self._used(officer, ordinal) >= budget.per_officer
            if not full or episode.rank in budget.beyond:
                self.spend(episode, ordinal)
                released += [episode] if id(episode) not in new else []
                continue
            queued[officer] = queued.get(officer, 0) + 1
            if id(episode) in new:
                self.defer(episode, ordinal, rang=False)
                told = change(Kind.DEFERRED, episode)
                deferred.append(_placed(told, queued[officer]))
        return released, deferred

    def _used(self, officer: str, ordinal: int) -> int:
        day, count = self._spent.get(officer, (ordinal, 0))
        return count if day == ordinal else 0


def _placed(told: Change, place: int) -> Change:
    return Change(told.kind, told.episode, told.rank, told.rank, told.inhibited_by, place=place)
