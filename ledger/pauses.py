"""Forbearance pauses: days that do not count as delinquent. Day numbers only.

A pause runs from its start up to its end (excluded), or up to the first day on which counting was
resumed. The order in which pauses and resumptions became known cannot matter.
"""

from __future__ import annotations

from bisect import bisect_left, insort


class Pauses:
    """The pauses of one loan."""

    __slots__ = ("_paused", "_resumed")

    def __init__(self) -> None:
        self._paused: list[tuple[int, int]] = []
        self._resumed: list[int] = []

    def pause(self, start: int, end: int) -> None:
        """Days [start, end) do not count."""
        insort(self._paused, (start, end))

    def resume(self, day: int) -> None:
        """Pauses that run on `day` end with it: the day counts."""
        insort(self._resumed, day)

    def spans(self) -> list[tuple[int, int]]:
        """The paused days as [start, end), in order and apart."""
        found: list[tuple[int, int]] = []
        for start, until in self._paused:
            at = bisect_left(self._resumed, start)
            end = min([until, *self._resumed[at : at + 1]])
            if found and start <= found[-1][1]:
                found[-1] = (found[-1][0], max(found[-1][1], end))
            elif start < end:
                found.append((start, end))
        return found

    def runs_on(self, day: int) -> bool:
        """Whether `day` is paused."""
        return any(start <= day < end for start, end in self.spans())

    def days_between(self, start: int, end: int) -> int:
        """How many days of [start, end) are paused."""
        overlaps = (min(end, last) - max(start, first) for first, last in self.spans())
        return sum(days for days in overlaps if days > 0)
