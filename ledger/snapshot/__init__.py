"""State in memory as numbered columns, and back: what a snapshot of the watch or of the views is.

A graph of our own objects is laid out by type instead of by object: of many equal things, each
attribute is one column, a numpy array wherever it can be, so that hundreds of thousands of loans
cost a few array copies. `thaw` fills a newly made graph in place and keeps its wiring (functions,
classes); nothing of a snapshot is ever run, and only classes of this project are made. What a
layout means is the code that wrote it: a snapshot is of use to that code alone (`code_digest`).
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ledger.process import no_cycle_hunting
from ledger.snapshot.arrays import narrowed, restored, stored
from ledger.snapshot.freezer import Column, Freezer
from ledger.snapshot.thawer import SnapshotUnusable, Thawer

__all__ = ["Frozen", "SnapshotUnusable", "code_digest", "freeze", "thaw"]

FORMAT = 2
_LEVEL = 1  # of zlib: three times as fast as the default, a tenth larger
_HEAD = struct.Struct("<IQQ")


class Frozen:
    """What `freeze` copied: the graph may go on changing while it is `packed`."""

    def __init__(
        self, column: Column, arrays: Sequence[Any], texts: Sequence[Sequence[str]]
    ) -> None:
        self._column, self._arrays, self._texts = column, arrays, texts

    def packed(self) -> bytes:
        """As bytes. Takes several times as long as the copying; gives way to other threads."""
        known: dict[str, int] = {}
        codes = [narrowed([known.setdefault(t, len(known)) for t in part]) for part in self._texts]
        kept = [*map(stored, chain(self._arrays, codes))]
        shapes = [shape for _, shape in kept]
        layout = orjson.dumps([self._column, shapes, [*known], len(codes)])
        size = sum(values.nbytes for values, _ in kept)
        packer = zlib.compressobj(_LEVEL)
        packed = [_HEAD.pack(FORMAT, len(layout), size), packer.compress(layout)]
        for values, _ in kept:
            if values.size:
                packed.append(packer.compress(values.data.cast("B")))
        return b"".join([*packed, packer.flush()])


def freeze(root: object, names: Mapping[str, object]) -> Frozen:
    """`root` and all that it holds; what has one of `names` is only named there.

    Errors: TypeError for a thing that no snapshot can hold.
    """
    named = {id(thing): name for name, thing in names.items()}
    freezer = Freezer(named, {*map(type, names.values())})
    with no_cycle_hunting():
        return Frozen(freezer.column([root]), freezer.arrays, freezer.texts)


def thaw(root: object, names: Mapping[str, object], state: bytes) -> None:
    """Fill the new `root` with what `freeze` laid out. Half filled where it fails.

    Errors: SnapshotUnusable.
    """
    try:
        found, size, rest = _HEAD.unpack_from(state)
        if found != FORMAT:
            raise SnapshotUnusable(f"It has format {found}, this LoanBell reads {FORMAT}.")
        packed = memoryview(state)[_HEAD.size :]
        held = memoryview(zlib.decompress(packed, bufsize=max(1, size + rest)))
        with no_cycle_hunting():
            column, shapes, known, parts = orjson.loads(held[:size])
            arrays = [*restored(held[size:], shapes)]
            start = len(arrays) - parts
            texts = [[*map(known.__getitem__, codes.tolist())] for codes in arrays[start:]]
            (there,) = Thawer(names, arrays[:start], texts).values(column, [root])
    except (struct.error, zlib.error, orjson.JSONDecodeError, LookupError, ValueError,
            TypeError, AttributeError) as error:  # fmt: skip
        raise SnapshotUnusable(f"It cannot be read: {error!r}.") from error
    if there is not root:
        raise SnapshotUnusable("It is of something else.")


@cache
def code_digest(*packages: str) -> str:
    """SHA-256 of the source of `packages`, which says what a snapshot's layout means."""
    digest = sha256(f"{FORMAT} {np.__version__}".encode())
    for package in packages:
        for folder in sys.modules[package].__path__:
            for path in sorted(Path(folder).rglob("*.py")):
                digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
                digest.update(path.read_bytes())
    return digest.hexdigest()
