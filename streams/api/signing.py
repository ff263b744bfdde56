"""Signing in and out: the page, its form, who is signed in, and the way through an OIDC provider.

The form carries a token that only its own page knows, so that no other site can sign a browser in
as somebody else. Every attempt that got as far as a name is on the audit trail.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from ledger.events import SignedIn, SignedOut, SignInRefused
from streams.api.access import Access, Signed, moment
from streams.api.answers import json_answer
from streams.api.guard import cookie_name
from streams.api.problems import Problem, respond
from streams.api.shapes import WORDS, done, listed, or_null, record
from streams.desk.frame import EMPTY_FRAME, render
from streams.identity.draws import derived, same, secret
from streams.identity.oidc import Oidc, OidcRefused
from streams.identity.service import Caller, SignInFailed, TooManyTries

FORM_COOKIE = "loanbell-form"
STATE_COOKIE = "loanbell-oidc"
HOME = "/desk"
"""Where a person goes who signed in and asked for no page."""
_FORM_BYTES = 65_536
_SESSION = record(
    "Session",
    {
        "signed_in": {"type": "boolean"},
        "user_id": WORDS,
        "name": WORDS,
        "roles": listed(WORDS),
        "branches": or_null(listed(WORDS)),
        "csrf_token": or_null(WORDS),
    },
)


class _Signing:
    def __init__(self, access: Access, oidc: Oidc | None, *, secure: bool) -> None:
        self._access, self._oidc, self._secure = access, oidc, secure
        self._cookie = cookie_name(secure=secure)

    def page(self, request: Request, goal: str, message: str = "", status: int = 200) -> Response:
        """The form, with a fresh token in its cookie unless there is one."""
        form = request.cookies.get(FORM_COOKIE) or secret()
        page = render(
            request,
            "sign_in.html",
            status=status,
            message=message,
            form_token=derived(form, "form"),
            goal=local(goal),
            oidc=self._oidc is not None,
            **EMPTY_FRAME,
        )
        self._set(page, FORM_COOKIE, form)
        return page

    async def enter(self, request: Request) -> Response:
        """Take the form."""
        fields = await _fields(request)
        form = request.cookies.get(FORM_COOKIE, "")
        if not form or not same(fields.get("csrf_token", ""), derived(form, "form")):
            return self.page(request, fields.get("goal", ""), "请重试。 Please try again.", 403)
        user_id, address = fields.get("user", "")[:64], _address(request)
        try:
            person, session = await run_in_threadpool(
                self._access.identity.sign_in, user_id, fields.get("password", ""), address
            )
        except SignInFailed as failed:
            await self._refused("password", failed, address)
            return self.page(request, fields.get("goal", ""), str(failed), 401)
        except TooManyTries as many:
            return self.page(request, fields.get("goal", ""), str(many), 429)
        return await self._welcome(person.user_id, "password", address, session, fields["goal"])

    async def leave(self, request: Request) -> Response:
        """End the session, here and in the browser."""
        session = request.cookies.get(self._cookie, "")
        caller: Caller | None = getattr(request.state, "caller", None)
        if caller is not None:
            await self._access.trail.record(SignedOut(user_id=caller.person.user_id, **moment()))
            await run_in_threadpool(self._access.identity.sign_out, session)
        answer = RedirectResponse("/sign-in", status_code=303)
        answer.delete_cookie(
            self._cookie, path="/", secure=self._secure, httponly=True, samesite="lax"
        )
        return answer

    async def to_provider(self, request: Request, goal: str) -> Response:
        """Send the browser to the provider."""
        if self._oidc is None:
            raise Problem("not_found")
        address, state = await self._oidc.begin(local(goal))
        answer = RedirectResponse(address, status_code=303)
        self._set(answer, STATE_COOKIE, state)
        return answer

    async def from_provider(self, request: Request, state: str, code: str) -> Response:
        """Take what the provider sent the browser back with."""
        if self._oidc is None:
            raise Problem("not_found")
        address = _address(request)
        mine = same(request.cookies.get(STATE_COOKIE, ""), state)
        try:
            user, goal = await self._oidc.finish(state if mine else "", code)
        except OidcRefused as refused:
            failed = SignInFailed(refused.why, user_id=refused.user_id)
            await self._refused("oidc", failed, address)
            return respond(Problem("sign_in_failed", refused.message, way_out=refused.way_out))
        session = await run_in_threadpool(self._access.identity.begin, user)
        answer = await self._welcome(user.user_id, "oidc", address, session, goal)
        answer.delete_cookie(STATE_COOKIE, path="/")
        return answer

    async def _welcome(
        self, user_id: str, way: str, address: str, session: str, goal: str
    ) -> Response:
        await self._access.trail.record(
            SignedIn(user_id=user_id, way=way, address=address, **moment())
        )
        answer = RedirectResponse(local(goal), status_code=303)
        self._set(answer, self._cookie, session)
        answer.delete_cookie(FORM_COOKIE, path="/")
        return answer

    async def _refused(self, way: str, failed: SignInFailed, address: str) -> None:
        await self._access.trail.record(
            SignInRefused(
                user_id=failed.user_id,
                way=way,
                why=failed.why,
                locked=failed.locked,
                address=address,
                **moment(),
            )
        )

    def _set(self, answer: Response, name: str, value: str) -> None:
        """A cookie of this browser session, which no script reads and no other site sends along."""
        answer.set_cookie(name, value, path="/", secure=self._secure, httponly=True, samesite="lax")


def local(goal: str) -> str:
    """`goal` if it is a page of this server, else the home page: nobody is sent elsewhere."""
    plain = goal.startswith("/") and not goal.startswith("//") and "\\" not in goal
    return quote(goal, safe="/?=&-._~%") if plain and goal.isprintable() else HOME


def _address(request: Request) -> str:
    """Where the connection came from: behind a proxy, the proxy."""
    return request.client.host if request.client is not None else ""


async def _fields(request: Request) -> Mapping[str, str]:
    """The fields of a form. Errors: Problem "too_large", "invalid_request"."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _FORM_BYTES:
            raise Problem("too_large", f"A form may have {_FORM_BYTES:,} bytes.")
    try:
        found = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=16)
    except ValueError:
        raise Problem("invalid_request", "The form cannot be read.") from None
    return {"goal": "", **{name: values[0] for name, values in found.items()}}


