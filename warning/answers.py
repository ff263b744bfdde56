"""What people said about warnings, and what follows when they say nothing.

Silences and false alarms keep a loan and rule quiet; unanswered deadlines refer a warning to the
next role, upward only, and let it expire. Knows neither conditions nor the days of a calendar.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

import numpy as np

from warning.columns import Moment
from warning.episodes import Change, Episode, Kind
from warning.expressions import Values
from warning.pack import Pack, Referral, Rule

Find = Callable[[str], Episode | None]


class Answers:
    """Who answered what, until when it is quiet, and when an answer is overdue."""

    def __init__(self, pack: Pack) -> None:
        self._escalation = pack.escalation
        self._muted: dict[tuple[str, int], tuple[int, int]] = {}
        self._false: dict[str, dict[int, int]] = {}
        self._deadlines: list[tuple[int, int, str]] = []
        self._silences: list[tuple[int, int, str]] = []

    # -- people ----------------------------------------------------------------------------------

    def acknowledge(self, episode: Episode) -> None:
        """Somebody has seen it."""
        episode.answered, episode.expired, episode.deferred = True, False, False

    def start_action(self, episode: Episode) -> None:
        """Somebody does something about it. A silence ends: it is worked on."""
        self.acknowledge(episode)
        episode.acting, episode.silent_until_day = True, None
        self._muted.pop((episode.rule.name, episode.row), None)

    def suppress(self, episode: Episode, until_day: int) -> None:
        """Quiet to the end of `until_day`, up to the severity it has now."""
        self.acknowledge(episode)
        episode.acting, episode.silent_until_day = False, until_day
        self._muted[episode.rule.name, episode.row] = (until_day, episode.rank)
        heapq.heappush(self._silences, (until_day, episode.order, episode.warning_id))

    def found_false(self, episode: Episode) -> None:
        """It was a false alarm: quiet until its cause has been gone, up to this severity."""
        self._false.setdefault(episode.rule.name, {})[episode.row] = episode.rank

    # -- quiet -----------------------------------------------------------------------------------

    def keeps_quiet(self, rule: Rule, row: int, rank: int, day: int) -> bool:
        """Whether a silence or a false alarm covers a ring of that rank; a graver one ends it."""
        until_day, seen = self._muted.get((rule.name, row), (0, 0))
        false = self._false.get(rule.name, {})
        if (day <= until_day and rank <= seen) or rank <= false.get(row, 0):
            return True
        self._muted.pop((rule.name, row), None)
        false.pop(row, None)
        return False

    def causes_gone(self, rule: Rule, values: Values) -> None:
        """After false alarms: where `until` holds now the rule may ring again."""
        false = self._false.get(rule.name)
        if false:
            rows = np.array(sorted(false), np.int64)
            here = {name: values[name][rows] for name in rule.until.names}
            for row in rows[rule.until.holds(here)].tolist():
                del false[row]

    def silences_over(self, day: int, find: Find) -> list[Episode]:
        """Open warnings whose silence ended before that day."""
        found = []
        while self._silences and self._silences[0][0] < day:
            until_day, _, warning_id = heapq.heappop(self._silences)
            episode = find(warning_id)
            if episode is not None and episode.silent_until_day == until_day:
                self._muted.pop((episode.rule.name, episode.row), None)
                episode.silent_until_day = None
                found.append(episode)
        return found

    # -- deadlines -------------------------------------------------------------------------------

    def await_answer(self, episode: Episode, moment: Moment) -> None:
        """It rings: nobody has answered this yet, and an earlier silence does not cover it."""
        episode.answered = episode.acting = episode.expired = False
        episode.silent_until_day = None
        self._muted.pop((episode.rule.name, episode.row), None)
        episode.rung_ordinal, episode.stage = moment.ordinal, 0
        self._expect(episode)

    def refer(self, episode: Episode, step: Referral | None, role_rank: int) -> None:
        """It was referred to a role; the next one is waited for."""
        episode.role_rank = role_rank
        episode.stage += step is not None
        self._expect(episode)

    def overdue(self, moment: Moment, find: Find) -> list[Change]:
        """Warnings that nobody answered in time: referred, or expired."""
        changes = []
        while self._deadlines and self._deadlines[0][0] <= moment.ordinal:
            deadline, _, warning_id = heapq.heappop(self._deadlines)
            episode = find(warning_id)
            if episode is None or episode.deadline_ordinal != deadline:
                continue
            if episode.answered or episode.expired or episode.inhibited_by or episode.deferred:
                continue
            step, rank = self._next_step(episode), episode.rank
            if step is not None and episode.rung_ordinal + step.after_days == deadline:
                self.refer(episode, step, step.role_rank)
                days, role = step.after_days, step.role
                changes.append(Change(Kind.REFERRED, episode, rank, rank, None, role, days))
            else:
                episode.expired = True
                days = episode.rule.expires_after_days or 0
                changes.append(Change(Kind.EXPIRED, episode, rank, rank, None, days=days))
        return changes

    def _next_step(self, episode: Episode) -> Referral | None:
        """The next role above those that know of it, by the escalation of its rank."""
        steps = self._escalation.get(episode.rank, ())
        while episode.stage < len(steps) and steps[episode.stage].role_rank <= episode.role_rank:
            episode.stage += 1
        return steps[episode.stage] if episode.stage < len(steps) else None

    def _expect(self, episode: Episode) -> None:
        step, expires = self._next_step(episode), episode.rule.expires_after_days
        waits = [days for days in (step.after_days if step else None, expires) if days is not None]
        if waits:
            episode.deadline_ordinal = episode.rung_ordinal + min(waits)
            entry = (episode.deadline_ordinal, episode.order, episode.warning_id)
            heapq.heappush(self._deadlines, entry)
        else:
            episode.deadline_ordinal = 0
