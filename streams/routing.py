"""Which partition a message belongs to, and what its way there leaves on it. Does no I/O.

A borrower's loans and accounts meet in the partition of the borrower's id. A message that arrives
elsewhere, because it was keyed otherwise, is sent on before its offset is tracked. The headers name
where it came from and the offset there, which only counts up: so the receiver tracks that source
like any other, and a message sent on twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from ledger.commands import CloseBusinessDay
from ledger.service import Incoming

SOURCE_HEADER = "loanbell-source"
OFFSET_HEADER = "loanbell-offset"
ACCEPTED_HEADER = "loanbell-accepted-us"
EACH_HEADER = "loanbell-each"
"""On a business-day close that its sender sends to every partition by itself."""
LINES = 1 << 20
"""More than the lines that one delivery can hold."""
MOST = 2**63 - 1
"""The greatest number that the store holds."""
MOST_US = 2**57
"""Beyond every date of a message."""


class Origin(NamedTuple):
    """Where a message that was sent on came from."""

    source: str
    offset: int
    accepted_us: int


def origin_of(headers: Mapping[str, bytes]) -> Origin | None:
    """What an earlier partition left on the message, if it came by one.

    Headers that no partition writes are a stranger's: the message then counts as coming first here.
    """
    if SOURCE_HEADER not in headers:
        return None
    try:
        source = headers[SOURCE_HEADER].decode()
        offset, at_us = int(headers[OFFSET_HEADER]), int(headers[ACCEPTED_HEADER])
    except (KeyError, ValueError):
        return None
    ours = "\0" not in source and 0 < offset <= MOST and 0 <= at_us < MOST_US
    return Origin(source, offset, at_us) if ours else None


def sent_on(message: Incoming, here: int, line: int) -> list[tuple[str, bytes]]:
    """The headers of a message that partition `here` sends on; `line` is its place in a delivery.

    Each way has a source of its own, in which offsets only count up: a message that came by
    another partition already keeps its offset.
    """
    first = ">" not in message.source
    offset = message.offset * LINES + line if first else message.offset
    return [
        (SOURCE_HEADER, f"{message.source}>{here}".encode()),
        (OFFSET_HEADER, b"%d" % offset),
        (ACCEPTED_HEADER, b"%d" % message.recorded_at_us),
    ]


class Router:
    """Finds the partition of each message of one partition's topic.

    `known` tells which streams are in this partition's log, `homes` where streams are that any
    partition knows. `reserve` settles, for all partitions and for ever, where streams will live
    that a message opens elsewhere; it returns where they do live, as another may have been first.
    """

    def __init__(
        self,
        here: int,
        *,
        known: Callable[[Collection[str]], Collection[str]],
        homes: Callable[[Collection[str]], Mapping[str, int]],
        reserve: Callable[[Mapping[str, int]], Mapping[str, int]],
        partition_of: Callable[[str], int],
    ) -> None:
        self._here, self._known, self._homes = here, known, homes
        self._reserve, self._partition_of = reserve, partition_of

    def targets(self, batch: Collection[Incoming]) -> list[int]:
        """A partition for each message of `batch`.

        What cannot be read or belongs nowhere stays here, to be refused with its reason; so do
        closes of business days, which are for every partition.
        """
        streams = {stream for message in batch if (stream := _homed_stream(message))}
        strangers = streams.difference(self._known(streams))
        if not strangers:
            return [self._here] * len(batch)
        homes = dict(self._homes(strangers))
        nowhere = strangers.difference(homes)
        wanted = {
            stream: home
            for message in batch
            if (stream := _homed_stream(message)) in nowhere
            and (home := self._wanted(message)) != self._here
        }
        if wanted:
            homes |= self._reserve(wanted)
        return [homes.get(_homed_stream(message), self._here) for message in batch]

    def _wanted(self, message: Incoming) -> int:
        """Where the borrower of a message lives; here if it names none."""
        borrower = message.borrower_id
        return self._here if borrower is None else self._partition_of(borrower)


def _homed_stream(message: Incoming) -> str:
    """The stream of a loan or account that a message speaks to; empty for others."""
    command = message.command
    return "" if command is None or type(command) is CloseBusinessDay else command.stream
