"""The book: finding things, the register, one loan on both time axes, one borrower."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from ledger.errors import UnknownEntity
from projections.queries import Answer, CaseFilter, Traces, WarningFilter
from streams.api.reads import LoanAsked, LoanId, LoansAsked
from streams.desk.asked import asked_of
from streams.desk.chart import course_chart, trace_chart
from streams.desk.desk import Desk
from streams.desk.errors import page_route
from streams.desk.frame import redirect, words_of
from streams.desk.telling import Teller
from streams.desk.visitor import person_of
from streams.desk.words import Words
from warning.indicators import CATALOGUE

PAGE_ROWS = 50
MOST_TRACES = 8
FEW_LINES = 60
ALWAYS = ("dpd_days", "arrears_minor", "paid_ratio_90d", "coverage_ratio")
"""Indicators that every loan's page draws; those that its warnings read come after."""


class FindAsked(BaseModel):
    """What somebody looks for."""

    model_config = ConfigDict(extra="forbid")
    q: Annotated[str, Query(max_length=64)] = ""


class OneLoanAsked(LoanAsked):
    """Both time axes, and whether every line of the timeline is wanted."""

    lines: Literal["all"] | None = None


def routes(desk: Desk) -> APIRouter:
    """The routes of this module."""
    router = APIRouter(route_class=page_route(desk.frame), include_in_schema=False)

    @router.get("/desk/find", operation_id="desk_find")
    async def find(request: Request) -> Response:
        wanted = asked_of(request, FindAsked).q
        place = await desk.read(_place, desk, request, wanted)
        if place is not None:
            return redirect(place)
        return await desk.page(request, "not_found.html", status=404, wanted=wanted)

    @router.get("/desk/loans", operation_id="desk_loans")
    async def loans(request: Request) -> Response:
        asked = asked_of(request, LoansAsked)
        shown = await desk.read(_register, desk, request, asked)
        return await desk.page(request, "loans.html", asked=asked, **shown)

    @router.get("/desk/loans/{loan_id}", operation_id="desk_loan")
    async def loan(request: Request, loan_id: LoanId) -> Response:
        asked = asked_of(request, OneLoanAsked)
        shown = await desk.read(_loan, desk, words_of(request), loan_id, asked)
        return await desk.page(request, "loan.html", asked=asked, **shown)

    @router.get("/desk/borrowers/{borrower_id}", operation_id="desk_borrower")
    async def borrower(request: Request, borrower_id: LoanId) -> Response:
        shown = await desk.read(_borrower, desk, request, borrower_id)
        return await desk.page(request, "borrower.html", **shown)

    return router


def _place(desk: Desk, request: Request, wanted: str) -> str | None:
    """The page of an id; None when nothing in the person's branches has it."""
    if not wanted:
        return None
    queries, branch = desk.queries, desk.branches(request, None)
    for each in dict.fromkeys((wanted, wanted.upper())):
        if queries.loans(loan_id=each, branch=branch, limit=1).rows:
            return f"/desk/loans/{quote(each)}"
        if queries.loans(borrower_id=each, branch=branch, limit=1).rows:
            return f"/desk/borrowers/{quote(each)}"
    case = queries.case(wanted)
    if case is not None and person_of(request).covers(case["branch"]):
        return f"/desk/cases/{quote(wanted)}"
    if queries.warnings(WarningFilter(warning_ids=(wanted,), branch=branch)).rows:
        return f"/desk/warnings/{quote(wanted)}"
    return None


def _register(desk: Desk, request: Request, asked: LoansAsked) -> dict[str, Any]:
    page = desk.queries.loans(
        borrower_id=asked.borrower,
        officer_id=asked.officer,
        branch=desk.branches(request, asked.branch),
        status=asked.status,
        after=asked.after,
        limit=PAGE_ROWS,
    )
    return {"page": page, "rows": page.rows, "first": asked.after is None}


def _loan(desk: Desk, words: Words, loan_id: str, asked: OneLoanAsked) -> dict[str, Any]:
    """Everything about a loan at a point of both time axes; `loan` is None when there was none."""
    now = desk.queries.loan(loan_id)
    if now is None:
        raise UnknownEntity(
            f"The book has no loan {loan_id}.", way_out="The list of loans shows what it has."
        )
    axes = {"as_of": asked.as_of, "known_on": asked.known_on}
    dated = any(axes.values())
    then = desk.queries.loan(loan_id, **axes) if dated else now
    closed = desk.queries.status()["closed_date"]
    cases = desk.open_cases(now["borrower_id"], loan_id)
    shown = {
        "cases": cases,
        "regimes": desk.queries.regimes(),
        "now": now,
        "loan": then,
        "dated": dated,
        "closed_date": closed,
    }
    if then is None:
        return shown
    if then["grade"] is not None:
        (then["grade"],) = _with_performing(desk, [then["grade"]])
    return {**shown, **_past(desk, words, loan_id, axes, whole=asked.lines == "all")}


