"""Who asks for a page, and whether a form was really sent from one of ours."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request

from streams.api.access import person_of
from streams.api.problems import Problem
from streams.identity.service import Caller

__all__ = ["NOBODY", "actor_of", "check_origin", "csrf_of", "person_of"]

NOBODY = "desk"
"""Who acted where nobody signs in."""


def actor_of(request: Request) -> str:
    """The name under which something done from a page is recorded."""
    person = person_of(request)
    return person.user_id if person.signed_in else NOBODY


def csrf_of(request: Request) -> str:
    """The token that forms of this session carry, and the guard asks for; empty without one."""
    caller: Caller | None = getattr(request.state, "caller", None)
    return (caller.csrf or "") if caller is not None else ""


def check_origin(request: Request) -> None:
    """That a page of ours sent what was posted. Errors: Problem "forged".

    The guard checks the token of whoever is signed in. The browser's own word of where a form came
    from also protects a desk where nobody signs in.
    """
    if not _same_origin(request):
        raise Problem("forged")


def _same_origin(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host", "")
