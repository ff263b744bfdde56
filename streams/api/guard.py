"""Who asks, and what they may read: the layer between the gate and the pages.

On the way in it tells a session or a token to be a person's, turns away whoever is nobody where
sign-in is wanted, and refuses a change that another site made a browser send. On the way out it
opens sealed texts for those who may read them, masks them for others, and has the audit trail on
disk before a byte about a borrower leaves. Rights by route are `access`'s.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from urllib.parse import parse_qs, quote

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger.errors import LoanError
from ledger.events import AccessRefused, BorrowersRead
from streams.api.access import SAFE_METHODS, Access, moment
from streams.api.problems import Problem, problem_of, respond
from streams.identity.draws import same
from streams.identity.person import ANYBODY, Person
from streams.identity.rights import can
from streams.identity.service import Caller
from streams.identity.vault import SEALED, Erased, VaultClosed

COOKIE = "loanbell"
SECURE_COOKIE = "__Host-loanbell"
MASK = "•••"
GONE = "[erased]"
_FORM = "application/x-www-form-urlencoded"
_FORM_BYTES = 65_536
_OPEN = (
    "/docs",
    "/openapi.json",
    "/healthz",
    "/readyz",
    "/sign-in",
    "/desk/static",
    "/desk/language",
)
_NAMED = re.compile(rb'"borrower(?:_id)?":"([A-Za-z0-9._-]{1,64})"')
_LOANS = re.compile(rb'"loan_id":"([A-Za-z0-9._-]{1,64})"')
_SEALED = re.compile(SEALED.pattern.encode())


def is_open(path: str) -> bool:
    """Whether a page is for everybody, signed in or not."""
    return any(path == page or path.startswith(page + "/") for page in _OPEN)


def cookie_name(*, secure: bool) -> str:
    """The name of the session's cookie; browsers keep the secure one from other hosts and paths."""
    return SECURE_COOKIE if secure else COOKIE


