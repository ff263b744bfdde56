"""The index of the newest facts, in memory, until it is moved into the index tables.

A log's table of facts is append-only. Where a stream ends and which command is known is kept in
two further tables, whose keys are in no order of time: writing to them with every fact would touch
a page for each. So the newest facts are indexed here, and moved in key order, a slice with each
commit, when a good many have come together. After a crash the facts past the moved position are
read again. Does no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from itertools import chain as joined
from typing import Any, NamedTuple

Head = tuple[int, int]
"""The end of a stream: the version and the position of its last fact."""


class Slice(NamedTuple):
    """Index entries to move with the next commit, as values of rows one after the other.

    `indexed` is the position that the tables hold everything up to, if these entries are the last.
    """

    heads: list[Any]
    commands: list[Any]
    stop: int
    indexed: int | None


NOTHING = Slice([], [], 0, None)


class Tail:
    """Heads and commands of the facts that the index tables may not hold.

    At `capacity` facts the entries so far are frozen and moved, while new ones come in beside them;
    without a capacity nothing is ever moved. Reads may come from any thread while one thread adds
    and moves.
    """

    def __init__(self, capacity: int | None) -> None:
        self._capacity = capacity
        self._heads: dict[str, Head] = {}
        self._commands: dict[str, int] = {}
        self._count = 0
        self._old_heads: dict[str, Head] = {}
        self._old_commands: dict[str, int] = {}
        self._old_position = 0
        self._to_move: tuple[list[str], list[str]] = ([], [])
        self._moved = 0

    def head(self, stream: str) -> Head | None:
        """The end of `stream`, if one of its newest facts is here."""
        return self._heads.get(stream) or self._old_heads.get(stream)

    def commands(self, ids: AbstractSet[str]) -> dict[str, int]:
        """The positions of the facts that those commands of `ids` led to that are here."""
        young = self._commands  # First: what is frozen meanwhile is then found in the old ones.
        old = self._old_commands
        found = {known: old[known] for known in old.keys() & ids}
        found.update((known, young[known]) for known in young.keys() & ids)
        return found

    def add(self, count: int, heads: Mapping[str, Head], commands: Mapping[str, int]) -> None:
        """Take in the index entries of `count` committed facts."""
        self._count += count
        self._heads.update(heads)
        self._commands.update(commands)

    def due(self, count: int, position: int) -> Slice:
        """What to move with `count` facts after `position`; call `moved` once it is committed."""
        if not self._old_position:
            if self._capacity is None or self._count < self._capacity:
                return NOTHING
            self._freeze(position)
        streams, ids = self._to_move
        start, stop = self._moved, self._moved + 2 * count + 64
        heads: list[Any] = []
        for stream in streams[start:stop]:
            heads += (stream, *self._old_heads[stream])
        part = ids[start:stop]
        commands = list(
            joined.from_iterable(zip(part, map(self._old_commands.get, part), strict=True))
        )
        last = stop >= max(len(streams), len(ids))
        return Slice(heads, commands, stop, self._old_position if last else None)

    def moved(self, moved: Slice) -> None:
        """The slice is committed: it need not be moved again."""
        self._moved = moved.stop
        if moved.indexed is not None:
            self._old_position = self._moved = 0
            self._old_heads, self._old_commands, self._to_move = {}, {}, ([], [])

    def _freeze(self, position: int) -> None:
        self._to_move = sorted(self._heads), sorted(self._commands)
        self._old_heads, self._old_commands = self._heads, self._commands
        self._old_position, self._count = position, 0
        self._heads, self._commands = {}, {}
