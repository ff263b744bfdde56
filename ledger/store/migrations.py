"""The schema of the ledger in PostgreSQL, in numbered steps that can be taken back.

A partition is to PostgreSQL what a data folder is to SQLite: one schema, `loanbell_p3`, with the
same tables. What all partitions share lies in the schema `loanbell`: which steps were taken, and
the homes of loans and accounts. Every step runs in one transaction over all partitions. Steps back
never take facts away: the first one is refused while there are any.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.errors import StoreUnavailable
from ledger.store import snapshots
from ledger.store.records import AUDIT_LOG, LEDGER_LOG, WARNINGS_LOG
from ledger.store.statements import POSTGRES, create

Cursor = Any
"""A cursor of psycopg inside the step's transaction."""
Step = Callable[[Cursor, Sequence[int]], None]
"""One direction of a migration, over the partitions given."""

MOST_PARTITIONS = 1_024
_MIGRATING = 0x4C42_4C4C


AUDIT_SCHEMA = "loanbell_audit"
"""The schema of the audit log, which all partitions share."""


def schema_of(partition: int) -> str:
    """The schema that holds a partition's facts."""
    return f"loanbell_p{partition}"


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema, there and back."""

    version: int
    name: str
    up: Step
    down: Step


def _logs_up(cursor: Cursor, partitions: Sequence[int]) -> None:
    for partition in partitions:
        add_partition(cursor, partition)


def add_partition(cursor: Cursor, partition: int) -> None:
    """The schema and tables of one partition, where they are not there yet."""
    schema = schema_of(partition)
    _add_logs(cursor, schema, (LEDGER_LOG, WARNINGS_LOG))


def _add_logs(cursor: Cursor, schema: str, logs: Sequence[str]) -> None:
    cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    cursor.execute(f"SET LOCAL search_path TO {schema}")
    for log in logs:
        for statement in create(log, POSTGRES):
            cursor.execute(statement)
    cursor.execute(
        "CREATE TABLE IF NOT EXISTS notification_tracking "
        "(application_name text PRIMARY KEY, notification_id bigint NOT NULL)"
    )


def _logs_down(cursor: Cursor, partitions: Sequence[int]) -> None:
    for partition in partitions:
        _drop_empty(cursor, schema_of(partition), f"Partition {partition}")


def _drop_empty(cursor: Cursor, schema: str, what: str) -> None:
    cursor.execute(f"SELECT max(position) FROM {schema}.logs")
    if cursor.fetchone()[0]:
        raise StoreUnavailable(
            f"{what} holds facts, which a step back would drop.",
            way_out="Facts are kept for ever; drop the database by hand if you mean it.",
        )
    cursor.execute(f"DROP SCHEMA {schema} CASCADE")


def _homes_up(cursor: Cursor, partitions: Sequence[int]) -> None:
    """Where every loan and account lives, from the facts that opened them."""
    cursor.execute(
        "CREATE TABLE loanbell.homes (stream text PRIMARY KEY, partition integer NOT NULL)"
    )
    for partition in partitions:
        cursor.execute(
            "INSERT INTO loanbell.homes SELECT originator_id, %s "
            f"FROM {schema_of(partition)}.ledger_facts WHERE originator_version = 1 "
            "AND (originator_id LIKE 'loan:%%' OR originator_id LIKE 'account:%%')",
            (partition,),
        )


def _homes_down(cursor: Cursor, _partitions: Sequence[int]) -> None:
    cursor.execute("DROP TABLE loanbell.homes")


def _snapshots_up(cursor: Cursor, partitions: Sequence[int]) -> None:
    for partition in partitions:
        cursor.execute(f"SET LOCAL search_path TO {schema_of(partition)}")
        cursor.execute(snapshots.create(POSTGRES))
        # The bytes are packed already; packing them again costs and saves nothing.
        cursor.execute("ALTER TABLE snapshots ALTER COLUMN state SET STORAGE EXTERNAL")


def _snapshots_down(cursor: Cursor, partitions: Sequence[int]) -> None:
    for partition in partitions:
        cursor.execute(f"DROP TABLE {schema_of(partition)}.snapshots")


def _audit_up(cursor: Cursor, _partitions: Sequence[int]) -> None:
    _add_logs(cursor, AUDIT_SCHEMA, (AUDIT_LOG,))


def _audit_down(cursor: Cursor, _partitions: Sequence[int]) -> None:
    _drop_empty(cursor, AUDIT_SCHEMA, "The audit log")


MIGRATIONS = (
    Migration(1, "the logs of each partition", _logs_up, _logs_down),
    Migration(2, "the homes of loans and accounts", _homes_up, _homes_down),
    Migration(3, "the audit log", _audit_up, _audit_down),
    Migration(4, "snapshots of the watch and the views", _snapshots_up, _snapshots_down),
)
LATEST = MIGRATIONS[-1].version


def state_of(cursor: Cursor) -> tuple[int, int]:
    """The version of the schema and the number of partitions; zeros for a database without."""
    cursor.execute("SELECT to_regclass('loanbell.schema_version') IS NOT NULL")
    if not cursor.fetchone()[0]:
        return 0, 0
    cursor.execute("SELECT version, partitions FROM loanbell.schema_version")
    row = cursor.fetchone()
    return (row[0], row[1]) if row is not None else (0, 0)


def migrate(cursor: Cursor, *, partitions: int | None, to: int = LATEST) -> list[str]:
    """Bring the schema to version `to`; says what was done, step by step.

    `partitions` is wanted the first time and cannot change later: borrowers would move to
    another partition than their facts. Errors: StoreUnavailable.
    """
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATING,))
    version, known = state_of(cursor)
    wanted = _partitions(known, partitions)
    _check_target(version, to)
    done = [
        _take(cursor, step, range(wanted)) for step in MIGRATIONS if version < step.version <= to
    ]
    for step in reversed(MIGRATIONS):
        if to < step.version <= version:
            step.down(cursor, range(wanted))
            done.append(f"{step.version} taken back: {step.name}")
    _note(cursor, to, wanted)
    return done


def _take(cursor: Cursor, step: Migration, partitions: Sequence[int]) -> str:
    cursor.execute("CREATE SCHEMA IF NOT EXISTS loanbell")
    step.up(cursor, partitions)
    return f"{step.version} taken: {step.name}"


def _partitions(known: int, wanted: int | None) -> int:
    if known and wanted not in (None, known):
        raise StoreUnavailable(
            f"The database has {known} partitions, not {wanted}.",
            way_out="The number is fixed when the database is made; leave it out, or make another.",
        )
    number = known or wanted
    if number is None or not 1 <= number <= MOST_PARTITIONS:
        raise StoreUnavailable(
            "The number of partitions is not known.",
            way_out=f"Say it once, as for the topic: 1 to {MOST_PARTITIONS}.",
        )
    return number


def _check_target(version: int, to: int) -> None:
    if version > LATEST:
        raise StoreUnavailable(
            f"The database has schema {version}; this LoanBell knows {LATEST}.",
            way_out="Upgrade LoanBell; the ledger needs no repair.",
        )
    if not 0 <= to <= LATEST:
        raise StoreUnavailable(f"There is no schema {to}.", way_out=f"Known: 0 to {LATEST}.")


def _note(cursor: Cursor, version: int, partitions: int) -> None:
    if version == 0:
        cursor.execute("DROP SCHEMA IF EXISTS loanbell CASCADE")
        return
    cursor.execute(
        "CREATE TABLE IF NOT EXISTS loanbell.schema_version (only_row boolean PRIMARY KEY "
        "DEFAULT true CHECK (only_row), version integer NOT NULL, partitions integer NOT NULL)"
    )
    cursor.execute(
        "INSERT INTO loanbell.schema_version (version, partitions) VALUES (%s, %s) "
        "ON CONFLICT (only_row) DO UPDATE SET version = excluded.version",
        (version, partitions),
    )
