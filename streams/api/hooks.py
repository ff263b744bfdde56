"""Receivers of webhooks and alerts over HTTP: how each stands, and going on after a failure.

Receivers are made in the operator's file alone; nothing here can add or change one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from streams.api.answers import json_answer
from streams.api.shapes import WHOLE, WORDS, done, listed, record

Name = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,40}$")]
Skip = Annotated[
    bool, Query(description="Leave out for ever the event it is stuck at; of grades, its close.")
]

_RECEIVER = record(
    "Receiver",
    {
        "receiver": WORDS,
        "kind": WORDS,
        "place": WORDS,
        "feed": WORDS,
        "begun": {"type": "boolean"},
        "behind_facts": WHOLE,
        "parked": listed(WHOLE),
        "failures": WHOLE,
        "last_error": WORDS,
    },
)


def routes(
    standing: Callable[[], list[dict[str, Any]]],
    resume: Callable[[str, bool], Awaitable[None]],
) -> APIRouter:
    """The routes of this module over whatever holds the receivers."""
    router = APIRouter(tags=["webhooks"], prefix="/v1/webhooks")

    @router.get(
        "",
        operation_id="list_webhooks",
        summary="How the receivers stand",
        responses=done(record("Receivers", {"receivers": listed(_RECEIVER)})),
    )
    async def list_webhooks() -> Response:
        """`behind_facts` to be told yet, `parked` partitions, `failures` in a row."""
        return json_answer({"receivers": await run_in_threadpool(standing)})

    @router.post(
        "/{name}/resume",
        operation_id="resume_webhook",
        summary="Send to a receiver again",
        responses=done(record("Resumed", {"receiver": WORDS})),
    )
    async def resume_webhook(name: Name, skip: Skip = False) -> Response:
        """Parked, it goes on where it stopped; waiting after a failure, it is tried at once."""
        await resume(name, skip)
        return json_answer({"receiver": name})

    return router
