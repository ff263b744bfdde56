"""Figures of the portfolio over HTTP: JSON, CSV or Parquet, as of any day, cut by anything."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from projections.figure_files import as_csv, as_parquet
from projections.queries import Ask, Figure, figure_names
from streams.api.access import Signed, branch_of, note_borrowers
from streams.api.answers import json_answer
from streams.api.reads import AsOfAsked
from streams.api.shapes import WORDS, done, listed, record, ref
from streams.fields import Id, Text

if TYPE_CHECKING:
    from streams.identity.person import Person
    from streams.wiring import Node

PARQUET = "application/vnd.apache.parquet"
Name = Annotated[str, Path(pattern=r"^[a-z_]{1,32}$")]
Dimension = Literal["branch", "officer", "industry", "product", "region", "borrower"]


class FigureAsked(AsOfAsked):
    """What of the portfolio, and how to write it."""

    since: Annotated[
        date | None, Query(description="Compare with this day, or begin there; default: see each.")
    ] = None
    by: Annotated[Dimension | None, Query(description="Cut by this, beside the currency.")] = None
    regime: Annotated[str | None, Query(max_length=64)] = None
    currency: Annotated[str | None, Query(max_length=3)] = None
    branch: Text | None = None
    officer: Id | None = None
    industry: Text | None = None
    product: Text | None = None
    region: Text | None = None
    borrower: Id | None = None
    format: Annotated[Literal["json", "csv", "parquet"], Query()] = "json"

    def ask(self, person: Person) -> Ask:
        """The question in the words of the views, of no more than a person may see."""
        self.branch = branch_of(person, self.branch)
        names = ("currency", "branch", "officer", "industry", "product", "region", "borrower")
        where = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return Ask(as_of=self.as_of, since=self.since, by=self.by, where=where, regime=self.regime)


def routes(node: Node) -> APIRouter:
    """The routes of this module."""
    router = APIRouter(tags=["figures"], prefix="/v1/figures")

    @router.get(
        "",
        operation_id="list_figures",
        summary="Names of the figures",
        responses=done(record("FigureNames", {"figures": listed(WORDS)})),
    )
    async def list_figures() -> Response:
        """Every figure of the portfolio that can be asked for."""
        return json_answer({"figures": figure_names()})

    @router.get(
        "/{name}",
        operation_id="get_figure",
        summary="One figure, as a table",
        responses=done(ref("Figure")),
    )
    async def get_figure(
        name: Name, asked: Annotated[FigureAsked, Query()], request: Request, person: Signed
    ) -> Response:
        """A table by currency and, with `by`, one more dimension, as known at the close of its day.

        `format=csv` and `format=parquet` give the same rows as a file.
        """
        found = await run_in_threadpool(node.queries.figure, name, asked.ask(person))
        note_borrowers(request, {row["borrower"] for row in found.rows if row.get("borrower")})
        return await run_in_threadpool(_written, found, asked.format)

    return router


def _written(figure: Figure, form: str) -> Response:
    if form == "json":
        return json_answer(figure)
    name = f"{figure.name}-{figure.as_of}.{form}"
    content, kind = (
        (as_csv(figure).encode(), "text/csv; charset=utf-8")
        if form == "csv"
        else (as_parquet(figure), PARQUET)
    )
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=kind, headers=headers)
