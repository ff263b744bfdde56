"""The columns of rules, read from the engine: indicators, and what is derived from them.

At a close of all loans, at a fact of those it speaks of, and of one loan as of an earlier day. What
changes are told from is kept from the first close on, whatever rules were in force then, so that a
restart reads the same. Judges nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from math import nan

import numpy as np

from warning.derived import Deriver, derived, indicators_of
from warning.engine import Engine
from warning.expressions import FloatArray, Values
from warning.indicators_score import SCORE_NAMES
from warning.lifecycle import Lifecycle
from warning.pack import Pack
from warning.windows import IntArray


class Readings:
    """Columns of the engine's loans for the rules whose `names` it was told."""

    def __init__(self, engine: Engine, names: Iterable[str]) -> None:
        self._engine, self._deriver = engine, Deriver(names)
        self._closed: list[int] = []

    def at_close(self, pack: Pack | None, life: Lifecycle) -> Values:
        """All columns of `pack` at the close of the open day; none without one."""
        remembered = self._deriver.remembered
        names = sorted({*remembered, *(pack.indicators if pack else ())})
        values = self._engine.values(names) if names else {}
        return self.derived(pack, values, life)

    def derived(self, pack: Pack | None, values: dict[str, FloatArray], life: Lifecycle) -> Values:
        """`values` of the close of the open day, with what `pack` derives from them."""
        engine, deriver = self._engine, self._deriver
        deriver.remember(engine.day, values)
        self._closed.append(engine.day)
        if pack is None:
            return values
        return deriver.derive(
            engine.day, values, pack.names, others=self._others(life), segment=self._segment
        )

    def at_fact(self, names: Sequence[str], rows: IntArray, life: Lifecycle) -> Values:
        """The columns `names` of `rows` now; peers are not compared."""
        engine = self._engine
        values = engine.values(indicators_of(names), rows)
        others = self._others_of(rows, life)
        return self._deriver.derive(engine.day, values, names, others=others, rows=rows)

    def as_of(
        self, names: Sequence[str], loan_id: str, day: int, position: int
    ) -> dict[str, float] | None:
        """One loan's columns at an earlier day by all facts up to `position`.

        Peers and other warnings of then are unknown. None where the loan's facts cannot be had.
        """
        base = indicators_of(names)
        values = self._engine.values_as_of(base, loan_id, day, position)
        if values is None:
            return None
        for name in names:
            column = derived(name)
            if column is None:
                continue
            values[name] = nan
            at = bisect_right(self._closed, day - column.days)
            if column.kind == "change" and at:
                day_before = self._closed[at - 1]
                before = self._engine.values_as_of([column.of], loan_id, day_before, position)
                values[name] = values[column.of] - before[column.of] if before else nan
        return values

    def new_score(self) -> None:
        """Another score, or none, is in force: what the last one said tells no change."""
        self._deriver.forget(SCORE_NAMES)

    def nbytes(self) -> int:
        """Bytes held for changes."""
        return self._deriver.nbytes()

    def _segment(self, name: str) -> IntArray:
        """The segment of each loan by code; below 0 where it has none."""
        engine = self._engine
        rows = engine.rows()
        if name == "all":
            return np.zeros(rows, np.int64)
        words = {
            "branch": engine.branches,
            "currency": engine.currencies,
            "industry": engine.industries,
            "officer": engine.officers,
            "region": engine.regions,
        }[name]
        codes: IntArray = getattr(engine.columns, name)[:rows].astype(np.int64)
        codes[codes == words.get("", -1)] = -1
        return codes

    def _others(self, life: Lifecycle) -> Callable[[str], FloatArray]:
        engine = self._engine

        def count(scope: str) -> FloatArray:
            counts = life.others(engine.rows())
            if scope == "loan":
                return counts
            borrower = engine.borrower_row()
            known = borrower >= 0
            totals = np.bincount(borrower[known], weights=counts[known], minlength=1)
            return np.where(known, totals[np.maximum(borrower, 0)], np.nan)

        return count

    def _others_of(self, rows: IntArray, life: Lifecycle) -> Callable[[str], FloatArray]:
        def count(scope: str) -> FloatArray:
            borrowers = self._engine.book.borrower[rows].tolist()
            places = zip(borrowers, rows.tolist(), strict=True)
            alone = scope == "loan"
            counted = life.episodes.counted
            return np.array([float(counted(b, row if alone else None)) for b, row in places])

        return count
