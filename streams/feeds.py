"""What a partition tells the outside: its logs and grades as CloudEvents, from a place on.

The logs themselves are the outbox. Whoever publishes keeps a place of its own in a feed, reads
behind it, and moves it when what was read has arrived. An event's id is its fact's: read again, it
is the same. Decides nothing and sends nothing.
Source: CloudEvents 1.0.2, github.com/cloudevents/spec.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from ledger.ids import REFUSALS_STREAM, loan_stream, warning_stream
from ledger.store import LEDGER_LOG, WARNINGS_LOG, PostgresStore
from streams.topics import GRADES_TOPIC, LEDGER_TOPIC, REJECTS_TOPIC, WARNINGS_TOPIC

if TYPE_CHECKING:
    from streams.wiring import Node

GRADES = "grades"
GRADE_CHANGED = "grade.changed.v1"
SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json"

_EPOCH = date(1970, 1, 1)
_OF_LOANS = warning_stream("")
_RECORDED = re.compile(rb'"recorded_at_us":(\d+)')


class Event(NamedTuple):
    """One CloudEvent; `data` is JSON. `topic` and `key` are its place in Kafka.

    `subject` is the stream that it speaks of; a warning's is its loan's.
    """

    position: int
    topic: str
    key: str
    id: str
    source: str
    type: str
    subject: str
    recorded_at_us: int
    data: bytes

    @property
    def time(self) -> str:
        """When it was recorded, as RFC 3339 wants it."""
        seconds, us = divmod(self.recorded_at_us, 1_000_000)
        days, second = divmod(seconds, 86_400)
        hour, second = divmod(second, 3_600)
        minute, second = divmod(second, 60)
        return f"{_day(days)}T{hour:02}:{minute:02}:{second:02}.{us:06}Z"

    def attributes(self) -> dict[str, str]:
        """The attributes of the CloudEvent beside its data and content type."""
        return {
            "specversion": SPEC_VERSION,
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "time": self.time,
        }

    def structured(self) -> bytes:
        """The whole event as one JSON document (structured mode)."""
        head = {**self.attributes(), "datacontenttype": CONTENT_TYPE}
        return orjson.dumps(head)[:-1] + b',"data":' + self.data + b"}"


@lru_cache(maxsize=1_024)
def _day(days: int) -> str:
    """A day of UTC, counted from 1970, as text; facts that are published together share few."""
    return (_EPOCH + timedelta(days)).isoformat()


@dataclass(frozen=True, slots=True)
class Feed:
    """One source of events.

    `read(place, most)` gives about `most` events behind the place, in order, and the place that
    they lead to; `end()` is the last place there is.
    """

    name: str
    read: Callable[[int, int], tuple[Sequence[Event], int]]
    end: Callable[[], int]


def feeds_of(node: Node) -> Mapping[str, Feed]:
    """What the node's partition tells: its warnings, grades and ledger."""
    made = _Feeds(node)
    store = node.store
    return {
        WARNINGS_LOG: Feed(WARNINGS_LOG, made.warnings, store.warnings.last_position),
        GRADES: Feed(GRADES, made.grades, store.ledger.last_position),
        LEDGER_LOG: Feed(LEDGER_LOG, made.ledger, store.ledger.last_position),
    }


def partition_of(node: Node) -> int:
    """The number of the node's partition; an embedded node is the first and only one."""
    return node.store.partition if isinstance(node.store, PostgresStore) else 0


class _Feeds:
    def __init__(self, node: Node) -> None:
        self._node = node
        self._partition = partition_of(node)
        self._graded: tuple[int, int | None] | None = None

    def ledger(self, place: int, most: int) -> tuple[Sequence[Event], int]:
        rows = self._node.store.ledger.raw(after=place, limit=most)
        events = [
            self._fact(LEDGER_LOG, row, REJECTS_TOPIC if row[1] == REFUSALS_STREAM else
                       LEDGER_TOPIC, row[1], row[1])
            for row in rows
        ]  # fmt: skip
        return events, rows[-1][0] if rows else place

    def warnings(self, place: int, most: int) -> tuple[Sequence[Event], int]:
        rows = self._node.store.warnings.raw(after=place, limit=most)
        events = []
        for row in rows:
            loan_id = row[1].removeprefix(_OF_LOANS)
            about = loan_stream(loan_id) if loan_id != row[1] else row[1]
            events.append(self._fact(WARNINGS_LOG, row, WARNINGS_TOPIC, loan_id, about))
        return events, rows[-1][0] if rows else place

    def grades(self, place: int, most: int) -> tuple[Sequence[Event], int]:
        """Changes of grades behind a position of the ledger: whole closes, as the views have."""
        here = place, self._node.projector.closed_day
        if here == self._graded:  # Grades change at closes: there was none since there was nothing.
            return [], place
        events: list[Event] = []
        cursor: str | None = f"{place}:~"
        while cursor is not None and not _cut(events, most):
            page = self._node.queries.grade_changes(after=cursor, limit=1_000)
            events += map(self._grade, page.rows)
            cursor = page.next_cursor
        if cursor is not None:  # The last close may go on behind what was read.
            last = events[-1].position
            events = [event for event in events if event.position < last]
        self._graded = here if not events else None
        return events, events[-1].position if events else place

    def _grade(self, row: dict[str, Any]) -> Event:
        loan_id = row["loan_id"]
        return Event(
            row["position"],
            GRADES_TOPIC,
            loan_id,
            f"{self._partition}/{GRADES}/{row['regime']}/{loan_id}@{row['position']}",
            f"/loanbell/{self._partition}/{GRADES}",
            GRADE_CHANGED,
            loan_stream(loan_id),
            row["recorded_at_us"],
            orjson.dumps(row),
        )

    def _fact(
        self, log: str, row: tuple[int, str, int, str, bytes], topic: str, key: str, about: str
    ) -> Event:
        position, stream, version, kind, state = row
        at = _RECORDED.search(state)
        return Event(
            position,
            topic,
            key,
            f"{self._partition}/{log}/{stream}@{version}",
            f"/loanbell/{self._partition}/{log}",
            kind,
            about,
            int(at[1]) if at else 0,
            bytes(state),
        )


def _cut(events: Sequence[Event], most: int) -> bool:
    """Whether there are enough, of more than one position."""
    return len(events) >= most and events[0].position < events[-1].position
