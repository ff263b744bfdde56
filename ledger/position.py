"""A loan's facts as the book sees them, and the money they add up to. Derives nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from types import MappingProxyType
from typing import NamedTuple

from ledger.delinquency import PRINCIPAL, Charge, Dues
from ledger.plan import Cause
from ledger.terms import Component, Instalment, Revision, Split
from ledger.waterfall import UNAPPLIED, parts_of

FOUND, RATE, REVISED, DRAWN, SCHEDULE, CHARGE, CAPITALISED, REPAYMENT, REFUND, CLOSING = range(10)
"""Kinds of entries. Of one day, findings and rates come first; repayments meet all dues of it, what
they leave may be refunded, and a closing of interest takes in the whole day."""

Rows = tuple[Instalment, ...]


class Entry(NamedTuple):
    """One fact as the book sees it; the first three fields are its place in canonical order.

    `number` is the amount in minor units, or the rate in parts per million. A charge of principal
    is money charged back: owed again. What is capitalised is drawn and repays arrears at once. A
    `finding` holds while its number is 1.
    """

    day: int
    kind: int
    tie: str
    number: int = 0
    rows: Rows = ()
    charge: Charge = Charge(0, 0, 0)
    revision: Revision | None = None
    finding: str = ""

    @property
    def paid_minor(self) -> int:
        """What it adds to the money paid: repayments and what was capitalised, less refunds."""
        if self.kind in (REPAYMENT, CAPITALISED):
            return self.number
        return -self.number if self.kind == REFUND else 0


class Booked(NamedTuple):
    """What the books hold of a loan's interest, for the days before `until`; minor units.

    `penalties` are penalty and compound interest by the day they fell due.
    """

    until: int = 0
    interest_minor: int = 0
    suspended: bool = False
    suspended_interest_minor: int = 0
    suspended_penalty_minor: int = 0
    penalties: Mapping[int, tuple[int, int]] = MappingProxyType({})


class Wish(NamedTuple):
    """How a repayment is to be applied: by component, and what an early part of it does."""

    designated: tuple[tuple[Component, int], ...] = ()
    effect: str = "hold"


class Position:
    """A loan's money after some of its entries. All amounts in minor units.

    `paid` is what each of the five components has received; `splits` how each standing repayment
    is applied; `unapplied_minor` what waits in suspense, refunds taken off; `rows` the schedule in
    force, `causes` what it follows from if it was generated. A replay also gives the `penalties`
    that fell due by day, and whether accrual is `suspended`.
    """

    __slots__ = (
        "_dues",
        "causes",
        "charges",
        "drawn_minor",
        "given",
        "paid",
        "penalties",
        "rows",
        "splits",
        "suspended",
        "unapplied_minor",
    )

    def __init__(self) -> None:
        self.drawn_minor = 0
        self.paid = [0] * 5
        self.unapplied_minor = 0
        self.splits: dict[str, Split] = {}
        self.rows: Rows = ()
        self.causes: list[Cause] = []
        self.given = False
        self.charges: list[Charge] = []
        self.penalties: dict[int, tuple[int, int]] = {}
        self.suspended = False
        self._dues: Dues | None = None

    def copied(self) -> Position:
        """A position of its own with the same money."""
        other = copy(self)
        other.paid, other.splits = list(self.paid), dict(self.splits)
        other.causes, other.charges = list(self.causes), list(self.charges)
        other.penalties = dict(self.penalties)
        return other

    @property
    def dues(self) -> Dues:
        """What falls due under the schedule and the charges known here."""
        if self._dues is None:
            self._dues = Dues(self.rows, self.charges)
        return self._dues

    @property
    def principal_minor(self) -> int:
        """Principal outstanding: paid out, capitalised or charged back, and not repaid."""
        return self.drawn_minor - self.paid[PRINCIPAL]

    @property
    def received_minor(self) -> int:
        """All money received, refunds taken off."""
        return sum(self.paid) + self.unapplied_minor

    def schedule(self, rows: Rows) -> None:
        """Put `rows` in force instead of all rows before."""
        self.rows, self._dues = rows, None

    def charge(self, charge: Charge) -> None:
        """Add a charge; one of principal is owed again."""
        self.charges.append(charge)
        if charge.component == PRINCIPAL:
            self.drawn_minor += charge.amount_minor
        if self._dues is not None:
            self._dues = self._dues.plus(charge)

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
