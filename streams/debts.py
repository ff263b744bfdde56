"""What the ledger log knows of a borrower's debts, for those who ask its contact rules beforehand.

Read from the facts themselves, as committed by now: no view that lags, no state that changes.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger.collection.state import Collection, evolve_collection
from ledger.ids import collection_stream, loan_stream
from ledger.loan import Loan
from ledger.store import FactLog
from projections.read_loan import evolved


def collection_of(ledger: FactLog, borrower_id: str) -> Collection | None:
    """What was done about their debts; None for nothing."""
    collection: Collection | None = None
    for item in ledger.stream(collection_stream(borrower_id)):
        collection = evolve_collection(collection, item.fact)
    return collection


def loans_of(ledger: FactLog, loan_ids: Sequence[str]) -> dict[str, Loan]:
    """Those of the loans that there are."""
    found = {}
    for loan_id in loan_ids:
        facts = ledger.stream(loan_stream(loan_id))
        if facts:
            found[loan_id] = evolved(facts)
    return found
