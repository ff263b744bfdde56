"""What a loan's arrears mean: delinquent days, material days, instalment by instalment, buckets.

Questions about a loan at the end of a day, by all that is known now; the parameters are the
asker's. Days past due themselves are `Loan.dpd`: neither grace nor pauses touch them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import NamedTuple

from ledger.delinquency import PRINCIPAL
from ledger.errors import RuleRefused
from ledger.interest import PPM
from ledger.loan import Loan


@dataclass(frozen=True, slots=True, kw_only=True)
class Materiality:
    """Arrears count only while they exceed both limits: an amount, and a share of the exposure.

    Source: Commission Delegated Regulation (EU) 2018/171, Art. 1-2 (100 or 500 euros, 1 %).
    """

    absolute_minor: int
    relative_ppm: int


class DueArrears(NamedTuple):
    """One due day: what fell due, what of it is unpaid, and how late it is or was paid.

    `met_day` is the day since which it is paid in full, None while it is not.
    """

    due_day: int
    due_minor: int
    unpaid_minor: int
    met_day: int | None
    late_days: int


class Buckets:
    """Contiguous ranges of days, for ageing: 0, then each up to its end, then all above.

    Errors: RuleRefused "buckets_not_contiguous" unless the ends rise from 0 or more.
    """

    __slots__ = ("ends",)

    def __init__(self, ends: Sequence[int]) -> None:
        self.ends = tuple(ends)
        rising = all(first < second for first, second in pairwise(self.ends))
        if not self.ends or self.ends[0] < 0 or not rising:
            raise RuleRefused(
                f"Buckets that end at {', '.join(map(str, self.ends)) or 'no day'} leave gaps.",
                rule="buckets_not_contiguous",
                way_out="Give the last day of each bucket, rising, such as 0 30 60 90.",
            )

    @classmethod
    def between(cls, ranges: Sequence[tuple[int, int | None]]) -> Buckets:
        """Buckets from ranges (first day, last day), the last one open (None).

        Errors: RuleRefused "buckets_not_contiguous" naming the range that does not follow.
        """
        following = 0
        for at, (first, last) in enumerate(ranges):
            open_end = at == len(ranges) - 1
            if first != following or (last is None) != open_end or (last or first) < first:
                raise RuleRefused(
                    f"The bucket from {first} to {'open' if last is None else last} does not "
                    f"follow the one before it, or is not the open end.",
                    rule="buckets_not_contiguous",
                    way_out=f"Let it begin on day {following}, and only the last one be open.",
                )
            following = (last or first) + 1
        return cls([last for _, last in ranges if last is not None])

    def of(self, days: int) -> int:
        """The number of the bucket that holds `days`."""
        return bisect_left(self.ends, days)

    def label(self, number: int) -> str:
        """A bucket in words: "0", "1-30", ">360"."""
        if number == len(self.ends):
            return f">{self.ends[-1]}"
        first = self.ends[number - 1] + 1 if number else 0
        last = self.ends[number]
        return str(last) if first == last else f"{first}-{last}"


USUAL_BUCKETS = Buckets((0, 30, 60, 90, 180, 270, 360))


def delinquent_days(loan: Loan, day: int, *, grace_days: int | None = None) -> int:
    """Days past due less grace and paused days, 0 or more.

    `grace_days` None: as agreed in the terms. Paused days count from the oldest unmet due date on.
    """
    late = loan.dpd(day)
    grace = loan.book.terms.grace.arrears_days if grace_days is None else grace_days
    return max(0, late - grace - loan.pauses.days_between(day - late, day))


def exposure_minor(loan: Loan, day: int) -> int:
    """What the borrower owes on the books: principal, and interest and charges due and unpaid."""
    if loan.ended(day):
        return 0
    position = loan.book.at(day)
    due = position.dues.due_by(day)
    others = [max(0, due[part] - position.paid[part]) for part in range(PRINCIPAL)]
    return loan.outstanding_minor(day) + sum(others)


def is_material(loan: Loan, day: int, limits: Materiality) -> bool:
    """Whether arrears exceed both limits at the end of `day`."""
    arrears = loan.arrears_minor(day)
    if arrears <= limits.absolute_minor:
        return False
    return arrears * PPM > limits.relative_ppm * exposure_minor(loan, day)


def material_days(loan: Loan, day: int, limits: Materiality) -> int:
    """For how many days up to `day` arrears have exceeded both limits without a break.

    The first such day is 1; a day on which either limit is not exceeded starts anew.
    """
    since = day + 1
    for known in reversed(_turning_days(loan, day)):
        if not is_material(loan, known, limits):
            break
        since = known
    return day + 1 - since


def _turning_days(loan: Loan, day: int) -> list[int]:
    """Days up to `day` on which arrears or exposure may change: they hold until the next."""
    position, found = loan.book.at(day), {loan.opened_day}
    found.update(entry.day for entry in loan.book.entries)
    found.update(report.day for report in loan.reports)
    for entry in loan.book.entries:
        found.update(known + 1 for known in loan.book.at(entry.day).dues.days)
    for due in position.dues.days:
        found.update((due, due + 1))
    if loan.closed_day is not None:
        found.add(loan.closed_day)
    return sorted(known for known in found if known <= day)


def due_arrears(loan: Loan, day: int) -> list[DueArrears]:
    """Every due day up to `day`, with what became of it: payments meet the oldest first.

    By the schedule in force on `day`; nothing after the end of the loan.
    """
    if loan.ended(day):
        return []
    dues = loan.book.at(day).dues
    moved = [(entry.day, entry.paid_minor) for entry in loan.book.entries if entry.day <= day]
    sums = list(accumulate(amount for _, amount in moved))
    paid, before, found = sums[-1] if sums else 0, 0, []
    for due_day, total in zip(dues.days, dues.totals, strict=True):
        if due_day > day:
            break
        unpaid = min(max(0, total - paid), total - before)
        met = None if unpaid else _met_day(moved, sums, total)
        late = (day if met is None else met) - due_day
        found.append(DueArrears(due_day, total - before, unpaid, met, max(0, late)))
        before = total
    return found


def _met_day(moved: list[tuple[int, int]], sums: list[int], total: int) -> int | None:
    """The day since which `total` has been paid without a break."""
    met = None
    for (day, _), paid in zip(reversed(moved), reversed(sums), strict=True):
        if paid < total:
            break
        met = day
    return met


def arrears_by_bucket(loan: Loan, day: int, buckets: Buckets = USUAL_BUCKETS) -> list[int]:
    """What is overdue, minor units, by how late each of it is: instalment by instalment."""
    found = [0] * (len(buckets.ends) + 1)
    for due in due_arrears(loan, day):
        if due.unpaid_minor and due.due_day < day:
            found[buckets.of(due.late_days)] += due.unpaid_minor
    return found
