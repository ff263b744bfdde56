"""A loan's money, derived: its facts in canonical order, and what they add up to.

Canonical order is (value day, kind, transaction id), so the order in which facts arrive cannot
matter. `replay` is the definition: it goes through the facts in that order up to any day. The
`Book` keeps the outcome of the whole replay beside the facts and lets a fact that comes last be
added without it; everything else is derived anew. Decides nothing and knows no commands.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ledger.dates import date_of
from ledger.delinquency import PRINCIPAL, Charge, Dues
from ledger.schedule import generate
from ledger.terms import Instalment, Split, Terms
from ledger.waterfall import UNAPPLIED, allocate, order_of, parts_of, split_of

RATE, DRAWN, SCHEDULE, CHARGE, REPAYMENT = range(1, 6)
"""Kinds of entries. Of one day, rates come first and repayments last: they meet all dues of it."""

Rows = tuple[Instalment, ...]
ScheduleKey = tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]
"""What a generated schedule follows from: disbursements and changes of rate, as (day, number)."""


class Entry(NamedTuple):
    """One fact as the book sees it; the first three fields are its place in canonical order.

    `number` is the amount in minor units, or the rate in parts per million.
    """

    day: int
    kind: int
    tie: str
    number: int = 0
    rows: Rows = ()
    charge: Charge = Charge(0, 0, 0)


class Position:
    """A loan's money after some of its entries. All amounts in minor units.

    `paid` is what each of the five components has received; `splits` how each standing repayment
    is applied; `rows` the schedule in force.
    """

    __slots__ = ("_dues", "charges", "drawn_minor", "paid", "rows", "splits", "unapplied_minor")

    def __init__(self) -> None:
        self.drawn_minor = 0
        self.paid = [0] * 5
        self.unapplied_minor = 0
        self.splits: dict[str, Split] = {}
        self.rows: Rows = ()
        self.charges: list[Charge] = []
        self._dues: Dues | None = None

    @property
    def dues(self) -> Dues:
        """What falls due under the schedule and the charges known here."""
        if self._dues is None:
            self._dues = Dues(self.rows, self.charges)
        return self._dues

    @property
    def principal_minor(self) -> int:
        """Principal outstanding: paid out and not repaid."""
        return self.drawn_minor - self.paid[PRINCIPAL]

    def schedule(self, rows: Rows) -> None:
        """Put `rows` in force instead of all rows before."""
        self.rows, self._dues = rows, None

    def charge(self, charge: Charge) -> None:
        """Add a charge."""
        self.charges.append(charge)
        self._dues = None

    def apply(self, transaction_id: str, split: Split) -> None:
        """Count a repayment as applied by `split`, in place of an earlier split of it."""
        self.take_back(transaction_id)
        self.splits[transaction_id] = split
        self._count(split, 1)

    def take_back(self, transaction_id: str) -> None:
        """Forget a repayment, if it was counted."""
        before = self.splits.pop(transaction_id, None)
        if before is not None:
            self._count(before, -1)

    def _count(self, split: Split, sign: int) -> None:
        parts = parts_of(split)
        paid = self.paid
        for component in range(5):
            paid[component] += sign * parts[component]
        self.unapplied_minor += sign * parts[UNAPPLIED]


class Book:
    """All entries of a loan and their position. Changed by `loan`'s evolve only.

    `schedules` remembers the generated schedules as they were recorded, by what they followed from.
    """

    __slots__ = ("entries", "order", "position", "repayments", "reversed", "schedules", "terms")

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.order = order_of(terms.allocation)
        self.entries: list[Entry] = []
        self.position = Position()
        self.schedules: dict[ScheduleKey, Rows] = {}
        self.repayments: dict[str, Entry] = {}
        self.reversed: set[str] = set()

    def comes_last(self, entry: Entry) -> bool:
        """Whether no known entry comes after it in canonical order."""
        return not self.entries or self.entries[-1][:3] < entry[:3]

    def add(self, entry: Entry) -> None:
        """Take in an entry at its place. Its effect on the position is the caller's."""
        if self.comes_last(entry):
            self.entries.append(entry)
        else:
            insort(self.entries, entry)

    def remove(self, entry: Entry) -> None:
        """Take an entry out again."""
        del self.entries[bisect_left(self.entries, entry)]

    def given_schedule(self) -> bool:
        """Whether the core system keeps the schedule, so that none is generated."""
        return self.terms.method == "given" or any(e.kind == SCHEDULE for e in self.entries)

    def paid_until(self, day: int) -> int:
        """All standing repayments with a value day up to `day`."""
        return sum(e.number for e in self.entries if e.kind == REPAYMENT and e.day <= day)

    def at(self, day: int) -> Position:
        """The position as it was at the end of `day` by all that is known now."""
        if not self.entries or self.entries[-1].day <= day:
            return self.position
        known = [entry for entry in self.entries if entry.day <= day]
        return replay(known, terms=self.terms, order=self.order, schedules=self.schedules)

    def next_split(self, entry: Entry) -> Split:
        """How a repayment that comes last is applied."""
        position = self.position
        return split_of(
            allocate(
                entry.number,
                day=entry.day,
                dues=position.dues,
                paid=position.paid,
                order=self.order,
                principal_minor=position.principal_minor,
            )
        )

    def generated(self, entries: Sequence[Entry]) -> Rows:
        """The schedule that follows from all disbursements and rates among `entries`.

        Errors: RuleRefused as `schedule.generate`.
        """
        return _rows_for(schedule_key(entries), terms=self.terms, schedules=self.schedules)

    def splits_with(self, entries: Sequence[Entry], rows: Rows | None = None) -> dict[str, Split]:
        """The split of every repayment were `entries` the loan's facts.

        `rows` is the schedule generated from them, when there is a new one.
        """
        schedules = self.schedules
        if rows is not None:
            schedules = {**schedules, schedule_key(entries): rows}
        return replay(entries, terms=self.terms, order=self.order, schedules=schedules).splits


