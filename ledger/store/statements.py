"""The SQL of one log's tables, in the words of SQLite or of PostgreSQL; inserts of many rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from eventsourcing.sqlite import SQLiteCursor

_ROWS = (256, 32, 4, 1)
SCAN_ROWS = 20_000

Insert = tuple[tuple[int, str], ...]
"""Statements that insert so many values at once, the largest first."""


class Dialect(NamedTuple):
    """Where the two databases want other words.

    `texts` and `numbers` turn one parameter into the rows of `listed`, one seek for each key;
    `joined` puts commas between the states of many rows.
    """

    mark: str
    texts: str
    numbers: str
    differs: str
    bytes_: str
    whole: str
    no_rowid: str
    start: str
    tracking: str
    joined: str


SQLITE = Dialect(
    mark="?",
    texts="json_each(?) listed CROSS JOIN",
    numbers="json_each(?) listed CROSS JOIN",
    differs="IS NOT",
    bytes_="BLOB",
    whole="INTEGER",
    no_rowid=" WITHOUT ROWID",
    start="zeroblob(32)",
    tracking="tracking",
    joined="group_concat({})",
)
POSTGRES = Dialect(
    mark="%s",
    texts="unnest(%s::text[]) listed(value) JOIN",
    numbers="unnest(%s::bigint[]) listed(value) JOIN",
    differs="IS DISTINCT FROM",
    bytes_="bytea",
    whole="bigint",
    no_rowid="",
    start="decode(repeat('00', 32), 'hex')",
    tracking="notification_tracking",
    joined="string_agg(convert_from({}, 'UTF8'), ',')",
)


class Statements(NamedTuple):
    """Every statement that a log's tables see, and in whose words."""

    words: Dialect
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
    verify: str
    notifications: str
    notifications_of: str
    tracked: str
    all_heads: str
    wrong_head: str
    wrong_command: str
    reindex: tuple[str, ...]


_PLACE = "position, originator_id, originator_version, topic, state"


def of_log(log: str, words: Dialect = SQLITE) -> Statements:
    """The statements of the log called `log`."""
    facts, heads, commands = _tables(log)
    mark, differs = words.mark, words.differs
    return Statements(
        words=words,
        create=create(log, words),
        insert_facts=_insert(facts, 9),
        insert_heads=_insert(
            heads,
            3,
            " ON CONFLICT DO UPDATE SET originator_version = excluded.originator_version, "
            "position = excluded.position WHERE position < excluded.position",
        ),
        insert_commands=_insert(commands, 2, " ON CONFLICT DO NOTHING"),
        update_log=f"UPDATE logs SET position = {mark}, chain = {mark}, "
        f"indexed = coalesce({mark}, indexed) WHERE name = '{log}'",
        select_log=f"SELECT position, chain, indexed FROM logs WHERE name = '{log}'",
        scan="SELECT position, originator_id, originator_version, command_id "
        f"FROM {facts} WHERE position > {mark} ORDER BY position LIMIT {SCAN_ROWS}",
        select_heads=f"SELECT h.* FROM {words.texts} {heads} h ON h.originator_id = listed.value",
        select_commands=f"SELECT c.* FROM {words.texts} {commands} c "
        "ON c.command_id = listed.value",
        select_claims="SELECT command_id, command_digest, originator_id, originator_version "
        f"FROM {words.numbers} {facts} ON position = listed.value",
        walk=f"WITH RECURSIVE walk AS (SELECT {_PLACE}, previous "
        f"FROM {words.numbers} {facts} ON position = listed.value UNION ALL "
        "SELECT f.position, f.originator_id, f.originator_version, f.topic, f.state, f.previous "
        f"FROM walk JOIN {facts} f ON f.position = walk.previous) SELECT {_PLACE} FROM walk",
        read=f"SELECT {_PLACE} FROM {facts} WHERE position > {mark} ORDER BY position LIMIT {mark}",
        verify=f"SELECT * FROM {facts} WHERE position > {mark} ORDER BY position LIMIT {mark}",
        notifications=f"SELECT {_PLACE} FROM {facts} WHERE position > {mark} "
        f"AND position <= {mark} ORDER BY position LIMIT {mark}",
        notifications_of=f"SELECT {_PLACE} FROM {words.texts} {facts} ON topic = listed.value "
        f"WHERE position > {mark} AND position <= {mark} ORDER BY position LIMIT {mark}",
        tracked=f"SELECT max(notification_id) FROM {words.tracking} "
        f"WHERE application_name = {mark}",
        all_heads=f"SELECT * FROM {heads}",
        wrong_head=f"SELECT h.position, h.originator_id FROM {heads} h LEFT JOIN {facts} f "
        f"ON f.position = h.position WHERE f.originator_id {differs} h.originator_id "
        f"OR f.originator_version {differs} h.originator_version LIMIT 1",
        wrong_command=f"SELECT c.position, c.command_id FROM {commands} c LEFT JOIN {facts} f "
        f"ON f.position = c.position WHERE f.command_id {differs} c.command_id "
        f"UNION ALL SELECT f.position, f.command_id FROM {facts} f LEFT JOIN {commands} c "
        "ON c.command_id = f.command_id WHERE f.command_id IS NOT NULL AND c.position IS NULL "
        f"AND f.position <= (SELECT indexed FROM logs WHERE name = '{log}') LIMIT 1",
        reindex=_reindex(log),
    )


