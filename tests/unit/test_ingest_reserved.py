"""Transaction ids of our own services: nobody outside may use them, and they may."""

from __future__ import annotations

from datetime import date

import orjson
import pytest

from ledger.closings import closing_of
from ledger.service import Incoming
from streams.ingest import read
from streams.own_commands import RESERVED
from warning.asking import Moment, said

AT_US = 1_700_000_000_000_000
MARCH_29 = date(2024, 3, 29)


def take(transaction_id: str, *, own: bool = False) -> Incoming:
    body = {
        "type": "business_day_closed", "value_date": "2024-03-29", "transaction_id": transaction_id,
    }  # fmt: skip
    return read(orjson.dumps(body), source="test", offset=1, accepted_us=AT_US, own=own)


@pytest.mark.parametrize(
    "transaction_id", ["treat:1", "dispatch:1", "proposal-1", "accrue-2024-03-31-L1"]
)
def test_a_transaction_id_of_our_own_services_is_refused_from_outside(transaction_id: str) -> None:
    refused = take(transaction_id)
    assert (refused.command, refused.transaction_id) == (None, transaction_id)
    assert refused.error is not None
    assert refused.error.code == "reserved_transaction_id"
    assert str(refused.error) == (
        f"transaction_id is {transaction_id}, as only LoanBell itself names transactions. "
        "Send an id that does not begin with treat:, dispatch:, proposal-, accrue-."
    )
    assert take(transaction_id, own=True).error is None


@pytest.mark.parametrize(
    "transaction_id", ["close-2024-03-29", "mistreat:1", "Treat:1", "treatment-1", "desk-1"]
)
def test_only_its_beginning_is_reserved_and_closes_may_come_from_outside(
    transaction_id: str,
) -> None:
    taken = take(transaction_id)
    assert (taken.error, taken.transaction_id) == (None, transaction_id)


def test_our_own_services_name_transactions_by_what_is_reserved() -> None:
    assert closing_of("L1", MARCH_29, at_us=AT_US).transaction_id.startswith(RESERVED)
    asked = said(Moment(MARCH_29, AT_US, 1), "B1", "case")
    assert asked["transaction_id"].startswith(RESERVED)
