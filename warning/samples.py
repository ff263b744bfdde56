"""Indicators as they stood when a loan was to be judged: what scores are fitted and tested on.

`sample` walks the ledger log once, in the order in which facts were recorded, and stops at each
moment that is asked for: a reading sees the facts recorded by then and nothing else, so a fact that
came later, or that counts from a later day, cannot move it. Knows no outcomes and fits nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ledger.dates import date_of_us, day_number
from ledger.errors import LoanError
from warning.engine import Engine
from warning.intake import RecordedFact
from warning.windows import BoolArray, FloatArray, IntArray

SEGMENTS = ("branch", "industry", "region")
_PIECE = 20_000


class UnknownLoan(LoanError):
    """A loan is to be judged of which nothing had been recorded by then."""

    code = "unknown_loan"


class Asked(Protocol):
    """A loan and the moment (UTC microseconds) at which it is to be judged."""

    @property
    def loan_id(self) -> str:
        """The loan."""

    @property
    def at_us(self) -> int:
        """The moment: facts recorded later are not seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Readings of loans, one row each: `values[name]` is a float64 column, NaN where unknown.

    `bad` is the outcome by the caller's definition, `days` the day number of each reading,
    `segments` what the loans are grouped by (branch, industry, region), for reports alone.
    """

    loan_ids: tuple[str, ...]
    borrowers: IntArray
    days: IntArray
    bad: BoolArray
    values: dict[str, FloatArray]
    segments: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.loan_ids)

    def take(self, rows: NDArray[np.int64] | BoolArray) -> Samples:
        """The chosen rows."""
        places = np.arange(len(self))[rows]
        return Samples(
            loan_ids=tuple(self.loan_ids[at] for at in places.tolist()),
            borrowers=self.borrowers[places],
            days=self.days[places],
            bad=self.bad[places],
            values={name: column[places] for name, column in self.values.items()},
            segments={
                name: tuple(words[at] for at in places.tolist())
                for name, words in self.segments.items()
            },
        )


def sample(
    recorded: Iterable[RecordedFact],
    asked: Sequence[Asked],
    bad: Sequence[bool],
    names: Sequence[str],
) -> Samples:
    """The indicators `names` of each loan in `asked`, as known at its moment; in that order.

    Errors: UnknownLoan for a loan that no fact had named by then.
    """
    engine, rows_of = Engine(), np.argsort([item.at_us for item in asked], kind="stable")
    table = np.full((len(names), len(asked)), np.nan)
    borrowers = np.zeros(len(asked), np.int64)
    segments = {name: [""] * len(asked) for name in SEGMENTS}
    pieces = _Pieces(recorded)
    for at_us, group in groupby(rows_of.tolist(), key=lambda at: asked[at].at_us):
        places = list(group)
        for piece in pieces.upto(at_us):
            engine.apply(piece)
        engine.advance(max(day_number(date_of_us(at_us)), engine.day))
        rows = np.array([_row(engine, asked[at].loan_id) for at in places], np.int64)
        found = engine.values(names, rows)
        for number, name in enumerate(names):
            table[number, places] = found[name]
        borrowers[places] = engine.book.borrower[rows]
        for name, words in segments.items():
            for at, word in zip(places, engine.words(name, rows), strict=True):
                words[at] = word
    return Samples(
        loan_ids=tuple(item.loan_id for item in asked),
        borrowers=borrowers,
        days=np.array([day_number(date_of_us(item.at_us)) for item in asked], np.int64),
        bad=np.array(bad, np.bool_),
        values=dict(zip(names, table, strict=True)),
        segments={name: tuple(words) for name, words in segments.items()},
    )


def _row(engine: Engine, loan_id: str) -> int:
    row = engine.row_of(loan_id)
    if row < 0:
        raise UnknownLoan(
            f"Nothing was recorded of loan {loan_id} by the moment it is to be judged.",
            way_out="Leave it out, or judge it later.",
            loan_id=loan_id,
        )
    return row


class _Pieces:
    """The log in pieces that end where a moment is asked for."""

    def __init__(self, recorded: Iterable[RecordedFact]) -> None:
        self._facts: Iterator[RecordedFact] = iter(recorded)
        self._next: RecordedFact | None = next(self._facts, None)

    def upto(self, at_us: int) -> Iterator[list[RecordedFact]]:
        """Facts before the first one that was recorded after `at_us`."""
        piece: list[RecordedFact] = []
        while self._next is not None and self._next.fact.recorded_at_us <= at_us:
            piece.append(self._next)
            self._next = next(self._facts, None)
            if len(piece) >= _PIECE:
                yield piece
                piece = []
        yield piece
