"""Who is in the portfolio: borrowers with their business and habits, and the loans they take.

Everything here is drawn before the first day; what then happens is the business of `life`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from ledger.dates import add_months
from streams.generate.draws import UNIT, BoolArray, Draws, IntArray
from streams.generate.trouble import GRAVE, LENGTH_DAYS, Courses, Trouble, draw_troubles
from streams.generate.world import BRANCHES, INDUSTRIES, OFFICERS_A_BRANCH, PRODUCTS

_TYPICAL_TURNOVER_MINOR = 45_000_000  # 450,000 yuan a month
_LOANS_A_BORROWER_PER_MILLE = (650, 260, 90)  # one, two, three


@dataclass(frozen=True, slots=True)
class Borrowers:
    """Borrowers as columns, one row each. Money in minor units, rates in 1/1000 or 1/10**6."""

    turnover_minor: IntArray
    industry: IntArray
    branch: IntArray
    officer: IntArray
    kind: IntArray
    start: IntArray
    length: IntArray
    joined: IntArray
    noise_permille: IntArray
    cushion_permille: IntArray
    overdraft_minor: IntArray
    credit_ppm: IntArray
    debit_ppm: IntArray
    payday: IntArray
    ready_days: IntArray
    shows_balance: BoolArray
    courses: Courses

    def __len__(self) -> int:
        return len(self.kind)


@dataclass(slots=True)
class Loan:
    """One loan's contract and, as the days go by, what fell due and what was paid."""

    loan_id: str
    borrower: int
    product: int
    principal_minor: int
    instalments: int
    rate_ppm: int
    opened: int
    first_due: date
    given: bool
    outside: bool
    dues: list[tuple[int, int]] = field(default_factory=list)
    payments: list[tuple[int, int]] = field(default_factory=list)
    due_minor: int = 0
    paid_minor: int = 0
    next_due: int = 0
    attempts: int = 0
    charged: int = 0
    booked_until: int = -1
    finding: bool = False
    closed: bool = False

    @property
    def arrears_minor(self) -> int:
        """What has fallen due and is not paid."""
        return self.due_minor - self.paid_minor

    def late_days(self, day: int) -> int:
        """Days since the oldest due that is not met; 0 when all are."""
        total = 0
        for due, amount in sorted(self.dues):
            total += amount
            if due <= day and total > self.paid_minor:
                return day - due
        return 0


def draw_loans_a_borrower(draws: Draws, loans: int) -> IntArray:
    """How many loans each borrower takes, so that all together take exactly `loans`."""
    roll = draws.below(1000, loans)
    one, two, _ = _LOANS_A_BORROWER_PER_MILLE
    counts = 1 + (roll >= one).astype(np.int64) + (roll >= one + two)
    enough = int(np.searchsorted(np.cumsum(counts), loans)) + 1
    counts = counts[:enough].copy()
    counts[-1] -= int(counts.sum()) - loans
    return counts


