"""Warnings over HTTP: the list, one with its history, what people do about it, the stream."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ledger.errors import UnknownEntity
from ledger.events import Severity
from projections.queries import WarningFilter
from streams.api.access import Access, Signed, branches_of
from streams.api.answers import Asked, Filters, Limit, Paged, json_answer, paged
from streams.api.feed import EventStream, Feed
from streams.api.following import follower
from streams.api.gate import correlation
from streams.api.problems import Problem
from streams.api.shapes import done, page, ref
from streams.fields import Id, Remark, Text
from warning.actions import (
    AcknowledgeWarning,
    FindFalse,
    StartAction,
    SuppressWarning,
    WarningAction,
)

if TYPE_CHECKING:
    from streams.identity.person import Person
    from streams.wiring import Node

log = logging.getLogger("loanbell.http")

WarningId = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9._:-]+$")]
State = Literal[
    "open",
    "raised",
    "deferred",
    "acknowledged",
    "in_action",
    "suppressed",
    "expired",
    "resolved",
    "false_alarm",
    "withdrawn",
]


class WarningsAsked(Paged):
    """Which warnings; all that are given must match."""

    severity: Severity | None = None
    state: Annotated[State | None, Query(description='"open" is any that has not ended.')] = None
    officer: Annotated[Id | None, Query(description="The officer who answers for the loan.")] = None
    branch: Text | None = None
    borrower: Id | None = None
    loan: Id | None = None
    rule: Annotated[str | None, Query(max_length=64)] = None
    role: Annotated[
        str | None, Query(max_length=64, description="Referred to it: nobody answered in time.")
    ] = None
    since: Annotated[date | None, Query(description="Changed on this day or later.")] = None
    inhibited: Annotated[
        bool | None, Query(description="Whether a graver warning of the loan covers it.")
    ] = None

    def chosen(self, person: Person) -> WarningFilter:
        """As the views ask for it, of no more than a person may see."""
        return WarningFilter(
            severity=self.severity,
            state=self.state,
            officer_id=self.officer,
            branch=branches_of(person, self.branch),
            borrower_id=self.borrower,
            loan_id=self.loan,
            rule=self.rule,
            role=self.role,
            since=self.since,
            inhibited=self.inhibited,
        )


class GroupsAsked(Filters):
    """Which groups of warnings."""

    officer: Annotated[Id | None, Query(description="Only those of this officer.")] = None
    branch: Text | None = None
    limit: Limit = 100


class _Action(BaseModel):
    model_config = ConfigDict(extra="forbid")
    actor: Annotated[
        Text | None,
        Field(
            description="Who does it. Where people sign in it is who is signed in: leave it out."
        ),
    ] = None


class Acknowledgement(_Action):
    """A person has seen the warning."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"actor": "Li Na", "note": "called, pays on Friday"}]}
    )
    note: Remark = ""


class ActionStart(_Action):
    """A person does something about the warning."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"actor": "Li Na", "action": "visit on Tuesday"}]}
    )
    action: Annotated[Remark, Field(min_length=1, description="What is done; kept for ever.")]


class FalseAlarm(_Action):
    """A person found that the warning is none."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"actor": "Li Na", "reason": "paid over the counter"}]}
    )
    reason: Annotated[Remark, Field(min_length=1, description="Why; kept for ever.")]


