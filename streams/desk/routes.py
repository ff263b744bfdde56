"""All routes of the desk, and the few that belong to no page."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from streams.api.access import Access
from streams.api.feed import Feed
from streams.api.problems import Problem
from streams.desk import (
    audit_pages,
    book_pages,
    case_pages,
    day_pages,
    portfolio_pages,
    proposal_pages,
    rules_pages,
    team_pages,
    warnings_pages,
)
from streams.desk.assets import PREFIX, asset_answer
from streams.desk.desk import Desk
from streams.desk.errors import page_route
from streams.desk.forms import form_of
from streams.desk.frame import HOME, LANGUAGE_COOKIE, redirect
from streams.desk.visitor import check_origin
from streams.desk.words import LANGUAGES

if TYPE_CHECKING:
    from streams.wiring import Node

A_YEAR_SECONDS = 31_536_000


def routes(
    node: Node, feed: Feed, access: Access, *, now_us: Callable[[], int] | None = None
) -> APIRouter:
    """The routes of the desk. `now_us` is the clock of what is done there, in a demo a made one."""
    desk = Desk(node, feed, access, now_us=now_us)
    router = APIRouter(include_in_schema=False)
    for pages in (
        day_pages, warnings_pages, book_pages, case_pages, portfolio_pages, team_pages,
        proposal_pages, rules_pages, audit_pages,
    ):  # fmt: skip
        router.include_router(pages.routes(desk))
    router.include_router(_frame(desk))
    return router


def _frame(desk: Desk) -> APIRouter:
    router = APIRouter(route_class=page_route(desk.frame), include_in_schema=False)

    @router.get(PREFIX + "/{name}", operation_id="desk_asset")
    async def asset(name: str) -> Response:
        found = asset_answer(name)
        if found is None:
            raise Problem("not_found")
        return found

    @router.post("/desk/language", operation_id="desk_language")
    async def language(request: Request) -> Response:
        form = await form_of(request)
        check_origin(request)
        if form["language"] not in LANGUAGES:
            raise Problem("invalid_request", "The desk speaks " + ", ".join(LANGUAGES) + ".")
        answer = redirect(form["back"] or HOME)
        answer.set_cookie(
            LANGUAGE_COOKIE,
            form["language"],
            max_age=A_YEAR_SECONDS,
            path=HOME,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="lax",
        )
        return answer

    return router
