"""What every page of the desk works with: the node, who asks, and the frame around what is shown.

Reads nothing of a borrower itself. After something was done it waits until the views have read it,
so that the page that follows shows it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from ledger.store import LEDGER_LOG, WARNINGS_LOG
from projections.queries import Answer, CaseFilter
from streams import parts
from streams.api.access import Access, branch_of, branches_of, note_borrowers
from streams.api.feed import Feed
from streams.api.problems import Problem
from streams.desk.clock import clock_of
from streams.desk.frame import render
from streams.desk.reach import Reaches
from streams.desk.visitor import csrf_of, person_of
from streams.desk.words import catalogue
from streams.identity import ACTIONS
from streams.identity.rights import TWO_PEOPLE, Action
from streams.treating import strategy_of

if TYPE_CHECKING:
    from streams.wiring import Node

P = ParamSpec("P")
T = TypeVar("T")
SEEN_SECONDS = 3.0
_ABOUT = re.compile(rb'(?:href="/desk/borrowers/|data-borrower=")([A-Za-z0-9._-]{1,64})"')


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the navigation: where it leads, what it is called, who may go there."""

    name: str
    path: str
    action: Action


PLACES = (
    Place("my_day", "/desk", "read"),
    Place("warnings", "/desk/warnings", "read"),
    Place("cases", "/desk/cases", "read"),
    Place("loans", "/desk/loans", "read"),
    Place("portfolio", "/desk/portfolio", "read"),
    Place("team", "/desk/team", "read"),
    Place("proposals", "/desk/proposals", "proposals"),
    Place("rules", "/desk/rules", "read"),
    Place("audit", "/desk/audit", "audit"),
)


class Desk:
    """The desk over one node."""

    def __init__(
        self, node: Node, feed: Feed, access: Access, *, now_us: Callable[[], int] | None = None
    ) -> None:
        self.node, self.feed, self.access = node, feed, access
        self.reaches = Reaches(
            node.store.ledger,
            {rules.name: rules for rules in parts.contact_rules_of(node.settings)},
        )
        self.now_us = now_us or clock_of(node)
        self.strategy = strategy_of(node.settings)

    def may(self, request: Request, action: Action) -> bool:
        """Whether whoever asks has a role for `action` at all."""
        return bool(person_of(request).roles & ACTIONS[action])

    @property
    def queries(self) -> Any:
        """What the views know."""
        return self.node.queries

    def segments(self, language: str) -> dict[str, str]:
        """The segments of the strategy in force by name, as people call them."""
        rows = self.strategy.rows if self.strategy is not None else ()
        return {row.name: row.title.in_language(language) for row in rows}

    def reader(self, request: Request) -> None:
        """That whoever sends a form may see what its page shows. Errors: Problem "not_allowed"."""
        if not self.may(request, "read"):
            raise Problem("not_allowed", "Your roles do not read loans.")

    def branches(self, request: Request, asked: str | None) -> Any:
        """The branches that a list is narrowed to: the one asked for, else the person's own."""
        return branches_of(person_of(request), asked)

    def one_branch(self, request: Request, asked: str | None) -> str | None:
        """The one branch that a figure is of. Errors: Problem when they have several."""
        return branch_of(person_of(request), asked)

    def open_cases(self, borrower_id: str, loan_id: str) -> list[Answer]:
        """The open cases of a borrower that a loan is in."""
        rows = self.queries.cases(CaseFilter(borrower_id=borrower_id, open=True)).rows
        return [row for row in rows if loan_id in row["loan_ids"]]

    def seal(self, request: Request, borrower_id: str, text: str, context: str) -> str:
        """What a person wrote, as it goes into a fact: sealed where people sign in."""
        if not person_of(request).signed_in or not text:
            return text
        return self.access.vault().seal(borrower_id, text, context)

    async def read(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking read in a thread."""
        return await run_in_threadpool(work, *args, **kwargs)

    async def page(
        self, request: Request, template: str, *, status: int = 200, **shown: Any
    ) -> Response:
        """A page in the frame, rendered in a thread: long lists must not hold up the others.

        Whom it is about goes to the audit: every page links or marks the borrowers it shows.
        """
        answer = await run_in_threadpool(
            render, request, template, status=status, **{**self.frame(request), **shown}
        )
        note_borrowers(request, {found.decode() for found in _ABOUT.findall(answer.body)})
        return answer

    def frame(self, request: Request) -> dict[str, Any]:
        """What the frame shows: who asks, where they may go, the open day, what was just done."""
        person = person_of(request)
        health, here = self.node.health(), _place_of(request.url.path)
        return {
            "nav": [
                {"name": place.name, "path": place.path, "here": place.name == here}
                for place in PLACES
                if person.roles & ACTIONS[place.action]
            ],
            "person": person if person.signed_in else None,
            "csrf": csrf_of(request),
            "business_date": health.business_date,
            "zone": self.node.settings.time_zone,
            "version": installed_version("loanbell"),
            "may_act": self.may(request, "act"),
            "may_propose": [
                kind
                for kind, (who, _) in TWO_PEOPLE.items()
                if person.signed_in and person.roles & who
            ],
            "done": _done(request),
        }

    async def seen(self) -> None:
        """Until the views have read all that is recorded now, or for three seconds."""
        loop = asyncio.get_running_loop()
        until = loop.time() + SEEN_SECONDS
        wanted = self.node.health().positions
        while loop.time() < until:
            health = self.node.health()
            read = {
                log: health.positions[log] - health.lags["project", log]
                for log in (LEDGER_LOG, WARNINGS_LOG)
            }
            if all(read[log] >= wanted[log] for log in read):
                return
            await self.node.moved(within_seconds=0.2)

    async def seen_warnings(self, position: int) -> None:
        """Until the views have read the warnings log up to `position`, or for three seconds."""
        loop = asyncio.get_running_loop()
        until = loop.time() + SEEN_SECONDS
        while loop.time() < until:
            health = self.node.health()
            if health.positions[WARNINGS_LOG] - health.lags["project", WARNINGS_LOG] >= position:
                return
            await self.node.moved(within_seconds=0.2)


def _place_of(path: str) -> str:
    """The entry of the navigation that a page is under."""
    if path.startswith("/desk/borrowers/"):
        return "loans"
    inside = (place.name for place in PLACES[1:] if f"{path}/".startswith(f"{place.path}/"))
    return next(inside, PLACES[0].name if path == PLACES[0].path else "")


def _done(request: Request) -> str:
    """The word of what the last form did, if it is one that we say."""
    word = request.query_params.get("done", "")
    return word if f"done.{word}" in catalogue() else ""
