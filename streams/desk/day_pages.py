"""My day: what to do next, why, and how, from the most pressing on."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from projections.queries import Answer, WarningFilter
from streams.api.answers import Paged
from streams.desk import case_words as offered
from streams.desk.asked import asked_of
from streams.desk.desk import Desk
from streams.desk.errors import page_route
from streams.desk.frame import HOME, words_of
from streams.desk.telling import Teller
from streams.desk.visitor import person_of
from streams.fields import Id, Text

PAGE_ROWS = 25
MOST_WARNINGS = 12
UNANSWERED = ("raised", "expired")


class DayAsked(Paged):
    """Whose day; their own unless a manager asks for another."""

    owner: Id | None = None
    team: Text | None = None


def routes(desk: Desk) -> APIRouter:
    """The route of this module."""
    router = APIRouter(route_class=page_route(desk.frame), include_in_schema=False)

    @router.get(HOME, operation_id="desk_my_day")
    async def my_day(request: Request) -> Response:
        asked = asked_of(request, DayAsked)
        shown = await desk.read(_day, desk, request, asked)
        others = desk.may(request, "lead") or not desk.may(request, "act")
        return await desk.page(
            request, "my_day.html", asked=asked, offered=offered, others=others, **shown
        )

    return router


def _day(desk: Desk, request: Request, asked: DayAsked) -> dict[str, Any]:
    owner = _whose(desk, request, asked)
    language, now = words_of(request).language, desk.now_us()
    page = desk.queries.worklist(
        owner_id=owner,
        team=asked.team,
        branch=desk.branches(request, None),
        after=asked.after,
        limit=PAGE_ROWS,
        language=language,
    )
    waiting = desk.queries.contacts(officer_id=owner, state="allowed", limit=200).rows
    of_case = {contact["case_id"]: contact for contact in reversed(waiting)}
    rows = [_row(desk, row, of_case.get(row["case_id"]), now) for row in page.rows]
    warnings = _warnings(desk, request, owner)
    return {
        "page": page,
        "rows": rows,
        "first": asked.after is None,
        "owner": owner,
        "warnings": warnings,
        "promises": desk.queries.promises(officer_id=owner, state="open", limit=50).rows,
    }


def _whose(desk: Desk, request: Request, asked: DayAsked) -> str | None:
    """The officer whose day is shown; None: of all that may be seen."""
    person = person_of(request)
    if asked.owner is not None or asked.team is not None:
        return asked.owner
    return person.user_id if person.signed_in and desk.may(request, "act") else None


def _row(desk: Desk, row: Answer, contact: Answer | None, now_us: int) -> Answer:
    """A case with the contact that waits for its outcome, or when the next one is allowed."""
    suggestion = row["suggestion"] or {}
    channel = suggestion.get("channel") or "call"
    (reach,) = desk.reaches.of_case(row, (channel,), now_us)
    return {**row, "channel": channel, "reach": reach, "waiting": contact}


def _warnings(desk: Desk, request: Request, owner: str | None) -> list[Answer]:
    """The newest warnings that wait for an answer."""
    wanted = WarningFilter(
        state="open", officer_id=owner, branch=desk.branches(request, None), inhibited=False
    )
    rows = desk.queries.warnings(wanted, limit=4 * MOST_WARNINGS).rows
    waiting = [row for row in rows if row["state"] in UNANSWERED][:MOST_WARNINGS]
    return Teller(desk.node.watch, words_of(request)).told(waiting)
