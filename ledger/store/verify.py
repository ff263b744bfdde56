"""Walk a log from end to end: the hash chain, the order of versions, and the index beside it.

Finds a single changed byte in any column, a missing row and rows that changed places, wherever they
are. Reads through callables, so that it knows no database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ledger.store.chain import fault_of
from ledger.store.records import ChainFault, ChainReport, Checkpoint

PART = 5_000
Part = Callable[[int, int], Sequence[tuple[Any, ...]]]
"""(after, limit) -> rows in order of position"""
Ends = dict[str, tuple[int, int]]
"""stream -> version and position of its last row"""


class Walk:
    """One walk over a log's rows. `ends` is kept when it starts at the beginning."""

    def __init__(self, log: str, since: Checkpoint | None) -> None:
        start = since or Checkpoint()
        self._log, self._since = log, start.position
        self._position, self._chain = start.position, start.chain
        self.ends: Ends | None = {} if start.position == 0 else None

    def run(
        self,
        part: Part,
        note: Callable[[], Checkpoint],
        progress: Callable[[int], None] | None,
    ) -> ChainReport:
        """Check all rows; `note` gives the log's own note of where it ends, as of now."""
        while True:
            rows = part(self._position, PART)
            for row in rows:
                fault = self._step(row)
                if fault is not None:
                    return self.report(fault)
            if progress is not None:
                progress(self._position)
            if not rows:
                end = note()
                if not part(self._position, 1):  # Else facts came in between, and the end moved.
                    return self.report(self._end(end))

    def report(self, fault: ChainFault | None) -> ChainReport:
        """How far the chain holds."""
        here = Checkpoint(self._position, self._chain)
        return ChainReport(self._log, self._position - self._since, here, fault)

    def _step(self, row: tuple[Any, ...]) -> ChainFault | None:
        what = fault_of(row, self._chain, self._position + 1) or self._misplaced(row)
        if what is not None:
            stream = row[1] if type(row[1]) is str else ""
            return ChainFault(self._position + 1, stream, what)
        self._position, self._chain = row[0], row[8]
        return None

    def _misplaced(self, row: tuple[Any, ...]) -> str | None:
        if self.ends is None:
            return None
        version, position = self.ends.get(row[1], (0, 0))
        if (row[2], row[5]) != (version + 1, position):
            return f"version {row[2]} does not follow version {version} of its stream"
        self.ends[row[1]] = (row[2], row[0])
        return None

    def _end(self, note: Checkpoint) -> ChainFault | None:
        if note.position > self._position:
            what = f"positions up to {note.position} were recorded and are missing"
        elif note != Checkpoint(self._position, self._chain):
            what = f"the log's note of its end ({note.position}) does not agree with its last row"
        else:
            return None
        return ChainFault(self._position + 1, "", what)


def missing_head(heads: Mapping[str, int], ends: Ends, indexed: int) -> ChainFault | None:
    """A stream whose end lies before `indexed` but is not in the table of heads."""
    for stream, (_, position) in ends.items():
        if position <= indexed and heads.get(stream) != position:
            what = "the index of streams misses this; the facts are whole"
            return ChainFault(position, stream, what, index_only=True)
    return None