def _past(
    desk: Desk, words: Words, loan_id: str, axes: dict[str, Any], *, whole: bool
) -> dict[str, Any]:
    """What led to where a loan stands: story, warnings, grades and the pictures."""
    teller = Teller(desk.node.watch, words)
    rang = teller.told(desk.queries.warnings(WarningFilter(loan_id=loan_id), limit=200).rows)
    story = desk.queries.story(loan_id, **axes, language=words.language) or []
    course = desk.queries.course(loan_id, **axes)
    rang = [row for row in rang if row["raised_date"] <= course.until]
    return {
        "story": story[::-1] if whole else story[: -FEW_LINES - 1 : -1],
        "untold": 0 if whole else max(0, len(story) - FEW_LINES),
        "rang": rang,
        "grades": _with_performing(desk, desk.queries.grade_history(loan_id, **axes)[::-1]),
        "course": course,
        "chart": course_chart(course, rang, words),
        "traces": _traces(desk, words, loan_id, axes, rang, course.currency),
    }


def _with_performing(desk: Desk, changes: list[Answer]) -> list[Answer]:
    """Changes of the main regime's grade, each with whether it performs."""
    main = desk.queries.regimes()[:1]
    performing = {grade["grade"]: grade["performing"] for one in main for grade in one["grades"]}
    return [{**row, "performing": performing.get(row["grade"], True)} for row in changes]


def _traces(
    desk: Desk,
    words: Words,
    loan_id: str,
    axes: dict[str, Any],
    rang: list[Answer],
    currency: str,
) -> list[dict[str, Any]]:
    """The indicators that tell of this loan: a few always, and those that its warnings read."""
    read = (column for row in rang for column, _ in row["readings"])
    names = [name for name in dict.fromkeys((*ALWAYS, *read)) if name in CATALOGUE][:MOST_TRACES]
    found: Traces | None = desk.queries.traces(loan_id, names, **axes)
    if found is None:
        return []
    return [
        {
            "name": name,
            "last": values[-1],
            "chart": trace_chart(
                found.days,
                values,
                as_percent="_ratio" in name,
                currency=currency if name.endswith("_minor") else None,
                label=words.name("indicator", name),
            ),
        }
        for name, values in found.values.items()
        if any(value is not None for value in values)
    ]


def _borrower(desk: Desk, request: Request, borrower_id: str) -> dict[str, Any]:
    """All that one borrower has with us."""
    entries = desk.queries.loans(borrower_id=borrower_id, limit=200).rows
    person, words = person_of(request), words_of(request)
    if not any(person.covers(row["branch"]) for row in entries):
        raise UnknownEntity(
            f"The book has no borrower {borrower_id}, or none of your branches.",
            way_out="Look for one of their loans.",
        )
    loans = [found for row in entries if (found := desk.queries.loan(row["loan_id"]))]
    accounts = {loan["account"]["account_id"]: loan["account"] for loan in loans if loan["account"]}
    warnings = desk.queries.warnings(WarningFilter(borrower_id=borrower_id), limit=100).rows
    return {
        "borrower_id": borrower_id,
        "loans": loans,
        "accounts": [accounts[key] for key in sorted(accounts)],
        "warnings": Teller(desk.node.watch, words).told(warnings),
        "sums": _sums(loans),
        "cases": desk.queries.cases(CaseFilter(borrower_id=borrower_id), limit=50).rows,
        "contacts": desk.queries.contacts(borrower_id=borrower_id, limit=20).rows,
        "promises": desk.queries.promises(borrower_id=borrower_id, limit=20).rows,
    }


def _sums(loans: list[Answer]) -> list[dict[str, Any]]:
    """Outstanding and arrears by currency."""
    sums: dict[str, dict[str, Any]] = {}
    for loan in loans:
        entry = sums.setdefault(
            loan["currency"],
            {"currency": loan["currency"], "outstanding_minor": 0, "arrears_minor": 0},
        )
        for name in ("outstanding_minor", "arrears_minor"):
            entry[name] += loan["balance"].get(name, 0)
    return [sums[currency] for currency in sorted(sums)]
