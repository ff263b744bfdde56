"""What `loanbell api` sends to the owners of partitions: transactions, actions, resumptions.

Everything goes through the transactions topic, each into the partition where its loan lives, and is
done there once. Records nothing and decides nothing; what became of an action it reads in the
partition's log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ledger.commands import CloseBusinessDay
from ledger.errors import RuleRefused, UnknownEntity
from ledger.ids import loan_stream, warning_stream
from ledger.service import Incoming
from streams.controls import asked, asked_about, resuming
from streams.deliveries import tracked_standing
from streams.kafka import Outgoing, Producer, partition_of
from streams.receivers import Receiver, receivers_in
from streams.routing import EACH_HEADER, LINES
from streams.topics import TRANSACTIONS_TOPIC
from warning.actions import WarningAction, action_of

if TYPE_CHECKING:
    from streams.books import Books

PACKED_BYTES = 64 * 1024
ACTION_SECONDS = 10.0
"""How long an action's owner is waited for before the answer is "queued"."""
VIEWS_SECONDS = 2.0
"""How long the views are waited for until they tell why it was refused."""
LOOK_SECONDS = 0.05

Headers = Mapping[str, str]
"""Ids that go along, to be found in logs."""


class Asking:
    """Sends to all partitions of `books`."""

    def __init__(self, books: Books, producer: Producer) -> None:
        self._books, self._producer = books, producer
        self._topic = books.settings.topic(TRANSACTIONS_TOPIC)
        named = books.settings.webhooks
        self._receivers: Sequence[Receiver] = () if named is None else receivers_in(named)

    # -- transactions ----------------------------------------------------------------------------

    async def transactions(self, messages: Sequence[Incoming], headers: Headers) -> None:
        """Put messages on the topic, in order, each where it belongs; returns when they are in.

        What cannot be read goes along, so that its refusal is kept. Errors: BrokerUnavailable.
        """
        targets = await asyncio.to_thread(self._targets, messages)
        packs = [_Pack(headers) for _ in range(self._books.partitions)]
        for message, target in zip(messages, targets, strict=True):
            if target is None:  # A close stands behind what was sent before it, everywhere.
                for pack in packs:
                    pack.add_alone(message.original)
            else:
                packs[target].add(message.original)
        for partition, pack in enumerate(packs):
            if sent := pack.deliveries():
                await self._producer.send(self._topic, partition, sent)

    def _targets(self, messages: Sequence[Incoming]) -> list[int | None]:
        """The partition of each message; None for all of them, for a close."""
        commands = [message.command for message in messages]
        streams = {c.stream for c in commands if c and type(c) is not CloseBusinessDay}
        homes = self._books.homes(streams)
        found: list[int | None] = []
        for message in messages:
            if type(message.command) is CloseBusinessDay:
                found.append(None)
                continue
            stream = message.command.stream if message.command else ""
            if stream not in homes and message.borrower_id is not None:
                homes[stream] = partition_of(message.borrower_id, self._books.partitions)
            found.append(homes.get(stream, 0))  # From there it is sent on, or refused.
        return found

    # -- warnings --------------------------------------------------------------------------------

    async def act(self, action: WarningAction, headers: Headers) -> tuple[dict[str, Any], int]:
        """Ask the owner of a warning for what a person wants; its facts, when they are recorded.

        The answer and its status: 202 when the owner has not come to it within `ACTION_SECONDS`.
        Errors: UnknownEntity; RuleRefused when the owner refused it; BrokerUnavailable.
        """
        warning = await asyncio.to_thread(self._books.queries.warning, action.warning_id)
        if warning is None:
            raise UnknownEntity("There is no such warning.", way_out="GET /v1/warnings.")
        stream = warning_stream(warning["loan_id"])
        homes = await asyncio.to_thread(self._books.homes, [loan_stream(warning["loan_id"])])
        (partition,) = homes.values()
        log = self._books.stores[partition].warnings
        before = (await asyncio.to_thread(log.versions, [stream]))[stream]
        (base,) = await self._producer.send(
            self._topic, partition, [asked(action, headers=headers)]
        )
        source, offset = f"{TRANSACTIONS_TOPIC}:{partition}", base + 1  # Tracking counts from 1.
        answer: dict[str, Any] = {"warning_id": action.warning_id, "event_ids": []}
        if not await self._done(partition, source, offset):
            return answer, 202
        facts = (await asyncio.to_thread(log.stream, stream))[before:]
        done = [item.event_id for item in facts if _is(item.fact, action)]
        if not done:
            raise RuleRefused(
                await self._why(action.warning_id, offset),
                rule="not_now",
                way_out=f"GET /v1/warnings/{action.warning_id} tells how it stands.",
                warning_id=action.warning_id,
            )
        return answer | {"event_ids": done}, 200

    async def _done(self, partition: int, source: str, offset: int) -> bool:
        """Whether the owner did, or refused, what stands at `offset`, within the time."""
        log = self._books.stores[partition].ledger
        return await _until(lambda: log.tracked(source) >= offset, ACTION_SECONDS)

    async def _why(self, warning_id: str, offset: int) -> str:
        """Why the owner refused what stood at `offset`, as the views tell it."""
        queries = self._books.queries
        found: list[str] = []

        def is_told() -> bool:
            rows = queries.refusals(source=asked_about(warning_id)).rows
            found[:] = [row["reason"] for row in rows if row["source_offset"] == offset]
            return bool(found)

        if await _until(is_told, VIEWS_SECONDS):
            return found[0]
        return "The warning does not allow it now: it was answered, or has ended."

    # -- receivers -------------------------------------------------------------------------------

    def standing(self) -> list[dict[str, Any]]:
        """How the receivers stand over all partitions, by what is tracked. Blocks."""
        stores = self._books.stores
        return [tracked_standing(receiver, stores) for receiver in self._receivers]

    async def resume(self, name: str, skip: bool) -> None:
        """Ask every partition to send to a receiver again. Errors: UnknownEntity."""
        if name not in {receiver.name for receiver in self._receivers}:
            raise UnknownEntity(
                "There is no such receiver.", way_out="`loanbell webhooks list` names them."
            )
        for partition in range(self._books.partitions):
            message = resuming(name, skip=skip)
            await self._producer.send(self._topic, partition, [message])


async def _until(holds: Callable[[], bool], seconds: float) -> bool:
    """Whether it holds within the time; asked in a thread, again and again."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not await asyncio.to_thread(holds):
        if loop.time() > deadline:
            return False
        await asyncio.sleep(LOOK_SECONDS)
    return True


class _Pack:
    """Messages of one partition, packed one a line."""

    def __init__(self, headers: Headers) -> None:
        self._headers = [(name, value.encode()) for name, value in headers.items()]
        self._lines: list[bytes] = []
        self._size = 0
        self._ready: list[Outgoing] = []

    def add(self, message: bytes) -> None:
        self._lines.append(message.replace(b"\n", b" "))
        self._size += len(message)
        if self._size >= PACKED_BYTES or len(self._lines) >= LINES:
            self._close()

    def add_alone(self, close: bytes) -> None:
        self._close()
        self._ready.append(Outgoing(None, close, [*self._headers, (EACH_HEADER, b"1")]))

    def deliveries(self) -> list[Outgoing]:
        self._close()
        return self._ready

    def _close(self) -> None:
        if self._lines:
            self._ready.append(Outgoing(None, b"\n".join(self._lines), self._headers))
            self._lines, self._size = [], 0


def _is(fact: Any, action: WarningAction) -> bool:
    """Whether `fact` is of `action`."""
    return getattr(fact, "actor", "") == action.actor and action_of(fact) == action
