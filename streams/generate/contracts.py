"""Contracts: opened and paid out, repriced when the reference rate moves, handed over.

Half of the loans let the ledger generate their schedule; for the others the core system sends its
own, the same rows with due dates rolled to business days, and sends it anew after a repricing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date, timedelta

from ledger.dates import Calendar
from ledger.schedule import generate
from ledger.terms import Instalment, Terms
from streams.generate.accounts import Accounts
from streams.generate.cast import Loan
from streams.generate.draws import Draws
from streams.generate.wire import Post, percent, schedule_text, yuan
from streams.generate.world import (
    BRANCHES,
    CURRENCY,
    INDUSTRIES,
    OFFICERS_A_BRANCH,
    PRODUCTS,
    REFERENCE_RATE_CUTS,
)

_FLOATING_PERMILLE = 300
_GUARANTEED_PERMILLE = 250
_HANDED_OVER_PERMILLE = 60
_GUARANTOR_LEAVES_PERMILLE = 15

Rate = tuple[date, int]
_Repricing = tuple[Loan, int, list[Instalment]]
"""A loan, its new rate in parts per million, and the rows that hold from then on."""


class Contracts:
    """Writes what the contracts say and how they change. `days` bounds the changes."""

    def __init__(
        self, draws: Draws, accounts: Accounts, *, start: date, days: int, calendar: Calendar
    ) -> None:
        self._draws = draws
        self._accounts = accounts
        self._start = start
        self._days = days
        self._calendar = calendar
        self._repriced: defaultdict[int, list[_Repricing]] = defaultdict(list)
        self._rolled: dict[date, date] = {}
        self._handed: defaultdict[int, list[Loan]] = defaultdict(list)
        self._freed: defaultdict[int, list[Loan]] = defaultdict(list)

    def open(self, loan: Loan, day: int, post: Post) -> list[Instalment]:
        """Write a loan's opening, its schedule if given, and its payout.

        Returns the rows as they will have fallen due in the end, repricings to come included.
        """
        rows = self._rows(loan, [])
        self._write_opening(loan, day, rows, post)
        if self._draws.one(1000) < _HANDED_OVER_PERMILLE:
            self._handed[day + 1 + self._draws.one(self._days)].append(loan)
        if self._draws.one(1000) >= _FLOATING_PERMILLE:
            return rows
        rates: list[Rate] = []
        for when, cut in REFERENCE_RATE_CUTS:
            place = (when - self._start).days
            if day < place < self._days and when < rows[-1].due_date:
                before = rates[-1][1] if rates else loan.rate_ppm
                rates = [*rates, (when, before - cut)]
                rows = self._rows(loan, rates)
                self._repriced[place].append((loan, before - cut, rows))
        return rows

    def change(self, day: int, post: Post) -> None:
        """Write the day's repricings and handovers of loans that are still open."""
        for loan, rate_ppm, rows in self._repriced.pop(day, ()):
            if not loan.closed:
                head = self._head("loan_rate_changed", loan, day, post)
                post.add(f'{head},"rate_percent":"{percent(rate_ppm)}"')
                if loan.given:
                    self._write_schedule(loan, day, rows, post)
        for loan in self._handed.pop(day, ()):
            if not loan.closed:
                branch, _ = BRANCHES[int(self._accounts.borrowers.branch[loan.borrower])]
                officer = 1 + self._draws.one(OFFICERS_A_BRANCH)
                text = f'"officer_id":"{branch}-{officer}","branch":"{branch}"'
                post.add(self._head("loan_officer_changed", loan, day, post) + f",{text}")
        for loan in self._freed.pop(day, ()):
            if not loan.closed:
                post.add(self._head("loan_guarantor_changed", loan, day, post))

    def _rows(self, loan: Loan, rates: list[Rate]) -> list[Instalment]:
        product = PRODUCTS[loan.product]
        terms = Terms(
            method=product.method,
            instalments=loan.instalments,
            period_months=product.period_months,
            first_due_date=loan.first_due,
            rate_ppm=loan.rate_ppm,
        )
        signed = self._start + timedelta(days=loan.opened)
        rows = generate(terms, disbursements=[(signed, loan.principal_minor)], rates=rates)
        if not loan.given:
            return list(rows)
        return [
            row if (due := self._roll(row.due_date)) == row.due_date else replace(row, due_date=due)
            for row in rows
        ]

    def _roll(self, day: date) -> date:
        """`day` or the next business day; many loans fall due on the same day."""
        rolled = self._rolled.get(day)
        if rolled is None:
            rolled = self._rolled[day] = self._calendar.roll_forward(day)
        return rolled

    def _write_opening(self, loan: Loan, day: int, rows: list[Instalment], post: Post) -> None:
        borrowers, row, product = self._accounts.borrowers, loan.borrower, PRODUCTS[loan.product]
        branch, region = BRANCHES[int(borrowers.branch[row])]
        officer = int(borrowers.officer[row]) % OFFICERS_A_BRANCH + 1
        method = "given" if loan.given else product.method
        head = self._head("loan_opened", loan, day, post)
        post.add(
            f'{head},"account_id":"{self._accounts.ids[row]}","product":"{product.code}",'
            f'"currency":"{CURRENCY}","principal":"{yuan(loan.principal_minor)}",'
            f'"terms":{{"method":"{method}","instalments":{loan.instalments},'
            f'"period_months":{product.period_months},'
            f'"first_due_date":"{loan.first_due.isoformat()}",'
            f'"rate_percent":"{percent(loan.rate_ppm)}"}},'
            f'"officer_id":"{branch}-{officer}","branch":"{branch}",'
            f'"industry":"{INDUSTRIES[int(borrowers.industry[row])].name}","region":"{region}"'
            f"{self._guarantor(loan, day)}"
        )
        if loan.given:
            self._write_schedule(loan, day, rows, post)
        head = self._head("loan_disbursed", loan, day, post)
        post.add(f'{head},"amount":"{yuan(loan.principal_minor)}","currency":"{CURRENCY}"')

    def _write_schedule(self, loan: Loan, day: int, rows: list[Instalment], post: Post) -> None:
        head = self._head("instalments_scheduled", loan, day, post)
        post.add(f'{head},"currency":"{CURRENCY}","instalments":[{schedule_text(rows)}]')

    def _guarantor(self, loan: Loan, day: int) -> str:
        roll = self._draws.one(1000)
        if roll >= _GUARANTEED_PERMILLE:
            return ""
        if roll < _GUARANTOR_LEAVES_PERMILLE:
            self._freed[day + 1 + self._draws.one(self._days)].append(loan)
        return f',"guarantor_id":"G{loan.borrower + 1:06d}"'

    def _head(self, kind: str, loan: Loan, day: int, post: Post) -> str:
        return (
            f'{{"type":"{kind}","transaction_id":"T{post.number():09d}",'
            f'"value_date":"{(self._start + timedelta(days=day)).isoformat()}",'
            f'"borrower_id":"{self._accounts.owner_ids[loan.borrower]}",'
            f'"loan_id":"{loan.loan_id}"'
        )
