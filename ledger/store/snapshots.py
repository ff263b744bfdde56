"""Snapshots beside the tracking: what was derived from the logs up to a place, as bytes.

A snapshot is a convenience: what it holds can always be derived from the facts. One that is not
whole, of other code or of another log is as none. Pieces are written one by one, so that who
records beside waits for one piece at most; the head comes last and takes older ones away. Knows not
what the bytes mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from ledger.store.log import Told
from ledger.store.recorder import BatchRecorder
from ledger.store.records import Checkpoint
from ledger.store.statements import Dialect

PIECE_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`state` of what is called `name`, derived from each log of `at` up to a place.

    `key` names all else that it depends on: code, rules, calendar.
    """

    name: str
    key: str
    at: Mapping[str, Checkpoint]
    state: bytes

    @property
    def order(self) -> int:
        """Later ones have a greater number."""
        return sum(place.position for place in self.at.values())

    def head(self) -> bytes:
        """All but the state, and the state's hash."""
        at = {log: [place.position, place.chain.hex()] for log, place in sorted(self.at.items())}
        hashed = sha256(self.state).hexdigest()
        return orjson.dumps({"key": self.key, "at": at, "sha256": hashed})


def joined(name: str, head: bytes, pieces: Sequence[bytes]) -> Snapshot | None:
    """The snapshot of those parts; None where they are not what was written."""
    try:
        said = orjson.loads(head)
        at = {log: Checkpoint(place, bytes.fromhex(c)) for log, (place, c) in said["at"].items()}
        found = Snapshot(name, said["key"], at, b"".join(pieces))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return found if found.head() == head else None


def create(words: Dialect) -> str:
    """The table; part 0 is the head."""
    return (
        f"CREATE TABLE IF NOT EXISTS snapshots (name TEXT NOT NULL, number {words.whole} NOT NULL, "
        f"part {words.whole} NOT NULL, state {words.bytes_} NOT NULL, "
        "PRIMARY KEY (name, number, part))"
    )


class Snapshots:
    """The snapshots of one place; `recorder` is that of any of its logs."""

    def __init__(self, recorder: BatchRecorder, told: Told) -> None:
        self._recorder, self._told = recorder, told
        mark = recorder.sql.words.mark
        self._add = f"INSERT INTO snapshots VALUES ({mark}, {mark}, {mark}, {mark})"
        self._again = f"DELETE FROM snapshots WHERE name = {mark} AND number = {mark}"
        self._older = f"DELETE FROM snapshots WHERE name = {mark} AND number < {mark}"
        self._heads = (
            f"SELECT number, state FROM snapshots WHERE name = {mark} AND part = 0 "
            "ORDER BY number DESC LIMIT 1"
        )
        self._parts = (
            f"SELECT state FROM snapshots WHERE name = {mark} AND number = {mark} AND part > 0 "
            "ORDER BY part"
        )

    def save(self, snapshot: Snapshot) -> None:
        """Keep `snapshot` in the place of earlier ones of its name. Errors: StoreUnavailable."""
        name, number, state = snapshot.name, snapshot.order, snapshot.state
        self._write([(self._again, (name, number))])
        for part, start in enumerate(range(0, len(state), PIECE_BYTES), start=1):
            piece = state[start : start + PIECE_BYTES]
            self._write([(self._add, (name, number, part, piece))])
        self._write(
            [(self._add, (name, number, 0, snapshot.head())), (self._older, (name, number))]
        )

    def load(self, name: str) -> Snapshot | None:
        """The last snapshot of that name; None where there is none that is whole."""
        with self._told():
            heads = self._recorder.rows(self._heads, (name,))
            if not heads:
                return None
            number, head = heads[0]
            pieces = self._recorder.rows(self._parts, (name, number))
        return joined(name, bytes(head), [bytes(piece) for (piece,) in pieces])

    def _write(self, statements: Sequence[tuple[str, tuple[Any, ...]]]) -> None:
        with self._told(), self._recorder.datastore.transaction(commit=True) as cursor:
            for statement, values in statements:
                cursor.execute(statement, values)


class MemorySnapshots:
    """The same in memory."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[bytes, bytes]] = {}

    def save(self, snapshot: Snapshot) -> None:
        """See `Snapshots.save`."""
        self._kept[snapshot.name] = snapshot.head(), snapshot.state

    def load(self, name: str) -> Snapshot | None:
        """See `Snapshots.load`."""
        head, state = self._kept.get(name, (b"", b""))
        return joined(name, head, [state])
