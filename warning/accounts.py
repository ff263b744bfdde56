"""Settlement accounts day by day: balance, turnover, lows and overdrafts, as facts bring them.

The closing balance of a day is the opening balance plus all movements with value days up to it; it
is known from the day the account was opened. Turnover is what comes in, apart from transfers
between own accounts, loan proceeds and returned loan repayments. Late movements shift every closing
balance since; lows and overdrafts of the account are then derived anew from its days.
"""

from __future__ import annotations

from array import array
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ledger.events import AccountCredited, AccountDebited, AccountDebitReturned, AccountOpened
from warning.intake import NOT_STARTED, Handler
from warning.windows import (
    NEVER,
    BoolArray,
    DayArray,
    Growing,
    IntArray,
    RollingSums,
    month_of,
    month_start,
)

NOT_TURNOVER = frozenset({"own_transfer", "loan_proceeds", "loan_repayment"})
"""Flows of credits that are not income."""
LOW_MONTHS = 3
TURNED_MONTHS = 13
"""Months of which turnover is kept: that of the open day, and twelve whole ones."""
BITS = 128
"""Days of the ring that notes overdrawn days, as two words of 64."""
LONGEST_BITS = 90
"""Days of the longest window over overdrawn days."""
HIGHEST = 2**63 - 1
_MOST_HELD = 65_536


