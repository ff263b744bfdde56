"""The audit trail and the users over HTTP: who saw and did what, who may sign in, who is locked."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from streams.api.access import Access, Signed
from streams.api.answers import Filters, Limit, json_answer
from streams.api.shapes import WHOLE, WORDS, done, listed, or_null, record
from streams.fields import Id
from streams.identity import history

UserId = Annotated[str, Path(pattern=r"^[A-Za-z0-9._@-]{1,64}$")]
_USER = record(
    "User",
    {
        "user_id": WORDS,
        "name": WORDS,
        "roles": listed(WORDS),
        "branches": or_null(listed(WORDS)),
        "locked": {"type": "boolean"},
    },
)
_FACT: dict[str, Any] = {
    "title": "AuditFact",
    "type": "object",
    "properties": {"position": WHOLE, "kind": WORDS, "recorded_at_us": WHOLE},
    "required": ["position", "kind", "recorded_at_us"],
}


class AuditAsked(Filters):
    """Which facts; all that are given must match."""

    person: Annotated[
        str | None, Query(pattern=r"^[A-Za-z0-9._@:-]{1,80}$", description="Who saw or did it.")
    ] = None
    borrower: Annotated[Id | None, Query(description="About whom.")] = None
    day: Annotated[date | None, Query(description="On this day, UTC.")] = None
    before: Annotated[
        int | None, Query(ge=1, le=10**15, description="`next_before` of the last page.")
    ] = None
    limit: Limit = 100


def routes(access: Access) -> APIRouter:
    """The routes of this module."""
    router = APIRouter(tags=["identity"], prefix="/v1")

    @router.get(
        "/audit",
        operation_id="list_audit",
        summary="Who saw and did what",
        responses=done(record("Audit", {"facts": listed(_FACT), "next_before": or_null(WHOLE)})),
    )
    async def list_audit(asked: Annotated[AuditAsked, Query()]) -> Response:
        """A page, newest first: sign-ins, reads of borrowers, actions, refusals, administration.

        A page of a rare person or borrower may be short or empty and still have a next one.
        """
        rows, following = await run_in_threadpool(
            history.find,
            access.trail.log,
            person=asked.person,
            borrower=asked.borrower,
            day=asked.day,
            before=asked.before,
            limit=asked.limit,
        )
        return json_answer({"facts": rows, "next_before": following})

    _add_users(router, access)
    return router


def _add_users(router: APIRouter, access: Access) -> None:
    @router.get(
        "/users",
        operation_id="list_users",
        summary="Who may sign in",
        responses=done(record("Users", {"users": listed(_USER)})),
    )
    async def list_users() -> Response:
        """All of them, by id. They are added and changed on the console: `loanbell users`."""
        found = await run_in_threadpool(access.identity.directory().users)
        told = [
            {
                "user_id": user.user_id,
                "name": user.name,
                "roles": sorted(user.roles),
                "branches": None if user.branches is None else sorted(user.branches),
                "locked": user.locked,
            }
            for user in found
        ]
        return json_answer({"users": told})

    @router.post(
        "/users/{user_id}/unlock",
        operation_id="unlock_user",
        summary="Let a locked user try again",
        responses=done(record("Unlocked", {"user_id": WORDS})),
    )
    async def unlock_user(user_id: UserId, person: Signed) -> Response:
        """After too many wrong passwords."""
        await run_in_threadpool(access.identity.directory().unlock, user_id, by=person.user_id)
        return json_answer({"user_id": user_id})
