"""Audit: who saw and did what."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from streams.api.people import AuditAsked
from streams.desk.asked import asked_of
from streams.desk.desk import Desk
from streams.desk.errors import page_route
from streams.identity import history

SHOWN = frozenset({
    "position", "kind", "value_date", "recorded_at_us", "request_id", "user_id", "by", "who",
    "borrower_ids", "what", "why",
})  # fmt: skip
"""Fields that have a place of their own in a line; the rest is told behind them."""
_WHO = ("user_id", "by", "approved_by", "requested_by")


def routes(desk: Desk) -> APIRouter:
    """The route of this module."""
    router = APIRouter(route_class=page_route(desk.frame), include_in_schema=False)

    @router.get("/desk/audit", operation_id="desk_audit")
    async def audit(request: Request) -> Response:
        asked = asked_of(request, AuditAsked)
        rows, following = await desk.read(
            history.find,
            desk.access.trail.log,
            person=asked.person,
            borrower=asked.borrower,
            day=asked.day,
            before=asked.before,
            limit=asked.limit,
        )
        for row in rows:
            row["who"] = next((row[name] for name in _WHO if row.get(name)), "")
            row["rest"] = [value for key, value in row.items() if key not in SHOWN and value]
        return await desk.page(request, "audit.html", asked=asked, rows=rows, following=following)

    return router