class AccountBook(Growing):
    """One row an account. Columns stand at the end of the day before the open one.

    `balance`: closing balance. `held[i]`: sum of closing balances over the closed days of window i
    of `net`. `low`: ring of months, the lowest closing balance. `overdrawn`, `over_limit`: bits of
    the days that closed below zero, and below the agreed overdraft limit. `turned`: ring of months,
    the turnover.
    """

    opened_day: DayArray
    currency: NDArray[np.int16]
    balance: IntArray
    limit: IntArray
    last_move: DayArray
    held: IntArray
    low: IntArray
    turned: IntArray
    overdrawn: NDArray[np.uint64]
    over_limit: NDArray[np.uint64]

    def __init__(self, currencies: dict[str, int]) -> None:
        super().__init__()
        self.day = NOT_STARTED
        self.dirty: set[int] = set()
        self.net = RollingSums((30, 120))
        self.turnover = RollingSums((30, 120))
        self.returned = RollingSums((30, 90))
        self.collected = RollingSums((90,))
        self._currencies = currencies
        self._rows: dict[str, int] = {}
        self._moves = (array("q"), array("q"), array("q"), array("q"))
        self._returns = (array("q"), array("q"))
        self._collections = (array("q"), array("q"))
        self.add_column("opened_day", np.int32, fill=NEVER)
        self.add_column("currency", np.int16, fill=-1)
        for name in ("balance", "limit"):
            self.add_column(name, np.int64)
        self.add_column("last_move", np.int32)
        self.add_column("held", np.int64, width=2)
        self.add_column("low", np.int64, fill=HIGHEST, width=LOW_MONTHS)
        self.add_column("turned", np.int64, width=TURNED_MONTHS)
        for name in ("overdrawn", "over_limit"):
            self.add_column(name, np.uint64, width=2)
        self.handlers: dict[type, Handler] = {
            AccountOpened: self._opened,
            AccountCredited: self._credited,
            AccountDebited: self._debited,
            AccountDebitReturned: self._returned,
        }

    def windows(self) -> tuple[RollingSums, ...]:
        """Movements, turnover, and how many debits for loans were returned or went through."""
        return self.net, self.turnover, self.returned, self.collected

    def row(self, account_id: str) -> int:
        """The row of an account, a new one when it is not known yet."""
        row = self._rows.get(account_id)
        if row is None:
            row = self._rows[account_id] = len(self._rows)
            for part in (self, *self.windows()):
                part.grow(row + 1)
        return row

    # Facts

    def _opened(self, fact: AccountOpened, day: int) -> None:
        row = self.row(fact.account_id)
        self.opened_day[row] = day
        self.currency[row] = self._currencies.setdefault(fact.currency, len(self._currencies))
        self.balance[row] += fact.opening_balance_minor
        self.limit[row] = fact.overdraft_limit_minor
        for held, window in zip(self.held, self.net.windows, strict=True):
            held[row] += fact.opening_balance_minor * (window - 1)
        if day < self.day:
            self.dirty.add(row)

    def _credited(self, fact: AccountCredited, day: int) -> None:
        amount = fact.amount_minor
        turnover = 0 if fact.flow in NOT_TURNOVER else amount
        self._move(self.row(fact.account_id), day, amount, turnover)

    def _debited(self, fact: AccountDebited, day: int) -> None:
        row = self.row(fact.account_id)
        self._move(row, day, -fact.amount_minor, 0)
        if fact.flow == "loan_repayment":
            self._collections[0].append(row)
            self._collections[1].append(day)

    def _move(self, row: int, day: int, net: int, turnover: int) -> None:
        rows, days, nets, turnovers = self._moves
        rows.append(row)
        days.append(day)
        nets.append(net)
        turnovers.append(turnover)
        if len(rows) >= _MOST_HELD:
            self.flush()

    def _returned(self, fact: AccountDebitReturned, day: int) -> None:
        if fact.flow == "loan_repayment":
            self._returns[0].append(self.row(fact.account_id))
            self._returns[1].append(day)

    def flush(self) -> None:
        """Count the movements held back."""
        if self._moves[0]:
            rows, days, nets, turnovers = (np.array(held, np.int64) for held in self._moves)
            self._moves = (array("q"), array("q"), array("q"), array("q"))
            self.take(rows, days, nets, turnovers)
        for held, sums in (
            (self._returns, self.returned),
            (self._collections, self.collected),
        ):
            if held[0]:
                rows, days = (np.array(column, np.int64) for column in held)
                sums.add(rows, days, np.ones(len(rows), np.int64))
                for column in held:
                    del column[:]

    def take(self, rows: IntArray, days: IntArray, nets: IntArray, turnovers: IntArray) -> None:
        """Add movements: net and turnover, minor units; no day after the open one."""
        self.net.add(rows, days, nets)
        self.turnover.add(rows, days, turnovers)
        self._turn(rows, days, turnovers)
        late = np.flatnonzero(days < self.day)
        if not late.size:
            self.last_move[rows] = self.day
            return
        np.maximum.at(self.last_move, rows, days.astype(np.int32))
        rows, days, nets = rows[late], days[late], nets[late]
        np.add.at(self.balance, rows, nets)
        for held, window in zip(self.held, self.net.windows, strict=True):
            np.add.at(held, rows, nets * np.minimum(self.day - days, window - 1))
        self.dirty.update(rows.tolist())

    def _turn(self, rows: IntArray, days: IntArray, turnovers: IntArray) -> None:
        """Count turnover in its months, as far back as they are kept."""
        this = month_of(self.day)
        oldest = max(month_of(int(days.min())), this - TURNED_MONTHS + 1)
        for month in range(oldest, this):
            chosen = (days >= month_start(month)) & (days < month_start(month + 1))
            np.add.at(self.turned[month % TURNED_MONTHS], rows[chosen], turnovers[chosen])
        now = days >= month_start(this)
        np.add.at(self.turned[this % TURNED_MONTHS], rows[now], turnovers[now])

    # Days

    def start(self, day: int) -> None:
        """Open the first day."""
        self.day = day
        for sums in self.windows():
            sums.start(day)

    def next_day(self) -> None:
        """Close the open day and open the next calendar day."""
        self.flush()
        self.refresh()
        balance = self.balance[: self.rows]
        balance += self.net.today[: self.rows]
        self._note(balance)
        for sums in self.windows():
            sums.advance()
        self.day += 1
        for held, net in zip(self.held, self.net.sums, strict=True):
            held[: self.rows] += net[: self.rows]
        if month_of(self.day) != month_of(self.day - 1):
            self.low[month_of(self.day) % LOW_MONTHS] = HIGHEST
            self.turned[month_of(self.day) % TURNED_MONTHS] = 0

    def _note(self, balance: IntArray) -> None:
        """Note the closing balances of the open day in lows and bits."""
        rows = slice(self.rows)
        known = self.opened_day[rows] <= self.day
        low = self.low[month_of(self.day) % LOW_MONTHS][rows]
        np.minimum(low, balance, out=low, where=known)
        word, bit = divmod(self.day % BITS, 64)
        for bits, floor in ((self.overdrawn, 0), (self.over_limit, -self.limit[rows])):
            below = (known & (balance < floor)).astype(np.uint64) << np.uint64(bit)
            noted = bits[word][rows]
            noted &= ~np.uint64(1 << bit)
            noted |= below

    def refresh(self) -> None:
        """Derive lows and bits anew for accounts whose past a late movement changed."""
        if not self.dirty:
            return
        rows = np.array(sorted(self.dirty), np.int64)
        self.dirty.clear()
        months = range(month_of(self.day) - LOW_MONTHS + 1, month_of(self.day) + 1)
        first = min(month_start(months[0]), self.day - LONGEST_BITS + 1)
        days = np.arange(first, self.day)
        later = self.net.by_day(first, rows)[::-1].cumsum(axis=0)[::-1]
        closing = self.balance[rows] - np.concatenate((later[1:], np.zeros_like(later[:1])))
        known = self.opened_day[rows] <= days[:, None]
        closing[~known] = HIGHEST
        for month in months:
            part = closing[max(month_start(month) - first, 0) : month_start(month + 1) - first]
            self.low[month % LOW_MONTHS, rows] = part.min(axis=0, initial=HIGHEST)
        for bits, floor in ((self.overdrawn, 0), (self.over_limit, -self.limit[rows])):
            below = (closing < floor).astype(np.uint64) << (days % 64).astype(np.uint64)[:, None]
            for word in range(2):
                of_word = below[days % BITS // 64 == word]
                bits[word, rows] = np.bitwise_or.reduce(of_word, axis=0)

    # Measures

    def closing(self, rows: IntArray | slice) -> IntArray:
        """The balance as it stands on the open day."""
        balance: IntArray = self.balance[rows] + self.net.today[rows]
        return balance

    def lowest(self, rows: IntArray | slice) -> IntArray:
        """Lowest closing balance of the open day's month and the two before; after `refresh`."""
        lowest = self.closing(rows)
        for low in self.low:
            lowest = np.minimum(lowest, low[rows])
        return lowest

    def days_below(self, window: int, rows: IntArray, *, limit: bool) -> IntArray:
        """Days of (day-window, day] that closed below zero, or below the limit; after `refresh`."""
        bits = self.over_limit if limit else self.overdrawn
        count = (self.closing(rows) < (-self.limit[rows] if limit else 0)).astype(np.int64)
        for word, mask in enumerate(_masks(window, self.day)):
            count += np.bitwise_count(bits[word][rows] & mask)
        return count

    def held_sums(self, rows: IntArray) -> tuple[IntArray, IntArray]:
        """Sums of closing balances over the last 30 days, and over the 90 before them."""
        now = self.closing(rows)
        recent: IntArray = self.held[0][rows] + now
        return recent, self.held[1][rows] + now - recent

    def closings(self, window: int, rows: IntArray) -> IntArray:
        """(window, rows): the balance as it stands, and the closing ones of the days before it.

        Worked out from the log of movements, which reaches back over the longest window of `net`.
        """
        known, at = np.unique(rows, return_inverse=True)
        moved = self.net.by_day(self.day - window + 2, known)[::-1]
        found = np.empty((window, len(known)), np.int64)
        found[0], found[1:] = self.closing(known), self.balance[known]
        found[2:] -= moved.cumsum(axis=0)
        return found[:, at]

    def turned_in(self, months: int, rows: IntArray) -> IntArray:
        """Turnover of the last so many whole months before that of the open day."""
        this = month_of(self.day)
        total = np.zeros(len(rows), np.int64)
        for month in range(this - months, this):
            total += self.turned[month % TURNED_MONTHS][rows]
        return total

    def known_for_year(self, rows: IntArray) -> BoolArray:
        """Whether the account was open on every day of the last twelve whole months."""
        first = month_start(month_of(self.day) - TURNED_MONTHS + 1)
        known: BoolArray = self.opened_day[rows] <= first
        return known

    def known_for(self, window: int, rows: IntArray) -> BoolArray:
        """Whether the account was open on every day of (day-window, day]."""
        known: BoolArray = self.opened_day[rows] <= self.day - window + 1
        return known


@lru_cache(maxsize=16)
def _masks(window: int, day: int) -> tuple[np.uint64, np.uint64]:
    """The bits of the closed days of (day-window, day], in each of the two words."""
    bits = {known % BITS for known in range(day - window + 1, day)}
    low, high = (sum(1 << bit % 64 for bit in bits if bit // 64 == word) for word in range(2))
    return np.uint64(low), np.uint64(high)
