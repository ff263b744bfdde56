"""Bytes -> what the record agent takes: a command, or the reason why there is none.

The schema in `topics` is checked by its validator, then `translate` builds the command. Whether the
book allows it is the ledger's to say. Reads no clock: the caller passes the acceptance time for
messages that carry no `sent_at`, and the present where messages come in live.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import orjson
from pydantic import ValidationError

from ledger.collection_commands import ReportContact, RequestContact
from ledger.commands import CloseBusinessDay
from ledger.dates import date_of_us
from ledger.errors import DateOutOfRange, LoanError
from ledger.service import Incoming
from streams.fields import Shape
from streams.malformed import ReservedId, check_names, explain, too_large
from streams.message import MessageBase
from streams.moments import LAST_US, moment_us
from streams.own_commands import RESERVED
from streams.topics import MAX_MESSAGE_BYTES, MESSAGES
from streams.translate import COMMANDS

MOST_AHEAD_US = 86_400_000_000
"""How far a sender's clock may be ahead of ours: one day. What counts as recorded in the future
would close days that have not come, and no later message could open them again."""
MOST_CONTACT_AHEAD_US = 300_000_000
"""The same for a request to reach somebody, five minutes: it asks for now, and would be judged by
the rules of a later hour than the one in which the telephone rings."""
_BACKSLASH = ord("\\")
_validate = MESSAGES.validator.validate_json


def read(
    body: bytes,
    *,
    source: str,
    offset: int,
    accepted_us: int,
    clock_us: int | None = None,
    own: bool = False,
) -> Incoming:
    """One message as it came -> an `Incoming` with its command, or with the error.

    `source` and `offset` say where it came from; `accepted_us` is when it was taken in, in
    microseconds of UTC, and counts as `recorded_at_us` when the message has no `sent_at`. One of
    more than `MOST_AHEAD_US` after `clock_us` is refused; None where time is made up, as in a demo.
    `own`: our own services made it, so its transaction id may be one that is `RESERVED`.
    Never raises for what a sender can do wrong.
    """
    latest_us = LAST_US if clock_us is None else clock_us + MOST_AHEAD_US
    accepted_us = min(accepted_us, latest_us)
    if len(body) > MAX_MESSAGE_BYTES:
        return Incoming(None, too_large(len(body)), body, source, offset, accepted_us, None)
    try:
        message = _validate(body)
    except ValidationError as error:
        return _refused(body, explain(body, error), source, offset, accepted_us)
    recorded_at_us = accepted_us
    try:
        if not own and message.transaction_id.startswith(RESERVED):
            raise _reserved(message.transaction_id)
        if not _named_once(body, message) and not _parts_named_once(body, message):
            check_names(body)
        if message.sent_at is not None:
            sent_us = moment_us(message.sent_at, "sent_at")
            if sent_us > latest_us:
                raise _in_the_future(message.sent_at, latest_us)
            recorded_at_us = sent_us
        command = COMMANDS[message.__class__](message, recorded_at_us)
        if clock_us is not None and type(command) in (RequestContact, ReportContact):
            _check_contact(getattr(command, "made_at_us", recorded_at_us), clock_us)
    except LoanError as error:
        return _refused(body, error, source, offset, recorded_at_us)
    known = message.transaction_id
    return Incoming(command, None, body, source, offset, recorded_at_us, known, message.borrower_id)


def read_many(
    bodies: Iterable[bytes],
    *,
    source: str,
    first_offset: int,
    accepted_us: int,
    clock_us: int | None = None,
) -> list[Incoming]:
    """Messages in order -> Incomings with offsets counting up from `first_offset`; as `read`."""
    return [
        read(body, source=source, offset=offset, accepted_us=accepted_us, clock_us=clock_us)
        for offset, body in enumerate(bodies, start=first_offset)
    ]


def _check_contact(at_us: int, clock_us: int) -> None:
    """Errors: DateOutOfRange for reaching somebody at a later time than now."""
    if at_us > clock_us + MOST_CONTACT_AHEAD_US:
        raise DateOutOfRange(
            "The contact is said to be of a later time than now.",
            way_out="Ask when it is to be made, or say queue to have it wait.",
        )


def _in_the_future(text: str, latest_us: int) -> DateOutOfRange:
    return DateOutOfRange(
        f"sent_at is {text}, in the future.",
        way_out=f"Send when it is sent, {date_of_us(latest_us)} (UTC) at the latest.",
    )


def _reserved(transaction_id: str) -> ReservedId:
    return ReservedId(
        f"transaction_id is {transaction_id}, as only LoanBell itself names transactions.",
        way_out=f"Send an id that does not begin with {', '.join(RESERVED)}.",
    )


def close_of_day(day: date, *, recorded_at_us: int, source: str, offset: int) -> Incoming:
    """The close of `day` as if its message had come; its transaction id is "close-" + the date."""
    transaction_id = f"close-{day.isoformat()}"
    body = orjson.dumps(
        {"transaction_id": transaction_id, "type": "business_day_closed", "value_date": day}
    )
    command = CloseBusinessDay(
        transaction_id=transaction_id, value_date=day, recorded_at_us=recorded_at_us
    )
    return Incoming(command, None, body, source, offset, recorded_at_us, transaction_id)


def _named_once(body: bytes, message: MessageBase) -> bool:
    """Whether it is plain at a glance that no field is named twice; in doubt False.

    Without escapes there is one colon a field, repeated ones too, and those in values: in flat
    messages only moments and transaction ids have some. Nested shapes leave a doubt, and so does a
    text with a colon. 0.8 µs for a movement that takes 18 to read on a busy machine;
    going through its names takes 6.
    """
    if _BACKSLASH in body:
        return False
    colons = len(message.__pydantic_fields_set__) + message.transaction_id.count(":")
    if message.sent_at is not None:
        colons += message.sent_at.count(":")
    return body.count(b":") == colons


def _parts_named_once(body: bytes, message: MessageBase) -> bool:
    """The same of a message that holds other shapes, such as the rows of a schedule."""
    if _BACKSLASH in body:
        return False
    names, shapes = 0, list[Any]((message,))
    for shape in shapes:  # It grows meanwhile, by no more than the schema has levels.
        names += len(shape.__pydantic_fields_set__)
        for value in shape.__dict__.values():
            inner = value if type(value) is tuple or type(value) is list else (value,)
            shapes += [each for each in inner if isinstance(each, Shape)]
    colons = message.transaction_id.count(":") + (message.sent_at or "").count(":")
    return body.count(b":") == names + colons


def _refused(body: bytes, error: LoanError, source: str, offset: int, at_us: int) -> Incoming:
    return Incoming(None, error, body, source, offset, at_us, _transaction_id(body))


def _transaction_id(body: bytes) -> str | None:
    """The transaction id of a message that is otherwise wrong, so that its sender can find it."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    found = document.get("transaction_id") if isinstance(document, dict) else None
    if not isinstance(found, str) or not 1 <= len(found) <= 128:
        return None
    return found if all("!" <= letter <= "~" for letter in found) else None
