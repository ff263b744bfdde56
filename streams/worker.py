"""A worker: a member of the consumer group, with a lane for each partition that is its own.

Kafka spreads the partitions over the workers. A lane is opened when its partition comes and closed
when it goes; the partition's lock in PostgreSQL, and the refusal of writers that were overtaken,
keep two workers from writing to one partition, whatever Kafka believes.
"""

from __future__ import annotations

import asyncio
import logging
from importlib.metadata import version as installed_version
from types import TracebackType
from typing import Any

from ledger.errors import StoreUnavailable
from ledger.process import settle
from ledger.store import partitions_of, unowned
from streams.kafka import BrokerUnavailable, Consumer, Delivery, Producer
from streams.lane import Lane
from streams.metrics import Metrics
from streams.parts import database_of
from streams.settings import Settings
from streams.topics import TRANSACTIONS_TOPIC

LOOK_SECONDS = 3.0

log = logging.getLogger("loanbell.worker")


class Worker:
    """Everything of one worker process. `start` joins the group, `stop` leaves it."""

    def __init__(self, settings: Settings, *, metrics: Metrics | None = None) -> None:
        self.settings = settings
        self.metrics = metrics or Metrics(version=installed_version("loanbell"))
        self.lanes: dict[int, Lane] = {}
        self.partitions = 0
        self._producer = Producer(settings)
        self._consumer = self._member()
        self._watching: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        """Join the group. Errors: StoreUnavailable, BrokerUnavailable."""
        settle()
        self.partitions = await asyncio.to_thread(partitions_of, database_of(self.settings))
        if not self.partitions:
            raise StoreUnavailable(
                "The database has no tables of LoanBell.", way_out="Run `loanbell migrate`."
            )
        await self._consumer.start()
        self._watching = asyncio.create_task(self._watch_over())

    async def stop(self) -> None:
        """Finish the commits under way, leave the group, let go of everything."""
        self._stopping = True
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        await self._keep(set())
        await self._consumer.stop()
        await self._producer.stop()

    async def __aenter__(self) -> Worker:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def crashed(self) -> BaseException | None:
        """What stopped the consumer, if anything did: the process should end and start again."""
        return self._consumer.crashed

    @property
    def failure(self) -> BaseException | None:
        """What stopped the consumer or a lane for good, if anything did."""
        failures = [lane.failure for lane in self.lanes.values() if lane.failure is not None]
        return self._consumer.crashed or next(iter(failures), None)

    def lag(self, lane: Lane) -> int:
        """Messages of a lane's topic that are not recorded yet."""
        return self._consumer.lag(lane.partition, lane.done)

    def _member(self) -> Consumer:
        """A new member of the group."""
        settings = self.settings
        topic = settings.topic(TRANSACTIONS_TOPIC)
        return Consumer(
            settings,
            topic,
            take=self._take,
            assigned=self._assigned,
            registry=self.metrics.beside(),
        )

    async def _watch_over(self) -> None:
        """Join again when this worker has nothing although partitions have no worker.

        A broker that has just started may not know the topic yet; the group's leader then shares
        out nothing, and nobody would ask again. A spare worker beside busy ones stays as it is.
        """
        looks = 0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            looks = looks + 1 if not self.lanes and await self._is_wanted() else 0
            if looks >= 2:
                log.warning("partitions have no worker and this one has none: joining again")
                looks = 0
                await self._consumer.stop()
                self._consumer = self._member()
                try:
                    await self._consumer.start()
                except BrokerUnavailable as error:
                    log.warning("%s", error)

    async def _is_wanted(self) -> bool:
        try:
            return bool(await asyncio.to_thread(unowned, database_of(self.settings)))
        except StoreUnavailable:
            return False

    async def _take(self, delivery: Delivery) -> None:
        lane = self.lanes.get(delivery.partition)
        if lane is not None:
            await lane.put(delivery)

    async def _assigned(self, ours: set[int]) -> None:
        if self._stopping:
            return
        log.info("partitions now: %s", sorted(ours))
        await self._keep(ours)
        for partition in ours - self.lanes.keys():
            self.lanes[partition] = lane = Lane(
                partition,
                self.settings,
                partitions=self.partitions,
                producer=self._producer,
                metrics=self.metrics,
            )
            lane.start()

    async def _keep(self, ours: set[int]) -> None:
        """Give back all partitions but `ours`."""
        leaving = [self.lanes.pop(partition) for partition in self.lanes.keys() - ours]
        stops: list[Any] = [lane.stop() for lane in leaving]
        await asyncio.gather(*stops)
