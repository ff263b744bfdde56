"""Columns that rules derive from indicators: change over days, place among peers, other warnings.

- `change(x, n)`: x now less x as it was read at the last close on or before the day n calendar days
  ago. What was read stands: a late fact moves x now, not what was known then.
- `percentile(x, segment)`: 100 * (peers below + half of the peers equal) / peers, where peers are
  the open loans of the same segment that have a value, the loan among them. Fewer than `MIN_PEERS`
  tell nothing.
- `others(loan)`, `others(borrower)`: warnings that were open before this look, by rules that do not
  count others themselves.

Each is one float64 column under its own text, beside the indicators; NaN is unknown. Judges nothing
and knows neither facts nor the engine.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SEGMENTS = ("all", "branch", "currency", "industry", "officer", "region")
"""What loans may be peers by."""
SCOPES = ("borrower", "loan")
MIN_PEERS = 20
MAX_CHANGE_DAYS = 120
CALLS = ("change", "others", "percentile")
_TEXT = re.compile(r"(change|percentile|others)\(\s*(\w+)\s*(?:,\s*(\w+)\s*)?\)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Derived:
    """One derived column. `of` is its indicator ("" for others), `within` a segment or scope."""

    kind: str
    of: str
    days: int
    within: str

    @property
    def text(self) -> str:
        """Its name among the columns: "change(dpd_days, 30)"."""
        if self.kind == "others":
            return f"others({self.within})"
        return f"{self.kind}({self.of}, {self.days or self.within})"


def derived(text: str) -> Derived | None:
    """The derived column of that text, or None where it is none (an indicator, say)."""
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    kind, first, second = match.groups()
    if kind == "others":
        return Derived(kind, "", 0, first) if first in SCOPES and not second else None
    if kind == "percentile":
        return Derived(kind, first, 0, second) if second in SEGMENTS else None
    fits = bool(second) and second.isdecimal() and 1 <= int(second) <= MAX_CHANGE_DAYS
    return Derived(kind, first, int(second), "") if fits else None


def indicators_of(names: Iterable[str]) -> list[str]:
    """The indicators that the columns `names` are made of, sorted."""
    found = ((column, name) for name in names for column in [derived(name)])
    return sorted({column.of if column else name for column, name in found} - {""})


@lru_cache(maxsize=1_024)
def counts_others(names: tuple[str, ...]) -> bool:
    """Whether one of the columns counts other warnings."""
    return any(name.startswith("others(") for name in names)


class Deriver:
    """The derived columns of one set of names, and the readings that changes are told from.

    8 bytes a loan for each close within the longest change of an indicator.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.columns = [
            column for name in sorted(set(names)) for column in [derived(name)] if column
        ]
        self._spans: dict[str, int] = {}
        for column in self.columns:
            if column.kind == "change":
                self._spans[column.of] = max(column.days, self._spans.get(column.of, 0))
        self._read: dict[str, deque[tuple[int, FloatArray]]] = {n: deque() for n in self._spans}

    @property
    def remembered(self) -> list[str]:
        """Indicators that `remember` wants at each close."""
        return sorted(self._spans)

    def remember(self, day: int, values: dict[str, FloatArray]) -> None:
        """What was read of all loans when `day` closed."""
        for name, span in self._spans.items():
            read = self._read[name]
            while len(read) > 1 and read[1][0] <= day - span:
                read.popleft()
            read.append((day, values[name].copy()))

    def forget(self, names: Iterable[str]) -> None:
        """What was read of `names` tells no change any more: they mean something else now."""
        for name in names:
            if name in self._read:
                self._read[name].clear()

    def derive(
        self,
        day: int,
        values: dict[str, FloatArray],
        names: Container[str],
        *,
        others: Callable[[str], FloatArray],
        segment: Callable[[str], IntArray] | None = None,
        rows: IntArray | None = None,
    ) -> dict[str, FloatArray]:
        """`values`, and the derived columns that are in `names`.

        `rows` names the loans that `values` speak of (default: all). `others(scope)` and
        `segment(name)` give one value a loan. Without `segment` there are no peers to compare with,
        and percentiles are unknown.
        """
        found = dict(values)
        peers: dict[str, Peers] = {}
        for column in self.columns:
            if column.text not in names:
                continue
            if column.kind == "others":
                found[column.text] = others(column.within)
            elif column.kind == "change":
                now = values[column.of]
                found[column.text] = now - self._before(column, day, len(now), rows)
            elif segment is None:
                found[column.text] = np.full(len(values[column.of]), np.nan)
            else:
                if column.within not in peers:
                    peers[column.within] = peers_in(segment(column.within))
                found[column.text] = percentiles(values[column.of], peers[column.within])
        return found

    def _before(self, column: Derived, day: int, size: int, rows: IntArray | None) -> FloatArray:
        """What was read at the last close on or before the day; NaN for loans unknown then."""
        read = self._read[column.of]
        then = [known for at, known in read if at <= day - column.days]
        found = np.full(size, np.nan)
        if then:
            last = then[-1]
            where = np.arange(size) if rows is None else rows
            known = where < len(last)
            found[known] = last[where[known]]
        return found

    def nbytes(self) -> int:
        """Bytes held for changes."""
        return sum(column.nbytes for read in self._read.values() for _, column in read)


Peers = list[IntArray]
"""The places of the loans of each segment; those without one are in none."""


def peers_in(segment: IntArray) -> Peers:
    """Loans by the code of their segment, below 0 for none."""
    codes = segment
    if codes.size and codes.min() >= -1 and codes.max() < 65_535:
        codes = (codes + 1).astype(np.uint16)  # Sorted by radix.
    order = np.argsort(codes, kind="stable")
    sorted_codes = segment[order]
    starts = (np.diff(sorted_codes, prepend=-2) != 0).nonzero()[0].tolist()
    return [
        order[start:end]
        for start, end in pairwise([*starts, len(order)])
        if sorted_codes[start] >= 0
    ]


def percentiles(values: FloatArray, peers: Peers) -> FloatArray:
    """Mid-rank percentile of each value among those of its peers; see the module.

    NaN where the value is unknown, or peers are none or too few.
    """
    result = np.full(len(values), np.nan)
    for places in peers:
        of_segment = values[places]
        known = ~np.isnan(of_segment)  # Sorting is six times slower with a NaN among them.
        result[places[known]] = _mid_ranks(of_segment[known])
    return result


def _mid_ranks(values: FloatArray) -> FloatArray:
    """Percentile of each value among `values`; small enough to stay in the processor's cache."""
    peers = len(values)
    if peers < MIN_PEERS:
        return np.full(peers, np.nan)
    order = np.argsort(values)  # Ties need no order of their own.
    ordered = values[order]
    ties = np.concatenate(([True], ordered[1:] != ordered[:-1])).nonzero()[0]
    equal = np.diff(ties, append=peers)
    ranks = np.empty(peers)
    ranks[order] = np.repeat(100 * (ties + equal / 2) / peers, equal)
    return ranks
