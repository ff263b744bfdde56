"""Team: what officers and teams did, comparable, and the cases behind every figure."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from projections.queries import Ask, WarningFilter
from projections.read_team import COUNTS, FIGURES, RATES
from streams.api.access import unknown
from streams.api.answers import Filters
from streams.desk.asked import asked_of
from streams.desk.desk import Desk
from streams.desk.errors import page_route
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


class BehindAsked(TeamAsked):
    """One figure of one officer or team."""

    figure: Annotated[str, Query(max_length=32)]
    name: Text


def routes(desk: Desk) -> APIRouter:
    """The routes of this module."""
    router = APIRouter(route_class=page_route(desk.frame), include_in_schema=False)

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
        by=asked.by, since=asked.since, until=asked.until
    )
    own = _own(desk, person, asked.by)
    return rows if own is None else [row for row in rows if row[asked.by] in own]


def _behind(desk: Desk, person: Person, asked: BehindAsked) -> list[dict[str, Any]]:
    own = _own(desk, person, asked.by)
    if own is not None and asked.name not in own:
        raise unknown()
    whole = person.branches is None or asked.name == person.user_id  # what somebody did themselves
    of_warnings = asked.figure in OF_WARNINGS
    rows: list[dict[str, Any]] = desk.queries.behind(
        asked.figure, asked.name, by=asked.by, since=asked.since, until=asked.until,
        branches=None if whole or of_warnings else person.branches,
    )  # fmt: skip
    return rows if whole or not of_warnings else _about_own(desk, person, rows)


def _about_own(desk: Desk, person: Person, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of rows that name warnings, those about loans of a person's branches."""
    ids = tuple(row["reference"] for row in rows)
    wanted = WarningFilter(warning_ids=ids, branch=tuple(person.branches or ()))
    own = {row["warning_id"] for row in desk.queries.warnings(wanted, limit=len(ids) + 1).rows}
    return [row for row in rows if row["reference"] in own]


def _own(desk: Desk, person: Person, by: str) -> set[str] | None:
    """Whose figures a person may compare: those of the own branches; None: everybody's."""
    if person.branches is None:
        return None
    if by == "team":
        return set(person.branches)
    found = {person.user_id}
    for branch in person.branches:
        where = {"branch": branch}
        rows = desk.queries.figure("concentration", Ask(by="officer", where=where)).rows
        found.update(row["officer"] for row in rows)
    # Also those whose loans are all closed: what they did still counts.
    found.update(
        user.user_id
        for user in desk.access.identity.directory().users()
        if user.branches is not None and user.branches <= person.branches
    )
    return found