def read_without(log: str, topics: int, words: Dialect) -> str:
    """A stretch of the log, in order, without the facts of so many topics."""
    mark, marks = words.mark, ", ".join([words.mark] * topics)
    return (
        f"SELECT {_PLACE} FROM {_tables(log)[0]} WHERE position > {mark} AND position <= {mark} "
        f"AND topic NOT IN ({marks}) ORDER BY position"
    )


def gathered(log: str, topics: int, words: Dialect) -> str:
    """For each of so many topics, the states of a stretch of the log with commas between."""
    mark = words.mark
    each = ", ".join([words.joined.format(f"CASE topic WHEN {mark} THEN state END")] * topics)
    return f"SELECT {each} FROM {_tables(log)[0]} WHERE position > {mark} AND position <= {mark}"


def create(log: str, words: Dialect) -> tuple[str, ...]:
    """The tables of a log; `logs` is shared by all logs of a place."""
    facts, heads, commands = _tables(log)
    bytes_, whole, no_rowid = words.bytes_, words.whole, words.no_rowid
    return (
        f"CREATE TABLE IF NOT EXISTS {facts} (position {whole} PRIMARY KEY, "
        f"originator_id TEXT NOT NULL, originator_version {whole} NOT NULL, "
        f"topic TEXT NOT NULL, state {bytes_} NOT NULL, previous {whole} NOT NULL, "
        f"command_id TEXT, command_digest {bytes_}, chain {bytes_} NOT NULL)",
        f"CREATE TABLE IF NOT EXISTS {heads} (originator_id TEXT PRIMARY KEY, "
        f"originator_version {whole} NOT NULL, position {whole} NOT NULL){no_rowid}",
        f"CREATE TABLE IF NOT EXISTS {commands} (command_id TEXT PRIMARY KEY, "
        f"position {whole} NOT NULL){no_rowid}",
        f"CREATE TABLE IF NOT EXISTS logs (name TEXT PRIMARY KEY, position {whole} NOT NULL, "
        f"chain {bytes_} NOT NULL, indexed {whole} NOT NULL){no_rowid}",
        f"INSERT INTO logs VALUES ('{log}', 0, {words.start}, 0) ON CONFLICT DO NOTHING",
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


def _insert(table: str, width: int, conflict: str = "") -> Insert:
    row = "(" + ", ".join("?" * width) + ")"
    return tuple(
        (rows * width, f"INSERT INTO {table} VALUES {', '.join([row] * rows)}{conflict}")
        for rows in _ROWS
    )
