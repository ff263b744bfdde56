"""Rules: what rings and why, read only, and what other rules would have rung over this book."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from ledger.errors import UnknownEntity
from projections.warnings import SEVERITIES
from streams.api.problems import Problem
from streams.desk.desk import Desk
from streams.desk.errors import page_route
from streams.desk.forms import form_of
from streams.desk.frame import redirect, words_of
from streams.desk.telling import Teller
from streams.desk.visitor import check_origin
from streams.desk.what_if import WhatIf
from warning.pack import Pack
from warning.packfile import RuleError

PATH = "/desk/rules"
Number = Annotated[int, Path(ge=1, le=10**9)]


def routes(desk: Desk) -> APIRouter:
    """The routes of this module."""
    router = APIRouter(route_class=page_route(desk.frame), include_in_schema=False)
    rehearsals = WhatIf(desk.node)

    @router.get(PATH, operation_id="desk_rules")
    async def rules(request: Request) -> Response:
        return await desk.page(request, "rules.html", **_shown(desk, request))

    @router.get(f"{PATH}/what-if", operation_id="desk_what_if")
    async def what_if(request: Request) -> Response:
        number = request.query_params.get("from", "")
        found = rehearsals.find(int(number)) if number.isdecimal() and len(number) < 10 else None
        pack = found.pack if found is not None else desk.node.watch.pack
        return await _asked(desk, request, rehearsals, pack.text, None)

    @router.post(f"{PATH}/what-if", operation_id="desk_ask_what_if")
    async def ask(request: Request) -> Response:
        form = await form_of(request)
        check_origin(request)
        text = form["pack"].replace("\r\n", "\n")
        try:
            begun = await desk.read(rehearsals.ask, text, words_of(request).language)
        except RuleError as error:
            problem = Problem("invalid_request", str(error))
            return await _asked(desk, request, rehearsals, text, problem)
        except Problem as problem:
            return await _asked(desk, request, rehearsals, text, problem)
        return redirect(f"{PATH}/what-if/{begun.number}")

    @router.get(f"{PATH}/what-if/{{number}}", operation_id="desk_what_if_answer")
    async def answer(request: Request, number: Number) -> Response:
        found = rehearsals.find(number)
        if found is None:
            raise UnknownEntity("That answer is no longer kept.", way_out="Ask again.")
        return await desk.page(
            request,
            "what_if_answer.html",
            asked=found,
            title=_titles(found.pack, Teller(desk.node.watch, words_of(request)), request),
            present=desk.node.watch.pack.label,
        )

    return router


def _titles(other: Pack, teller: Teller, request: Request) -> Callable[[str], str]:
    """What rules are called: as the present ones are, else as the other ones are."""
    language = words_of(request).language
    of_other = {rule.name: rule.title.in_language(language) for rule in other.rules}
    return lambda name: of_other.get(name, name) if name not in teller.rules else teller.title(name)


async def _asked(
    desk: Desk, request: Request, rehearsals: WhatIf, text: str, problem: Problem | None
) -> Response:
    status = 200 if problem is None else problem.kind.status
    return await desk.page(
        request, "what_if.html", status=status, text=text, problem=problem,
        recent=rehearsals.recent(),
    )  # fmt: skip


def _shown(desk: Desk, request: Request) -> dict[str, Any]:
    pack, language = desk.node.watch.pack, words_of(request).language
    return {
        "pack": pack,
        "title": pack.title.in_language(language),
        "strategy": desk.strategy,
        "strategy_title": desk.strategy.title.in_language(language) if desk.strategy else "",
        "segments": desk.segments(language),
        "rules": [
            {
                "name": rule.name,
                "title": rule.title.in_language(language),
                "rule": rule,
                "steps": [
                    (SEVERITIES[step.rank - 1], step.when.text if step.when else "")
                    for step in rule.steps
                ],
            }
            for rule in pack.rules
        ],
    }
