"""What officers and teams did, as tallies: each a case, promise, contact or warning that counts.

A figure is a sum over tallies: `part` of `whole`. So the cases behind a figure are its tallies, and
a figure that is adjusted for the mix of segments is made of the same ones.

Adjusting (direct standardisation): the rate of each segment of an officer is weighted by the share
of the segment in all that is compared, not in what the officer happened to get. Segments that the
officer had nothing of are left out, and the weights of the others made whole again; `covered` says
how much of the common mix the officer's segments stand for. Rates are in parts per million, rounded
down, so that the same facts give the same number everywhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

PPM = 1_000_000


class Tally(NamedTuple):
    """One thing that counts: whose it is, its segment, what it is, and `part` of `whole`."""

    owner_id: str
    team: str
    segment: str
    reference: str
    part: int
    whole: int


@dataclass(frozen=True, slots=True)
class Rate:
    """`part` of `whole`; the rate plain, and adjusted to the common mix of segments."""

    part: int
    whole: int
    rate_ppm: int | None
    adjusted_ppm: int | None
    covered_ppm: int


Key = Callable[[Tally], str]


def by_owner(tally: Tally) -> str:
    """Figures of officers."""
    return tally.owner_id


def by_team(tally: Tally) -> str:
    """Figures of teams."""
    return tally.team


def rates(tallies: Iterable[Tally], key: Key) -> dict[str, Rate]:
    """The rate of each officer or team, plain and adjusted."""
    sums: defaultdict[str, defaultdict[str, list[int]]]
    sums = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    mix: defaultdict[str, int] = defaultdict(int)
    for tally in tallies:
        of = sums[key(tally)][tally.segment]
        of[0] += tally.part
        of[1] += tally.whole
        mix[tally.segment] += tally.whole
    return {name: _rate(of, mix) for name, of in sorted(sums.items())}


def _rate(of: Mapping[str, list[int]], mix: Mapping[str, int]) -> Rate:
    part, whole = (sum(each[at] for each in of.values()) for at in (0, 1))
    had = {segment: each for segment, each in of.items() if each[1]}
    weight = sum(mix[segment] for segment in had)
    everything = sum(mix.values())
    adjusted = sum(
        (Fraction(mix[segment] * each[0], weight * each[1]) for segment, each in had.items()),
        Fraction(0),
    )
    return Rate(
        part,
        whole,
        part * PPM // whole if whole else None,
        int(adjusted * PPM) if weight else None,
        weight * PPM // everything if everything else 0,
    )


def counts(tallies: Iterable[Tally], key: Key) -> dict[str, int]:
    """The sum of the parts of each officer or team."""
    found: defaultdict[str, int] = defaultdict(int)
    for tally in tallies:
        found[key(tally)] += tally.part
    return dict(sorted(found.items()))
