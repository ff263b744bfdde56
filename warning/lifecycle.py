"""The life of a warning: pending, raised, graver, answered, silenced, over, opened again.

One rule over all loans is three numpy columns (`columns.RuleColumns`); a Python object (`Episode`)
exists only while a warning is open or rests. `Lifecycle` takes column values and returns what
changed; it writes no facts and no sentences, and reads neither clock nor calendar: business days
come as ordinals.

How a warning lives:

- *Pending.* `when` must have held, and `unless` not, at every close for `for` business days; one
  close where it does not certainly hold ends the wait. Told when it begins and when it ends so.
- *Raised.* One open episode a loan and rule: repeats change nothing. A graver step of the ladder
  escalates it, and then it wants a new answer; a milder one never lowers it.
- *Deferred*, where its officer's daily budget is spent: it waits, ranked, and rings on a later day.
- *Answered* (acknowledged, in action), or *referred* to one role after the other when nobody does,
  and *expired* after the rule's time. An expired episode stays open; a graver step rings.
- *Suppressed* until the end of a day: the loan and rule stay quiet up to the severity that the
  person saw; a graver step breaks the silence. If it still holds after that day it rings again.
- *Inhibited*: raised while a warning that mutes it is open on the same borrower. Recorded, quiet;
  when the other one ends and it still holds, it rings.
- *Over*: `until` has held for `keep_for` business days, or the loan is closed. After that the rule
  stays quiet for `cooldown` business days, at least until the next close; but for `recheck` days
  the same warning is opened again where `when` holds again.
- *False alarm*, found by a person: over at once; the rule stays quiet until `until` has held.
- *Withdrawn*: a late fact took the cause away; decided by `watch`, which can look back.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ledger.errors import InvariantBroken
from warning.answers import Answers
from warning.columns import IntArray, Moment, RuleColumns, holding, pick, ranks_of
from warning.episodes import Change, Episode, Kind, OpenEpisodes, Rest, Wait, change
from warning.expressions import BoolArray, FloatArray, Values
from warning.inhibition import Inhibition
from warning.pack import Pack, Rule
from warning.ration import Ration

__all__ = ["Change", "Episode", "Kind", "Lifecycle"]


class Lifecycle:
    """All open warnings, and everything that decides whether one rings."""

    def __init__(
        self,
        pack: Pack,
        *,
        name: Callable[[int, str, int], str],
        borrower_of: Callable[[int], int],
        officer_of: Callable[[int], str] = lambda row: "",
    ) -> None:
        """`name(row, rule, episode)` gives a warning its id; `borrower_of(row)` groups loans."""
        self._pack, self._name, self._borrower_of = pack, name, borrower_of
        self._columns = {rule.name: RuleColumns() for rule in pack.rules}
        self._numbers: dict[tuple[str, int], int] = {}
        self.episodes = OpenEpisodes()
        self.answers = Answers(pack)
        self.ration = Ration(pack.budget, officer_of)
        self._inhibition = Inhibition(pack.inhibition, self.episodes)
        self._again: list[tuple[Kind, Episode]] = []
        self._waits: list[Wait] = []
        self._order = 0

    def others(self, rows: int) -> FloatArray:
        """Open warnings of each loan, by rules that do not count others."""
        counted = np.zeros(rows, np.uint16)
        for rule in self._pack.rules:
            if not rule.counts_others:
                columns = self._columns[rule.name]
                columns.grow(rows)
                counted += columns.level[:rows] > 0
        return counted.astype(np.float64)

    def columns_of(self, rule: str) -> RuleColumns:
        """The columns of a rule, to look at."""
        return self._columns[rule]

    # -- time and facts --------------------------------------------------------------------------

    def close(self, moment: Moment, values: Values, is_open: BoolArray) -> list[Change]:
        """A business day closed: every rule over every loan. Columns of `values` are all rows."""
        rows = len(is_open)
        over: list[Change] = []
        graver: list[Change] = []
        rung: list[Change] = []
        due: list[tuple[int, int, int]] = []
        held = holding(self._pack.rules, values, is_open)
        for number, rule in enumerate(self._pack.rules):
            columns = self._columns[rule.name]
            columns.grow(rows)
            active = (columns.level[:rows] > 0).nonzero()[0]
            if active.size:
                here = {name: values[name][active] for name in rule.names}
                ends, stays = self._end(rule, active, here, is_open[active], moment)
                over += ends
                graver += self._escalate(rule, active[stays], pick(here, stays), moment)
            self.answers.causes_gone(rule, values)
            holds = held[number]
            rung += self._relapse(rule, holds, values, moment)
            ring, begun, lapsed = columns.due(holds, for_days=rule.for_days, ordinal=moment.ordinal)
            for rows_of, ended in ((lapsed, True), (begun, False)):
                self._waits += [self._wait(rule, row, over=ended) for row in rows_of.tolist()]
            if ring.size:
                ranks = ranks_of(rule, {name: values[name][ring] for name in rule.names}, ring.size)
                due += zip((-ranks).tolist(), [number] * ring.size, ring.tolist(), strict=True)
        for rank, number, row in sorted(due):
            raised = self._raise(self._pack.rules[number], row, -rank, moment)
            rung += [raised] if raised else []
        for episode in self.answers.silences_over(moment.day, self.episodes.find):
            self._again.append((Kind.SILENCE_OVER, episode))
        rung += self._ring_again(moment)
        shared = self._share(graver, rung, moment)
        late = self.answers.overdue(moment, self.episodes.find)
        return [*over, *graver, *rung, *shared, *late]

    def waits(self) -> list[Wait]:
        """What began to wait, or waits no more, since this was asked last."""
        waits, self._waits = self._waits, []
        return waits

    def waiting(self, row: int) -> list[Rule]:
        """The rules that wait to ring about a loan."""
        return [rule for rule in self._pack.rules if self._columns[rule.name].waits(row)]

    def end_wait(self, rule: Rule, row: int) -> Wait:
        """It never should have waited: it waits no more."""
        self._columns[rule.name].since[row] = 0
        return self._wait(rule, row, over=True)

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
        graver = self._escalate(rule, rows[active], pick(values, active), moment)
        holds = rule.when.holds(values) & ~active & (columns.ready[rows] <= moment.ordinal)
        if rule.unless is not None:
            holds &= ~rule.unless.holds(values)
        ranks = ranks_of(rule, values, len(rows))
        rung: list[Change] = []
        for at in np.flatnonzero(holds).tolist():
            raised = self._raise(rule, int(rows[at]), int(ranks[at]), moment)
            rung += [raised] if raised else []
        return [*graver, *rung, *self._share(graver, rung, moment, turns=False)]

    # -- people ----------------------------------------------------------------------------------

    def dismiss(self, episode: Episode, moment: Moment) -> None:
        """A person found it a false alarm: over at once. What it muted rings at the next close."""
        self.answers.found_false(episode)
        self._forget(episode, moment)

    def withdraw(self, episode: Episode, moment: Moment) -> None:
        """Its cause is gone: over at once. What it muted rings at the next close."""
        if self.episodes.find(episode.warning_id) is episode:
            self._forget(episode, moment)
        self.episodes.forget_rest(episode)
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
        episode = self.episodes.at(rule.name, row)
        if episode is None:
            self._columns[rule.name].grow(row + 1)
            episode = self._begin(rule, row, number, rank, moment)
        self._rang(episode, moment, inhibited_by)

    def restore_graver(self, episode: Episode, rank: int, moment: Moment) -> None:
        """An open warning became graver."""
        episode.rank = rank
        self._columns[episode.rule.name].level[episode.row] = rank
        self.answers.await_answer(episode, moment)
        if not episode.inhibited_by and not episode.deferred:
            self.ration.spend(episode, moment.ordinal)

    def restore_again(
        self, episode: Episode, rank: int, moment: Moment, *, inhibited_by: str | None
    ) -> None:
        """A warning that had ended was opened again."""
        self._open_again(episode, rank)
        self._rang(episode, moment, inhibited_by)

    def end(self, episode: Episode, moment: Moment, *, rests: bool = False) -> None:
        """It is over; `rests` if it may be opened again. What it muted rings at the next close."""
        self._forget(episode, moment, rests=rests)

    def restored(self) -> None:
        """All is restored: what a warning muted that is not open here rings at the next close."""
        for warning_id in self._inhibition.gone():
            self._inhibitor_over(warning_id)

    def _rang(self, episode: Episode, moment: Moment, inhibited_by: str | None) -> None:
        self._again = [held for held in self._again if held[1] is not episode]
        episode.deferred = False
        self._inhibition.mute(episode, inhibited_by)
        if not inhibited_by:
            self.ration.spend(episode, moment.ordinal)
        self.answers.await_answer(episode, moment)

    # -- steps -----------------------------------------------------------------------------------

    def _end(
        self, rule: Rule, active: IntArray, here: Values, is_open: BoolArray, moment: Moment
    ) -> tuple[list[Change], BoolArray]:
        columns = self._columns[rule.name]
        leaves = rule.until.holds(here)
        over = columns.over(active, leaves, keep_for=rule.keep_for_days, ordinal=moment.ordinal)
        changes = []
        for at in np.flatnonzero(over | ~is_open).tolist():
            episode = self._at(rule, int(active[at]))
            changes.append(change(Kind.RESOLVED if is_open[at] else Kind.LOAN_CLOSED, episode))
            self._forget(episode, moment, rests=bool(is_open[at]))
        return changes, ~over & is_open

    def _escalate(self, rule: Rule, rows: IntArray, here: Values, moment: Moment) -> list[Change]:
        columns = self._columns[rule.name]
        if len(rule.steps) == 1 or not rows.size:
            return []
        ranks = ranks_of(rule, here, rows.size)
        changes = []
        for at in np.flatnonzero(ranks > columns.level[rows]).tolist():
            episode = self._at(rule, int(rows[at]))
            before, episode.rank = episode.rank, int(ranks[at])
            columns.level[episode.row] = episode.rank
            kind = Kind.ESCALATED
            if episode.inhibited_by is not None:
                self._inhibition.look(episode)
                kind = Kind.ESCALATED if episode.inhibited_by else Kind.INHIBITION_OVER
            self.answers.await_answer(episode, moment)
            changes.append(change(kind, episode, before=before))
        return changes

    def _relapse(
        self, rule: Rule, holds: BoolArray, values: Values, moment: Moment
    ) -> list[Change]:
        """Resolved warnings whose `when` holds again within `recheck` days are opened again."""
        changes = []
        for rest in self.episodes.rests_of_rule(rule.name, moment.ordinal):
            episode, row = rest.episode, rest.episode.row
            if not holds[row] or rest.ended_ordinal == moment.ordinal:
                continue
            rank = int(ranks_of(rule, {n: values[n][[row]] for n in rule.names}, 1)[0])
            if self.answers.keeps_quiet(rule, row, rank, moment.day):
                continue
            before = episode.rank
            self._open_again(episode, rank)
            self._inhibition.look(episode)
            self.answers.await_answer(episode, moment)
            changes.append(change(Kind.REOPENED, episode, before=before))
        return changes

    def _raise(self, rule: Rule, row: int, rank: int, moment: Moment) -> Change | None:
        if self.episodes.at(rule.name, row) or self.answers.keeps_quiet(
            rule, row, rank, moment.day
        ):
            return None
        number = self._numbers.get((rule.name, row), 0) + 1
        episode = self._begin(rule, row, number, rank, moment)
        self._inhibition.look(episode)
        self.answers.await_answer(episode, moment)
        return change(Kind.RAISED, episode, before=0)

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
        self.episodes.add(episode)
        return episode

    def _wait(self, rule: Rule, row: int, *, over: bool) -> Wait:
        number = self._numbers.get((rule.name, row), 0) + 1
        return Wait(rule, row, self._name(row, rule.name, number), over)

    def _open_again(self, episode: Episode, rank: int) -> None:
        columns = self._columns[episode.rule.name]
        if columns.waits(episode.row):
            self._waits.append(self._wait(episode.rule, episode.row, over=True))
        columns.level[episode.row], columns.since[episode.row] = rank, 0
        self._order += 1
        episode.rank, episode.order = rank, self._order
        episode.inhibited_by, episode.deferred = None, False
        self.episodes.add(episode)

    def _inhibitor_over(self, warning_id: str) -> None:
        for episode in self._inhibition.over(warning_id):
            if episode.silent_until_day is None:
                self._again.append((Kind.INHIBITION_OVER, episode))

    def _ring_again(self, moment: Moment) -> list[Change]:
        """Warnings that a silence or another warning held back: those that still hold ring."""
        again, self._again = self._again, []
        changes = []
        rung: set[str] = set()
        for kind, episode in again:
            gone = self.episodes.find(episode.warning_id) is not episode
            if gone or episode.warning_id in rung:
                continue
            if self._is_leaving(episode):
                self._again.append((kind, episode))  # It rings if it comes back.
                continue
            rung.add(episode.warning_id)
            self._inhibition.look(episode)
            self.answers.await_answer(episode, moment)
            changes.append(change(kind, episode))
        return changes

    def _share(
        self, graver: list[Change], rung: list[Change], moment: Moment, *, turns: bool = True
    ) -> list[Change]:
        """Officers' budgets: what waited and rings now, and what waits from now on."""
        if self._pack.budget is None:
            return []
        fresh: list[Episode] = []
        waiting: list[Episode] = []
        muted: list[Episode] = []
        for told in (*graver, *rung):
            episode = told.episode
            if told.kind is Kind.ESCALATED:
                if not episode.inhibited_by and not episode.deferred:
                    self.ration.spend(episode, moment.ordinal)
            elif not episode.inhibited_by:
                fresh.append(episode)
        for episode in self.ration.waiting() if turns else ():
            if self.episodes.find(episode.warning_id) is not episode:
                episode.deferred = False
            elif not self._is_leaving(episode):
                self._inhibition.look(episode)
                (muted if episode.inhibited_by else waiting).append(episode)
        turn, deferred = self.ration.share(fresh, waiting, moment.ordinal)
        for episode in (*muted, *turn):
            episode.deferred = False
            self.answers.await_answer(episode, moment)
        return [*(change(Kind.BUDGET_FREE, episode) for episode in (*muted, *turn)), *deferred]

    def _is_leaving(self, episode: Episode) -> bool:
        return bool(self._columns[episode.rule.name].since[episode.row])

    def _at(self, rule: Rule, row: int) -> Episode:
        episode = self.episodes.at(rule.name, row)
        if episode is None:
            raise InvariantBroken(f"A level without a warning: {rule.name}, row {row}.")
        return episode

    def _forget(self, episode: Episode, moment: Moment, *, rests: bool = False) -> None:
        rule, row = episode.rule, episode.row
        columns = self._columns[rule.name]
        columns.level[row] = columns.since[row] = 0
        columns.ready[row] = moment.ordinal + max(1, rule.cooldown_days)
        self.episodes.remove(episode)
        self._inhibitor_over(episode.warning_id)
        episode.deferred = False
        if rests and rule.recheck_days:
            last = moment.ordinal + rule.recheck_days
            self.episodes.rest(Rest(episode, moment.ordinal, moment.day, last))
