"""Figures of the portfolio: what is asked, what comes back, and what every figure looks at.

A figure is a table: rows by currency and, where asked, by one more dimension. It is made from the
history alone, as known at the close of its day, so it comes out the same whenever it is asked.
Groups without loans have no row. Knows no figure by name; `read_figures` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from ledger.dates import add_months, date_of, day_number
from ledger.errors import MalformedMessage
from projections.grades import CHANGES
from projections.portfolio import CLOSED_DAYS
from projections.reading import Answer
from projections.snapshot import DIMENSIONS, Past, Snapshot
from projections.sums import Codes, by_group
from projections.tables import func, select
from warning.windows import NEVER, BoolArray, IntArray

Labelled = tuple[str, Codes, Sequence[Any]]
"""A column of a figure: its name, each loan's code, and what the codes stand for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a figure is asked for.

    `as_of`: a day; its last close is meant, by default the last of all. `since`: the day to compare
    with or to begin at; each figure has its own default. `by`: a dimension to cut by. `where`:
    dimension (or "currency") and word that every loan must match. `regime`: the regime of grades,
    by default the main one.
    """

    as_of: date | None = None
    since: date | None = None
    by: str | None = None
    where: Mapping[str, str] = field(default_factory=dict)
    regime: str | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """A table of the portfolio: names of the columns in order, rows, and the days it speaks of."""

    name: str
    as_of: date
    since: date | None
    columns: tuple[str, ...]
    rows: list[Answer]


@dataclass(frozen=True, slots=True)
class GradesOf:
    """A regime, and its grades by rank: name, and whether it performs."""

    regime: str
    names: list[tuple[str, bool]]


class Look:
    """What figures read: snapshots and grades of one committed state, and what was asked.

    Errors: MalformedMessage for a dimension that is none; UnknownEntity when nothing was closed.
    """

    def __init__(self, past: Past, ask: Ask, grades: GradesOf) -> None:
        for name in [*ask.where, *([ask.by] if ask.by else [])]:
            if name not in DIMENSIONS and not (name == "currency" and name in ask.where):
                raise MalformedMessage(
                    f"A portfolio cannot be cut by {name[:40]!r}.",
                    way_out=f"By one of {', '.join(DIMENSIONS)}; currencies are always apart.",
                )
        self.ask, self.regime, self.grades = ask, grades.regime, grades.names
        self.past, self.database, self.connection = past, past.database, past.connection
        asked = 10**7 if ask.as_of is None else day_number(ask.as_of)
        self.now = self.past.at(asked)
        self.kept = self.now.chosen(ask.where)
        self.compared: date | None = None
        """The earlier close that a figure was compared with."""

    @property
    def cut_by(self) -> tuple[str, ...]:
        """What every figure is cut by: the currency, and the dimension asked for."""
        return ("currency",) if self.ask.by is None else ("currency", self.ask.by)

    @property
    def day(self) -> int:
        """The close that "as of" means."""
        return self.now.day

    def since(self, months: int) -> int:
        """The day to compare with: as asked, or so many months before. Errors: MalformedMessage."""
        if self.ask.since is None:
            return day_number(add_months(date_of(self.day), -months))
        asked = day_number(self.ask.since)
        if asked >= self.day:
            raise MalformedMessage(
                f"{self.ask.since} is not before {date_of(self.day)}.",
                way_out="Compare with an earlier day.",
            )
        return asked

    def then(self, months: int) -> Snapshot:
        """The earlier close to compare with; by default so many months before, or the first.

        Errors: MalformedMessage; UnknownEntity when nothing was closed by the day asked for.
        """
        day = self.since(months)
        if self.ask.since is None:
            table = self.database.table(CLOSED_DAYS)
            first = self.connection.execute(select(func.min(table.c.closed_day))).scalar()
            day = max(day, first or 0)
        found = self.past.at(day)
        self.compared = date_of(found.day)
        return found

    def sums(
        self,
        snapshot: Snapshot,
        loans: BoolArray,
        labels: Sequence[Labelled],
        values: Mapping[str, IntArray],
    ) -> list[Answer]:
        """Count and sums of `loans` by currency, by the dimension asked for, and by `labels`."""
        rows = np.flatnonzero(loans)
        at_rows = {name: value[rows] for name, value in values.items()}
        return self.sums_of(
            snapshot, rows, [(n, codes[rows], w) for n, codes, w in labels], at_rows
        )

    def sums_of(
        self,
        snapshot: Snapshot,
        rows: IntArray,
        labels: Sequence[Labelled],
        values: Mapping[str, IntArray],
    ) -> list[Answer]:
        """As `sums`, of loans that may come more than once: `labels` and `values` follow `rows`."""
        of: list[Labelled] = []
        for name in self.cut_by:
            codes, words = snapshot.codes(name)
            of.append((name, codes[rows], words))
        of += labels
        groups = by_group([codes for _, codes, _ in of], list(values.values()))
        return [
            {
                **{name: words[code] for (name, _, words), code in zip(of, key, strict=True)},
                "loans": loans_in,
                **dict(zip(values, sums, strict=True)),
            }
            for key, (loans_in, *sums) in groups
        ]

    def group_of(self, row: Answer) -> tuple[str, ...]:
        """What a row of `sums` is of: its currency, and its word in the dimension asked for."""
        return tuple(row[name] for name in self.cut_by)

    def named(self, group: tuple[str, ...]) -> Answer:
        """`group_of`, turned back into columns."""
        return dict(zip(self.cut_by, group, strict=True))

    def ranks(self, day: int) -> IntArray:
        """The rank of every loan's grade at the close of a day, as judged then; -1 for none."""
        return self.graded(day)[0]

    def graded(self, day: int) -> tuple[IntArray, IntArray]:
        """`ranks`, and the day since which each loan has been non-performing, NEVER when it is
        not: as judged at each close up to that day."""
        closes, table = self.database.table(CLOSED_DAYS), self.database.table(CHANGES)
        last = self.connection.execute(
            select(func.max(closes.c.position)).where(closes.c.closed_day <= day)
        ).scalar()
        found = self.connection.execute(
            select(table.c["loan_id"], table.c["rank"], table.c["since_day"])
            .where(table.c.regime == self.regime, table.c.position <= (last or 0))
            .order_by(table.c.position)
        )
        loans, rows = len(self.past.contracts.loan_ids), self.past.contracts.rows
        ranks, since = [-1] * loans, [NEVER] * loans
        performing = [performs for _, performs in self.grades]
        for loan_id, rank, since_day in found:
            row = rows[loan_id]
            ranks[row] = rank
            since[row] = NEVER if performing[rank] else min(since[row], since_day)
        return np.array(ranks, np.int64), np.array(since, np.int64)


def ratio(part: int, whole: int) -> float | None:
    """A share; None of nothing."""
    return part / whole if whole else None
