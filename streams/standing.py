"""How a scaled-out book stands, partition by partition: read from the database and the broker.

Whoever holds a partition's lock in the database writes to it, whatever the broker believes; that is
its owner. Asks no worker, so that it tells the same when none runs.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date

from ledger.store import owners
from streams.kafka import BrokerUnavailable
from streams.parts import AnyStore, database_of, last_closed, stores_to_read
from streams.settings import Settings
from streams.tail import ends_of
from streams.topics import TRANSACTIONS_TOPIC


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionStatus:
    """One partition. `owner` is empty when nobody writes to it.

    waiting_messages: of its topic, not recorded yet; None when the broker does not say.
    last_recorded_at_us: when its last fact was learned. unpublished_facts: of its ledger.
    """

    partition: int
    owner: str
    owned_since_us: int | None
    closed_through_date: date | None
    ledger_facts: int
    warnings_facts: int
    last_recorded_at_us: int | None
    waiting_messages: int | None
    unpublished_facts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledStatus:
    """All partitions. `broker_error` says why the broker did not tell what waits."""

    partitions: list[PartitionStatus]
    broker_error: str

    @property
    def closed_date(self) -> date | None:
        """The last business day that every partition has closed."""
        days = [each.closed_through_date for each in self.partitions]
        closed = [day for day in days if day is not None]
        return min(closed) if closed and len(closed) == len(days) else None


def scaled_status(settings: Settings) -> ScaledStatus:
    """How all partitions stand; the broker may be away. Errors: StoreUnavailable."""
    held = owners(database_of(settings))
    with ExitStack() as opened:
        stores = stores_to_read(settings)
        for store in stores:
            opened.callback(store.close)
        ends, error = _ends(settings, len(stores))
        found = [
            _status(partition, store, held.get(partition), ends[partition] if ends else None)
            for partition, store in enumerate(stores)
        ]
    return ScaledStatus(partitions=found, broker_error=error)


def _ends(settings: Settings, partitions: int) -> tuple[list[int], str]:
    if not settings.broker:
        return [], "No broker is named."
    try:
        return asyncio.run(ends_of(settings, TRANSACTIONS_TOPIC, partitions)), ""
    except BrokerUnavailable as error:
        return [], error.message


def _status(
    partition: int, store: AnyStore, held: tuple[str, int] | None, end: int | None
) -> PartitionStatus:
    last = store.ledger.last_position()
    newest = store.ledger.read(after=last - 1, limit=1) if last else []
    done = store.ledger.tracked(f"{TRANSACTIONS_TOPIC}:{partition}")
    return PartitionStatus(
        partition=partition,
        owner=held[0] if held else "",
        owned_since_us=held[1] if held else None,
        closed_through_date=last_closed(store.ledger),
        ledger_facts=last,
        warnings_facts=store.warnings.last_position(),
        last_recorded_at_us=newest[-1].fact.recorded_at_us if newest else None,
        waiting_messages=None if end is None else max(0, end - done),
        unpublished_facts=max(0, last - store.warnings.tracked("outbox:ledger")),
    )
