"""A firm's counterparties: how many, how concentrated, which are new and which are gone.

Rows are pairs of firm and counterparty. What stands in the last 180 days is compared with the 180
before; turnover shares are of 360 days, in basis points, so that sums of them are exact.
"""

from __future__ import annotations

from array import array

import numpy as np

from warning.windows import BoolArray, IntArray, RollingSums

FIGURES = ("now", "before", "new", "lost", "largest", "turnover", "squares")
"""What `Partners.figures` tells."""
_BPS = 10_000
_MOST_HELD = 65_536


class HeldSums(RollingSums):
    """Rolling sums that hold amounts back for one vectorised step; `flush` before reading."""

    def __init__(self, windows: tuple[int, ...]) -> None:
        super().__init__(windows)
        self._held = (array("q"), array("q"), array("q"))

    def hold(self, row: int, day: int, amount: int) -> None:
        """Add an amount at the next `flush`."""
        rows, days, amounts = self._held
        rows.append(row)
        days.append(day)
        amounts.append(amount)
        if len(rows) >= _MOST_HELD:
            self.flush()

    def flush(self) -> None:
        """Count what was held back."""
        if self._held[0]:
            rows, days, amounts = (np.array(column, np.int64) for column in self._held)
            self._held = (array("q"), array("q"), array("q"))
            self.add(rows, days, amounts)


class Partners:
    """Net and number of standing invoices of each pair."""

    def __init__(self) -> None:
        self.net, self.count = HeldSums((360,)), HeldSums((180, 360))
        self._rows: dict[tuple[int, str], int] = {}
        self._of_firm: dict[int, list[int]] = {}

    def row(self, firm: int, counterparty: str) -> int:
        """The row of a pair, a new one when it is not known yet."""
        key = (firm, counterparty)
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = len(self._rows)
            self.net.grow(row + 1)
            self.count.grow(row + 1)
            self._of_firm.setdefault(firm, []).append(row)
        return row

    def figures(self, firms: IntArray) -> dict[str, IntArray]:
        """FIGURES of each of `firms`.

        `now` and `before`: partners with a standing invoice in (t-180, t], in (t-360, t-180];
        `new`, `lost`: only now, only before. `turnover`: sum over partners of their net of 360
        days, those below zero left out; `largest` of them; `squares`: of their shares in bps.
        """
        rows = [self._of_firm.get(firm, []) for firm in firms.tolist()]
        owner = np.repeat(np.arange(len(firms)), [len(known) for known in rows])
        places = np.array([row for known in rows for row in known], np.int64)

        def by_firm(amounts: IntArray | BoolArray) -> IntArray:
            added = np.zeros(len(firms), np.int64)
            np.add.at(added, owner, amounts.astype(np.int64))
            return added

        now = self.count.total(180, places) > 0
        before = self.count.total(360, places) > self.count.total(180, places)
        net = np.maximum(self.net.total(360, places), 0)
        turnover, largest = by_firm(net), np.zeros(len(firms), np.int64)
        np.maximum.at(largest, owner, net)
        share = net * _BPS // np.maximum(turnover[owner], 1)
        return {
            "now": by_firm(now),
            "before": by_firm(before),
            "new": by_firm(now & ~before),
            "lost": by_firm(before & ~now),
            "largest": largest,
            "turnover": turnover,
            "squares": by_firm(share * share),
        }
