"""What takes two people, over HTTP: grade overrides, write-offs, exemptions, erasures.

One proposes, another approves or declines; both are signed in, and the messages and the audit log
carry both. Where nobody signs in there are no two people, so nothing can be proposed. A core system
that sends such messages itself (Kafka, files, a publisher's token) answers for its own two people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ledger.dates import now_us as clock_us
from ledger.errors import UnknownEntity
from ledger.events import BorrowerErased, ProposalDecided
from streams.api.access import Access, Signed, moment, unknown
from streams.api.answers import Filters, Limit, json_answer
from streams.api.problems import Problem
from streams.api.shapes import WHOLE, WORDS, done, listed, or_null, record
from streams.api.wanted import ErasureAsked, ExemptionAsked, Reasoned, Wanted
from streams.identity.person import Person
from streams.identity.proposals import Proposal, Proposals, State
from streams.identity.rights import ACTIONS, TWO_PEOPLE
from streams.ingest import read

if TYPE_CHECKING:
    from streams.wiring import Node

ProposalId = Annotated[str, Path(pattern=r"^[0-9a-f]{20}$")]
_SHAPE = record(
    "Proposal",
    {
        "proposal_id": WORDS,
        "kind": {"type": "string", "enum": list(TWO_PEOPLE)},
        "state": {
            "type": "string",
            "enum": ["pending", "approving", "approved", "declined", "refused"],
        },
        "borrower_id": WORDS,
        "loan_id": or_null(WORDS),
        "branch": or_null(WORDS),
        "content": {"type": "object"},
        "reason": WORDS,
        "proposed_by": WORDS,
        "proposed_us": WHOLE,
        "decided_by": or_null(WORDS),
        "decided_us": or_null(WHOLE),
        "outcome": WORDS,
    },
)


_NAMES = {
    "grade_overridden": ("requested_by", "approved_by"),
    "grade_override_ended": ("requested_by", "approved_by"),
    "loan_closed": ("requested_by", "approved_by"),
    "officer_exempted": ("by", "approved_by"),
}
"""Where a message names the two, by its type."""


class Declining(Reasoned):
    """Why not."""


class ProposalsAsked(Filters):
    """Which proposals."""

    state: Literal["pending", "approving", "approved", "declined", "refused"] | None = None
    after: Annotated[str | None, Query(max_length=60)] = None
    limit: Limit = 100


class ProposalPages:
    """What the API and the desk do about proposals. `now_us`: when an approved one counts."""

    def __init__(self, node: Node, access: Access, *, now_us: Callable[[], int] = clock_us) -> None:
        self._node, self._access, self._now_us = node, access, now_us

    def _proposals(self) -> Proposals:
        return Proposals(self._access.identity.made())

    async def propose(self, wanted: Any, person: Person, request: Request) -> Response:
        """Keep a proposal. Errors: Problem, UnknownEntity."""
        if not person.signed_in:
            raise Problem("two_people", "Nobody signs in here, so nobody is two people.")
        if not person.roles & TWO_PEOPLE[wanted.kind][0]:
            await self._access.refuse(request, "role", wanted.kind)
            raise Problem("not_allowed", "Your roles do not propose it.")
        await self._refuse_own(getattr(wanted, "officer_id", ""), person, request)
        made = await run_in_threadpool(self._add, wanted, person)
        return json_answer(_told(made), status=201)

    def _add(self, wanted: Any, person: Person) -> Proposal:
        """Keep it. Errors: UnknownEntity, also for what is another branch's."""
        proposals = self._proposals()
        if isinstance(wanted, ErasureAsked):
            branches = self._access.places.branches_of(wanted.borrower_id)
            if not branches or not person.bank_wide:
                raise unknown()
            return proposals.add(
                kind=wanted.kind,
                borrower_id=wanted.borrower_id,
                loan_id=None,
                branch=None,
                content={},
                reason=wanted.reason,
                by=person.user_id,
            )
        of_case = isinstance(wanted, ExemptionAsked)
        places = self._access.places
        found = places.case(wanted.case_id) if of_case else places.loan(wanted.loan_id)
        if found is None or not person.covers(found.branch):
            raise unknown()
        return proposals.add(
            kind=wanted.kind,
            borrower_id=found.borrower_id,
            loan_id=None if of_case else wanted.loan_id,
            branch=found.branch,
            content=wanted.message(found.borrower_id),
            reason=wanted.reason,
            by=person.user_id,
        )

    def rows(self, asked: ProposalsAsked, person: Person) -> list[Proposal]:
        """Those that a person may see, newest first."""
        branches = None if person.branches is None else sorted(person.branches)
        return self._proposals().list(
            state=asked.state,
            kinds=_kinds(person),
            branches=branches,
            before=_place(asked.after),
            limit=asked.limit,
        )

    def page(self, asked: ProposalsAsked, person: Person) -> Response:
        """As `rows`, with a cursor."""
        found = self.rows(asked, person)
        last = found[-1] if len(found) == asked.limit else None
        cursor = None if last is None else f"{last.proposed_us}:{last.proposal_id}"
        return json_answer({"proposals": [*map(_told, found)], "next_cursor": cursor})

    def one(self, proposal_id: str, person: Person) -> Proposal:
        """Errors: UnknownEntity, also for what is another branch's."""
        found = self._proposals().find(proposal_id)
        theirs = found is not None and found.kind in _kinds(person)
        if found is None or not theirs or not person.covers(found.branch):
            raise UnknownEntity(
                "There is no such proposal.", way_out="GET /v1/proposals lists what there is."
            )
        return found

    async def decide(
        self, proposal_id: str, person: Person, request: Request, declined: str | None
    ) -> Response:
        """Decide as the second person: approve, or decline for the reason `declined`.

        Errors: Problem, UnknownEntity.
        """
        found = await run_in_threadpool(self.one, proposal_id, person)
        if not person.roles & TWO_PEOPLE[found.kind][1]:
            await self._access.refuse(request, "role")
            raise Problem("not_allowed", "Your roles do not decide it.")
        if found.proposed_by == person.user_id:
            await self._access.refuse(request, "own_proposal")
            raise Problem("two_people", "You proposed it yourself.")
        await self._refuse_own(found.content.get("officer_id", ""), person, request)
        taken = await run_in_threadpool(
            self._proposals().claim, proposal_id, person.user_id, declined=declined
        )
        await self._access.trail.record(_decision(taken, person, approved=declined is None))
        if declined is None:
            state, outcome = await self._carry_out(taken, person)
            await run_in_threadpool(self._proposals().settle, proposal_id, state, outcome)
        return json_answer(_told(await run_in_threadpool(self.one, proposal_id, person)))

    async def _refuse_own(self, officer_id: str, person: Person, request: Request) -> None:
        """Nobody takes part in what is about themselves. Errors: Problem "two_people"."""
        if officer_id.casefold() == person.user_id.casefold():
            await self._access.refuse(request, "own_exemption")
            raise Problem("two_people", "It is about yourself: two others decide it.")

    async def _carry_out(self, proposal: Proposal, person: Person) -> tuple[State, str]:
        """What became of it. Errors: what can be tried again."""
        if proposal.kind == "erasure":
            erased = BorrowerErased(
                borrower_id=proposal.borrower_id,
                reason=proposal.reason,
                requested_by=proposal.proposed_by,
                approved_by=person.user_id,
                **moment(),
            )
            vault = await run_in_threadpool(self._access.vault)
            await self._access.trail.record(erased)
            await run_in_threadpool(vault.drop, proposal.borrower_id)
            return "approved", "erased"
        message = orjson.dumps(_message(proposal, person))
        source = f"http:proposal:{proposal.proposal_id}"
        incoming = read(message, source=source, offset=1, accepted_us=self._now_us(), own=True)
        batch = await self._node.submit([incoming])
        outcome = batch.outcomes[0]
        if outcome.status == "refused":
            return "refused", f"{outcome.code}: {outcome.reason}"
        return "approved", outcome.event_id or ""


