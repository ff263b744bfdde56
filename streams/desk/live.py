"""What an open page hears: that a warning changed, and which; never what is said of it.

The page then asks for the row, as it asks for any page, so rights, language and the audit of what
was seen are in one place, and one feed serves readers of every branch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from streams.api.access import Access, person_of
from streams.api.feed import Shown, Told
from streams.identity import Person
from streams.identity.service import Caller

CHECK_SECONDS = 10.0
"""How long a page may hear of its branches after its sign-in has ended."""


def listener(access: Access, request: Request) -> Shown:
    """What to ask with each piece of the stream that a page opens."""
    person = person_of(request)
    recheck: Callable[[], Caller | None] | None = getattr(request.state, "recheck", None)
    loop = asyncio.get_running_loop()
    checked = loop.time()

    async def shown(told: Sequence[Told]) -> bytes | None:
        nonlocal checked
        if person.signed_in and loop.time() - checked > CHECK_SECONDS:
            if not await run_in_threadpool(_still, recheck, person):
                return None
            checked = loop.time()
        if not person.signed_in or person.bank_wide:
            return b"".join(map(_named, told))
        return await run_in_threadpool(_own, access, person, told)

    return shown


def _still(recheck: Callable[[], Caller | None] | None, person: Person) -> bool:
    caller = recheck() if recheck is not None else None
    return caller is not None and caller.person == person


def _own(access: Access, person: Person, told: Sequence[Told]) -> bytes:
    """Of other branches the position alone."""
    pieces = []
    for item in told:
        found = access.places.loan(item.loan_id) if item.loan_id else None
        mine = found is not None and person.covers(found.branch)
        pieces.append(_named(item) if mine else item.silent)
    return b"".join(pieces)


def _named(item: Told) -> bytes:
    if not item.warning_id:
        return item.silent
    return b"id: %d\nevent: warning\ndata: %s\n\n" % (item.position, item.warning_id.encode())
