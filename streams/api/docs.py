"""`/docs` and `/openapi.json`: the API described, with nothing fetched from elsewhere.

Banks work offline, so the page is our own: three small files that draw the OpenAPI document, under
a content security policy that allows this server and no inline script. Swagger UI and Redoc come
from a CDN by default, and a bundled copy would be 1.5 MB of minified script that nobody reviews.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.responses import Response

from streams.api.case_shapes import CASE_SCHEMAS
from streams.api.feed import TRANSITIONS
from streams.api.problems import CATALOGUE, MEDIA_TYPE
from streams.api.shapes import SCHEMAS
from streams.identity.rights import ACTIONS, RIGHTS
from streams.topics import json_schema

_HERE = Path(__file__).parent
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_DEFS = "#/$defs/"
_SCHEMAS = "#/components/schemas/"
_ABOUT = """
LoanBell records a core system's transactions as facts, keeps rolling indicators, rings early
warnings and grades loans. Times are UTC, dates ISO 8601, amounts decimal strings on the way in and
whole minor units (`…_minor`) on the way out.

Where there are users, everybody signs in: people at `/sign-in`, whose changes carry `X-CSRF-Token`
as `GET /v1/session` gives it; programs with `Authorization: Bearer` and an API token. `x-roles`,
`x-branches` and `x-token-scope` say of each operation who may call it.

What is refused comes as `application/problem+json` (RFC 9457) with a `code` and a `way_out`; the
catalogue stands at the end of this page.
"""


def _page(name: str, media_type: str) -> Response:
    return Response(
        (_HERE / name).read_bytes(),
        media_type=media_type,
        headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"},
    )


def routes() -> APIRouter:
    """The page and its two files."""
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    async def docs() -> Response:
        return _page("docs.html", "text/html")

    @router.get("/docs/docs.css")
    async def style() -> Response:
        return _page("docs.css", "text/css")

    @router.get("/docs/docs.js")
    async def script() -> Response:
        return _page("docs.js", "text/javascript")

    return router


def describe(app: FastAPI) -> None:
    """Let `app` describe itself with the message schema and the catalogue of problems."""

    @cache
    def document() -> dict[str, Any]:
        made = get_openapi(
            title=app.title, version=app.version, description=_ABOUT, routes=app.routes
        )
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
        schemas.update(_transaction_schemas())
        schemas.update(SCHEMAS | CASE_SCHEMAS)
        schemas["Problem"] = _PROBLEM
        made["x-problems"] = [
            {"code": k.code, "status": k.status, "title": k.title, "way_out": k.way_out}
            for k in CATALOGUE.values()
        ]
        made["x-stream-events"] = list(TRANSITIONS)
        for operations in made["paths"].values():
            for operation in operations.values():
                _with_problems(operation)
                _with_right(operation)
        return made

    app.openapi = document  # type: ignore[method-assign]


def _with_problems(operation: dict[str, Any]) -> None:
    """Every refusal of `operation` is a problem document."""
    refusal = {MEDIA_TYPE: {"schema": {"$ref": f"{_SCHEMAS}Problem"}}}
    responses = operation["responses"]
    if "422" in responses and responses["422"].get("description") == "Validation Error":
        responses["422"]["description"] = "A parameter is wrong."
    if responses.get("200", {}).get("description") == "Successful Response":
        responses["200"]["description"] = "Done."
    responses["default"] = {"description": "Any other refusal."}
    for status, response in responses.items():
        if status == "default" or status >= "400":
            response["content"] = refusal


def _with_right(operation: dict[str, Any]) -> None:
    """Whose roles may call it, and the scope that an API token needs."""
    right = RIGHTS.get(operation["operationId"])
    if right is not None and right.action is not None:
        operation["x-roles"] = sorted(ACTIONS[right.action])
        operation["x-branches"] = "all" if right.scope == "bank" else "own"
        if right.token is not None:
            operation["x-token-scope"] = right.token


def _transaction_schemas() -> dict[str, Any]:
    """The published message schema, with its definitions as components."""
    schema = _moved(json_schema())
    definitions: dict[str, Any] = schema.pop("$defs")
    for name in ("$schema", "$id"):
        schema.pop(name)
    schema["title"] = "Transaction"
    schema["description"] = "A message of the core system, told apart by its `type`."
    return {**definitions, "Transaction": schema}


def _moved(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _moved(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_moved(value) for value in node]
    if isinstance(node, str) and node.startswith(_DEFS):
        return _SCHEMAS + node.removeprefix(_DEFS)
    return node


_PROBLEM = {
    "title": "Problem",
    "description": "Why a request was refused, and what would be accepted (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "way_out"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was wrong this time."},
        "code": {"type": "string", "description": "Stable: match on it."},
        "way_out": {"type": "string", "description": "What would be accepted."},
        "request_id": {"type": "string", "description": "Names the line in the server's log."},
    },
}
