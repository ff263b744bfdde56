"""`GET /v1/warnings/{warning_id}/refusals`: actions that a warning's partition refused, and why.

`loanbell api` asks the owner of a partition and may not hear from it in time; then who asked finds
the reason here. One process answers a refusal at once and keeps none.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from projections.queries import Queries
from streams.api.answers import Paged, paged
from streams.api.shapes import done, page, ref
from streams.api.warnings import WarningId
from streams.controls import asked_about


def routes(queries: Queries) -> APIRouter:
    """The one route of this module."""
    router = APIRouter(tags=["warnings"])

    @router.get(
        "/v1/warnings/{warning_id}/refusals",
        operation_id="list_refused_actions",
        summary="What was asked about a warning and refused",
        responses=done(page("refusals", ref("Refusal"))),
    )
    async def list_refused_actions(
        warning_id: WarningId, asked: Annotated[Paged, Query()]
    ) -> Response:
        """Actions that its partition refused, newest first, each with its reason.

        What was answered 202 is here, or in the warning's history when it is done.
        `transaction_id` is the `X-Request-ID` of the request.
        """
        found = await run_in_threadpool(
            queries.refusals,
            source=asked_about(warning_id),
            after=asked.after,
            limit=asked.limit,
        )
        return paged("refusals", found)

    return router
