"""What takes two people: proposing on a loan's page, and the list of what waits for the second."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from streams.api.problems import Problem
from streams.api.proposals import ProposalId, ProposalPages, ProposalsAsked
from streams.api.reads import LoanId
from streams.api.wanted import Wanted
from streams.desk.asked import asked_of
from streams.desk.desk import Desk
from streams.desk.errors import page_route
from streams.desk.forms import Form, form_of
from streams.desk.frame import redirect
from streams.desk.sending import business_day
from streams.desk.visitor import check_origin, person_of

PATH = "/desk/proposals"
Word = Annotated[str, Path(pattern=r"^(approve|decline)$")]
_WANTED: TypeAdapter[Any] = TypeAdapter(Wanted)


def routes(desk: Desk) -> APIRouter:
    """The routes of this module."""
    router = APIRouter(route_class=page_route(desk.frame), include_in_schema=False)
    pages = ProposalPages(desk.node, desk.access, now_us=desk.now_us)

    @router.get(PATH, operation_id="desk_proposals")
    async def proposals(request: Request) -> Response:
        asked = asked_of(request, ProposalsAsked)
        rows = await desk.read(pages.rows, asked, person_of(request))
        return await desk.page(
            request,
            "proposals.html",
            rows=rows,
            asked=asked,
            may_approve=desk.may(request, "approve"),
        )

    @router.post("/desk/loans/{loan_id}/propose", operation_id="desk_propose_on_loan")
    async def propose(request: Request, loan_id: LoanId) -> Response:
        form = await form_of(request)
        check_origin(request)
        desk.reader(request)
        day = business_day(desk, desk.now_us()).isoformat()
        await pages.propose(_wanted(form, loan_id, day), person_of(request), request)
        return redirect(f"/desk/loans/{loan_id}", done="proposed")

    @router.post(PATH + "/{proposal_id}/{word}", operation_id="desk_decide_proposal")
    async def decide(request: Request, proposal_id: ProposalId, word: Word) -> Response:
        form = await form_of(request)
        check_origin(request)
        declined = form.text("reason") if word == "decline" else None
        if declined == "":
            raise Problem("invalid_request", "A reason is wanted; it is kept for ever.")
        answer = await pages.decide(proposal_id, person_of(request), request, declined)
        await desk.seen()
        return redirect(PATH, done=f"proposal_{orjson.loads(answer.body)['state']}")

    return router


def _wanted(form: Form, loan_id: str, day: str) -> Any:
    """What a form proposes. Errors: Problem "invalid_request"."""
    given: dict[str, Any] = {
        "kind": form["kind"],
        "loan_id": loan_id,
        "value_date": day,
        "reason": form.text("reason"),
    }
    if form["kind"].startswith("grade_override"):
        given["regime"] = form["regime"]
    if form["kind"] == "grade_override":
        given |= {"grade": form["grade"], "until": form.text("until") or None}
    return wanted_of(given)


def wanted_of(given: dict[str, Any]) -> Any:
    """What is proposed, checked. Errors: Problem "invalid_request"."""
    try:
        return _WANTED.validate_python(given)
    except ValidationError as error:
        # A kind that is none has no place in the form.
        wrong = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'kind'}: {item['msg']}" for item in error.errors()
        )
        raise Problem("invalid_request", wrong) from None
