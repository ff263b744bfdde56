"""Load, decide, record: the one way into the ledger log, for one message and for thousands.

A batch is decided message by message in its order, so that outcomes and recorded bytes are the same
whatever the batch boundaries; then everything is recorded in one commit with the tracking. Does no
I/O but through the log, knows no transport, and reads no clock.
"""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import sha256
from itertools import islice
from typing import Any, Literal, Protocol

from ledger import decide as book
from ledger.checks import same_borrower
from ledger.closings import begun_by, closing_of, is_due, month_ends_of
from ledger.codec import content_digest
from ledger.collection.common import NO_LOANS, Loans
from ledger.commands import Command, OpenLoan
from ledger.dates import date_of_us
from ledger.day import check_period
from ledger.errors import InvariantBroken, LoanError, StaleVersion, TransactionConflict
from ledger.events import MessageRefused
from ledger.ids import ACCRUALS_STREAM, CALENDAR_STREAM, REFUSALS_STREAM, event_id, loan_stream
from ledger.store import FactLog, KnownCommand, NewFact, Recorded
from ledger.totals import BookTotals, total_of

MAX_ORIGINAL_BYTES = 64 * 1024
"""A refused message is kept up to here; its full length and SHA-256 are kept besides."""

ATTEMPTS = 64
"""So often a batch is decided, when other writers of the log are first each time."""

Status = Literal["accepted", "duplicate", "refused"]
Entity = tuple[Any, int]
"""An entity's state (None before its first fact) and its stream's last version."""


class Core(Protocol):
    """The pure decisions: what `Ledger` needs of loans, accounts and the calendar."""

    def decide(self, state: Any, command: Command, loans: Loans) -> Sequence[Any]:
        """The facts that follow; none if all of it holds already. Errors: LoanError."""

    def check(self, state: Any, facts: Sequence[Any]) -> None:
        """Errors: InvariantBroken when the postings of `facts` do not balance."""

    def evolve(self, state: Any, fact: Any) -> Any:
        """The state after `fact`; may change `state` in place."""


@dataclass(slots=True)
class Incoming:
    """One message as it came: a command, or the error that kept it from being one.

    `offset` counts from 1 within `source`; it matters only where `record` is given tracking.
    `borrower_id` is whom the message names, if anybody; the loan or account must be that one's.
    """

    command: Command | None
    error: LoanError | None
    original: bytes
    source: str
    offset: int
    recorded_at_us: int
    transaction_id: str | None
    borrower_id: str | None = None


@dataclass(slots=True)
class Outcome:
    """What became of one message. `event_id` is the first fact that it led to, or had led to.

    `rule` names the rule of the book that refused it, where one did.
    """

    status: Status
    transaction_id: str | None
    event_id: str | None
    code: str = ""
    reason: str = ""
    way_out: str = ""
    rule: str = ""


@dataclass(slots=True)
class Batch:
    """One outcome for each message, in order, and the facts recorded."""

    outcomes: list[Outcome] = field(default_factory=list)
    recorded: list[Recorded] = field(default_factory=list)


