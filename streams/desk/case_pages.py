"""Cases: the list, one with all that is done in it, and the forms by which it is done."""

from __future__ import annotations

from heapq import merge
from operator import itemgetter
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from ledger.errors import LoanError, UnknownEntity
from projections.queries import Answer, CaseFilter
from streams.api.answers import Paged
from streams.api.problems import Problem, problem_of
from streams.api.proposals import ProposalPages
from streams.api.reads import LoanId
from streams.desk import case_words as offered
from streams.desk.asked import asked_of
from streams.desk.case_forms import message_of
from streams.desk.desk import Desk
from streams.desk.errors import page_route
from streams.desk.formats import moment
from streams.desk.forms import Form, form_of
from streams.desk.frame import redirect, words_of
from streams.desk.proposal_pages import wanted_of
from streams.desk.sending import business_day, send
from streams.desk.telling import Teller, treated
from streams.desk.visitor import actor_of, check_origin, person_of
from streams.fields import Id, Text
from streams.identity.rights import TWO_PEOPLE, can

PAGE_ROWS = 50
PATH = "/desk/cases"
ONCE = 20
"""Digits of the word by which a form is known if it is sent twice."""


class CasesAsked(Paged):
    """Which cases."""

    owner: Id | None = None
    team: Text | None = None
    branch: Text | None = None
    borrower: Id | None = None
    stage: Annotated[str | None, Query(max_length=32)] = None
    cause: Annotated[str | None, Query(max_length=32)] = None
    state: Literal["open", "closed"] | None = None


def routes(desk: Desk) -> APIRouter:
    """The routes of this module."""
    router = APIRouter(route_class=page_route(desk.frame), include_in_schema=False)
    _add_reads(router, desk)
    _add_opening(router, desk)
    _add_forms(router, desk)
    return router


def _add_reads(router: APIRouter, desk: Desk) -> None:
    @router.get(PATH, operation_id="desk_cases")
    async def cases(request: Request) -> Response:
        asked = asked_of(request, CasesAsked)
        page = await desk.read(_listed, desk, request, asked)
        return await desk.page(
            request, "cases.html", asked=asked, page=page, rows=page.rows, offered=offered,
            first=asked.after is None,
        )  # fmt: skip

    @router.get(PATH + "/{case_id}", operation_id="desk_case")
    async def case(request: Request, case_id: LoanId) -> Response:
        shown = await desk.read(case_shown, desk, request, case_id)
        return await desk.page(request, "case.html", **shown)


def _add_opening(router: APIRouter, desk: Desk) -> None:
    @router.post(PATH, operation_id="desk_open_case")
    async def open_case(request: Request) -> Response:
        form = await form_of(request)
        check_origin(request)
        once = once_of(form)
        loan = await desk.read(_loan_of, desk, request, form["loan_id"])
        case_id = f"C-{once}"
        await send(
            desk,
            f"desk-{once}",
            {
                "type": "case_opened",
                "case_id": case_id,
                "borrower_id": loan["borrower_id"],
                "by": actor_of(request),
                "loan_ids": [loan["loan_id"]],
                "cause": form["cause"] or "unknown",
                "trigger": "warning" if form["warning_id"] else "person",
                "reference": form["warning_id"],
                "stage": stage_of(loan["balance"].get("dpd_days", 0)),
                "owner_id": actor_of(request),
                "team": loan["branch"],
                "branch": loan["branch"],
            },
        )
        return redirect(f"{PATH}/{case_id}", done="case_opened")


def _add_forms(router: APIRouter, desk: Desk) -> None:
    """One route for each right, so that the tables of rights can speak of them."""

    pages = ProposalPages(desk.node, desk.access, now_us=desk.now_us)

    @router.post(PATH + "/{case_id}/propose/exemption", operation_id="desk_propose_exemption")
    async def exempt(request: Request, case_id: LoanId) -> Response:
        form = await form_of(request)
        check_origin(request)
        desk.reader(request)
        given = {name: form.text(name) for name in ("officer_id", "reference", "reason")}
        day = business_day(desk, desk.now_us()).isoformat()
        try:
            wanted = wanted_of(
                {"kind": "exemption", "case_id": case_id, "value_date": day, **given}
            )
            await pages.propose(wanted, person_of(request), request)
        except (LoanError, Problem) as error:
            return await _again(desk, request, case_id, error, form, "exemption")
        return redirect(f"{PATH}/{case_id}", done="proposed")

    for right in ("act", "lead", "propose", "approve"):
        _add_right(router, desk, right)


