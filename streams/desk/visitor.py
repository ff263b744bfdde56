"""Who asks for a page, and whether a form was really sent from one of ours."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request

from streams.api.problems import Problem
from streams.desk.forms import Form
from streams.identity import ANYBODY, Person
from streams.identity.draws import same

NOBODY = "desk"
"""Who acted where nobody signs in."""


def person_of(request: Request) -> Person:
    """Who is signed in; anybody where no sign-in is wanted."""
    found = getattr(request.state, "person", ANYBODY)
    return found if isinstance(found, Person) else ANYBODY


def actor_of(request: Request) -> str:
    """The name under which something done from a page is recorded."""
    person = person_of(request)
    return person.user_id if person.signed_in else NOBODY


def csrf_of(request: Request) -> str:
    """The token that forms of this session carry; empty without a session."""
    return str(getattr(request.state, "csrf", ""))


def check_csrf(request: Request, form: Form) -> None:
    """That a page of ours sent `form`. Errors: Problem "wrong_origin".

    The token of the session, and the browser's own word of where the form came from: the latter
    also protects a desk where nobody signs in.
    """
    token = csrf_of(request)
    if not _same_origin(request) or (token and not same(form["csrf"], token)):
        raise Problem("wrong_origin")


def _same_origin(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host", "")
