"""The hash chain: each row's hash covers all of its columns and the hash before it.

chain = SHA-256(previous chain ‖ position, previous position, version, stream, topic and command id,
each ended by a NUL ‖ command digest ‖ state). No text holds a NUL and a digest has a fixed length,
so no two different rows frame alike. Knows nothing of the database.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from ledger.codec import DIGEST_BYTES

START = bytes(32)
"""The chain hash before the first fact."""

Row = tuple[int, str, int, str, bytes, int, str | None, bytes | None, bytes]
"""position, stream, version, topic, state, previous, command id, command digest, chain hash;
`previous` is the position of the row before in the stream, 0 for none"""

_join = b"".join
_TEXTS = (1, 3, 6)
_NONE = type(None)
_KINDS: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("position", (int,)),
    ("stream", (str,)),
    ("version", (int,)),
    ("topic", (str,)),
    ("state", (bytes,)),
    ("previous", (int,)),
    ("command_id", (str, _NONE)),
    ("command_digest", (bytes, _NONE)),
    ("chain", (bytes,)),
)


def link(
    chain: bytes,
    position: int,
    stream: str,
    version: int,
    topic: str,
    state: bytes,
    previous: int,
    command_id: str | None,
    digest: bytes | None,
) -> bytes:
    """The chain hash (32 bytes) of the row that follows `chain`; arguments as in `Row`."""
    if command_id is None or digest is None:
        frame = f"{position}\0{previous}\0{version}\0{stream}\0{topic}\0".encode()
        return sha256(_join((chain, frame, state))).digest()
    frame = f"{position}\0{previous}\0+{version}\0{stream}\0{topic}\0{command_id}\0".encode()
    return sha256(_join((chain, frame, digest, state))).digest()


def fault_of(row: tuple[Any, ...], chain: bytes, position: int) -> str | None:
    """What is wrong with the row that should be at `position` after `chain`; None if nothing."""
    for (column, kinds), value in zip(_KINDS, row, strict=True):
        if type(value) not in kinds:
            return f"{column} holds a {type(value).__name__}"
    if row[0] != position:
        return f"position {position} is missing: the next row is {row[0]}"
    if any("\0" in (row[text] or "") for text in _TEXTS):
        return "a text holds a NUL"
    if len(row[7] or b"") != (0 if row[6] is None else DIGEST_BYTES):
        return "a command id without its digest, or a digest without its command id"
    if link(chain, *row[:8]) != row[8]:
        return (
            "its bytes and its hash do not agree: a stream, version, topic, state, command or hash "
            "was changed, or the row was moved"
        )
    return None
