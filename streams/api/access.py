"""Whether a person may do what a request asks, of the thing that it names, and the audit of it.

What `rights` say by route, and whose the loan, warning or borrower in the path is. Something of
another branch is answered as if it were not there, so that nobody learns who borrows elsewhere.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Annotated, Any, Protocol

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from ledger.dates import date_of_us, now_us
from ledger.errors import UnknownEntity
from ledger.events import AccessRefused, Acted, Administered, SignedIn
from ledger.store import FactLog
from streams import parts
from streams.api.places import Belonging, Book, Places
from streams.api.problems import Problem
from streams.identity.person import ANYBODY, Person
from streams.identity.rights import PUBLIC, RIGHTS, Right, why_not
from streams.identity.service import Identity
from streams.identity.trail import Trail
from streams.identity.vault import Vault
from streams.settings import Settings, SettingsError

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_NAMES = frozenset({"case_id", "loan_id", "warning_id"})
_FIRST_FACTS = 1_000
"""Among so many of the audit log is the adding of a user, where one was ever added."""
_WHY = {
    "role": "Your roles do not allow it.",
    "branch": "It is about the whole bank, and not all branches are yours.",
    "token_scope": "The token's scopes do not allow it.",
    "unlisted": "Nobody has a right to it.",
}


class AskedBook(Book, Protocol):
    """What access wants of a node or of all partitions."""

    settings: Settings


class Access:
    """Identity, audit trail, keys and whereabouts of one process.

    Errors: SettingsError when people signed in here once, and there are no users any more.
    """

    def __init__(self, book: AskedBook, *, ledger: Any, audit: FactLog) -> None:
        self.settings = book.settings
        self.identity = Identity(parts.people_place(book.settings), book.settings.sign_in)
        _refuse_lost_users(self.identity, audit)
        self.trail = Trail(audit, self.identity.tables)
        self.places = Places(book, ledger)
        self._vault: Vault | None = None
        self._opening = threading.Lock()

    def vault(self) -> Vault:
        """The keys of borrowers, opened when they are first wanted. Errors: VaultClosed."""
        with self._opening:
            if self._vault is None:
                self._vault = parts.open_vault(self.settings)
            return self._vault

    def close(self) -> None:
        """Let go of the tables of people and keys."""
        self.identity.close()
        with self._opening:
            if self._vault is not None:
                self._vault.close()
                self._vault = None

    async def authorise(self, request: Request) -> None:
        """Errors: Problem "sign_in_required", "not_allowed", "other_branch"; UnknownEntity."""
        name = operation_of(request.scope)
        state, person = request.state, person_of(request)
        state.operation = name
        if name in PUBLIC:
            return
        if not person.signed_in:
            if state.required:
                raise Problem("sign_in_required")
            return
        right = RIGHTS.get(name)
        why = "unlisted" if right is None else why_not(person, right)
        if right is None or why is not None:
            await self.refuse(request, why or "unlisted")
            raise Problem("not_allowed", _WHY.get(why or "", ""))
        await self._check_branch(request, person, right)
        if request.method not in SAFE_METHODS and right.action is not None:
            await self.trail.record(
                Acted(
                    user_id=person.user_id,
                    what=name,
                    subject=subject_of(request),
                    request_id=state.request_id,
                    **moment(),
                )
            )

    async def refuse(self, request: Request, why: str, subject: str | None = None) -> None:
        """Put a refusal on the trail."""
        await self.trail.record(
            AccessRefused(
                user_id=person_of(request).user_id,
                what=getattr(request.state, "operation", ""),
                subject=subject_of(request) if subject is None else subject,
                why=why,
                request_id=request.state.request_id,
                **moment(),
            )
        )

    async def _check_branch(self, request: Request, person: Person, right: Right) -> None:
        for branch in request.query_params.getlist("branch"):
            if right.scope == "branch" and not person.covers(branch):
                await self.refuse(request, "branch", f"branch {branch[:64]}")
                raise Problem("other_branch")
        if not person.bank_wide and "borrower_id" in request.path_params:
            borrower_id = request.path_params["borrower_id"]
            branches = await run_in_threadpool(self.places.branches_of, borrower_id)
            if not any(map(person.covers, branches)):
                await self.refuse(request, "branch")
                raise unknown()
        if not _NAMES & request.path_params.keys():
            return
        found = await run_in_threadpool(self._belonging, request.path_params)
        if found is None:
            if person.bank_wide:
                return  # the handler says what there is
            raise unknown()
        if not person.covers(found.branch):
            await self.refuse(request, "branch")
            raise unknown()
        request.state.borrowers.add(found.borrower_id)

    def _belonging(self, path: Mapping[str, Any]) -> Belonging | None:
        """Whose that is what the path names."""
        if "loan_id" in path:
            return self.places.loan(path["loan_id"])
        if "case_id" in path:
            return self.places.case(path["case_id"])
        return self.places.warning(path["warning_id"]) if "warning_id" in path else None


def _refuse_lost_users(identity: Identity, audit: FactLog) -> None:
    """A book whose users are lost is not opened to everybody. Errors: SettingsError."""
    if identity.mode != "auto" or identity.required:
        return
    first = audit.read(limit=_FIRST_FACTS)
    if any(isinstance(item.fact, Administered | SignedIn) for item in first):
        identity.close()
        raise SettingsError(
            "People signed in to this book, and now there are no users.",
            way_out="Bring users.db back, add a user (loanbell users add), or say --open.",
        )


def unknown() -> UnknownEntity:
    """What is not there, or is another branch's: nobody learns which."""
    return UnknownEntity(
        "The book does not have it, or it is another branch's.",
        way_out="The lists show what there is.",
    )


def operation_of(scope: Mapping[str, Any]) -> str:
    """The name of a route in the tables of rights: its operation id, else its path."""
    route: Any = scope.get("route")
    return str(getattr(route, "operation_id", None) or getattr(route, "path", ""))


def subject_of(request: Request) -> str:
    """The ids in the path, for the audit."""
    return " ".join(str(value) for value in request.path_params.values())[:200]


def moment() -> dict[str, Any]:
    """When an audit fact was recorded."""
    now = now_us()
    return {"value_date": date_of_us(now), "recorded_at_us": now}


async def authorise(request: Request) -> None:
    """Stands before every route of the application."""
    access: Access | None = getattr(request.app.state, "access", None)
    if access is not None:
        await access.authorise(request)


def person_of(request: Request) -> Person:
    """Who asks."""
    person: Person = getattr(request.state, "person", ANYBODY)
    return person


Signed = Annotated[Person, Depends(person_of)]
"""A parameter of a handler: who asks."""


def branches_of(person: Person, asked: str | None) -> str | tuple[str, ...] | None:
    """The branches that a list is narrowed to: the one asked for, else the person's own."""
    if asked is not None or person.branches is None:
        return asked
    return tuple(sorted(person.branches))


def branch_of(person: Person, asked: str | None) -> str | None:
    """The one branch that a figure is of, for whoever has not all of them.

    Errors: Problem "invalid_request" when they have several and named none.
    """
    if asked is not None or person.branches is None:
        return asked
    if len(person.branches) > 1:
        own = ", ".join(sorted(person.branches))
        raise Problem("invalid_request", "Name one of your branches.", way_out=f"branch= {own}")
    return next(iter(person.branches))


def note_borrowers(request: Request, borrower_ids: Any) -> None:
    """Say that a page shows something about borrowers, where its text does not name them."""
    request.state.borrowers.update(borrower_ids)