class Ledger:
    """Records messages into the ledger log.

    Keeps the states of the `cached_entities` entities used last; others are derived again from
    their facts when a message speaks to them. One thread at a time records; others wait. Other
    writers of the log are met optimistically: a log takes no fact at a place that is taken.
    """

    def __init__(self, log: FactLog, *, cached_entities: int = 200_000, core: Core = book) -> None:
        self._log = log
        self._bound = cached_entities
        self._decide, self._check, self._evolve = core.decide, core.check, core.evolve
        self._entities: dict[str, Entity] = {}
        self._refusals: int | None = None
        self._closed: list[str] = []
        self._totals = BookTotals(log)
        self._recording = threading.Lock()

    def record(
        self, batch: Sequence[Incoming], *, tracking: Mapping[str, int] | None = None
    ) -> Batch:
        """Decide and record `batch` in one commit with `tracking` (source -> last offset).

        Messages at or before the offset tracked from their source were recorded earlier and change
        nothing; their outcome is "duplicate". A refused message is recorded as such, with its
        bytes, and does not claim its transaction id: sent again, it is judged anew.
        Where another writer was first, everything is loaded and decided again, as often as
        `ATTEMPTS`; then StaleVersion.
        Errors: InvariantBroken and StoreUnavailable, with nothing of the batch recorded.
        """
        with self._recording:
            for left in reversed(range(ATTEMPTS)):
                try:
                    return self._attempt(batch, tracking or {})
                except StaleVersion:
                    self._entities.clear()  # Any of them may be what the other writer changed.
                    if not left:
                        raise
        raise InvariantBroken("A batch was neither recorded nor given up.")

    def _attempt(self, batch: Sequence[Incoming], tracking: Mapping[str, int]) -> Batch:
        self._closed.clear()
        ahead, done = self._untracked(batch, tracking)
        commands = [message.command for message in batch]
        streams = [command.stream for command in commands if command is not None]
        named = {loan_stream(name) for c in commands if c is not None for name in c.loans_named}
        try:
            self._load({*streams, *named, CALENDAR_STREAM, ACCRUALS_STREAM})
            known = self._log.known_commands([c.transaction_id for c in commands if c])
            facts: list[NewFact] = []
            outcomes = self._decide_all(batch, iter(streams), known, done, facts)
            ahead |= self._totals.moved()
            recorded = self._log.record(facts, tracking=ahead) if facts or ahead else []
        except BaseException:
            self._totals.forget()
            self._forget([*streams, CALENDAR_STREAM, ACCRUALS_STREAM, *self._closed])
            raise
        self._trim()
        return Batch(outcomes, recorded)

    def _decide_all(
        self,
        batch: Sequence[Incoming],
        streams: Iterator[str],
        known: Mapping[str, KnownCommand],
        done: Mapping[str, int],
        facts: list[NewFact],
    ) -> list[Outcome]:
        """Decide message by message; append what follows to `facts`."""
        entities, decide, check, evolve = self._entities, self._decide, self._check, self._evolve
        claimed: dict[str, int] = {}
        outcomes: list[Outcome] = []
        for message in batch:
            command = message.command
            stream = next(streams) if command is not None else ""
            if done and message.offset <= done.get(message.source, -1):
                outcomes.append(_already(message, known))
                continue
            if command is None:
                error = message.error or LoanError("There is neither command nor error.")
                outcomes.append(self._refuse(message, error, facts))
                continue
            command_id, digest = command.transaction_id, content_digest(command)
            if command_id in claimed or command_id in known:
                earlier = known.get(command_id) or _claim(facts[claimed[command_id]])
                outcomes.append(self._again(message, digest, earlier, facts))
                continue
            state, version = entities[stream]
            try:
                self._totals.check(state, command)
                loans = self._loans(command.loans_named) if command.loans_named else NO_LOANS
                decided = decide(state, command, loans)
                same_borrower(message.borrower_id, state)
                check_period(entities[CALENDAR_STREAM][0], decided)
            except LoanError as error:
                outcomes.append(self._refuse(message, error, facts))
                continue
            if not decided:
                outcomes.append(Outcome("duplicate", command_id, event_id(stream, version)))
                continue
            check(state, decided)
            claimed[command_id] = len(facts)
            outcomes.append(Outcome("accepted", command_id, event_id(stream, version + 1)))
            claim: str | None = command_id
            proof: bytes | None = digest
            ends, before = month_ends_of(state, command), total_of(state)
            for fact in decided:
                version += 1
                state = evolve(state, fact)
                facts.append(NewFact(stream, version, fact, claim, proof))
                claim = proof = None
            entities[stream] = state, version
            self._totals.grew(state, before)
            if type(command) is OpenLoan:
                self._take(ACCRUALS_STREAM, begun_by(decided), facts)
            for end in ends:
                self._close_interest(message, end, claimed, facts)
        return outcomes

    def _loans(self, named: Sequence[str]) -> Loans:
        return {loan_id: self._entities[loan_stream(loan_id)][0] for loan_id in named}

    def _take(
        self,
        stream: str,
        decided: Sequence[Any],
        facts: list[NewFact],
        *,
        of: Command | None = None,
    ) -> None:
        """Let `decided` follow in `stream`; its first fact claims the transaction of `of`."""
        state, version = self._entities[stream]
        before = total_of(state)
        claim = (of.transaction_id, content_digest(of)) if of is not None else (None, None)
        for fact in decided:
            version += 1
            state = self._evolve(state, fact)
            facts.append(NewFact(stream, version, fact, *claim))
            claim = None, None
        self._entities[stream] = state, version
        self._totals.grew(state, before)

    def _close_interest(
        self, close: Incoming, end: date, claimed: dict[str, int], facts: list[NewFact]
    ) -> None:
        """Bring the interest of every loan that accrues to the end of a month."""
        accruing = self._entities[ACCRUALS_STREAM][0]
        if accruing is None:
            return
        streams = [loan_stream(loan_id) for loan_id in accruing.loan_ids]
        self._load(set(streams))
        self._closed += streams
        due = [
            closing_of(loan_id, end, at_us=close.recorded_at_us)
            for loan_id, stream in zip(accruing.loan_ids, streams, strict=True)
            if is_due(self._entities[stream][0], end)
        ]
        known = self._log.known_commands([command.transaction_id for command in due])
        for command in due:
            command_id = command.transaction_id
            if command_id in known or command_id in claimed:
                continue
            state = self._entities[command.stream][0]
            try:
                decided = self._decide(state, command, NO_LOANS)
                check_period(self._entities[CALENDAR_STREAM][0], decided)
            except LoanError as error:
                self._refuse(replace(close, transaction_id=command_id), error, facts)
                continue
            self._check(state, decided)
            claimed[command_id] = len(facts)
            self._take(command.stream, decided, facts, of=command)

    def _again(
        self, message: Incoming, digest: bytes, earlier: KnownCommand, facts: list[NewFact]
    ) -> Outcome:
        """A transaction id that is known: the same answer, or a conflict."""
        if earlier.digest == digest:
            return Outcome("duplicate", message.transaction_id, earlier.event_id)
        return self._refuse(message, _conflict(message, earlier), facts)

    def _refuse(self, message: Incoming, error: LoanError, facts: list[NewFact]) -> Outcome:
        if self._refusals is None:
            self._refusals = self._log.versions([REFUSALS_STREAM]).get(REFUSALS_STREAM, 0)
        self._refusals += 1
        refusal = NewFact(REFUSALS_STREAM, self._refusals, refusal_of(message, error))
        facts.append(refusal)
        return Outcome(
            "refused",
            message.transaction_id,
            f"{REFUSALS_STREAM}@{self._refusals}",
            error.code,
            error.message,
            error.way_out,
            getattr(error, "rule", ""),
        )

    def _untracked(
        self, batch: Sequence[Incoming], tracking: Mapping[str, int]
    ) -> tuple[dict[str, int], dict[str, int]]:
        """The part of `tracking` that is ahead, and how far sources of the batch were recorded.

        The second is empty where the whole batch is new.
        """
        if not tracking:
            return {}, {}
        done = {source: self._log.tracked(source) for source in tracking}
        repeated = False
        for message in batch:
            source, offset = message.source, message.offset
            if source in tracking:
                if not 1 <= offset <= tracking[source]:
                    raise InvariantBroken(
                        f"A batch up to {source} {tracking[source]} holds offset {offset}."
                    )
                repeated = repeated or offset <= done[source]
        ahead = {source: last for source, last in tracking.items() if last > done[source]}
        return ahead, done if repeated else {}

    def _load(self, streams: set[str]) -> None:
        """Bring the entities of `streams` into the cache; once it is full, to its young end."""
        entities = self._entities
        missing = streams.difference(entities)  # Not `-`, which goes through all entities.
        if len(entities) + len(missing) > self._bound:
            for stream in streams - missing:
                entities[stream] = entities.pop(stream)
        if not missing:
            return
        stored = self._log.streams(missing)
        for stream in sorted(missing):
            facts = stored.get(stream, ())
            state = None
            for recorded in facts:
                state = self._evolve(state, recorded.fact)
            entities[stream] = (state, len(facts))

    def _trim(self) -> None:
        excess = len(self._entities) - self._bound
        if excess > 0:
            for stream in list(islice(self._entities, excess)):
                del self._entities[stream]

    def _forget(self, streams: Sequence[str]) -> None:
        """The commit failed: what was decided in memory did not happen."""
        self._refusals = None
        for stream in streams:
            self._entities.pop(stream, None)


