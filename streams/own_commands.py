"""Commands of our own services as messages, so that they go the way of everybody's."""

from __future__ import annotations

from dataclasses import fields

import orjson

from ledger import closings
from ledger.commands import Command
from ledger.service import Incoming
from streams.translate import TYPE_OF
from warning import asking

DISPATCH = "dispatch:"
PROPOSAL = "proposal-"
RESERVED = (asking.PREFIX, DISPATCH, PROPOSAL, closings.PREFIX)
"""How transaction ids of our own services begin: they know their own facts by them, or ask for them
later under ids that anybody can foretell. Who sends from outside may not use them."""


def incoming_of(command: Command, source: str, place: int) -> Incoming:
    """A command as if its message had come, from a place of a source.

    What is kept of it where it is refused names its fields as the command does.
    """
    document = {
        field.name: getattr(command, field.name)
        for field in fields(command)
        if field.name != "recorded_at_us"
    }
    body = orjson.dumps({"type": TYPE_OF[type(command)], **document})
    return Incoming(
        command, None, body, source, place, command.recorded_at_us, command.transaction_id
    )
