"""My day: what to do next, why, and how, from the most pressing on."""

from __future__ import annotations

from typing import Any, Literal

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


Scope = Literal["own", "branch"]


class DayAsked(Paged):
    """Whose day: their own, or that of their branches, of one officer or team there."""

    scope: Scope | None = None
    owner: Id | None = None
    team: Text | None = None
    branch: Text | None = None


def routes(desk: Desk) -> APIRouter:
    """The route of this module."""
    router = APIRouter(route_class=page_route(desk.frame), include_in_schema=False)

    @router.get(HOME, operation_id="desk_my_day")
    async def my_day(request: Request) -> Response:
        asked = asked_of(request, DayAsked)
        shown = await desk.read(_day, desk, request, asked)
        return await desk.page(request, "my_day.html", asked=asked, offered=offered, **shown)

    return router


def _day(desk: Desk, request: Request, asked: DayAsked) -> dict[str, Any]:
    person, scope = person_of(request), _scope(desk, request, asked)
    own = scope == "own"
    owner = person.user_id if own else asked.owner
    branch = desk.branches(request, None if own else asked.branch)
    page = desk.queries.worklist(
        owner_id=owner,
        team=None if own else asked.team,
        branch=branch,
        after=asked.after,
        limit=PAGE_ROWS,
        language=words_of(request).language,
    )
    given = {"officer_id": owner, "branch": branch}
    waiting = desk.queries.contacts(**given, state="allowed", limit=200).rows
    of_case = {contact["case_id"]: contact for contact in reversed(waiting)}
    now = desk.now_us()
    return {
        "page": page,
        "rows": [_row(desk, row, of_case.get(row["case_id"]), now) for row in page.rows],
        "first": asked.after is None,
        "scope": scope,
        "has_own": _has_own(desk, request),
        "owner": owner,
        "branches": (branch,) if isinstance(branch, str) else branch or (),
        "several": person.branches is None or len(person.branches) > 1,
        "warnings": _warnings(desk, request, owner, branch),
        "promises": desk.queries.promises(**given, state="open", limit=50).rows,
    }


def _has_own(desk: Desk, request: Request) -> bool:
    """Whether cases can be theirs at all."""
    return person_of(request).signed_in and desk.may(request, "act")


def _scope(desk: Desk, request: Request, asked: DayAsked) -> Scope:
    """Who leads or only looks begins with the branch: cases are their officers', not theirs."""
    if not _has_own(desk, request):
        return "branch"
    if asked.scope is not None:
        return asked.scope
    narrowed = asked.owner or asked.team or asked.branch
    return "branch" if narrowed or desk.may(request, "lead") else "own"


def _row(desk: Desk, row: Answer, contact: Answer | None, now_us: int) -> Answer:
    """A case with the contact that waits for its outcome, or when the next one is allowed."""
    suggestion = row["suggestion"] or {}
    channel = suggestion.get("channel") or "call"
    (reach,) = desk.reaches.of_case(row, (channel,), now_us)
    return {**row, "channel": channel, "reach": reach, "waiting": contact}


def _warnings(desk: Desk, request: Request, owner: str | None, branch: Any) -> list[Answer]:
    """The newest warnings that wait for an answer."""
    wanted = WarningFilter(state="open", officer_id=owner, branch=branch, inhibited=False)
    rows = desk.queries.warnings(wanted, limit=4 * MOST_WARNINGS).rows
    waiting = [row for row in rows if row["state"] in UNANSWERED][:MOST_WARNINGS]
    return Teller(desk.node.watch, words_of(request)).told(waiting)
