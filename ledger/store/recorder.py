"""The eventsourcing library's recorders, made to append whole batches at full rate.

Keeps the library's transactions, connection pool, StoredEvent and Tracking and answers its calls;
replaces its table by an append-only one, whose rows are hash-chained and point to the row before
in their stream. `sqlite` and `postgres` say how rows get in and out. Knows nothing of facts, only
their topics and bytes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple
from uuid import UUID

from eventsourcing.persistence import IntegrityError, Notification, StoredEvent, Tracking

from ledger.errors import InvariantBroken
from ledger.store.chain import START, link
from ledger.store.records import NewFact, Recorded
from ledger.store.statements import Statements
from ledger.store.tail import Head, Slice, Tail

TAIL_FACTS = 65_536
"""So many facts come together in memory before their index entries are moved to their tables."""
PART = 10_000
"""So many keys go into one statement."""
_KNOWN_HEADS = 262_144
_NEW: Head = (0, 0)
_new = tuple.__new__

Encode = Callable[[Any], tuple[str, bytes]]
"""A fact -> topic and state."""
Place = tuple[int, str, int, str, bytes]
"""position, stream, version, topic, state"""


class Framed(NamedTuple):
    """A batch made ready: the values of its rows in one list, and what will be known after it."""

    recorded: list[Recorded]
    values: list[Any]
    heads: dict[str, Head]
    commands: dict[str, int]
    last: tuple[int, bytes]


class BatchRecorder:
    """One log's tables. With `writes`, this process is their only writer; else it follows one.

    A `shared` log has several writers, each of which follows the others. Elsewhere a writer that
    was overtaken must not: what it decides, it decides on a state that is gone.

    Stands before the library's recorder for a database in the bases of a class that gives it
    `rows`, `keys`, and `write`, and calls `follow` when it is made.
    """

    datastore: Any
    sql: Statements
    shared = False

    def follow(self, log: str, sql: Statements, *, writes: bool) -> None:
        """Be a recorder of `log`, of which nothing is known yet."""
        self.log, self.sql, self._writes = log, sql, writes
        self._tail = Tail(TAIL_FACTS if writes else None)
        self._scanned = self._indexed = 0
        self._last: tuple[int, bytes] = (0, START)
        self._fresh = False
        self._heads: dict[str, Head] = {}
        self._unknown: tuple[int, AbstractSet[str]] = (0, frozenset())
        self._tracked: dict[str, int] = {}
        self._committing = False
        self._lock = threading.RLock()

    # What a database does its own way

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Plain tuples of a query over one snapshot."""
        raise NotImplementedError

    def keys(self, part: Sequence[str] | Sequence[int]) -> Any:
        """A list of keys as the one parameter of a statement that takes a list."""
        raise NotImplementedError

    def write(self, cursor: Any, framed: Framed, moved: Slice, last: tuple[int, bytes]) -> None:
        """Add the rows behind `last`. Errors: IntegrityError when another writer was first."""
        raise NotImplementedError

    def _insert_tracking(self, cursor: Any, tracking: Tracking) -> None:
        """The library's; it comes behind this class in the order of resolution."""
        super()._insert_tracking(cursor, tracking)  # type: ignore[misc]

    # Writing

    def append(
        self, facts: Sequence[NewFact], encode: Encode, tracking: Iterable[Tracking] = ()
    ) -> list[Recorded]:
        """Add `facts` and move `tracking` in one commit.

        Errors: the library's IntegrityError when a version is not its stream's next, a command is
        known, tracking is not ahead or another writer was first; its other errors when the database
        refuses. Nothing is kept then.
        """
        with self._lock:
            self._follow()
            framed = self._framed(facts, encode)
            moved, sources = self._tail.due(len(facts), self._last[0]), [*tracking]
            self._committing = True
            try:
                with self.datastore.transaction(commit=True) as cursor:
                    for source in sources:
                        self._insert_tracking(cursor, source)
                    self.write(cursor, framed, moved, self._last)
                self._note(framed, moved, sources)
            except BaseException:
                self._fresh = False
                raise
            finally:
                self._committing = False
            return framed.recorded

    def _note(self, framed: Framed, moved: Slice, sources: Sequence[Tracking]) -> None:
        """What was just committed is known from now on."""
        self._tail.add(len(framed.recorded), framed.heads, framed.commands)
        self._tail.moved(moved)
        self._remember(framed.heads)
        self._last, self._scanned = framed.last, framed.last[0]
        self._tracked |= {each.application_name: each.notification_id for each in sources}

    def _framed(self, facts: Sequence[NewFact], encode: Encode) -> Framed:
        """Rows with positions and chain. Errors: IntegrityError for a version or command."""
        heads = self.heads({new.stream for new in facts})
        commands: dict[str, int] = {}
        values: list[Any] = []
        recorded: list[Recorded] = []
        position, chain = self._last
        for stream, version, fact, command_id, digest in facts:
            last, previous = heads.get(stream, _NEW)
            if version != last + 1:
                raise IntegrityError(f"{stream}: version {last + 1} is next, not {version}")
            position += 1
            heads[stream] = version, position
            topic, state = encode(fact)
            chain = link(
                chain, position, stream, version, topic, state, previous, command_id, digest
            )
            values += (position, stream, version, topic, state, previous, command_id, digest, chain)
            recorded.append(_new(Recorded, (position, stream, version, fact)))
            if command_id is not None:
                if command_id in commands:
                    raise IntegrityError(f"command {command_id} comes twice")
                commands[command_id] = position
        self._refuse_known(commands)
        return Framed(recorded, values, heads, commands, (position, chain))

    def _refuse_known(self, commands: dict[str, int]) -> None:
        """Errors: IntegrityError for a known command, looked up unless that was just done."""
        position, unknown = self._unknown
        if position == self._last[0] and commands.keys() <= unknown:
            return
        known = self.commands(commands.keys())
        if known:
            raise IntegrityError(f"command {next(iter(known))} is known")

    def _remember(self, heads: dict[str, Head]) -> None:
        if len(self._heads) > _KNOWN_HEADS:
            self._heads.clear()
        self._heads.update(heads)

    # Following the log

    def last(self) -> tuple[int, bytes]:
        """Position and chain hash of the last row; 0 and zeros when there is none."""
        return self._end()[:2]

    def _end(self) -> tuple[int, bytes, int]:
        """The log's note of its last position, its chain hash, and how far the index goes."""
        rows = self.rows(self.sql.select_log)
        return rows[0] if rows else (0, START, 0)

    @property
    def _is_current(self) -> bool:
        """Whether what is known here is all there is: nobody else writes, and no commit runs."""
        return self._fresh and not self.shared and not self._committing

    def ends_at(self, position: int) -> bool:
        """Whether nothing is behind `position`, as far as can be told without a look."""
        return self._is_current and self._last[0] <= position

    def _ready(self) -> None:
        """Know at least what the file shows by now: a commit is seen before it is noted here."""
        if self._is_current:
            return
        end = self._end()[0]
        if not self._fresh or self._last[0] < end:
            with self._lock:
                if self.shared and self._last[0] < end:  # no commit of ours
                    self._fresh = False
                self._follow()

    def _follow(self) -> None:
        """Know the log's end and the index of its tail, as they are in the file now."""
        if self._fresh:
            return
        position, chain, indexed = self._end()
        if indexed > self._scanned or (not self._writes and indexed > self._indexed):
            self._tail, self._scanned = Tail(TAIL_FACTS if self._writes else None), indexed
        self._indexed = indexed
        self._heads.clear()
        self._tracked.clear()
        while self._scanned < position:
            self._scan(position)
        self._last, self._fresh = (position, chain), self._writes

    def _scan(self, position: int) -> None:
        """Index one more stretch of the log in memory, on the way to `position`."""
        rows = self.rows(self.sql.scan, (self._scanned,))
        if not rows:
            raise InvariantBroken(
                f"The {self.log} log ends at position {self._scanned}, but notes {position}: "
                "its last facts were taken away. Check the ledger, then restore a backup."
            )
        heads = {stream: (version, at) for at, stream, version, _ in rows}
        commands = {command: at for at, _, _, command in rows if command is not None}
        self._tail.add(len(rows), heads, commands)
        self._scanned = rows[-1][0]

    # Reading

    def heads(self, streams: AbstractSet[str]) -> dict[str, Head]:
        """The ends of those of `streams` that have facts."""
        self._ready()
        found = dict(zip(streams, map(self._heads.get, streams), strict=True))
        heads = {stream: head for stream, head in found.items() if head is not None}
        missing = []
        for stream in streams - heads.keys() if len(heads) < len(streams) else ():
            head = self._tail.head(stream)
            if head is None:
                missing.append(stream)
            else:
                heads[stream] = head
        for stream, version, position in self.listed(self.sql.select_heads, missing):
            heads[stream] = version, position
        return heads

    def commands(self, ids: AbstractSet[str]) -> dict[str, int]:
        """The positions of those of `ids` that are known."""
        self._ready()
        position = self._last[0]
        found = self._tail.commands(ids)
        found.update(self.listed(self.sql.select_commands, ids - found.keys()))
        self._unknown = position, ids - found.keys()
        return found

    def walk(self, streams: Collection[str]) -> list[Place]:
        """All rows of `streams`, by position."""
        ends = [position for _, position in self.heads(set(streams)).values()]
        rows = self.listed(self.sql.walk, ends)
        rows.sort(key=lambda row: row[0])
        return rows

    def listed(self, query: str, keys: Collection[str] | Collection[int]) -> list[Any]:
        """Rows of a query whose parameter is a list of keys."""
        ordered: list[Any] = sorted(keys)
        parts = (ordered[start : start + PART] for start in range(0, len(ordered), PART))
        return [row for part in parts for row in self.rows(query, (self.keys(part),))]

    def indexed_heads(self) -> tuple[int, list[tuple[str, int, int]]]:
        """Up to which position the index tables hold everything, and the whole table of heads."""
        return self._end()[2], self.rows(self.sql.all_heads)

    def reindex(self) -> None:
        """Build the index tables again from the facts, in one commit."""
        with self._lock:
            with self.datastore.transaction(commit=True) as cursor:
                for statement in self.sql.reindex:
                    cursor.execute(statement)
            self._tail, self._scanned, self._fresh = Tail(TAIL_FACTS), 0, False

    # The library's calls

    def max_tracking_id(self, application_name: str) -> int | None:
        """The last offset tracked from a source; None when none."""
        known = self._tracked.get(application_name) if self._is_current else None
        if known is not None:
            return known
        found: int | None = self.rows(self.sql.tracked, (application_name,))[0][0]
        return found

    def insert_events(
        self, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        """The library's way in, without commands; versions count from 1 here too."""
        facts = [
            NewFact(str(e.originator_id), e.originator_version, (e.topic, e.state))
            for e in stored_events
        ]
        tracking = kwargs.get("tracking")
        recorded = self.append(facts, lambda fact: fact, () if tracking is None else (tracking,))
        return [fact.position for fact in recorded]

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """One stream's events as the library wants them."""
        events = [
            StoredEvent(stream, version, topic, state)
            for _, stream, version, topic, state in self.walk([str(originator_id)])
            if (gt is None or version > gt) and (lte is None or version <= lte)
        ]
        return events[:: -1 if desc else 1][:limit]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """The log from `start` on as the library wants it."""
        after = (start or 0) - (1 if inclusive_of_start else 0)
        last = self.last()[0] if stop is None else stop
        rows = (
            self.rows(self.sql.notifications_of, (self.keys(list(topics)), after, last, limit))
            if topics
            else self.rows(self.sql.notifications, (after, last, limit))
        )
        return [
            Notification(stream, version, topic, state, position)
            for position, stream, version, topic, state in rows
        ]
