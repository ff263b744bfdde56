"""The portfolio: the pictures of the report, for whatever branches the reader may see."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ledger.errors import UnknownEntity
from projections.queries import Ask
from streams.api.reads import AsOfAsked
from streams.desk.asked import asked_of
from streams.desk.desk import Desk
from streams.desk.errors import page_route
from streams.fields import Text
from streams.pictures.chapter import Chapter

KEPT = 24
"""Chapters that are remembered; each is some 60 kB of text."""


class PortfolioAsked(AsOfAsked):
    """Which branch, as of which close."""

    branch: Text | None = None


class _Chapters:
    """Drawn chapters, by the facts they were drawn from: a page that is looked at again costs none.

    Any thread may ask.
    """

    def __init__(self) -> None:
        self._drawn: OrderedDict[Any, str] = OrderedDict()
        self._lock = Lock()

    def draw(self, queries: Any, position: int, ask: Ask) -> str:
        key = (position, ask.as_of, tuple(sorted(ask.where.items())))
        with self._lock:
            known = self._drawn.get(key)
        if known is None:
            known = Chapter(queries, ask).html()
            with self._lock:
                self._drawn[key] = known
                while len(self._drawn) > KEPT:
                    self._drawn.popitem(last=False)
        return known


def routes(desk: Desk) -> APIRouter:
    """The route of this module."""
    router = APIRouter(route_class=page_route(desk.frame), include_in_schema=False)
    chapters = _Chapters()

    @router.get("/desk/portfolio", operation_id="desk_portfolio")
    async def portfolio(request: Request) -> Response:
        asked = asked_of(request, PortfolioAsked)
        branch = desk.one_branch(request, asked.branch)
        shown = await desk.read(_shown, desk, chapters, asked, branch)
        return await desk.page(request, "portfolio.html", asked=asked, branch=branch, **shown)

    return router


def _shown(
    desk: Desk, chapters: _Chapters, asked: PortfolioAsked, branch: str | None
) -> dict[str, Any]:
    status = desk.queries.status()
    if status["closed_date"] is None:
        return {"chapters": [], "as_of": None, "closed_date": None}
    position = max((view["ledger_position"] for view in status["views"]), default=0)
    where = {} if branch is None else {"branch": branch}
    ask = Ask(as_of=asked.as_of, where=where)
    try:
        figure = desk.queries.figure("ageing", ask)
    except UnknownEntity:
        return {"chapters": [], "as_of": asked.as_of, "closed_date": status["closed_date"]}
    loans: dict[str, int] = {}
    for row in figure.rows:
        loans[row["currency"]] = loans.get(row["currency"], 0) + row["loans"]
    drawn = [
        chapters.draw(
            desk.queries, position, Ask(as_of=asked.as_of, where={**where, "currency": currency})
        )
        for currency in sorted(loans, key=lambda each: (-loans[each], each))
    ]
    return {"chapters": drawn, "as_of": figure.as_of, "closed_date": status["closed_date"]}
