"""What would have rung: history under other rules, and how that differs from the present ones.

`rehearse` lets a pack live through the ledger's facts from the first one, without anything that
people did; `compare` sets two outcomes side by side. Nothing is recorded.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from ledger.dates import Calendar
from ledger.events import (
    Severity,
    WarningEscalated,
    WarningFoundFalse,
    WarningRaised,
    WarningReopened,
    WarningResolved,
    WarningWithdrawn,
)
from ledger.store import Recorded
from warning.engine import FactsOf
from warning.pack import Pack, rank
from warning.recollection import batches
from warning.watch import Watch

_FACTS = 20_000
By = Literal["rule", "loan"]


@dataclass(slots=True)
class Ring:
    """One episode of a warning: when it rang, how grave it became, and when it was over.

    `inhibited` episodes were muted when they began. `ended` is None while it is open.
    """

    warning_id: str
    loan_id: str
    officer_id: str
    rule: str
    rang: date
    severity: Severity
    reason: str
    inhibited: bool
    withdrawn: bool = False
    ended: date | None = None

    def overlaps(self, other: Ring) -> bool:
        """Whether both were open on some day."""
        return self.rang <= (other.ended or date.max) and other.rang <= (self.ended or date.max)


@dataclass(frozen=True, slots=True)
class Moved:
    """The same trouble, rung on another day. `days` > 0: the other rules ring later."""

    present: Ring
    other: Ring

    @property
    def days(self) -> int:
        """Calendar days from the present ring to the other one."""
        return (self.other.rang - self.present.rang).days


@dataclass(frozen=True, slots=True)
class Difference:
    """Two packs side by side: what only the other rings, what it misses, what it rings when."""

    rung: tuple[Ring, ...]
    missed: tuple[Ring, ...]
    earlier: tuple[Moved, ...]
    later: tuple[Moved, ...]
    same: tuple[Moved, ...]


def rehearse(
    packs: Sequence[Pack],
    ledger: Iterable[Recorded],
    *,
    calendar: Calendar,
    facts_of: FactsOf | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[list[Ring]]:
    """What each of `packs` would have rung over the ledger's facts, in one reading of them.

    `progress` is told the position reached. Memory: one engine a pack.
    """
    watches = [Watch(pack=pack, calendar=calendar, facts_of=facts_of) for pack in packs]
    books = [RingBook() for _ in packs]
    for facts in batches(ledger, _FACTS):
        for watch, book in zip(watches, books, strict=True):
            for new in watch.observe(facts):
                book.note(new.fact)
        if progress is not None:
            progress(facts[-1].position)
    return [book.rings() for book in books]


class RingBook:
    """Episodes from facts of the warnings log, recorded or rehearsed."""

    def __init__(self) -> None:
        self._rings: dict[str, Ring] = {}

    def note(self, fact: object) -> None:
        """Take in the next fact of the log."""
        if isinstance(fact, WarningRaised):
            self._raised(fact)
        elif isinstance(fact, WarningEscalated):
            self._rings[fact.warning_id].severity = fact.severity
        elif isinstance(fact, WarningReopened):
            ring = self._rings[fact.warning_id]
            ring.ended, ring.severity = None, max(ring.severity, fact.severity, key=rank)
        elif isinstance(fact, WarningResolved | WarningFoundFalse | WarningWithdrawn):
            ring = self._rings[fact.warning_id]
            ring.ended = fact.value_date
            ring.withdrawn = isinstance(fact, WarningWithdrawn)

    def rings(self) -> list[Ring]:
        """All episodes, in the order in which they began."""
        return list(self._rings.values())

    def _raised(self, fact: WarningRaised) -> None:
        known = self._rings.get(fact.warning_id)
        if known is not None:  # It rings again after a silence, or once nothing mutes it.
            known.severity = max(known.severity, fact.severity, key=rank)
            return
        self._rings[fact.warning_id] = Ring(
            warning_id=fact.warning_id,
            loan_id=fact.loan_id,
            officer_id=fact.officer_id,
            rule=fact.rule,
            rang=fact.value_date,
            severity=fact.severity,
            reason=fact.reason,
            inhibited=fact.inhibited_by is not None,
        )


def compare(present: Iterable[Ring], other: Iterable[Ring], *, by: By = "rule") -> Difference:
    """Pair episodes that were open at the same time, and tell what has no partner.

    By "rule" an episode pairs with one of the same loan and rule; by "loan" with any of the same
    loan, the first one that is free: for packs whose rules have other names. Each pairs once.
    """
    left, right = _grouped(present, by), _grouped(other, by)
    moved: list[Moved] = []
    rung: list[Ring] = []
    missed: list[Ring] = []
    for key in sorted(left.keys() | right.keys()):
        free = list(right.get(key, ()))
        for ring in left.get(key, ()):
            partner = next((candidate for candidate in free if ring.overlaps(candidate)), None)
            if partner is None:
                missed.append(ring)
            else:
                free.remove(partner)
                moved.append(Moved(ring, partner))
        rung += free
    return Difference(
        rung=tuple(rung),
        missed=tuple(missed),
        earlier=tuple(pair for pair in moved if pair.days < 0),
        later=tuple(pair for pair in moved if pair.days > 0),
        same=tuple(pair for pair in moved if pair.days == 0),
    )


def volumes(books: Sequence[Sequence[Ring]]) -> list[dict[str, float]]:
    """For each of the books, warnings a month of 30 days that reach each officer.

    Muted ones are left out. Months run from the first ring of any book to the last, at least one.
    """
    days = [ring.rang for book in books for ring in book]
    months = max(1.0, ((max(days) - min(days)).days + 1) / 30) if days else 1.0
    found = []
    for book in books:
        counts = Counter(ring.officer_id for ring in book if not ring.inhibited)
        found.append({officer: counts[officer] / months for officer in sorted(counts)})
    return found


def _grouped(rings: Iterable[Ring], by: By) -> dict[tuple[str, str], list[Ring]]:
    groups: defaultdict[tuple[str, str], list[Ring]] = defaultdict(list)
    for ring in rings:
        groups[ring.loan_id, ring.rule if by == "rule" else ""].append(ring)
    for group in groups.values():
        group.sort(key=lambda ring: (ring.rang, ring.rule, ring.warning_id))
    return groups