def _add_right(router: APIRouter, desk: Desk, right: str) -> None:
    @router.post(PATH + "/{case_id}/" + right + "/{word}", operation_id=f"desk_{right}_on_case")
    async def do(request: Request, case_id: LoanId, word: str) -> Response:
        return await _do(desk, request, case_id, right, word)


async def _do(desk: Desk, request: Request, case_id: str, right: str, word: str) -> Response:
    """Do what a form asks for, and show the case; or say on its page why not."""
    form = await form_of(request)
    check_origin(request)
    desk.reader(request)
    case = await desk.read(_case, desk, request, case_id)
    once = once_of(form)
    try:
        if word == "contacted":
            case["zone"] = await desk.read(desk.reaches.zone, case["borrower_id"])
        if word == "handover":
            await desk.read(_check_owner, desk, form.text("owner_id"), case)
        made = (
            await desk.read(_note, desk, request, form, case, once)
            if (right, word) == ("act", "note")
            else message_of(right, word, form, case, once)
        )
        by = {"borrower_id": case["borrower_id"], "by": actor_of(request)}
        changed = await send(desk, f"desk-{once}", {**by, **made})
    except (LoanError, Problem) as error:
        return await _again(desk, request, case_id, error, form, word)
    done = await _word(desk, word, case_id, once) if changed else "unchanged"
    return redirect(form["back"] or f"{PATH}/{case_id}", done=done)


async def _again(
    desk: Desk, request: Request, case_id: str, error: LoanError | Problem, form: Form, word: str
) -> Response:
    """The case with what is wrong about a form, which still holds what was entered."""
    problem = problem_of(error) if isinstance(error, LoanError) else error
    shown = await desk.read(case_shown, desk, request, case_id)
    shown |= {"problem": problem, "form": form, "tried": word}
    return await desk.page(request, "case.html", status=problem.kind.status, **shown)


async def _word(desk: Desk, word: str, case_id: str, once: str) -> str:
    """What the next page confirms; of a contact, how the contact rules answered."""
    if word not in ("contact", "contacted"):
        return f"case_{word}"
    found = await desk.read(desk.queries.case, case_id)
    (made,) = [c for c in found["contacts"] if c["contact_id"] == f"K-{once}"] or [{}]
    if word == "contacted":
        return "contact_breached" if made.get("breach") else "contact_reported"
    return f"contact_{made.get('state', 'asked')}"


def once_of(form: Form) -> str:
    """The form's own word, from which all ids of what it does come. Errors: Problem."""
    once = form["once"]
    if len(once) != ONCE or not once.isalnum():
        raise Problem("invalid_request", "The form is not one of these pages.")
    return once


def stage_of(dpd_days: int) -> str:
    """The stage in which a case about a loan begins, by its days past due."""
    for days, stage in ((90, "late"), (30, "mid"), (0, "early")):
        if dpd_days > days:
            return stage
    return "pre_due"


def _check_owner(desk: Desk, owner_id: str, case: Answer) -> None:
    """A case goes to a user of its branch, or to an officer of its branch who has no sign-in.

    Errors: Problem "invalid_request"; a slip would leave the case on nobody's list.
    """
    branch = case["branch"]
    user = desk.access.identity.directory().user(owner_id)
    if user is not None:
        fits = user.person().covers(branch)
    else:
        fits = bool(desk.queries.loans(officer_id=owner_id, branch=branch, limit=1).rows)
    if not fits:
        raise Problem("invalid_request", f"owner_id: {owner_id} does not work in {branch}.")


