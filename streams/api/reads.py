"""Loans, grades and views over HTTP: what the queries give, as JSON."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ledger.errors import UnknownEntity
from streams.api.access import Signed, branch_of, branches_of
from streams.api.answers import Asked, Filters, Paged, answer, json_answer, paged
from streams.api.guard import MASK
from streams.api.shapes import done, listed, page, record, ref
from streams.fields import Id, Text
from streams.identity.rights import can

if TYPE_CHECKING:
    from projections.queries import Queries

LoanId = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
AsOf = Annotated[
    date | None, Query(description="As it stood at the end of this day; default: now.")
]
KnownOn = Annotated[
    date | None,
    Query(description="By what was recorded up to the end of this day; default: all."),
]


Regime = Annotated[
    Id | None, Query(description="A regime that loans are graded by here; default: the main one.")
]


class AsOfAsked(Filters):
    """A day to look at."""

    as_of: AsOf = None


class PortfolioAsked(AsOfAsked):
    """A day, and the whole book or a branch."""

    branch: Text | None = None


class LoanAsked(AsOfAsked):
    """Both time axes."""

    known_on: KnownOn = None


class LoansAsked(Paged):
    """Which loans."""

    borrower: Id | None = None
    officer: Id | None = None
    branch: Text | None = None
    status: Annotated[str | None, Query(max_length=32)] = None


class GradesAsked(Paged):
    """Which grades."""

    grade: Annotated[str | None, Query(max_length=32)] = None
    loan: Id | None = None
    borrower: Id | None = None
    officer: Id | None = None
    branch: Text | None = None
    as_of: AsOf = None
    regime: Regime = None


class HistoryAsked(LoanAsked):
    """Grades of one loan."""

    regime: Regime = None


class AnewAsked(LoanAsked):
    """A loan graded anew."""

    regime: Annotated[
        Id | None,
        Query(description="A regime that loans are graded by here, or a shipped one."),
    ] = None


class RefusalsAsked(Paged):
    """Which refusals."""

    code: Annotated[str | None, Query(max_length=64)] = None


async def _found(read: Callable[..., Any], loan_id: str, asked: LoanAsked) -> Any:
    """What the book has of a loan. Errors: UnknownEntity."""
    found = await run_in_threadpool(read, loan_id, as_of=asked.as_of, known_on=asked.known_on)
    if found is None:
        dated = ", or had none then" if asked.as_of or asked.known_on else ""
        raise UnknownEntity(
            f"The book has no loan {loan_id}{dated}.", way_out="GET /v1/loans lists what it has."
        )
    return found


def _changes(queries: Queries, loan_id: str, **asked: Any) -> Any:
    """Changes of a loan's grade; None when the book has no such loan."""
    return queries.grade_history(loan_id, **asked) or (
        None if not queries.loans(loan_id=loan_id).rows else []
    )


def _loans(node: Asked) -> APIRouter:
    router = APIRouter(tags=["loans"], prefix="/v1/loans")

    @router.get(
        "",
        operation_id="list_loans",
        summary="List loans, by id",
        responses=done(page("loans", ref("LoanEntry"))),
    )
    async def list_loans(asked: Annotated[LoansAsked, Query()], person: Signed) -> Response:
        """A page of the register; `next_cursor` fetches the next."""
        found = await run_in_threadpool(
            node.queries.loans,
            borrower_id=asked.borrower,
            officer_id=asked.officer,
            branch=branches_of(person, asked.branch),
            status=asked.status,
            after=asked.after,
            limit=asked.limit,
        )
        return paged("loans", found)

    @router.get(
        "/{loan_id}", operation_id="get_loan", summary="One loan", responses=done(ref("Loan"))
    )
    async def get_loan(loan_id: LoanId, asked: Annotated[LoanAsked, Query()]) -> Response:
        """Terms, balances, arrears, grade and open warnings; now or as of a day.

        `as_of` moves along value dates, `known_on` along what was recorded: together they answer
        "what did we believe then".
        """
        return json_answer(await _found(node.queries.loan, loan_id, asked))

    @router.get(
        "/{loan_id}/story",
        operation_id="get_story",
        summary="One loan, line by line",
        responses=done(ref("Story")),
    )
    async def get_story(loan_id: LoanId, asked: Annotated[LoanAsked, Query()]) -> Response:
        """Every fact, warning and grade change, in the order they became known, with reasons."""
        return json_answer({"lines": await _found(node.queries.story, loan_id, asked)})

    _add_grades(router, node)
    return router


