"""Ageing: at each close, how many loans and how much money stand in each bucket of days past due.

One row a business day, currency, branch and bucket, as known at that close; never changed later.
Arrears are what fell due before the day and was unpaid at its end.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ledger.arrears import USUAL_BUCKETS
from projections.base import Change, Close, View
from projections.book import LoanBook
from projections.sums import by_group
from projections.tables import Row, TableSpec, integer, words
from warning.buckets import bucket

BUCKETS = tuple(USUAL_BUCKETS.label(number) for number in range(len(USUAL_BUCKETS.ends) + 1))
"""Names of the buckets of days past due, in order: "0", "1-30" … ">360"."""

AGEING = TableSpec(
    "ageing",
    (
        integer("closed_day"),
        words("currency"),
        words("branch"),
        integer("bucket"),
        integer("loans"),
        integer("outstanding_minor"),
        integer("arrears_minor"),
    ),
    key=4,
)


class Ageing(View):
    """The view `ageing`."""

    name = "ageing"
    schema_version = 1
    tables = (AGEING,)

    def __init__(self) -> None:
        self._new: list[Row] = []

    def closed(self, close: Close, book: LoanBook) -> None:
        standing = book.standing
        rows = np.flatnonzero(standing.counted)
        groups = by_group(
            [book.currency[rows], book.branch[rows], bucket(standing.dpd[rows])],
            [standing.outstanding[rows], standing.arrears[rows]],
        )
        for (currency, branch, number), (loans, outstanding, arrears) in groups:
            self._new.append(
                (
                    close.day,
                    book.currencies.names[currency],
                    book.branches.names[branch],
                    number,
                    loans,
                    outstanding,
                    arrears,
                )
            )

    def changes(self, book: LoanBook) -> Iterator[Change]:
        if self._new:
            yield AGEING, self._new

    def committed(self) -> None:
        self._new = []
