"""A LoanBell of the future: it stores received repayments in a version that this one cannot read.

Run before a worker starts, it stands for the next release in a rolling upgrade.
"""

from __future__ import annotations

from typing import Any

from ledger import codec
from ledger.events import RepaymentReceived

NAME = "loan.repayment_received"
FIELD = "channel"


def upgrade() -> None:
    """Write a field more, under the next version; read both versions."""
    known = codec._by_class[RepaymentReceived]
    document, decode, old = known.document, known.decode, known.version

    def written(fact: Any) -> dict[str, Any]:
        return {**document(fact), FIELD: "app"}

    def read(stored: dict[str, Any]) -> Any:
        return decode({name: value for name, value in stored.items() if name != FIELD})

    codec._by_topic.pop(known.topic)
    known.version, known.topic = old + 1, f"{NAME}.v{old + 1}"
    known.document, known.decode = written, read
    codec._by_topic[known.topic] = known
    codec._documents[RepaymentReceived] = known.topic, written
    codec._upcasts[NAME, old] = lambda stored: stored | {FIELD: "unknown"}
