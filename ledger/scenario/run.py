"""Runs a diary against the pure core, and compares. After each fact the books must balance.

Besides loans and accounts, three subjects can be expected:

    expect books ACCOUNT AMOUNT CUR, …      balances of the double entry so far, debit positive
    expect facts NAME NAME …                the facts of the last happening, such as loan.opened
    expect reallocated ID ID … | nothing    whose splits the last happening changed
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from ledger.account import Account
from ledger.closings import closing_of, is_due, month_ends_of
from ledger.codec import topic_of
from ledger.collection.state import Collection
from ledger.commands import Command
from ledger.dates import day_number
from ledger.day import Days, check_period
from ledger.decide import State, check, decide, evolve
from ledger.errors import InvariantBroken, LoanError
from ledger.events import RepaymentsReallocated
from ledger.ids import CALENDAR_STREAM, account_stream, collection_stream, loan_stream
from ledger.loan import Loan
from ledger.money import format_minor, parse_minor
from ledger.postings import postings_of
from ledger.scenario.asked import Answer
from ledger.scenario.asked_collection import CollectionOn, collection_answer
from ledger.scenario.diary import Diary, Happening, read_diary, unreadable
from ledger.scenario.expect import account_answer, loan_answer
from ledger.scenario.table import read_table
from ledger.scenario.words import Unclear


@dataclass(frozen=True, slots=True)
class Failure:
    """Something came otherwise than the diary says: where, and both sides."""

    number: int
    text: str
    expected: str
    actual: str


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a scenario: how many expectations were checked, and which failed."""

    name: str
    checks: int
    failures: tuple[Failure, ...]

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.checks} checks, {len(self.failures)} failed"]
        for failure in self.failures:
            lines.append(f"  line {failure.number}: {failure.text}")
            lines.append(f"    expected {failure.expected}, but {failure.actual}")
        return "\n".join(lines)


def run_scenario(text: str, *, name: str) -> Report:
    """Read and run a scenario. Errors: DiaryUnreadable naming `name`, the line and the word."""
    return run_diary(read_diary(text, name=name))


def run_table(text: str, *, name: str) -> Report:
    """Read and run a scenario written as CSV: see `table`. Errors: DiaryUnreadable."""
    return run_diary(read_table(text, name=name))


def run_diary(diary: Diary) -> Report:
    """Run a scenario to its end, past failures. Errors: DiaryUnreadable for unknown clauses."""
    run = _Run(diary)
    for line in diary.lines:
        try:
            run.take(line)
        except (Unclear, LoanError, ValueError) as error:
            raise unreadable(diary.name, line.number, str(error), line.text) from None
    return Report(diary.name, run.checks, tuple(run.failures))


class _Run:
    """The book of one scenario."""

    def __init__(self, diary: Diary) -> None:
        self._currencies = diary.currencies
        self._states: dict[str, State] = {}
        self._balances: dict[tuple[str, str], int] = {}
        self._last: tuple[Any, ...] = ()
        self.checks = 0
        self.failures: list[Failure] = []

    def take(self, line: Happening) -> None:
        """One line: what happened, what must be refused, or what is expected."""
        if line.command is None:
            self._expect(line)
        else:
            self._happen(line)

    def _happen(self, line: Happening) -> None:
        command = line.command
        if command is None:
            raise InvariantBroken("A happening without a command is an expectation.")
        state = self._states.get(command.stream)
        wanted = f"refused {line.refused}" if line.refused else "accepted"
        try:
            facts = decide(state, command, self._loans(command))
            check_period(self._calendar(), facts)
        except LoanError as error:
            rule = getattr(error, "rule", error.code)
            self._compare(line, (wanted, f"refused {rule}"), note=f": {error}")
            return
        self._compare(line, (wanted, "accepted"))
        ends = month_ends_of(state, command)
        self._take(command, facts)
        self._last = facts
        for end in ends:
            self._close_interest(end, command.recorded_at_us)

    def _take(self, command: Command, facts: tuple[Any, ...]) -> None:
        state = self._states.get(command.stream)
        check(state, facts)
        for fact in facts:
            state = self._states[command.stream] = evolve(state, fact)
            self._post(fact, command.stream)

    def _close_interest(self, end: date, at_us: int) -> None:
        """What the close of a day asks of loans: interest to the end of each month."""
        for loan in [state for state in self._states.values() if isinstance(state, Loan)]:
            if is_due(loan, end):
                closing = closing_of(loan.loan_id, end, at_us=at_us)
                self._take(closing, decide(loan, closing))

    def _loans(self, command: Command) -> dict[str, Any]:
        """The loans that a command names, as they are; None where there is none."""
        return {name: self._states.get(loan_stream(name)) for name in command.loans_named}

    def _calendar(self) -> Days | None:
        days = self._states.get(CALENDAR_STREAM)
        return days if isinstance(days, Days) else None

    def _post(self, fact: Any, stream: str) -> None:
        currency = self._currencies.get(stream.partition(":")[2], "")
        for posting in postings_of(fact, currency=currency):
            key = (posting.account, posting.currency)
            self._balances[key] = self._balances.get(key, 0) + posting.amount_minor

    def _expect(self, line: Happening) -> None:
        clauses, day = list(line.expected), day_number(line.day)
        if clauses[0].startswith("on "):
            when, _, rest = clauses[0].removeprefix("on ").partition(" ")
            day = day_number(date.fromisoformat(when))
            clauses[:1] = [rest] if rest else []
        for clause in clauses:
            self._compare(line, self._answer(line.subject, day, clause))

    def _answer(self, subject: str, day: int, clause: str) -> Answer:
        if subject == "books":
            return self._books(clause)
        if subject == "facts":
            names = [topic_of(fact).rpartition(".v")[0] for fact in self._last]
            return clause.split(), names
        if subject == "reallocated":
            moved = [
                change.transaction_id
                for fact in self._last
                if isinstance(fact, RepaymentsReallocated)
                for change in fact.changes
            ]
            return ([] if clause == "nothing" else clause.split()), moved
        for stream in (loan_stream(subject), account_stream(subject)):
            state = self._states.get(stream)
            if isinstance(state, Loan):
                return loan_answer(state, day, clause)
            if isinstance(state, Account):
                return account_answer(state, day, clause)
        collection = self._states.get(collection_stream(subject))
        if isinstance(collection, Collection):
            loans = {s.loan_id: s for s in self._states.values() if isinstance(s, Loan)}
            return collection_answer(CollectionOn(collection, loans, day), clause)
        raise Unclear(f"{subject!r} is not a loan or account of this diary")

    def _books(self, clause: str) -> Answer:
        match clause.split():
            case [account, amount, currency]:
                expected = format_minor(parse_minor(amount, currency), currency)
                return expected, format_minor(self._balances.get((account, currency), 0), currency)
        raise Unclear(f"{clause!r} is not ACCOUNT AMOUNT CURRENCY")

    def _compare(self, line: Happening, answer: Answer, *, note: str = "") -> None:
        self.checks += 1
        expected, actual = answer
        if expected != actual:
            self.failures.append(Failure(line.number, line.text, str(expected), f"{actual}{note}"))
