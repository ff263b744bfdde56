"""The outermost layer: what holds for every request, whatever the page.

Gives each request an id, refuses foreign Host headers (a web page must not reach a loopback
server by DNS rebinding), counts and times by route template, and turns an unforeseen error into a
problem document. The log gets the error's class and place, never its text: texts of errors can
hold what a borrower sent.
"""

from __future__ import annotations

import itertools
import logging
import re
import time
import traceback
from collections.abc import Collection
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger.dates import now_us
from streams.api.problems import Problem, respond
from streams.meter import Meter

log = logging.getLogger("loanbell.http")

_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TRACE = re.compile(r"[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
"""A traceparent. Source: w3.org/TR/trace-context, section 3.2."""
_PLAIN_PAGES = "default-src 'none'; frame-ancestors 'none'"
STREAM_ROUTES = ("/v1/warnings/stream", "/desk/live")


class Gate:
    """Wraps the ASGI application. `hosts` empty = any Host header is taken."""

    def __init__(self, app: ASGIApp, meter: Meter, hosts: Collection[str]) -> None:
        self._app, self._meter, self._hosts = app, meter, frozenset(hosts)
        self._numbers = itertools.count(1)
        self._started = f"{now_us() // 1000:x}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; what is not HTTP passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        method, scope = _method(scope), _as_get(scope)
        request_id = self._request_id(scope)
        answer = _Answer(send, request_id)
        try:
            if self._foreign(scope):
                await respond(Problem("wrong_host"))(scope, receive, answer)
            else:
                await self._app(scope, receive, answer)
        except Exception as error:
            _report(error, scope, request_id)
            if answer.status:  # too late for another answer: the connection is cut
                raise _Cut from None
            await respond(Problem("internal", request_id=request_id))(scope, receive, answer)
        finally:
            self._count(method, scope, answer.status, time.perf_counter() - started)

    def _request_id(self, scope: Scope) -> str:
        given = Headers(scope=scope).get("x-request-id", "")
        made = given if _GIVEN_ID.fullmatch(given) else f"{self._started}-{next(self._numbers)}"
        state = scope.setdefault("state", {})
        state["request_id"] = made
        traced = Headers(scope=scope).get("traceparent", "")
        state["traceparent"] = traced if _TRACE.fullmatch(traced) else ""
        return made

    def _foreign(self, scope: Scope) -> bool:
        host = Headers(scope=scope).get("host", "")
        name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
        return bool(self._hosts) and name.lower() not in self._hosts

    def _count(self, method: str, scope: Scope, status: int, seconds: float) -> None:
        route = _template(scope)
        if route not in STREAM_ROUTES:  # its length is the reader's patience, not our speed
            self._meter.request(method=method, route=route, status=status or 499, seconds=seconds)


class _Cut(Exception):
    """An answer that had begun could not be finished; the cause is in the log."""


class _Answer:
    """The `send` of one request: notes the status, adds the headers that every answer has."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send, self._request_id = send, request_id
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self._request_id
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "same-origin"
            headers["Cross-Origin-Opener-Policy"] = "same-origin"
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
            headers.setdefault("Content-Security-Policy", _PLAIN_PAGES)
            headers.setdefault("Cache-Control", "no-store")
        await self._send(message)


def correlation(state: Any) -> dict[str, str]:
    """The ids that lines and messages about a request carry, from its `state`."""
    ids = {"request_id": state.request_id}
    return ids | ({"trace_id": state.traceparent.split("-")[1]} if state.traceparent else {})


def _as_get(scope: Scope) -> Scope:
    """HEAD as the GET whose head is wanted: the server sends no body. A stream never ends."""
    plain = scope["method"] == "HEAD" and scope["path"] not in STREAM_ROUTES
    return {**scope, "method": "GET"} if plain else scope


def _template(scope: Scope) -> str:
    route: Any = scope.get("route")
    return str(getattr(route, "path", "unmatched"))


def _method(scope: Scope) -> str:
    known = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH")
    return scope["method"] if scope["method"] in known else "other"


def _report(error: Exception, scope: Scope, request_id: str) -> None:
    places = traceback.extract_tb(error.__traceback__)[-3:]
    where = " < ".join(f"{place.filename}:{place.lineno}" for place in reversed(places))
    log.error(
        "%s %s failed: %s at %s (request %s)",
        scope["method"], _template(scope), type(error).__name__, where, request_id,
    )  # fmt: skip