class Guard:
    """Wraps the application inside the gate."""

    def __init__(self, app: ASGIApp, access: Access, *, secure: bool) -> None:
        self._app, self._access = app, access
        self._cookie = cookie_name(secure=secure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; what is not HTTP passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._access.trail.look()
        request = Request(scope, receive)
        request.state.person, request.state.borrowers = ANYBODY, set()
        request.state.required = True
        try:
            turned_away = await self._enter(request)
            if turned_away is None:
                receive = await self._unforged(request, receive)
        except Problem as problem:
            turned_away = respond(problem)
        except LoanError as error:
            turned_away = respond(problem_of(error))
        if turned_away is not None:
            await turned_away(scope, receive, send)
            return
        await self._app(scope, receive, _Leaving(self._access, request, send))

    async def _enter(self, request: Request) -> Response | None:
        """Know who asks; the answer to whoever has to sign in first."""
        path = request.scope["path"]
        identity = self._access.identity
        required = identity.known_required
        if required is None:
            required = await run_in_threadpool(lambda: identity.required)
        request.state.required = required
        if not required:
            return None
        caller = await run_in_threadpool(self._caller, request)
        request.state.caller = caller
        request.state.recheck = lambda: self._caller(request)
        if caller is not None:
            request.state.person = caller.person
        elif not is_open(path):
            safe, desk = request.method in SAFE_METHODS, path.startswith("/desk")
            if (safe or desk) and "text/html" in request.headers.get("accept", ""):
                # A form that came too late leads to the first page: what it asked for was not done.
                goal = path if safe else "/desk"
                return RedirectResponse(f"/sign-in?goal={quote(goal)}", status_code=303)
            answer = respond(Problem("sign_in_required"))
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        return None

    def _caller(self, request: Request) -> Caller | None:
        identity = self._access.identity
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return identity.of_token(token.strip())
        session = request.cookies.get(self._cookie)
        return identity.of_session(session) if session else None

    async def _unforged(self, request: Request, receive: Receive) -> Receive:
        """The body again, after a session's change was seen to come from one of our own pages."""
        caller: Caller | None = getattr(request.state, "caller", None)
        if caller is None or caller.csrf is None or request.method in SAFE_METHODS:
            return receive
        given = request.headers.get("x-csrf-token", "")
        if not given and request.headers.get("content-type", "").split(";")[0] == _FORM:
            body = await _form(request)
            given = parse_qs(body.decode("latin-1")).get("csrf_token", [""])[0]
            receive = _again(body, receive)
        if not same(given, caller.csrf) or request.headers.get("sec-fetch-site") == "cross-site":
            await self._access.trail.record(
                AccessRefused(
                    user_id=caller.person.user_id,
                    what=request.url.path[:200],
                    subject="",
                    why="csrf",
                    request_id=request.state.request_id,
                    **moment(),
                )
            )
            raise Problem("forged")
        return receive


async def _form(request: Request) -> bytes:
    """The body of a form. Errors: Problem "too_large"."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _FORM_BYTES:
            raise Problem("too_large", f"A form may have {_FORM_BYTES:,} bytes.")
    return body


def _again(body: bytes, rest: Receive) -> Receive:
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if sent:
            return await rest()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


class _Leaving:
    """The `send` of one request: holds a page until the trail knows of it. A stream passes."""

    def __init__(self, access: Access, request: Request, send: Send) -> None:
        self._access, self._request, self._send = access, request, send
        self._start: Message | None = None
        self._body: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        """Take one message of the answer."""
        if message["type"] == "http.response.start":
            kind = Headers(raw=message["headers"]).get("content-type", "")
            if kind.startswith("text/event-stream"):
                await self._send(message)
            else:
                self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._body.append(message.get("body", b""))
            if not message.get("more_body"):
                await self._finish(self._start, b"".join(self._body))

    async def _finish(self, start: Message, body: bytes) -> None:
        try:
            body = await self._shown(start, body)
        except LoanError as error:
            problem = respond(problem_of(error))
            await problem(self._request.scope, self._request.receive, self._send)
            return
        except Problem as refused:
            await respond(refused)(self._request.scope, self._request.receive, self._send)
            return
        headers = MutableHeaders(raw=start["headers"])
        if "content-length" in headers:
            headers["content-length"] = str(len(body))
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def _shown(self, start: Message, body: bytes) -> bytes:
        """The body as this person may see it. Errors: LoanError, Problem: nothing is shown."""
        request, state = self._request, self._request.state
        person: Person = state.person
        if start["status"] >= 400 or is_open(request.scope["path"]):
            return body
        operation = getattr(state, "operation", None)
        if person.signed_in and operation is None:
            raise Problem("not_allowed", "Nobody has a right to it.")
        borrowers = await run_in_threadpool(self._borrowers, body) if person.signed_in else set()
        if _SEALED.search(body):
            kind = Headers(raw=start["headers"]).get("content-type", "")
            shown = revealer(self._access, person, kind)
            body = await run_in_threadpool(shown, body)
        if person.signed_in and borrowers:
            await self._access.trail.record(
                BorrowersRead(
                    user_id=person.user_id,
                    what=str(operation),
                    subject=" ".join(map(str, request.path_params.values()))[:200],
                    borrower_ids=tuple(sorted(borrowers)),
                    request_id=state.request_id,
                    **moment(),
                )
            )
        return body

    def _borrowers(self, body: bytes) -> set[str]:
        """Whom a page is about: those it names, those of the loans it names, those it was for."""
        named = {found.decode() for found in _NAMED.findall(body)}
        loans = {found.decode() for found in _LOANS.findall(body)}
        noted: set[str] = self._request.state.borrowers
        return named | self._access.places.borrowers_of(loans) | noted


def revealer(access: Access, person: Person, kind: str) -> Callable[[bytes], bytes]:
    """Opens the sealed texts in a body of content type `kind` for `person`, or masks them."""
    personal = not person.signed_in or can(person, "personal", _any_branch(person))
    known: dict[str, bool] = {}

    def may(borrower_id: str) -> bool:
        if borrower_id not in known:
            branches = access.places.branches_of(borrower_id) if personal else frozenset()
            known[borrower_id] = personal and (
                person.bank_wide or any(person.covers(branch) for branch in branches)
            )
        return known[borrower_id]

    def opened(found: re.Match[bytes]) -> bytes:
        if not may(found.group(1).decode()):
            return written(MASK, kind)
        try:
            return written(access.vault().unseal(found.group().decode()), kind)
        except Erased:
            return written(GONE, kind)
        except VaultClosed:
            return written(MASK, kind)

    return lambda body: _SEALED.sub(opened, body)


def written(text: str, kind: str) -> bytes:
    """`text` as it stands in a body of a content type, inside quotation marks or a tag."""
    if "json" in kind or kind.startswith("text/event-stream"):
        return orjson.dumps(text)[1:-1]
    return (html.escape(text) if "html" in kind else text.replace('"', '""')).encode()


def _any_branch(person: Person) -> str | None:
    return None if person.branches is None else next(iter(sorted(person.branches)), None)
