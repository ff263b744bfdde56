"""What became of a promise, on both time axes: as was known on a day, and as corrected since."""

from __future__ import annotations

from datetime import date

import pytest

from ledger.collection.standing import PromiseStanding, standing_on
from ledger.collection.state import Collection
from ledger.dates import date_of_us, day_number
from ledger.decide import state_of
from ledger.loan import Loan
from ledger.scenario import read_diary
from ledger.service import Incoming, Ledger
from ledger.store import MemoryLog

# 100.00 by the 10th. They come on the 9th, are told of on the 12th, and bounce on the 20th.
DIARY = """\
2024-06-01 open L1 300.00 CNY, method annuity, instalments 3
2024-06-01 disburse L1 300.00
2024-07-02 case B1 K1
2024-07-05 promise B1 K1 P1 L1, parts 2024-07-10 100.00
2024-07-12 repay L1 100.00, valued 2024-07-09, as R1
2024-07-20 reverse L1 R1
"""


@pytest.fixture(scope="module")
def log() -> MemoryLog:
    log = MemoryLog("ledger")
    book = Ledger(log)
    for line in read_diary(DIARY, name="diary").lines:
        assert line.command is not None
        incoming = Incoming(line.command, None, b"{}", "diary", line.number,
                            line.command.recorded_at_us, line.command.transaction_id)  # fmt: skip
        (outcome,) = book.record([incoming]).outcomes
        assert outcome.status == "accepted"
    return log


def standing(log: MemoryLog, *, on: str, known: str) -> PromiseStanding:
    """The promise at the end of `on`, by what was recorded by the end of `known`."""
    last = date.fromisoformat(known)
    facts = {
        stream: [
            item.fact for item in log.stream(stream) if date_of_us(item.fact.recorded_at_us) <= last
        ]
        for stream in ("loan:L1", "collection:B1")
    }
    loan, collection = state_of(facts["loan:L1"]), state_of(facts["collection:B1"])
    assert isinstance(loan, Loan)
    assert isinstance(collection, Collection)
    return standing_on(collection.promises["P1"], loan, day_number(date.fromisoformat(on)))


@pytest.mark.parametrize(
    ("on", "known", "expected"),
    [
        ("2024-07-09", "2024-07-09", ("open", 0, None)),
        ("2024-07-10", "2024-07-10", ("broken", 0, "2024-07-10")),
        ("2024-07-11", "2024-07-11", ("broken", 0, "2024-07-10")),
        # The repayment is told of: the promise was kept on the 9th, also for the days before.
        ("2024-07-12", "2024-07-12", ("kept", 10_000, "2024-07-09")),
        ("2024-07-09", "2024-07-12", ("kept", 10_000, "2024-07-09")),
        ("2024-07-08", "2024-07-12", ("open", 0, None)),
        # It bounced: it never was. What was known on the 19th stays what was known then.
        ("2024-07-20", "2024-07-20", ("broken", 0, "2024-07-10")),
        ("2024-07-09", "2024-07-20", ("open", 0, None)),
        ("2024-07-20", "2024-07-19", ("kept", 10_000, "2024-07-09")),
    ],
)
def test_a_promise_is_as_the_facts_known_say(
    log: MemoryLog, on: str, known: str, expected: tuple[str, int, str | None]
) -> None:
    word, paid, decided = expected
    day = None if decided is None else day_number(date.fromisoformat(decided))
    assert standing(log, on=on, known=known) == (word, 10_000, paid, day)
