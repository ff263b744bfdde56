"""Where one batch ends and the next begins changes nothing: not an outcome, not a byte."""

from __future__ import annotations

import sqlite3
import tempfile
from datetime import date
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.commands import CloseBusinessDay, Command, CreditAccount, DebitAccount, OpenAccount
from ledger.errors import MalformedMessage
from ledger.service import Incoming, Ledger, Outcome
from ledger.store import Store

US_A_DAY = 86_400_000_000
START_US = 1_711_670_400_000_000  # 2024-03-29

Message = tuple[str, int, int, int]
"""kind, transaction, account, amount or day"""

messages = st.lists(
    st.tuples(
        st.sampled_from(["open", "credit", "credit", "debit", "close", "garbage"]),
        st.integers(0, 12),
        st.integers(0, 3),
        st.integers(-1, 4),
    ),
    min_size=1,
    max_size=40,
)


def command(message: Message, offset: int) -> Command | None:
    kind, transaction, account, amount = message
    at_us = START_US + offset
    common = {
        "transaction_id": f"{kind}-{transaction}",
        "value_date": date(2024, 3, 28),
        "recorded_at_us": at_us,
    }
    movement = {
        "account_id": f"A{account}",
        "amount_minor": amount,
        "currency": "CNY",
        "balance_minor": None,
        "flow": "trade",
    }
    if kind == "open":
        return OpenAccount(
            **common,
            account_id=f"A{account}",
            borrower_id="B",
            currency="CNY",
            opening_balance_minor=amount,
            overdraft_limit_minor=0,
        )
    if kind == "credit":
        return CreditAccount(**common, **movement)
    if kind == "debit":
        return DebitAccount(**common, **movement)
    if kind == "close":
        return CloseBusinessDay(
            transaction_id=f"close-{amount}",
            value_date=date(2024, 3, 24 + amount),
            recorded_at_us=at_us,
        )
    return None


def incoming(sequence: list[Message]) -> list[Incoming]:
    found = []
    for offset, message in enumerate(sequence, 1):
        asked = command(message, offset)
        error = None if asked is not None else MalformedMessage("no", way_out="send JSON")
        transaction = asked.transaction_id if asked is not None else None
        original = repr(message).encode()
        found.append(Incoming(asked, error, original, "t", offset, START_US + offset, transaction))
    return found


def run(path: Path, sequence: list[Message], cuts: set[int], *, repeat: bool) -> list[Outcome]:
    """Record `sequence` cut into batches; with `repeat`, each batch is delivered twice."""
    found = incoming(sequence)
    edges = sorted({0, len(found)} | {cut for cut in cuts if cut < len(found)})
    outcomes: list[Outcome] = []
    with Store.open(path) as store:
        ledger = Ledger(store.ledger, cached_entities=2)
        for start, stop in pairwise(edges):
            outcomes += ledger.record(found[start:stop], tracking={"t": stop}).outcomes
            if repeat:
                again = ledger.record(found[start:stop], tracking={"t": stop})
                assert {o.status for o in again.outcomes} <= {"duplicate"}
                assert again.recorded == []
    return outcomes


def rows(path: Path) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT * FROM ledger_facts ORDER BY position").fetchall()
    connection.close()
    return found


@settings(deadline=None, max_examples=40)
@given(sequence=messages, cuts=st.sets(st.integers(1, 39)), repeat=st.booleans())
def test_batches_change_no_outcome_and_no_byte(
    sequence: list[Message], cuts: set[int], *, repeat: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        whole, cut = Path(folder) / "whole" / "ledger.db", Path(folder) / "cut" / "ledger.db"
        expected = run(whole, sequence, set(), repeat=False)
        assert run(cut, sequence, cuts, repeat=repeat) == expected
        assert rows(cut) == rows(whole)