def _note(desk: Desk, request: Request, form: Form, case: Answer, once: str) -> dict[str, Any]:
    """A note, sealed under the borrower's key before it leaves this function."""
    text = form.text("note")
    if not text:
        raise Problem("invalid_request", "The note is empty.")
    return {
        "type": "case_noted",
        "case_id": case["case_id"],
        "note_id": f"N-{once}",
        "text": desk.seal(request, case["borrower_id"], text, "note"),
    }


def _loan_of(desk: Desk, request: Request, loan_id: str) -> Answer:
    found: Answer | None = desk.queries.loan(loan_id) if loan_id else None
    if found is None or not person_of(request).covers(found["branch"]):
        raise UnknownEntity("There is no such loan.", way_out="Open the case from a loan's page.")
    return found


def _case(desk: Desk, request: Request, case_id: str) -> Answer:
    found: Answer | None = desk.queries.case(case_id, language=words_of(request).language)
    if found is None or not person_of(request).covers(found["branch"]):
        raise UnknownEntity(
            "There is no such case, or it is another branch's.",
            way_out="The list of cases shows what there is.",
        )
    return found


def _listed(desk: Desk, request: Request, asked: CasesAsked) -> Any:
    wanted = CaseFilter(
        owner_id=asked.owner,
        team=asked.team,
        branch=desk.branches(request, asked.branch),
        borrower_id=asked.borrower,
        stage=asked.stage,
        cause=asked.cause,
        open=asked.state != "closed",
    )
    return desk.queries.cases(wanted, after=asked.after, limit=PAGE_ROWS)


def case_shown(desk: Desk, request: Request, case_id: str) -> dict[str, Any]:
    """Everything that the page of a case shows."""
    case, person = _case(desk, request, case_id), person_of(request)
    now, branch = desk.now_us(), case["branch"]
    seen_facts = len(case["history"])
    told = merge(case["history"], case["borrower_history"], key=itemgetter("position"))
    case["history"] = [*told]
    for change in case["history"]:
        change["word"] = "_".join(change["change"].split(".")[:2])
        change["details"] = treated(change, words_of(request))
    return {
        "case": case,
        "warnings": Teller(desk.node.watch, words_of(request)).told(case["warnings"]),
        "seen_facts": seen_facts,
        "unanswered": [c for c in case["contacts"] if c["state"] == "allowed"],
        "reach": desk.reaches.of_case(case, offered.CHANNELS, now) if case["open"] else [],
        "today": business_day(desk, now),
        "there": _there(desk, case["borrower_id"], now),
        "segments": desk.segments(words_of(request).language),
        **_referrals(case),
        "held_by": [*dict.fromkeys([owner["owner_id"] for owner in case["owners"]])],
        "offered": offered,
        "may_lead": can(person, "lead", branch),
        "may_propose": can(person, "propose", branch),
        "may_exempt": person.signed_in and bool(person.roles & TWO_PEOPLE["exemption"][0]),
        "may_approve": can(person, "approve", branch),
        "me": actor_of(request),
        "problem": None,
        "form": Form(),
        "tried": "",
    }


def _there(desk: Desk, borrower_id: str, now_us: int) -> tuple[str, str]:
    """The borrower's time zone, and what the clock shows there; empty while nobody knows it."""
    try:
        zone = desk.reaches.zone(borrower_id)
    except LoanError:
        return "", ""
    return zone, moment(now_us, zone).replace(" ", "T")


def _referrals(case: Answer) -> dict[str, Any]:
    """Signs that were noted, and referrals that wait for a second person."""
    told = [(change["word"], change["actor"], change["details"]) for change in case["history"]]
    decided = {
        details["referral_id"]
        for change, _, details in told
        if change in ("referral_approved", "referral_declined")
    }
    return {
        "signals": [d["signal_id"] for change, _, d in told if change == "evasion_signal_noted"],
        "referrals": [
            {"referral_id": d["referral_id"], "by": actor}
            for change, actor, d in told
            if change == "referral_proposed" and d["referral_id"] not in decided
        ],
    }
