"""What a broker may do to messages and what strangers may send changes nothing of the book.

Every order is drawn from the seed in the test's name, so `pytest -k` with that name replays it.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import orjson
import pytest

from streams.kafka import Outgoing, create_topics, partition_of
from streams.routing import ACCEPTED_HEADER, EACH_HEADER, OFFSET_HEADER, SOURCE_HEADER
from streams.topics import LEDGER_TOPIC, REJECTS_TOPIC, TOPICS, WARNINGS_TOPIC

pytestmark = [pytest.mark.service, pytest.mark.slow]

Scale = Callable[..., Any]
Survived = Callable[..., None]
PARTITIONS = 2


def days_of(messages: list[bytes]) -> list[tuple[list[bytes], bytes | None]]:
    """Messages by business day, each with its close; the last without one."""
    days: list[tuple[list[bytes], bytes | None]] = [([], None)]
    for message in messages:
        if b'"business_day_closed"' in message:
            days[-1] = days[-1][0], message
            days.append(([], None))
        else:
            days[-1][0].append(message)
    return days


class Homes:
    """Whose each message is, and its partition, as a sender that knows its borrowers chooses it."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, message: bytes) -> tuple[int, str]:
        try:
            document = orjson.loads(message)
        except orjson.JSONDecodeError:
            return 0, ""
        if not isinstance(document, dict):
            return 0, ""
        words = ("loan_id", "account_id")
        names = [f"{w}:{document[w]}" for w in words if isinstance(document.get(w), str)]
        borrower = document.get("borrower_id")
        if isinstance(borrower, str):
            for name in names:
                self._known.setdefault(name, borrower)
        whose = next((self._known[name] for name in names if name in self._known), borrower)
        return (partition_of(whose, PARTITIONS), whose) if isinstance(whose, str) else (0, "")


def shaken(messages: list[bytes], draw: Random, homes: Homes) -> list[list[bytes]]:
    """A day's messages by partition: borrowers interleaved otherwise, each one's order kept."""
    queues: dict[tuple[int, str], list[bytes]] = {}
    for message in messages:
        queues.setdefault(homes.of(message), []).append(message)
    found: list[list[bytes]] = [[] for _ in range(PARTITIONS)]
    left = [(home, queue[::-1]) for (home, _), queue in sorted(queues.items())]
    while left:
        at = draw.randrange(len(left))
        home, queue = left[at]
        found[home].append(queue.pop())
        if not queue:
            left.pop(at)
    return found


@pytest.mark.parametrize("seed", [5], ids=lambda seed: f"seed{seed}")
def test_duplicated_delayed_and_reordered_deliveries_make_the_same_book(
    scale: Scale, portfolio_messages: list[bytes], undisturbed: Any, seed: int, survived: Survived
) -> None:
    """Other borrowers first, packed otherwise, pauses between, whole packs once more days later."""
    draw, scaled, homes = Random(seed), scale(PARTITIONS), Homes()
    scaled.start(session_seconds="2")
    again: list[tuple[int, list[Outgoing]]] = []
    faults = {"reordered": 0, "duplicated": 0, "delayed": 0}
    waiting: list[list[Outgoing]] = [[] for _ in range(PARTITIONS)]
    for messages, close in days_of(portfolio_messages):
        for home, part in enumerate(shaken(messages, draw, homes)):
            faults["reordered"] += len(part) > 1
            for pack in packed(part, draw):
                waiting[home].append(pack)
                if draw.random() < 0.1:
                    again.append((home, [pack]))
            if close is not None:
                waiting[home].append(Outgoing(None, close, ((EACH_HEADER, b"1"),)))
        if draw.random() < 0.15:
            for home, sent_before in again:
                waiting[home] += sent_before
                faults["duplicated"] += 1
            again.clear()
        if draw.random() < 0.05:
            flush(scaled, waiting)
            time.sleep(draw.uniform(0.0, 0.4))
            faults["delayed"] += 1
    flush(scaled, waiting)
    scaled.wait()
    scaled.stop()
    book = scaled.book()
    assert book.ledger == undisturbed.ledger
    assert book.warnings == undisturbed.warnings
    assert book.days == undisturbed.days * PARTITIONS
    assert book.refused.keys() == undisturbed.refused.keys()
    assert min(faults.values()) >= 3
    survived(**faults)


def packed(messages: list[bytes], draw: Random) -> Iterator[Outgoing]:
    """Deliveries of random sizes, in order."""
    lines = [message.replace(b"\n", b" ") for message in messages]
    while lines:
        size = draw.choice([1, 2, 7, 40])
        yield Outgoing(None, b"\n".join(lines[:size]))
        lines = lines[size:]