def _message(proposal: Proposal, person: Person) -> Mapping[str, Any]:
    """The message that a proposal becomes, with both names where its type has room for them."""
    content = {name: value for name, value in proposal.content.items() if value is not None}
    first, second = _NAMES.get(content["type"], ("", ""))
    named = {first: proposal.proposed_by, second: person.user_id} if first else {}
    return {**content, **named, "transaction_id": proposal.transaction_id}


def _decision(proposal: Proposal, person: Person, *, approved: bool) -> ProposalDecided:
    becomes = approved and proposal.kind != "erasure"
    return ProposalDecided(
        proposal_id=proposal.proposal_id,
        kind=proposal.kind,
        subject=proposal.loan_id or proposal.content.get("case_id", proposal.borrower_id),
        proposed_by=proposal.proposed_by,
        user_id=person.user_id,
        approved=approved,
        transaction_id=proposal.transaction_id if becomes else "",
        **moment(),
    )


def _told(proposal: Proposal) -> dict[str, Any]:
    return {name: getattr(proposal, name) for name in _SHAPE["properties"]}


def _kinds(person: Person) -> list[str]:
    """The kinds that a person may see: all who may read loans, else those they have a part in."""
    if person.roles & ACTIONS["read"]:
        return list(TWO_PEOPLE)
    return [kind for kind, both in TWO_PEOPLE.items() if any(person.roles & one for one in both)]


