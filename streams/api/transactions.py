"""`POST /v1/transactions`: one transaction, an array, or NDJSON; one answer for each.

Messages go to the record agent in the order they were sent and are answered after their commit.
A bad message is refused and kept, and the rest goes on. Sending a body again is always safe: its
transaction ids make what was recorded a duplicate.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

import orjson
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ledger.dates import now_us
from ledger.errors import LoanError
from ledger.service import Incoming, Outcome
from streams.api.body import Body, Budget, check_content, messages_of
from streams.api.gate import correlation
from streams.api.problems import Problem, respond, told
from streams.ingest import read_many

if TYPE_CHECKING:
    from streams.wiring import Node

log = logging.getLogger("loanbell.http")

MOST_MESSAGES = 20_000
AT_ONCE = 1_000
SOURCE = "http"


class Answer(BaseModel):
    """What became of one transaction."""

    model_config = ConfigDict(extra="forbid")
    index: int = Field(description="Its place in the body, from 0; blank lines do not count.")
    status: Literal["accepted", "duplicate", "refused"]
    transaction_id: str | None = Field(description="As sent, where it could be read.")
    event_id: str | None = Field(
        description="The first fact it led to, or had led to before; of a refusal, its record."
    )
    code: str = Field(default="", description="Why it was refused, as a stable word.")
    rule: str = Field(default="", description="The rule of the book that refused it.")
    reason: str = Field(default="", description="Why it was refused, as a sentence.")
    way_out: str = Field(default="", description="What would be accepted.")


class Answers(BaseModel):
    """What became of every transaction of a request, in its order."""

    model_config = ConfigDict(extra="forbid")
    accepted: int
    duplicate: int
    refused: int
    items: list[Answer]


def answer_of(index: int, outcome: Outcome) -> dict[str, Any]:
    """One item of the answer; empty words are left out."""
    item = {
        "index": index,
        "status": outcome.status,
        "transaction_id": outcome.transaction_id,
        "event_id": outcome.event_id,
    }
    if outcome.status == "refused":
        for name in ("code", "rule", "reason", "way_out"):
            if word := getattr(outcome, name):
                item[name] = word
    return item


class Desk:
    """Takes bodies in for one node."""

    def __init__(self, node: Node, budget: Budget) -> None:
        self._node, self._budget = node, budget

    async def take(self, request: Request) -> Response:
        """Read, record and answer one request."""
        content = check_content(request)
        async with Body(request, self._budget) as body:
            messages = await run_in_threadpool(messages_of, body, content, most=MOST_MESSAGES)
            source = f"{SOURCE}:{request.state.request_id}"
            outcomes = await self._record(messages, source)
        counts = Counter(outcome.status for outcome in outcomes)
        log.info(
            "transactions recorded", extra={**correlation(request.state), **dict(counts.items())}
        )
        return _respond(outcomes)

    async def _record(self, messages: Sequence[bytes], source: str) -> list[Outcome]:
        accepted_us = now_us()
        outcomes: list[Outcome] = []
        rest = iter(messages)
        while slice_ := list(islice(rest, AT_ONCE)):
            incoming: list[Incoming] = await run_in_threadpool(
                read_many,
                slice_,
                source=source,
                first_offset=len(outcomes) + 1,
                accepted_us=accepted_us,
                clock_us=accepted_us,
            )
            try:
                batch = await self._node.submit(incoming)
            except Exception as error:
                if isinstance(error, LoanError) or self._node.failure is not None:
                    raise self._unavailable(error, outcomes) from error
                raise
            outcomes.extend(batch.outcomes)
        return outcomes

    def _unavailable(self, error: Exception, outcomes: Sequence[Outcome]) -> Problem:
        """What was answered before the failure comes with it; the rest can be sent again."""
        answered = [answer_of(index, outcome) for index, outcome in enumerate(outcomes)]
        return Problem("unavailable", told(error, self._node.failure), items=answered)


def _respond(outcomes: Sequence[Outcome]) -> Response:
    counts = Counter(outcome.status for outcome in outcomes)
    content: dict[str, Any] = {
        "accepted": counts["accepted"],
        "duplicate": counts["duplicate"],
        "refused": counts["refused"],
        "items": [answer_of(index, outcome) for index, outcome in enumerate(outcomes)],
    }
    if counts["refused"] == len(outcomes):
        detail = "Every transaction was refused." if len(outcomes) > 1 else outcomes[0].reason
        return respond(Problem("all_refused", detail, **content))
    return Response(
        orjson.dumps(content),
        status_code=207 if counts["refused"] else 200,
        media_type="application/json",
    )


_EXAMPLES: dict[str, Any] = {
    "repayment": {
        "type": "repayment_received",
        "transaction_id": "core-2024-000123",
        "value_date": "2024-03-29",
        "loan_id": "L00001",
        "amount": "1250.00",
        "currency": "CNY",
        "sent_at": "2024-03-29T09:30:00Z",
    },
    "loan": {
        "type": "loan_opened",
        "transaction_id": "core-2024-000001",
        "value_date": "2024-01-15",
        "loan_id": "L00001",
        "borrower_id": "B00001",
        "account_id": "A00001",
        "product": "working_capital",
        "currency": "CNY",
        "principal": "100000.00",
        "terms": {
            "method": "annuity",
            "instalments": 12,
            "rate_percent": "9.4822",
            "first_due_date": "2024-02-15",
        },
        "officer_id": "O01",
        "branch": "north",
    },
}


def _lines(*examples: dict[str, Any]) -> str:
    return "".join(orjson.dumps(example).decode() + "\n" for example in examples)


def documented() -> dict[str, Any]:
    """The body of the request, for the description."""
    one = {"$ref": "#/components/schemas/Transaction"}
    both = list(_EXAMPLES.values())
    return {
        "requestBody": {
            "required": True,
            "description": "One transaction, an array, or one a line. UTF-8, not compressed.",
            "content": {
                "application/json": {
                    "schema": {"oneOf": [one, {"type": "array", "items": one}]},
                    "examples": {
                        **{name: {"value": value} for name, value in _EXAMPLES.items()},
                        "array": {"value": both},
                    },
                },
                "application/x-ndjson": {
                    "schema": one,
                    "examples": {"lines": {"value": _lines(*both)}},
                },
            },
        }
    }


def routes(node: Node, budget: Budget) -> APIRouter:
    """The one route of this module."""
    router = APIRouter(tags=["transactions"])
    desk = Desk(node, budget)

    @router.post(
        "/v1/transactions",
        operation_id="post_transactions",
        summary="Record transactions",
        response_model=Answers,
        responses={
            207: {"model": Answers, "description": "Some were refused; see each item."},
            422: {"description": "All were refused; the problem lists them under `items`."},
        },
        openapi_extra=documented(),
    )
    async def post_transactions(request: Request) -> Response:
        """Each transaction is accepted, a duplicate (known by its `transaction_id`), or refused.

        Answered after the commit: what is accepted survives a power cut. Sending a body again is
        always safe.
        """
        return await desk.take(request)

    return router
