"""Anchors: where a log stood and the hash of all its facts up to there, for somebody else to keep.

One line a log, plain enough to print: name, position, hash, and the day its last fact was recorded.

    # LoanBell anchor, version 1: log, position, hash of all facts up to it, day of the last one
    ledger 25021 9f3c…64 digits…b2 2024-08-01
    warnings 0 0000…0000 -

Who keeps one can prove that nothing up to it was changed, taken away or put in: the hash covers
every fact before it. Opens no files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from ledger.dates import date_of_us
from ledger.errors import LoanError, StoreBlocked
from ledger.store.records import ChainFault, Checkpoint, FactLog

HEAD = (
    "# LoanBell anchor, version 1: log, position, hash of all facts up to it, day of the last one"
)
_HASH_DIGITS = 64
_ATTEMPTS = 1_000


class AnchorUnreadable(LoanError):
    """A file is not an anchor; the message names its line."""

    code = "anchor_unreadable"


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a log stood. `recorded` is the day its last fact was recorded, None when empty."""

    log: str
    checkpoint: Checkpoint
    recorded: date | None

    def __str__(self) -> str:
        day = "-" if self.recorded is None else self.recorded.isoformat()
        return f"{self.log} {self.checkpoint.position} {self.checkpoint.chain.hex()} {day}"


def anchor_at(log: FactLog, checkpoint: Checkpoint) -> Anchor:
    """The anchor of a place that `log` was verified up to."""
    position = checkpoint.position
    last = log.read(after=position - 1, limit=1) if position else []
    return Anchor(log.name, checkpoint, date_of_us(last[0].fact.recorded_at_us) if last else None)


def anchor_now(log: FactLog) -> Anchor:
    """Where `log` notes that it stands, as of one moment even beside a writer.

    Errors: StoreBlocked when the log grew during each of many attempts.
    """
    for _ in range(_ATTEMPTS):
        before, position, chain = log.head(), log.last_position(), log.head()
        if before == chain:
            return anchor_at(log, Checkpoint(position, chain))
    raise StoreBlocked(f"The {log.name} log grows too fast.", way_out="Try again when it is calm.")


def written(anchors: Iterable[Anchor]) -> str:
    """Anchors as text."""
    return "\n".join([HEAD, *map(str, anchors)]) + "\n"


def read_anchors(text: str, *, name: str) -> tuple[Anchor, ...]:
    """Anchors from text; `#` begins a remark. Errors: AnchorUnreadable naming `name` and line."""
    anchors = tuple(_read(text, name))
    if not anchors:
        raise AnchorUnreadable(
            f"{name} holds no anchor.", way_out="Name a file that `loanbell anchor` wrote."
        )
    return anchors


def fault_against(log: FactLog, anchor: Anchor) -> ChainFault | None:
    """Why `log` is not a continuation of what `anchor` saw; None if it is.

    Walks what was recorded after it: together with a walk up to it, this proves the facts before.
    """
    position = anchor.checkpoint.position
    last = log.last_position()
    if last < position:
        what = f"the anchor saw {position} facts, the log holds {last}: facts were taken away"
        return ChainFault(last + 1, "", what)
    fault = log.verify(since=anchor.checkpoint).fault
    if fault is None:
        return None
    if fault.position > position + 1:
        return fault
    what = "the facts up to here are not those that the anchor saw"
    return ChainFault(position, fault.stream, what)


def _read(text: str, name: str) -> Iterator[Anchor]:
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            log, position, chain, day = words
            checkpoint = Checkpoint(int(position), bytes.fromhex(chain))
            recorded = None if day == "-" else date.fromisoformat(day)
        except ValueError:
            checkpoint, recorded, log, chain = Checkpoint(-1), None, "", ""
        if checkpoint.position < 0 or len(chain) != _HASH_DIGITS:
            raise AnchorUnreadable(
                f"{name}:{number}: {line[:60]!r} is not an anchor.",
                way_out="A line is: log, position, hash of 64 hexadecimal digits, date or -.",
            )
        yield Anchor(log, checkpoint, recorded)