def _place(cursor: str | None) -> tuple[int, str] | None:
    if cursor is None:
        return None
    moment_us, _, last = cursor.partition(":")
    if not moment_us.isdecimal() or len(moment_us) > 18:
        raise Problem("invalid_request", "`after` is not a cursor.")
    return int(moment_us), last


def routes(node: Node, access: Access) -> APIRouter:
    """The routes of this module."""
    router = APIRouter(tags=["two people"], prefix="/v1/proposals")
    pages = ProposalPages(node, access)
    done_one = done(_SHAPE)

    @router.get(
        "",
        operation_id="list_proposals",
        summary="What waits for a second person, and what became of the rest",
        responses=done(
            record("Proposals", {"proposals": listed(_SHAPE), "next_cursor": or_null(WORDS)})
        ),
    )
    async def list_proposals(asked: Annotated[ProposalsAsked, Query()], person: Signed) -> Response:
        """Newest first; `state=pending` for those that wait."""
        return await run_in_threadpool(pages.page, asked, person)

    @router.get(
        "/{proposal_id}", operation_id="get_proposal", summary="One proposal", responses=done_one
    )
    async def get_proposal(proposal_id: ProposalId, person: Signed) -> Response:
        """Who proposed what and why, and what became of it."""
        return json_answer(_told(await run_in_threadpool(pages.one, proposal_id, person)))

    @router.post(
        "",
        operation_id="propose",
        summary="Propose what takes two people",
        status_code=201,
        responses={201: {**done_one[200], "description": "Made."}},
    )
    async def propose(wanted: Wanted, person: Signed, request: Request) -> Response:
        """A grade override or its end, a write-off, an exemption, an erasure."""
        return await pages.propose(wanted, person, request)

    _add_decisions(router, pages)
    return router


def _add_decisions(router: APIRouter, pages: ProposalPages) -> None:
    @router.post(
        "/{proposal_id}/approve",
        operation_id="approve_proposal",
        summary="Approve it as the second person",
        responses=done(_SHAPE),
    )
    async def approve(proposal_id: ProposalId, person: Signed, request: Request) -> Response:
        """It is carried out at once; `state` is then approved, or refused by a rule of the book."""
        return await pages.decide(proposal_id, person, request, None)

    @router.post(
        "/{proposal_id}/decline",
        operation_id="decline_proposal",
        summary="Decline it as the second person",
        responses=done(_SHAPE),
    )
    async def decline(
        proposal_id: ProposalId, asked: Declining, person: Signed, request: Request
    ) -> Response:
        """Nothing happens but that it is noted."""
        return await pages.decide(proposal_id, person, request, asked.reason)
