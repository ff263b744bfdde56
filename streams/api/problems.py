"""Refusals over HTTP: RFC 9457 problem documents, each with a way out.

A problem tells the code, what was wrong and what would be accepted. It never holds a stack trace, a
borrower's data or the offending value itself; `type` points into `/docs`, which every LoanBell
serves, so that it can be looked up without the internet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ledger.errors import LoanError, StoreUnavailable

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """One entry of the catalogue: the status and title of a code, and its usual way out."""

    code: str
    status: int
    title: str
    way_out: str


_CATALOGUE = (
    Kind("bad_json", 400, "The body is not JSON", "Send one object, an array of objects, or NDJSON "
         "with Content-Type application/x-ndjson."),
    Kind("empty_body", 400, "The body holds no transaction", "Send at least one transaction."),
    Kind("wrong_host", 400, "The Host header names another machine",
         "Use the address that LoanBell was told to listen on."),
    Kind("sign_in_required", 401, "Nobody is signed in", "Sign in at /sign-in, or send an API "
         "token: Authorization: Bearer …"),
    Kind("sign_in_failed", 401, "Nobody is signed in now", "Try again."),
    Kind("not_allowed", 403, "It is not yours to do", "Ask whoever has the role for it."),
    Kind("other_branch", 403, "It is another branch's", "Ask for one of your own branches."),
    Kind("forged", 403, "The request does not come from a page of this server",
         "Send X-CSRF-Token as GET /v1/session gives it."),
    Kind("not_found", 404, "There is no such page", "GET /docs lists what there is."),
    Kind("unknown_entity", 404, "The book does not have it", "Check the id."),
    Kind("unknown_regime", 404, "Loans are not graded by it", "GET /v1/regimes lists those."),
    Kind("method_not_allowed", 405, "The page does not take this method", "See the Allow header."),
    Kind("body_too_slow", 408, "The body took too long to arrive", "Send smaller bodies."),
    Kind("two_people", 409, "It needs another person", "Let somebody else decide it."),
    Kind("decided", 409, "It was decided before", "See what became of it."),
    Kind("already_open", 409, "It is open already", "Choose another id."),
    Kind("transaction_conflict", 409, "The transaction id is known with other content",
         "Give a new transaction a new id."),
    Kind("book_full", 409, "The book can count no more in this currency", "Begin another book."),
    Kind("rule_refused", 409, "A rule of the book forbids it", "See the detail."),
    Kind("ahead_of_log", 409, "The position lies ahead of the log",
         "The database may have been restored: read again from ?after=0."),
    Kind("too_large", 413, "The body is too large", "Split it into several requests."),
    Kind("unsupported_media_type", 415, "The content type is not taken",
         "Send application/json or application/x-ndjson, UTF-8, not compressed."),
    Kind("malformed", 422, "The message is not of the published schema", "GET /docs shows it."),
    Kind("invalid_request", 422, "A parameter is wrong", "See the errors listed."),
    Kind("all_refused", 422, "Every transaction was refused", "See each item's way out."),
    Kind("borrower_mismatch", 422, "It is another borrower's", "Check the ids."),
    Kind("currency_mismatch", 422, "The currency is another", "Use the loan's own currency."),
    Kind("invalid_amount", 422, "The amount cannot be taken", "Write it as a decimal string."),
    Kind("unknown_grade", 422, "The regime has no such grade", "GET /v1/regimes lists them."),
    Kind("regime_invalid", 422, "The regime cannot be used", "loanbell regimes check names why."),
    Kind("provision_rates", 422, "There are no rates for it", "Name a regime that has "
         "rates, or use the console with --rates FILE."),
    Kind("date_out_of_range", 422, "The date cannot be taken", "Write it as 2024-03-31."),
    Kind("user_refused", 422, "The user cannot be so", "See the detail."),
    Kind("erased", 410, "It was erased", "It cannot be had again."),
    Kind("too_many_tries", 429, "Signing in was tried too often", "Wait five minutes."),
    Kind("internal", 500, "LoanBell failed", "Nothing is half done: a request that is sent again "
         "with the same transaction ids counts once. Tell the operator the request id."),
    Kind("parquet_missing", 501, "This server cannot write Parquet", "Ask for format=csv, or "
         "install loanbell[parquet] on the server."),
    Kind("busy", 503, "LoanBell has too much work waiting", "Send it again after Retry-After."),
    Kind("unavailable", 503, "LoanBell cannot record now", "Send the same transactions again after "
         "Retry-After; those recorded meanwhile are answered as duplicates."),
    Kind("vault_closed", 503, "Sealed texts cannot be read or written", "See the log of the "
         "server; it needs the master key."),
    Kind("stale_version", 503, "Another writer was first", "Send it again."),
    Kind("store_unavailable", 503, "The database cannot be used", "See the log of the server."),
)  # fmt: skip
CATALOGUE: Mapping[str, Kind] = {kind.code: kind for kind in _CATALOGUE}
_BY_STATUS = {404: "not_found", 405: "method_not_allowed", 415: "unsupported_media_type"}
RETRY_AFTER_SECONDS = 2


class Problem(Exception):
    """A refusal of the HTTP layer itself; `code` is one of the catalogue."""

    def __init__(self, code: str, detail: str = "", *, way_out: str = "", **more: Any) -> None:
        super().__init__(code)
        self.kind = CATALOGUE[code]
        self.detail = detail
        self.way_out = way_out or self.kind.way_out
        self.more = more


def problem_of(error: LoanError) -> Problem:
    """The problem that tells of a refusal by the book."""
    code = error.code if error.code in CATALOGUE else "rule_refused"
    if code == "rule_refused" and isinstance(error, StoreUnavailable):
        code = "store_unavailable"
    return Problem(code, error.message, way_out=error.way_out)


def told(error: BaseException, cause: BaseException | None = None) -> str:
    """What an error may say to a client: an expected one its own words, any other only its kind.

    `cause` is what stopped the node, if something did: its words may be in those of `error`.
    """
    if isinstance(cause or error, LoanError):
        return str(error)
    return "An error stopped the node; its log says which."


def document_of(problem: Problem) -> dict[str, Any]:
    """The members of the problem document."""
    kind = problem.kind
    return {
        "type": f"/docs#problem-{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": problem.detail or f"{kind.title}.",
        "code": kind.code,
        "way_out": problem.way_out,
        **problem.more,
    }


def respond(problem: Problem, *, headers: Mapping[str, str] | None = None) -> Response:
    """The HTTP answer; 503 asks to come back after a moment."""
    sent = dict(headers or {})
    if problem.kind.status == 503:
        sent["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return Response(
        orjson.dumps(document_of(problem)),
        status_code=problem.kind.status,
        media_type=MEDIA_TYPE,
        headers=sent,
    )


async def on_problem(request: Request, error: Exception) -> Response:
    """Answer for `Problem`."""
    return respond(error) if isinstance(error, Problem) else respond(Problem("internal"))


async def on_loan_error(request: Request, error: Exception) -> Response:
    """Answer for a refusal by the book that a handler let through."""
    return respond(problem_of(error) if isinstance(error, LoanError) else Problem("internal"))


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer for what the framework refuses by itself: unknown page, wrong method."""
    if not isinstance(error, HTTPException):
        return respond(Problem("internal"))
    code = _BY_STATUS.get(error.status_code, "bad_json" if error.status_code < 500 else "internal")
    return respond(Problem(code), headers=error.headers)


async def on_invalid_request(request: Request, error: Exception) -> Response:
    """Answer for wrong parameters: where and why, without the value that was sent."""
    found: Sequence[Any] = error.errors() if isinstance(error, RequestValidationError) else ()
    if any(item["type"] == "json_invalid" for item in found):
        return respond(Problem("bad_json"))
    errors = [{"where": ".".join(map(str, item["loc"])), "why": str(item["msg"])} for item in found]
    detail = "; ".join(f"{item['where']}: {item['why']}" for item in errors)
    return respond(Problem("invalid_request", detail, errors=errors))
