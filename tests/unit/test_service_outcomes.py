"""What becomes of each message: accepted, duplicate or refused, and what is kept of it."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import date
from hashlib import sha256
from typing import Any

import pytest

from ledger import decide as book
from ledger.commands import CloseBusinessDay, Command, CreditAccount, DebitAccount, OpenAccount
from ledger.errors import InvariantBroken, MalformedMessage, StoreBlocked
from ledger.events import AccountCredited, MessageRefused
from ledger.service import MAX_ORIGINAL_BYTES, Incoming, Ledger, Outcome
from ledger.store import MemoryLog, NewFact, Recorded

DAY = date(2024, 3, 29)
NOON_US = 1_711_713_600_000_000


def opened(account: str = "A") -> OpenAccount:
    return OpenAccount(
        transaction_id=f"open-{account}",
        value_date=DAY,
        recorded_at_us=NOON_US,
        account_id=account,
        borrower_id="B",
        currency="CNY",
        opening_balance_minor=1_000,
        overdraft_limit_minor=0,
    )


def credit(
    transaction: str, amount: int = 100, *, account: str = "A", at: int = 0
) -> CreditAccount:
    return CreditAccount(
        transaction_id=transaction,
        value_date=DAY,
        recorded_at_us=NOON_US + at,
        account_id=account,
        amount_minor=amount,
        currency="CNY",
        balance_minor=None,
        flow="trade",
    )


def closing(transaction: str, day: date = DAY) -> CloseBusinessDay:
    return CloseBusinessDay(transaction_id=transaction, value_date=day, recorded_at_us=NOON_US)


def sent(*commands: Command, first: int = 1, source: str = "t") -> list[Incoming]:
    return [
        Incoming(c, None, b'{"a":1}', source, offset, c.recorded_at_us, c.transaction_id)
        for offset, c in enumerate(commands, first)
    ]


def unreadable(original: bytes, *, offset: int = 1) -> Incoming:
    error = MalformedMessage("It is not JSON.", way_out="Send JSON.")
    return Incoming(None, error, original, "t", offset, NOON_US, None)


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog("ledger")


@pytest.fixture
def ledger(log: MemoryLog) -> Ledger:
    return Ledger(log)


def statuses(outcomes: Sequence[Outcome]) -> list[str]:
    return [outcome.status for outcome in outcomes]


def test_accepted_messages_become_facts_of_their_stream(ledger: Ledger, log: MemoryLog) -> None:
    batch = ledger.record(sent(opened(), credit("T1"), credit("T2", 50)))
    assert statuses(batch.outcomes) == ["accepted"] * 3
    assert [o.event_id for o in batch.outcomes] == ["account:A@1", "account:A@2", "account:A@3"]
    assert batch.recorded == log.read()
    assert batch.recorded[2].fact.balance_minor == 1_150


def test_a_repeated_transaction_is_answered_as_the_first_was(
    ledger: Ledger, log: MemoryLog
) -> None:
    first = ledger.record(sent(opened(), credit("T1"), credit("T1", at=5)))
    assert statuses(first.outcomes) == ["accepted", "accepted", "duplicate"]
    again = ledger.record(sent(credit("T1", at=99), opened(), first=4))
    assert statuses(again.outcomes) == ["duplicate", "duplicate"]
    assert [o.event_id for o in again.outcomes] == ["account:A@2", "account:A@1"]
    assert again.recorded == []
    assert log.last_position() == 2


def test_a_known_transaction_with_other_content_is_a_conflict(ledger: Ledger) -> None:
    ledger.record(sent(opened(), credit("T1", 100)))
    debit = DebitAccount(**{name: getattr(credit("T1", 100), name) for name in _CREDIT})
    batch = ledger.record(
        sent(
            credit("T1", 101), credit("T1", 100, account="C"), debit, credit("T2"), credit("T2", 1)
        )
    )
    assert statuses(batch.outcomes) == ["refused", "refused", "refused", "accepted", "refused"]
    refused = batch.outcomes[0]
    assert (refused.code, refused.transaction_id) == ("transaction_conflict", "T1")
    assert "account:A@2" in refused.reason
    assert "new id" in refused.way_out


_CREDIT = (
    "transaction_id value_date recorded_at_us account_id amount_minor currency balance_minor flow"
).split()


def test_a_refusal_is_a_fact_with_the_original_and_the_rest_goes_on(
    ledger: Ledger, log: MemoryLog
) -> None:
    batch = ledger.record(sent(credit("T1"), opened(), credit("T2"), first=7))
    assert statuses(batch.outcomes) == ["refused", "accepted", "accepted"]
    assert (batch.outcomes[0].code, batch.outcomes[0].event_id) == ("unknown_entity", "refusals@1")
    assert log.stream("refusals")[0].fact == MessageRefused(
        source="t",
        offset=7,
        code="unknown_entity",
        reason="Account A is not open. Send account_opened first.",
        original='{"a":1}',
        encoding="utf-8",
        original_bytes=7,
        original_sha256=sha256(b'{"a":1}').hexdigest(),
        transaction_id="T1",
        value_date=DAY,
        recorded_at_us=NOON_US,
    )


def test_a_refused_transaction_may_be_sent_again_once_its_cause_is_gone(ledger: Ledger) -> None:
    batch = ledger.record(sent(credit("T1"), opened(), credit("T1")))
    assert statuses(batch.outcomes) == ["refused", "accepted", "accepted"]


def test_the_rule_that_refused_is_named(ledger: Ledger, log: MemoryLog) -> None:
    ledger.record(sent(closing("c1")))
    batch = ledger.record(sent(closing("c0", date(2024, 3, 28))))
    assert (batch.outcomes[0].code, batch.outcomes[0].rule) == (
        "rule_refused",
        "day_already_closed",
    )
    assert log.stream("refusals")[0].fact.reason.endswith("[rule day_already_closed]")


def test_the_same_business_day_closed_again_is_a_duplicate(ledger: Ledger, log: MemoryLog) -> None:
    batch = ledger.record(sent(closing("c1"), closing("another"), closing("c1")))
    assert statuses(batch.outcomes) == ["accepted", "duplicate", "duplicate"]
    assert {o.event_id for o in batch.outcomes} == {"calendar@1"}
    assert log.last_position() == 1


@pytest.mark.parametrize(
    ("original", "kept", "encoding"),
    [
        (b"{not json", b"{not json", "utf-8"),
        ("贷款".encode(), "贷款".encode(), "utf-8"),
        (b"", b"", "utf-8"),
        (b"\xff\xfe\x00", b"\xff\xfe\x00", "base64"),
        (b"x" * 200_000, b"x" * MAX_ORIGINAL_BYTES, "utf-8"),
        (b"x" + "贷".encode() * 70_000, b"x" + "贷".encode() * 21_845, "utf-8"),
        (b"xx" + "贷".encode() * 70_000, b"xx" + "贷".encode() * 21_844, "utf-8"),
        (b"\xff" * 200_000, b"\xff" * MAX_ORIGINAL_BYTES, "base64"),
    ],
    ids=["text", "chinese", "empty", "binary", "huge", "cut fits", "cut inside", "huge binary"],
)
def test_an_unreadable_message_is_kept_whole_or_cut_with_its_name(
    ledger: Ledger, log: MemoryLog, original: bytes, kept: bytes, encoding: str
) -> None:
    batch = ledger.record([unreadable(original)])
    assert (batch.outcomes[0].status, batch.outcomes[0].code) == ("refused", "malformed")
    fact = log.read()[0].fact
    assert fact.encoding == encoding
    text = fact.original
    assert (text.encode() if encoding == "utf-8" else b64decode(text)) == kept
    assert fact.original_bytes == len(original)
    assert fact.original_sha256 == sha256(original).hexdigest()


def test_a_batch_already_tracked_changes_nothing(ledger: Ledger, log: MemoryLog) -> None:
    messages = [*sent(opened(), credit("T1")), unreadable(b"?", offset=3)]
    ledger.record(messages, tracking={"t": 3})
    before = list(log.rows)
    again = ledger.record(messages, tracking={"t": 3})
    assert statuses(again.outcomes) == ["duplicate"] * 3
    assert [o.event_id for o in again.outcomes] == ["account:A@1", "account:A@2", None]
    assert again.recorded == []
    assert log.rows == before


def test_a_batch_half_tracked_records_the_other_half(ledger: Ledger, log: MemoryLog) -> None:
    messages = [
        *sent(opened(), credit("T1")),
        unreadable(b"?", offset=3),
        unreadable(b"!", offset=4),
    ]
    ledger.record(messages[:3], tracking={"t": 3})
    again = ledger.record(messages[1:], tracking={"t": 4})
    assert statuses(again.outcomes) == ["duplicate", "duplicate", "refused"]
    assert [fact.fact.original for fact in log.stream("refusals")] == ["?", "!"]
    assert log.tracked("t") == 4


def test_tracking_moves_even_when_there_is_nothing_to_record(
    ledger: Ledger, log: MemoryLog
) -> None:
    ledger.record(sent(opened()), tracking={"t": 1})
    ledger.record(sent(opened(), first=2), tracking={"t": 2})
    assert (log.last_position(), log.tracked("t")) == (1, 2)


def test_an_offset_outside_its_batch_stops_before_anything_is_recorded(
    ledger: Ledger, log: MemoryLog
) -> None:
    for offset in (0, 3):
        with pytest.raises(InvariantBroken):
            ledger.record(sent(opened(), first=offset), tracking={"t": 2})
    assert log.last_position() == 0


class FailingLog(MemoryLog):
    """Its disk is full while `full` is set."""

    full = False

    def record(
        self, facts: Sequence[NewFact], *, tracking: Mapping[str, int] | None = None
    ) -> list[Recorded]:
        if self.full:
            raise StoreBlocked("The disk is full.", way_out="Free space.")
        return super().record(facts, tracking=tracking)


def test_a_failed_commit_leaves_the_ledger_as_it_was() -> None:
    log = FailingLog("ledger")
    ledger = Ledger(log)
    ledger.record(sent(opened(), credit("T0"), credit("T9", account="nobody")))
    log.full = True
    messages = sent(credit("T1", 5), opened("C"), credit("T2", account="nobody"))
    for _ in range(2):
        with pytest.raises(StoreBlocked):
            ledger.record(messages)
    log.full = False
    batch = ledger.record(messages)
    assert statuses(batch.outcomes) == ["accepted", "accepted", "refused"]
    assert batch.recorded[0].fact.balance_minor == 1_105
    assert [fact.event_id for fact in batch.recorded] == [
        "account:A@3",
        "account:C@1",
        "refusals@2",
    ]


class Unbalanced:
    """The real book, but the credit of 13 is found not to balance."""

    decide = staticmethod(book.decide)
    evolve = staticmethod(book.evolve)

    @staticmethod
    def check(state: Any, facts: Sequence[Any]) -> None:
        for fact in facts:
            if isinstance(fact, AccountCredited) and fact.amount_minor == 13:
                raise InvariantBroken("does not balance")


def test_facts_that_do_not_balance_stop_the_whole_batch(log: MemoryLog) -> None:
    ledger = Ledger(log, core=Unbalanced())
    ledger.record(sent(opened()))
    with pytest.raises(InvariantBroken):
        ledger.record(sent(credit("T1", 1), credit("T2", 13)), tracking={"t": 2})
    assert (log.last_position(), log.tracked("t")) == (1, 0)
    assert ledger.record(sent(credit("T1", 1))).recorded[0].fact.balance_minor == 1_001


@pytest.mark.parametrize("cached", [0, 1, 2, 1_000])
def test_the_size_of_the_cache_changes_no_answer(log: MemoryLog, cached: int) -> None:
    ledger = Ledger(log, cached_entities=cached)
    accounts = ["A", "B", "C"]
    ledger.record(sent(*map(opened, accounts)))
    for number in range(10):
        ledger.record(sent(credit(f"T{number}", 1, account=accounts[number * 7 % 3])))
    assert [log.stream(f"account:{a}")[-1].fact.balance_minor for a in accounts] == [
        1_004,
        1_003,
        1_003,
    ]


def test_a_new_ledger_over_an_old_log_goes_on(ledger: Ledger, log: MemoryLog) -> None:
    ledger.record(sent(opened(), credit("T1"), credit("T2", account="nobody")))
    other = Ledger(log)
    batch = other.record(sent(credit("T1"), credit("T3"), credit("T4", account="nobody")))
    assert statuses(batch.outcomes) == ["duplicate", "accepted", "refused"]
    assert [fact.event_id for fact in batch.recorded] == ["account:A@3", "refusals@2"]


def test_a_message_that_names_another_borrower_is_refused_once_it_is_not_known(
    ledger: Ledger,
) -> None:
    ledger.record(sent(opened()))
    wrong, right, silent = sent(credit("T1"), credit("T2"), credit("T3"))
    wrong.borrower_id, right.borrower_id = "B2", "B"
    outcomes = ledger.record([wrong, right, silent]).outcomes
    assert [outcome.code for outcome in outcomes] == ["borrower_mismatch", "", ""]
    assert outcomes[0].way_out == (
        "Check the id of the loan or account, or leave borrower_id out."
    )  # fmt: skip
    # What is on record stands, whomever it names when it comes again.
    right.borrower_id = "B2"
    assert statuses(ledger.record([right]).outcomes) == ["duplicate"]
