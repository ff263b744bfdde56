"""Does the memory of a worker stay bounded while millions wait for it, and how fast are they?

The topic is filled before the worker joins: credits of a thousand accounts, twenty a day on each,
with the closes of the days, packed as a core system would; behind each account stands a loan that
the rules are judged for. While the worker catches up, a line at each tenth tells the time, the rate
and the resident memory, and the last one whether the second half was flat: a log that were kept in
memory would cost hundreds of bytes a message. `--size 5000000` is 250 days and takes a quarter of
an hour or so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple

from bench.recording import result
from bench.services import Kafka, PostgreSQL, ServiceMissing
from bench.workers import PARTITIONS, Book, Pack, megabytes
from streams.kafka import Outgoing, partition_of
from streams.routing import EACH_HEADER

Result = dict[str, Any]
QUESTION = "catching up with a backlog"
ACCOUNTS = 1_000
A_DAY = 20 * ACCOUNTS
PACK = 250
LOOK_SECONDS = 0.5
STALLED_SECONDS = 120.0
FLAT = 0.05
"""Memory is flat where the last tenth stands at most this much above the sixth."""
LEAST_TOLD = 1_000_000
"""Of fewer, the second half still fills what is bounded: see the README of this folder."""
_DAY = date(2024, 1, 2)
_OPENED = (
    '{{"type":"account_opened","transaction_id":"account-{n}","value_date":"{day}",'
    '"account_id":"A{n}","borrower_id":"B{n}","currency":"CNY",'
    '"opening_balance":"100.00","overdraft_limit":"0.00"}}',
    '{{"type":"loan_opened","transaction_id":"open-{n}","value_date":"{day}","loan_id":"L{n}",'
    '"borrower_id":"B{n}","account_id":"A{n}","currency":"CNY","principal":"120000.00",'
    '"product":"working_capital","terms":{{"method":"bullet","instalments":60,'
    '"rate_percent":"6"}}}}',
    '{{"type":"loan_disbursed","transaction_id":"pay-out-{n}","value_date":"{day}",'
    '"loan_id":"L{n}","borrower_id":"B{n}","currency":"CNY","amount":"120000.00"}}',
)
"""What opens an account and the loan before it."""
_CREDIT = (
    '{{"type":"account_credited","transaction_id":"c{at}","value_date":"{day}","account_id":"A{n}",'
    '"amount":"{amount}.00","currency":"CNY","flow":"trade"}}'
)


class Look(NamedTuple):
    """What was seen of the worker after so many seconds."""

    seconds: float
    recorded: int
    megabytes: float


def run(*, seed: int, quick: bool, size: int | None = None) -> list[Result]:
    """Memory and rate while `size` messages are caught up with."""
    waiting = size or (20_000 if quick else 5_000_000)
    try:
        with PostgreSQL() as postgres, Kafka() as kafka:
            return _caught_up(Book(postgres, kafka, "backlog"), waiting)
    except ServiceMissing as error:
        return [result("left out", error.message, 0.0, "", error.way_out)]


def _caught_up(book: Book, waiting: int) -> list[Result]:
    homes = _put_books(book)
    began = time.perf_counter()
    book.put(_days(waiting, homes))
    filled = time.perf_counter() - began
    print(f"{waiting:,} messages wait; the worker joins", flush=True)
    with book.worker(calendar="weekends") as pid:
        looks = _watched(
            lambda: (_recorded(book), megabytes(pid)), waiting + ACCOUNTS * len(_OPENED)
        )
        book.through(waiting)
        end = megabytes(pid)
    return [*_told(looks, waiting, end), result(QUESTION, "filling the topic", waiting / filled,
                                                "messages/s", "sent packed")]  # fmt: skip


def _watched(look: Callable[[], tuple[int, float]], facts: int) -> list[Look]:
    """What was seen at the start and at each tenth of the facts; printed as it comes.

    Errors: TimeoutError when nothing was recorded for so long that nothing will be.
    """
    began = moved = time.perf_counter()
    looks = [Look(0.0, *look())]
    last = 0
    while len(looks) <= 10:
        recorded, memory = look()
        if recorded > last:
            last, moved = recorded, time.perf_counter()
        elif time.perf_counter() - moved > STALLED_SECONDS:
            raise TimeoutError(f"Nothing was recorded for {STALLED_SECONDS:.0f} s.")
        if recorded >= facts * len(looks) // 10:
            looks.append(Look(time.perf_counter() - began, recorded, memory))
            (since, before, _), now = looks[-2:]
            rate = (now.recorded - before) / (now.seconds - since)
            print(f"{len(looks) - 1:>3}/10  {now.seconds:7.1f} s  {recorded:>11,} recorded"
                  f"  {rate:>8,.0f}/s  {memory:7.1f} MB", flush=True)  # fmt: skip
        else:
            time.sleep(LOOK_SECONDS)
    return looks


def _told(looks: list[Look], waiting: int, end: float) -> list[Result]:
    first, sixth, last = looks[0], looks[6], looks[10]
    what = f"{waiting:,} messages of {ACCOUNTS:,} accounts waited, one worker"
    rate = (last.recorded - first.recorded) / last.seconds
    grown, between = last.megabytes - sixth.megabytes, last.recorded - sixth.recorded
    verdict = "flat" if grown <= FLAT * sixth.megabytes else "NOT flat"
    if waiting < LEAST_TOLD:
        verdict = "too few messages to tell"
    note = f"{verdict}: {1e6 * grown / max(1, between):.0f} bytes a message"
    return [
        result(QUESTION, "caught up", rate, "messages/s", what),
        *(
            result(QUESTION, f"memory at {tenth}/10", look.megabytes, "MB", "resident")
            for tenth, look in enumerate(looks)
        ),
        result(QUESTION, "memory when all is published", end, "MB", "resident"),
        result(QUESTION, "grown in the second half", grown, "MB", note),
    ]


def _recorded(book: Book) -> int:
    """Facts of all partitions."""
    logs = " UNION ALL ".join(
        f"SELECT position FROM loanbell_p{partition}.logs WHERE name = 'ledger'"
        for partition in range(PARTITIONS)
    )
    found = book.postgres.sql(f"SELECT sum(position) FROM ({logs}) found", book.settings.group)
    return int(found)


def _put_books(book: Book) -> dict[int, list[int]]:
    """Put the accounts' and loans' openings first; the accounts of each partition."""
    homes: dict[int, list[int]] = {}
    for number in range(ACCOUNTS):
        homes.setdefault(partition_of(f"B{number}", PARTITIONS), []).append(number)
    book.put(
        (home, Outgoing(None, text.format(n=number, day=_DAY).encode()))
        for home, accounts in homes.items()
        for number in accounts
        for text in _OPENED
    )
    return homes


def _days(count: int, homes: dict[int, list[int]]) -> Iterator[Pack]:
    """So many credits and the closes of their days, a pack of one partition after the other."""
    day, made = _DAY, 0
    while made < count:
        of_day = min(A_DAY, count - made)
        for home, accounts in homes.items():
            share = range(of_day * len(accounts) // ACCOUNTS)
            for start in range(0, len(share), PACK):
                lines = [
                    _credit(f"{day}-{home}-{at}", accounts[at % len(accounts)], day, at)
                    for at in share[start : start + PACK]
                ]
                yield home, Outgoing(None, b"\n".join(lines))
            yield home, _close(day)
        made += of_day
        day += timedelta(days=3 if day.weekday() == 4 else 1)


def _credit(at: str, account: int, day: date, number: int) -> bytes:
    amount = 100 + number % 900
    return _CREDIT.format(at=at, n=account, day=day, amount=amount).encode()


def _close(day: date) -> Outgoing:
    body = (
        f'{{"type":"business_day_closed","transaction_id":"close-{day}","value_date":"{day}"}}'
    ).encode()
    return Outgoing(None, body, [(EACH_HEADER, b"1")])
