"""Import of a file of messages: in order, resumable, with a summary of what was refused and where.

The place in the file is tracked in the same commit as the facts, under the name of the file's
content, so an import that was stopped or killed goes on where its last commit ended and gives the
same log. Messages without `sent_at` count as recorded at the latest `sent_at` before them in the
file or, before the first one, at the one acceptance time of the whole import, which is tracked too.
Business days are closed by the file's own messages; a file without any has them closed as its
`sent_at` passes from one date to a later one, never beyond the clock's: a message from the future
is refused. Opens no store and parses no message itself.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Protocol

from ledger.dates import Calendar, date_of_us, now_us
from ledger.service import Batch, Incoming
from streams.clock import days_between, end_of_day_us
from streams.ingest import close_of_day, read
from streams.readers import FileFacts, Piece, pieces, survey

REJECTS_KEPT = 1_000
"""Refused messages listed in a report; all of them are counted, and recorded as facts."""


class Recorder(Protocol):
    """What an import needs of a node."""

    @property
    def calendar(self) -> Calendar:
        """Business days."""

    @property
    def closed_through(self) -> date | None:
        """The last closed business day."""

    def tracked(self, source: str) -> int:
        """The last offset recorded from `source`, 0 when none."""

    async def submit(
        self, batch: Sequence[Incoming], *, tracking: Mapping[str, int] | None = None
    ) -> Batch:
        """Record and answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A message of the file that was refused."""

    line: int
    code: str
    reason: str
    way_out: str
    transaction_id: str | None


@dataclass(slots=True, kw_only=True)
class ImportReport:
    """How an import stands; passed to `progress` after every commit, and returned at the end.

    `resumed_after_line` is where an earlier run had stopped. `counts` has accepted, duplicate and
    refused messages of this run, closes that it added left out. `refused` counts by code;
    `rejects` lists the first ones. `closed_through` is the last business day closed.
    """

    path: Path
    source: str
    content_bytes: int
    closes_days: bool
    resumed_after_line: int
    line: int = 0
    read_bytes: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    rejects: list[Reject] = field(default_factory=list)
    days_closed: int = 0
    closed_through: date | None = None


Progress = Callable[[ImportReport], None]


async def import_file(
    node: Recorder,
    path: Path,
    *,
    batch_messages: int,
    accepted_us: int | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Import `path` (JSONL or CSV, plain or gzip) through `node`.

    `accepted_us` is the acceptance time of an import that begins now (default: the clock's).
    Errors: FileUnreadable, UnknownField or MissingField for a file that cannot be read as a whole,
    before anything is recorded; StoreUnavailable when recording stops: the same call goes on later.
    """
    facts = await asyncio.to_thread(survey, path)
    importing = _Import(node, path, facts, accepted_us)
    if progress is not None:
        progress(importing.report)
    following = await asyncio.to_thread(importing.next_batch, batch_messages)
    while following.lines:
        batch = following
        # The next batch is parsed while this one is committed, but sent only after it: a batch must
        # never be recorded ahead of one that failed.
        committed = asyncio.ensure_future(node.submit(batch.messages, tracking=batch.tracking))
        try:
            following = await asyncio.to_thread(importing.next_batch, batch_messages)
        finally:
            answer = await committed
        importing.account(batch, answer)
        if progress is not None:
            progress(importing.report)
    return importing.report


@dataclass(slots=True)
class _Pending:
    """Messages parsed, and what to track when they are recorded."""

    messages: list[Incoming] = field(default_factory=list)
    tracking: dict[str, int] = field(default_factory=dict)
    closes: set[int] = field(default_factory=set)
    lines: int = 0
    last_line: int = 0
    read_bytes: int = 0


class _Import:
    """One file on its way in."""

    def __init__(
        self, node: Recorder, path: Path, facts: FileFacts, accepted_us: int | None
    ) -> None:
        source = facts.source
        self._node, self._source, self._calendar = node, source, node.calendar
        self._sent_at, self._accepted_at = f"{source}:sent_at", f"{source}:accepted_at"
        start = node.tracked(source)
        known = node.tracked(self._accepted_at)
        self._clock_us = now_us()
        self._accepted_us = known or (self._clock_us if accepted_us is None else accepted_us)
        self._accepted_known = bool(known)
        self._latest_us = node.tracked(self._sent_at)
        self._closed_through = node.closed_through
        if self._closed_through is None and self._latest_us:
            self._closed_through = date_of_us(self._latest_us) - timedelta(days=1)
        self._pieces = pieces(path, is_csv=facts.is_csv, after_line=start)
        self.report = ImportReport(
            path=path,
            source=source,
            content_bytes=facts.content_bytes,
            closes_days=not facts.has_closes,
            resumed_after_line=start,
            line=start,
            closed_through=node.closed_through,
        )

    def next_batch(self, most: int) -> _Pending:
        """Parse up to `most` messages; `lines` is 0 at the end of the file."""
        pending = _Pending()
        before_us = self._latest_us
        for piece in islice(self._pieces, most):
            message = self._message(piece)
            if self.report.closes_days and self._latest_us:
                self._close_days(pending, date_of_us(self._latest_us), piece.line)
            pending.messages.append(message)
            pending.lines += 1
            pending.last_line = piece.last_line
            pending.read_bytes = piece.end_byte
        if pending.lines:
            pending.tracking[self._source] = pending.last_line
            if not self._accepted_known:
                pending.tracking[self._accepted_at] = self._accepted_us
                self._accepted_known = True
            if self._latest_us > before_us:
                pending.tracking[self._sent_at] = self._latest_us
        return pending

    def account(self, batch: _Pending, answer: Batch) -> None:
        """Count what became of a batch."""
        report = self.report
        report.line = batch.last_line
        report.read_bytes = batch.read_bytes
        report.closed_through = self._node.closed_through
        for number, (message, outcome) in enumerate(
            zip(batch.messages, answer.outcomes, strict=True)
        ):
            if number in batch.closes:
                report.days_closed += outcome.status == "accepted"
                continue
            report.counts[outcome.status] += 1
            if outcome.status != "refused":
                continue
            report.refused[outcome.code] += 1
            if len(report.rejects) < REJECTS_KEPT:
                report.rejects.append(
                    Reject(
                        line=message.offset,
                        code=outcome.code,
                        reason=outcome.reason,
                        way_out=outcome.way_out,
                        transaction_id=outcome.transaction_id,
                    )
                )

    def _message(self, piece: Piece) -> Incoming:
        stamp_us = self._latest_us or self._accepted_us
        source, line = self._source, piece.line
        if piece.error is not None:
            return Incoming(None, piece.error, piece.found, source, line, stamp_us, None)
        clock_us = self._clock_us
        message = read(
            piece.body, source=source, offset=line, accepted_us=stamp_us, clock_us=clock_us
        )
        message.original = piece.found
        if message.recorded_at_us != stamp_us and message.recorded_at_us > self._latest_us:
            self._latest_us = message.recorded_at_us
        return message

    def _close_days(self, pending: _Pending, today: date, line: int) -> None:
        """Close the business days before `today` that are still open, each as its own message."""
        last = self._closed_through
        if last is None:
            # A book that has closed no day begins with the first date of the file.
            self._closed_through = today - timedelta(days=1)
            return
        for day in days_between(last + timedelta(days=1), today, self._calendar):
            pending.closes.add(len(pending.messages))
            pending.messages.append(
                close_of_day(
                    day, recorded_at_us=end_of_day_us(day), source=self._source, offset=line
                )
            )
            self._closed_through = day
