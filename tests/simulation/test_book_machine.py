"""A machine that does anything to a book, in any order of arrival: what must always hold, holds.

Facts are lines of a diary, written first and delivered later, in any order, alone or in batches,
some twice. A failure prints the diary that shows it, to be run by `loanbell scenario`.

`LOANBELL_TEST_STEPS=50000 pytest tests/simulation/test_book_machine.py` walks that many steps.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from hypothesis import HealthCheck, event, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ledger.account import Account
from ledger.arrears import delinquent_days, exposure_minor
from ledger.commands import Command
from ledger.dates import day_number
from ledger.decide import check, decide, evolve, state_of
from ledger.errors import LoanError
from ledger.loan import Loan
from ledger.money import format_minor
from ledger.postings import postings_of
from ledger.scenario.diary import read_line
from ledger.service import Incoming, Ledger
from ledger.store import MemoryLog, Recorded
from ledger.waterfall import parts_of

STEPS = int(os.environ.get("LOANBELL_TEST_STEPS", "1200"))
STEPS_A_RUN = 40

START = date(2024, 1, 1)
LOANS = ("L1", "L2", "L3", "L4")
CURRENCY = {"L1": "CNY", "L2": "JPY", "L3": "KWD", "L4": "EUR", "A1": "CNY", "A2": "KWD"}
TERMS = {
    "L1": "method annuity, instalments 5, rate 9.4822, direction stage, grace days 3",
    "L2": "method equal_principal, instalments 4, rate 12, day-count act/act",
    "L3": "method given, order principal interest penalty fees costs, direction instalment",
    "L4": "method interest_only, instalments 6, rate 12, recognition accrued, penalty 50, "
    "compound on",
}
PRINCIPAL = 120_000
CHARGES = ("costs", "fees", "penalty")
REVISED = ("extended", "restructured")
EARLY = ("early reduce_term", "early reduce_instalment")


class Fact(NamedTuple):
    """A kind of line: first word and any after the name, of whom, at most how much, since when."""

    words: str
    of: tuple[str, ...] = LOANS
    most: int = 0
    ago: int = 60
    clause: str = ""
    bound: bool = False


FACTS = (
    *[Fact("repay", most=60_000, ago=90)] * 4,
    *[Fact("repay", ("L1", "L2"), 90_000, 1, clause) for clause in EARLY],
    *[Fact(f"charge {what}", LOANS, 3_000, 60, "due {later}") for what in CHARGES],
    *[Fact(f"rate {percent}") for percent in (0, 6, 36)],
    *[Fact(word, ("A1", "A2"), 9_999, 30) for word in ("credit", "debit")],
    Fact("pause", clause="until {later}"),
    Fact("refund", most=9_000, bound=True),
    Fact("capitalise", most=5_000, bound=True),
    *[Fact(f"revise {what}", LOANS, 0, 60, "instalments {number}", True) for what in REVISED],
    *[Fact("accrue", ("L4",), ago=10, bound=True)] * 2,
    Fact("close written_off", ago=10, bound=True),
    Fact("recover", most=9_000, ago=10, bound=True),
    Fact("cancel-write-off", ago=10, bound=True),
)


@dataclass(frozen=True)
class Line:
    """Something that happened, on its way; `bound`: its time of arrival decides if it is taken."""

    subject: str
    text: str
    rows: tuple[str, ...] = ()
    after: str = ""
    bound: bool = False

    def command(self, number: int, day: date) -> Command:
        line = read_line(number, f"{day} {self.text}", list(self.rows), dict(CURRENCY))
        assert line.command is not None
        return line.command

    def written(self, day: date) -> str:
        return "\n    ".join([f"{day} {self.text}", *self.rows])


def opened(name: str) -> Line:
    amount = f"{format_minor(PRINCIPAL, CURRENCY[name])} {CURRENCY[name]}"
    if name in LOANS:
        return Line(name, f"open {name} {amount}, {TERMS[name]}, valued {START}, as O-{name}")
    return Line(name, f"open-account {name} {amount}, valued {START}, as O-{name}")


class BookMachine(RuleBasedStateMachine):
    """One book with three loans and two accounts; `mail` holds what has not arrived yet."""

    def __init__(self) -> None:
        super().__init__()
        self.log = MemoryLog("ledger")
        self.ledger = Ledger(self.log, cached_entities=3)
        self.today = START
        self.count = 0
        self.drawn: Counter[str] = Counter()
        self.mail: list[Line] = []
        self.arrived: list[tuple[date, Line, str]] = []
        self.repayments: list[tuple[str, str, date]] = []
        self.live: dict[str, Any] = {}
        self.balances: Counter[tuple[str, str]] = Counter()
        self.cash: Counter[str] = Counter()
        self.refunded: Counter[str] = Counter()

    @initialize()
    def begin(self) -> None:
        self.deliver([opened(name) for name in CURRENCY])
        for name in LOANS:
            self.write(name, "disburse", PRINCIPAL // 4, START, draws=PRINCIPAL // 4)
        self.mail.append(self.schedule("L3", START, 3))
        self.deliver_all()

    # What happens

    @rule(days=st.integers(1, 45))
    def time_passes(self, days: int) -> None:
        self.today += timedelta(days=days)

    @rule(
        fact=st.sampled_from(FACTS),
        whose=st.integers(0, 3),
        amount=st.integers(0, 60_000),
        ago=st.integers(0, 90),
        later=st.integers(1, 50),
    )
    def something_happens(self, fact: Fact, whose: int, amount: int, ago: int, later: int) -> None:
        name = fact.of[whose % len(fact.of)]
        valued = self.ago(ago % fact.ago)
        clause = fact.clause.format(later=valued + timedelta(days=later), number=1 + later % 8)
        minor = 1 + amount % fact.most if fact.most else 0
        made = self.write(name, fact.words, minor, valued, clause, bound=fact.bound)
        if fact.words == "repay":
            self.repayments.append((name, made, valued))

    @precondition(lambda self: self.repayments)
    @rule(which=st.randoms(use_true_random=False), later=st.integers(0, 60))
    def reverse(self, which: Any, later: int) -> None:
        name, original, day = which.choice(self.repayments)
        valued = min(self.today, day + timedelta(days=later))
        self.write(name, f"reverse {original}", 0, valued, after=original)

    @precondition(lambda self: self.repayments)
    @rule(which=st.randoms(use_true_random=False), amount=st.integers(1, 9_000))
    def charge_back(self, which: Any, amount: int) -> None:
        name, original, _ = which.choice(self.repayments)
        self.write(name, f"charge-back {original}", amount, self.today, after=original, bound=True)

    @rule(name=st.sampled_from(LOANS), amount=st.integers(1, 30_000), ago=st.integers(0, 60))
    def disburse(self, name: str, amount: int, ago: int) -> None:
        amount = min(amount, PRINCIPAL - self.drawn[name])
        if amount:
            self.write(name, "disburse", amount, self.ago(ago), draws=amount)

    @rule(rows=st.integers(1, 4))
    def reschedule(self, rows: int) -> None:
        """Given schedules keep the order in which the core system sent them."""
        self.deliver([self.schedule("L3", self.today, rows)])

    # How it arrives

    @precondition(lambda self: self.mail)
    @rule(which=st.randoms(use_true_random=False), most=st.integers(1, 4))
    def some_mail_arrives(self, which: Any, most: int) -> None:
        which.shuffle(self.mail)
        batch, self.mail = self.mail[:most], self.mail[most:]
        self.deliver(batch)

    @precondition(lambda self: len(self.arrived) > len(CURRENCY))
    @rule(which=st.randoms(use_true_random=False))
    def some_arrive_again(self, which: Any) -> None:
        """What was accepted before changes nothing; with other content it is a conflict."""
        _, line, status = which.choice(self.arrived)
        before = self.log.last_position()
        (outcome,) = self.send([line])
        if status == "accepted":
            assert outcome.status == "duplicate"
            assert self.log.last_position() == before
            (changed,) = self.send([Line("", f"end-of-day, as {line.text.rpartition('as ')[2]}")])
            assert changed.code == "transaction_conflict"
            assert self.log.last_position() == before + 1

    @rule(entities=st.sampled_from([0, 1, 3, 200_000]))
    def states_are_dropped(self, entities: int) -> None:
        """What is kept in memory is never more than what the log gives again."""
        self.ledger = Ledger(self.log, cached_entities=entities)

    # What must hold

    @invariant()
    def the_books_balance_and_money_is_conserved(self) -> None:
        sums: Counter[str] = Counter()
        for (_, currency), minor in self.balances.items():
            sums[currency] += minor
        assert not any(sums.values())
        for currency in ("CNY", "JPY", "KWD", "EUR"):
            assert self.balances["assets:clearing", currency] == self.cash[currency]
        for name, state in self.live.items():
            if isinstance(state, Loan):
                self.a_loan_owes_what_the_books_say(name, state)

    def a_loan_owes_what_the_books_say(self, name: str, loan: Loan) -> None:
        """Each loan has a currency of its own, so that its balances are those of the currency."""
        position, currency = loan.book.position, CURRENCY[name]
        owed = 0 if loan.closed else position.principal_minor
        assert self.balances["assets:loans:principal", currency] == owed
        assert self.balances["liabilities:suspense", currency] == -position.unapplied_minor
        assert min(position.principal_minor, *position.paid) >= 0
        assert position.unapplied_minor >= -self.refunded[name], "only a refund may be owed back"
        for day in range(day_number(START), day_number(self.today) + 60, 23):
            assert loan.outstanding_minor(day) >= 0
            assert (loan.dpd(day) > 0) == (loan.arrears_minor(day) > 0)

    def teardown(self) -> None:
        if not self.live:
            return
        self.deliver_all()
        note("\n".join(line.written(day) for day, line, status in self.arrived if status != "dup"))
        accepted = [line for _, line, status in self.arrived if status == "accepted"]
        self.replay_equals_live()
        for order in (sorted(accepted, key=_valued), accepted[::-1]):
            self.arrival_order_does_not_matter(_possible(order, accepted))

    def replay_equals_live(self) -> None:
        for name, state in self.live.items():
            stream = f"{'loan' if name in LOANS else 'account'}:{name}"
            again = state_of(item.fact for item in self.log.stream(stream))
            assert looks(again, self.today) == looks(state, self.today)

    def arrival_order_does_not_matter(self, order: Iterable[Line]) -> None:
        states: dict[str, Any] = {}
        for number, line in enumerate(order, start=1):
            command = line.command(number, self.today)
            state = states.get(line.subject)
            try:
                facts = decide(state, command)
            except LoanError as error:
                rule_of = getattr(error, "rule", error.code)
                event(f"in another order: {rule_of}")
                assert line.bound or line.after or rule_of == "no_period_left", (line, rule_of)
                return
            check(state, facts)
            for fact in facts:
                state = evolve(state, fact)
            states[line.subject] = state
        for name, state in states.items():
            assert looks(state, self.today) == looks(self.live[name], self.today), name

    # Its hands

    def ago(self, days: int) -> date:
        return max(START, self.today - timedelta(days=days))

    def write(
        self,
        name: str,
        what: str,
        minor: int,
        valued: date,
        clause: str = "",
        *,
        draws: int = 0,
        after: str = "",
        bound: bool = False,
    ) -> str:
        """Put a line into the mail; its transaction id."""
        self.count += 1
        self.drawn[name] += draws
        verb, _, kind = what.partition(" ")
        amount = format_minor(minor, CURRENCY[name]) if minor else ""
        words = " ".join(word for word in (verb, name, kind, amount) if word)
        tail = f"{clause}{', ' if clause else ''}valued {valued}, as T{self.count}"
        self.mail.append(Line(name, f"{words}, {tail}", (), after, bound))
        return f"T{self.count}"

    def schedule(self, name: str, valued: date, rows: int) -> Line:
        """A given schedule of `rows` months that repays the whole loan."""
        self.count += 1
        part = format_minor(PRINCIPAL // rows, CURRENCY[name])
        lines = tuple(
            f"{valued + timedelta(days=30 * number)} principal {part} interest 1.5"
            for number in range(1, rows + 1)
        )
        return Line(name, f"schedule {name}, valued {valued}, as T{self.count}", lines)

    def deliver_all(self) -> None:
        """The whole mail, and after it the reversals that came before their original."""
        for _ in range(2):
            batch, self.mail = self.mail, []
            self.deliver(batch)
        self.mail = []

    def deliver(self, batch: list[Line]) -> None:
        outcomes = self.send(batch)
        for line, outcome in zip(batch, outcomes, strict=True):
            self.arrived.append((self.today, line, outcome.status))
            if line.after and outcome.rule == "unknown_repayment":
                self.mail.append(line)  # It came before its original: it will be sent again.

    def send(self, batch: list[Line]) -> list[Any]:
        self.count += len(batch)
        commands = [line.command(self.count + at, self.today) for at, line in enumerate(batch)]
        messages = [
            Incoming(c, None, b"{}", "m", 1, c.recorded_at_us, c.transaction_id) for c in commands
        ]
        result = self.ledger.record(messages)
        for item in result.recorded:
            self.take(item)
        for command, outcome in zip(commands, result.outcomes, strict=True):
            if outcome.status == "accepted":
                self.count_cash(command)
        return result.outcomes

    def take(self, item: Recorded) -> None:
        name = item.stream.partition(":")[2]
        postings = postings_of(item.fact, currency=CURRENCY.get(name, ""))
        assert sum(posting.amount_minor for posting in postings) == 0
        for posting in postings:
            self.balances[posting.account, posting.currency] += posting.amount_minor
        if name in CURRENCY:
            self.live[name] = evolve(self.live.get(name), item.fact)

    def count_cash(self, command: Any) -> None:
        """What clearing must hold, counted from what was asked alone."""
        name = getattr(command, "loan_id", None) or getattr(command, "account_id", "")
        match type(command).__name__:
            case "ReceiveRepayment" | "CreditAccount" | "RecoverWrittenOff":
                self.cash[CURRENCY[name]] += command.amount_minor
            case "RefundOverpayment":
                self.cash[CURRENCY[name]] -= command.amount_minor
                self.refunded[name] += command.amount_minor
            case "DisburseLoan" | "DebitAccount" | "ChargeBack":
                self.cash[CURRENCY[name]] -= command.amount_minor
            case "ReverseRepayment":
                original = self.live[name].book.repayments[command.reversed_transaction_id]
                self.cash[CURRENCY[name]] -= original.number


def looks(state: Any, today: date) -> Any:
    """All that anybody can ask of a loan or an account, on many days."""
    days = range(day_number(START), day_number(today) + 200, 7)
    if isinstance(state, Account):
        return [state.balance_on(day) for day in days if day <= day_number(today)][-4:]
    asked = []
    for day in days:
        position = state.book.at(day)
        splits = {tie: tuple(parts_of(split)) for tie, split in position.splits.items()}
        asked.append((
            state.dpd(day), state.arrears_minor(day), state.outstanding_minor(day),
            delinquent_days(state, day), exposure_minor(state, day),
            tuple(position.paid), position.unapplied_minor, position.rows, splits,
        ))  # fmt: skip
    claim = state.claim_minor if state.closed == "written_off" else 0
    booked = state.booked._replace(until=0)  # How far it was looked at; the sums are what counts.
    return state.rate_ppm, state.limit_minor, state.closed, claim, booked, asked


def _valued(line: Line) -> str:
    return line.text.partition("valued ")[2][:10]


def _possible(order: Iterable[Line], arrived: list[Line]) -> list[Line]:
    """The order as far as it is free: openings come first, reversals after what they name, given
    schedules as they were sent, and last, as they arrived, what depends on what is known then."""
    opening = [line for line in arrived if line.text.startswith("open")]
    bound = [line for line in arrived if line.bound]
    undoing = [line for line in order if line.after and not line.bound]
    schedules = iter([line for line in arrived if line.rows])
    free = (line for line in order if line not in (*opening, *bound, *undoing))
    return [*opening, *(next(schedules) if line.rows else line for line in free), *undoing, *bound]


BookMachine.TestCase.settings = settings(
    max_examples=max(1, STEPS // STEPS_A_RUN),
    stateful_step_count=STEPS_A_RUN,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestAnythingInAnyOrder = BookMachine.TestCase
