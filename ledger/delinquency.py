"""Days past due and arrears: one definition, by total, oldest due first.

What fell due and what was paid are compared as running totals; which component a payment went to
never matters here. The due date is day 0: a loan is past due from the day after. Regimes that
count the due date as day 1 ask for that by `due_date_counts`. Integers and day numbers only.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from ledger.dates import day_number
from ledger.terms import Instalment

COMPONENTS = ("costs", "fees", "penalty", "interest", "principal")
"""The components of a due, in the order of every five-tuple of amounts."""
COSTS, FEES, PENALTY, INTEREST, PRINCIPAL = range(5)
Amounts = tuple[int, int, int, int, int]
_NOTHING: Amounts = (0, 0, 0, 0, 0)


class Charge(NamedTuple):
    """A charge as a due: its day, its component (an index into COMPONENTS), its amount."""

    due_day: int
    component: int
    amount_minor: int


class Dues:
    """What falls due and when, as running totals. Immutable.

    `days` are the distinct due days in order; `running[i]` is what has fallen due up to and
    including `days[i]` by component, `totals[i]` the same in one sum; minor units.
    """

    __slots__ = ("days", "running", "totals")

    def __init__(self, rows: Iterable[Instalment] = (), charges: Iterable[Charge] = ()) -> None:
        by_day: dict[int, list[int]] = {}
        for row in rows:
            amounts = by_day.setdefault(day_number(row.due_date), [0] * 5)
            amounts[INTEREST] += row.interest_minor
            amounts[PRINCIPAL] += row.principal_minor
        for charge in charges:
            by_day.setdefault(charge.due_day, [0] * 5)[charge.component] += charge.amount_minor
        self.days: list[int] = sorted(by_day)
        self.running: list[Amounts] = []
        self.totals: list[int] = []
        sums = [0] * 5
        for day in self.days:
            sums = [old + new for old, new in zip(sums, by_day[day], strict=True)]
            self.running.append((sums[0], sums[1], sums[2], sums[3], sums[4]))
            self.totals.append(sum(sums))

    def plus(self, charge: Charge) -> Dues:
        """These dues and one charge, without going through all rows again."""
        day, component, amount = charge
        other = Dues()
        at = bisect_left(self.days, day)
        known = at < len(self.days) and self.days[at] == day
        other.days = self.days if known else [*self.days[:at], day, *self.days[at:]]
        same = self.running[:at]
        later = self.running[at:] if known else [*(same[-1:] or [_NOTHING]), *self.running[at:]]
        before, after = component, component + 1
        other.running = same + [
            (*sums[:before], sums[before] + amount, *sums[after:])  # type: ignore[misc]
            for sums in later
        ]
        other.totals = self.totals[:at] + [sum(sums) for sums in other.running[at:]]
        return other

    def due_by(self, day: int) -> Amounts:
        """What has fallen due up to and including `day`, by component."""
        count = bisect_right(self.days, day)
        return self.running[count - 1] if count else _NOTHING

    @property
    def total_minor(self) -> int:
        """All that falls due, ever."""
        return self.totals[-1] if self.totals else 0


def oldest_unmet_day(dues: Dues, *, paid_minor: int) -> int | None:
    """The first due day whose running total exceeds what was paid; None when all is met."""
    index = bisect_right(dues.totals, paid_minor)
    return dues.days[index] if index < len(dues.days) else None


def days_past_due(dues: Dues, *, paid_minor: int, day: int, due_date_counts: int = 0) -> int:
    """Days past due at the end of `day`, 0 or more. `paid_minor` is what was paid up to `day`.

    `due_date_counts` is what an unmet due date itself counts: 0 (most of Europe), 1 (India).
    Source: the day-count conventions compared in RBI's circulars and in frappe/lending.
    """
    unmet = oldest_unmet_day(dues, paid_minor=paid_minor)
    return 0 if unmet is None or unmet > day else day - unmet + due_date_counts


def arrears_minor(dues: Dues, *, paid_minor: int, day: int) -> int:
    """What fell due before `day` and is not paid, minor units, 0 or more."""
    count = bisect_left(dues.days, day)
    return max(0, dues.totals[count - 1] - paid_minor) if count else 0
