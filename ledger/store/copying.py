"""Rows of facts in PostgreSQL's binary COPY format, packed here because it is fourfold as fast.

Knows the nine columns of a log's table and nothing else.
Source: PostgreSQL documentation, COPY, section Binary Format.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Any

_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_COLUMNS = 9
_START = Struct("!hiqi").pack  # number of fields; length and value of position; length of stream
_NUMBER_AND_LENGTH = Struct("!iqi").pack
_NUMBER = Struct("!iq").pack
_LENGTH = Struct("!i").pack


def copy_rows(cursor: Any, table: str, values: Sequence[Any]) -> None:
    """Add rows, given as one flat list of values, to the table of a log."""
    if values:
        with cursor.copy(f"COPY {table} FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(packed(values))


def packed(values: Sequence[Any]) -> bytes:
    """Rows as COPY reads them."""
    parts = [_SIGNATURE]
    add = parts.append
    rows = iter(values)
    for position, stream, version, topic, state, previous, command, digest, chain in zip(
        *[rows] * _COLUMNS, strict=True
    ):
        name, kind = stream.encode(), topic.encode()
        add(_START(_COLUMNS, 8, position, len(name)))
        add(name)
        add(_NUMBER_AND_LENGTH(8, version, len(kind)))
        add(kind)
        add(_LENGTH(len(state)))
        add(state)
        add(_NUMBER(8, previous))
        for value in (command.encode() if command is not None else None, digest, chain):
            if value is None:
                add(_NULL)
            else:
                add(_LENGTH(len(value)))
                add(value)
    add(_END)
    return b"".join(parts)
