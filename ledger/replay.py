"""The definition of a loan's money: its entries in canonical order, and what they add up to.

Each repayment meets the dues that were known by then. Money that found no due is applied as soon as
a later entry brings one, the earliest repayment first. A refund takes money out of the repayments
before it, the newest first, and only then out of later ones: what went back pays nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ledger.delinquency import COMPONENTS, PENALTY, PRINCIPAL, Charge, days_past_due
from ledger.overdue import Meter
from ledger.plan import DRAWN_CAUSE, PREPAID, RATE_CAUSE, REVISED_CAUSE, SHORTENED, Cause, rows_for
from ledger.position import (
    CAPITALISED,
    CHARGE,
    CLOSING,
    DRAWN,
    FOUND,
    RATE,
    REFUND,
    REPAYMENT,
    REVISED,
    SCHEDULE,
    Entry,
    Position,
    Rows,
    Wish,
)
from ledger.terms import Terms
from ledger.waterfall import UNAPPLIED, allocate, order_of, split_of

_CAUSE_OF = {
    RATE: RATE_CAUSE,
    DRAWN: DRAWN_CAUSE,
    CAPITALISED: DRAWN_CAUSE,
    REVISED: REVISED_CAUSE,
}
_EFFECTS = {"reduce_instalment": PREPAID, "reduce_term": SHORTENED}
_NOTHING = Wish()
_REVOLVING = Wish(effect="reduce_instalment")
MISUSED = "misuse_of_funds"
NON_PERFORMING = frozenset(
    ["bankruptcy", "credit_impaired", "default_observed", "seriously_impaired"]
)
"""Findings with which interest is no longer accrued on the balance sheet, however well it pays."""


@dataclass(slots=True)
class Agreed:
    """What was agreed about a loan: its terms, and about single repayments by transaction id."""

    terms: Terms
    order: tuple[int, ...] = ()
    wishes: dict[str, Wish] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.order = order_of(self.terms.allocation)

    def wish_of(self, entry: Entry) -> Wish:
        """What is asked of a repayment; an early one of a revolving line lowers what is owed."""
        revolving = self.terms.revolving and entry.kind == REPAYMENT
        return self.wishes.get(entry.tie, _REVOLVING if revolving else _NOTHING)

    def order_on(self, position: Position, day: int, received_minor: int) -> tuple[int, ...]:
        """The order in force: principal first where agreed for a loan so many days past due."""
        limit = self.terms.principal_first_after_days
        if limit is None:
            return self.order
        late = days_past_due(position.dues, paid_minor=received_minor, day=day)
        if late <= limit:
            return self.order
        return (PRINCIPAL, *(part for part in self.order if part != PRINCIPAL))


def causes_of(entries: Sequence[Entry]) -> list[Cause]:
    """What a generated schedule follows from, where no repayment has an effect on it."""
    return [
        Cause(entry.day, _CAUSE_OF[entry.kind], entry.number, entry.revision)
        for entry in entries
        if entry.kind in _CAUSE_OF
    ]


def replay(
    entries: Sequence[Entry], *, agreed: Agreed, schedules: Mapping[tuple[Cause, ...], Rows]
) -> Position:
    """The position after `entries`, which are in canonical order.

    `schedules` are generated ones as they were recorded, by what they followed from.
    """
    walk = _Walk(agreed, schedules, _refunded(entries))
    for entry in entries:
        walk.take(entry)
    return walk.end()


class _Walk:
    """Goes through the entries in order, keeping the position."""

    def __init__(
        self,
        agreed: Agreed,
        schedules: Mapping[tuple[Cause, ...], Rows],
        refunded: Mapping[str, int],
    ) -> None:
        self._agreed, self._schedules, self._refunded = agreed, schedules, refunded
        self._position = Position()
        self._position.given = agreed.terms.method == "given"
        self._parts: dict[str, list[int]] = {}
        self._waiting: list[list[int]] = []
        self._received = 0
        self._findings: set[str] = set()
        terms = agreed.terms
        self._meter = Meter(terms, terms.penalty) if terms.penalty is not None else None

    def take(self, entry: Entry) -> None:
        position, kind, day = self._position, entry.kind, entry.day
        self._overdue(entry)
        self._judge(day)
        if kind in (DRAWN, CAPITALISED):
            position.drawn_minor += entry.number
        elif kind == CHARGE:
            position.charge(entry.charge)
        elif kind == SCHEDULE:
            position.given = True
            position.schedule(entry.rows)
        if kind in _CAUSE_OF:
            self._cause(Cause(day, _CAUSE_OF[kind], entry.number, entry.revision))
        order = self._agreed.order_on(position, day, self._received)
        self._received += entry.paid_minor
        if kind in (REPAYMENT, CAPITALISED):
            free = entry.number - self._refunded.get(entry.tie, 0)
            part = self._parts[entry.tie] = [0, 0, 0, 0, 0, free]
            self._wish(part, self._agreed.wish_of(entry), day, order)
            self._waiting.append(part)
        for part in self._waiting:
            self._apply(part, day, order)
        self._waiting = [part for part in self._waiting if part[UNAPPLIED]]
        self._judge(day)

    def _overdue(self, entry: Entry) -> None:
        """Count interest on what is overdue up to the entry; a payment or closing makes it due."""
        meter, position, day = self._meter, self._position, entry.day
        if entry.kind == FOUND:
            known = self._findings
            (known.add if entry.number else known.discard)(entry.finding)
        if meter is None:
            return
        meter.advance(position, day + (entry.kind == CLOSING))
        if entry.kind == RATE:
            meter.rate_ppm = entry.number
        elif entry.revision is not None and entry.revision.rate_ppm is not None:
            meter.rate_ppm = entry.revision.rate_ppm
        meter.misused = MISUSED in self._findings
        if entry.kind in (REPAYMENT, CLOSING):
            penalty, compound = meter.charge()
            if penalty or compound:
                before = position.penalties.get(day, (0, 0))
                position.penalties[day] = before[0] + penalty, before[1] + compound
                position.charge(Charge(day, PENALTY, penalty + compound))

    def _judge(self, day: int) -> None:
        """Suspend accrual once the loan is non-performing; resume it when nothing is past due."""
        position, terms = self._position, self._agreed.terms
        if terms.recognition == "received":
            return
        late = days_past_due(position.dues, paid_minor=self._received, day=day)
        if late > terms.suspend_after_days or self._findings & NON_PERFORMING:
            position.suspended = True
        elif not late:
            position.suspended = False

    def end(self) -> Position:
        position = self._position
        for tie, aside in self._refunded.items():
            self._parts[tie][UNAPPLIED] += aside
        position.splits = {tie: split_of(part) for tie, part in self._parts.items()}
        position.unapplied_minor = self._received - sum(position.paid)
        return position

    def _cause(self, cause: Cause) -> None:
        """Take in what a generated schedule follows from; a given one follows from nothing."""
        position = self._position
        if position.given:
            return
        position.causes.append(cause)
        key = tuple(position.causes)
        position.schedule(rows_for(key, terms=self._agreed.terms, schedules=self._schedules))

    def _wish(self, part: list[int], wish: Wish, day: int, order: Sequence[int]) -> None:
        """What was agreed about one repayment: its parts, then what its early part does."""
        position = self._position
        for name, amount_minor in wish.designated:
            component = COMPONENTS.index(name)
            totals = position.dues.running
            left = totals[-1][component] - position.paid[component] if totals else 0
            if component == PRINCIPAL:
                left = min(left, position.principal_minor)
            self._count(part, component, max(0, min(amount_minor, left, part[UNAPPLIED])))
        kind = _EFFECTS.get(wish.effect)
        if kind is None or position.given:
            return
        due = self._allocated(part[UNAPPLIED], day, order, in_advance=False)
        early = min(due[UNAPPLIED], position.principal_minor - due[PRINCIPAL])
        if early > 0:
            self._cause(Cause(day, kind, early))

    def _apply(self, part: list[int], day: int, order: Sequence[int]) -> None:
        """Apply what is still unapplied of one repayment, as far as there are dues."""
        more = self._allocated(part[UNAPPLIED], day, order, in_advance=True)
        for component in range(5):
            self._count(part, component, more[component])

    def _allocated(
        self, amount_minor: int, day: int, order: Sequence[int], *, in_advance: bool
    ) -> list[int]:
        return allocate(
            amount_minor,
            day=day,
            dues=self._position.dues,
            paid=self._position.paid,
            order=order,
            direction=self._agreed.terms.direction,
            principal_minor=self._position.principal_minor,
            in_advance=in_advance,
        )

    def _count(self, part: list[int], component: int, amount_minor: int) -> None:
        part[component] += amount_minor
        part[UNAPPLIED] -= amount_minor
        self._position.paid[component] += amount_minor


def _refunded(entries: Sequence[Entry]) -> dict[str, int]:
    """How much of each repayment went back, by transaction id."""
    back: dict[str, int] = {}
    for at, entry in enumerate(entries):
        if entry.kind != REFUND:
            continue
        left = entry.number
        for repayment in (*reversed(entries[:at]), *entries[at:]):
            if repayment.kind == REPAYMENT and left:
                take = min(left, repayment.number - back.get(repayment.tie, 0))
                back[repayment.tie] = back.get(repayment.tie, 0) + take
                left -= take
    return {tie: amount for tie, amount in back.items() if amount}
