"""Sending to several partitions at once: nothing is still under way when an error is told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from streams.kafka import BrokerUnavailable, Outgoing, Producer
from streams.settings import Settings


class Torn(Producer):
    """The broker of the first partition is gone; the second takes its time."""

    sent: tuple[str, ...] = ()

    async def send(self, topic: str, partition: int, messages: Iterable[Outgoing]) -> list[int]:
        if partition == 0:
            raise BrokerUnavailable("It is gone.", way_out="Wait.")
        await asyncio.sleep(0.01)
        self.sent += (f"{topic}/{partition}",)
        return [0]


def test_an_error_of_one_partition_is_told_when_the_others_have_ended() -> None:
    async def test() -> None:
        producer = Torn(Settings.load({"broker": "kafka://127.0.0.1:9"}, environ={}))
        with pytest.raises(BrokerUnavailable):
            await producer.send_all({("facts", 0): [], ("facts", 1): [], ("rejects", 1): []})
        assert producer.sent == ("facts/1", "rejects/1")

    asyncio.run(test())
