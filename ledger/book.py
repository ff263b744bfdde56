"""A loan's book: its facts in canonical order, and their position kept up to date.

Canonical order is (value day, kind, transaction id), so the order in which facts arrive cannot
matter; `replay` is the definition. A fact that comes last is added without it; everything else is
derived anew. Decides nothing and knows no commands.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from copy import copy

from ledger.plan import Cause
from ledger.position import CLOSING, DRAWN, REFUND, REVISED, SCHEDULE, Entry, Position, Rows, Wish
from ledger.replay import Agreed, causes_of, replay
from ledger.terms import Split, Terms
from ledger.waterfall import allocate, split_of


class Book:
    """All entries of a loan and their position. Changed by `loan`'s evolve only.

    `schedules` remembers the generated schedules as they were recorded, by what they followed from.
    """

    __slots__ = ("_plain", "agreed", "entries", "position", "repayments", "reversed", "schedules")

    def __init__(self, terms: Terms) -> None:
        self.agreed = Agreed(terms)
        self.entries: list[Entry] = []
        self.position = Position()
        self.schedules: dict[tuple[Cause, ...], Rows] = {}
        self.repayments: dict[str, Entry] = {}
        self.reversed: set[str] = set()
        self._plain = not (self.accrues or terms.revolving)

    @property
    def terms(self) -> Terms:
        """The agreed terms."""
        return self.agreed.terms

    @property
    def accrues(self) -> bool:
        """Whether interest is booked before it is received."""
        return self.terms.accrues

    @property
    def closed_day(self) -> int | None:
        """The last day on which interest was closed."""
        return max((entry.day for entry in self.entries if entry.kind == CLOSING), default=None)

    def copied(self) -> Book:
        """A book of its own with the same facts."""
        other = copy(self)
        other.agreed = Agreed(self.terms, wishes=dict(self.agreed.wishes))
        other.entries, other.position = list(self.entries), self.position.copied()
        other.schedules, other.repayments = dict(self.schedules), dict(self.repayments)
        other.reversed = set(self.reversed)
        return other

    def comes_last(self, entry: Entry) -> bool:
        """Whether no known entry comes after it in canonical order."""
        return not self.entries or self.entries[-1][:3] < entry[:3]

    def add(self, entry: Entry) -> None:
        """Take in an entry at its place. Its effect on the position is the caller's."""
        if entry.kind in (REFUND, REVISED):
            self._plain = False
        if self.comes_last(entry):
            self.entries.append(entry)
        else:
            insort(self.entries, entry, key=lambda known: known[:3])

    def remove(self, entry: Entry) -> None:
        """Take an entry out again."""
        del self.entries[bisect_left(self.entries, entry[:3], key=lambda known: known[:3])]

    def wish(self, transaction_id: str, wish: Wish) -> None:
        """Note how a repayment is to be applied."""
        self.agreed.wishes[transaction_id] = wish
        self._plain = False

    def given_schedule(self) -> bool:
        """Whether the core system keeps the schedule, so that none is generated."""
        return self.terms.method == "given" or any(e.kind == SCHEDULE for e in self.entries)

    def paid_until(self, day: int) -> int:
        """All standing repayments with a value day up to `day`, refunds taken off."""
        return sum(entry.paid_minor for entry in self.entries if entry.day <= day)

    @property
    def disbursed_minor(self) -> int:
        """All that was paid out."""
        return sum(entry.number for entry in self.entries if entry.kind == DRAWN)

    def plainly_last(self, entry: Entry) -> bool:
        """Whether `entry` may be taken out without a replay."""
        return self._plain and self.entries[-1] is entry

    def at(self, day: int) -> Position:
        """The position as it was at the end of `day` by all that is known now."""
        if not self.entries or self.entries[-1].day <= day:
            return self.position
        return self.after([entry for entry in self.entries if entry.day <= day])

    def after(self, entries: Sequence[Entry], wishes: dict[str, Wish] | None = None) -> Position:
        """The position were `entries`, in any order, the loan's facts; `wishes` are added."""
        agreed = self.agreed
        if wishes:
            agreed = Agreed(agreed.terms, wishes=agreed.wishes | wishes)
        return replay(sorted(entries, key=lambda e: e[:3]), agreed=agreed, schedules=self.schedules)

    def next_split(self, entry: Entry) -> Split | None:
        """How a repayment is applied that comes last and changes no other; None if it may not."""
        if not self._plain or not self.comes_last(entry):
            return None
        position = self.position
        return split_of(
            allocate(
                entry.number,
                day=entry.day,
                dues=position.dues,
                paid=position.paid,
                order=self.agreed.order_on(position, entry.day, position.received_minor),
                direction=self.terms.direction,
                principal_minor=position.principal_minor,
            )
        )

    def remember(self, rows: Rows) -> None:
        """Keep a generated schedule as it was recorded, for what it follows from now."""
        causes = causes_of(self.entries) if self._plain else self.after(self.entries).causes
        self.schedules[tuple(causes)] = rows
