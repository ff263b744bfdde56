"""The portfolio at the close of a day: every loan as a row, from the day-partitioned history.

Attributes of a contract (borrower, product, industry, region, currency) come from the register;
branch and officer are those of that day. Pure arrays: what figures say of them is in `figures`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ledger.dates import date_of
from ledger.errors import UnknownEntity
from projections.history import HISTORY, HISTORY_LOANS, HISTORY_WORDS, PARTS, STATES
from projections.packing import unpack, unpack_rows
from projections.register import LOANS
from projections.tables import Connection, Database, func, select
from warning.windows import BoolArray, IntArray

DIMENSIONS = ("branch", "officer", "industry", "product", "region", "borrower")
"""What a portfolio can be cut by, beside the currency, by which it always is."""
OPEN = STATES.index("open")


@dataclass(frozen=True, slots=True)
class Contracts:
    """What does not change of each loan, by row of the history.

    `words` holds codes by dimension, `names` what they stand for.
    """

    loan_ids: list[str]
    rows: dict[str, int]
    opened: IntArray
    principal: IntArray
    words: Mapping[str, IntArray]
    names: Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All loans at the close of `day`, by row; `parts` as in `history.PARTS`."""

    day: int
    contracts: Contracts
    parts: dict[str, IntArray]

    def __getattr__(self, part: str) -> IntArray:
        """A column by name."""
        try:
            return self.parts[part]
        except KeyError:
            raise AttributeError(part) from None

    @property
    def open(self) -> BoolArray:
        """The loans that the portfolio holds."""
        held: BoolArray = self.parts["state"] == OPEN
        return held

    def codes(self, dimension: str) -> tuple[IntArray, list[str]]:
        """Each loan's code in a dimension (or "currency"), and what the codes stand for."""
        names = self.contracts.names[dimension]
        own = self.parts.get(dimension)
        return self.contracts.words[dimension] if own is None else own, names

    def chosen(self, where: Mapping[str, str]) -> BoolArray:
        """Loans that match every condition; a word that nothing has matches none."""
        kept = np.ones(len(self.contracts.loan_ids), np.bool_)
        for dimension, word in where.items():
            codes, names = self.codes(dimension)
            kept &= codes == (names.index(word) if word in names else -2)
        return kept


class Past:
    """Snapshots of any day, read on one connection: one committed state."""

    def __init__(
        self, database: Database, connection: Connection, contracts: Contracts | None = None
    ) -> None:
        self.database, self.connection = database, connection
        self.contracts = read_contracts(database, connection) if contracts is None else contracts

    def at(self, day: int) -> Snapshot:
        """The loans at the close of a day. Errors: UnknownEntity when no day was closed by then."""
        found = next(self.over(day, day), None)
        if found is None:
            raise UnknownEntity(
                f"No business day had been closed by {date_of(day)}.",
                way_out="Ask for a later day; `loanbell status` names the last close.",
            )
        return found

    def over(self, first: int, last: int) -> Iterator[Snapshot]:
        """The last close up to `first`, then each close up to `last`, in order.

        One snapshot that changes from step to step: copy what is to be kept.
        """
        table = self.database.table(HISTORY)
        start = select(func.max(table.c.closed_day)).where(table.c.closed_day <= first)
        frame = self.connection.execute(start.where(table.c.whole == 1)).scalar()
        since = self.connection.execute(start).scalar()
        if frame is None:
            frame = since = first
        found = self.connection.execute(
            select(table)
            .where(table.c.closed_day >= frame, table.c.closed_day <= last)
            .order_by(table.c.closed_day)
        )
        count = len(self.contracts.loan_ids)
        parts = {part: np.full(count, fill, np.int64) for part, fill in PARTS.items()}
        day = None
        for closed, part, whole, changes, rows, numbers in found:
            if day is not None and closed != day and day >= since:
                yield Snapshot(day, self.contracts, parts)
            day = closed
            at = np.arange(changes) if whole else unpack_rows(rows, changes)
            parts[part][at] = unpack(numbers, changes)
        if day is not None:
            yield Snapshot(day, self.contracts, parts)


def read_contracts(database: Database, connection: Connection) -> Contracts:
    """What does not change of each loan, as of the views' last commit."""
    loans, rows = database.table(LOANS), database.table(HISTORY_LOANS)
    names = ("borrower_id", "product", "industry", "region", "currency")
    columns = [loans.c[name] for name in (*names, "opened_day", "principal_minor")]
    found = connection.execute(
        select(rows.c.loan_id, *columns)
        .where(loans.c.loan_id == rows.c.loan_id)
        .order_by(rows.c.loan_row)
    ).all()
    ids, *contracts, opened, principal = zip(*found, strict=True) if found else [()] * 8
    words: dict[str, IntArray] = {}
    known: dict[str, list[str]] = {}
    for name, column in zip(names, contracts, strict=True):
        distinct = sorted(set(column))
        place = {word: code for code, word in enumerate(distinct)}
        dimension = name.removesuffix("_id")
        words[dimension] = np.array([place[word] for word in column], np.int64)
        known[dimension] = distinct
    people = database.table(HISTORY_WORDS)
    listed = connection.execute(select(people.c.word).order_by(people.c.code)).scalars().all()
    known["branch"] = known["officer"] = list(listed)
    return Contracts(
        loan_ids=list(ids),
        rows={loan_id: row for row, loan_id in enumerate(ids)},
        opened=np.array(opened, np.int64),
        principal=np.array(principal, np.int64),
        words=words,
        names=known,
    )
