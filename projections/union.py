"""The views of all partitions read as one: a table is the union of its namesakes in each schema.

Sums over borrowers, branches and days are made by whoever reads, so rows need only be put
together. Two things need more: a position counts within its partition, and is made a place among
all of them; a day is closed when every partition has closed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, func, literal, select, union_all

MOST_PARTITIONS = 1_024


def union(tables: Sequence[Table], *, closes: bool) -> Any:
    """The rows of `tables`, one of each partition; with `closes` those whose key is in all."""
    name = tables[0].name
    rows = union_all(*(_part(table, at) for at, table in enumerate(tables))).subquery(name)
    if not closes:
        return rows
    keys = [rows.c[column.name] for column in tables[0].primary_key]
    others = [column for column in rows.c if column.name not in {key.name for key in keys}]
    whole = select(*keys, *(func.max(column).label(column.name) for column in others))
    return whole.group_by(*keys).having(func.count() == literal(len(tables))).subquery(name)


def _part(table: Table, partition: int) -> Any:
    """A partition's rows, their positions spread so that no two partitions share one."""
    columns = [
        (column * MOST_PARTITIONS + partition).label("position")
        if column.name == "position"
        else column
        for column in table.columns
    ]
    return select(*columns)
