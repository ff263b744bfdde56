"""The network between a worker and its broker is cut, by real interfaces in a namespace of its own.

The worker runs in the namespace: it reaches the broker over a pair of interfaces that the test
takes down, and the database over a socket file, which stays. Every cut is drawn from the seed in
the test's name, so `pytest -k` with that name replays it.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from streams.topics import LEDGER_TOPIC, REJECTS_TOPIC, WARNINGS_TOPIC

pytestmark = [pytest.mark.service, pytest.mark.slow]

Scale = Callable[..., Any]
Survived = Callable[..., None]
PARTITIONS = 3


@dataclass
class Network:
    """A namespace beside this one. `host` is this side's address; `cut` and `mend` the way."""

    name: str
    link: str
    host: str

    @property
    def within(self) -> list[str]:
        return ["ip", "netns", "exec", self.name]

    def cut(self) -> None:
        _ip("link", "set", self.link, "down")

    def mend(self) -> None:
        _ip("link", "set", self.link, "up")


@pytest.fixture
def network() -> Iterator[Network]:
    number = os.getpid() % 60_000
    name, here, there = f"lb{number}", f"lbh{number}", f"lbw{number}"
    high, low = divmod(number, 250)
    net = f"10.{77 + high % 100}.{low}"
    try:
        _ip("netns", "add", name)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = f"no network namespaces ({error}): run as root, or with CAP_NET_ADMIN"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{reason} (CI must not skip it)", pytrace=False)
        pytest.skip(reason)
    try:
        _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
        _ip("address", "add", f"{net}.1/24", "dev", here)
        _ip("-n", name, "address", "add", f"{net}.2/24", "dev", there)
        _ip("link", "set", here, "up")
        for device in ("lo", there):
            _ip("-n", name, "link", "set", device, "up")
        yield Network(name, here, f"{net}.1")
    finally:
        subprocess.run(["ip", "link", "del", here], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def broker(network: Network) -> Iterator[Any]:
    """A broker that listens where the namespace can reach it."""
    from bench.services import Kafka

    with Kafka(host=network.host) as service:
        yield service


@pytest.mark.parametrize("seed", [6], ids=lambda seed: f"seed{seed}")
def test_the_network_to_the_broker_is_cut_and_mended(
    scale: Scale,
    postgres: Any,
    network: Network,
    broker: Any,
    portfolio_messages: list[bytes],
    undisturbed: Any,
    seed: int,
    survived: Survived,
) -> None:
    """Short cuts, which clients sit out, and long ones, after which the group has moved on."""
    draw, scaled = Random(seed), scale(PARTITIONS, broker=broker)
    name = scaled.settings.group
    database = f"postgresql://loanbell@/{name}?host={postgres.folder}&port={postgres.port}"
    inside = scaled.start(within=network.within, database=database, session_seconds="2")
    scaled.joined(inside)
    size = len(portfolio_messages) // 5 + 1
    lengths = [draw.uniform(0.2, 1.0), draw.uniform(2.5, 5.0), draw.uniform(0.2, 5.0), 3.0]
    for cut, start in zip([*lengths, 0.0], range(0, len(portfolio_messages), size), strict=True):
        scaled.send(portfolio_messages[start : start + size])
        time.sleep(draw.uniform(0.0, 0.5))
        if cut:
            network.cut()
            time.sleep(cut)
            network.mend()
    scaled.wait()
    scaled.stop()
    book = scaled.book()
    assert book.ledger == undisturbed.ledger
    assert book.warnings == undisturbed.warnings
    assert book.refused == undisturbed.refused
    assert book.days == undisturbed.days * PARTITIONS
    published = [
        dict(record.headers)["ce_id"].decode().partition("/")[2]
        for topic in (LEDGER_TOPIC, REJECTS_TOPIC, WARNINGS_TOPIC)
        for record in scaled.read(topic)
    ]
    assert set(published) == book.event_ids
    survived(cuts_of_the_network=len(lengths))
