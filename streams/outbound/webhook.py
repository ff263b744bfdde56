"""Contacts as signed webhooks, for an SMS gateway, an app's push service or a printer of letters.

The body is JSON, the headers are those of `streams.signing`; the id is the contact's, so a receiver
drops what it has. 2xx is taken; 410 and other 4xx but 408 and 429 say that it can never be; the
rest is tried again. No redirect is followed and no proxy of the environment is used.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

import orjson

from ledger.dates import now_us
from streams.outbound.letter import Letter, NotSent, Sent
from streams.signing import signed

_AGAIN = (408, 429)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Who is told. `delivers`: a 2xx answer means that the borrower has it."""

    url: str
    keys: tuple[bytes, ...]
    delivers: bool = False
    timeout_seconds: float = 10.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """No redirect is followed: it would carry the body elsewhere."""


class Webhook:
    """Posts to one receiver."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())

    def send(self, letter: Letter) -> Sent:
        """Post it. Errors: NotSent."""
        receiver, body = self._receiver, body_of(letter)
        headers = signed(
            receiver.keys,
            id_=letter.contact.contact_id,
            seconds=now_us() // 1_000_000,
            body=body,
        )
        request = urllib.request.Request(
            receiver.url, data=body, headers={"content-type": "application/json", **headers}
        )
        try:
            with self._opener.open(request, timeout=receiver.timeout_seconds):
                return Sent("delivered" if receiver.delivers else None)
        except urllib.error.HTTPError as error:
            with error:
                if 400 <= error.code < 500 and error.code not in _AGAIN:
                    return Sent("undelivered")
                raise NotSent(f"The receiver answered {error.code}.") from None
        except (OSError, HTTPException) as error:
            raise NotSent(f"The receiver was not reached: {type(error).__name__}.") from None


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
