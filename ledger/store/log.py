"""A log in a database: facts to rows by the codec, and back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from eventsourcing.persistence import IntegrityError, Tracking

from ledger.codec import columns, decode, encode, topic_of_kind
from ledger.errors import InvariantBroken, StaleVersion, StoreUnavailable
from ledger.store.chain import START, Row
from ledger.store.recorder import BatchRecorder, Place
from ledger.store.records import (
    AlreadyTracked,
    ChainFault,
    ChainReport,
    Checkpoint,
    KnownCommand,
    NewFact,
    Recorded,
)
from ledger.store.statements import gathered, read_without
from ledger.store.verify import Walk, missing_head

Told = Callable[[], AbstractContextManager[None]]
"""Turns a database's errors into StoreUnavailable with a way out."""


class Log:
    """One log in the place called `place`. See `FactLog` for the contract."""

    def __init__(
        self, name: str, place: str, recorder: BatchRecorder, told: Told, *, writes: bool
    ) -> None:
        self.name = name
        self._place, self._told, self._writes = place, told, writes
        self._recorder = recorder
        self._sql = recorder.sql

    def record(
        self, facts: Sequence[NewFact], *, tracking: Mapping[str, int] | None = None
    ) -> list[Recorded]:
        """See `FactLog.record`."""
        if not self._writes:
            raise StoreUnavailable(
                f"{self._place} was opened to read.", way_out="Open it without read_only to record."
            )
        sources = tracking or {}
        moved = [Tracking(self._source(source), last) for source, last in sources.items()]
        with self._told():
            try:
                return self._recorder.append(facts, encode, moved)
            except IntegrityError as error:
                raise self._conflict(sources, error) from error

    def read(self, *, after: int = 0, limit: int = 10_000) -> list[Recorded]:
        """See `FactLog.read`."""
        with self._told():
            rows = self._recorder.rows(self._sql.read, (after, limit))
        return _recorded(rows)

    def read_without(self, kinds: Collection[type], *, after: int, upto: int) -> list[Recorded]:
        """The facts with positions in (after, upto], in order, those of `kinds` left out.

        A fact of `kinds` that is stored under an older version is among them.
        """
        topics = [*map(topic_of_kind, kinds)]
        query = read_without(self.name, len(topics), self._sql.words)
        with self._told():
            rows = self._recorder.rows(query, (after, upto, *topics))
        return _recorded(rows)

    def columns(
        self, fields: Mapping[type, Sequence[str]], *, after: int, upto: int
    ) -> dict[type, list[list[Any]]]:
        """Some fields of the facts that `read_without` leaves out, as columns by kind.

        In no particular order, but the same one in all columns of a kind. Four times as fast as
        making the facts, for views built anew over a long log. Errors: StoredFactUnreadable.
        """
        topics = [*map(topic_of_kind, fields)]
        query = gathered(self.name, len(topics), self._sql.words)
        with self._told():
            ((*states,),) = self._recorder.rows(query, (*topics, after, upto))
        return {
            kind: columns(kind, names, state or "")
            for (kind, names), state in zip(fields.items(), states, strict=True)
        }

    def stream(self, stream: str) -> list[Recorded]:
        """See `FactLog.stream`."""
        return self.streams([stream]).get(stream, [])

    def streams(self, names: Collection[str]) -> dict[str, list[Recorded]]:
        """See `FactLog.streams`."""
        with self._told():
            rows = self._recorder.walk(names)
        found: dict[str, list[Recorded]] = {}
        for fact in _recorded(rows):
            facts = found.setdefault(fact.stream, [])
            facts.append(fact)
            if fact.version != len(facts):
                raise InvariantBroken(
                    f"{fact.stream} in {self._place} has no version {len(facts)} before position "
                    f"{fact.position}: verify the log."
                )
        return found

    def versions(self, names: Collection[str]) -> dict[str, int]:
        """See `FactLog.versions`."""
        with self._told():
            return {
                name: version for name, (version, _) in self._recorder.heads(set(names)).items()
            }

    def known_commands(self, ids: Collection[str]) -> dict[str, KnownCommand]:
        """See `FactLog.known_commands`."""
        with self._told():
            places = self._recorder.commands(set(ids))
            rows = self._recorder.listed(self._sql.select_claims, places.values())
        return {known: KnownCommand(*claim) for known, *claim in rows if known in places}

    def tracked(self, source: str) -> int:
        """See `FactLog.tracked`."""
        with self._told():
            return self._recorder.max_tracking_id(self._source(source)) or 0

    def last_position(self) -> int:
        """See `FactLog.last_position`."""
        with self._told():
            return self._recorder.last()[0]

    def head(self) -> bytes:
        """See `FactLog.head`."""
        with self._told():
            return self._recorder.last()[1]

    def chain_at(self, position: int) -> bytes:
        """See `FactLog.chain_at`."""
        with self._told():
            rows = self._recorder.rows(self._sql.verify, (position - 1, 1))
        return rows[0][8] if rows and position and rows[0][0] == position else START

    def verify(
        self,
        *,
        progress: Callable[[int], None] | None = None,
        since: Checkpoint | None = None,
    ) -> ChainReport:
        """See `FactLog.verify`. From the beginning it also checks the index of streams."""
        rows, sql = self._recorder.rows, self._sql
        walk = Walk(self.name, since)
        with self._told():
            report = walk.run(
                lambda after, limit: rows(sql.verify, (after, limit)),
                lambda: Checkpoint(*rows(sql.select_log)[0][:2]),
                progress,
            )
            if report.fault is not None:
                return report
            return walk.report(self._index_fault(walk))

    def raw(self, *, after: int, limit: int) -> list[Place]:
        """As `read`, but with topics and bytes as they are stored: for whoever passes them on."""
        if self._recorder.ends_at(after):
            return []
        with self._told():
            return self._recorder.rows(self._sql.read, (after, limit))

    def link_at(self, position: int) -> tuple[bytes, Row]:
        """The row at `position` and the chain hash before it: together they prove the fact.

        Errors: StoreUnavailable where there is no such row.
        """
        with self._told():
            rows = self._recorder.rows(self._sql.verify, (max(0, position - 2), 2))
        found = [row for row in rows if row[0] <= position]
        if not found or found[-1][0] != position:
            raise StoreUnavailable(f"{self._place} has no position {position} in {self.name}.")
        return (START if position == 1 else found[0][8]), found[-1]

    def rows(self, query: str, parameters: Sequence[Any]) -> list[Any]:
        """Rows of a query over the log's database."""
        return self._recorder.rows(query, parameters)

    def reindex(self) -> None:
        """Build the index of streams and commands again from the facts."""
        with self._told():
            self._recorder.reindex()

    def _index_fault(self, walk: Walk) -> ChainFault | None:
        rows, sql = self._recorder.rows, self._sql
        for index, query in (("streams", sql.wrong_head), ("commands", sql.wrong_command)):
            for position, key in rows(query):
                what = f"the index of {index} is wrong for {key}; the facts are whole"
                stream = key if index == "streams" else ""
                return ChainFault(position, stream, what, index_only=True)
        if walk.ends is None:
            return None
        indexed, heads = self._recorder.indexed_heads()
        return missing_head({stream: position for stream, _, position in heads}, walk.ends, indexed)

    def _source(self, source: str) -> str:
        return f"{self.name}/{source}"

    def _conflict(self, tracking: Mapping[str, int], error: IntegrityError) -> StaleVersion:
        for source, last in tracking.items():
            before = self.tracked(source)
            if last <= before:
                return AlreadyTracked(
                    f"{source} was recorded up to {before}; a batch up to {last} is not ahead.",
                    way_out=f"Go on after {before}.",
                    source=source,
                    offset=last,
                )
        return StaleVersion(
            f"The {self.name} log has moved on: {error}.",
            way_out="Load the streams again and decide again.",
        )


def _recorded(rows: Sequence[Place]) -> list[Recorded]:
    return [Recorded(p, stream, version, decode(topic, s)) for p, stream, version, topic, s in rows]
