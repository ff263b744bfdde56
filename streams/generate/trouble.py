"""Kinds of trouble, and the course a borrower takes: what comes in, goes out and is kept ready.

A course is three curves over the days: turnover (`inflow`), costs (`costs`) and the share of the
coming dues the borrower keeps ready (`keep`), each in 1/1000 and linear between knots. The
literature sees turnover and balances turn about twelve months before a default (Norden & Weber
2010); the slow kinds here take 9 to 14 months, the sudden ones 6 to 9, the dishonest ones 3 to 5.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from streams.generate.draws import Draws, IntArray

KNOTS = 7
_FAR = 1_000_000


class Trouble(IntEnum):
    """What befalls a borrower. The first group ends in default, if the time suffices."""

    NONE = 0
    SLOW_SQUEEZE = 1
    LOST_CUSTOMER = 2
    FAILED_SEASON = 3
    OVERTRADING = 4
    DIVERTED_FUNDS = 5
    NEVER_PAID = 6
    STRATEGIC_LATE = 7
    TECHNICAL_LATE = 8
    ILLNESS = 9
    PASSING_DIP = 10


GRAVE = (
    Trouble.SLOW_SQUEEZE,
    Trouble.LOST_CUSTOMER,
    Trouble.FAILED_SEASON,
    Trouble.OVERTRADING,
    Trouble.DIVERTED_FUNDS,
    Trouble.NEVER_PAID,
)

SHARES_PER_MILLE = {
    Trouble.SLOW_SQUEEZE: 50,
    Trouble.LOST_CUSTOMER: 25,
    Trouble.FAILED_SEASON: 14,
    Trouble.OVERTRADING: 19,
    Trouble.DIVERTED_FUNDS: 10,
    Trouble.NEVER_PAID: 9,
    Trouble.STRATEGIC_LATE: 15,
    Trouble.TECHNICAL_LATE: 80,
    Trouble.ILLNESS: 20,
    Trouble.PASSING_DIP: 70,
}
"""Of 1,000 borrowers; the rest are healthy, with ordinary noise."""

Knots = list[tuple[int, int, int, int]]


def _slow_squeeze(start: int, length: int) -> Knots:
    return [
        (start, 1000, 1000, 1000),
        (start + length * 2 // 5, 780, 960, 850),
        (start + length, 480, 850, 350),
        (start + length + 40, 180, 600, 0),
        (start + length + 100, 40, 250, 0),
    ]


def _lost_customer(start: int, length: int) -> Knots:
    return [
        (start, 1000, 1000, 1000),
        (start + 8, 520, 980, 1000),
        (start + length * 2 // 5, 450, 850, 650),
        (start + length * 4 // 5, 280, 700, 100),
        (start + length + 20, 120, 450, 0),
        (start + length + 90, 30, 250, 0),
    ]


def _failed_season(start: int, length: int) -> Knots:
    return [
        (start, 1000, 1000, 1000),
        (start + 20, 420, 1050, 900),
        (start + length * 3 // 5, 400, 900, 400),
        (start + length, 250, 650, 0),
        (start + length + 80, 50, 300, 0),
    ]


def _overtrading(start: int, length: int) -> Knots:
    return [
        (start, 1000, 1000, 1000),
        (start + length // 2, 1450, 1600, 600),
        (start + length, 1000, 1500, 200),
        (start + length + 30, 250, 900, 0),
        (start + length + 90, 50, 300, 0),
    ]


def _diverted(start: int, length: int) -> Knots:
    return [
        (start, 1000, 1000, 1000),
        (start + 3, 800, 1000, 900),
        (start + 30, 300, 600, 500),
        (start + length // 2, 80, 300, 0),
        (start + length + 60, 30, 150, 0),
    ]


def _never_paid(start: int, length: int) -> Knots:
    return [
        (start, 1000, 1000, 1000),
        (start + 2, 500, 900, 0),
        (start + 40, 250, 600, 0),
        (start + length, 80, 200, 0),
    ]


def _dip(start: int, length: int) -> Knots:
    return [
        (start, 1000, 1000, 1000),
        (start + 15, 600, 900, 1000),
        (start + length // 3, 620, 880, 1000),
        (start + length // 2, 1000, 980, 1000),
    ]


def _illness(start: int, length: int) -> Knots:
    return [
        (start, 1000, 1000, 1000),
        (start + 10, 450, 800, 1000),
        (start + length // 3, 600, 850, 1000),
        (start + length * 2 // 3, 1000, 1000, 1000),
    ]


_COURSES = {
    Trouble.SLOW_SQUEEZE: _slow_squeeze,
    Trouble.LOST_CUSTOMER: _lost_customer,
    Trouble.FAILED_SEASON: _failed_season,
    Trouble.OVERTRADING: _overtrading,
    Trouble.DIVERTED_FUNDS: _diverted,
    Trouble.NEVER_PAID: _never_paid,
    Trouble.PASSING_DIP: _dip,
    Trouble.ILLNESS: _illness,
}

LENGTH_DAYS = {
    Trouble.SLOW_SQUEEZE: (170, 270),
    Trouble.LOST_CUSTOMER: (90, 150),
    Trouble.FAILED_SEASON: (100, 160),
    Trouble.OVERTRADING: (150, 230),
    Trouble.DIVERTED_FUNDS: (70, 110),
    Trouble.NEVER_PAID: (90, 120),
    Trouble.STRATEGIC_LATE: (200, 300),
    Trouble.ILLNESS: (120, 180),
    Trouble.PASSING_DIP: (100, 200),
}
"""How long a course runs from its start, least and most, in days."""


def draw_troubles(draws: Draws, size: int) -> IntArray:
    """A kind of trouble for each of `size` borrowers, by `SHARES_PER_MILLE`."""
    roll = draws.below(1000, size)
    kinds = np.zeros(size, dtype=np.int64)
    low = 0
    for kind, share in SHARES_PER_MILLE.items():
        kinds[(roll >= low) & (roll < low + share)] = int(kind)
        low += share
    return kinds


class Courses:
    """The curves of all borrowers. Shape of each table: (borrowers, knots) int64."""

    def __init__(self, kinds: IntArray, starts: IntArray, lengths: IntArray) -> None:
        size = len(kinds)
        self._days = np.full((size, KNOTS), _FAR, dtype=np.int64)
        self._days[:, 0] = -_FAR
        self._values = np.full((3, size, KNOTS), 1000, dtype=np.int64)
        for row in np.flatnonzero(kinds).tolist():
            course = _COURSES.get(Trouble(int(kinds[row])))
            if course is None:
                continue
            knots = course(int(starts[row]), int(lengths[row]))
            for place, (day, *values) in enumerate(knots, start=1):
                self._days[row, place] = day
                self._values[:, row, place] = values
            self._values[:, row, len(knots) + 1 :] = self._values[:, row, len(knots), None]
        self._rows = np.arange(size)

    def at(self, day: int) -> tuple[IntArray, IntArray, IntArray]:
        """Inflow, costs and keep of every borrower on `day`, each (borrowers,) in 1/1000."""
        place = (self._days <= day).sum(axis=1) - 1
        after = np.minimum(place + 1, KNOTS - 1)
        since = self._days[self._rows, place]
        width = np.maximum(self._days[self._rows, after] - since, 1)
        low = self._values[:, self._rows, place]
        high = self._values[:, self._rows, after]
        now = low + (high - low) * (day - since) // width
        return now[0], now[1], now[2]
