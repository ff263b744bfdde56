"""The life of a warning: pending, raised, graver, answered, silenced, over.

One rule over all loans is three numpy columns (`columns.RuleColumns`); a Python object (`Episode`)
exists only while a warning is open. `Lifecycle` takes indicator values and returns what changed; it
writes no facts and no sentences, and reads neither clock nor calendar: business days come as
ordinals.

How a warning lives:

- *Pending.* `when` must have held at every close for `for` business days; one close where it does
  not certainly hold starts the count anew.
- *Raised.* One open episode a loan and rule: repeats change nothing. A graver step of the ladder
  escalates it, and then it wants a new answer; a milder one never lowers it.
- *Answered* (acknowledged) or *expired*, when nobody answered in the rule's time. An expired
  episode stays open and quiet; a graver step rings.
- *Suppressed* until the end of a day: the loan and rule stay quiet up to the severity that the
  person saw; a graver step breaks the silence. If it still holds after that day it rings again.
- *Inhibited*: raised while a warning that mutes it is open on the same borrower. Recorded, quiet;
  when the other one ends and it still holds, it rings.
- *Over*: `until` has held for `keep_for` business days, or the loan is closed. After that the rule
  stays quiet for `cooldown` business days, at least until the next close.
- *Withdrawn*: a late fact took the cause away; decided by `watch`, which can look back.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np

from warning.columns import IntArray, Moment, RuleColumns, pick, ranks_of
from warning.expressions import BoolArray, Values
from warning.pack import Pack, Rule


@dataclass(slots=True)
class Episode:
    """An open warning. `rank` 1 to 4; days are day numbers, `*_ordinal` business-day ordinals."""

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
    answered: bool = False
    expired: bool = False
    silent_until_day: int | None = None
    deadline_ordinal: int = 0


class Kind(Enum):
    """What happened to an episode."""

    RAISED = "raised"
    SILENCE_OVER = "silence_over"
    INHIBITION_OVER = "inhibition_over"
    ESCALATED = "escalated"
    RESOLVED = "resolved"
    LOAN_CLOSED = "loan_closed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one episode; `rank_before` differs from its rank when it became graver."""

    kind: Kind
    episode: Episode
    rank: int
    rank_before: int
    inhibited_by: str | None


