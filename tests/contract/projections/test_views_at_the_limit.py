"""As much money as a book takes: the views and the watch count it to the last cent, and start."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ledger.dates import Calendar
from ledger.money import MAX_BOOK_MINOR
from ledger.service import Ledger
from ledger.store import Store
from projections.portfolio import PORTFOLIO
from projections.projector import Projector
from projections.tables import Database, select
from projections.trial_balance import POSTED
from streams.ingest import read_many
from streams.settings import PACKS, packaged
from streams.watching import facts_of
from warning.rules import load_pack
from warning.watch import Watch

MOST = "10000000000000.00"
"""Ten trillion: the most that one message may hold, 10**15 cents."""


def message(type_: str, loan: int, **fields: Any) -> bytes:
    number = fields.pop("number", "")
    common = {
        "type": type_,
        "transaction_id": f"{type_}-{loan}-{number}",
        "value_date": fields.pop("on", "2024-01-02"),
        "sent_at": "2024-01-10T00:00:00Z",
    }
    owner = {} if type_ == "business_day_closed" else {"loan_id": f"L{loan}"}
    return json.dumps(common | owner | fields).encode()


def greatest_loans(count: int) -> Iterator[bytes]:
    """Each agrees, pays out and schedules the most, is charged it twice, and repays it."""
    terms = {"method": "interest_only", "instalments": 1, "rate_percent": "0"}
    for loan in range(count):
        yield message("loan_opened", loan, borrower_id=f"B{loan}", product="p", currency="CNY",
                      principal=MOST, terms=terms, officer_id="O", branch="x")  # fmt: skip
        yield message("loan_disbursed", loan, amount=MOST, currency="CNY")
        for number in range(2):
            yield message("charge_applied", loan, number=number, kind="fees", amount=MOST,
                          currency="CNY", due_date="2024-01-02")  # fmt: skip
        yield message("repayment_received", loan, amount=MOST, currency="CNY", on="2024-01-03")


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book of as many of these loans as it takes, and one day closed after them."""
    path = tmp_path_factory.mktemp("full") / "ledger.db"
    days = [message("business_day_closed", 0, on=f"2024-01-{day:02}") for day in (2, 3, 4)]
    days = [day.replace(b"-0-", b"-%d-" % at) for at, day in enumerate(days)]
    # 7 * 10**15 a loan: agreed, paid out, scheduled, charged twice, and a repayment that counts
    # twice. After 571 of them 3.997 * 10**18 are in, the 572nd passes 4 * 10**18 with its fourth
    # part, the charge; then nothing more is taken.
    messages = [*greatest_loans(574), *days]
    with Store.open(path) as store:
        incoming = read_many(messages, source="t", first_offset=1, accepted_us=0)
        codes = [outcome.code for outcome in Ledger(store.ledger).record(incoming).outcomes]
        assert codes == [""] * (571 * 5 + 3) + ["book_full"] * (2 * 5 + 2) + [""] * 3
        assert store.ledger.tracked("total:CNY") == 571 * 7 * 10**15 + 4 * 10**15 > MAX_BOOK_MINOR
    return path


def test_the_views_of_a_full_book_are_exact_to_the_last_cent(full: Path) -> None:
    with Store.open(full) as store:
        projector = Projector.open(full.parent / "views.db", store)
        projector.catch_up()
        projector.close()
    database = Database.open(full.parent / "views.db", read_only=True)
    with database.reading() as connection:
        table = database.table(PORTFOLIO)
        found = connection.execute(select(table).order_by(table.c.closed_day)).all()
        posted = connection.execute(select(database.table(POSTED))).all()
    last = found[-1]._mapping
    # All is fees first: no principal is repaid. On 4 January each of the 571 owes the second fee,
    # and the last one its only fee.
    assert last["loans"] == 572
    assert last["outstanding_minor"] == 572 * 10**15
    assert last["arrears_minor"] == (571 + 1) * 10**15
    # On 2 January loans and fees are debited: 572 paid out, 571 * 2 + 1 fees.
    debits = sum(row.debit_minor for row in posted if row.value_day == 19_724)
    assert debits == (572 + 571 * 2 + 1) * 10**15


def test_the_watch_of_a_full_book_starts_and_knows_how_late_its_loans_are(full: Path) -> None:
    with Store.open(full) as store:
        pack = load_pack(packaged(PACKS, "sme-early", ".toml"))
        watch = Watch(pack=pack, calendar=Calendar(), facts_of=facts_of(store.ledger))
        for item in store.ledger.read(limit=10**6):
            watch.observe([item])
        row = np.array([watch.engine.row_of("L0")])
        found = watch.engine.values(["arrears_minor", "dpd_days", "outstanding_minor"], row)
    # The second fee was due on 2 January; the day after the last close is 5 January.
    assert {name: value.tolist() for name, value in found.items()} == {
        "arrears_minor": [10**15], "dpd_days": [3], "outstanding_minor": [10**15],
    }  # fmt: skip
