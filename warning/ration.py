"""The daily budget: how many rings an officer gets in a business day, and who waits for the next.

The gravest ring first, then those that wait longest. What does not fit is kept in that order and
takes its turn at a later close; what ended meanwhile calls nobody. Without a budget everything
rings at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from warning.episodes import Change, Episode, Kind
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
        self, fresh: Sequence[Episode], waiting: Sequence[Episode], ordinal: int
    ) -> tuple[list[Episode], list[Change]]:
        """Who of `fresh` and `waiting` rings now -> (of the waiting those that do, new deferrals).

        Counts what rings as spent.
        """
        if self._budget is None:
            return [], []
        budget, waits = self._budget, {id(episode) for episode in waiting}
        candidates = sorted([*fresh, *waiting], key=lambda each: (-each.rank, each.order))
        room: dict[str, int] = {}
        queued: dict[str, int] = {}
        released: list[Episode] = []
        deferred: list[Change] = []
        for episode in candidates:
            officer = self._officer_of(episode.row)
            if officer not in room:
                room[officer] = budget.per_officer - self._used(officer, ordinal)
            if room[officer] > 0 or episode.rank in budget.beyond:
                room[officer] -= 1
                if id(episode) in waits:
                    released.append(episode)
                continue
            place = queued[officer] = queued.get(officer, 0) + 1
            if id(episode) not in waits:
                self.defer(episode, ordinal, rang=False)
                rank = episode.rank
                deferred.append(Change(Kind.DEFERRED, episode, rank, rank, None, place=place))
        for officer, left in room.items():
            self._spent[officer] = (ordinal, budget.per_officer - left)
        return released, deferred

    def _used(self, officer: str, ordinal: int) -> int:
        day, count = self._spent.get(officer, (ordinal, 0))
        return count if day == ordinal else 0