class Lifecycle:
    """All open warnings, and everything that decides whether one rings."""

    def __init__(
        self,
        pack: Pack,
        *,
        name: Callable[[int, str, int], str],
        borrower_of: Callable[[int], int],
    ) -> None:
        """`name(row, rule, episode)` gives a warning its id; `borrower_of(row)` groups loans."""
        self._pack, self._name, self._borrower_of = pack, name, borrower_of
        self._columns = {rule.name: RuleColumns() for rule in pack.rules}
        self._numbers: dict[tuple[str, int], int] = {}
        self._open: dict[tuple[str, int], Episode] = {}
        self._by_id: dict[str, Episode] = {}
        self._by_borrower: dict[int, list[Episode]] = {}
        self._by_row: dict[int, list[Episode]] = {}
        self._muted: dict[tuple[str, int], tuple[int, int]] = {}
        self._waiting: dict[str, list[Episode]] = {}
        self._deadlines: list[tuple[int, int, str]] = []
        self._silences: list[tuple[int, int, str]] = []
        self._again: list[tuple[Kind, Episode]] = []
        self._order = 0

    # -- looking ---------------------------------------------------------------------------------

    def find(self, warning_id: str) -> Episode | None:
        """The open warning of that id."""
        return self._by_id.get(warning_id)

    def of_row(self, row: int) -> list[Episode]:
        """The open warnings of a loan, oldest first."""
        return list(self._by_row.get(row, ()))

    def has_open(self, row: int) -> bool:
        """Whether a loan has open warnings."""
        return row in self._by_row

    def open_ids(self) -> frozenset[str]:
        """The ids of the open warnings."""
        return frozenset(self._by_id)

    # -- time and facts --------------------------------------------------------------------------

    def close(self, moment: Moment, values: Values, is_open: BoolArray) -> list[Change]:
        """A business day closed: every rule over every loan. Columns of `values` are all rows."""
        rows = len(is_open)
        over: list[Change] = []
        graver: list[Change] = []
        due: list[tuple[int, int, int]] = []
        for number, rule in enumerate(self._pack.rules):
            columns = self._columns[rule.name]
            columns.grow(rows)
            active = np.flatnonzero(columns.level[:rows])
            if active.size:
                here = {name: values[name][active] for name in rule.names}
                ends, stays = self._end(rule, active, here, is_open[active], moment)
                over += ends
                graver += self._escalate(rule, active[stays], pick(here, stays), moment)
            holds = rule.when.holds(values) & is_open
            ring = columns.due(holds, for_days=rule.for_days, ordinal=moment.ordinal)
            if ring.size:
                ranks = ranks_of(rule, {name: values[name][ring] for name in rule.names}, ring.size)
                due += zip((-ranks).tolist(), [number] * ring.size, ring.tolist(), strict=True)
        raised = [
            change
            for rank, number, row in sorted(due)
            if (change := self._raise(self._pack.rules[number], row, -rank, moment)) is not None
        ]
        self._silences_over(moment)
        return [*over, *graver, *raised, *self._ring_again(moment), *self._expire(moment)]

    def can_change(self, moment: Moment, rule: Rule, rows: IntArray) -> bool:
        """Whether `at_fact` can do anything: raise, or make graver, a warning about `rows`."""
        columns = self._columns[rule.name]
        columns.grow(int(rows.max()) + 1)
        level = columns.level[rows]
        idle = (level == 0) & (columns.ready[rows] <= moment.ordinal)
        return bool((idle | (level > 0) & (level < rule.steps[-1].rank)).any())

    def at_fact(self, moment: Moment, rule: Rule, rows: IntArray, values: Values) -> list[Change]:
        """A fact that the rule listens to: enter and escalate only, for `rows`."""
        columns = self._columns[rule.name]
        columns.grow(int(rows.max()) + 1)
        level = columns.level[rows]
        active = level > 0
        changes = self._escalate(rule, rows[active], pick(values, active), moment)
        holds = rule.when.holds(values) & ~active & (columns.ready[rows] <= moment.ordinal)
        ranks = ranks_of(rule, values, len(rows))
        for at in np.flatnonzero(holds).tolist():
            change = self._raise(rule, int(rows[at]), int(ranks[at]), moment)
            changes += [change] if change else []
        return changes

    # -- people ----------------------------------------------------------------------------------

    def acknowledge(self, episode: Episode) -> None:
        """Somebody has seen it."""
        episode.answered = True
        episode.expired = False

    def suppress(self, episode: Episode, until_day: int) -> None:
        """Quiet to the end of `until_day`, up to the severity it has now."""
        episode.answered, episode.expired = True, False
        episode.silent_until_day = until_day
        self._muted[episode.rule.name, episode.row] = (until_day, episode.rank)
        heapq.heappush(self._silences, (until_day, episode.order, episode.warning_id))

    def withdraw(self, episode: Episode, moment: Moment) -> None:
        """Its cause is gone: end it at once. What it muted rings at the next close."""
        self._forget(episode, moment)
        self._columns[episode.rule.name].ready[episode.row] = 0  # It should not have rung at all.

    # -- what is on record -----------------------------------------------------------------------

    def restore(
        self,
        rule: Rule,
        place: tuple[int, int],
        rank: int,
        moment: Moment,
        *,
        inhibited_by: str | None,
    ) -> None:
        """A warning that rang, for the first time or again; `place` is its row and episode."""
        row, number = place
        episode = self._open.get((rule.name, row))
        if episode is None:
            self._columns[rule.name].grow(row + 1)
            episode = self._begin(rule, row, number, rank, moment)
        self._again = [held for held in self._again if held[1] is not episode]
        episode.inhibited_by = inhibited_by
        if inhibited_by:
            self._waiting.setdefault(inhibited_by, []).append(episode)
        self._await_answer(episode, moment)

    def restore_graver(self, episode: Episode, rank: int, moment: Moment) -> None:
        """An open warning became graver."""
        episode.rank = rank
        self._columns[episode.rule.name].level[episode.row] = rank
        self._await_answer(episode, moment)

    def end(self, episode: Episode, moment: Moment) -> None:
        """It is over. What it muted rings at the next close."""
        self._forget(episode, moment)

    def restored(self) -> None:
        """All is restored: what a warning muted that is not open here rings at the next close."""
        for warning_id in [muter for muter in self._waiting if muter not in self._by_id]:
            self._inhibitor_over(warning_id)

    # -- steps -----------------------------------------------------------------------------------

    def _end(
        self, rule: Rule, active: IntArray, here: Values, is_open: BoolArray, moment: Moment
    ) -> tuple[list[Change], BoolArray]:
        columns = self._columns[rule.name]
        leaves = rule.until.holds(here)
        over = columns.over(active, leaves, keep_for=rule.keep_for_days, ordinal=moment.ordinal)
        changes = []
        for at in np.flatnonzero(over | ~is_open).tolist():
            episode = self._open[rule.name, int(active[at])]
            kind = Kind.RESOLVED if is_open[at] else Kind.LOAN_CLOSED
            changes.append(Change(kind, episode, episode.rank, episode.rank, None))
            self._forget(episode, moment)
        return changes, ~over & is_open

    def _escalate(self, rule: Rule, rows: IntArray, here: Values, moment: Moment) -> list[Change]:
        columns = self._columns[rule.name]
        if len(rule.steps) == 1 or not rows.size:
            return []
        ranks = ranks_of(rule, here, rows.size)
        changes = []
        for at in np.flatnonzero(ranks > columns.level[rows]).tolist():
            episode = self._open[rule.name, int(rows[at])]
            before, episode.rank = episode.rank, int(ranks[at])
            columns.level[episode.row] = episode.rank
            kind = Kind.ESCALATED
            if episode.inhibited_by is not None:
                self._inhibit(episode)
                kind = Kind.ESCALATED if episode.inhibited_by else Kind.INHIBITION_OVER
            self._await_answer(episode, moment)
            changes.append(Change(kind, episode, episode.rank, before, episode.inhibited_by))
        return changes

    def _raise(self, rule: Rule, row: int, rank: int, moment: Moment) -> Change | None:
        until_day, seen = self._muted.get((rule.name, row), (0, 0))
        if moment.day <= until_day and rank <= seen:
            return None
        self._muted.pop((rule.name, row), None)
        number = self._numbers.get((rule.name, row), 0) + 1
        episode = self._begin(rule, row, number, rank, moment)
        self._inhibit(episode)
        self._await_answer(episode, moment)
        return Change(Kind.RAISED, episode, rank, 0, episode.inhibited_by)

    def _begin(self, rule: Rule, row: int, number: int, rank: int, moment: Moment) -> Episode:
        columns = self._columns[rule.name]
        self._numbers[rule.name, row] = number
        self._order += 1
        episode = Episode(
            warning_id=self._name(row, rule.name, number),
            rule=rule,
            row=row,
            borrower=self._borrower_of(row),
            number=number,
            rank=rank,
            pending_since_ordinal=int(columns.since[row]) or moment.ordinal,
            raised_ordinal=moment.ordinal,
            raised_day=moment.day,
            order=self._order,
        )
        columns.level[row], columns.since[row] = rank, 0
        self._remember(episode)
        return episode

    def _inhibitor(self, episode: Episode) -> str | None:
        """The gravest, then oldest ringing warning of the borrower that mutes this one."""
        name = episode.rule.name
        found: Episode | None = None
        for other in self._by_borrower.get(episode.borrower, ()):
            by_name = name in other.rule.inhibits
            by_rank = episode.rank in self._pack.inhibition.get(other.rank, ())
            if other is not episode and not other.inhibited_by and (by_name or by_rank):
                found = other if found is None or other.rank > found.rank else found
        return found.warning_id if found else None

    def _inhibit(self, episode: Episode) -> None:
        episode.inhibited_by = self._inhibitor(episode)
        if episode.inhibited_by:
            self._waiting.setdefault(episode.inhibited_by, []).append(episode)

    def _silences_over(self, moment: Moment) -> None:
        while self._silences and self._silences[0][0] < moment.day:
            until_day, _, warning_id = heapq.heappop(self._silences)
            episode = self._by_id.get(warning_id)
            if episode is not None and episode.silent_until_day == until_day:
                self._muted.pop((episode.rule.name, episode.row), None)
                episode.silent_until_day = None
                self._again.append((Kind.SILENCE_OVER, episode))

    def _inhibitor_over(self, warning_id: str) -> None:
        for episode in self._waiting.pop(warning_id, ()):
            if episode.inhibited_by == warning_id:
                episode.inhibited_by = None
                if episode.silent_until_day is None:
                    self._again.append((Kind.INHIBITION_OVER, episode))

    def _ring_again(self, moment: Moment) -> list[Change]:
        """Warnings that a silence or another warning held back: those that still hold ring."""
        again, self._again = self._again, []
        changes = []
        rung: set[str] = set()
        for kind, episode in again:
            gone = self._by_id.get(episode.warning_id) is not episode
            if gone or episode.warning_id in rung:
                continue
            if self._columns[episode.rule.name].since[episode.row]:
                self._again.append((kind, episode))  # It is leaving; it rings if it comes back.
                continue
            rung.add(episode.warning_id)
            self._inhibit(episode)
            self._await_answer(episode, moment)
            changes.append(Change(kind, episode, episode.rank, episode.rank, episode.inhibited_by))
        return changes

    def _await_answer(self, episode: Episode, moment: Moment) -> None:
        """It rings: nobody has answered this yet, and an earlier silence does not cover it."""
        days = episode.rule.expires_after_days
        episode.answered = episode.expired = False
        episode.silent_until_day = None
        self._muted.pop((episode.rule.name, episode.row), None)
        if days is not None:
            episode.deadline_ordinal = moment.ordinal + days
            entry = (episode.deadline_ordinal, episode.order, episode.warning_id)
            heapq.heappush(self._deadlines, entry)

    def _expire(self, moment: Moment) -> list[Change]:
        changes = []
        while self._deadlines and self._deadlines[0][0] <= moment.ordinal:
            deadline, _, warning_id = heapq.heappop(self._deadlines)
            episode = self._by_id.get(warning_id)
            if episode is None or episode.answered or episode.deadline_ordinal != deadline:
                continue
            if episode.expired or episode.inhibited_by:
                continue
            episode.expired = True
            changes.append(Change(Kind.EXPIRED, episode, episode.rank, episode.rank, None))
        return changes

    def _remember(self, episode: Episode) -> None:
        self._open[episode.rule.name, episode.row] = episode
        self._by_id[episode.warning_id] = episode
        self._by_borrower.setdefault(episode.borrower, []).append(episode)
        self._by_row.setdefault(episode.row, []).append(episode)

    def _forget(self, episode: Episode, moment: Moment) -> None:
        name, row = episode.rule.name, episode.row
        columns, cooldown = self._columns[name], episode.rule.cooldown_days
        columns.level[row] = columns.since[row] = 0
        columns.ready[row] = moment.ordinal + max(1, cooldown)
        del self._open[name, row], self._by_id[episode.warning_id]
        self._inhibitor_over(episode.warning_id)
        for index, key in ((self._by_borrower, episode.borrower), (self._by_row, row)):
            index[key].remove(episode)
            if not index[key]:
                del index[key]
