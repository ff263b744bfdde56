"""Warnings: the list that stays live, one with its history, and what people do about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from starlette.requests import Request
from starlette.responses import Response

from ledger.dates import date_of, day_number
from ledger.errors import LoanError, UnknownEntity
from projections.queries import Answer, WarningFilter
from projections.warnings import SEVERITIES, STATES
from streams.api.feed import EventStream
from streams.api.problems import Problem, problem_of
from streams.api.warnings import WarningId, WarningsAsked
from streams.desk.asked import asked_of
from streams.desk.desk import Desk
from streams.desk.errors import page_route
from streams.desk.forms import Form, form_of
from streams.desk.frame import redirect, words_of
from streams.desk.live import listener
from streams.desk.telling import Teller
from streams.desk.visitor import actor_of, check_origin, person_of
from warning.actions import (
    AcknowledgeWarning,
    FindFalse,
    StartAction,
    SuppressWarning,
    WarningAction,
)

PAGE_ROWS = 50
MOST_IDS = 50
SILENCE_DAYS = 14
_WAITING = ("acknowledge", "start", "dismiss", "suppress")
DOABLE = {
    "raised": _WAITING,
    "deferred": _WAITING,
    "expired": _WAITING,
    "acknowledged": ("start", "dismiss", "suppress"),
    "in_action": ("dismiss", "suppress"),
    "suppressed": ("acknowledge", "start", "dismiss"),
}
"""What may be done about a warning in each state; nothing when it is over."""
PATH = "/desk/warnings"
_WRITTEN: dict[type[Any], str] = {
    AcknowledgeWarning: "note",
    StartAction: "action",
    FindFalse: "reason",
    SuppressWarning: "reason",
}


class RowsAsked(WarningsAsked):
    """Some warnings by id, of those that the filters let through."""

    ids: Annotated[str, Query(max_length=4_000)] = ""
    position: Annotated[int, Query(ge=0)] = 0


def routes(desk: Desk) -> APIRouter:
    """The routes of this module."""
    router = APIRouter(route_class=page_route(desk.frame), include_in_schema=False)
    _add_list(router, desk)
    _add_live(router, desk)
    _add_one(router, desk)
    return router


def _add_list(router: APIRouter, desk: Desk) -> None:
    @router.get(PATH, operation_id="desk_warnings")
    async def warnings(request: Request) -> Response:
        asked = asked_of(request, WarningsAsked)
        position = desk.feed.last_position  # before the rows: what comes between is told twice
        shown = await desk.read(_listed, desk, request, asked)
        return await desk.page(request, "warnings.html", position=position, list_path="", **shown)

    @router.get(f"{PATH}/rows", operation_id="desk_warning_rows")
    async def rows(request: Request) -> Response:
        asked = asked_of(request, RowsAsked)
        await desk.seen_warnings(min(asked.position, desk.feed.last_position))
        found = await desk.read(_rows, desk, request, asked)
        return await desk.page(request, "warning_rows.html", rows=found, list_path=_list(request))


def _add_live(router: APIRouter, desk: Desk) -> None:
    @router.get("/desk/live", operation_id="desk_live")
    async def live(
        request: Request,
        after: Annotated[int | None, Query(ge=0)] = None,
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> Response:
        """Ids of warnings that changed; a browser that comes back goes on where it was."""
        last = desk.feed.last_position
        start = last if after is None else after
        if last_event_id is not None and last_event_id.isdecimal() and len(last_event_id) <= 18:
            start = int(last_event_id)
        shown = listener(desk.access, request)
        return EventStream(desk.feed, desk.feed.frames(min(start, last), shown))


def _add_one(router: APIRouter, desk: Desk) -> None:
    @router.get(PATH + "/{warning_id}", operation_id="desk_warning")
    async def warning(request: Request, warning_id: WarningId) -> Response:
        shown = await desk.read(_one, desk, request, warning_id)
        return await desk.page(request, "warning.html", **shown)

    @router.post(PATH + "/{warning_id}/{action}", operation_id="desk_act_on_warning")
    async def act(request: Request, warning_id: WarningId, action: str) -> Response:
        form = await form_of(request)
        check_origin(request)
        try:
            wanted = _action(action, warning_id, form, actor_of(request))
            wanted = await desk.read(_sealed, desk, request, wanted)
            await desk.node.act(wanted, at_us=desk.now_us())
        except (LoanError, Problem) as error:
            problem = problem_of(error) if isinstance(error, LoanError) else error
            shown = await desk.read(_one, desk, request, warning_id)
            shown |= {"problem": problem, "form": form, "tried": action}
            status = problem.kind.status
            return await desk.page(request, "warning.html", status=status, **shown)
        await desk.seen()
        return redirect(form["back"] or f"{PATH}/{warning_id}", done=f"warning_{action}")


def _listed(desk: Desk, request: Request, asked: WarningsAsked) -> dict[str, Any]:
    """What the list shows: open ones unless asked otherwise."""
    page = desk.queries.warnings(_wanted(desk, request, asked), after=asked.after, limit=PAGE_ROWS)
    teller = Teller(desk.node.watch, words_of(request))
    return {
        "rows": teller.told(page.rows),
        "page": page,
        "first": asked.after is None,
        "asked": asked,
        "severities": SEVERITIES[::-1],
        "states": ("open", *STATES),
        "rules": [(rule.name, teller.title(rule.name)) for rule in desk.node.watch.pack.rules],
        "counts": desk.queries.open_by_severity(branch=desk.branches(request, None)),
        "doable": DOABLE,
    }


def _list(request: Request) -> str:
    """The list whose rows are asked for: where a form in one of them leads back to."""
    query = request.url.remove_query_params(["ids", "position"]).query
    return PATH + (f"?{query}" if query else "")


def _wanted(desk: Desk, request: Request, asked: WarningsAsked) -> WarningFilter:
    """The filters, of own branches; open ones unless a state is asked for."""
    chosen = asked.chosen(person_of(request))
    return chosen if asked.state else replace(chosen, state="open")


def _rows(desk: Desk, request: Request, asked: RowsAsked) -> list[Answer]:
    """Those of the asked ids that the filters let through, newest first."""
    wanted = _wanted(desk, request, asked)
    ids = tuple(asked.ids.split(",")[:MOST_IDS])
    page = desk.queries.warnings(replace(wanted, warning_ids=ids), limit=MOST_IDS)
    return Teller(desk.node.watch, words_of(request)).told(page.rows)


def _one(desk: Desk, request: Request, warning_id: str) -> dict[str, Any]:
    found = desk.queries.warning(warning_id)
    if found is None:
        raise UnknownEntity(
            "There is no such warning.", way_out="It may be in another branch; see the list."
        )
    teller = Teller(desk.node.watch, words_of(request))
    row = teller.told([found])[0]
    for change in row["history"]:
        change["said"] = teller.reason(change, row["rule"])
    today = desk.node.health().business_date or date_of(0)
    return {
        "row": row,
        "rule": _rule(desk, row["rule"]),
        "loan": desk.queries.loan(row["loan_id"]),
        "cases": desk.open_cases(row["borrower_id"], row["loan_id"]),
        "doable": DOABLE.get(row["state"], ()),
        "until": date_of(day_number(today) + SILENCE_DAYS),
        "problem": None,
        "form": Form(),
        "tried": "",
    }


def _rule(desk: Desk, name: str) -> Any:
    return next((rule for rule in desk.node.watch.pack.rules if rule.name == name), None)


def _action(word: str, warning_id: str, form: Form, actor: str) -> WarningAction:
    """The action that a form asks for. Errors: Problem for a word or a day that is none."""
    note = form.text("note")
    if word == "acknowledge":
        return AcknowledgeWarning(warning_id=warning_id, actor=actor, note=note)
    if word not in ("start", "dismiss", "suppress"):
        raise Problem("not_found")
    if not note:
        raise Problem("invalid_request", "A reason is wanted; it is kept for ever.")
    if word == "start":
        return StartAction(warning_id=warning_id, actor=actor, action=note)
    if word == "dismiss":
        return FindFalse(warning_id=warning_id, actor=actor, reason=note)
    return SuppressWarning(
        warning_id=warning_id, actor=actor, reason=note, until=_day(form.text("until"))
    )


def _sealed(desk: Desk, request: Request, wanted: WarningAction) -> WarningAction:
    """The action with what its actor wrote sealed, as it is kept."""
    found = desk.queries.warning(wanted.warning_id)
    if found is None:
        return wanted  # the action is refused: there is no such warning
    field = _WRITTEN[type(wanted)]
    text = desk.seal(request, found["borrower_id"], getattr(wanted, field), "remark")
    changed: Any = {field: text}
    return replace(wanted, **changed)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Problem("date_out_of_range", "That is no day.") from None
