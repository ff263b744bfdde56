"""Cases, the list of the day and accountability over HTTP: reads only, what the queries give."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ledger.errors import UnknownEntity
from projections.queries import CaseFilter
from streams.api.access import Signed, branches_of
from streams.api.answers import Asked, Filters, Paged, answer, json_answer, paged
from streams.api.shapes import WORDS, done, listed, page, record, ref
from streams.fields import Id, Text

CaseId = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Word = Annotated[str | None, Query(max_length=64)]
By = Annotated[Literal["officer", "team"], Query(description="Figures of officers, or of teams.")]
Language = Annotated[Literal["en", "zh"], Query(description="Language of the reasons.")]


class CasesAsked(Paged):
    """Which cases."""

    officer: Id | None = None
    team: Text | None = None
    branch: Text | None = None
    borrower: Id | None = None
    stage: Word = None
    cause: Word = None
    segment: Word = None
    open: Annotated[bool | None, Query(description="Only open ones, or only closed ones.")] = None


class WorklistAsked(Paged):
    """Whose list of the day."""

    officer: Id | None = None
    team: Text | None = None
    branch: Text | None = None
    on: Annotated[date | None, Query(description="Today; default: the day after the close.")] = None
    language: Language = "en"


class CaseAsked(Filters):
    """How to tell of a case."""

    language: Language = "en"


class TeamAsked(Filters):
    """A period: both days counted; by default the 90 days that end with the last close."""

    by: By = "officer"
    since: date | None = None
    until: date | None = None


class TeamsAsked(TeamAsked):
    """Whose figures."""

    team: Text | None = None


class BehindAsked(TeamAsked):
    """Whose figure."""

    name: Text


def routes(node: Asked) -> APIRouter:
    """The routes of this module."""
    router = APIRouter()
    router.include_router(_cases(node))
    router.include_router(_people(node))
    return router


def _cases(node: Asked) -> APIRouter:
    router = APIRouter(tags=["cases"], prefix="/v1")

    @router.get(
        "/worklist",
        operation_id="get_worklist",
        summary="An officer's open cases, what matters most today first",
        responses=done(page("cases", ref("RankedCase"))),
    )
    async def get_worklist(asked: Annotated[WorklistAsked, Query()], person: Signed) -> Response:
        """Each with its rank, the reasons whose points it is the sum of, and what to do next."""
        found = await run_in_threadpool(
            node.queries.worklist,
            owner_id=asked.officer,
            team=asked.team,
            branch=branches_of(person, asked.branch),
            on=asked.on,
            after=asked.after,
            limit=asked.limit,
            language=asked.language,
        )
        return paged("cases", found)

    @router.get(
        "/cases",
        operation_id="list_cases",
        summary="List cases, newest first",
        responses=done(page("cases", ref("CaseEntry"))),
    )
    async def list_cases(asked: Annotated[CasesAsked, Query()], person: Signed) -> Response:
        """A page of cases; `next_cursor` fetches the next."""
        wanted = CaseFilter(
            owner_id=asked.officer,
            team=asked.team,
            branch=branches_of(person, asked.branch),
            borrower_id=asked.borrower,
            stage=asked.stage,
            cause=asked.cause,
            segment=asked.segment,
            open=asked.open,
        )
        read = node.queries.cases
        return paged(
            "cases", await run_in_threadpool(read, wanted, after=asked.after, limit=asked.limit)
        )

    @router.get(
        "/cases/{case_id}", operation_id="get_case", summary="One case", responses=done(ref("Case"))
    )
    async def get_case(case_id: CaseId, asked: Annotated[CaseAsked, Query()]) -> Response:
        """With its owners, contacts, promises, treatments, money, loans, warnings and history."""
        found = await run_in_threadpool(node.queries.case, case_id, language=asked.language)
        if found is None:
            raise UnknownEntity(
                f"The book has no case {case_id}.", way_out="GET /v1/cases lists what it has."
            )
        return json_answer(found)

    return router


def _people(node: Asked) -> APIRouter:
    router = APIRouter(tags=["team"], prefix="/v1")

    @router.get(
        "/team",
        operation_id="get_team",
        summary="Figures of officers or teams",
        responses=done(record("Team", {"rows": listed(ref("TeamFigures"))})),
    )
    async def get_team(asked: Annotated[TeamsAsked, Query()]) -> Response:
        """Rates as they are and adjusted to the common mix of segments, in parts per million."""
        found = await run_in_threadpool(
            node.queries.team, by=asked.by, since=asked.since, until=asked.until, team=asked.team
        )
        return json_answer({"rows": found})

    @router.get(
        "/team/{figure}",
        operation_id="get_behind",
        summary="The cases behind a figure",
        responses=done(record("BehindFigure", {"rows": listed(ref("Behind"))})),
    )
    async def get_behind(
        figure: Annotated[str, Path(pattern=r"^[a-z_]{1,32}$")],
        asked: Annotated[BehindAsked, Query()],
    ) -> Response:
        """Each case (of `response`: each warning) that a figure of an officer or team counts."""
        found = await run_in_threadpool(
            node.queries.behind, figure, asked.name,
            by=asked.by, since=asked.since, until=asked.until,
        )  # fmt: skip
        return json_answer({"rows": found})

    @router.get(
        "/overrides",
        operation_id="list_overrides",
        summary="What people decided beside the rules, newest first",
        responses=done(page("overrides", ref("Override"))),
    )
    async def list_overrides(asked: Annotated[Paged, Query()]) -> Response:
        """With who asked for it and who approved."""
        read = node.queries.overrides
        return paged(
            "overrides", await run_in_threadpool(read, after=asked.after, limit=asked.limit)
        )

    _add_trials(router, node)
    return router


def _add_trials(router: APIRouter, node: Asked) -> None:
    """Champion and challenger."""

    @router.get(
        "/trials",
        operation_id="list_trials",
        summary="Trials of treatments",
        responses=done(record("Trials", {"trials": listed(WORDS)})),
    )
    async def list_trials() -> Response:
        """Trials in which cases were assigned."""
        return json_answer({"trials": await run_in_threadpool(node.queries.trials)})

    @router.get(
        "/trials/{trial}",
        operation_id="get_trial",
        summary="Champion against challenger",
        responses=done(listed(ref("Arm"))),
    )
    async def get_trial(trial: Annotated[str, Path(pattern=r"^[a-z0-9-]{1,40}$")]) -> Response:
        """Cure, roll and cost of each arm, with bounds at 95 %, the largest arm first."""
        return await answer(node.queries.trial, trial)
