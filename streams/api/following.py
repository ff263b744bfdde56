"""What one reader of the warnings stream gets: own branches, sealed texts opened, all audited.

The sign-in is looked at again with every piece and every heartbeat: a stream must not outlive it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from ledger.errors import LoanError
from ledger.events import BorrowersRead
from streams.api.access import Access, moment, person_of
from streams.api.feed import Shown, Told
from streams.api.guard import revealer
from streams.identity.person import Person
from streams.identity.service import Caller


async def follower(access: Access, request: Request, start: str) -> Shown:
    """What to ask with each piece of the stream that a request opens."""
    person = person_of(request)
    recheck: Callable[[], Caller | None] | None = getattr(request.state, "recheck", None)
    request_id = request.state.request_id
    reveal = revealer(access, person, "text/event-stream")

    async def shown(told: Sequence[Told]) -> bytes | None:
        if not person.signed_in:
            return await run_in_threadpool(_pieces, told, reveal)
        if not await run_in_threadpool(_still, recheck, person):
            return None
        mine, borrowers = await run_in_threadpool(_own, access, person, told)
        try:
            if borrowers:
                await access.trail.record(_read(person, request_id, borrowers, start))
        except LoanError:  # the stream ends, and the reader comes back where it was
            return None
        return await run_in_threadpool(_pieces, mine, reveal)

    return shown


def _pieces(told: Sequence[Told], reveal: Callable[[bytes], bytes]) -> bytes:
    return reveal(b"".join(item.frame for item in told))


def _still(recheck: Callable[[], Caller | None] | None, person: Person) -> bool:
    """Whether the same person is signed in with the same rights."""
    caller = recheck() if recheck is not None else None
    return caller is not None and caller.person == person


def _own(access: Access, person: Person, told: Sequence[Told]) -> tuple[list[Told], set[str]]:
    """The facts as they may be shown, and whom they are about."""
    mine, borrowers = [], set()
    for item in told:
        found = access.places.loan(item.loan_id) if item.loan_id else None
        if found is not None and person.covers(found.branch):
            mine.append(item)
            borrowers.add(found.borrower_id)
        else:
            mine.append(item._replace(frame=item.silent))
    return mine, borrowers


def _read(person: Person, request_id: str, borrowers: set[str], start: str) -> Any:
    return BorrowersRead(
        user_id=person.user_id,
        what="stream_warnings",
        subject=f"after {start}",
        borrower_ids=tuple(sorted(borrowers)),
        request_id=request_id,
        **moment(),
    )