def flush(scaled: Any, waiting: list[list[Outgoing]]) -> None:
    for home, sent in enumerate(waiting):
        if sent:
            scaled.put(home, sent)
            sent.clear()


SENT_ON = (SOURCE_HEADER, OFFSET_HEADER, ACCEPTED_HEADER)
POISON = [
    Outgoing(None, None),  # A tombstone.
    Outgoing(None, b""),
    Outgoing(None, b"\x00\xff\xfe\n\x80"),
    Outgoing(b"\xff", b"[" * 100_000),
    Outgoing(None, b"{" + b'"a":{' * 5_000),
    Outgoing(None, b"9" * 200_000),
    Outgoing(None, b"null\ntrue\n[]\n1e999\n\"x\""),
    Outgoing(None, b'{"type": "repayment_received", "loan_id": "\\ud800"}'),
    Outgoing(None, b'{"type": "repayment_received", "loan_id": "L\\u0000"}'),
    Outgoing(None, b'{"type": "business_day_closed", "value_date": "9999-12-31"}'),
    Outgoing(None, b"x" * 900_000),
    Outgoing(None, b"{}", ((SOURCE_HEADER, b"\xff"),)),
    Outgoing(None, b"{}", ((SOURCE_HEADER, b"stranger"),)),
    *(
        Outgoing(None, b"{}", tuple(zip(SENT_ON, words, strict=True)))
        for words in (
            (b"s\x00", b"1", b"1"), (b"s", b"-1", b"1"), (b"s", b"9" * 30, b"1"),
            (b"s", b"1", b"9" * 18), (b"s", b"one", b"1"),
        )
    ),
    Outgoing(None, b"{}", (("ce_id", b"\xff\xfe"), (EACH_HEADER, b""))),
]  # fmt: skip


def test_poison_is_refused_with_its_bytes_and_stops_nothing(
    scale: Scale, portfolio_messages: list[bytes], undisturbed: Any, survived: Survived
) -> None:
    scaled = scale(PARTITIONS)
    worker = scaled.start(session_seconds="2")
    third = len(portfolio_messages) // 3
    for start in range(0, 3 * third + 3, third):
        scaled.send(portfolio_messages[start : start + third])
        for partition in range(PARTITIONS):
            scaled.put(partition, POISON)
    scaled.wait()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=10) == 0
    book = scaled.book()
    assert book.ledger == undisturbed.ledger
    assert book.warnings == undisturbed.warnings
    assert book.days == undisturbed.days * PARTITIONS
    poisoned = book.refused - undisturbed.refused
    # Each of the packs holds at least one message, at least one of them in each of 4 turns.
    assert sum(poisoned.values()) >= 4 * len(POISON)
    rejected = [orjson.loads(record.value)["original"] for record in scaled.read(REJECTS_TOPIC)]
    assert {original for _, original in poisoned} <= set(rejected)
    survived(poisoned_deliveries=4 * PARTITIONS * len(POISON))


def test_while_the_topics_out_take_nothing_recording_goes_on_and_all_is_published_later(
    scale: Scale, portfolio_messages: list[bytes], undisturbed: Any, survived: Survived
) -> None:
    """A full outbox: the broker has no topic for the ledger's facts and warnings for a while."""
    scaled = scale(PARTITIONS)
    closed = {scaled.settings.topic(name) for name in (LEDGER_TOPIC, WARNINGS_TOPIC)}
    scaled.remove_topics(closed)
    scaled.start(session_seconds="2")
    scaled.send(portfolio_messages)
    deadline = time.monotonic() + 60
    ends = scaled.ends()
    while scaled.tracked("ledger", "loanbell.transactions.v1:{}") != ends:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert scaled.tracked("warnings", "outbox:ledger") == [0] * PARTITIONS
    wanted = {scaled.settings.topic(name): words for name, words in TOPICS.items()}
    asyncio.run(create_topics(scaled.settings, wanted, partitions=PARTITIONS, replicas=1))
    scaled.wait()
    scaled.stop()
    book = scaled.book()
    assert book.ledger == undisturbed.ledger
    assert book.warnings == undisturbed.warnings
    published = [
        dict(record.headers)["ce_id"].decode().partition("/")[2]
        for topic in (LEDGER_TOPIC, REJECTS_TOPIC, WARNINGS_TOPIC)
        for record in scaled.read(topic)
    ]
    assert set(published) == book.event_ids
    survived(full_outboxes=1)
