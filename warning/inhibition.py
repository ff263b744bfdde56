"""Which open warning mutes another one of the same borrower, and what rings when it ends.

Mutes by severity (of the pack) or by rule (of the rule itself). Rings no bell.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from warning.episodes import Episode, OpenEpisodes


class Inhibition:
    """Who mutes whom; `ranks` gives the ranks that a warning of some rank mutes."""

    def __init__(self, ranks: Mapping[int, Collection[int]], episodes: OpenEpisodes) -> None:
        self._ranks, self._episodes = ranks, episodes
        self._muted_by: dict[str, list[Episode]] = {}

    def look(self, episode: Episode) -> None:
        """Note who mutes it now, if anybody does."""
        self.mute(episode, self._muter(episode))

    def mute(self, episode: Episode, by: str | None) -> None:
        """It is muted by the warning of that id, or by none."""
        episode.inhibited_by = by
        if by:
            self._muted_by.setdefault(by, []).append(episode)

    def over(self, warning_id: str) -> list[Episode]:
        """That warning mutes nobody any more; those that it did mute."""
        muted = [e for e in self._muted_by.pop(warning_id, ()) if e.inhibited_by == warning_id]
        for episode in muted:
            episode.inhibited_by = None
        return muted

    def gone(self) -> list[str]:
        """Those that mute somebody and are not open."""
        return [muter for muter in self._muted_by if not self._episodes.find(muter)]

    def _muter(self, episode: Episode) -> str | None:
        """The gravest, then oldest ringing warning of the borrower that mutes this one."""
        name, open_now = episode.rule.name, self._episodes.of_borrower(episode.borrower)
        found: Episode | None = None
        for other in open_now if len(open_now) > 1 else ():
            by_name = name in other.rule.inhibits
            by_rank = episode.rank in self._ranks.get(other.rank, ())
            rings = not other.inhibited_by and not other.deferred
            if other is not episode and rings and (by_name or by_rank):
                found = other if found is None or other.rank > found.rank else found
        return found.warning_id if found else None