def draw_borrowers(draws: Draws, size: int, *, days: int, start: date) -> Borrowers:
    """`size` borrowers with trades, habits, and what will befall them within `days`."""
    industry = _weighted(draws, [each.weight for each in INDUSTRIES], size)
    turnover = _TYPICAL_TURNOVER_MINOR * draws.factor(750, size) // UNIT
    turnover = np.maximum(turnover, 4_000_000)
    trading = np.array([each.trading_days for each in INDUSTRIES])[industry]
    open_days = np.where(np.array([each.weekend for each in INDUSTRIES])[industry], 30, 21)
    often = trading * draws.between(550, 1150, size) // 1000
    credit_ppm = np.clip(often * 1_000_000 // open_days, 40_000, 950_000)
    kind = draw_troubles(draws, size)
    branch = draws.below(len(BRANCHES), size)
    length = _lengths(draws, kind, days)
    joined = np.where(draws.chance(700_000, size), 0, draws.below(max(days * 2 // 5, 1), size))
    grave = np.isin(kind, [int(each) for each in GRAVE])
    joined = np.where(grave, joined // 4, joined)  # so that most of them end within the time
    room = np.maximum(days - joined - length - 190, 30)
    starts = joined + 35 + draws.below(room, size)
    starts = _fitting_starts(starts, kind, industry, joined, start)
    return Borrowers(
        turnover_minor=turnover,
        industry=industry,
        branch=branch,
        officer=branch * OFFICERS_A_BRANCH + draws.below(OFFICERS_A_BRANCH, size),
        kind=kind,
        start=starts,
        length=length,
        joined=joined,
        noise_permille=draws.between(80, 260, size),
        cushion_permille=draws.between(180, 700, size),
        overdraft_minor=np.where(draws.chance(120_000, size), turnover // 10, 0),
        credit_ppm=credit_ppm,
        debit_ppm=credit_ppm * draws.between(450, 850, size) // 1000,
        payday=np.array([5, 10, 15, 20])[draws.below(4, size)],
        ready_days=draws.between(0, 4, size),
        shows_balance=draws.chance(700_000, size),
        courses=Courses(kind, starts, length),
    )


def draw_loans(
    draws: Draws, borrowers: Borrowers, counts: IntArray, *, days: int, start: date
) -> list[Loan]:
    """The loans of all borrowers, numbered in the order in which they are opened."""
    owners = np.repeat(np.arange(len(borrowers)), counts)
    total = len(owners)
    nth = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    wait = draws.between(2, 25, total) + nth * draws.between(20, max(days // 6, 21), total)
    opened = np.minimum(borrowers.joined[owners] + wait, max(days - 20, 1))
    grave = np.isin(borrowers.kind[owners], [int(kind) for kind in GRAVE])
    trusted = np.maximum(borrowers.joined[owners] + 2 + 5 * nth, borrowers.start[owners] - 24)
    opened = np.where(grave, np.minimum(opened, trusted), opened)  # no bank lends into trouble
    order = np.lexsort((owners, opened))
    columns = zip(
        owners[order].tolist(),
        _weighted(draws, [each.weight for each in PRODUCTS], total).tolist(),
        opened[order].tolist(),
        draws.between(0, 1000, total).tolist(),
        draws.between(0, 1000, total).tolist(),
        draws.below(60, total).tolist(),
        draws.between(1, 28, total).tolist(),
        draws.chance(550_000, total).tolist(),
        draws.chance(80_000, total).tolist(),
        strict=True,
    )
    loans = []
    for number, row in enumerate(columns, start=1):
        owner, which, day, size, price, term, due_day, given, outside = row
        product = PRODUCTS[which]
        low, high = product.turnover_permille
        share = low + (high - low) * size // 1000
        principal = int(borrowers.turnover_minor[owner]) * share // 1000
        principal = min(max(principal // 1_000_000, 5), 1000) * 1_000_000
        cheap, dear = product.rate_ppm
        signed = start + timedelta(days=day)
        loans.append(
            Loan(
                loan_id=f"L{number:06d}",
                borrower=owner,
                product=which,
                principal_minor=principal,
                instalments=product.terms[term % len(product.terms)],
                rate_ppm=(cheap + (dear - cheap) * price // 1000) // 50 * 50,
                opened=day,
                first_due=add_months(signed, product.period_months, anchor_day=due_day),
                given=given,
                outside=outside,
            )
        )
    return loans


def _weighted(draws: Draws, weights: list[int], size: int) -> IntArray:
    bounds = np.cumsum(weights)
    return np.searchsorted(bounds, draws.below(int(bounds[-1]), size), side="right").astype(
        np.int64
    )


def _lengths(draws: Draws, kind: IntArray, days: int) -> IntArray:
    """Length of each course; shorter in a short portfolio, so that something happens."""
    roll = draws.between(0, 1000, len(kind))
    lengths = np.full(len(kind), 200, dtype=np.int64)
    for each, (low, high) in LENGTH_DAYS.items():
        rows = kind == int(each)
        lengths[rows] = low + (high - low) * roll[rows] // 1000
    return np.minimum(lengths, max(days // 2, 30))


def _fitting_starts(
    starts: IntArray, kind: IntArray, industry: IntArray, joined: IntArray, start: date
) -> IntArray:
    """First day of each course: at the season for seasonal failure, with the loan for fraud."""
    fraud = (kind == Trouble.NEVER_PAID) | (kind == Trouble.DIVERTED_FUNDS)
    starts = np.where(fraud, joined + 26, starts)
    for row in np.flatnonzero(kind == Trouble.FAILED_SEASON).tolist():
        month = INDUSTRIES[int(industry[row])].peak_month
        first = start + timedelta(days=int(joined[row]) + 45)
        season = date(first.year, month, 1)
        if season < first:
            season = date(first.year + 1, month, 1)
        starts[row] = (season - start).days
    return starts