def refusal_of(message: Incoming, error: LoanError) -> MessageRefused:
    """The fact that `message` was refused for `error`, with its original bytes."""
    kept = message.original[:MAX_ORIGINAL_BYTES]
    original, encoding = _text(kept, cut=len(kept) < len(message.original))
    rule = getattr(error, "rule", "")
    return MessageRefused(
        source=message.source,
        offset=message.offset,
        code=error.code,
        reason=f"{error} [rule {rule}]" if rule else str(error),
        original=original,
        encoding=encoding,
        original_bytes=len(message.original),
        original_sha256=sha256(message.original).hexdigest(),
        transaction_id=message.transaction_id,
        value_date=date_of_us(message.recorded_at_us),
        recorded_at_us=message.recorded_at_us,
    )


def _text(kept: bytes, *, cut: bool) -> tuple[str, str]:
    """Bytes as UTF-8 text where they are that, else as base64; a letter split by a cut is lost."""
    for end in range(len(kept), len(kept) - (4 if cut else 1), -1):
        try:
            return kept[:end].decode(), "utf-8"
        except UnicodeDecodeError:
            continue
    return b64encode(kept).decode(), "base64"


def _already(message: Incoming, known: Mapping[str, KnownCommand]) -> Outcome:
    earlier = known.get(message.transaction_id or "")
    event = earlier.event_id if earlier is not None else None
    return Outcome("duplicate", message.transaction_id, event, "already_tracked")


def _claim(first: NewFact) -> KnownCommand:
    return KnownCommand(first.command_digest or b"", first.stream, first.version)


def _conflict(message: Incoming, earlier: KnownCommand) -> TransactionConflict:
    known = message.transaction_id or ""
    return TransactionConflict(
        f"Transaction {known} was recorded before with other content, as {earlier.event_id}.",
        way_out="Send a new transaction under a new id; to undo the earlier one, reverse it.",
        transaction_id=known,
    )
