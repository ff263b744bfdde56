"""How a page is made: one template environment, the frame that every page has, its headers.

Templates escape whatever they are given; a note that a borrower or a colleague wrote can never
become markup. The policy forbids script and style that are not our own files, so what slipped
through would do nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import version as installed_version
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from streams.desk import formats
from streams.desk.assets import assets
from streams.desk.words import HTML_LANGUAGES, LANGUAGE_NAMES, LANGUAGES, Words, language_of
from streams.identity.draws import short_id

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
LANGUAGE_COOKIE = "desk_language"
HOME = "/desk"
EMPTY_FRAME: Mapping[str, Any] = {
    "nav": (), "person": None, "csrf": "", "business_date": None, "done": "", "zone": "UTC",
    "may_act": False, "may_propose": (), "version": installed_version("loanbell"),
}  # fmt: skip
"""The frame of a page that is shown to whoever comes: it says nothing of the book."""


@cache
def environment() -> Environment:
    """The templates; a name that a page was not given is an error, not an empty place."""
    made = Environment(
        loader=PackageLoader("streams.desk", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(
        money=formats.money,
        plain_money=formats.plain_money,
        whole_money=formats.whole_money,
        percent=formats.percent,
        rate=formats.rate,
        moment=formats.moment,
        number=formats.number,
        parted=formats.parted,
        reading=formats.reading,
        words=_named,
    )
    made.globals.update(
        asset=lambda name: assets()[name].url,
        days_between=formats.days_between,
        languages=[(each, LANGUAGE_NAMES[each]) for each in LANGUAGES],
        NONE=formats.NONE,
        PART_ENDS=formats.PART_ENDS,
        new_word=short_id,
    )
    return made


@pass_context
def _named(context: Context, values: Iterable[Any], group: str) -> list[tuple[Any, str]]:
    """Stored words with what people call them, for a choice."""
    return [(value, context["name"](group, value)) for value in values]


def words_of(request: Request) -> Words:
    """The words in the language of whoever asks."""
    cookie = request.cookies.get(LANGUAGE_COOKIE)
    return Words(language_of(cookie, request.headers.get("accept-language", "")))


def render(
    request: Request, template: str, *, status: int = 200, words: Words | None = None, **shown: Any
) -> Response:
    """A page from `template`. `shown` is what it shows beside the frame."""
    words = words or words_of(request)
    here = request.url
    base: dict[str, Any] = {
        "t": words.say,
        "name": words.name,
        "lang": words.language,
        "html_lang": HTML_LANGUAGES[words.language],
        "path": here.path,
        "here": _local(here),
        "with_query": lambda **changed: _with_query(request, changed),
    }
    html = environment().get_template(template).render({**base, **shown})
    headers = {"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"}
    return Response(html, status_code=status, media_type="text/html", headers=headers)


def redirect(to: str, *, done: str = "") -> Response:
    """Go and see: the answer to a form that was done. `done` names what the next page confirms."""
    target = URL(safe_path(to))
    if done:
        target = target.include_query_params(done=done)
    return RedirectResponse(str(target), status_code=303)


def safe_path(wanted: str) -> str:
    """`wanted` if it is a page of the desk, else the first one: a form sends nobody elsewhere."""
    plain = wanted.isprintable() and "\\" not in wanted and "//" not in wanted.partition("?")[0]
    inside = wanted == HOME or wanted.startswith((HOME + "/", HOME + "?"))
    return wanted if plain and inside else HOME


def _local(url: URL) -> str:
    """Path and query, without what only confirms the last form."""
    kept = url.remove_query_params("done")
    return kept.path + (f"?{kept.query}" if kept.query else "")


def _with_query(request: Request, changed: Mapping[str, Any]) -> str:
    """This page with other parameters; one that is None or empty goes."""
    given = {**request.query_params, **changed}
    given.pop("done", None)
    kept = {key: value for key, value in given.items() if value not in (None, "")}
    return request.url.path + (f"?{urlencode(kept)}" if kept else "")
