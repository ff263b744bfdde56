"""What PostgreSQL refuses, as StoreUnavailable with a way out; passwords never get into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg
from eventsourcing.persistence import IntegrityError, PersistenceError
from psycopg.conninfo import conninfo_to_dict

from ledger.errors import StoreLost, StoreUnavailable


def place_of(url: str, partition: int | None) -> str:
    """The name of a database or of one of its partitions, without user and password."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise StoreUnavailable(
            "The address of the database cannot be read.",
            way_out="Give it as postgresql://user@host:5432/name.",
        ) from error
    host, port = parts.get("host", "localhost"), parts.get("port", 5432)
    name = f"{parts.get('dbname', '')} at {host}:{port}"
    return name if partition is None else f"partition {partition} of {name}"


def told_of(place: str) -> Callable[[], AbstractContextManager[None]]:
    """What turns the errors of the database called `place` into StoreUnavailable."""

    @contextmanager
    def told() -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except (PersistenceError, psycopg.Error) as error:
            raise explain(error, place) from error

    return told


def explain(error: BaseException, place: str) -> StoreUnavailable:
    """The error of psycopg at the bottom of `error` -> what happened and what to do."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, psycopg.Error):
        cause = cause.__cause__
    what = " ".join(str(cause or error).split())
    if isinstance(cause, psycopg.errors.DiskFull):
        return StoreLost(f"The disk of {place} is full: {what}.", way_out="Free space there.")
    if isinstance(cause, psycopg.errors.InvalidSchemaName | psycopg.errors.UndefinedTable):
        return StoreUnavailable(
            f"{place} lacks tables: {what}.", way_out="Run `loanbell migrate` on it."
        )
    if isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
        return StoreLost(
            f"{place} cannot be reached or let go of the connection: {what}.",
            way_out="Nothing that was answered is lost; it goes on when the database is back.",
        )
    return StoreUnavailable(f"{place} refuses: {what}.", way_out="Look at the database's log.")
