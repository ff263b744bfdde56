"""The loans day by day: opened, paid on the due date or late, in part, bounced or not at all.

The bank debits the settlement account on the due date and, when that failed, again on set days
after it. Some borrowers pay by hand from elsewhere (`outside`): such payments may bounce some days
later.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

from ledger.dates import Calendar
from streams.generate.accounts import Accounts
from streams.generate.cast import Loan
from streams.generate.contracts import Contracts
from streams.generate.draws import Draws
from streams.generate.trouble import Trouble
from streams.generate.wire import Post, yuan
from streams.generate.world import CURRENCY

_RETRY_DAYS = (1, 2, 3, 5, 8, 12, 17, 25, 35, 50, 70, 95)
_PENALTY_DAYS = (10, 40, 70, 100)
_HORIZON_DAYS = 5  # a careful borrower keeps the dues of the next days ready
_LATE_BOOKING_PPM = 20_000
_BOUNCE_PPM = 6_000
_FORGET_PPM = 10_000

_Bounce = tuple[Loan, str, int, int]
"""A payment that will not stand: loan, transaction, day it counted from, amount."""


class Repayments:
    """The dues of all loans and what is done about them."""

    def __init__(
        self,
        draws: Draws,
        accounts: Accounts,
        loans: list[Loan],
        *,
        start: date,
        calendar: Calendar,
        contracts: Contracts,
    ) -> None:
        self._draws = draws
        self._accounts = accounts
        self._start = start
        self._calendar = calendar
        self._contracts = contracts
        self._opening: defaultdict[int, list[Loan]] = defaultdict(list)
        for loan in loans:
            self._opening[loan.opened].append(loan)
        self._due: defaultdict[int, list[tuple[Loan, int, bool]]] = defaultdict(list)
        self._soon: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        self._funding: defaultdict[int, list[int]] = defaultdict(list)
        self._trying: defaultdict[int, list[Loan]] = defaultdict(list)
        self._bounces: defaultdict[int, list[_Bounce]] = defaultdict(list)
        self._ending: defaultdict[int, list[Loan]] = defaultdict(list)

    def open(self, day: int, post: Post) -> None:
        """Open and pay out the loans of `day`, and change the contracts that change today."""
        self._contracts.change(day, post)
        for loan in self._opening.pop(day, ()):
            rows = self._contracts.open(loan, day, post)
            self._accounts.move(day, loan.borrower, loan.principal_minor, "loan_proceeds", post)
            ready = int(self._accounts.borrowers.ready_days[loan.borrower])
            for row in rows:
                due = (row.due_date - self._start).days
                minor = row.principal_minor + row.interest_minor
                self._due[due].append((loan, minor, row.number == len(rows)))
                self._soon[max(due - _HORIZON_DAYS, day + 1)].append((loan.borrower, minor))
                if not loan.outside:
                    self._funding[max(due - ready, day + 1)].append(loan.borrower)

    def prepare(self, day: int, post: Post) -> None:
        """State what should be kept ready; able borrowers bring in what their account lacks."""
        accounts = self._accounts
        for row, minor in self._soon.pop(day, ()):
            accounts.ready_minor[row] += minor
        for row in self._funding.pop(day, ()):
            if accounts.keep[row] >= 1000:
                self._fund(day, row, int(accounts.ready_minor[row]), post)

    def fall_due(self, day: int, post: Post) -> None:
        """Today's dues, then the payments tried again today, returned payments and closings."""
        for loan, minor, last in self._due.pop(day, ()):
            loan.due_minor += minor
            loan.dues.append((day, minor))
            lag = self._lag(loan, day)
            if last:
                self._ending[day + 8].append(loan)
            if lag:
                self._trying[day + lag].append(loan)
            else:
                self._attempt(loan, day, post)
        for loan in self._trying.pop(day, ()):
            if loan.arrears_minor > 0:
                self._penalise(loan, day, post)
                self._attempt(loan, day, post)
        for bounce in self._bounces.pop(day, ()):
            self._reverse(bounce, day, post)
        for loan in self._ending.pop(day, ()):
            self._finish(loan, day, post)

    def _lag(self, loan: Loan, day: int) -> int:
        """Days by which the borrower will let this due date pass, by nature and by chance."""
        borrowers, roll = self._accounts.borrowers, self._draws.one(1_000_000)
        kind = int(borrowers.kind[loan.borrower])
        since = day - int(borrowers.start[loan.borrower])
        length = int(borrowers.length[loan.borrower])
        if kind == Trouble.TECHNICAL_LATE:
            return 1 + roll % 3 if roll < 350_000 else 0
        if kind == Trouble.STRATEGIC_LATE and 0 <= since < length:
            return 8 + roll % 33
        if kind == Trouble.ILLNESS and 0 <= since < length // 3:
            return length // 3 - since + roll % 6
        return 1 + roll % 2 if roll < _FORGET_PPM else 0

    def _attempt(self, loan: Loan, day: int, post: Post) -> None:
        """Try to take what is in arrears, whole or in part; a failed try is tried again."""
        accounts, row, arrears = self._accounts, loan.borrower, loan.arrears_minor
        keep = int(accounts.keep[row])
        if loan.outside:
            self._pay_by_hand(loan, day, keep, arrears, post)
        else:
            if keep >= 1000:
                self._fund(day, row, arrears, post)
            self._debit(loan, day, arrears, post)
        if loan.arrears_minor <= 0:
            loan.attempts = 0
            return
        wait = _RETRY_DAYS[min(loan.attempts, len(_RETRY_DAYS) - 1)]
        before = _RETRY_DAYS[loan.attempts - 1] if 0 < loan.attempts < len(_RETRY_DAYS) else 0
        loan.attempts += 1
        self._trying[day + max(wait - before, 1)].append(loan)
        self._find(loan, day, post)

    def _debit(self, loan: Loan, day: int, arrears: int, post: Post) -> None:
        accounts, row = self._accounts, loan.borrower
        free = max(int(accounts.balance_minor[row]), 0)
        amount = arrears if free >= arrears else free // 10_000 * 10_000
        if amount < arrears and amount < max(arrears // 8, 50_000):
            accounts.returned(day, row, arrears, "loan_repayment", post)
            return
        accounts.move(day, row, -amount, "loan_repayment", post)
        self._pay(loan, day, amount, post)

    def _pay_by_hand(self, loan: Loan, day: int, keep: int, arrears: int, post: Post) -> None:
        roll = self._draws.one(1_000_000)
        if keep < 1000 and roll >= keep * 1000:
            if roll % 100 < 30:
                self._pay_in_vain(loan, day, arrears, post)
            return
        if roll < _BOUNCE_PPM:
            self._pay_in_vain(loan, day, arrears, post)
        else:
            self._pay(loan, day, arrears, post)

    def _pay_in_vain(self, loan: Loan, day: int, minor: int, post: Post) -> None:
        """A payment that the other bank will return two to five days later."""
        number = self._pay(loan, day, minor, post, at_once=True)
        back = day + 2 + self._draws.one(4)
        loan.booked_until = max(loan.booked_until, back)
        self._bounces[back].append((loan, number, day, minor))

    def _pay(self, loan: Loan, day: int, minor: int, post: Post, *, at_once: bool = False) -> str:
        """Write a repayment, now or as a late booking with today's value date."""
        number = f"T{post.number():09d}"
        loan.paid_minor += minor
        loan.payments.append((day, minor))
        self._accounts.ready_minor[loan.borrower] -= minor
        late = None
        if not at_once and self._draws.one(1_000_000) < _LATE_BOOKING_PPM:
            booked = self._date(day)
            for _ in range(1 + self._draws.one(5)):
                booked = self._calendar.next_business_day(booked)
            late = (booked - self._start).days
            loan.booked_until = max(loan.booked_until, late)
        post.add(
            f'{{"type":"repayment_received","transaction_id":"{number}",'
            f'"value_date":"{self._text(day)}",{self._whose(loan)},"amount":"{yuan(minor)}",'
            f'"currency":"{CURRENCY}"',
            on=late,
        )
        return number

    def _reverse(self, bounce: _Bounce, day: int, post: Post) -> None:
        loan, number, paid_on, minor = bounce
        loan.paid_minor -= minor
        loan.payments.remove((paid_on, minor))
        self._accounts.ready_minor[loan.borrower] += minor
        post.add(
            f'{{"type":"repayment_reversed","transaction_id":"T{post.number():09d}",'
            f'"value_date":"{self._text(day)}",{self._whose(loan)},'
            f'"reversed_transaction_id":"{number}","reason":"bounced"',
        )
        self._trying[day + 1 + self._draws.one(2)].append(loan)

    def _fund(self, day: int, row: int, wanted: int, post: Post) -> None:
        """Bring in from accounts elsewhere what lacks to `wanted`, and a little more."""
        lacking = wanted - int(self._accounts.balance_minor[row])
        if lacking > 0:
            minor = -(-(lacking * 103 // 100) // 10_000) * 10_000
            self._accounts.move(day, row, minor, "own_transfer", post)

    def _penalise(self, loan: Loan, day: int, post: Post) -> None:
        late = loan.late_days(day)
        if loan.charged >= len(_PENALTY_DAYS) or late < _PENALTY_DAYS[loan.charged]:
            return
        loan.charged += 1
        minor = loan.arrears_minor * loan.rate_ppm * 3 // 2 // 12_000_000
        if minor <= 0:
            return
        loan.due_minor += minor
        loan.dues.append((day, minor))
        self._accounts.ready_minor[loan.borrower] += minor
        post.add(
            f'{{"type":"charge_applied","transaction_id":"T{post.number():09d}",'
            f'"value_date":"{self._text(day)}",{self._whose(loan)},"kind":"penalty",'
            f'"amount":"{yuan(minor)}","currency":"{CURRENCY}","due_date":"{self._text(day)}"'
        )

    def _find(self, loan: Loan, day: int, post: Post) -> None:
        """After 95 days the bank looks closer, and sometimes records a finding."""
        if loan.finding or loan.late_days(day) < 95:
            return
        loan.finding = True
        kind, roll = int(self._accounts.borrowers.kind[loan.borrower]), self._draws.one(100)
        finding, reason = "", ""
        if kind == Trouble.DIVERTED_FUNDS and roll < 70:
            finding, reason = "evasion", "proceeds moved to own accounts, borrower not reachable"
        elif kind == Trouble.NEVER_PAID and roll < 50:
            finding, reason = "misuse_of_funds", "proceeds not used for the stated purpose"
        elif roll < 12:
            finding, reason = "bankruptcy", "court accepted the petition"
        elif roll < 30:
            finding, reason = "credit_impaired", "assessed by the branch"
        if finding:
            post.add(
                f'{{"type":"loan_status_changed","transaction_id":"T{post.number():09d}",'
                f'"value_date":"{self._text(day)}",{self._whose(loan)},"finding":"{finding}",'
                f'"active":true,"reason":"{reason}"'
            )

    def _finish(self, loan: Loan, day: int, post: Post) -> None:
        """Close a loan whose last instalment and every due is paid; else look again later."""
        if loan.arrears_minor > 0 or loan.booked_until >= day:
            self._ending[day + 8].append(loan)
            return
        loan.closed = True
        post.add(
            f'{{"type":"loan_closed","transaction_id":"T{post.number():09d}",'
            f'"value_date":"{self._text(day)}",{self._whose(loan)},"reason":"repaid"'
        )

    def _whose(self, loan: Loan) -> str:
        owner = self._accounts.owner_ids[loan.borrower]
        return f'"borrower_id":"{owner}","loan_id":"{loan.loan_id}"'

    def _date(self, day: int) -> date:
        return self._start + timedelta(days=day)

    def _text(self, day: int) -> str:
        return self._date(day).isoformat()
