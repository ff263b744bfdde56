"""How a repayment is applied: past due and due first, then in advance, by agreed order.

What is due on the day is met in one of three directions: component by component in the agreed
order, the oldest first within one; so for what is past due, then for what is due on the day; or
instalment by instalment, the oldest first, each in the agreed order. What is left goes to later due
days, one after the other. What finds no due stays unapplied. Decides accounting only; day counts
are `delinquency`'s.
Source: Civil Code of China, Art. 561 (the order unless agreed otherwise).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from ledger.delinquency import COMPONENTS, PRINCIPAL, Dues
from ledger.terms import Component, Direction, Split

UNAPPLIED = 5
"""Index of money that found no due, behind the five components."""


def order_of(allocation: Sequence[Component]) -> tuple[int, ...]:
    """The agreed order as indices into `COMPONENTS`."""
    return tuple(COMPONENTS.index(component) for component in allocation)


def allocate(
    amount_minor: int,
    *,
    day: int,
    dues: Dues,
    paid: Sequence[int],
    order: Sequence[int],
    principal_minor: int,
    direction: Direction = "component",
    in_advance: bool = True,
) -> list[int]:
    """Parts of `amount_minor`: the five components, then what stays unapplied; they add up to it.

    `paid` is what each component has received before; `principal_minor` is the principal that is
    outstanding, more than which cannot be repaid. Without `in_advance` only what is due by `day`
    is met.
    """
    parts = [0] * 6
    running = dues.running
    due_count = bisect_right(dues.days, day)
    last = len(running) if in_advance else due_count
    index = _first(dues, day, due_count, direction)
    left = amount_minor
    while left and index < last:
        due = running[index]
        for component in order:
            take = due[component] - paid[component] - parts[component]
            if component == PRINCIPAL:
                take = min(take, principal_minor - parts[PRINCIPAL])
            if take > 0:
                take = min(take, left)
                parts[component] += take
                left -= take
        index += 1
    parts[UNAPPLIED] = left
    return parts


def _first(dues: Dues, day: int, due_count: int, direction: Direction) -> int:
    """The due day whose running totals are met first; those of the days behind it follow."""
    if direction == "component":
        return max(0, due_count - 1)
    return max(0, bisect_left(dues.days, day) - 1) if direction == "stage" else 0


def split_of(parts: Sequence[int]) -> Split:
    """Six parts as a `Split`."""
    return Split(
        costs_minor=parts[0],
        fees_minor=parts[1],
        penalty_minor=parts[2],
        interest_minor=parts[3],
        principal_minor=parts[4],
        unapplied_minor=parts[5],
    )


def parts_of(split: Split) -> Sequence[int]:
    """A `Split` as six parts."""
    return (
        split.costs_minor,
        split.fees_minor,
        split.penalty_minor,
        split.interest_minor,
        split.principal_minor,
        split.unapplied_minor,
    )


def added(one: Split, other: Split, *, sign: int) -> Split:
    """Two splits in one sum (`sign` 1) or their difference (-1)."""
    pairs = zip(parts_of(one), parts_of(other), strict=True)
    return split_of([first + sign * second for first, second in pairs])
