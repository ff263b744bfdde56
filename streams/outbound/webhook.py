"""Contacts as signed webhooks, for an SMS gateway, an app's push service or a printer of letters.

The body is JSON, the headers are those of `streams.signing`; the id is the contact's, so a receiver
drops what it has. 2xx is taken; 410 and other 4xx but 408 and 429 say that it can never be; the
rest is tried again. How it is sent, and what is never called: `streams.post`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import orjson

from ledger.dates import now_us
from streams.outbound.letter import Letter, NotSent, Sent
from streams.post import Post, Reply, Unanswered
from streams.signing import signed

_AGAIN = (408, 429)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """Who takes contacts. `delivers`: a 2xx answer means that the borrower has it.

    `url` and `keys` are never shown: a URL may hold a token.
    """

    url: str = field(repr=False)
    keys: tuple[bytes, ...] = field(repr=False)
    delivers: bool = False
    timeout_seconds: float = 10.0


class Webhook:
    """Posts to one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def send(self, letter: Letter) -> Sent:
        """Post it. Errors: NotSent."""
        try:
            status = asyncio.run(self._posted(letter)).status
        except Unanswered as error:
            raise NotSent(f"The gateway was not reached: {error.message}") from None
        if 200 <= status < 300:
            return Sent("delivered" if self._gateway.delivers else None)
        if 400 <= status < 500 and status not in _AGAIN:
            return Sent("undelivered")
        raise NotSent(f"The gateway answered {status}.")

    async def _posted(self, letter: Letter) -> Reply:
        gateway, body = self._gateway, body_of(letter)
        names = signed(
            gateway.keys, id_=letter.contact.contact_id, seconds=now_us() // 1_000_000, body=body
        )
        post = Post(timeout_seconds=gateway.timeout_seconds)
        try:
            return await post.send(gateway.url, {"content-type": "application/json", **names}, body)
        finally:
            await post.close()


def body_of(letter: Letter) -> bytes:
    """The contact as JSON."""
    contact = letter.contact
    return orjson.dumps(
        {
            "contact_id": contact.contact_id,
            "case_id": contact.case_id,
            "borrower_id": contact.borrower_id,
            "loan_ids": contact.loan_ids,
            "channel": contact.channel,
            "agency": contact.agency,
            "address": letter.address,
            "language": letter.language,
            "tone": letter.tone,
            "subject": letter.subject,
            "text": letter.text,
            "values": letter.values,
            "not_before_us": contact.at_us,
            "before_us": contact.until_us,
        }
    )
