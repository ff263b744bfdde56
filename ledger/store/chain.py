"""The hash chain: each row's hash covers all of its columns and the hash before it.

chain = SHA-256(previous chain ‖ framing ‖ stream ‖ topic ‖ command id ‖ digest ‖ state), where the
framing holds position, version and the lengths, so that no two different rows frame alike. Knows
nothing of the database.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

START = bytes(32)
"""The chain hash before the first fact."""

Columns = tuple[int, str, int, str, bytes, str | None, bytes | None]
"""position, stream, version, topic, state, command id, command digest"""
Row = tuple[int, str, int, str, bytes, str | None, bytes | None, bytes]
"""`Columns` and the chain hash"""

_INT, _STR, _BYTES, _NONE = int, str, bytes, type(None)
_KINDS: tuple[tuple[type, ...], ...] = (
    (_INT,),
    (_STR,),
    (_INT,),
    (_STR,),
    (_BYTES,),
    (_STR, _NONE),
    (_BYTES, _NONE),
    (_BYTES,),
)
_COLUMNS = "position stream version topic state command_id command_digest chain".split()


def link(previous: bytes, columns: Columns) -> bytes:
    """The chain hash (32 bytes) of the row that follows `previous`."""
    position, stream, version, topic, state, command_id, digest = columns
    if command_id is None or digest is None:
        frame = f"{position} {version} {len(stream)} {len(topic)} - {len(state)}\n{stream}{topic}"
        return sha256(previous + frame.encode() + state).digest()
    frame = (
        f"{position} {version} {len(stream)} {len(topic)} {len(command_id)} {len(digest)} "
        f"{len(state)}\n{stream}{topic}{command_id}"
    )
    return sha256(previous + frame.encode() + digest + state).digest()


def fault_of(row: tuple[Any, ...], previous: bytes, position: int) -> str | None:
    """What is wrong with the row that should be at `position` after `previous`; None if nothing."""
    for column, kinds, value in zip(_COLUMNS, _KINDS, row, strict=True):
        if type(value) not in kinds:
            return f"{column} holds a {type(value).__name__}"
    if row[0] != position:
        return f"position {position} is missing: the next row is {row[0]}"
    if (row[5] is None) != (row[6] is None):
        return "a command id without its digest, or a digest without its command id"
    if link(previous, row[:7]) != row[7]:
        return (
            "its bytes and its hash do not agree: a stream, version, topic, state, command or hash "
            "was changed, or the row was moved"
        )
    return None
