"""Team: what officers and teams did, comparable, and the cases behind every figure."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from datetime import date

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from projections.read_team import COUNTS, FIGURES, RATES
from streams.api.answers import Filters
from streams.desk.asked import asked_of
from streams.desk.desk import Desk
from streams.desk.errors import PageRoute
from streams.desk.visitor import person_of
from streams.fields import Text
from streams.identity import Person

PATH = "/desk/team"
OF_WARNINGS = frozenset({"response"})
MOST_BEHIND = 500


class TeamAsked(Filters):
    """Whose figures, over which days."""

    by: Literal["officer", "team"] = "officer"
    since: date | None = None
    until: date | None = None
    team: Text | None = None


class BehindAsked(TeamAsked):
    """One figure of one officer or team."""

    figure: Annotated[str, Query(max_length=32)]
    name: Text


def routes(desk: Desk) -> APIRouter:
    """The routes of this module."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)

    @router.get(PATH, operation_id="desk_team")
    async def team(request: Request) -> Response:
        asked = asked_of(request, TeamAsked)
        rows = await desk.read(_figures, desk, person_of(request), asked)
        return await desk.page(
            request, "team.html", asked=asked, rows=rows, rates=RATES, numbers=COUNTS
        )

    @router.get(f"{PATH}/behind", operation_id="desk_behind_figure")
    async def behind(request: Request) -> Response:
        asked = asked_of(request, BehindAsked)
        rows = await desk.read(_behind, desk, person_of(request), asked)
        return await desk.page(
            request, "behind.html", asked=asked, rows=rows[:MOST_BEHIND],
            more=max(0, len(rows) - MOST_BEHIND), of_warnings=asked.figure in OF_WARNINGS,
            figures=FIGURES,
        )  # fmt: skip

    return router


def _figures(desk: Desk, person: Person, asked: TeamAsked) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = desk.queries.team(
        by=asked.by, since=asked.since, until=asked.until, team=asked.team
    )
    if person.bank_wide:
        return rows
    own = {row["officer_id"] for row in _own_loans(desk, person)}
    teams = set(person.branches or ())
    return [row for row in rows if row[asked.by] in (own if asked.by == "officer" else teams)]


def _own_loans(desk: Desk, person: Person) -> list[dict[str, Any]]:
    """Cases of the person's branches, for the people who had them."""
    return []


def _behind(desk: Desk, person: Person, asked: BehindAsked) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = desk.queries.behind(
        asked.figure, asked.name, by=asked.by, since=asked.since, until=asked.until
    )
    return rows
