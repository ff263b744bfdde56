"""Where messages belong: Kafka's own hash, homes that never move, what a detour leaves behind."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import orjson
import pytest

from ledger.service import Incoming
from streams.ingest import read
from streams.kafka import partition_of
from streams.lane import lines_of
from streams.routing import Router, origin_of, sent_on


def message(kind: str, **fields: str) -> Incoming:
    body = {"type": kind, "transaction_id": "T1", "value_date": "2024-03-29", **fields}
    read_in = read(orjson.dumps(body), source="t:0", offset=7, accepted_us=5)
    assert read_in.error is None
    return read_in


def opening(account: str, borrower: str) -> Incoming:
    return message(
        "account_opened",
        account_id=account,
        borrower_id=borrower,
        currency="CNY",
        opening_balance="1.00",
    )


def credit(account: str, **more: str) -> Incoming:
    return message("account_credited", account_id=account, amount="1.00", currency="CNY", **more)


CLOSE = message("business_day_closed")


class Homes:
    """Streams of partition 0, those of others, and what was reserved."""

    def __init__(self, here: Collection[str], elsewhere: Mapping[str, int]) -> None:
        self._here, self._elsewhere = here, dict(elsewhere)
        self.reserved: dict[str, int] = {}

    def router(self) -> Router:
        return Router(
            0,
            known=lambda streams: [s for s in streams if s in self._here],
            homes=lambda streams: {s: at for s, at in self._elsewhere.items() if s in streams},
            reserve=self._reserve,
            partition_of=lambda borrower: int(borrower[-1]),
        )

    def _reserve(self, wanted: Mapping[str, int]) -> Mapping[str, int]:
        self.reserved |= wanted
        return {stream: self._elsewhere.get(stream, home) for stream, home in wanted.items()}


@pytest.mark.parametrize(
    ("key", "hashed"),
    [("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536)],
)
def test_keys_are_hashed_as_kafkas_own_clients_do(key: str, hashed: int) -> None:
    """The vectors of Kafka's UtilsTest; a client clears the sign and takes the remainder."""
    assert partition_of(key, 1_000) == (hashed & 0x7FFFFFFF) % 1_000


def test_what_is_known_here_or_opens_here_stays_and_so_do_closes() -> None:
    homes = Homes({"account:A1"}, {})
    batch = [credit("A1"), credit("A1", borrower_id="B2"), opening("A2", "B0"), CLOSE]
    assert homes.router().targets(batch) == [0, 0, 0, 0]
    assert homes.reserved == {}


def test_what_lives_elsewhere_is_sent_there_whatever_borrower_it_names() -> None:
    homes = Homes(set(), {"account:A1": 2})
    batch = [credit("A1"), credit("A1", borrower_id="B1"), opening("A1", "B0")]
    assert homes.router().targets(batch) == [2, 2, 2]


def test_an_opening_for_another_partition_takes_its_followers_along() -> None:
    homes = Homes(set(), {})
    batch = [opening("A1", "B2"), credit("A1"), opening("A3", "B0"), credit("A3"), credit("A9")]
    assert homes.router().targets(batch) == [2, 2, 0, 0, 0]
    assert homes.reserved == {"account:A1": 2}


def test_of_two_partitions_that_reserve_a_stream_the_first_has_it() -> None:
    class Late(Homes):
        def router(self) -> Router:
            return Router(
                0,
                known=lambda _: (),
                homes=lambda _: {},  # Nobody had it a moment ago.
                reserve=self._reserve,
                partition_of=lambda borrower: int(borrower[-1]),
            )

    assert Late(set(), {"account:A1": 1}).router().targets([opening("A1", "B2")]) == [1]


def test_unreadable_messages_stay_to_be_refused() -> None:
    broken = read(b"{", source="t:0", offset=1, accepted_us=5)
    assert Homes(set(), {}).router().targets([broken]) == [0]


def test_a_detour_leaves_a_source_whose_offsets_only_count_up() -> None:
    # 7 · 2^20 + 3 for the fourth line of the seventh delivery.
    first = dict(sent_on(credit("A1"), 0, 3))
    origin = origin_of(first)
    assert origin == ("t:0>0", 7_340_035, 5)
    assert origin is not None
    arrived = read(credit("A1").original, source=origin[0], offset=origin[1], accepted_us=origin[2])
    assert origin_of(dict(sent_on(arrived, 2, 0))) == ("t:0>0>2", 7_340_035, 5)
    assert origin_of({}) is None


def test_a_delivery_holds_one_message_or_one_a_line() -> None:
    assert lines_of(b'{"a":1}') == [b'{"a":1}']
    assert lines_of(b"one\ntwo\n\nthree\n") == [b"one", b"two", b"three"]
    assert lines_of(b"") == [b""]
    assert lines_of(b"\n") == [b"\n"]
