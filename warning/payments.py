"""Every payment of every loan, kept in arrival order and chained by loan.

A reversal is a payment of a negative amount on the original's value day. Kept because a late fact
makes a loan's past be derived anew.
"""

from __future__ import annotations

import numpy as np

from warning.windows import DayArray, Growing, IntArray


class PaymentLog(Growing):
    """Append-only columns: value day, amount, and the loan's payment before this one (-1: none)."""

    day: DayArray
    amount: IntArray
    earlier: DayArray

    def __init__(self) -> None:
        super().__init__()
        self.add_column("day", np.int32)
        self.add_column("amount", np.int64)
        self.add_column("earlier", np.int32)

    def append(self, latest: DayArray, rows: IntArray, days: IntArray, amounts: IntArray) -> None:
        """Add payments; `latest` is the book's column of each loan's latest payment."""
        first, count = self.rows, len(rows)
        self.grow(first + count)
        new = slice(first, first + count)
        self.day[new] = days
        self.amount[new] = amounts
        self.earlier[new] = latest[rows]
        places = np.arange(first, first + count)
        order = np.argsort(rows, kind="stable")
        again = np.flatnonzero(rows[order][1:] == rows[order][:-1])
        self.earlier[places[order[again + 1]]] = places[order[again]]
        latest[rows] = places

    def by_day(self, latest: int) -> dict[int, int]:
        """What a loan paid on each value day, in no order, given its latest payment."""
        day, amount, earlier = self.day, self.amount, self.earlier
        paid: dict[int, int] = {}
        while latest >= 0:
            value_day = int(day[latest])
            paid[value_day] = paid.get(value_day, 0) + int(amount[latest])
            latest = int(earlier[latest])
        return paid
