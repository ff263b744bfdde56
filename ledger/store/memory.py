"""The store's contract in memory: for tests and trials, gone when the process ends.

Facts are encoded all the same, so that what the database would refuse is refused here too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence

from ledger.codec import encode
from ledger.errors import StaleVersion
from ledger.store.chain import START, Row, link
from ledger.store.records import (
    AUDIT_LOG,
    LEDGER_LOG,
    WARNINGS_LOG,
    AlreadyTracked,
    ChainReport,
    Checkpoint,
    KnownCommand,
    NewFact,
    Recorded,
)
from ledger.store.snapshots import MemorySnapshots
from ledger.store.verify import Walk


class MemoryLog:
    """One log in memory. See `FactLog` for the contract."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: list[Row] = []
        self._facts: list[Recorded] = []
        self._streams: dict[str, list[Recorded]] = {}
        self._commands: dict[str, KnownCommand] = {}
        self._tracked: dict[str, int] = {}
        self._recording = threading.Lock()

    def record(
        self, facts: Sequence[NewFact], *, tracking: Mapping[str, int] | None = None
    ) -> list[Recorded]:
        """See `FactLog.record`."""
        with self._recording:
            self._check(facts, tracking or {})
            rows: list[Row] = []
            position, chain = len(self.rows), self.head()
            ends = {name: facts[-1].position for name, facts in self._streams.items()}
            for new in facts:
                position += 1
                topic, state = encode(new.fact)
                place = (position, new.stream, new.version, topic, state)
                row = (*place, ends.get(new.stream, 0), new.command_id, new.command_digest)
                chain = link(chain, *row)
                rows.append((*row, chain))
                ends[new.stream] = position
            return self._keep(facts, rows, tracking or {})

    def read(self, *, after: int = 0, limit: int = 10_000) -> list[Recorded]:
        """See `FactLog.read`."""
        return self._facts[after : after + limit]

    def stream(self, stream: str) -> list[Recorded]:
        """See `FactLog.stream`."""
        return list(self._streams.get(stream, ()))

    def streams(self, names: Collection[str]) -> dict[str, list[Recorded]]:
        """See `FactLog.streams`."""
        return {name: self.stream(name) for name in names if name in self._streams}

    def versions(self, names: Collection[str]) -> dict[str, int]:
        """See `FactLog.versions`."""
        return {name: len(self._streams[name]) for name in names if name in self._streams}

    def known_commands(self, ids: Collection[str]) -> dict[str, KnownCommand]:
        """See `FactLog.known_commands`."""
        return {known: self._commands[known] for known in ids if known in self._commands}

    def tracked(self, source: str) -> int:
        """See `FactLog.tracked`."""
        return self._tracked.get(source, 0)

    def last_position(self) -> int:
        """See `FactLog.last_position`."""
        return len(self.rows)

    def head(self) -> bytes:
        """See `FactLog.head`."""
        return self.rows[-1][8] if self.rows else START

    def chain_at(self, position: int) -> bytes:
        """See `FactLog.chain_at`."""
        return self.rows[position - 1][8] if 0 < position <= len(self.rows) else START

    def verify(
        self,
        *,
        progress: Callable[[int], None] | None = None,
        since: Checkpoint | None = None,
    ) -> ChainReport:
        """See `FactLog.verify`."""
        return Walk(self.name, since).run(
            lambda after, limit: self.rows[after : after + limit],
            lambda: Checkpoint(self.last_position(), self.head()),
            progress,
        )

    def _check(self, facts: Sequence[NewFact], tracking: Mapping[str, int]) -> None:
        for source, offset in tracking.items():
            if offset <= self.tracked(source):
                raise AlreadyTracked(
                    f"{source} was recorded up to {self.tracked(source)}; "
                    f"a batch up to {offset} is not ahead.",
                    way_out=f"Go on after {self.tracked(source)}.",
                    source=source,
                    offset=offset,
                )
        heads: dict[str, int] = {}
        commands: set[str] = set()
        for new in facts:
            wanted = heads.get(new.stream, len(self._streams.get(new.stream, ()))) + 1
            known = new.command_id is not None and (
                new.command_id in self._commands or new.command_id in commands
            )
            if new.version != wanted or known:
                raise StaleVersion(
                    f"{new.stream}: version {new.version} was decided, but {wanted} is next.",
                    way_out="Load the stream again and decide again.",
                    stream=new.stream,
                    version=new.version,
                )
            heads[new.stream] = wanted
            if new.command_id is not None:
                commands.add(new.command_id)

    def _keep(
        self, facts: Sequence[NewFact], rows: list[Row], tracking: Mapping[str, int]
    ) -> list[Recorded]:
        recorded = []
        for new, row in zip(facts, rows, strict=True):
            fact = Recorded(row[0], new.stream, new.version, new.fact)
            recorded.append(fact)
            self._streams.setdefault(new.stream, []).append(fact)
            if new.command_id is not None:
                self._commands[new.command_id] = KnownCommand(
                    new.command_digest or b"", new.stream, new.version
                )
        self.rows += rows
        self._facts += recorded
        self._tracked.update(tracking)
        return recorded


class MemoryStore:
    """The three logs in memory."""

    def __init__(self) -> None:
        self.ledger = MemoryLog(LEDGER_LOG)
        self.warnings = MemoryLog(WARNINGS_LOG)
        self.snapshots = MemorySnapshots()
        self.audit = MemoryLog(AUDIT_LOG)

    def close(self) -> None:
        """Nothing to give back."""
