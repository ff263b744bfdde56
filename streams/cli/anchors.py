"""Files of anchors, read and written for `check` and `anchor`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from ledger.store import ChainFault, FactLog
from ledger.store.anchors import Anchor, AnchorUnreadable, fault_against, read_anchors, written
from streams.cli.files import replacing

Promises = list[tuple[Anchor, ChainFault | None]]
"""Anchors that somebody kept, each with what broke it, or None."""


def anchors_in(path: Path) -> tuple[Anchor, ...]:
    """The anchors in a file. Errors: AnchorUnreadable naming file and line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AnchorUnreadable(
            f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.",
            way_out="Name a file that `loanbell anchor` or `loanbell check --out` wrote.",
        ) from error
    return read_anchors(text, name=str(path))


def broken_promise(logs: Mapping[str, FactLog], anchor: Anchor) -> ChainFault | None:
    """Why the ledger is not a continuation of what `anchor` saw; None if it is."""
    log = logs.get(anchor.log)
    if log is None:
        return ChainFault(0, "", f"there is no log {anchor.log!r}")
    return fault_against(log, anchor)


def write_anchors(path: Path, anchors: Iterable[Anchor]) -> None:
    """Write anchors to a file, in place of what it held. Errors: NotWritable."""
    with replacing(path) as file:
        file.write(written(anchors).encode())
