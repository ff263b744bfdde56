"""What people ask of a partition's owner: it comes through the topic, among the transactions.

A process that only reads the partitions (`loanbell api`) cannot write to them; it puts what is
asked at the end of the partition's topic. The owner does it once: an action's facts and the offset
it came with are one commit in the warnings log. What it refuses is a refusal in the ledger log, as
of any message. Headers tell such a delivery from a transaction.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import TypeAdapter, ValidationError

from ledger.errors import LoanError, MalformedMessage, StoreUnavailable
from ledger.service import Incoming
from streams.kafka import Delivery, Outgoing
from warning.actions import (
    AcknowledgeWarning,
    FindFalse,
    StartAction,
    SuppressWarning,
    WarningAction,
)

if TYPE_CHECKING:
    from streams.wiring import Node

ACTION_HEADER = "loanbell-action"
"""Which action of a person a delivery asks for; its fields are the value."""
RESUME_HEADER = "loanbell-resume"
"""Which receiver of webhooks to resume; the value is b"skip" or empty."""
REQUEST_HEADER, TRACE_HEADER = "loanbell-request", "traceparent"
"""The ids of the HTTP request behind a delivery."""
MOST_ID = 128
"""Characters of a request's id that are kept with a refusal."""

_KINDS: Mapping[str, type[Any]] = {
    "acknowledge": AcknowledgeWarning,
    "start": StartAction,
    "dismiss": FindFalse,
    "suppress": SuppressWarning,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_READERS = {name: TypeAdapter(kind) for name, kind in _KINDS.items()}

log = logging.getLogger("loanbell.controls")


def asked(action: WarningAction, *, headers: Mapping[str, str]) -> Outgoing:
    """The message that asks for an action. `headers` go along, to be found in logs."""
    name = _NAMES[type(action)]
    sent = [(ACTION_HEADER, name.encode())]
    sent += [(header, value.encode()) for header, value in headers.items()]
    return Outgoing(None, orjson.dumps(asdict(action)), sent)


def resuming(name: str, *, skip: bool) -> Outgoing:
    """The message that asks to resume a receiver of webhooks."""
    return Outgoing(None, b"skip" if skip else b"", [(RESUME_HEADER, name.encode())])


def is_control(delivery: Delivery) -> bool:
    """Whether a delivery asks something of the owner, and is no transaction."""
    return ACTION_HEADER in delivery.headers or RESUME_HEADER in delivery.headers


def say_request(source: str, delivery: Delivery) -> None:
    """A line that leads from the HTTP request behind a delivery to its offset, if there was one."""
    asked_by = delivery.headers.get(REQUEST_HEADER)
    if asked_by is not None:
        ids = {"request_id": asked_by, TRACE_HEADER: delivery.headers.get(TRACE_HEADER, b"")}
        told = {name: value.decode(errors="replace") for name, value in ids.items() if value}
        log.debug("came", extra={"source": source, "offset": delivery.offset, **told})


async def carry_out(node: Node, delivery: Delivery, source: str) -> Incoming | None:
    """Do what a delivery asks, once; returns what is to be recorded as refused, if it was.

    A refusal belongs into the commit that moves the ledger past the delivery: before it, the
    delivery comes again. `source`: as what its offset is tracked. Errors: StoreUnavailable,
    NodeStopped.
    """
    warnings, place = node.store.warnings, {source: delivery.offset}
    say_request(source, delivery)
    if delivery.offset <= await asyncio.to_thread(warnings.tracked, source):
        return None
    about = source
    try:
        if RESUME_HEADER in delivery.headers:
            name = delivery.headers[RESUME_HEADER].decode(errors="replace")
            await node.deliveries.resume(name, delivery.value == b"skip")
        else:
            action = _action(delivery)
            about = asked_about(action.warning_id)
            await node.act(action, at_us=delivery.at_us, tracking=place)
            return None
    except StoreUnavailable:
        raise
    except LoanError as refused:
        log.warning("asked at offset %d of %s and refused: %s", delivery.offset, source, refused)
        return _refused(delivery, refused, about)
    await asyncio.to_thread(warnings.record, [], tracking=place)
    return None


def asked_about(warning_id: str) -> str:
    """The source under which refused actions about a warning are recorded."""
    return f"action:{warning_id}"


def _refused(delivery: Delivery, error: LoanError, source: str) -> Incoming:
    """What was asked, as a message that is refused; its id is that of the HTTP request."""
    named = delivery.headers.get(REQUEST_HEADER, b"").decode(errors="replace")[:MOST_ID]
    return Incoming(
        None, error, delivery.value, source, delivery.offset, delivery.at_us, named or None
    )


def _action(delivery: Delivery) -> WarningAction:
    """Errors: MalformedMessage."""
    name = delivery.headers[ACTION_HEADER].decode(errors="replace")
    if name not in _READERS:
        raise MalformedMessage(f"{name!r} is no action.", way_out=f"Known: {', '.join(_KINDS)}.")
    try:
        action: WarningAction = _READERS[name].validate_json(delivery.value)
    except ValidationError:
        raise MalformedMessage(f"These are not the fields of {name}.") from None
    return action
