"""Extra interest after a judgment whose deadline passed, exact in whole numbers. Pure.

Extra interest = debt without general interest, as far as unpaid, × 0.0175 % × days, from the day
after the deadline to the day of each payment, that day included. Payments meet the debt of the
judgment before extra interest, unless the parties agreed otherwise; within that debt, costs and
general interest before the rest (Civil Code 561).
Source: 最高人民法院 法释〔2014〕8号, Articles 1 to 4, second-hand: unverified.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ledger.collection.standing import paid_in
from ledger.dates import day_number
from ledger.events import LegalStepTaken
from ledger.loan import Loan
from ledger.money import Rounding, round_ratio

RATE_PPM_A_DAY = 175
"""0.0175 % a day, in parts per million."""
RATE_VERIFIED = False
RATE_SOURCE = "法释〔2014〕8号 Art. 1: 日万分之一点七五; second-hand"
_MILLION = 1_000_000


class Owed(NamedTuple):
    """What is owed of a judgment at the end of a day, minor units; `extra_minor` is rounded.

    `over_minor` was paid beyond all of it.
    """

    debt_minor: int
    other_minor: int
    extra_minor: int
    over_minor: int


def owed_on(judgment: LegalStepTaken, loan: Loan, day: int) -> Owed:
    """What is owed of `judgment` at the end of `day`, by all that `loan` knows.

    Payments valued after the day of the judgment count, and recoveries after a write-off.
    """
    first = day_number(judgment.value_date) + 1
    days = {entry.day for entry in loan.book.entries} | {e.day for e in loan.recoveries.values()}
    paid = [(on, paid_in(loan, on, on)) for on in sorted(days) if first <= on <= day]
    return owed_after(judgment, [(on, minor) for on, minor in paid if minor], day)


def owed_after(judgment: LegalStepTaken, payments: Iterable[tuple[int, int]], day: int) -> Owed:
    """As `owed_on`, of payments by day, earliest first; below zero where money went back."""
    account = _Account(judgment)
    for on, minor in payments:
        account.run_to(on)
        account.pay(minor)
    account.run_to(day)
    extra = round_ratio(account.extra, _MILLION, rounding=Rounding.HALF_UP)
    return Owed(account.debt, account.other, extra, account.over)


class _Account:
    """What is owed. `extra` counts millionths of minor units, so that no day is rounded."""

    def __init__(self, judgment: LegalStepTaken) -> None:
        self.debt, self.other = judgment.amount_minor, judgment.other_minor
        self.extra = self.over = 0
        self._asked = (judgment.amount_minor, judgment.other_minor)
        self._first = judgment.interest_first
        deadline = judgment.deadline or judgment.value_date
        self._until = day_number(deadline)

    def run_to(self, day: int) -> None:
        """Extra interest up to and with `day`."""
        if day > self._until:
            self.extra += self.debt * (day - self._until) * RATE_PPM_A_DAY
            self._until = day

    def pay(self, minor: int) -> None:
        if minor < 0:
            self._take_back(-minor)
            return
        if self._first:
            minor = self._pay_extra(minor)
        met = min(minor, self.other)
        self.other -= met
        minor -= met
        met = min(minor, self.debt)
        self.debt -= met
        minor -= met
        if not self._first:
            minor = self._pay_extra(minor)
        self.over += minor

    def _pay_extra(self, minor: int) -> int:
        """What is left of a payment after extra interest; the last fraction is forgiven."""
        owed = round_ratio(self.extra, _MILLION, rounding=Rounding.HALF_UP)
        met = min(minor, owed)
        self.extra = max(0, self.extra - met * _MILLION) if met < owed else 0
        return minor - met

    def _take_back(self, minor: int) -> None:
        """Money that went back is owed again: first what was paid too much, then the debt."""
        back = min(minor, self.over)
        self.over -= back
        minor -= back
        back = min(minor, self._asked[0] - self.debt)
        self.debt += back
        minor -= back
        self.other += min(minor, self._asked[1] - self.other)
