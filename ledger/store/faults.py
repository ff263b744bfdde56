"""What the database or the disk refuses, as StoreUnavailable with a way out that is true."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eventsourcing.persistence import PersistenceError

from ledger.errors import StoreBlocked, StoreUnavailable

_ROOM_BYTES = 1 << 20
"""Less free space than this, and an unexplained I/O error is taken for a full disk."""


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the errors of the database at `path` into StoreUnavailable; others pass."""
    try:
        yield
    except (PersistenceError, sqlite3.Error) as error:
        raise explain(error, path) from error
    except OSError as error:
        raise _explain_os(error, path) from error


def explain(error: BaseException, path: Path) -> StoreUnavailable:
    """The sqlite3 error at the bottom of `error` -> what happened and what to do."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, sqlite3.Error):
        cause = cause.__cause__
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _is_full(path)):
        return _full(path)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreUnavailable(
            f"{path} is damaged or is not a database ({cause}).",
            way_out=f"Move {path.name}, {path.name}-wal and {path.name}-shm aside and put the last "
            "good backup of all three in their place; what came in since then can be sent again.",
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBlocked(
            f"{path} is locked by another program ({cause}).",
            way_out="Close the program that holds it (a database browser, a backup), then retry.",
        )
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return _forbidden(path, cause)
    return StoreUnavailable(
        f"{path} cannot be used: {cause or error}.",
        way_out=f"Look at the disk that holds {path.parent} (is it mounted, healthy, writable?).",
    )


def _explain_os(error: OSError, path: Path) -> StoreUnavailable:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _full(path)
    return _forbidden(path, error)


def _full(path: Path) -> StoreUnavailable:
    return StoreBlocked(
        f"The disk that holds {path} is full; what was being recorded was not kept.",
        way_out=f"Free space below {path.parent}, then send the batch again.",
    )


def _forbidden(path: Path, cause: BaseException | None) -> StoreUnavailable:
    return StoreUnavailable(
        f"{path} cannot be opened or written ({cause}).",
        way_out=f"Make {path.parent} an existing folder that this user may write, "
        "or choose another data folder.",
    )


def _is_full(path: Path) -> bool:
    try:
        room = os.statvfs(path.parent)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < _ROOM_BYTES