def _add_grades(router: APIRouter, node: Asked) -> None:
    """One loan's grades."""

    @router.get(
        "/{loan_id}/grades",
        operation_id="list_grade_changes",
        summary="Every change of a loan's grade, as it was said",
        responses=done(record("GradeChanges", {"changes": listed(ref("GradeChange"))})),
    )
    async def list_grade_changes(
        loan_id: LoanId, asked: Annotated[HistoryAsked, Query()]
    ) -> Response:
        """Oldest first, each with rule, article, facts and numbers, as known when it was judged."""
        read = partial(_changes, node.queries, regime=asked.regime)
        return json_answer({"changes": await _found(read, loan_id, asked)})

    @router.get(
        "/{loan_id}/grades/anew",
        operation_id="grade_anew",
        summary="A loan graded anew from the facts, as corrected",
        responses=done(ref("GradedAnew")),
    )
    async def grade_anew(loan_id: LoanId, asked: Annotated[AnewAsked, Query()]) -> Response:
        """What the grade is by all that is known now, and everything that asks for it.

        `regime` may be any shipped one; a day after the last close is judged as if nothing else
        happened. `known_on` leaves out what was learned later.
        """
        read = partial(node.queries.regraded, regime=asked.regime)
        return json_answer(await _found(read, loan_id, asked))


def _graded(node: Asked) -> APIRouter:
    router = APIRouter(tags=["views"], prefix="/v1")

    @router.get(
        "/grades",
        operation_id="list_grades",
        summary="Risk grades",
        responses=done(page("grades", ref("Grade"))),
    )
    async def list_grades(asked: Annotated[GradesAsked, Query()], person: Signed) -> Response:
        """A page of current grades, or as of a day, each with date, rule and reason."""
        found = await run_in_threadpool(
            node.queries.grades,
            regime=asked.regime,
            grade=asked.grade,
            loan_id=asked.loan,
            borrower_id=asked.borrower,
            officer_id=asked.officer,
            branch=branches_of(person, asked.branch),
            as_of=asked.as_of,
            after=asked.after,
            limit=asked.limit,
        )
        return paged("grades", found)

    @router.get(
        "/regimes",
        operation_id="list_regimes",
        summary="What loans are graded by",
        responses=done(record("Regimes", {"regimes": listed(ref("Regime"))})),
    )
    async def list_regimes() -> Response:
        """The regimes side by side, the main one first, with their grades from the best."""
        return json_answer({"regimes": await run_in_threadpool(node.queries.regimes)})

    return router


def _views(node: Asked) -> APIRouter:
    router = APIRouter(tags=["views"], prefix="/v1")

    @router.get(
        "/portfolio",
        operation_id="get_portfolio",
        summary="The book as a whole",
        responses=done(ref("Portfolio")),
    )
    async def get_portfolio(asked: Annotated[PortfolioAsked, Query()], person: Signed) -> Response:
        """Loans, outstanding principal, ageing, portfolio at risk and grades, by currency."""
        branch = branch_of(person, asked.branch)
        return await answer(node.queries.portfolio, asked.as_of, branch=branch)

    @router.get(
        "/trial-balance",
        operation_id="get_trial_balance",
        summary="The trial balance",
        responses=done(ref("TrialBalance")),
    )
    async def get_trial_balance(asked: Annotated[AsOfAsked, Query()]) -> Response:
        """Every account of the books; the balances of a currency add up to zero."""
        rows = await run_in_threadpool(node.queries.trial_balance, asked.as_of)
        return json_answer({"accounts": rows})

    @router.get(
        "/refusals",
        operation_id="list_refusals",
        summary="Refused messages",
        responses=done(page("refusals", ref("Refusal"))),
    )
    async def list_refusals(asked: Annotated[RefusalsAsked, Query()], person: Signed) -> Response:
        """A page, newest first, each with the reason and the beginning of what was sent.

        What was sent may speak of people: whoever has no need to know them gets it masked.
        """
        found = await run_in_threadpool(
            node.queries.refusals, code=asked.code, after=asked.after, limit=asked.limit
        )
        if not can(person, "personal"):
            for row in found.rows:
                row["excerpt"] = MASK
        return paged("refusals", found)

    return router


def routes(node: Asked) -> APIRouter:
    """The routes of this module."""
    router = APIRouter()
    router.include_router(_loans(node))
    router.include_router(_graded(node))
    router.include_router(_views(node))
    return router
