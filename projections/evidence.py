"""What findings and measures ask for under the rules of one edition. Pure, one loan at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from projections.book import Finding
from projections.regime import CauseFloor, Edition, Kind

Active = Mapping[str, Finding]
"""The findings and measures that stand on a loan, by name."""


def causes(edition: Edition, active: Active, kind: Kind) -> Iterator[CauseFloor]:
    """The rules by cause that hold, in the order of the edition."""
    for rule in edition.causes:
        found = active.get(rule.word)
        if found is None or found.value_ppm < rule.from_ppm or rule.unless in active:
            continue
        if rule.speaks_of(kind):
            yield rule


def cause_rank(edition: Edition, active: Active, kind: Kind) -> int:
    """The least rank that findings and measures ask for."""
    return max((rule.rank for rule in causes(edition, active, kind)), default=0)


def excuses(edition: Edition, active: Active) -> int:
    """Bit i is set when evidence excuses the edition's i-th rule by days past due."""
    bits = 0
    for at, rule in enumerate(edition.past_due):
        if rule.unless is not None and rule.unless in active:
            bits |= 1 << at
    return bits
