"""`GET /v1/transactions/{transaction_id}`: what became of a transaction, up to its warnings.

A sender asks with the id it gave. What was refused is not found here but in `/v1/refusals`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Path
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ledger.errors import UnknownEntity
from ledger.ids import account_stream, loan_stream, trading_stream
from ledger.store import KnownCommand, Recorded
from projections.queries import Queries, WarningFilter
from streams.api.answers import json_answer
from streams.api.shapes import WORDS, done, listed, or_null, record

TransactionId = Annotated[str, Path(pattern=r"^[!-~]{1,128}$")]
MOST_WARNINGS = 1_000


class Log(Protocol):
    """The ledger, as far as transactions are looked up in it."""

    def known_commands(self, ids: Collection[str]) -> dict[str, KnownCommand]:
        """Those of `ids` that were recorded."""

    def stream(self, stream: str) -> list[Recorded]:
        """All facts of one stream."""


_TRACED = record(
    "Traced",
    {
        "transaction_id": WORDS,
        "event_id": WORDS,
        "loan_id": or_null(WORDS),
        "borrower_id": or_null(WORDS),
        "warnings": listed(
            record(
                "Caused",
                {"warning_id": WORDS, "event_id": WORDS, "change": WORDS, "loan_id": WORDS},
            )
        ),
    },
)


def routes(ledger: Log, queries: Queries) -> APIRouter:
    """The one route of this module."""
    router = APIRouter(tags=["transactions"])

    @router.get(
        "/v1/transactions/{transaction_id}",
        operation_id="get_transaction",
        summary="What became of a transaction",
        responses=done(_TRACED),
    )
    async def get_transaction(transaction_id: TransactionId) -> Response:
        """The first fact that it led to, and every change of a warning that names it as a cause."""
        return json_answer(await run_in_threadpool(traced, ledger, queries, transaction_id))

    return router


def traced(ledger: Log, queries: Queries, transaction_id: str) -> dict[str, Any]:
    """Errors: UnknownEntity when no such transaction was recorded."""
    known = ledger.known_commands([transaction_id]).get(transaction_id)
    if known is None:
        raise UnknownEntity(
            "No such transaction was recorded.",
            way_out="It may wait in its topic, or be refused: GET /v1/refusals.",
        )
    loan_id, borrower_id = _whose(ledger, known.stream)
    asked = WarningFilter(loan_id=loan_id, borrower_id=None if loan_id else borrower_id)
    found = queries.warnings(asked, limit=MOST_WARNINGS).rows if loan_id or borrower_id else []
    caused = [
        {name: change[name] for name in ("warning_id", "event_id", "change", "loan_id")}
        for warning in found
        for change in (queries.warning(warning["warning_id"]) or {"history": []})["history"]
        if known.event_id in change["cause_event_ids"]
    ]
    return {
        "transaction_id": transaction_id,
        "event_id": known.event_id,
        "loan_id": loan_id,
        "borrower_id": borrower_id,
        "warnings": caused,
    }


def _whose(ledger: Log, stream: str) -> tuple[str | None, str | None]:
    """The loan, or the borrower, that a stream speaks of."""
    name = stream.partition(":")[2]
    if stream == loan_stream(name):
        return name, None
    if stream == trading_stream(name):
        return None, name
    if stream == account_stream(name):
        opened = ledger.stream(stream)[0].fact
        return None, opened.borrower_id
    return None, None
