"""The generated portfolio: the days in order, and the messages of each day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from ledger.dates import Calendar, add_months
from ledger.errors import LoanError
from streams.generate.accounts import Accounts
from streams.generate.cast import Loan, draw_borrowers, draw_loans, draw_loans_a_borrower
from streams.generate.contracts import Contracts
from streams.generate.draws import Draws
from streams.generate.noise import Noise
from streams.generate.repay import Repayments
from streams.generate.truth import LoanTruth, loan_truth
from streams.generate.wire import Post, day_closed

HOLIDAYS_FILE = Path(__file__).resolve().parents[1] / "calendars" / "cn.txt"
DEFAULT_START = date(2024, 1, 2)
_MESSAGES_A_LOAN_DAY = 0.55


class PortfolioImpossible(LoanError):
    """The wished size cannot be generated."""

    code = "portfolio_impossible"


class Portfolio:
    """A seeded SME portfolio. The same arguments give the same bytes, on every machine."""

    def __init__(self, *, loans: int, months: int, seed: int, start: date) -> None:
        if not 1 <= loans <= 1_000_000 or not 1 <= months <= 120 or seed < 0:
            raise PortfolioImpossible(
                f"{loans} loans over {months} months with seed {seed} cannot be generated.",
                way_out="1 to 1,000,000 loans, 1 to 120 months, a seed of 0 or more.",
            )
        self.loans = loans
        self.seed = seed
        self.start = start
        self.days = (add_months(start, months) - start).days
        self.end = start + timedelta(days=self.days - 1)
        self.calendar = Calendar.read(HOLIDAYS_FILE)
        self.planted: Counter[str] = Counter()
        self._truth: list[LoanTruth] | None = None

    @property
    def count(self) -> int:
        """About how many messages there will be, for a progress bar."""
        return int(self.loans * self.days * _MESSAGES_A_LOAN_DAY) + self.days

    def messages(self) -> Iterator[bytes]:
        """Every message in order of `sent_at`, one JSON line each without the newline.

        Afterwards `planted` counts the repeats, conflicts and unusable messages among them.
        """
        counts = draw_loans_a_borrower(Draws(self.seed, 1), self.loans)
        borrowers = draw_borrowers(
            Draws(self.seed, 2), len(counts), days=self.days, start=self.start
        )
        loans = draw_loans(Draws(self.seed, 3), borrowers, counts, days=self.days, start=self.start)
        accounts = Accounts(Draws(self.seed, 4), borrowers, start=self.start, days=self.days)
        contracts = Contracts(
            Draws(self.seed, 7),
            accounts,
            start=self.start,
            days=self.days,
            calendar=self.calendar,
        )
        repayments = Repayments(
            Draws(self.seed, 5),
            accounts,
            loans,
            start=self.start,
            calendar=self.calendar,
            contracts=contracts,
        )
        each = 2 + self.loans // 500
        noise = Noise(Draws(self.seed, 6), start=self.start, days=self.days, each=each)
        post = Post(self.start)
        for day in range(self.days):
            self._live(day, post, accounts, repayments)
            noise.disturb(day, post, loan=_known_loan(loans, day), account=_known_account(accounts))
            yield from post.send(day)
            today = self.start + timedelta(days=day)
            if self.calendar.is_business_day(today):
                yield day_closed(today)
        self.planted = noise.planted
        self._truth = [
            loan_truth(
                loan,
                borrowers,
                borrower_id=accounts.owner_ids[loan.borrower],
                start=self.start,
                days=self.days,
            )
            for loan in loans
        ]

    def truth(self) -> list[LoanTruth]:
        """What really happened to each loan; runs through the messages if nobody has yet."""
        if self._truth is None:
            for _ in self.messages():
                pass
        return self._truth or []

    def _live(self, day: int, post: Post, accounts: Accounts, repayments: Repayments) -> None:
        """One day in the order in which a bank lives it."""
        accounts.begin(day)
        accounts.open(day, post)
        post.extend(post.waiting(day))
        repayments.open(day, post)
        repayments.prepare(day, post)
        accounts.trade(day, post, calendar=self.calendar, half=day & 1)
        accounts.monthly(day, post, calendar=self.calendar)
        accounts.trade(day, post, calendar=self.calendar, half=1 - (day & 1))
        accounts.withdraw(day, post)
        repayments.fall_due(day, post)


def portfolio(
    *, loans: int = 2_000, months: int = 18, seed: int = 7, start: date = DEFAULT_START
) -> Portfolio:
    """A portfolio of `loans` loans over `months` months from `start`.

    Errors: PortfolioImpossible outside 1 … 1,000,000 loans and 1 … 120 months.
    """
    return Portfolio(loans=loans, months=months, seed=seed, start=start)


def _known_loan(loans: list[Loan], day: int) -> str:
    """Id fields of a loan on the book, whose messages noise may imitate."""
    loan = next((each for each in reversed(loans) if each.opened < day), loans[0])
    return f'"loan_id":"{loan.loan_id}"'


def _known_account(accounts: Accounts) -> str:
    row = int(accounts.borrowers.joined.argmin())
    return f'"account_id":"{accounts.ids[row]}"'