def routes(access: Access, oidc: Oidc | None, *, secure: bool) -> APIRouter:
    """The routes of this module."""
    router = APIRouter(tags=["identity"])
    signing = _Signing(access, oidc, secure=secure)
    _add_pages(router, signing)

    @router.get(
        "/v1/session",
        operation_id="get_session",
        summary="Who is signed in",
        responses=done(_SESSION),
    )
    async def get_session(request: Request, person: Signed) -> Response:
        """Roles, branches (null: all), and what a change must carry as `X-CSRF-Token`."""
        caller: Caller | None = getattr(request.state, "caller", None)
        told: dict[str, Any] = {
            "signed_in": person.signed_in,
            "user_id": person.user_id,
            "name": person.name,
            "roles": sorted(person.roles),
            "branches": None if person.branches is None else sorted(person.branches),
            "csrf_token": caller.csrf if caller is not None else None,
        }
        return json_answer(told)

    return router


def _add_pages(router: APIRouter, signing: _Signing) -> None:
    """What a browser goes through; not of the documented API."""

    @router.get("/sign-in", include_in_schema=False)
    async def sign_in(request: Request, goal: str = "") -> Response:
        return signing.page(request, goal)

    @router.post("/sign-in", include_in_schema=False)
    async def enter(request: Request) -> Response:
        return await signing.enter(request)

    @router.post("/sign-out", include_in_schema=False)
    async def sign_out(request: Request) -> Response:
        return await signing.leave(request)

    @router.get("/sign-in/oidc", include_in_schema=False)
    async def to_provider(request: Request, goal: str = "") -> Response:
        return await signing.to_provider(request, goal)

    @router.get("/sign-in/oidc/return", include_in_schema=False)
    async def from_provider(request: Request, state: str = "", code: str = "") -> Response:
        return await signing.from_provider(request, state[:200], code[:2_000])