class Suppression(_Action):
    """A person silences the warning until the end of `until`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"actor": "Li Na", "reason": "restructured", "until": "2024-04-30"}]
        }
    )
    reason: Annotated[Remark, Field(min_length=1, description="Why; kept for ever.")]
    until: date


class _Reads:
    def __init__(self, node: Asked) -> None:
        self._asked = node

    async def page(self, asked: WarningsAsked, person: Person) -> Response:
        found = await run_in_threadpool(
            self._asked.queries.warnings, asked.chosen(person), after=asked.after, limit=asked.limit
        )
        return paged("warnings", found)

    async def groups(self, asked: GroupsAsked, person: Person) -> Response:
        found = await run_in_threadpool(
            self._asked.queries.warning_groups,
            officer_id=asked.officer,
            branch=branches_of(person, asked.branch),
            limit=asked.limit,
        )
        return json_answer({"groups": found})

    async def one(self, warning_id: str) -> Response:
        found = await run_in_threadpool(self._asked.queries.warning, warning_id)
        if found is None:
            raise UnknownEntity(
                "There is no such warning.", way_out="GET /v1/warnings lists what there is."
            )
        return json_answer(found)


Act = Callable[[WarningAction, Request], Awaitable[tuple[dict[str, Any], int]]]
"""Does what a person asks: the answer and its status."""


class _Actions:
    def __init__(self, access: Access, act: Act) -> None:
        self._access, self._act = access, act

    async def sealed(self, warning_id: str, text: str, person: Person) -> str:
        """What a person wrote, as it goes into a fact: sealed where people sign in."""
        if not person.signed_in or not text:
            return text
        found = await run_in_threadpool(self._access.places.warning, warning_id)
        if found is None:
            return text  # the action is refused: there is no such warning
        vault = await run_in_threadpool(self._access.vault)
        return await run_in_threadpool(vault.seal, found.borrower_id, text, "remark")

    async def act(self, action: WarningAction, request: Request) -> Response:
        answer, status = await self._act(action, request)
        ids = {"warning_id": action.warning_id, "event_ids": answer["event_ids"]}
        log.info("warning answered", extra={**correlation(request.state), **ids})
        return json_answer(answer, status=status)


class _Warnings(_Reads):
    def __init__(self, node: Node, feed: Feed, access: Access) -> None:
        super().__init__(node)
        self._feed, self._access = feed, access

    async def stream(
        self, after: int | None, last_event_id: str | None, request: Request
    ) -> EventStream:
        last = self._feed.last_position
        start = last if after is None else after
        if last_event_id is not None:  # a browser that reconnects keeps its first URL
            if not last_event_id.isdecimal() or len(last_event_id) > 18:
                raise Problem("invalid_request", "Last-Event-ID is not a position.")
            start = int(last_event_id)
        if start > last:
            raise Problem("ahead_of_log", f"The log ends at {last}.")
        shown = await follower(self._access, request, str(start))
        return EventStream(self._feed, self._feed.frames(start, shown))


def actor_of(asked: _Action, person: Person) -> str:
    """Who does it: who is signed in; a name in the body counts only where nobody signs in.

    Errors: Problem "invalid_request".
    """
    if not person.signed_in:
        if asked.actor is None:
            raise Problem("invalid_request", "body.actor: say who does it.")
        return asked.actor
    if asked.actor not in (None, person.user_id):
        raise Problem("invalid_request", "body.actor: it is who is signed in; leave it out.")
    return person.user_id


def routes(node: Node, feed: Feed, access: Access) -> APIRouter:
    """The routes of this module."""
    router = APIRouter(tags=["warnings"], prefix="/v1/warnings")
    pages = _Warnings(node, feed, access)

    async def act(action: WarningAction, _: Request) -> tuple[dict[str, Any], int]:
        done = [item.event_id for item in await node.act(action)]
        return {"warning_id": action.warning_id, "event_ids": done}, 200

    _add_list(router, pages)
    _add_stream(router, pages)  # Before what takes any word for a warning's id.
    _add_one(router, pages)
    _add_actions(router, _Actions(access, act))
    return router


def actions(access: Access, act: Act) -> APIRouter:
    """Those routes by which people act."""
    router = APIRouter(tags=["warnings"], prefix="/v1/warnings")
    _add_actions(router, _Actions(access, act))
    return router


def reading(node: Asked) -> APIRouter:
    """Those routes that only read."""
    router = APIRouter(tags=["warnings"], prefix="/v1/warnings")
    pages = _Reads(node)
    _add_list(router, pages)
    _add_one(router, pages)
    return router


def _add_list(router: APIRouter, pages: _Reads) -> None:

    @router.get(
        "",
        operation_id="list_warnings",
        summary="List warnings, newest first",
        responses=done(page("warnings", ref("Warning"))),
    )
    async def list_warnings(asked: Annotated[WarningsAsked, Query()], person: Signed) -> Response:
        """A page; `next_cursor` fetches the next. New warnings neither shift nor repeat a page."""
        return await pages.page(asked, person)

    @router.get(
        "/groups",
        operation_id="group_warnings",
        summary="Open warnings by officer and borrower",
        responses=done(ref("WarningGroups")),
    )
    async def group_warnings(asked: Annotated[GroupsAsked, Query()], person: Signed) -> Response:
        """The gravest group first, then the largest; muted warnings are left out."""
        return await pages.groups(asked, person)


def _add_stream(router: APIRouter, pages: _Warnings) -> None:
    @router.get(
        "/stream",
        operation_id="stream_warnings",
        summary="Follow what happens to warnings, live",
        response_class=Response,
        responses={200: {"content": {"text/event-stream": {}}, "description": "Events."}},
    )
    async def stream_warnings(
        request: Request,
        after: Annotated[
            int | None, Query(ge=0, description="Start behind this position; 0 for everything.")
        ] = None,
        last_event_id: Annotated[
            str | None, Header(description="Resume behind this id; browsers send it themselves.")
        ] = None,
    ) -> EventStream:
        """Each event's id is its position in the warnings log, its name what happened.

        Come back with `Last-Event-ID` and nothing is lost or repeated. Without either parameter it
        starts at the present.
        """
        return await pages.stream(after, last_event_id, request)


def _add_one(router: APIRouter, pages: _Reads) -> None:
    @router.get(
        "/{warning_id}",
        operation_id="get_warning",
        summary="One warning, its history",
        responses=done(ref("WarningWithHistory")),
    )
    async def get_warning(warning_id: WarningId) -> Response:
        """Its present state, and under `history` every change with reason, readings and causes."""
        return await pages.one(warning_id)


def _add_actions(router: APIRouter, pages: _Actions) -> None:
    """What people do about a warning."""

    @router.post(
        "/{warning_id}/acknowledge",
        operation_id="acknowledge_warning",
        summary="Say that a person has seen it",
        responses=done(ref("Acted")),
    )
    async def acknowledge(
        warning_id: WarningId, asked: Acknowledgement, person: Signed, request: Request
    ) -> Response:
        """A fact of the warnings log; answered after its commit."""
        actor = actor_of(asked, person)
        note = await pages.sealed(warning_id, asked.note, person)
        action = AcknowledgeWarning(warning_id=warning_id, actor=actor, note=note)
        return await pages.act(action, request)

    @router.post(
        "/{warning_id}/start",
        operation_id="start_action",
        summary="Say what is done about it",
        responses=done(ref("Acted")),
    )
    async def start(
        warning_id: WarningId, asked: ActionStart, person: Signed, request: Request
    ) -> Response:
        """A fact of the warnings log; nobody is asked again unless it becomes graver."""
        actor = actor_of(asked, person)
        said = await pages.sealed(warning_id, asked.action, person)
        action = StartAction(warning_id=warning_id, actor=actor, action=said)
        return await pages.act(action, request)

    _add_ends(router, pages)


def _add_ends(router: APIRouter, pages: _Actions) -> None:
    """By which people end or silence a warning."""

    @router.post(
        "/{warning_id}/dismiss",
        operation_id="dismiss_warning",
        summary="Say that it is a false alarm",
        responses=done(ref("Acted")),
    )
    async def dismiss(
        warning_id: WarningId, asked: FalseAlarm, person: Signed, request: Request
    ) -> Response:
        """It is over; its rule stays quiet on the loan until the cause has been gone once."""
        actor = actor_of(asked, person)
        reason = await pages.sealed(warning_id, asked.reason, person)
        action = FindFalse(warning_id=warning_id, actor=actor, reason=reason)
        return await pages.act(action, request)

    @router.post(
        "/{warning_id}/suppress",
        operation_id="suppress_warning",
        summary="Silence it for a while",
        responses=done(ref("Acted")),
    )
    async def suppress(
        warning_id: WarningId, asked: Suppression, person: Signed, request: Request
    ) -> Response:
        """A fact of the warnings log; a graver step of the same rule still rings."""
        actor = actor_of(asked, person)
        reason = await pages.sealed(warning_id, asked.reason, person)
        return await pages.act(
            SuppressWarning(warning_id=warning_id, actor=actor, reason=reason, until=asked.until),
            request,
        )
