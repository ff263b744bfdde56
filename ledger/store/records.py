"""What goes into a log and what comes out of it: the store's contract, without any database.

A log is a totally ordered, hash-chained sequence of facts written by one writer. Positions count
1, 2, 3, … without gaps; versions count 1, 2, 3, … in each stream. No row of a log depends on how
its facts were batched. What is made for every fact is a named tuple, which costs half of a frozen
dataclass.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from ledger.errors import StaleVersion
from ledger.ids import event_id

LEDGER_LOG = "ledger"
"""The log of what happened to loans and accounts."""
WARNINGS_LOG = "warnings"
"""The log of what the watch concluded and what people did about it."""
AUDIT_LOG = "audit"
"""The log of who signed in, saw and did what."""


class AlreadyTracked(StaleVersion):
    """The batch is not ahead of what was tracked from its source: it was recorded before."""

    code = "already_tracked"


class NewFact(NamedTuple):
    """A decided fact on its way into the log.

    `version` is the stream's last version plus one. `command_id` and `command_digest` go with the
    first fact of a command only, both or neither, and make it known for ever.
    """

    stream: str
    version: int
    fact: Any
    command_id: str | None = None
    command_digest: bytes | None = None


class Recorded(NamedTuple):
    """A fact in the log, at its place."""

    position: int
    stream: str
    version: int
    fact: Any

    @property
    def event_id(self) -> str:
        """The fact's id for reasons and receivers: `loan:L1@3`."""
        return event_id(self.stream, self.version)


class KnownCommand(NamedTuple):
    """A command recorded earlier: the digest of its content and the first fact it led to."""

    digest: bytes
    stream: str
    version: int

    @property
    def event_id(self) -> str:
        """The id of the first fact it led to."""
        return event_id(self.stream, self.version)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A place in a log up to which the chain was verified, and its chain hash there.

    Position 0 with 32 zero bytes is the beginning. A third party can keep one as an anchor.
    """

    position: int = 0
    chain: bytes = bytes(32)


@dataclass(frozen=True, slots=True)
class ChainFault:
    """The first place where the log is not what was recorded. `stream` is "" if unknown.

    `index_only`: the facts are whole, and `Log.reindex` mends it.
    """

    position: int
    stream: str
    what: str
    index_only: bool = False


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What `verify` found: facts checked, how far the chain holds, and the first fault."""

    log: str
    facts: int
    checkpoint: Checkpoint
    fault: ChainFault | None = None

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return self.fault is None


class FactLog(Protocol):
    """One log. `record` is for its one writer; every read may come from any thread."""

    @property
    def name(self) -> str:
        """`ledger`, `warnings` or `audit`."""

    def record(
        self, facts: Sequence[NewFact], *, tracking: Mapping[str, int] | None = None
    ) -> list[Recorded]:
        """Append `facts` and move `tracking` in one commit: all of it or nothing.

        `tracking` maps a source to the last offset that this batch covers, counted from 1.
        Errors: AlreadyTracked when it is not ahead; StaleVersion when a fact's version is not the
        next of its stream, or its command is known; StoreUnavailable when the disk will not.
        """

    def read(self, *, after: int = 0, limit: int = 10_000) -> list[Recorded]:
        """At most `limit` facts with a position greater than `after`, in order."""

    def stream(self, stream: str) -> list[Recorded]:
        """All facts of one stream, in order; [] if there are none."""

    def streams(self, names: Collection[str]) -> dict[str, list[Recorded]]:
        """All facts of many streams; a stream without facts is left out."""

    def versions(self, names: Collection[str]) -> dict[str, int]:
        """The last version of many streams; a stream without facts is left out."""

    def known_commands(self, ids: Collection[str]) -> dict[str, KnownCommand]:
        """Those of `ids` that were recorded before."""

    def tracked(self, source: str) -> int:
        """The last offset recorded from `source`, 0 when none."""

    def last_position(self) -> int:
        """The position of the last fact, 0 when empty."""

    def head(self) -> bytes:
        """The chain hash of the last fact; 32 zero bytes when empty."""

    def chain_at(self, position: int) -> bytes:
        """The chain hash of the fact at `position`; 32 zero bytes where there is none."""

    def verify(
        self,
        *,
        progress: Callable[[int], None] | None = None,
        since: Checkpoint | None = None,
    ) -> ChainReport:
        """Walk the chain from `since` (default: the beginning) to the end or the first fault.

        `progress` is called with the last position checked, every few thousand facts. The report's
        checkpoint is where a later walk may resume.
        """
