"""Settlement accounts day by day: turnover with its seasons, purchases, wages, tax, transfers.

All borrowers move at once, one column operation a step. Knows nothing of instalments beyond the sum
a borrower should keep ready, which `repay` states.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from ledger.dates import Calendar
from streams.generate.cast import Borrowers
from streams.generate.draws import UNIT, BoolArray, Draws, IntArray
from streams.generate.trouble import Trouble
from streams.generate.wire import Post, yuan
from streams.generate.world import CURRENCY, INDUSTRIES, SPRING_FESTIVALS

_COST_PERMILLE = 790  # of turnover spent on purchases
_WAGES_PERMILLE = 75
_TAX_PERMILLE = 25
_ROUND_MINOR = 100
_SMALLEST_MINOR = 20_000


class Accounts:
    """The settlement accounts of all borrowers, one each."""

    def __init__(self, draws: Draws, borrowers: Borrowers, *, start: date, days: int) -> None:
        size = len(borrowers)
        self.borrowers = borrowers
        self.ids = [f"A{row + 1:06d}" for row in range(size)]
        self.owner_ids = [f"B{row + 1:06d}" for row in range(size)]
        self.balance_minor: IntArray = (
            borrowers.turnover_minor * borrowers.cushion_permille // 1000 // 100 * 100
        )
        self.ready_minor: IntArray = np.zeros(size, dtype=np.int64)
        self.keep: IntArray = np.full(size, 1000, dtype=np.int64)
        self.costs: IntArray = np.full(size, 1000, dtype=np.int64)
        self.inflow: IntArray = np.full(size, 1000, dtype=np.int64)
        self._draws = draws
        self._start = start
        self._season = seasons(start, days)
        self._level = draws.factor(borrowers.noise_permille, size)
        self._tail = [
            f'"borrower_id":"{owner}","account_id":"{account}","currency":"{CURRENCY}","amount":"'
            for owner, account in zip(self.owner_ids, self.ids, strict=True)
        ]
        self._weekend = np.array([each.weekend for each in INDUSTRIES])[borrowers.industry]
        days_open = np.where(self._weekend, 30, 21)
        monthly = borrowers.credit_ppm * days_open
        self._credit_minor = borrowers.turnover_minor * 1_000_000 // monthly
        self._debit_minor = (
            borrowers.turnover_minor * _COST_PERMILLE * 1000 // (borrowers.debit_ppm * days_open)
        )

    def open(self, day: int, post: Post) -> None:
        """Messages for the accounts that become known on `day`."""
        text = self._day(day)
        for row in np.flatnonzero(self.borrowers.joined == day).tolist():
            overdraft = int(self.borrowers.overdraft_minor[row])
            limit = f',"overdraft_limit":"{yuan(overdraft)}"' if overdraft else ""
            post.add(
                f'{{"type":"account_opened","transaction_id":"T{post.number():09d}",'
                f'"value_date":"{text}","borrower_id":"{self.owner_ids[row]}",'
                f'"account_id":"{self.ids[row]}","currency":"{CURRENCY}",'
                f'"opening_balance":"{yuan(int(self.balance_minor[row]))}"{limit}'
            )

    def begin(self, day: int) -> None:
        """Move every borrower's course to `day`; a new month brings a new level of business."""
        self.inflow, self.costs, self.keep = self.borrowers.courses.at(day)
        if self._date(day).day == 1:
            self._level = self._draws.factor(self.borrowers.noise_permille, len(self.borrowers))

    def trade(self, day: int, post: Post, *, calendar: Calendar, half: int) -> None:
        """Half a day's trade: half of the borrowers sell while the others buy, then they swap."""
        size = len(self.borrowers)
        working = calendar.is_business_day(self._date(day))
        here = (self.borrowers.joined <= day) & (self._weekend | working)
        first = (np.arange(size) & 1) == half
        self._sell(day, here & first, post)
        self._buy(day, here & ~first, post)

    def _sell(self, day: int, here: BoolArray, post: Post) -> None:
        frequency = 400 + np.minimum(self.inflow, 1000) * 600 // 1000
        rows = np.flatnonzero(
            self._draws.chance(self.borrowers.credit_ppm * frequency // 1000, len(here)) & here
        )
        season = self._season[self.borrowers.industry[rows], day]
        amount = self._credit_minor[rows] * self.inflow[rows] // frequency[rows] * season // 1000
        amount = amount * self._draws.factor(550, len(rows)) // UNIT * self._level[rows] // UNIT
        amount = np.maximum(amount // _ROUND_MINOR * _ROUND_MINOR, _SMALLEST_MINOR // 10)
        amount += self._draws.below(100, len(rows)) * (self._draws.below(3, len(rows)) == 0)
        self.balance_minor[rows] += amount
        self._write("account_credited", day, rows, amount, post, flow="trade")

    def _buy(self, day: int, here: BoolArray, post: Post) -> None:
        chance = self.borrowers.debit_ppm * (400 + np.minimum(self.costs, 1000) * 600 // 1000)
        rows = np.flatnonzero(self._draws.chance(chance // 1000, len(here)) & here)
        season = self._season[self.borrowers.industry[rows], day]
        keep = self.keep[rows]
        balance = self.balance_minor[rows]
        target = self.borrowers.turnover_minor[rows] * self.borrowers.cushion_permille[rows] // 1000
        target = target * np.minimum(keep, self.inflow[rows]) // 1000
        wanted = self._debit_minor[rows] * self.costs[rows] // 1000 * season // 1000
        wanted = wanted * self._draws.factor(450, len(rows)) // UNIT
        ready = self.ready_minor[rows] * keep // 1000
        excess = np.maximum(balance - target - ready, 0)
        wanted = np.minimum(wanted, balance // 2 + excess) + excess // np.where(keep < 500, 2, 6)
        strained = keep < 700
        limit = balance + np.where(strained, self.borrowers.overdraft_minor[rows], 0) - ready
        amount = np.minimum(wanted, limit) // _ROUND_MINOR * _ROUND_MINOR
        short = (amount < _SMALLEST_MINOR) & (keep < 850) & (keep > 0)
        self._bounce(day, rows[short], np.maximum(wanted[short], 100_000), post)
        able = amount >= _SMALLEST_MINOR
        rows, amount = rows[able], amount[able]
        self.balance_minor[rows] -= amount
        self._write("account_debited", day, rows, amount, post, flow="trade")

    def _bounce(self, day: int, rows: IntArray, amount: IntArray, post: Post) -> None:
        tried = self._draws.chance(120_000, len(rows))
        for row, minor in zip(rows[tried].tolist(), amount[tried].tolist(), strict=True):
            self.returned(day, row, minor // 100 * 100, "trade", post)

    def monthly(self, day: int, post: Post, *, calendar: Calendar) -> None:
        """Wages on each borrower's payday, tax on the 15th, both on the next business day."""
        today = self._date(day)
        if not calendar.is_business_day(today):
            return
        since = {today.day}
        back = today - timedelta(days=1)
        while not calendar.is_business_day(back):
            since.add(back.day)
            back -= timedelta(days=1)
        active = self.borrowers.joined < day
        paying = np.isin(self.borrowers.payday, sorted(since)) & active
        self._spend(day, paying, _WAGES_PERMILLE, "wages", post)
        if 15 in since:
            self._spend(day, active, _TAX_PERMILLE, "tax", post)

    def _spend(self, day: int, who: BoolArray, permille: int, flow: str, post: Post) -> None:
        rows = np.flatnonzero(who)
        amount = self.borrowers.turnover_minor[rows] * permille // 1000 * self.costs[rows] // 1000
        amount = amount * self._draws.factor(120, len(rows)) // UNIT // _ROUND_MINOR * _ROUND_MINOR
        free = self.balance_minor[rows] - self.ready_minor[rows] * self.keep[rows] // 1000
        able = (amount <= free) & (amount > 0)
        rows, amount = rows[able], amount[able]
        self.balance_minor[rows] -= amount
        self._write("account_debited", day, rows, amount, post, flow=flow)

    def withdraw(self, day: int, post: Post) -> None:
        """Those who divert their loan empty the account in few days, to accounts of their own."""
        gone = (self.borrowers.kind == Trouble.DIVERTED_FUNDS) & (self.borrowers.start <= day)
        rows = np.flatnonzero(gone & self._draws.chance(350_000, len(gone)))
        free = self.balance_minor[rows] - self.ready_minor[rows] * self.keep[rows] // 1000
        amount = free * 3 // 4 // 10_000 * 10_000
        able = amount >= 100_000
        rows, amount = rows[able], amount[able]
        self.balance_minor[rows] -= amount
        self._write("account_debited", day, rows, amount, post, flow="own_transfer")

    def move(self, day: int, row: int, minor: int, flow: str, post: Post) -> None:
        """One movement of one account: money in when `minor` is positive, else out."""
        self.balance_minor[row] += minor
        kind = "account_credited" if minor > 0 else "account_debited"
        one = np.array([row])
        self._write(kind, day, one, np.array([abs(minor)]), post, flow=flow)

    def returned(self, day: int, row: int, minor: int, flow: str, post: Post) -> None:
        """One direct debit that was refused for want of funds."""
        post.add(
            f'{{"type":"account_debit_returned","transaction_id":"T{post.number():09d}",'
            f'"value_date":"{self._day(day)}",{self._tail[row]}{yuan(minor)}","flow":"{flow}"'
        )

    def _write(
        self, kind: str, day: int, rows: IntArray, amounts: IntArray, post: Post, *, flow: str
    ) -> None:
        head = (
            f'{{"type":"{kind}","flow":"{flow}","value_date":"{self._day(day)}","transaction_id":"T'
        )
        tail = self._tail
        post.extend(
            [
                f'{head}{number:09d}",{tail[row]}{minor // 100}.{minor % 100:02d}"'
                + (
                    ""
                    if not shown
                    else f',"balance":"{balance // 100}.{balance % 100:02d}"'
                    if balance >= 0
                    else f',"balance":"{yuan(balance)}"'
                )
                for number, row, minor, balance, shown in zip(
                    post.numbers(len(rows)),
                    rows.tolist(),
                    amounts.tolist(),
                    self.balance_minor[rows].tolist(),
                    self.borrowers.shows_balance[rows].tolist(),
                    strict=True,
                )
            ]
        )

    def _date(self, day: int) -> date:
        return self._start + timedelta(days=day)

    def _day(self, day: int) -> str:
        return self._date(day).isoformat()


def seasons(start: date, days: int) -> IntArray:
    """Turnover of each industry on each day in 1/1000 of an ordinary day.

    Shape: (industries, days) int64. Around a Spring Festival (4 days before to 14 after) the
    festival level holds, and the three weeks before have their own.
    """
    table = np.empty((len(INDUSTRIES), days), dtype=np.int64)
    dates = [start + timedelta(days=day) for day in range(days)]
    for row, industry in enumerate(INDUSTRIES):
        table[row] = [industry.season[each.month - 1] for each in dates]
    for festival in SPRING_FESTIVALS:
        first = (festival - start).days
        rush = slice(max(first - 25, 0), max(first - 4, 0))
        rest = slice(max(first - 4, 0), max(first + 15, 0))
        for row, industry in enumerate(INDUSTRIES):
            table[row, rush] = table[row, rush] * industry.before_festival // 1000
            table[row, rest] = table[row, rest] * industry.festival // 1000
    return table
