"""Warnings that are open, and those that ended lately: what they are, and how they are found.

Decides nothing: `lifecycle` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from warning.pack import Rule


@dataclass(slots=True)
class Episode:
    """A warning. `rank` 1 to 4; days are day numbers, `*_ordinal` business-day ordinals.

    `rung_ordinal`: when it last called for an answer, `stage` steps of the escalation of its rank
    ago; `role_rank` the highest role it was referred to. `deferred`: its officer's day was full.
    """

    warning_id: str
    rule: Rule
    row: int
    borrower: int
    number: int
    rank: int
    pending_since_ordinal: int
    raised_ordinal: int
    raised_day: int
    order: int
    inhibited_by: str | None = None
    deferred: bool = False
    answered: bool = False
    acting: bool = False
    expired: bool = False
    silent_until_day: int | None = None
    rung_ordinal: int = 0
    deadline_ordinal: int = 0
    stage: int = 0
    role_rank: int = 0


class Kind(Enum):
    """What happened to an episode."""

    RAISED = "raised"
    REOPENED = "reopened"
    SILENCE_OVER = "silence_over"
    INHIBITION_OVER = "inhibition_over"
    BUDGET_FREE = "budget_free"
    DEFERRED = "deferred"
    ESCALATED = "escalated"
    REFERRED = "referred"
    RESOLVED = "resolved"
    LOAN_CLOSED = "loan_closed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one episode; `rank_before` differs from its rank when it became graver.

    `role`: to whom it was referred, after `days` business days. `place`: its place in the queue of
    its officer.
    """

    kind: Kind
    episode: Episode
    rank: int
    rank_before: int
    inhibited_by: str | None
    role: str = ""
    days: int = 0
    place: int = 0


def change(kind: Kind, episode: Episode, *, before: int | None = None) -> Change:
    """A change to what the episode is now."""
    rank = episode.rank
    return Change(kind, episode, rank, rank if before is None else before, episode.inhibited_by)


@dataclass(frozen=True, slots=True)
class Wait:
    """A rule begins to wait about a loan, or (`over`) waits no more and did not ring.

    `warning_id` is that of the warning if it rings.
    """

    rule: Rule
    row: int
    warning_id: str
    over: bool


@dataclass(frozen=True, slots=True)
class Rest:
    """A resolved warning that is still looked at: until `until_ordinal`, it may be opened again."""

    episode: Episode
    ended_ordinal: int
    ended_day: int
    until_ordinal: int


class OpenEpisodes:
    """The open warnings by id, by rule and row, by borrower, by row; and the resting ones."""

    def __init__(self) -> None:
        self._by_place: dict[tuple[str, int], Episode] = {}
        self._by_id: dict[str, Episode] = {}
        self._by_borrower: dict[int, list[Episode]] = {}
        self._by_row: dict[int, list[Episode]] = {}
        self._rests: dict[str, dict[int, Rest]] = {}

    def find(self, warning_id: str) -> Episode | None:
        """The open warning of that id."""
        return self._by_id.get(warning_id)

    def at(self, rule: str, row: int) -> Episode | None:
        """The open warning of a rule about a loan."""
        return self._by_place.get((rule, row))

    def of_row(self, row: int) -> list[Episode]:
        """The open warnings of a loan, oldest first."""
        return list(self._by_row.get(row, ()))

    def of_borrower(self, borrower: int) -> Sequence[Episode]:
        """The open warnings of a borrower, oldest first; not to be changed."""
        return self._by_borrower.get(borrower, ())

    def counted(self, borrower: int, row: int | None = None) -> int:
        """Open warnings of a borrower, or of one loan of it, by rules that do not count others."""
        found = self._by_borrower.get(borrower, ())
        fits = (each for each in found if row is None or each.row == row)
        return sum(not each.rule.counts_others for each in fits)

    def ids(self) -> frozenset[str]:
        """The ids of the open warnings."""
        return frozenset(self._by_id)

    def add(self, episode: Episode) -> None:
        """It is open; one of its rule that rested about the loan is past."""
        self._by_place[episode.rule.name, episode.row] = episode
        self._by_id[episode.warning_id] = episode
        self._by_borrower.setdefault(episode.borrower, []).append(episode)
        self._by_row.setdefault(episode.row, []).append(episode)
        self.forget_rest(episode)

    def remove(self, episode: Episode) -> None:
        """It is over."""
        del self._by_place[episode.rule.name, episode.row], self._by_id[episode.warning_id]
        for index, key in (
            (self._by_borrower, episode.borrower),
            (self._by_row, episode.row),
        ):
            index[key].remove(episode)
            if not index[key]:
                del index[key]

    # -- resolved ones that are looked at again --------------------------------------------------

    def rest(self, rest: Rest) -> None:
        """A resolved warning goes on being looked at."""
        self._rests.setdefault(rest.episode.rule.name, {})[rest.episode.row] = rest

    def forget_rest(self, episode: Episode) -> None:
        """No resting warning of the rule about the loan any more."""
        self._rests.get(episode.rule.name, {}).pop(episode.row, None)

    def rests_of_rule(self, rule: str, ordinal: int) -> list[Rest]:
        """Those of a rule that still rest on that business day, by row; the others are past."""
        rests = self._rests.get(rule)
        if not rests:
            return []
        for row in [row for row, rest in rests.items() if rest.until_ordinal < ordinal]:
            del rests[row]
        return [rests[row] for row in sorted(rests)]

    def rests_of_row(self, row: int, ordinal: int) -> list[Rest]:
        """Those of a loan that still rest on that business day."""
        found = (rests[row] for rests in self._rests.values() if row in rests)
        return [rest for rest in found if rest.until_ordinal >= ordinal]
