"""Writing over HTTP to a scaled-out book: transactions and actions, through the topic.

A transaction is answered when every in-sync replica of the broker has it: from then on it cannot be
lost, and what became of it tells `GET /v1/transactions/{transaction_id}`. An action of a person is
answered when its partition's owner has recorded it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ledger.dates import now_us
from ledger.service import Incoming
from streams.api.access import Access
from streams.api.body import Body, Budget, check_content, messages_of
from streams.api.feed import EventStream
from streams.api.following import follower
from streams.api.gate import correlation
from streams.api.merged import MergedFeed, id_of, places_in
from streams.api.problems import Problem, respond
from streams.api.transactions import MOST_MESSAGES, SOURCE, documented
from streams.asking import Asking
from streams.controls import REQUEST_HEADER, TRACE_HEADER
from streams.ingest import read_many

if TYPE_CHECKING:
    from streams.books import Books

log = logging.getLogger("loanbell.http")


class Queued(BaseModel):
    """What was put on the topic of one request, and what is wrong already."""

    model_config = ConfigDict(extra="forbid")
    queued: int
    refused: int
    items: list[dict[str, Any]]


def headers_of(request: Request) -> dict[str, str]:
    """The ids of a request that go along with what it asks."""
    state = request.state
    traced = {TRACE_HEADER: state.traceparent} if state.traceparent else {}
    return {REQUEST_HEADER: state.request_id, **traced}


class _Desk:
    def __init__(self, asking: Asking, budget: Budget) -> None:
        self._asking, self._budget = asking, budget

    async def take(self, request: Request) -> Response:
        content = check_content(request)
        async with Body(request, self._budget) as body:
            bodies = await run_in_threadpool(messages_of, body, content, most=MOST_MESSAGES)
            messages = await run_in_threadpool(_read, bodies, request.state.request_id)
            await self._asking.transactions(messages, headers_of(request))
        counts = Counter("refused" if m.error else "queued" for m in messages)
        told: dict[str, Any] = {"queued": counts["queued"], "refused": counts["refused"]}
        log.info("transactions queued", extra={**correlation(request.state), **told})
        answer: dict[str, Any] = {
            **told,
            "items": [_item(n, each) for n, each in enumerate(messages)],
        }
        if not counts["queued"]:
            return respond(Problem("all_refused", "Every transaction was refused.", **answer))
        return Response(orjson.dumps(answer), status_code=202, media_type="application/json")


def _read(bodies: Sequence[bytes], request_id: str) -> list[Incoming]:
    at_us = now_us()
    source = f"{SOURCE}:{request_id}"
    return read_many(bodies, source=source, first_offset=1, accepted_us=at_us, clock_us=at_us)


def _item(index: int, message: Incoming) -> dict[str, Any]:
    """What is known of a message before its partition has seen it."""
    status: Literal["queued", "refused"] = "refused" if message.error else "queued"
    item: dict[str, Any] = {
        "index": index, "status": status, "transaction_id": message.transaction_id,
    }  # fmt: skip
    if message.error is not None:
        error = message.error
        item |= {"code": error.code, "reason": error.message, "way_out": error.way_out}
    return item


def transactions(asking: Asking, budget: Budget) -> APIRouter:
    """`POST /v1/transactions`."""
    router = APIRouter(tags=["transactions"])
    desk = _Desk(asking, budget)

    @router.post(
        "/v1/transactions",
        operation_id="post_transactions",
        summary="Queue transactions",
        status_code=202,
        response_model=Queued,
        responses={422: {"description": "All were refused; the problem lists them."}},
        openapi_extra=documented(),
    )
    async def post_transactions(request: Request) -> Response:
        """Each is queued for the partition of its borrower, or refused for its shape.

        Answered when the broker has it on all in-sync replicas. Sending a body again is always
        safe. `GET /v1/transactions/{transaction_id}` tells what became of one.
        """
        return await desk.take(request)

    return router


def stream(books: Books, feed: MergedFeed, access: Access) -> APIRouter:
    """`GET /v1/warnings/stream` over all partitions."""
    router = APIRouter(tags=["warnings"])

    @router.get(
        "/v1/warnings/stream",
        operation_id="stream_warnings",
        summary="Follow what happens to warnings, live",
        response_class=Response,
        responses={200: {"content": {"text/event-stream": {}}, "description": "Events."}},
    )
    async def stream_warnings(
        request: Request,
        after: Annotated[
            str | None,
            Query(max_length=2_000, description="Behind this id; 0 for everything."),
        ] = None,
        last_event_id: Annotated[
            str | None, Header(description="Resume behind this id; browsers send it themselves.")
        ] = None,
    ) -> EventStream:
        """An event's id is the reader's place in every partition, its name what happened.

        Come back with `Last-Event-ID` and nothing is lost or repeated. Without either parameter it
        starts at the present.
        """
        start = feed.places
        asked = after if last_event_id is None else last_event_id
        if asked is not None:
            found = places_in(asked, books.partitions)
            if found is None:
                raise Problem("invalid_request", "That is no place in this stream.")
            start = found
        shown = await follower(access, request, id_of(start).decode())
        return EventStream(feed, feed.frames(start, shown))

    return router
