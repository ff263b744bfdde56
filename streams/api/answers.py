"""How a read is answered: in a thread, as JSON, a page with the cursor of the next one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ParamSpec, Protocol

import orjson
from fastapi import Query
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from projections.queries import Page, Queries

P = ParamSpec("P")

Cursor = Annotated[str | None, Query(max_length=200, description="`next_cursor` of the last page.")]
Limit = Annotated[int, Query(ge=1, le=1_000, description="Rows of a page.")]


class Asked(Protocol):
    """What reads want of a node, or of all partitions together."""

    queries: Queries


class Filters(BaseModel):
    """Query parameters of one page; a misspelt one is refused, never ignored."""

    model_config = ConfigDict(extra="forbid")


class Paged(Filters):
    """Query parameters of a list that comes in pages."""

    after: Cursor = None
    limit: Limit = 100


def json_answer(content: Any, *, status: int = 200) -> Response:
    """`content` as JSON: dates as ISO text, mappings as they are."""
    return Response(orjson.dumps(content), status_code=status, media_type="application/json")


def paged(name: str, page: Page) -> Response:
    """A list under its name, and the cursor of the next page."""
    return json_answer({name: page.rows, "next_cursor": page.next_cursor})


async def answer(read: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> Response:
    """Run a blocking read in a thread and answer with what it gives."""
    return json_answer(await run_in_threadpool(read, *args, **kwargs))
