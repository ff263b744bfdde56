"""The SQL of one log's tables, and the insert of many rows by few statements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import orjson
from eventsourcing.sqlite import SQLiteCursor

_ROWS = (256, 32, 4, 1)
_PART = 10_000
SCAN_ROWS = 20_000

Insert = tuple[tuple[int, str], ...]
"""Statements that insert so many values at once, the largest first."""


class Statements(NamedTuple):
    """Every statement that a log's tables see."""

    create: tuple[str, ...]
    insert_facts: Insert
    insert_heads: Insert
    insert_commands: Insert
    update_log: str
    select_log: str
    scan: str
    select_heads: str
    select_commands: str
    select_claims: str
    walk: str
    read: str
    read_without: str
    verify: str
    notifications: str
    all_heads: str
    wrong_head: str
    wrong_command: str
    reindex: tuple[str, ...]


_PLACE = "position, originator_id, originator_version, topic, state"
_LISTED = "json_each(?) listed CROSS JOIN"  # One seek for each key, in the order of the list.


def of_log(log: str) -> Statements:
    """The statements of the log called `log`."""
    facts, heads, commands = _tables(log)
    return Statements(
        create=_create(log),
        insert_facts=_insert(facts, 9),
        insert_heads=_insert(
            heads,
            3,
            " ON CONFLICT DO UPDATE SET originator_version = excluded.originator_version, "
            "position = excluded.position WHERE position < excluded.position",
        ),
        insert_commands=_insert(commands, 2, " ON CONFLICT DO NOTHING"),
        update_log="UPDATE logs SET position = ?, chain = ?, indexed = coalesce(?, indexed) "
        f"WHERE name = '{log}'",
        select_log=f"SELECT position, chain, indexed FROM logs WHERE name = '{log}'",
        scan="SELECT position, originator_id, originator_version, command_id "
        f"FROM {facts} WHERE position > ? ORDER BY position LIMIT {SCAN_ROWS}",
        select_heads=f"SELECT h.* FROM {_LISTED} {heads} h ON h.originator_id = listed.value",
        select_commands=f"SELECT c.* FROM {_LISTED} {commands} c ON c.command_id = listed.value",
        select_claims="SELECT command_id, command_digest, originator_id, originator_version "
        f"FROM {_LISTED} {facts} ON position = listed.value",
        walk=f"WITH RECURSIVE walk AS (SELECT {_PLACE}, previous "
        f"FROM {_LISTED} {facts} ON position = listed.value UNION ALL "
        "SELECT f.position, f.originator_id, f.originator_version, f.topic, f.state, f.previous "
        f"FROM walk JOIN {facts} f ON f.position = walk.previous) SELECT {_PLACE} FROM walk",
        read=f"SELECT {_PLACE} FROM {facts} WHERE position > ? ORDER BY position LIMIT ?",
        read_without=f"SELECT {_PLACE} FROM {facts} WHERE position > ? AND position <= ? "
        "AND topic NOT IN (SELECT value FROM json_each(?)) ORDER BY position",
        verify=f"SELECT * FROM {facts} WHERE position > ? ORDER BY position LIMIT ?",
        notifications=f"SELECT {_PLACE} FROM {facts} WHERE position > ?1 "
        f"AND (?2 IS NULL OR position <= ?2) AND (?3 IS NULL OR topic IN "
        "(SELECT value FROM json_each(?3))) ORDER BY position LIMIT ?4",
        all_heads=f"SELECT * FROM {heads}",
        wrong_head=f"SELECT h.position, h.originator_id FROM {heads} h LEFT JOIN {facts} f "
        "ON f.position = h.position WHERE f.originator_id IS NOT h.originator_id "
        "OR f.originator_version IS NOT h.originator_version LIMIT 1",
        wrong_command=f"SELECT c.position, c.command_id FROM {commands} c LEFT JOIN {facts} f "
        "ON f.position = c.position WHERE f.command_id IS NOT c.command_id "
        f"UNION ALL SELECT f.position, f.command_id FROM {facts} f LEFT JOIN {commands} c "
        "ON c.command_id = f.command_id WHERE f.command_id IS NOT NULL AND c.position IS NULL "
        f"AND f.position <= (SELECT indexed FROM logs WHERE name = '{log}') LIMIT 1",
        reindex=_reindex(log),
    )


def gathered(log: str, topics: int) -> str:
    """For each of so many topics, the states of a stretch of the log with commas between."""
    each = ", ".join(["group_concat(CASE topic WHEN ? THEN state END)"] * topics)
    return f"SELECT {each} FROM {_tables(log)[0]} WHERE position > ? AND position <= ?"


def _create(log: str) -> tuple[str, ...]:
    facts, heads, commands = _tables(log)
    return (
        f"CREATE TABLE IF NOT EXISTS {facts} (position INTEGER PRIMARY KEY, "
        "originator_id TEXT NOT NULL, originator_version INTEGER NOT NULL, "
        "topic TEXT NOT NULL, state BLOB NOT NULL, previous INTEGER NOT NULL, "
        "command_id TEXT, command_digest BLOB, chain BLOB NOT NULL)",
        f"CREATE TABLE IF NOT EXISTS {heads} (originator_id TEXT PRIMARY KEY, "
        "originator_version INTEGER NOT NULL, position INTEGER NOT NULL) WITHOUT ROWID",
        f"CREATE TABLE IF NOT EXISTS {commands} (command_id TEXT PRIMARY KEY, "
        "position INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS logs (name TEXT PRIMARY KEY, position INTEGER NOT NULL, "
        "chain BLOB NOT NULL, indexed INTEGER NOT NULL) WITHOUT ROWID",
        f"INSERT OR IGNORE INTO logs VALUES ('{log}', 0, zeroblob(32), 0)",
    )


def _reindex(log: str) -> tuple[str, ...]:
    facts, heads, commands = _tables(log)
    return (
        f"DELETE FROM {heads}",
        f"DELETE FROM {commands}",
        f"INSERT INTO {heads} SELECT originator_id, max(originator_version), max(position) "
        f"FROM {facts} GROUP BY originator_id ORDER BY originator_id",
        f"INSERT INTO {commands} SELECT command_id, position FROM {facts} "
        "WHERE command_id IS NOT NULL ORDER BY command_id",
        f"UPDATE logs SET indexed = position WHERE name = '{log}'",
    )


def _tables(log: str) -> tuple[str, str, str]:
    return f"{log}_facts", f"{log}_heads", f"{log}_commands"


def insert(cursor: SQLiteCursor, statements: Insert, values: Sequence[Any]) -> None:
    """Insert rows given as one flat list of values."""
    start, end = 0, len(values)
    for size, statement in statements:
        while end - start >= size:
            cursor.execute(statement, values[start : start + size])
            start += size


def listed(keys: Iterable[str] | Iterable[int]) -> Iterator[tuple[str]]:
    """Keys as the parameters of statements that take a list, in parts of a bounded size."""
    ordered: list[Any] = sorted(keys)
    for start in range(0, len(ordered), _PART):
        yield (orjson.dumps(ordered[start : start + _PART]).decode(),)


def _insert(table: str, width: int, conflict: str = "") -> Insert:
    row = "(" + ", ".join("?" * width) + ")"
    return tuple(
        (rows * width, f"INSERT INTO {table} VALUES {', '.join([row] * rows)}{conflict}")
        for rows in _ROWS
    )