def schedule_key(entries: Iterable[Entry]) -> ScheduleKey:
    """What a generated schedule follows from."""
    drawn, rates = [], []
    for entry in entries:
        if entry.kind == DRAWN:
            drawn.append((entry.day, entry.number))
        elif entry.kind == RATE:
            rates.append((entry.day, entry.number))
    return tuple(drawn), tuple(rates)


def replay(
    entries: Sequence[Entry],
    *,
    terms: Terms,
    order: Sequence[int],
    schedules: Mapping[ScheduleKey, Rows],
) -> Position:
    """The position after `entries`, which are in canonical order.

    Each repayment meets the dues that were known by then. Money that found no due is applied as
    soon as a later entry brings one, the earliest repayment first.
    """
    position = Position()
    parts: dict[str, list[int]] = {}
    waiting: list[list[int]] = []
    given = terms.method == "given"
    for count, entry in enumerate(entries, start=1):
        if entry.kind == REPAYMENT:
            part = parts[entry.tie] = [0, 0, 0, 0, 0, entry.number]
            waiting.append(part)
        elif entry.kind == CHARGE:
            position.charge(entry.charge)
        elif entry.kind == SCHEDULE:
            given = True
            position.schedule(entry.rows)
        elif entry.kind == DRAWN:
            position.drawn_minor += entry.number
        if entry.kind in (DRAWN, RATE) and not given:
            key = schedule_key(entries[:count])
            position.schedule(_rows_for(key, terms=terms, schedules=schedules))
        for part in waiting:
            _apply(position, part, day=entry.day, order=order)
        waiting = [part for part in waiting if part[UNAPPLIED]]
    position.splits = {tie: split_of(part) for tie, part in parts.items()}
    position.unapplied_minor = sum(part[UNAPPLIED] for part in waiting)
    return position


def _apply(position: Position, part: list[int], *, day: int, order: Sequence[int]) -> None:
    """Apply what is still unapplied of one repayment, as far as there are dues."""
    more = allocate(
        part[UNAPPLIED],
        day=day,
        dues=position.dues,
        paid=position.paid,
        order=order,
        principal_minor=position.principal_minor,
    )
    for component in range(5):
        part[component] += more[component]
        position.paid[component] += more[component]
    part[UNAPPLIED] = more[UNAPPLIED]


def _rows_for(key: ScheduleKey, *, terms: Terms, schedules: Mapping[ScheduleKey, Rows]) -> Rows:
    """The generated schedule for `key`: as it was recorded, else computed."""
    if not key[0]:
        return ()
    rows = schedules.get(key)
    if rows is None:
        rows = generate(
            terms,
            disbursements=[(date_of(day), amount) for day, amount in key[0]],
            rates=[(date_of(day), rate) for day, rate in key[1]],
        )
    return rows
