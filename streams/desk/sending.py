"""What people do about cases, as messages: the same ones that files, HTTP and Kafka bring.

Every form carries a word of its own, and the message's ids come from it: a form that is sent twice
is one transaction. Whether a message is right is the ledger's to say.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import orjson

from ledger.dates import date_of_us
from streams.api.problems import CATALOGUE, Problem
from streams.ingest import read

if TYPE_CHECKING:
    from streams.desk.desk import Desk

SOURCE = "desk"


class Refused(Problem):
    """The ledger refused the message; `rule` names the rule that did, if one did."""

    def __init__(self, code: str, reason: str, way_out: str, rule: str) -> None:
        super().__init__(code if code in CATALOGUE else "rule_refused", reason, way_out=way_out)
        self.rule = rule


async def send(desk: Desk, transaction_id: str, message: dict[str, Any]) -> bool:
    """Record one message, and wait until the pages show it. Whether it changed anything.

    The fields that every message has are added: `transaction_id`, `value_date`, `sent_at`.
    Errors: Refused; Problem "unavailable".
    """
    at_us = desk.now_us()
    body = {
        "transaction_id": transaction_id,
        "value_date": business_day(desk, at_us).isoformat(),
        "sent_at": datetime.fromtimestamp(at_us / 1_000_000, UTC).isoformat(),
        **message,
    }
    incoming = read(orjson.dumps(body), source=SOURCE, offset=0, accepted_us=at_us)
    answer = await desk.node.submit([incoming])
    outcome = answer.outcomes[0]
    if outcome.status == "refused":
        raise Refused(outcome.code, outcome.reason, outcome.way_out, outcome.rule)
    await desk.seen()
    return outcome.status == "accepted"


def business_day(desk: Desk, at_us: int) -> date:
    """The day for which something done now counts: today, or the open business day before it.

    After Friday's close the open business day is Monday, and nothing counts for a day to come.
    """
    today = date_of_us(at_us)
    return min(desk.node.health().business_date or today, today)
