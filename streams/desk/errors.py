"""Errors as pages: what was wrong, what would be accepted, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ledger.errors import LoanError
from streams.api.problems import CATALOGUE, Problem, problem_of
from streams.desk.frame import EMPTY_FRAME, render

_BY_STATUS = {404: "not_found", 405: "method_not_allowed"}
Frame = Callable[[Request], Mapping[str, Any]]
_Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class PageRoute(APIRoute):
    """A route of the desk: whoever reads pages gets a page also when something is refused.

    `frame` gives what stands around the page; see `page_route`.
    """

    frame: Frame = staticmethod(lambda _: EMPTY_FRAME)

    def get_route_handler(self) -> _Handler:
        """The handler with errors turned into pages."""
        handle = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                problem = Problem("invalid_request", _fields(error))
            except LoanError as error:
                problem = problem_of(error)
            except Problem as told:
                problem = told
            except HTTPException as error:
                problem = Problem(_BY_STATUS.get(error.status_code, "invalid_request"))
            return error_page(request, problem, self.frame(request))

        return answered


def page_route(frame: Frame) -> type[PageRoute]:
    """The routes of a desk whose pages stand in `frame`."""
    return type("DeskRoute", (PageRoute,), {"frame": staticmethod(frame)})


def error_page(request: Request, problem: Problem, frame: Mapping[str, Any]) -> Response:
    """The page that tells of a refusal; its status is the refusal's."""
    detail = problem.detail or f"{CATALOGUE[problem.kind.code].title}."
    return render(
        request,
        "error.html",
        **frame,
        status=problem.kind.status,
        code=problem.kind.code,
        detail=detail,
        way_out=problem.way_out,
    )


def _fields(error: RequestValidationError) -> str:
    return "; ".join(f"{item['loc'][-1]}: {item['msg']}" for item in error.errors())
