"""Who decided a write-off: in the fact, in old facts, and in what was sent before it had names."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from ledger import codec
from ledger.commands import CloseLoan
from ledger.events import LoanClosed
from ledger.scenario import read_diary
from ledger.service import Incoming, Ledger
from ledger.store import MemoryStore

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
DIARY = """\
2024-01-01 open L1 300.00 CNY, method annuity, instalments 3
2024-01-01 disburse L1 300.00
2024-03-01 close L1 written_off, by li.na, approved zhao.min
"""


def test_a_write_off_names_who_asked_for_it_and_who_agreed() -> None:
    store = MemoryStore()
    commands = [line.command for line in read_diary(DIARY, name="book").lines]
    batch = [
        Incoming(c, None, b"", "diary", n, c.recorded_at_us, c.transaction_id)
        for n, c in enumerate(commands, start=1)
        if c is not None
    ]
    assert [o.status for o in Ledger(store.ledger).record(batch).outcomes] == ["accepted"] * 3
    closed = store.ledger.stream("loan:L1")[-1].fact
    assert isinstance(closed, LoanClosed)
    assert (closed.requested_by, closed.approved_by) == ("li.na", "zhao.min")


def test_an_old_one_names_nobody_and_an_old_message_is_known_again() -> None:
    old = codec.decode("loan.closed.v1", (GOLDEN / "loan.closed.v1.json").read_bytes())
    assert isinstance(old, LoanClosed)
    assert (old.reason, old.requested_by, old.approved_by) == ("written_off", None, None)
    # The digest as it was computed before commands could name anybody.
    sent = CloseLoan(
        transaction_id="end", loan_id="L1", value_date=date(2024, 3, 1), recorded_at_us=0,
        reason="written_off",
    )  # fmt: skip
    assert codec.content_digest(sent).hex() == "29a9cabb2700e1c5ebc01d8acda7bde9"
